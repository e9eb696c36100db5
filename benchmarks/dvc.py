"""Measure how fast a git history with a DVC pipeline is read, mapped and recorded.

`python -m benchmarks.dvc` makes a repository of 500 commits with `git fast-import`, imports it into
an empty ledger, and looks at it a second time, when nothing is new. Every commit runs two of eight
stages again, and what follows from them is left stale. One line of JSON at the end.
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
from pathlib import Path

from benchmarks.machine import describe
from lineage import open_ledger
from lineage.clock import system_clock
from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcReader
from lineage.importing.importer import Source
from lineage.importing.looking import look_at
from lineage.ledger import Ledger

COMMITS = 500
STAGES = 8
CHANGED = 2
SOURCE = "bench-dvc"
BUDGET_SECONDS = 2.0
START = 1_700_000_000


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


def take_in(ledger: Ledger, path: Path) -> dict[str, float]:
    """Look at the repository once, and record what is new; return counts and seconds."""
    began = time.perf_counter()
    tally = look_at(
        ledger,
        Source(name=SOURCE, mapping=DvcMapping()),
        DvcReader(path),
        is_whole=True,
        due_seconds=None,
        clock=system_clock,
    )
    seconds = time.perf_counter() - began
    if tally.unread:
        raise SystemExit(f"unread: {tally.unread[0]}")
    return {"seconds": seconds, "documents": tally.appended, "entries": tally.entries}


def main() -> None:
    """Measure, print a line for people, and one of JSON."""
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
            with open_ledger(Path(directory) / f"{turn}.db") as ledger:
                first.append(take_in(ledger, repository))
                again.append(take_in(ledger, repository))
    seconds = statistics.median(one["seconds"] for one in first)
    second = statistics.median(one["seconds"] for one in again)
    sys.stdout.write(
        f"{commits} commits: {seconds:.2f} s (budget {BUDGET_SECONDS} s), "
        f"{first[0]['documents']:.0f} documents, {first[0]['entries']:.0f} entries; "
        f"looked at again: {second:.2f} s\n"
    )
    result = {"machine": machine, "commits": commits, "first": first, "again": again}
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
