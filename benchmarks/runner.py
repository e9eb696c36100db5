"""Run the sides by turns, and put the medians beside each other."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.side import TRACE, Report, call, merge

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
OURS = (sys.executable, "-m", "benchmarks.ours")
RIVAL = (
    str(HERE.parent / ".venvs" / "ml-metadata" / "bin" / "python"),
    "-I",  # nothing of our own environment reaches it
    str(HERE / "rivals" / "ml_metadata" / "run.py"),
)


class Question(NamedTuple):
    """Two workloads to compare, and how many times as fast ours is to be."""

    ours: str
    rival: str
    budget: float


QUESTIONS = {
    "ingest": (
        Question("ingest-batches", "ingest-batches", 2.5),
        Question("ingest-single", "ingest-single", 4.0),
        Question("ingest-callers", "ingest-single", 10.0),
    ),
    "trace": (
        Question("trace-ids", "trace-ids", 25.0),
        Question("trace-whole", "trace-whole", 10.0),
    ),
}


class Answer(NamedTuple):
    """What came out: a side that was not asked is missing, and so is then the ratio."""

    question: Question
    ours: Report | None
    rival: Report | None

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the rival we are."""
        if self.ours is None or self.rival is None:
            return None
        if self.ours.executions_per_second and self.rival.executions_per_second:
            return self.ours.executions_per_second / self.rival.executions_per_second
        return statistics.median(self.rival.seconds) / statistics.median(self.ours.seconds)

    def plain(self) -> dict[str, object]:
        """Return the answer as JSON knows it."""
        return {
            **self.question._asdict(),
            "ratio": self.ratio,
            "reports": [asdict(report) for report in (self.ours, self.rival) if report],
        }


def compare(
    questions: Sequence[Question],
    sides: Sequence[tuple[str, ...]],
    repeat: int,
    scratch: Path,
    *,
    small: bool,
) -> list[Answer]:
    """Ask every side every question, by turns, each time in a fresh process.

    `sides` holds `OURS`, `RIVAL` or both. What one workload needs twice is run once a turn.
    """
    jobs = list(
        dict.fromkeys(
            (side, question.ours if side == OURS else question.rival)
            for question in questions
            for side in sides
        )
    )
    stores = {side: scratch / f"store-{number}" for number, side in enumerate(sides)}
    for side in dict.fromkeys(side for side, workload in jobs if workload in TRACE):
        stores[side].mkdir()
        call(side, "trace-build", small=small, store=stores[side])
    found: dict[tuple[tuple[str, ...], str], list[Report]] = {job: [] for job in jobs}
    for _ in range(repeat):
        for side, workload in jobs:
            store = stores[side] if workload in TRACE else None
            found[side, workload].append(call(side, workload, small=small, store=store))
    merged = {job: merge(reports) for job, reports in found.items()}
    answers = [
        Answer(question, merged.get((OURS, question.ours)), merged.get((RIVAL, question.rival)))
        for question in questions
    ]
    _check_same_work(answers)
    return answers


def table(answers: Sequence[Answer]) -> str:
    """Lay the answers out for reading: medians, peak memory, and the ratio beside its budget."""
    ours_name, rival_name = (
        next((report.side for report in reports if report), "-")
        for reports in ([answer.ours for answer in answers], [answer.rival for answer in answers])
    )
    rows = [("workload", ours_name, rival_name, "ratio", "budget")]
    for question, ours, rival in answers:
        ratio = Answer(question, ours, rival).ratio
        shown = f"{ratio:.1f}" if ratio else "-"
        rows.append((question.ours, _figure(ours), _figure(rival), shown, f"{question.budget:g}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def save(result: dict[str, object], date: str) -> Path:
    """Write a result where the documents find it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{date}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def _figure(report: Report | None) -> str:
    if report is None:
        return "-"
    if report.executions_per_second:
        speed = f"{report.executions_per_second:,.0f}/s"
    else:
        asked, opened = statistics.median(report.seconds), statistics.median(report.open_seconds)
        speed = f"{asked:.3f} s after {opened:.3f} s to open"
    return f"{speed}, {report.peak_memory_bytes / 2**20:.0f} MiB"


def _check_same_work(answers: Sequence[Answer]) -> None:
    """Refuse to compare what is not the same: the seed must give both sides one history."""
    for question, ours, rival in answers:
        if question.ours == question.rival and ours and rival:
            same = (ours.fingerprint, ours.nodes, ours.events)
            if same != (rival.fingerprint, rival.nodes, rival.events):
                raise SystemExit(f"{question.ours}: the two sides were not given the same work")
