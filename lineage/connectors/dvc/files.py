"""Files of a repository at its commits, each distinct one read and understood once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Final, TypeVar

from msgspec import Struct

from lineage.connectors.dvc.naming import DEFINITION, LOCK
from lineage.connectors.dvc.remotes import Remotes, read_remotes
from lineage.connectors.dvc.values import (
    NamedRun,
    find_run_ids,
    read_values,
    refuse_unreadable,
)
from lineage.connectors.git.objects import FILE, SYMLINK, TREE, Commit
from lineage.connectors.git.process import OVERSIZED, GitObject, ObjectReader
from lineage.connectors.git.trees import FoundFile, Trees
from lineage.connectors.yaml_documents import YAML_BYTES_MAX, read_yaml
from lineage_schemas.errors import DecodeError, LedgerError
from lineage_schemas.outside.dvc import (
    DeclaredArtifact,
    Lock,
    LockedStage,
    Pipeline,
    TrackedFile,
    read_artifacts,
    read_lock,
    read_pipeline,
    read_tracked,
)
from lineage_schemas.values import JsonValue

TRACKED: Final = ".dvc"
CONFIGURATION: Final = ".dvc/config"
ARTIFACTS: Final = "artifacts.yaml"

VALUE_ENDINGS: Final = (".json", ".yaml", ".yml", ".toml")
"""Of files that may hold values."""

_SCHEMA: Final = "2.0"
_LOCK_STARTS: Final = (b"schema: '2.0'\nstages:\n", b'schema: "2.0"\nstages:\n')
_STAGE_BEGINS: Final = re.compile(rb"^  (?=[^ \n\r#])", re.MULTILINE)
_OUTDENTED: Final = re.compile(rb"^ ?[^ \n\r]", re.MULTILINE)
_KEPT_BYTES: Final = 64 * 1_048_576
_KEPT_PARSED: Final = 20_000
_Parsed = TypeVar("_Parsed")


class Snapshot(Struct, frozen=True):
    """What a commit has of DVC's files, by path."""

    commit: Commit
    locks: dict[str, FoundFile]
    definitions: dict[str, FoundFile]
    tracked: dict[str, FoundFile]
    configurations: dict[str, FoundFile]
    artifacts: FoundFile | None


def is_wanted(kind: str, name: bytes) -> bool:
    """Tell whether an entry of a tree may be one of DVC's files."""
    return kind != TREE and (
        name in _NAMES or (name.endswith(b".dvc") and name != b".dvc" and kind in {FILE, SYMLINK})
    )


_NAMES: Final = frozenset({b"dvc.lock", b"dvc.yaml", b"artifacts.yaml", b"config"})


class Files:
    """Reads files of commits. What a file's bytes mean is remembered by the id of its blob."""

    def __init__(self, objects: ObjectReader, trees: Trees) -> None:
        """Read from one repository."""
        self._objects = objects
        self._trees = trees
        self._bodies: dict[str, GitObject | None] = {}
        self._bytes = 0
        self._parsed: dict[tuple[str, str], object] = {}
        self._pieces: dict[bytes, LockedStage] = {}

    def snapshots(self, commits: Iterable[Commit]) -> list[Snapshot]:
        """Look at the trees of some commits together, so that git is asked seldom."""
        looked_at = list(commits)
        self._trees.load(commit.tree for commit in looked_at)
        return [self._snapshot(commit) for commit in looked_at]

    def load(self, snapshots: Iterable[Snapshot]) -> None:
        """Read DVC's files of some commits together."""
        self._load(
            found.entry.id
            for one in snapshots
            for group in (one.locks, one.definitions, one.tracked, one.configurations)
            for found in group.values()
        )

    def _snapshot(self, commit: Commit) -> Snapshot:
        snapshot = Snapshot(commit, {}, {}, {}, {}, None)
        artifacts: FoundFile | None = None
        for found in self._trees.files(commit.tree):
            name = posixpath.basename(found.path)
            if name == LOCK:
                snapshot.locks[found.path] = found
            elif name == DEFINITION:
                snapshot.definitions[found.path] = found
            elif name == "config":
                if f"/{found.path}".endswith(f"/{CONFIGURATION}"):
                    snapshot.configurations[found.path] = found
            elif name == ARTIFACTS:
                artifacts = found if found.path == ARTIFACTS else artifacts
            else:
                snapshot.tracked[found.path] = found
        return Snapshot(
            commit,
            snapshot.locks,
            snapshot.definitions,
            snapshot.tracked,
            snapshot.configurations,
            artifacts,
        )

    def _load(self, ids: Iterable[str]) -> None:
        if self._bytes > _KEPT_BYTES:
            self._bodies.clear()
            self._bytes = 0
        if len(self._parsed) > _KEPT_PARSED:
            self._parsed.clear()
        missing = [one for one in dict.fromkeys(ids) if one not in self._bodies]
        with closing(self._objects.read(missing, YAML_BYTES_MAX)) as bodies:
            for one, found in zip(missing, bodies, strict=True):
                self._bodies[one] = found
                self._bytes += len(found.body) if found else 0
                if self._bytes > _KEPT_BYTES:
                    break  # the rest is read one by one when it is asked for

    def body(self, found: FoundFile) -> bytes:
        """Return a file's bytes.

        Raises:
            DecodeError: it is a link, too large, or not in this repository.
        """
        if found.entry.kind != FILE:
            raise DecodeError(f"The file is a {found.entry.kind}")
        if found.entry.id not in self._bodies:
            self._load((found.entry.id,))
        kept = self._bodies[found.entry.id]
        if kept is None:
            raise DecodeError("The file is not in this repository (a partial clone?)")
        if kept.kind == OVERSIZED:
            raise DecodeError("The file is too large to be read")
        return kept.body

    def fetch(self, wanted: Iterable[tuple[Commit, str]]) -> None:
        """Read files of commits together: those at these paths, as far as there are any."""
        found = (self._trees.file(commit.tree, path) for commit, path in wanted)
        self._load(entry.id for entry in found if entry is not None)

    def at(self, commit: Commit, path: str) -> FoundFile | None:
        """Return what stands at a path of a commit; ``None`` where no file does."""
        entry = self._trees.entry(commit.tree, path)
        return None if entry is None or entry.kind == TREE else FoundFile(path, entry)

    def values(self, commit: Commit, path: str) -> JsonValue:
        """Return what a file of values holds at a commit; ``None`` where there is none.

        Raises:
            DecodeError: it cannot be read.
            LimitExceededError: a limit of such files is exceeded.
        """
        found = self.at(commit, path)
        if found is None:
            return None
        ending = posixpath.splitext(path)[1]
        return self._once(found, f"values{ending}", lambda body: read_values(path, body))

    def run_ids(self, commit: Commit, path: str) -> tuple[NamedRun, ...]:
        """Return the MLflow runs that a file of values names at a commit, if it can be read."""
        if not path.endswith(VALUE_ENDINGS):
            return ()
        found = self.at(commit, path)
        if found is None:
            return ()
        form = f"run ids{posixpath.splitext(path)[1]}"
        try:
            return self._once(
                found, form, lambda body: tuple(find_run_ids(read_values(path, body)))
            )
        except LedgerError:
            return ()

    def lock(self, found: FoundFile) -> Lock:
        """Understand a dvc.lock. Raises like ``body``, and DecodeError where it cannot."""
        return self._once(found, LOCK, self._read_lock)

    def _read_lock(self, body: bytes) -> Lock:
        """Read a lock stage by stage, those that an earlier lock had word for word only once."""
        pieces = stage_pieces(body)
        if pieces is None:
            return read_lock(_yaml(body))
        if len(self._pieces) > _KEPT_PARSED:
            self._pieces.clear()
        stages: dict[str, LockedStage] = {}
        for piece in pieces:
            stage = self._pieces.get(piece) or _one_stage(piece)
            if stage is None or stage.name in stages:
                return read_lock(_yaml(body))
            stages[stage.name] = self._pieces[piece] = stage
        return Lock(_SCHEMA, tuple(stages.values()))

    def definition(self, found: FoundFile) -> Pipeline:
        """Understand a dvc.yaml. Raises like ``lock``."""
        return self._once(found, DEFINITION, lambda body: read_pipeline(_yaml(body)))

    def tracked(self, found: FoundFile) -> TrackedFile:
        """Understand a ``.dvc`` file. Raises like ``lock``."""
        return self._once(found, TRACKED, lambda body: read_tracked(_yaml(body)))

    def remotes(self, found: FoundFile) -> Remotes:
        """Understand a ``.dvc/config``. Raises like ``lock``."""
        return self._once(found, CONFIGURATION, read_remotes)

    def artifacts(self, found: FoundFile) -> dict[str, DeclaredArtifact]:
        """Understand an artifacts.yaml. Raises like ``lock``."""
        return self._once(found, ARTIFACTS, lambda body: read_artifacts(_yaml(body)))

    def _once(self, found: FoundFile, form: str, read: Callable[[bytes], _Parsed]) -> _Parsed:
        place = (found.entry.id, form if found.entry.kind == FILE else f"{form} link")
        known = self._parsed.get(place)
        if known is None:
            try:
                known = read(self.body(found))
            except LedgerError as error:
                known = error
            self._parsed[place] = known
        if isinstance(known, LedgerError):
            raise known
        return known  # type: ignore[return-value]  # by its form


def stage_pieces(body: bytes) -> list[bytes] | None:
    """Part a lock, as DVC writes it, into its stages; ``None`` for one that is written otherwise.

    In a block with two blanks before its keys, a line with two and no more begins the next key. The
    one exception, a quoted text that goes on so far left, leaves pieces that are no YAML.
    """
    start = next((each for each in _LOCK_STARTS if body.startswith(each)), None)
    if start is None:
        return None
    rest = body[len(start) :]
    if _OUTDENTED.search(rest) is not None:
        return None
    begins = [found.start() for found in _STAGE_BEGINS.finditer(rest)]
    if not begins or begins[0] != 0:
        return None
    return [rest[at:to] for at, to in zip(begins, [*begins[1:], len(rest)], strict=True)]


def _one_stage(piece: bytes) -> LockedStage | None:
    try:
        lock = read_lock({"schema": _SCHEMA, "stages": _yaml(piece)})
    except LedgerError:
        return None
    return lock.stages[0] if len(lock.stages) == 1 and not lock.misread else None


def _yaml(body: bytes) -> JsonValue:
    refuse_unreadable(body)
    return read_yaml(body)


def lock_of_stage_file(path: str, tracked: TrackedFile) -> Lock:
    """Return a stage file of DVC before 1.0 as the lock of one stage, called as the file."""
    name = posixpath.basename(path)
    return Lock("0", (LockedStage(name, tracked.cmd, tracked.deps, {}, tracked.outs),))
