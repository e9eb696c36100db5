"""Traverse with scipy's breadth-first search: `python run.py FOLDER START`.

It runs in an environment of its own, which has scipy, and reads the rows that `benchmarks.graph`
left in the folder. It prints one line of JSON: seconds of each turn, and how many nodes it reached.
"""
# ruff: noqa: INP001 - a program, not a module of a package
# mypy: disable-error-code="import-not-found,import-untyped"

import json
import sys
import time
from pathlib import Path

import numpy as np
import scipy
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order

TURNS = 5


def main() -> None:
    """Time a traversal a few times."""
    folder, start = Path(sys.argv[1]), int(sys.argv[2])
    tail, head = np.load(folder / "tail.npy"), np.load(folder / "head.npy")
    rows = int(max(tail.max(), head.max())) + 1
    # What scipy asks for: an edge with a weight, so that it need not make one each time.
    matrix = csr_matrix((np.ones(len(tail)), (tail, head)), shape=(rows, rows))
    seconds = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        reached = breadth_first_order(matrix, start, directed=True, return_predecessors=False)
        seconds.append(time.perf_counter() - begun)
    told = {"seconds": seconds, "nodes": len(reached), "version": scipy.__version__}
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
