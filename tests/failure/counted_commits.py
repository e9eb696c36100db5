"""Commits groups of batches and prints how often the log was synced: run with the counter loaded.

Arguments: the counter, the file of the ledger, after how many pages the log is moved into the file,
and how many batches each group has.
"""

import ctypes
import json
import sys
from pathlib import Path

from children import made_batch, opened_ledger
from lineage.stores.sqlite import store as sqlite_store


def main() -> None:
    counter, path = ctypes.CDLL(sys.argv[1]), Path(sys.argv[2])
    counter.syncs_of_the_log.restype = counter.syncs_of_others.restype = ctypes.c_long
    reached = int(sys.argv[3]) * sqlite_store.PAGE_BYTES
    setattr(sqlite_store, "CHECKPOINT_BYTES", reached)  # noqa: B010
    ledger = opened_ledger(path)
    counts = []
    for run, batches in enumerate(map(int, sys.argv[4:])):
        deliveries = [ledger.prepare(made_batch(run, number)) for number in range(batches)]
        before = counter.syncs_of_the_log(), counter.syncs_of_others()
        outcomes = ledger.commit(deliveries)
        after = counter.syncs_of_the_log(), counter.syncs_of_others()
        assert len(outcomes) == batches
        counts.append([after[0] - before[0], after[1] - before[1]])
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main()
