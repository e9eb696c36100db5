"""Repositories for tests of DVC, made by the real tools: git, and dvc and gto of an environment."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcOptions, DvcReader
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from looks import Look, Remembered, take

REMOTE: Final = "git@example.org:Team/fraud.git"
REPOSITORY: Final = "example.org/Team/fraud"
START: Final = 1_700_000_000
HOUR: Final = 3_600

WORK: Final = """\
import json, pathlib, sys
texts = []
for name in sys.argv[2:]:
    place = pathlib.Path(name)
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    texts += [file.read_text() for file in files if file.is_file()]
out = pathlib.Path(sys.argv[1])
out.parent.mkdir(parents=True, exist_ok=True)
text = "".join(texts)
if out.suffix == ".json":
    out.write_text(json.dumps({"auc": len(text) / 1000, "count": {"all": len(text)}}))
else:
    out.write_text(str(out.name) + text)
"""

PIPELINE: Final = """\
stages:
  prepare:
    cmd: >-
      python3 work.py prepared/a.csv data/raw.csv params.yaml &&
      python3 work.py prepared/b.csv data/raw.csv
    deps: [work.py, data/raw.csv]
    params: [seed]
    outs: [prepared]
  train:
    foreach: ${models}
    do:
      cmd: python3 ../work.py ${item}.pkl ../prepared ../params.yaml
      wdir: models
      deps: [../work.py, ../prepared]
      params:
      - ../params.yaml: [train]
      outs: ["${item}.pkl"]
  evaluate:
    desc: Measures a model.
    matrix: {m: "${models}", split: [a, b]}
    cmd: python3 work.py metrics/${item.m}-${item.split}.json models/${item.m}.pkl
    deps: ["models/${item.m}.pkl", "prepared/${item.split}.csv"]
    metrics:
    - metrics/${item.m}-${item.split}.json: {cache: false}
  report:
    cmd: python3 work.py report/all.json metrics
    deps: [metrics]
    metrics: [report/all.json]
artifacts:
  fraud: {path: models/tree.pkl, type: model, desc: The tree., labels: [tabular]}
"""

PARAMS: Final = "seed: {seed}\nmodels: [tree, line]\ntrain: {{lr: 0.1, depth: {depth}}}\n"


class Tools:
    """A working tree, and the tools that work in it at a time that is told."""

    def __init__(self, path: Path, environment: Path | None = None) -> None:
        self.path = path
        self.clock = START
        path.mkdir(parents=True, exist_ok=True)
        home = path.parent / "home"
        home.mkdir(exist_ok=True)
        tools = [str(environment / "bin")] if environment else []
        self._environment = {
            "HOME": str(home),
            "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Grace",
            "GIT_COMMITTER_EMAIL": "grace@example.org",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def run(self, *command: str, feed: bytes = b"") -> str:
        """Run a command in the working tree, and return what it printed."""
        date = f"{self.clock} +0200"
        done = subprocess.run(
            command,
            cwd=self.path,
            input=feed,
            capture_output=True,
            env=self._environment | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def begin(self, remote: str | None = REMOTE, *options: str) -> None:
        """Make an empty repository."""
        self.run("git", "init", "-q", "-b", "main", *options)
        if remote is not None:
            self.run("git", "remote", "add", "origin", remote)

    def write(self, name: str, body: str | bytes) -> None:
        """Write a file of the working tree."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body.encode() if isinstance(body, str) else body)

    def commit(self, message: str) -> str:
        """Commit everything an hour later, and return the commit."""
        self.clock += HOUR
        self.run("git", "add", "--all")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)
        return self.run("git", "rev-parse", "HEAD").strip()

    def tag(self, name: str, commit: str = "HEAD", message: str = "") -> None:
        """Make an annotated tag a minute later."""
        self.clock += 60
        self.run("git", "tag", "-a", name, commit, "-m", message or name)


def look_at(
    path: Path,
    memory: Remembered | None = None,
    options: DvcOptions | None = None,
    *,
    is_whole: bool = False,
) -> Look:
    """Look at a repository once."""
    kept = memory if memory is not None else Remembered()
    reader = DvcReader(path, options or DvcOptions())
    yielded = reader.read(kept, None, is_whole=is_whole)
    return take(yielded, kept, DvcMapping(), "dvc")


def records_of(look: Look) -> list[AnyRecord]:
    """Return what the mapping said, without the messages."""
    return [
        record for batch in look.batches for statement in batch[1:] for record in statement.records
    ]


def plain(records: Iterable[AnyRecord]) -> list[dict[str, JsonValue]]:
    """Return records as plain JSON."""
    return [msgspec.json.decode(msgspec.json.encode(record)) for record in records]


def lock_text(*stages: tuple[str, dict[str, str], dict[str, str]]) -> str:
    """Write a dvc.lock by hand: of each stage the name, and what it read and wrote, with MD5s."""
    parts = ["schema: '2.0'\nstages:\n"]
    for name, deps, outs in stages:
        parts.append(f"  {name}:\n    cmd: run {name}\n")
        for role, entries in (("deps", deps), ("outs", outs)):
            if entries:
                parts.append(f"    {role}:\n")
            parts += [
                f"    - path: {path}\n      hash: md5\n      md5: {digest}\n      size: 4\n"
                for path, digest in entries.items()
            ]
    return "".join(parts)
