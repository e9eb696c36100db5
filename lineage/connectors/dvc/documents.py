"""What a look at a repository yields, one struct a kind of document.

Each is written as JSON with its fields in order, so the same thing is the same bytes. All but the
repository itself and its tags are fixed: they tell of a commit, or of content that has one name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.git.objects import Person
from lineage_schemas.errors import DecodeError
from lineage_schemas.outside.gto import RegistryTag
from lineage_schemas.values import JsonValue


class StatedEntry(Struct, frozen=True, omit_defaults=True):
    """A path, from the top of the repository or a URL, and the state it was in.

    ``role`` is what dvc.yaml takes it for: ``metrics``, ``plots``, or the type of an artifact.
    ``values`` are a metrics file's, where the file at the commit is in that state; if they could
    not be read, ``unread`` says why. ``is_made_here``: a stage or ``.dvc`` file of the same commit
    made it just so, and describes it.
    """

    path: str
    state: str | None = None
    size: int | None = None
    files: int | None = None
    is_executable: bool = False
    role: str | None = None
    uri: str | None = None
    values: dict[str, JsonValue] | None = None
    unread: str | None = None
    desc: str | None = None
    labels: tuple[str, ...] = ()
    is_made_here: bool = False


class SeenAt(Struct, frozen=True, omit_defaults=True):
    """The commit at which something was seen first, and when that was made."""

    commit: str
    time: datetime | None = None


class RunId(Struct, frozen=True, omit_defaults=True):
    """An MLflow run that a file names: the file, the keys that lead there, the id.

    ``is_own``: the file says it of the stage that wrote it, and of no other.
    """

    path: str
    name: str
    run: str
    is_own: bool = False


class ParamsFile(Struct, frozen=True, omit_defaults=True):
    """Parameters of one file: as the lock has them, and as the file had them at the commit."""

    path: str
    locked: dict[str, JsonValue]
    committed: dict[str, JsonValue] | None = None
    unread: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the file at the commit says otherwise than the lock."""
        return bool(self.locked) and self.committed not in (None, self.locked)


class Overlap(Struct, frozen=True):
    """A path that a stage reads lies in a folder that another writes, or the other way round.

    ``written`` is in the state of the commit that has the stage first. At a later one it may have
    been written anew, and the stage not have run again.
    """

    path: str
    written: StatedEntry


class StageDocument(Struct, frozen=True, omit_defaults=True, tag="stage"):
    """A stage that ran, told apart by its content: command, parameters, what it read and wrote."""

    repository: str
    lock: str
    folder: str
    name: str
    digest: str
    seen: SeenAt
    command: tuple[str, ...] = ()
    deps: tuple[StatedEntry, ...] = ()
    outs: tuple[StatedEntry, ...] = ()
    params: tuple[ParamsFile, ...] = ()
    runs: tuple[RunId, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    wdir: str | None = None
    desc: str | None = None
    is_frozen: bool = False


class LockedStageName(Struct, frozen=True, omit_defaults=True):
    """A stage as a pipeline has it. One that dvc.yaml does not declare is a leftover."""

    name: str
    digest: str
    is_declared: bool = True


class PipelineDocument(Struct, frozen=True, omit_defaults=True, tag="pipeline"):
    """A pipeline in one state: of its lock file, and of the dvc.yaml beside it.

    ``declared`` are outputs of its stages that are a model, or that dvc.yaml takes for something
    which it did not when the stage was first seen. One with very many stages is told in several
    parts.
    """

    repository: str
    path: str
    folder: str
    blob: str
    seen: SeenAt
    definition: str | None = None
    schema: str | None = None
    part: int = 1
    parts: int = 1
    stages: tuple[LockedStageName, ...] = ()
    declared: tuple[StatedEntry, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()


class TrackedDocument(Struct, frozen=True, omit_defaults=True, tag="tracked"):
    """A ``.dvc`` file: what it tracks, and for an import where that came from.

    ``origin`` is the canonical address of the repository imported from.
    """

    repository: str
    path: str
    blob: str
    seen: SeenAt
    outs: tuple[StatedEntry, ...] = ()
    sources: tuple[StatedEntry, ...] = ()
    origin: str | None = None
    revision: str | None = None
    revision_locked: str | None = None
    desc: str | None = None
    is_frozen: bool = False


class PipelineAt(Struct, frozen=True, omit_defaults=True):
    """Names the state in which a commit has a pipeline."""

    path: str
    blob: str
    definition: str | None = None


class UnreadPart(Struct, frozen=True):
    """A file or a stage that is there and could not be understood: which, in which blob, why."""

    kind: str
    name: str
    blob: str
    reason: str


class CommitDocument(Struct, frozen=True, omit_defaults=True, tag="commit"):
    """A commit, and the pipelines as it has them.

    ``unread`` names the files, and stages of locks, that could not be understood.
    """

    repository: str
    sha: str
    tree: str
    subject: str
    parents: tuple[str, ...] = ()
    author: Person | None = None
    committer: Person | None = None
    is_signed: bool = False
    pipelines: tuple[PipelineAt, ...] = ()
    unread: tuple[UnreadPart, ...] = ()


class TagDocument(Struct, frozen=True, omit_defaults=True, tag="tag"):
    """An annotated tag; ``registry`` is what its name says to the model registry.

    ``version`` is the version an assignment is of: that of a registration of the same commit, else
    the commit. ``model`` is the path that the registry's name stood for at that commit.
    """

    repository: str
    name: str
    object: str
    commit: str
    message: str
    tagger: Person | None = None
    is_signed: bool = False
    registry: RegistryTag | None = None
    version: str | None = None
    model: StatedEntry | None = None


class RepositoryDocument(Struct, frozen=True, omit_defaults=True, tag="repository"):
    """The repository: where its data is stored, and whether its history is whole."""

    repository: str
    is_shallow: bool = False
    remotes: dict[str, str] = {}
    default_remote: str | None = None


AnyDocument = (
    StageDocument
    | PipelineDocument
    | TrackedDocument
    | CommitDocument
    | TagDocument
    | RepositoryDocument
)

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[AnyDocument]] = msgspec.json.Decoder(AnyDocument)


def encode_document(document: AnyDocument) -> bytes:
    """Return a document's bytes."""
    return _ENCODER.encode(document)


def decode_document(body: bytes) -> AnyDocument:
    """Read a document.

    Raises:
        DecodeError: it is none; names the JSON path.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as error:
        what, _, path = str(error).partition(" - at ")
        raise DecodeError(what, where=path.strip("`") or "$") from error
