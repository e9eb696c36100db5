"""Measure one side: what a side must offer, and the same clock and command line for all.

Standard library only, like `data`, because rivals load it in environments of their own.
A side is an adapter with the methods of `Side` whose module ends in `main(TheAdapter())`.
Its command line is `<workload> [--small] [--repeat N] [--store DIR]`, where the workload is one
of `INGEST` or `TRACE`, or `trace` for building and both questions at once.
It prints one line of JSON, a `Report`, for each workload (`trace` prints two).
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks.data import Counts, History, ingest_history, trace_history

INGEST = ("ingest-batches", "ingest-single", "ingest-callers")
TRACE = ("trace-build", "trace-ids", "trace-whole")
CALLERS = 64


class Side(Protocol):
    """What is measured. Each method is called in a fresh process, after `open`."""

    name: str

    def versions(self) -> dict[str, str]:
        """Name the packages that decide the speed, with their versions."""

    def open(self, directory: Path) -> None:
        """Open the store in `directory`, making it if there is none, ready for a question."""

    def close(self) -> None:
        """Let go of the store."""

    def prepare(self, history: History) -> None:
        """Declare the types and write the first `history.roots` artifacts. Not timed."""

    def ingest_batches(self, history: History) -> None:
        """Write the steps, `CONTEXT_RUN` a call; done when durable and seen by every view."""

    def ingest_single(self, history: History) -> None:
        """Write the steps one call each, each acknowledged before the next is sent."""

    def ingest_callers(self, history: History) -> None:
        """Write `history.lanes` lanes at the same time, each as `ingest_single` would."""

    def stored(self, directory: Path) -> Counts:
        """Count what a closed store holds, on another road than the one that wrote it."""

    def locate(self, artifact: str) -> str:
        """Turn an artifact's name into what the questions start from. Not timed."""

    def upstream_ids(self, start: str) -> Counts:
        """Fetch the identifiers of all that is upstream, and the events between them."""

    def upstream_whole(self, start: str) -> Counts:
        """Fetch all that is upstream as objects with their properties and types, and the events."""


@dataclass(frozen=True)
class Report:
    """What one workload cost one side; the lists have one figure for each repetition."""

    side: str
    workload: str
    fingerprint: str
    seconds: list[float]
    open_seconds: list[float]
    executions: int | None
    executions_per_second: float | None
    nodes: int
    events: int
    peak_memory_bytes: int
    versions: dict[str, str]


def history_for(workload: str, *, small: bool) -> History:
    """Make the history that a workload writes or asks about."""
    match workload:
        case "ingest-batches":
            return ingest_history(2_000 if small else 20_000)
        case "ingest-single":
            return ingest_history(200 if small else 2_000)
        case "ingest-callers":
            return ingest_history(640 if small else 6_400, lanes=CALLERS)
        case _ if small:
            return trace_history(1_967, roots=66, bystanders=100)
        case _:
            return trace_history()


def measure(side: Side, workload: str, store: Path, *, small: bool) -> Report:
    """Run one workload once, in this process, and check that the work was done."""
    history = history_for(workload, small=small)
    opened = _timed(lambda: side.open(store))
    asking = workload in ("trace-ids", "trace-whole")
    if asking:
        seconds, counts = _ask(side, workload, history)
    else:
        seconds = _write(side, workload, history)
        counts = side.stored(store)
    expected = history.closure if asking else history.stored
    if counts != expected:
        raise SystemExit(f"{side.name}: {workload} gave {counts}, not {expected}")
    executions = None if asking else len(history.steps)
    return Report(
        side=side.name,
        workload=workload,
        fingerprint=history.fingerprint,
        seconds=[seconds],
        open_seconds=[opened],
        executions=executions,
        executions_per_second=executions / seconds if executions else None,
        nodes=counts.nodes,
        events=counts.events,
        peak_memory_bytes=peak_memory(),
        versions={"python": platform.python_version(), **side.versions()},
    )


def call(command: Sequence[str], workload: str, *, small: bool, store: Path | None) -> Report:
    """Run one workload once in a fresh process and read its report."""
    options = ["--small"] * small + (["--store", str(store)] if store else [])
    done = subprocess.run(
        [*command, workload, *options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{workload} failed: {' '.join(command)}\n{done.stderr.strip()}")
    return Report(**json.loads(done.stdout.splitlines()[-1]))


def merge(reports: Sequence[Report]) -> Report:
    """Make one report of several repetitions: all times, the median rate, the highest peak."""
    first, seconds = reports[0], [second for report in reports for second in report.seconds]
    executions = first.executions
    return replace(
        first,
        seconds=seconds,
        open_seconds=[second for report in reports for second in report.open_seconds],
        executions_per_second=executions / statistics.median(seconds) if executions else None,
        peak_memory_bytes=max(report.peak_memory_bytes for report in reports),
    )


def peak_memory() -> int:
    """Say the most memory this process ever had resident, in bytes; 0 where nobody counts.

    Not `getrusage`: across fork and exec it still counts the parent's pages.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return peaks[0] if peaks else 0


def main(side: Side) -> None:
    """Run a side's command line."""
    parser = argparse.ArgumentParser(description=f"Measure {side.name}.")
    parser.add_argument("workload", choices=(*INGEST, "trace", *TRACE))
    parser.add_argument("--small", action="store_true", help="a tenth of the work")
    parser.add_argument("--repeat", type=int, default=1, help="so often, a fresh process each")
    parser.add_argument("--store", type=Path, help="where trace-build writes and the others read")
    options = parser.parse_args()
    workload: str = options.workload
    if workload in TRACE and not options.store:
        parser.error(f"{workload} needs --store")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        store: Path = options.store or Path(scratch)
        if workload == "trace":
            call(_own_command(), "trace-build", small=options.small, store=store)
            reports = _fresh(TRACE[1:], options.repeat, store, small=options.small)
        elif options.repeat > 1:
            reports = _fresh([workload], options.repeat, options.store, small=options.small)
        else:
            reports = [measure(side, workload, store, small=options.small)]
    sys.stdout.writelines(json.dumps(asdict(report)) + "\n" for report in reports)


def _own_command() -> list[str]:
    """Say how this very program was started, without what it was asked."""
    return [sys.executable, *sys.orig_argv[1 : 1 - len(sys.argv)]]


def _fresh(
    workloads: Sequence[str], repeat: int, store: Path | None, *, small: bool
) -> list[Report]:
    """Take turns between the workloads, every repetition in a process of its own."""
    command = _own_command()
    rounds = [
        [call(command, workload, small=small, store=store) for workload in workloads]
        for _ in range(repeat)
    ]
    return [merge(reports) for reports in zip(*rounds, strict=True)]


def _write(side: Side, workload: str, history: History) -> float:
    side.prepare(history)
    match workload:
        case "ingest-single":
            seconds = _timed(lambda: side.ingest_single(history))
        case "ingest-callers":
            seconds = _timed(lambda: side.ingest_callers(history))
        case _:
            seconds = _timed(lambda: side.ingest_batches(history))
    side.close()
    return seconds


def _ask(side: Side, workload: str, history: History) -> tuple[float, Counts]:
    start = side.locate(history.artifacts[history.target].name)
    question = side.upstream_ids if workload == "trace-ids" else side.upstream_whole
    began = time.perf_counter()
    counts = question(start)
    return time.perf_counter() - began, counts


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
