"""Measure how ingest changes with batches, callers and the ledger: `python -m benchmarks.curves`.

A point of `batches` and `callers` is a fresh process with an empty store. `sizes` fills one ledger
and stops on its way to write a little by itself: in batches, and one execution a call.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.data import CONTEXT_RUN, Counts, History, ingest_history
from benchmarks.machine import describe
from benchmarks.ours import Ours
from benchmarks.postgres import OursInPostgres, schema
from benchmarks.runner import save

BATCHES: Final = (1, 10, 50, 250, 1_000)
"""Executions a call."""

CALLERS: Final = (1, 4, 16, 64)
RECORDS: Final = (100_000, 1_000_000, 10_000_000)
RECORDS_SMALL: Final = (10_000, 100_000)
RECORDS_PER_EXECUTION: Final = 7

EXECUTIONS: Final = 10_000
EXECUTIONS_SINGLE: Final = 1_000
"""Where each call has one execution; several callers share up to ``SHARES_MAX`` times as many."""

SHARES_MAX: Final = 8

TURNS_AT_A_SIZE: Final = 3


def main() -> None:
    """Parse the command line, measure, and print each figure and then one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    parser.add_argument("what", choices=("batches", "callers", "sizes", "all"))
    parser.add_argument("--postgres", action="store_true", help="in PostgreSQL, not in SQLite")
    parser.add_argument("--repeat", type=int, default=3, help="of batches and callers")
    parser.add_argument("--small", action="store_true", help="a tenth of the work, and no 10 M")
    parser.add_argument("--save", metavar="DATE", help="write results/DATE-curves-STORE.json")
    parser.add_argument("--point", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        _place(postgres=options.postgres),
    ):
        side = OursInPostgres() if options.postgres else Ours()
        if options.point:
            work = measure_batches if options.what == "batches" else measure_callers
            sys.stdout.write(f"{work(side, Path(scratch), options.point, small=options.small)}\n")
            return
        found = dict(_figures(options, side, Path(scratch)))
    store = "postgres" if options.postgres else "sqlite"
    result: dict[str, object] = {
        "store": store,
        "machine": describe(Path(tempfile.gettempdir())),
        "versions": side.versions(),
        "executions_per_second": found,
    }
    sys.stdout.write(f"{json.dumps(result)}\n")
    if options.save:
        save(result, f"{options.save}-curves-{store}")


def measure_batches(side: Ours, scratch: Path, batch: int, *, small: bool) -> float:
    """Return executions a second, so many of them a call."""
    history = ingest_history(_executions(batch, small=small))
    return _rate(side, scratch, history, lambda: side.ingest_places(history, _all(history), batch))


def measure_callers(side: Ours, scratch: Path, callers: int, *, small: bool) -> float:
    """Return executions a second of so many callers together, each one a call."""
    history = ingest_history(_executions(1, small=small) * min(callers, SHARES_MAX), lanes=callers)
    return _rate(side, scratch, history, lambda: side.ingest_callers(history))


def measure_sizes(
    side: Ours, scratch: Path, records: Sequence[int]
) -> Iterator[tuple[str, list[float]]]:
    """Yield executions a second, in batches and one a call, once the ledger has so many records."""
    ends = [count // RECORDS_PER_EXECUTION for count in records]
    at_once = ends[0] // 8
    by_one = at_once // 4
    history = ingest_history(ends[-1] + TURNS_AT_A_SIZE * (at_once + by_one))
    side.open(scratch)
    side.prepare(history)
    written = 0

    def timed(count: int, batch: int) -> float:
        nonlocal written
        places = range(written, written + count)
        began = time.perf_counter()
        side.ingest_places(history, places, batch)
        written += count
        return count / (time.perf_counter() - began)

    for end, count in zip(ends, records, strict=True):
        timed(end - written, CONTEXT_RUN)
        turns = [(timed(at_once, CONTEXT_RUN), timed(by_one, 1)) for _ in range(TURNS_AT_A_SIZE)]
        yield f"at {count} records, batches", [batches for batches, _ in turns]
        yield f"at {count} records, single", [single for _, single in turns]
    side.close()
    _check(side.stored(scratch), Counts(history.roots + 2 * written, 3 * written), history)


def _figures(
    options: argparse.Namespace, side: Ours, scratch: Path
) -> Iterator[tuple[str, list[float]]]:
    for what, points, unit in (("batches", BATCHES, "a call"), ("callers", CALLERS, "callers")):
        if options.what in {what, "all"}:
            for point in points:
                yield _told(
                    f"{point} {unit}",
                    [_call(what, point, options) for _ in range(options.repeat)],
                )
    if options.what in {"sizes", "all"}:
        records = RECORDS_SMALL if options.small else RECORDS
        for name, rates in measure_sizes(side, scratch, records):
            yield _told(name, rates)


def _told(name: str, rates: list[float]) -> tuple[str, list[float]]:
    sys.stdout.write(f"{name:<32}{median(rates):>10,.0f} executions/s\n")
    sys.stdout.flush()
    return name, rates


def _call(what: str, point: int, options: argparse.Namespace) -> float:
    """Measure one point in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.curves", what, "--point", str(point)]
    flags = ["--postgres"] * options.postgres + ["--small"] * options.small
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what} of {point} failed:\n{done.stderr.strip()}")
    return float(done.stdout)


def _rate(side: Ours, scratch: Path, history: History, work: Callable[[], None]) -> float:
    side.open(scratch)
    side.prepare(history)
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    side.close()
    _check(side.stored(scratch), history.stored, history)
    return len(history.steps) / seconds


def _check(stored: Counts, expected: Counts, history: History) -> None:
    if stored != expected:
        raise SystemExit(f"{len(history.steps)} executions stored {stored}, not {expected}")


def _executions(batch: int, *, small: bool) -> int:
    executions = EXECUTIONS_SINGLE if batch == 1 else EXECUTIONS
    return executions // 10 if small else executions


def _all(history: History) -> range:
    return range(len(history.steps))


def _place(*, postgres: bool) -> AbstractContextManager[None]:
    return schema() if postgres else nullcontext()


if __name__ == "__main__":
    main()
