"""Reads DVC's and GTO's history from a git repository, and changes nothing there.

A look goes through every commit that can be reached from the references that were asked for,
parents first. What is fixed and known is passed over without its files being read. What is there
and cannot be understood is yielded as ``Unread``, at every look, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from lineage.collector import paused_collector
from lineage.connectors.base import MESSAGE_BYTES_MAX
from lineage.connectors.dvc.documents import (
    CommitDocument,
    PipelineAt,
    PipelineDocument,
    RepositoryDocument,
    StageDocument,
    TagDocument,
    UnreadPart,
    encode_document,
)
from lineage.connectors.dvc.files import Files, Snapshot, is_wanted
from lineage.connectors.dvc.naming import DEFINITION, LOCK, subject
from lineage.connectors.dvc.pipelines import ToldRoles, Understood, View, told_roles
from lineage.connectors.dvc.registry import RegistryEntry, versions_of
from lineage.connectors.git.addresses import canonical_repository
from lineage.connectors.git.objects import Commit, Tag, parse_commit, parse_tag
from lineage.connectors.git.process import ObjectReader, body_of
from lineage.connectors.git.repository import (
    BRANCHES_AND_TAGS,
    Reference,
    Repository,
    has_alternates,
    list_absent,
    list_commits,
    open_repository,
    read_head,
    read_references,
    read_remote,
    read_shallow,
)
from lineage.connectors.git.trees import FoundFile, Trees
from lineage.connectors.scanning import GONE, Document, Known, Listed, Look, Memory, Unread
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError
from lineage_schemas.outside.gto import parse_registry_tag
from lineage_schemas.values import JsonValue

_WINDOW: Final = 200
_REASON_CHARS_MAX: Final = 400
_TAGS: Final = "refs/tags/"
_One = TypeVar("_One")


class DvcOptions(Struct, frozen=True):
    """What to read, and what things are called.

    ``repository`` names the repository where it has no remote, or another name is wanted; two
    sources that give one name speak of one repository. ``references`` are read besides branches and
    tags (``refs/exps`` for DVC's experiments). ``aliases`` are names of repositories by the
    addresses that imports give.
    """

    repository: str | None = None
    references: tuple[str, ...] = ()
    aliases: dict[str, str] = {}


DEFAULTS: Final = DvcOptions()
"""Branches and tags, under the name that the remote gives."""


class DvcReader:
    """Reads a git repository once: a source that is looked at.

    Raises:
        InvalidInputError: there is no repository or no git, git refuses, or the repository has
            neither a remote nor a name.
    """

    def __init__(self, path: Path, options: DvcOptions = DEFAULTS) -> None:
        """Look at which repository there is at ``path``."""
        self._path = path
        self._options = options
        self._repository = open_repository(path)
        self._name = repository_name(self._repository, options)

    @property
    def tool(self) -> str:
        """What the source is."""
        return "dvc"

    @property
    def address(self) -> str:
        """What the repository is called in every key."""
        return self._name

    @property
    def listed(self) -> tuple[str, ...]:
        """The kinds of which all are shown; stages and files of a commit that is gone stay."""
        return ("commit", "tag")

    @property
    def shown_at(self) -> datetime | None:
        """A repository shows no time of its own."""
        return None

    @property
    def cursor(self) -> JsonValue:
        """Where to go on: what is known is passed over, so nowhere else."""
        return None

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002
        """Yield what the repository shows: all of it, or what is not known yet.

        It comes in this order: the repository itself, then for each commit, parents first, its
        stages, pipelines and tracked paths before the commit; then tags.

        Raises:
            InvalidInputError: git refuses, or ended while it was being read.
        """
        references = read_references(
            self._repository, (*BRANCHES_AND_TAGS, *self._options.references)
        )
        starts = [one.commit for one in references if one.commit is not None]
        head = read_head(self._repository)
        if head is not None:
            starts.append(head)
        with ObjectReader(self._path, list_absent(self._repository, starts)) as objects:
            look = _Look(
                self._repository, self._name, objects, memory, self._options.aliases, is_whole
            )
            yield look.itself(head)
            if has_alternates(self._repository):
                yield Unread(
                    "other repository",
                    "other repository/alternates",
                    "Objects are taken from another repository too (objects/info/alternates), so "
                    "what is read may be of that one. Try git repack -a, then remove the file.",
                )
            yield from look.history(list_commits(self._repository, starts))
            if is_whole and not self._repository.is_shallow:
                yield Listed("commit")
            yield from look.tags(references)
            yield Listed("tag")


def repository_name(repository: Repository, options: DvcOptions) -> str:
    """Return what a repository is called in every key.

    Raises:
        InvalidInputError: it has neither a remote nor a name.
    """
    found = options.repository or read_remote(repository)
    if not found:
        raise InvalidInputError(
            "The repository has no remote, so nothing says what it is called",
            where=str(repository.path),
            hint="Name it with --repository: its address, or a name that no other has.",
        )
    address = canonical_repository(found)
    return options.aliases.get(address, address)


class _Look:
    """One look at a repository."""

    def __init__(
        self,
        repository: Repository,
        name: str,
        objects: ObjectReader,
        memory: Memory,
        aliases: Mapping[str, str],
        is_whole: bool,  # noqa: FBT001 - handed on
    ) -> None:
        self._repository = repository
        self._name = name
        self._objects = objects
        self._trees = Trees(objects, repository.id_bytes, is_wanted)
        self._files = Files(objects, self._trees)
        self._memory = memory
        self._aliases = dict(aliases)
        self._is_whole = is_whole
        self._seen: set[str] = set()
        self._told: dict[str, ToldRoles | None] = {}  # by stage, what its document says
        self._back: set[str] = set()  # commits that were gone
        self._unread: set[str] = set()
        self._misread: dict[str, tuple[tuple[str, str], ...]] = {}
        self._lost: dict[str, str] = {}

    def itself(self, head: str | None) -> Document:
        """Return the document of the repository, with the remotes of what is checked out."""
        document = RepositoryDocument(self._name, self._repository.is_shallow)
        if head is not None:
            for snapshot in self._files.snapshots(self._commits([head])):
                remotes = self._view(snapshot).remotes("")
                document = RepositoryDocument(
                    self._name,
                    self._repository.is_shallow,
                    {name: remote.url for name, remote in sorted(remotes.by_name.items())},
                    remotes.default,
                )
        name = subject("repository", self._name)
        return Document("repository", name, encode_document(document))

    def history(self, shas: Sequence[str]) -> Iterator[Document | Unread]:
        """Yield what each commit has and, after it, the commit."""
        boundary = read_shallow(self._repository)
        for window in _windows(shas, _WINDOW):
            told = self._memory.known(f"commit/{sha}" for sha in window)
            known = {name: one for name, one in told.items() if one.body != GONE}
            self._back.update(name for name in told if name not in known)
            looked_at = [sha for sha in window if self._is_whole or f"commit/{sha}" not in known]
            if not self._is_whole:
                for one in known.values():
                    yield from self._known_unread(one)
            yield from self._window(looked_at, known)
        for sha in sorted(boundary.intersection(shas)):
            yield Unread(
                "commit before",
                f"commit before/{sha}",
                "What came before it is not here: the clone is shallow. Try git fetch --unshallow.",
            )

    def _known_unread(self, known: Known) -> Iterator[Unread]:
        """Yield again what could not be read: it is in the repository still, and still broken."""
        if known.body is not None and b'"unread"' in known.body:
            document = msgspec.json.decode(known.body, type=CommitDocument)
            yield from self._name_unread(document.unread)

    def _window(
        self, shas: Sequence[str], commits: Mapping[str, Known]
    ) -> Iterator[Document | Unread]:
        with paused_collector():
            snapshots = self._files.snapshots(self._commits(shas))
            self._files.load(one for one in snapshots if f"commit/{one.commit.sha}" not in commits)
            views = [self._view(snapshot) for snapshot in snapshots]
            named = [self._unseen(snapshot) for snapshot in snapshots]
            known = self._memory.known(name for names in named for name in names)
            fresh = [
                self._understood(view, names, known)
                for view, names in zip(views, named, strict=True)
            ]
            self._fetch_values(snapshots, fresh)
        for sha in [sha for sha in shas if sha in self._lost]:
            yield from self._once_unread(f"commit/{sha}", "commit", self._lost[sha])
        for tree in sorted(self._trees.missing):
            yield from self._once_unread(
                f"tree/{tree}", "tree", "A folder of a commit is not in this repository"
            )
        for snapshot, view, names, pipelines in zip(snapshots, views, named, fresh, strict=True):
            for name in names:
                if name in pipelines:
                    yield from self._pipeline(view, pipelines[name], name)
                elif name in known:
                    yield from self._known_pipeline(name, known[name])
            yield from self._tracked(snapshot, view)
            before = commits.get(f"commit/{snapshot.commit.sha}")
            if before is None:
                yield from self._commit(snapshot)
            else:
                yield from self._known_unread(before)
                yield _again("commit", f"commit/{snapshot.commit.sha}", before)

    def _unseen(self, snapshot: Snapshot) -> dict[str, str]:
        """Return, by subject, the paths of pipelines in states that this look has not met."""
        found: dict[str, str] = {}
        for path in (*snapshot.locks, *snapshot.tracked):
            name = self._pipeline_subject(snapshot, path)
            if name not in self._seen:
                self._seen.add(name)
                found[name] = path
        return found

    def _understood(
        self, view: View, names: Mapping[str, str], known: Mapping[str, Known]
    ) -> dict[str, Understood]:
        """Return the pipelines that are not known yet, as far as they can be understood."""
        found: dict[str, Understood] = {}
        for name, path in names.items():
            if name in known:
                self._misread[name] = _unread_stages(known[name])
                continue
            try:
                one = view.pipeline(path)
            except LedgerError:
                continue  # the commit tells of it
            if one is not None:
                found[name] = one
                self._misread[name] = one.unread
        return found

    def _fetch_values(
        self, snapshots: Sequence[Snapshot], fresh: Sequence[Mapping[str, Understood]]
    ) -> None:
        self._files.fetch(
            (snapshot.commit, path)
            for snapshot, pipelines in zip(snapshots, fresh, strict=True)
            for one in pipelines.values()
            for located in one.stages
            for path in located.values_paths()
        )

    def _pipeline_subject(self, snapshot: Snapshot, path: str) -> str:
        at = self._pipeline_at(snapshot, path)
        return subject("pipeline", at.path, at.blob, at.definition or "none")

    def _pipeline_at(self, snapshot: Snapshot, path: str) -> PipelineAt:
        lock = snapshot.locks.get(path)
        if lock is None:
            return PipelineAt(path, snapshot.tracked[path].entry.id)
        definition = snapshot.definitions.get(path.removesuffix(LOCK) + DEFINITION)
        return PipelineAt(path, lock.entry.id, definition.entry.id if definition else None)

    def _pipeline(self, view: View, one: Understood, name: str) -> Iterator[Document | Unread]:
        stages = {
            subject("stage", one.path, located.stage.name, located.digest): located
            for located in one.stages
        }
        fresh = [each for each in stages if each not in self._seen]
        known = self._memory.known(each for each in stages if each not in self._told)
        self._told.update((each, _told_roles(stage)) for each, stage in known.items())
        told = {
            located.stage.name: self._told[each]
            for each, located in stages.items()
            if each in self._told
        }
        self._seen.update(fresh)
        for each in fresh:
            if each not in known:
                stage = view.stage_document(one, stages[each])
                self._told[each] = told_roles(stage)
                yield _fixed("stage", each, encode_document(stage), view.seen.time)
            elif self._is_whole:
                yield _again("stage", each, known[each])
        # The first part comes last: whoever knows that one knows them all.
        for document in reversed(tuple(view.pipeline_documents(one, told))):
            part = name if document.part == 1 else f"{name}#{document.part}"
            yield _fixed("pipeline", part, encode_document(document), view.seen.time)

    def _known_pipeline(self, name: str, known: Known) -> Iterator[Document]:
        """Yield a pipeline that is known, and its stages, as they are known."""
        if not self._is_whole:
            return
        found = {name: known}
        if known.body is not None:
            parts = msgspec.json.decode(known.body, type=PipelineDocument).parts
            found |= self._memory.known(f"{name}#{part}" for part in range(2, parts + 1))
        stages = [
            each
            for one in found.values()
            for each in _stage_subjects(one)
            if each not in self._seen
        ]
        self._seen.update(stages)
        for each, one in self._memory.known(stages).items():
            yield _again("stage", each, one)
        for each, one in found.items():
            yield _again("pipeline", each, one)

    def _commit(self, snapshot: Snapshot) -> Iterator[Document | Unread]:
        commit = snapshot.commit
        unread = [
            *self._unreadable(snapshot.locks, self._files.lock),
            *self._unreadable(snapshot.definitions, self._files.definition),
            *self._unreadable(snapshot.tracked, self._files.tracked),
        ]
        bad = {one.name for one in unread}
        unread += self._stages_unread(snapshot)
        unread += (
            UnreadPart("tree", one.path.rstrip("/"), one.id, one.reason[:_REASON_CHARS_MAX])
            for one in self._trees.unread(commit.tree)
        )
        yield from self._name_unread(unread)
        document = CommitDocument(
            repository=self._name,
            sha=commit.sha,
            tree=commit.tree,
            subject=commit.subject,
            parents=commit.parents,
            author=commit.author,
            committer=commit.committer,
            is_signed=commit.is_signed,
            pipelines=tuple(
                self._pipeline_at(snapshot, path)
                for path in self._pipeline_paths(snapshot)
                if path not in bad
            ),
            unread=tuple(unread),
        )
        name = f"commit/{commit.sha}"
        # One that is back is news of this look, and was committed before it was gone.
        time = None if name in self._back else commit.time
        yield _fixed("commit", name, encode_document(document), time)

    def _pipeline_paths(self, snapshot: Snapshot) -> Iterator[str]:
        """Yield the lock files of a commit, and the stage files of old among its ``.dvc`` files."""
        yield from snapshot.locks
        for path, found in snapshot.tracked.items():
            if reason_unread(self._files.tracked, found) is None and self._files.tracked(found).cmd:
                yield path

    @staticmethod
    def _unreadable(
        found: Mapping[str, FoundFile], read: Callable[[FoundFile], object]
    ) -> Iterator[UnreadPart]:
        for path, file in found.items():
            reason = reason_unread(read, file)
            if reason is not None:
                yield UnreadPart("file", path, file.entry.id, reason[:_REASON_CHARS_MAX])

    def _stages_unread(self, snapshot: Snapshot) -> Iterator[UnreadPart]:
        """Yield the stages that could not be understood in a lock that otherwise could."""
        for path, found in snapshot.locks.items():
            for name, reason in self._misread.get(self._pipeline_subject(snapshot, path), ()):
                yield UnreadPart(
                    "stage", f"{path}:{name}", found.entry.id, reason[:_REASON_CHARS_MAX]
                )

    def _tracked(self, snapshot: Snapshot, view: View) -> Iterator[Document | Unread]:
        fresh: dict[str, tuple[str, FoundFile]] = {}
        for path, found in snapshot.tracked.items():
            name = subject("tracked", path, found.entry.id)
            if name not in self._seen:
                self._seen.add(name)
                fresh[name] = (path, found)
        known = self._memory.known(fresh)
        for name, (path, found) in fresh.items():
            if name in known:
                if self._is_whole:
                    yield _again("tracked", name, known[name])
                continue
            if reason_unread(self._files.tracked, found) is not None:
                continue
            read = self._files.tracked(found)
            if not read.cmd:
                document = view.tracked_document(path, found, read)
                yield _fixed("tracked", name, encode_document(document), view.seen.time)

    def tags(self, references: Iterable[Reference]) -> Iterator[Document | Unread]:
        """Yield the annotated tags; those of the registry with the model they are about."""
        listed = [one for one in references if one.tag is not None and one.name.startswith(_TAGS)]
        entries: list[RegistryEntry] = []
        plain: list[tuple[str, Tag, str]] = []
        found = self._objects.read([one.tag or "" for one in listed])
        for one, read in zip(listed, list(found), strict=True):
            name = one.name.removeprefix(_TAGS)
            if read is None or one.commit is None:
                yield Unread(
                    "tag", subject("tag", name), "It leads to no commit of this repository"
                )
                continue
            try:
                tag = parse_tag(read.id, body_of(read, "tag"))
            except DecodeError as error:
                yield Unread("tag", subject("tag", name), str(error))
                continue
            said = parse_registry_tag(name)
            if said is None:
                plain.append((name, tag, one.commit))
            else:
                entries.append(RegistryEntry(name, tag, one.commit, said))
        for name, tag, commit in plain:
            yield self._tag(
                TagDocument(
                    self._name, name, tag.id, commit, tag.message, tag.tagger, tag.is_signed
                )
            )
        yield from self._registry(entries)

    def _registry(self, entries: Sequence[RegistryEntry]) -> Iterator[Document]:
        versions = versions_of(entries)
        for window in _windows(entries, _WINDOW):
            shas = list(dict.fromkeys(one.commit for one in window))
            snapshots = self._files.snapshots(self._commits(shas))
            views = {one.commit.sha: self._view(one) for one in snapshots}
            for one in window:
                view = views.get(one.commit)
                yield self._tag(
                    TagDocument(
                        repository=self._name,
                        name=one.name,
                        object=one.tag.id,
                        commit=one.commit,
                        message=one.tag.message,
                        tagger=one.tag.tagger,
                        is_signed=one.tag.is_signed,
                        registry=one.said,
                        version=versions[one.name],
                        model=None if view is None else view.model(one.said.model),
                    )
                )

    def _tag(self, document: TagDocument) -> Document:
        # The tagger's time is not when the tag came to be here: one that is restored, or moved to
        # an older date, would be taken for older than what is known of it.
        return Document("tag", subject("tag", document.name), encode_document(document))

    def _commits(self, shas: Sequence[str]) -> list[Commit]:
        """Return these commits, without those that cannot be read."""
        found: list[Commit] = []
        for sha, read in zip(shas, self._objects.read(shas), strict=True):
            try:
                found.append(parse_commit(sha, body_of(read, "commit")))
            except DecodeError as error:
                self._lost[sha] = str(error)
        return found

    def _view(self, snapshot: Snapshot) -> View:
        return View(self._files, snapshot, self._name, self._aliases)

    def _name_unread(self, parts: Iterable[UnreadPart]) -> Iterator[Unread]:
        for one in parts:
            name = subject(one.kind, one.name, one.blob)
            yield from self._once_unread(name, one.kind, one.reason)

    def _once_unread(self, name: str, kind: str, reason: str) -> Iterator[Unread]:
        if name not in self._unread:
            self._unread.add(name)
            yield Unread(kind, name, reason)


def reason_unread(read: Callable[[FoundFile], object], found: FoundFile) -> str | None:
    """Return why a file cannot be understood; ``None`` where it can."""
    try:
        read(found)
    except LedgerError as error:
        return str(error)
    return None


def _again(kind: str, name: str, known: Known) -> Document:
    """Return what never changes as it is known: nothing of it has to be read to show it again."""
    return Document(kind, name, known.body or b"", known.at, is_fixed=True)


def _unread_stages(known: Known) -> tuple[tuple[str, str], ...]:
    if known.body is None or b'"unread"' not in known.body:
        return ()
    return msgspec.json.decode(known.body, type=PipelineDocument).unread


def _told_roles(known: Known) -> ToldRoles | None:
    if known.body is None:
        return None  # it was erased: nothing of it is told again
    return told_roles(msgspec.json.decode(known.body, type=StageDocument))


def _stage_subjects(known: Known) -> list[str]:
    if known.body is None:
        return []
    document = msgspec.json.decode(known.body, type=PipelineDocument)
    return [subject("stage", document.path, one.name, one.digest) for one in document.stages]


def _fixed(kind: str, name: str, body: bytes, time: datetime | None) -> Document | Unread:
    """Return a document that never changes, or say that it is too large to be kept."""
    if len(body) > MESSAGE_BYTES_MAX:
        reason = f"{len(body)} bytes are over the limit of {MESSAGE_BYTES_MAX} (MESSAGE_BYTES_MAX)"
        return Unread(kind, name, reason)
    return Document(kind, name, body, time, is_fixed=True)


def _windows(items: Iterable[_One], size: int) -> Iterator[list[_One]]:
    waiting = iter(items)
    while window := list(islice(waiting, size)):
        yield window
