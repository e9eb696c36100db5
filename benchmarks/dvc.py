"""Measure how fast a git history with a DVC pipeline is read, mapped and recorded.

`python -m benchmarks.dvc` makes a repository of 500 commits with `git fast-import`, imports it into
an empty ledger, and looks at it a second time, when nothing is new. One line of JSON at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from msgspec import Raw

from benchmarks.machine import describe
from lineage import open_ledger
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcOptions, read_repository
from lineage.connectors.parcels import parcels
from lineage.connectors.scanning import Document, Known, Revision, Unread
from lineage.ledger import Ledger, Statement
from lineage_schemas.records import Message

COMMITS = 500
STAGES = 8
CHANGED = 2
SOURCE = "bench-dvc"
BATCHES_TOGETHER = 200
BUDGET_SECONDS = 2.0
START = 1_700_000_000


class Memory:
    """What was recorded, kept in memory."""

    def __init__(self) -> None:
        """Know nothing."""
        self.revisions: dict[str, Known] = {}

    def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
        """Return what is known of the subjects."""
        return {one: self.revisions[one] for one in subjects if one in self.revisions}

    def subjects(self, kind: str) -> Iterator[str]:
        """Yield the subjects of a kind."""
        yield from sorted(one for one in self.revisions if one.startswith(f"{kind}/"))


def make_repository(path: Path, commits: int) -> None:
    """Make a history in which every commit reruns some stages of one pipeline."""
    git = ["git", "-C", str(path), "-c", "init.defaultBranch=main"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(path)}
    subprocess.run([*git, "init", "-q"], check=True, env=environment)
    subprocess.run(
        [*git, "remote", "add", "origin", "https://example.org/bench.git"],
        check=True,
        env=environment,
    )
    stream = b"".join(_commit(number) for number in range(commits))
    subprocess.run([*git, "fast-import", "--quiet"], input=stream, check=True, env=environment)


def _commit(number: int) -> bytes:
    versions = [
        sum(1 for one in range(number + 1) if (stage - one) % STAGES < CHANGED)
        for stage in range(STAGES)
    ]
    files = {
        "dvc.lock": _lock(versions),
        "dvc.yaml": _definition(),
        "params.yaml": f"seed: {number}\nlr: 0.{number + 1}\n",
        **{f"metrics/{stage}.json": _metrics(stage, versions[stage]) for stage in range(STAGES)},
        "src/code.py": f"print({number // 10})\n",
    }
    lines = [
        "commit refs/heads/main\n",
        f"author A <a@example.org> {START + number * 3600} +0000\n",
        f"committer A <a@example.org> {START + number * 3600} +0000\n",
        _data(f"Run {number}\n"),
        *(f"M 100644 inline {name}\n{_data(text)}" for name, text in files.items()),
    ]
    return "".join(lines).encode()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _metrics(stage: int, version: int) -> str:
    return f'{{"auc": 0.{version + 1}, "stage": {stage}}}'


def _definition() -> str:
    stages = (
        f"  stage{stage}:\n    cmd: python src/code.py {stage}\n"
        f"    deps: [src/code.py, data/{stage}]\n    params: [seed, lr]\n"
        f"    outs: [data/{stage + 1}]\n    metrics:\n    - metrics/{stage}.json:\n"
        "        cache: false\n"
        for stage in range(STAGES)
    )
    return "stages:\n" + "".join(stages)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _entry(path: str, digest: str) -> str:
    return (
        f"    - path: {path}\n      hash: md5\n      md5: {digest}\n      size: {len(path) * 9}\n"
    )


def _lock(versions: list[int]) -> str:
    parts = ["schema: '2.0'\nstages:\n"]
    for stage, version in enumerate(versions):
        before = versions[stage - 1] if stage else 0
        parts += [
            f"  stage{stage}:\n    cmd: python src/code.py {stage}\n    deps:\n",
            _entry(f"data/{stage}", _md5(f"{stage} {before}") + ".dir"),
            _entry("src/code.py", _md5(f"{version // 10}")),
            f"    params:\n      params.yaml:\n        seed: {version}\n        lr: 0.{version}\n",
            "    outs:\n",
            _entry(f"data/{stage + 1}", _md5(f"{stage + 1} {version}") + ".dir"),
            _entry(f"metrics/{stage}.json", _md5(_metrics(stage, version))),
        ]
    return "".join(parts)


def take_in(ledger: Ledger, path: Path, memory: Memory) -> dict[str, float]:
    """Look at the repository once and record what is new; return counts and seconds."""
    mapping = DvcMapping()
    began = time.perf_counter()
    yielded = iter(read_repository(path, memory, DvcOptions()))
    documents = statements = 0
    reading = recording = 0.0
    while True:
        start = time.perf_counter()
        shown = list(islice(yielded, BATCHES_TOGETHER))
        reading += time.perf_counter() - start
        if not shown:
            break
        start = time.perf_counter()
        batches = [batch for one in shown if (batch := _statements(one, memory, mapping))]
        if batches:
            ledger.commit([ledger.prepare(batch) for batch in batches])
        recording += time.perf_counter() - start
        documents += len(batches)
        statements += sum(map(len, batches))
    return {
        "seconds": time.perf_counter() - began,
        "reading": reading,
        "mapping_and_recording": recording,
        "documents": documents,
        "statements": statements,
    }


def _statements(
    shown: Document | Unread, memory: Memory, mapping: DvcMapping
) -> tuple[Statement, ...]:
    if isinstance(shown, Unread):
        raise SystemExit(f"unread: {shown}")
    known = memory.revisions.get(shown.subject)
    if known is not None and known.body == shown.body:
        return ()
    at = shown.changed or datetime.fromtimestamp(START, UTC)
    memory.revisions[shown.subject] = Known(1, 0, shown.body, at)
    revision = Revision(subject=shown.subject, body=shown.body, before=None, after=at, at=at)
    message = Statement(
        id=shown.subject,
        source=SOURCE,
        records=(Message(media_type="application/json", body=Raw(shown.body)),),
    )
    made = (
        Statement(
            id=f"{shown.subject}@1.{number}",
            source=SOURCE,
            records=records,
            stated=said.stated,
            message=shown.subject,
            mapping=mapping.version,
        )
        for number, (said, records) in enumerate(
            (said, records) for said in mapping.map(revision) for records in parcels(said.records)
        )
    )
    return (message, *made)


def main() -> None:
    """Measure, print a table and one line of JSON; fail where the budget is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dvc", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="a tenth of the work")
    options = parser.parse_args()
    commits = COMMITS // 10 if options.small else COMMITS
    first: list[dict[str, float]] = []
    again: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        machine = describe(Path(directory))
        repository = Path(directory) / "repository"
        repository.mkdir()
        make_repository(repository, commits)
        for turn in range(options.repeat):
            memory = Memory()
            with open_ledger(Path(directory) / f"{turn}.db") as ledger:
                first.append(take_in(ledger, repository, memory))
                again.append(take_in(ledger, repository, memory))
    seconds = statistics.median(one["seconds"] for one in first)
    second = statistics.median(one["seconds"] for one in again)
    sys.stdout.write(
        f"{commits} commits: {seconds:.2f} s (budget {BUDGET_SECONDS} s), of it reading "
        f"{statistics.median(one['reading'] for one in first):.2f} s; {first[0]['documents']:.0f} "
        f"documents, {first[0]['statements']:.0f} statements; looked at again: {second:.2f} s\n"
    )
    result = {"machine": machine, "commits": commits, "first": first, "again": again}
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
