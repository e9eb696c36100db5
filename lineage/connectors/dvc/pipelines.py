"""Makes documents of the pipelines and tracked paths that a commit has."""

from __future__ import annotations

import hashlib
import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.dvc.documents import (
    LockedStageName,
    Overlap,
    ParamsFile,
    PipelineDocument,
    RunId,
    SeenAt,
    StageDocument,
    StatedEntry,
    TrackedDocument,
)
from lineage.connectors.dvc.files import VALUE_ENDINGS, Files, Snapshot, lock_of_stage_file
from lineage.connectors.dvc.naming import DEFINITION
from lineage.connectors.dvc.remotes import Remotes
from lineage.connectors.dvc.templates import Declared, Templates
from lineage.connectors.dvc.values import (
    NamedRun,
    as_object,
    find_run_ids,
    has_state,
    look_up,
    read_values,
)
from lineage.connectors.git.addresses import canonical_repository
from lineage.connectors.git.trees import FoundFile, path_text
from lineage_schemas.errors import DecodeError, LedgerError
from lineage_schemas.outside.dvc import Entry, Lock, LockedStage, Pipeline, TrackedFile
from lineage_schemas.values import JsonValue

METRICS: Final = "metrics"

STAGES_OF_PART_MAX: Final = 2_000
"""Stages in one document of a pipeline; what is more goes on in the next."""

DECLARED_BYTES_MAX: Final = 512 * 1_024
"""Of outputs that one document of a pipeline tells again; values of a stage beyond are left out."""

_DIGEST_DIGITS: Final = 40
_CANONICAL: Final = msgspec.json.Encoder(order="deterministic")
_PATHS_KEPT: Final = 65_536
_UNDECLARED: Final = Declared(".", {}, frozenset(), None, is_frozen=False)


ToldRoles = frozenset[tuple[str, str]]
"""Paths, and what each is taken for."""


class Role(Struct, frozen=True):
    """What a path is taken for: ``metrics``, ``plots``, or the type of an artifact."""

    name: str
    desc: str | None = None
    labels: tuple[str, ...] = ()
    model: str | None = None


class Located(Struct, frozen=True):
    """A stage with its paths told from the top of the repository."""

    stage: LockedStage
    declared: Declared
    place: str
    digest: str
    is_declared: bool = True

    def path(self, path: str) -> str:
        """Return a path of the stage from the top of the repository; a URL stays."""
        return full_path(self.place, path)

    def values_paths(self) -> Iterator[str]:
        """Yield the paths of the stage that may be files of values in git."""
        for path in (*self.stage.params, *self.declared.roles, *self.declared.uncached):
            yield self.path(path)


class Understood(Struct, frozen=True):
    """A pipeline of a commit: its lock, its stages located, and those that could not be."""

    path: str
    folder: str
    lock: Lock
    blob: str
    definition: str | None
    stages: tuple[Located, ...]
    unread: tuple[tuple[str, str], ...]


@lru_cache(maxsize=_PATHS_KEPT)
def full_path(folder: str, path: str) -> str:
    """Return a path from the top of the repository; what leads elsewhere stays as it is."""
    if "://" in path or path.startswith("/"):
        return path
    if "\\x" in path:
        path = path_text(path.encode("utf-8", "replace"))  # the folder's is written so as well
    return posixpath.normpath(posixpath.join(folder, path))


class View:
    """What DVC's files of one commit say together."""

    def __init__(
        self, files: Files, snapshot: Snapshot, repository: str, aliases: dict[str, str]
    ) -> None:
        """Look at a commit's files; ``aliases`` are names of repositories by their addresses."""
        self._files = files
        self._snapshot = snapshot
        self._repository = repository
        self._aliases = aliases
        self._roles: dict[str, Role] | None = None
        self._outs: dict[str, StatedEntry] | None = None
        self._listed: list[str] | None = None
        self._pipelines: list[Understood] | None = None
        self._by_path: dict[str, Understood | None] = {}
        self._naming: dict[str, set[tuple[str, str]]] | None = None
        self.seen = SeenAt(snapshot.commit.sha, snapshot.commit.time)

    # --- what is there ---

    def pipelines(self) -> list[Understood]:
        """Return the pipelines of the commit that can be understood, by path."""
        if self._pipelines is None:
            found: list[Understood] = []
            for path in (*self._snapshot.locks, *self._snapshot.tracked):
                try:
                    one = self.pipeline(path)
                except LedgerError:
                    continue  # named where the commit's files are listed
                found += [one] if one is not None else []
            self._pipelines = found
        return self._pipelines

    def pipeline(self, path: str) -> Understood | None:
        """Understand one lock, or a stage file of old; ``None`` for a file that only tracks.

        Raises:
            LedgerError: it cannot be understood.
        """
        if path not in self._by_path:
            self._by_path[path] = self._pipeline_of(path)
        return self._by_path[path]

    def _pipeline_of(self, path: str) -> Understood | None:
        folder = posixpath.dirname(path)
        found = self._snapshot.locks.get(path)
        if found is None:
            found = self._snapshot.tracked[path]
            tracked = self._files.tracked(found)
            if not tracked.cmd:
                return None
            lock = lock_of_stage_file(path, tracked)
            declared = Declared(
                tracked.wdir or ".", {}, frozenset(), tracked.desc, bool(tracked.frozen)
            )
            stages = tuple(_located(stage, declared, folder) for stage in lock.stages)
            return Understood(path, folder, lock, found.entry.id, None, stages, ())
        lock = self._files.lock(found)
        definition = self._snapshot.definitions.get(posixpath.join(folder, DEFINITION))
        templates = self._templates(folder, definition)
        located: list[Located] = []
        unread = list(lock.misread)
        for stage in lock.stages:
            try:
                declared_here = templates.stage(stage.name) if templates else None
            except LedgerError as error:
                unread.append((stage.name, str(error)))
                continue
            is_declared = declared_here is not None
            located.append(
                _located(stage, declared_here or _UNDECLARED, folder, is_declared=is_declared)
            )
        blob = definition.entry.id if definition else None
        return Understood(path, folder, lock, found.entry.id, blob, tuple(located), tuple(unread))

    def _templates(self, folder: str, definition: FoundFile | None) -> Templates | None:
        if definition is None:
            return None
        try:
            pipeline = self._files.definition(definition)
        except LedgerError:
            return None

        def read(path: str) -> JsonValue:
            return self._files.values(self._snapshot.commit, posixpath.normpath(path))

        return Templates(pipeline, folder, read)

    def roles(self) -> dict[str, Role]:
        """Return what the commit's dvc.yaml files take paths for."""
        if self._roles is None:
            roles: dict[str, Role] = {}
            for one in self.pipelines():
                for located in one.stages:
                    for path, role in located.declared.roles.items():
                        roles[located.path(path)] = Role(role)
            for path, found in self._snapshot.definitions.items():
                try:
                    pipeline = self._files.definition(found)
                except LedgerError:
                    continue
                roles |= self._declared_roles(posixpath.dirname(path), found, pipeline)
            self._roles = roles | self._artifacts_file()
        return self._roles

    def _declared_roles(self, folder: str, found: FoundFile, pipeline: Pipeline) -> dict[str, Role]:
        roles: dict[str, Role] = {}
        if not pipeline.metrics and not pipeline.artifacts:
            return roles
        templates = self._templates(folder, found) or Templates(pipeline, folder, lambda _: None)
        for metric in pipeline.metrics:
            if isinstance(metric, str):
                roles[full_path(folder, _filled(templates, metric))] = Role(METRICS)
        for name, artifact in pipeline.artifacts.items():
            if artifact.path is not None:
                model = f"{folder}:{name}" if folder else name
                roles[full_path(folder, _filled(templates, artifact.path))] = Role(
                    artifact.type or "", artifact.desc, tuple(artifact.labels or ()), model
                )
        return roles

    def _artifacts_file(self) -> dict[str, Role]:
        found = self._snapshot.artifacts
        if found is None:
            return {}
        try:
            listed = self._files.artifacts(found)
        except LedgerError:
            return {}
        return {
            full_path("", one.path): Role(one.type or "", one.desc, tuple(one.labels or ()), name)
            for name, one in listed.items()
            if one.path is not None
        }

    def outs(self) -> dict[str, StatedEntry]:
        """Return every path that a stage of the commit wrote or a ``.dvc`` file tracks."""
        if self._outs is None:
            outs: dict[str, StatedEntry] = {}
            for path, found in self._snapshot.tracked.items():
                try:
                    tracked = self._files.tracked(found)
                except LedgerError:
                    continue
                folder = posixpath.join(posixpath.dirname(path), tracked.wdir or ".")
                for entry in tracked.outs:
                    out = full_path(folder, entry.path)
                    outs[out] = StatedEntry(out, entry.state)
            for one in self.pipelines():
                for located in one.stages:
                    for entry in located.stage.outs:
                        out = located.path(entry.path)
                        outs[out] = StatedEntry(out, entry.state)
            self._outs = outs
        return self._outs

    def model(self, name: str) -> StatedEntry | None:
        """Return the path that a name of the registry stands for at the commit, and its state."""
        for path, role in self.roles().items():
            if role.model == name:
                found = self.outs().get(path)
                if found is None:
                    committed = self._files.at(self._snapshot.commit, path)
                    state = f"git:{committed.entry.id}" if committed else None
                    found = StatedEntry(path, state)
                return msgspec.structs.replace(
                    found, role=role.name or None, desc=role.desc, labels=role.labels
                )
        return None

    # --- documents ---

    def stage_document(self, one: Understood, located: Located) -> StageDocument:
        """Return the document of a stage, with values from the commit's files."""
        stage, declared = located.stage, located.declared
        outs = tuple(self._out(entry, located) for entry in stage.outs)
        return StageDocument(
            repository=self._repository,
            lock=one.path,
            folder=one.folder,
            name=stage.name,
            digest=located.digest,
            seen=self.seen,
            command=_command(stage),
            deps=tuple(self._dep(entry, located.path(entry.path)) for entry in stage.deps),
            outs=outs,
            params=tuple(
                self._params(located.path(path), locked) for path, locked in stage.params.items()
            ),
            runs=tuple(self._runs((one.path, stage.name), outs)),
            overlaps=tuple(self._overlaps(located)),
            wdir=None if declared.wdir == "." else declared.wdir,
            desc=declared.desc,
            is_frozen=declared.is_frozen,
        )

    def pipeline_documents(
        self, one: Understood, told: Mapping[str, ToldRoles | None]
    ) -> Iterator[PipelineDocument]:
        """Yield a pipeline in its state at the commit, in as many parts as it needs.

        ``told`` says by name what the stages' own documents take their outputs for; of stages that
        are not in it the outputs are told already as they are.
        """
        parts = list(self._parts(one, told))
        for number, (stages, declared) in enumerate(parts, start=1):
            yield PipelineDocument(
                repository=self._repository,
                path=one.path,
                folder=one.folder,
                blob=one.blob,
                seen=self.seen,
                definition=one.definition,
                schema=one.lock.schema,
                stages=tuple(
                    LockedStageName(located.stage.name, located.digest, located.is_declared)
                    for located in stages
                ),
                part=number,
                parts=len(parts),
                declared=tuple(declared),
                unread=one.unread if number == 1 else (),
            )

    def _parts(
        self, one: Understood, told: Mapping[str, ToldRoles | None]
    ) -> Iterator[tuple[list[Located], list[StatedEntry]]]:
        stages: list[Located] = []
        declared: list[StatedEntry] = []
        size = 0
        for located in one.stages:
            more, more_bytes = self._declared(located, told.get(located.stage.name))
            is_full = len(stages) == STAGES_OF_PART_MAX or size + more_bytes > DECLARED_BYTES_MAX
            if stages and is_full:
                yield stages, declared
                stages, declared, size = [], [], 0
            stages.append(located)
            declared += more
            size += more_bytes
        yield stages, declared

    def _declared(self, located: Located, told: ToldRoles | None) -> tuple[list[StatedEntry], int]:
        """Return the outputs that the stage's document takes for something else; their bytes."""
        found: list[StatedEntry] = []
        size = 0
        for entry in located.stage.outs:
            path = located.path(entry.path)
            role = self.roles().get(path)
            if role is None:
                continue
            is_news = told is not None and bool(role.name) and (path, role.name) not in told
            if role.model is None and not is_news:
                continue
            stated = self._out(entry, located)
            more = len(_CANONICAL.encode(stated))
            if size + more > DECLARED_BYTES_MAX:
                reason = f"Over {DECLARED_BYTES_MAX} bytes are declared (DECLARED_BYTES_MAX)"
                stated = msgspec.structs.replace(stated, values=None, unread=reason)
                more = len(_CANONICAL.encode(stated))
            found.append(stated)
            size += more
        return found, size

    def tracked_document(
        self, path: str, found: FoundFile, tracked: TrackedFile
    ) -> TrackedDocument:
        """Return the document of a ``.dvc`` file."""
        folder = posixpath.join(posixpath.dirname(path), tracked.wdir or ".")
        origin = next((dep.repo for dep in tracked.deps if dep.repo is not None), None)
        outs = tuple(self._entry(entry, full_path(folder, entry.path)) for entry in tracked.outs)
        first = outs[0].state if len(outs) == 1 else None
        sources = tuple(
            StatedEntry(posixpath.normpath(dep.path).lstrip("/"), dep.state or first)
            if dep.repo is not None
            else self._entry(dep, full_path(folder, dep.path))
            for dep in tracked.deps
        )
        address = None if origin is None else canonical_repository(origin.url)
        return TrackedDocument(
            repository=self._repository,
            path=path,
            blob=found.entry.id,
            seen=self.seen,
            outs=outs,
            sources=sources,
            origin=None if address is None else self._aliases.get(address, address),
            revision=None if origin is None else origin.rev,
            revision_locked=None if origin is None else origin.rev_lock,
            desc=tracked.desc,
            is_frozen=bool(tracked.frozen),
        )

    def remotes(self, path: str) -> Remotes:
        """Return the remotes of the project that a path is in: the deepest that holds it."""
        best, found = -1, Remotes()
        for place, config in self._snapshot.configurations.items():
            top = place.removesuffix(".dvc/config")
            if path.startswith(top) and len(top) > best:
                try:
                    best, found = len(top), self._files.remotes(config)
                except LedgerError:
                    continue
        return found

    def _entry(self, entry: Entry, path: str, *, is_cached: bool = True) -> StatedEntry:
        role = self.roles().get(path)
        state = entry.state
        is_stored = is_cached and entry.cache is not False and "://" not in path
        return StatedEntry(
            path=path,
            state=state,
            size=entry.size,
            files=entry.nfiles,
            is_executable=bool(entry.isexec),
            role=role.name or None if role else (METRICS if entry.metric else None),
            uri=self.remotes(path).uri(state, entry.remote) if is_stored else None,
            desc=entry.desc or (role.desc if role else None),
            labels=tuple(entry.labels or ()) or (role.labels if role else ()),
        )

    def _dep(self, entry: Entry, path: str) -> StatedEntry:
        made = self.outs().get(path)
        if made is not None and made.state is not None and made.state == entry.state:
            return StatedEntry(path, made.state, is_made_here=True)
        return self._entry(entry, path)

    def _out(self, entry: Entry, located: Located) -> StatedEntry:
        path = located.path(entry.path)
        is_cached = posixpath.normpath(entry.path) not in {
            posixpath.normpath(one) for one in located.declared.uncached
        }
        stated = self._entry(entry, path, is_cached=is_cached)
        if stated.role != METRICS:
            return stated
        try:
            values = as_object(self._written(path, stated.state))
        except LedgerError as error:
            return msgspec.structs.replace(stated, unread=error.what)
        return msgspec.structs.replace(stated, values=values)

    def _written(self, path: str, state: str | None) -> JsonValue:
        """Return the values of a file that a stage wrote, if the commit has it in that state."""
        found = self._files.at(self._snapshot.commit, path)
        if found is None:
            raise DecodeError("The file is not in git: DVC keeps its bytes elsewhere")
        body = self._files.body(found)
        if state is not None and not has_state(body, state):
            raise DecodeError("The file at the commit is not the one that the stage wrote")
        return read_values(path, body)

    def _runs(self, stage: tuple[str, str], outs: tuple[StatedEntry, ...]) -> Iterator[RunId]:
        """Yield the runs that a stage's files name, and say which is the stage itself.

        One that is named beside another, or by another stage as well, may be any of them.
        """
        found = [
            (out, named)
            for out in outs
            if out.values is not None or (out.path.endswith(VALUE_ENDINGS) and out.uri is None)
            for named in self._named_runs(out)
        ]
        measured = {named.run for out, named in found if out.role == METRICS}
        for out, named in found:
            is_own = (
                named.is_plain
                and out.role == METRICS
                and len(measured) == 1
                and self._stages_naming(named.run) <= {stage}
            )
            yield RunId(out.path, named.name, named.run, is_own)

    def _named_runs(self, out: StatedEntry) -> tuple[NamedRun, ...]:
        try:
            return tuple(find_run_ids(self._written(out.path, out.state)))
        except LedgerError:
            return ()  # no file of values in git: nothing is claimed of it

    def _stages_naming(self, run: str) -> set[tuple[str, str]]:
        """Return the stages of the commit, by lock and name, that write a run's id into a file."""
        if self._naming is None:
            naming: dict[str, set[tuple[str, str]]] = {}
            written = (
                ((one.path, located.stage.name), located.path(entry.path))
                for one in self.pipelines()
                for located in one.stages
                for entry in located.stage.outs
            )
            for stage, path in written:
                for named in self._files.run_ids(self._snapshot.commit, path):
                    naming.setdefault(named.run, set()).add(stage)
            self._naming = naming
        return self._naming.get(run, set())

    def _params(self, path: str, locked: dict[str, JsonValue] | None) -> ParamsFile:
        plain = as_object(locked or {})
        try:
            values = self._files.values(self._snapshot.commit, path)
        except LedgerError as error:
            return ParamsFile(path, plain, None, error.what)
        if values is None:
            return ParamsFile(path, plain, None, "The file is not in git at the commit")
        if not locked:
            return ParamsFile(path, plain, as_object(values))
        found = {name: look_up(values, name) for name in locked}
        return ParamsFile(
            path, plain, {name: value for name, (is_there, value) in found.items() if is_there}
        )

    def _overlaps(self, located: Located) -> Iterator[Overlap]:
        outs = self.outs()
        if self._listed is None:
            self._listed = sorted(outs)
        own = {located.path(entry.path) for entry in located.stage.outs}
        for entry in located.stage.deps:
            path = located.path(entry.path)
            for written in _overlapping(path, outs, self._listed):
                if written.path not in own:
                    yield Overlap(path, written)


def _overlapping(
    path: str, outs: dict[str, StatedEntry], listed: list[str]
) -> Iterator[StatedEntry]:
    """Yield the outputs that hold a path, and those below it; not the path itself."""
    above = posixpath.dirname(path)
    while above and above != "/":
        if above in outs:
            yield outs[above]
        above = posixpath.dirname(above)
    below = f"{path}/"
    for out in listed[bisect_left(listed, below) :]:
        if not out.startswith(below):
            return
        yield outs[out]


def _located(
    stage: LockedStage, declared: Declared, folder: str, *, is_declared: bool = True
) -> Located:
    place = posixpath.normpath(posixpath.join(folder, declared.wdir))
    return Located(stage, declared, place, stage_digest(stage, place), is_declared)


def stage_digest(stage: LockedStage, place: str) -> str:
    """Return the digest of what a stage is: command, parameters, and each path with its state."""
    content = {
        "command": _command(stage),
        "deps": sorted((full_path(place, one.path), one.state or "") for one in stage.deps),
        "outs": sorted((full_path(place, one.path), one.state or "") for one in stage.outs),
        "params": {full_path(place, path): values for path, values in stage.params.items()},
        "place": place,
    }
    return hashlib.sha256(_CANONICAL.encode(content)).hexdigest()[:_DIGEST_DIGITS]


def _command(stage: LockedStage) -> tuple[str, ...]:
    match stage.cmd:
        case None:
            return ()
        case str() as one:
            return (one,)
        case several:
            return tuple(several)


def _filled(templates: Templates, text: str) -> str:
    try:
        return templates.text(text)
    except LedgerError:
        return text


def told_roles(document: StageDocument) -> ToldRoles:
    """Return what a stage's document takes its outputs for."""
    return frozenset((out.path, out.role) for out in document.outs if out.role is not None)
