"""Measure the graph: `python -m benchmarks.graph`, and against scipy with `--scipy PYTHON`.

A graph of 2 million nodes and 3 million edges is drawn from a seed: each execution reads two
artifacts that were made before it, at random, and makes one. Its views are written in bulk, without
the log that would have made them: what is measured is asking, not recording. Each figure is taken
in a fresh process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from benchmarks.machine import describe
from lineage import open_ledger
from lineage.graph.adjacency import KIND_NUMBERS, OPEN, UNDATED, EdgePiece, Ints
from lineage.graph.edge_index import EdgeIndex
from lineage.graph.index import GraphSnapshot
from lineage.graph.links import LinkIndex
from lineage.graph.packing import PackedEdges, pack_edges
from lineage.graph.walk import Bounds, Walked, walk_lineage
from lineage.graph_file import GRAPH_SUFFIX
from lineage.ledger import Context, Direction, Statement, TraceQuery
from lineage.projections.catalog import NAMESPACE
from lineage.projections.edges import EDGE
from lineage.projections.nodes import NODE
from lineage.projections.views import TABLES
from lineage.stores.opening import open_store
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, KINDS, name_hash, realm_of, vertex_of
from lineage.writing.submission import DEFAULT_NAMESPACE
from lineage_schemas.mlmd import EventKind, Kind

SEED: Final = 7
EXECUTIONS: Final = 1_000_000
TURNS: Final = 5
QUERY_TURNS: Final = 2
CHAIN_NODES: Final = 40_000
ENTRIES: Final = 200
TRACES: Final = 200
TRACE_NODES: Final = 1_000
TYPICAL_DEPTH: Final = 9
NODES_MAX: Final = 2_000_000
DEPTH_MAX: Final = 100_000
WANTED_SHARE: Final = 0.7
"""Which part of all nodes the closure is to have: 1.4 of 2 million."""
CANDIDATES: Final = 60
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_INPUT, _OUTPUT = EventKind.INPUT.value, EventKind.OUTPUT.value
_CHUNK: Final = 100_000

SCIPY: Final = Path(__file__).parent / "rivals" / "scipy" / "run.py"
RESULTS: Final = Path(__file__).parent / "results"


class Figure(NamedTuple):
    """One figure of one turn."""

    name: str
    value: float
    unit: str


class Drawn(NamedTuple):
    """Edges by row: an artifact of id a is row 2a, an execution of id e row 2e + 1."""

    tail: Ints
    head: Ints
    is_input: Ints


def drawn(executions: int) -> Drawn:
    """Draw a graph; the output of execution e is artifact e."""
    dice = np.random.default_rng(SEED)
    makers = np.arange(2, executions + 1)
    pairs = [(dice.random(len(makers)) * (makers - 1)).astype(np.int64) + 1 for _ in range(2)]
    # The two inputs of an execution are two artifacts, but for the second one, which has only one.
    pairs[1] = np.where(pairs[1] == pairs[0], pairs[0] % (makers - 1) + 1, pairs[1])
    inputs = np.unique(
        np.stack([np.concatenate(pairs), np.concatenate([makers, makers])], axis=1), axis=0
    )
    every = np.arange(1, executions + 1)
    return Drawn(
        np.concatenate([2 * inputs[:, 0], 2 * every + 1]),
        np.concatenate([2 * inputs[:, 1] + 1, 2 * every]),
        np.concatenate(
            [np.ones(len(inputs), dtype=np.int64), np.zeros(executions, dtype=np.int64)]
        ),
    )


def packed(graph: Drawn) -> PackedEdges:
    """Pack a graph whose edges came one by one."""
    count = len(graph.tail)
    kinds = np.array([KIND_NUMBERS[_OUTPUT], KIND_NUMBERS[_INPUT]], dtype=np.int8)
    # Execution e and its edges come before those of execution e + 1.
    made_by = np.where(graph.is_input == 1, graph.head, graph.tail)
    since = np.empty(count, dtype=np.int64)
    since[np.argsort(made_by, kind="stable")] = np.arange(count)
    piece = EdgePiece(
        graph.tail,
        graph.head,
        kinds[graph.is_input],
        since,
        np.full(count, OPEN),
        np.full(count, UNDATED),
    )
    return pack_edges([piece], count)


def in_memory(edges: PackedEdges) -> GraphSnapshot:
    """Return a graph without links."""
    return GraphSnapshot(EdgeIndex.of(edges), LinkIndex.empty())


def walked(graph: GraphSnapshot, start: int, size: int) -> Walked:
    """Walk downstream from a row as of a size."""
    bounds = Bounds(size, DEPTH_MAX, NODES_MAX, ())
    return walk_lineage(1, graph, [start], Direction.DOWNSTREAM, bounds)


def large_start(graph: GraphSnapshot, size: int, nodes: int) -> int:
    """Return the row of an early artifact whose closure is nearest to what is wanted."""
    numbers = np.unique(np.geomspace(1, nodes / 1_000, CANDIDATES).astype(np.int64)).tolist()
    found = {2 * number: len(walked(graph, 2 * number, size).rows) for number in numbers}
    start: int = min(found, key=lambda row: abs(found[row] - WANTED_SHARE * nodes))
    return start


def fastest(work: Callable[[], object]) -> float:
    """Return the shortest time of a few turns, for work that neighbours disturb."""
    return min(timed(work) for _ in range(TURNS))


def timed(work: Callable[[], object]) -> float:
    """Return how long work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# --- workloads -----------------------------------------------------------------------------------


def measure_closure(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure a large closure, now and as of the middle of the log, and the bytes of an edge."""
    graph = drawn(executions)
    edges = packed(graph)
    snapshot, size = in_memory(edges), edges.count
    start = large_start(snapshot, size, 2 * executions)
    np.save(folder / "tail.npy", graph.tail.astype(np.int32))
    np.save(folder / "head.npy", graph.head.astype(np.int32))
    (folder / "start").write_text(str(start))
    yield Figure("closure, nodes", len(walked(snapshot, start, size).rows), "nodes")
    yield Figure("closure, now", fastest(lambda: walked(snapshot, start, size)), "s")
    past = fastest(lambda: walked(snapshot, start, size // 2))
    yield Figure("closure, as of the middle", past, "s")
    yield Figure("memory of an edge", edges.nbytes / edges.count, "bytes")


def measure_recursive_query(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure the same closure by SQLite's recursive query, over a table made for it."""
    del executions
    start = int((folder / "start").read_text())
    tail, head = (np.load(folder / f"{name}.npy").tolist() for name in ("tail", "head"))
    database = sqlite3.connect(folder / "query.db")
    database.execute(
        "CREATE TABLE edge (tail INTEGER, head INTEGER, PRIMARY KEY (tail, head)) WITHOUT ROWID"
    )
    database.executemany("INSERT INTO edge VALUES (?, ?)", sorted(zip(tail, head, strict=True)))
    database.commit()
    database.execute("PRAGMA cache_size = -500000")
    sql = """
        WITH RECURSIVE reached(node) AS (
            VALUES (?) UNION SELECT head FROM reached JOIN edge ON tail = node
        ) SELECT node FROM reached
    """
    seconds: list[float] = []
    reached: list[tuple[int]] = []
    for _ in range(QUERY_TURNS):
        begun = time.perf_counter()
        reached = database.execute(sql, (start,)).fetchall()
        seconds.append(time.perf_counter() - begun)
    yield Figure("closure, nodes", len(reached), "nodes")
    yield Figure("closure, recursive query of SQLite", min(seconds), "s")


def measure_chain(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure a chain in which every node has one behind it."""
    del folder, executions
    rows = np.arange(2, CHAIN_NODES + 1)
    graph = in_memory(packed(Drawn(rows, rows + 1, (rows + 1) % 2)))
    size = CHAIN_NODES
    if len(walked(graph, 2, size).rows) != CHAIN_NODES:
        raise SystemExit("the chain was not walked to its end")
    yield Figure(f"chain of {CHAIN_NODES:,} nodes", fastest(lambda: walked(graph, 2, size)), "s")


def make_fixture(folder: Path, executions: int) -> Iterator[Figure]:
    """Write the ledger that the workloads after this one ask."""
    path = fixture(folder, executions)
    yield Figure("ledger of the fixture", path.stat().st_size, "bytes")


def measure_start_anew(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure how long a process takes until its first answer where no graph was kept."""
    path = fixture(folder, executions)
    path.with_name(path.name + GRAPH_SUFFIX).unlink(missing_ok=True)
    yield Figure("first answer, graph read from the views", _first_answer(path), "s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield Figure("peak memory of that process", peak, "bytes")


def measure_start_kept(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure the same where the process before has kept the graph in its file."""
    path = fixture(folder, executions)
    yield Figure("first answer, graph from its file", _first_answer(path), "s")
    kept = path.with_name(path.name + GRAPH_SUFFIX).stat().st_size
    yield Figure("the graph's file", kept, "bytes")


def _first_answer(path: Path) -> float:
    begun = time.perf_counter()
    with open_ledger(path) as ledger:
        answer = ledger.trace(TraceQuery(start=(key_of(5),), depth=2))
        seconds = time.perf_counter() - begun
    if len(answer.nodes) < 2:
        raise SystemExit("the fixture has no lineage")
    return seconds


def measure_traces(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure whole answers of a thousand nodes, each from another artifact."""
    dice = np.random.default_rng(SEED)
    starts = dice.integers(executions // 2, executions, TRACES).tolist()
    with open_ledger(fixture(folder, executions)) as ledger:
        ledger.trace(TraceQuery(start=(key_of(5),), depth=2))
        seconds: list[float] = []
        for number in starts:
            query = TraceQuery(start=(key_of(number),), nodes=TRACE_NODES)
            begun = time.perf_counter()
            ledger.trace(query)
            seconds.append(time.perf_counter() - begun)
    yield Figure("trace of 1,000 nodes, median", statistics.median(seconds), "s")
    yield Figure("trace of 1,000 nodes, p95", statistics.quantiles(seconds, n=20)[-1], "s")


def measure_typical(folder: Path, executions: int) -> Iterator[Figure]:
    """Measure a walk of about a hundred nodes in the graph, and in one of a tenth of its size."""
    del folder
    dice = np.random.default_rng(SEED)
    for count in (executions // 10, executions):
        graph = in_memory(packed(drawn(count)))
        size = graph.adjacency.size
        bounds = Bounds(size, TYPICAL_DEPTH, NODES_MAX, ())
        starts = (2 * dice.integers(count // 2, count, TRACES)).tolist()
        seconds: list[float] = []
        nodes: list[int] = []
        for row in starts:
            begun = time.perf_counter()
            found = walk_lineage(1, graph, [row], Direction.UPSTREAM, bounds)
            seconds.append(time.perf_counter() - begun)
            nodes.append(len(found.rows))
        yield Figure(f"typical walk of {2 * count:,}, nodes", statistics.mean(nodes), "nodes")
        yield Figure(f"typical walk of {2 * count:,}", statistics.median(seconds), "s")


# --- a ledger with that graph --------------------------------------------------------------------


def key_of(number: int) -> str:
    """Name an artifact."""
    return f"bench:artifact/{number}"


def fixture(folder: Path, executions: int) -> Path:
    """Return a ledger with the drawn graph in its views; a short log, and edges all along it."""
    path = folder / f"graph-{executions}.db"
    if path.exists():
        return path
    with open_ledger(path) as ledger:
        for number in range(ENTRIES):
            record = Context(key=f"bench:context/{number}", type="lineage.Experiment", name="x")
            ledger.record([Statement(id=str(number), source="bench", records=(record,))])
        size = ledger.head().size
    store = open_store(path, TABLES, "")
    with store.write() as writer:
        ((number, *_),) = writer.find(NAMESPACE, "name", [DEFAULT_NAMESPACE])
        for code in (_ARTIFACT, _EXECUTION):
            for rows in _node_rows(number, code, executions, size - ENTRIES):
                writer.insert(NODE, rows)
        every = _edge_rows(number, drawn(executions), executions, size - ENTRIES)
        for begin in range(0, len(every), _CHUNK):
            writer.insert(EDGE, every[begin : begin + _CHUNK])
    store.close()
    return path


def _node_rows(namespace: int, code: int, count: int, first: int) -> Iterator[list[Row]]:
    realm = realm_of(namespace, code)
    name = KINDS[code].value
    undated = (None,) * (len(NODE.columns) - NODE.column("key") - 1)
    for begin in range(1, count + 1, _CHUNK):
        named = [(one, f"bench:{name}/{one}") for one in range(begin, begin + _CHUNK)]
        yield [
            (vertex_of(namespace, code, one), first, name_hash(realm, key), key, *undated)
            for one, key in named
            if one <= count
        ]


def _edge_rows(namespace: int, graph: Drawn, executions: int, first: int) -> list[Row]:
    base = np.array([vertex_of(namespace, code, 0) for code in (_ARTIFACT, _EXECUTION)])
    made_by = np.where(graph.is_input == 1, graph.head, graph.tail) >> 1
    since = first + (made_by - 1) * (ENTRIES - 1) // executions
    cells = zip(
        (base[graph.tail & 1] + (graph.tail >> 1)).tolist(),
        (base[graph.head & 1] + (graph.head >> 1)).tolist(),
        [_INPUT if one else _OUTPUT for one in graph.is_input.tolist()],
        since.tolist(),
        strict=True,
    )
    return sorted((*cell, None, None, None) for cell in cells)


# --- all of it -----------------------------------------------------------------------------------

WORKLOADS: Final = {
    "closure": measure_closure,
    "recursive-query": measure_recursive_query,
    "chain": measure_chain,
    "typical": measure_typical,
    "fixture": make_fixture,
    "start-anew": measure_start_anew,
    "start-kept": measure_start_kept,
    "traces": measure_traces,
}
"""In this order: some leave what others need in the folder."""


def measured(name: str, folder: Path, *, small: bool) -> list[Figure]:
    """Run a workload in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.graph", name, "--here", str(folder)]
    if small:
        command.append("--small")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return [Figure(*row) for row in json.loads(done.stdout)]


def measured_by_scipy(python: str, folder: Path) -> list[Figure]:
    """Traverse the same graph with scipy."""
    start = (folder / "start").read_text()
    done = subprocess.run(
        [python, str(SCIPY), str(folder), start], check=True, stdout=subprocess.PIPE
    )
    told = json.loads(done.stdout)
    return [
        Figure("closure, nodes", told["nodes"], "nodes"),
        Figure(f"closure, scipy {told['version']}", min(told["seconds"]), "s"),
    ]


def told(figures: list[Figure]) -> list[Figure]:
    """Print figures as soon as they are there."""
    for name, value, unit in figures:
        sys.stdout.write(f"{name:<48} {value:>16,.5f} {unit}\n")
    sys.stdout.flush()
    return figures


def ratios(found: dict[str, float]) -> Iterator[tuple[str, float, str]]:
    """Yield (what, ratio, budget)."""
    now = found.get("closure, now")
    if now is None:
        return
    yield "as of the middle, times now", found["closure, as of the middle"] / now, "1.2 or less"
    query = found.get("closure, recursive query of SQLite")
    if query is not None:
        yield "times as fast as the recursive query", query / now, "20 or more"
    for name, seconds in found.items():
        if "scipy" in name:
            yield "times as long as scipy", now / seconds, "3 or less"


def main() -> None:
    """Measure what is asked for, and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.graph", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=(*WORKLOADS, "all"))
    parser.add_argument("--small", action="store_true", help="a tenth of the graph, to try it out")
    parser.add_argument("--scipy", metavar="PYTHON", help="an interpreter that has scipy")
    parser.add_argument("--here", metavar="FOLDER", help="in this process, JSON only")
    parser.add_argument("--save", metavar="DATE", help="write results/DATE-graph.json")
    options = parser.parse_args()
    executions = EXECUTIONS // 10 if options.small else EXECUTIONS
    if options.here:
        figures = list(WORKLOADS[options.what](Path(options.here), executions))
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    names = list(WORKLOADS) if options.what == "all" else [options.what]
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        folder = Path(directory)
        machine = describe(folder)
        for name in names:
            found += told(measured(name, folder, small=options.small))
            if options.scipy and name == "closure":
                found += told(measured_by_scipy(options.scipy, folder))
    reached = {one.value for one in found if one.name == "closure, nodes"}
    if len(reached) > 1:
        raise SystemExit(f"the sides do not agree on the closure: {sorted(reached)} nodes")
    compared = list(ratios({one.name: one.value for one in found}))
    for name, ratio, budget in compared:
        sys.stdout.write(f"{name:<48} {ratio:>16,.2f} wanted: {budget}\n")
    result = {"machine": machine, "small": options.small, "figures": found, "ratios": compared}
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    if options.save:
        path = RESULTS / f"{options.save}-graph.json"
        path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
