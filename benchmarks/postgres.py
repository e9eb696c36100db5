"""Measure ingest into PostgreSQL: `python -m benchmarks.postgres --help`.

The work is that of `benchmarks.ours`, in a schema of its own that is dropped afterwards, and the
same work shared out to several processes that write at once. No process signs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.data import Counts, History, ingest_history
from benchmarks.machine import describe
from benchmarks.ours import Ours
from benchmarks.runner import save
from benchmarks.side import INGEST, measure
from lineage.clock import system_randomness
from lineage.ledger import Ledger, open_ledger

VARIABLE = "LINEAGE_BENCH_POSTGRES"
DEFAULT = "postgresql:///postgres?host=/var/run/postgresql&user=postgres"
SCHEMA = "BENCH_SCHEMA"
WRITERS = (1, 2, 4, 8)
SAID = {
    "postgres": "server_version",
    "postgres_fsync": "fsync",
    "postgres_synchronous_commit": "synchronous_commit",
}
"""What a server is asked of itself. Without ``fsync`` nothing it acknowledges is durable."""
BUDGET = 3_000


class OursInPostgres(Ours):
    """Lineage Ledger in PostgreSQL."""

    name = "lineage-ledger in PostgreSQL"

    def versions(self) -> dict[str, str]:
        """Name what decides the speed: the server too, and whether it waits for its disk."""
        with _connect() as connection:
            said = {
                name: connection.execute(f"SHOW {setting}".encode()).fetchone()
                for name, setting in SAID.items()
            }
        told = {name: "" if row is None else str(row[0]) for name, row in said.items()}
        return {**super().versions(), **told}

    def open_ledger(self, directory: Path) -> Ledger:
        """Open the ledger in the schema that the environment names."""
        del directory
        return open_ledger(_url(os.environ[SCHEMA]))

    def stored(self, directory: Path) -> Counts:
        """Count rows with the driver alone."""
        del directory
        schema = os.environ[SCHEMA]
        counts = (
            f'SELECT (SELECT count(*) FROM "{schema}".node WHERE vertex >> 44 & 3 <> 3), '  # noqa: S608 - a name of our own
            f'(SELECT count(*) FROM "{schema}".edge)'
        )
        with _connect() as connection:
            row = connection.execute(counts.encode()).fetchone()
        assert row is not None
        return Counts(*row)


def writers_history(count: int, *, small: bool) -> History:
    """Make the work that so many writers share."""
    return ingest_history(2_000 if small else 20_000, lanes=count)


def write_lane(lane: int, count: int, *, small: bool) -> None:
    """Write one lane, once a line comes in; say when it is done."""
    history = writers_history(count, small=small)
    side = OursInPostgres()
    side.open(Path())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    side.ingest_places(history, range(lane, len(history.steps), count))
    sys.stdout.write("done\n")
    sys.stdout.flush()
    side.close()


def measure_writers(count: int, *, small: bool) -> float:
    """Return how many executions a second so many writing processes reach together."""
    history = writers_history(count, small=small)
    with schema():
        side = OursInPostgres()
        side.open(Path())
        side.prepare(history)
        side.close()
        command = [sys.executable, "-m", "benchmarks.postgres", "lane", "--writers", str(count)]
        children = [
            subprocess.Popen(
                [*command, "--lane", str(lane), *["--small"] * small],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for lane in range(count)
        ]
        _await(children, "ready\n")
        began = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        _await(children, "done\n")
        seconds = time.perf_counter() - began
        for child in children:
            if child.wait():
                raise SystemExit("a writer failed")
        stored = side.stored(Path())
    if stored != history.stored:
        raise SystemExit(f"{count} writers stored {stored}, not {history.stored}")
    return len(history.steps) / seconds


def main() -> None:
    """Parse the command line, measure, and print each figure and then one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument(
        "what", nargs="?", default="all", choices=(*INGEST, "writers", "lane", "all")
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the work")
    parser.add_argument("--save", metavar="DATE", help="write results/DATE-postgres.json")
    parser.add_argument("--writers", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--lane", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.what == "lane":
        write_lane(options.lane, options.writers, small=options.small)
        return
    found: dict[str, list[float]] = {}
    for _ in range(options.repeat):
        for name, rate in _rates(options.what, small=options.small):
            found.setdefault(name, []).append(rate)
    for name, rates in found.items():
        sys.stdout.write(f"{name:<16}{median(rates):>10,.0f} executions/s\n")
    sys.stdout.write(f"{'budget':<16}{BUDGET:>10,} executions/s at any number of writers\n")
    result: dict[str, object] = {
        "machine": describe(Path("/tmp")),  # noqa: S108 - where nothing is kept
        "versions": OursInPostgres().versions(),
        "executions_per_second": found,
    }
    sys.stdout.write(f"{json.dumps(result)}\n")
    if options.save:
        save(result, f"{options.save}-postgres")


def _rates(what: str, *, small: bool) -> Iterator[tuple[str, float]]:
    for workload in INGEST:
        if what in {"all", workload}:
            with schema():
                report = measure(OursInPostgres(), workload, Path(), small=small)
            yield workload, report.executions_per_second or 0.0
    for count in WRITERS:
        if what in {"all", "writers"}:
            yield f"writers-{count}", measure_writers(count, small=small)


def _await(children: Sequence[subprocess.Popen[str]], line: str) -> None:
    for child in children:
        assert child.stdout is not None
        if child.stdout.readline() != line:
            raise SystemExit("a writer failed")


@contextmanager
def schema() -> Iterator[None]:
    """Name a new schema to whatever this process and its children open, and drop it afterwards."""
    name = f"bench_{system_randomness(8).hex()}"
    os.environ[SCHEMA] = name
    try:
        yield
    finally:
        with _connect() as connection:
            connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


def _connect() -> psycopg.Connection:
    return psycopg.connect(os.environ.get(VARIABLE, DEFAULT), autocommit=True)


def _url(schema: str) -> str:
    url = os.environ.get(VARIABLE, DEFAULT)
    return f"{url}{'&' if '?' in url else '?'}schema={schema}"


if __name__ == "__main__":
    main()
