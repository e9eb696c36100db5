"""DVC's files, read tolerantly from what their YAML holds: dvc.lock, ``.dvc`` files, dvc.yaml.

A *locked stage* is what a stage was when it last ran: its command, and the state of each path that
it read or wrote. A *state* is ``ALGORITHM:VALUE``. DVC 2 and older wrote MD5 sums of text with its
line endings normalised under the same name as DVC 3's plain ones, which alone say ``hash: md5``;
those are ``dvc-md5`` here. The value for a folder ends in ``.dir`` and is the digest of a listing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

from lineage_schemas.errors import DecodeError, LedgerError
from lineage_schemas.values import JsonValue

MD5: Final = "md5"
DVC_MD5: Final = "dvc-md5"
DIRECTORY: Final = ".dir"

_Form = TypeVar("_Form", bound=Struct)
_SCHEMAS: Final = frozenset({"1.0", "2.0"})
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+(?:\.dir)?")


class RepositoryOfImport(Struct, frozen=True):
    """Where ``dvc import`` took a path from: repository, revision asked for, and the one found."""

    url: str
    rev: str | None = None
    rev_lock: str | None = None


class Entry(Struct, frozen=True):
    """One path that a stage read or wrote, or that is tracked: and in what state it was."""

    path: str
    md5: str | None = None
    hash: str | None = None
    etag: str | None = None
    checksum: str | None = None
    size: int | None = None
    nfiles: int | None = None
    isexec: bool | None = None
    version_id: str | None = None
    cloud: dict[str, JsonValue] | None = None
    dataset: dict[str, JsonValue] | None = None
    repo: RepositoryOfImport | None = None
    cache: bool | None = None
    remote: str | None = None
    desc: str | None = None
    type: str | None = None
    labels: list[str] | None = None
    metric: JsonValue = None

    @property
    def state(self) -> str | None:
        """The state as ``ALGORITHM:VALUE``; ``None`` where the file names none."""
        if self.md5:
            return f"{self.algorithm}:{self.md5.lower()}"
        for name, value in (("etag", self.etag), ("checksum", self.checksum)):
            if value:
                return f"{name}:{value.strip(_QUOTES)}"
        return None

    @property
    def algorithm(self) -> str:
        """What the entry's ``md5`` was made with."""
        if self.hash is None:
            return DVC_MD5
        return DVC_MD5 if self.hash == "md5-dos2unix" else self.hash

    @property
    def is_directory(self) -> bool:
        """Whether the digest is that of a folder's listing."""
        return (self.md5 or "").endswith(DIRECTORY)


_QUOTES: Final = '"'


class LockedStage(Struct, frozen=True):
    """A stage as it last ran."""

    name: str
    cmd: str | list[str] | None = None
    deps: tuple[Entry, ...] = ()
    params: dict[str, dict[str, JsonValue] | None] = {}
    outs: tuple[Entry, ...] = ()


class Lock(Struct, frozen=True):
    """A dvc.lock: its stages, and those that could not be understood with the reason."""

    schema: str
    stages: tuple[LockedStage, ...]
    misread: tuple[tuple[str, str], ...] = ()


class TrackedFile(Struct, frozen=True):
    """A ``.dvc`` file: paths tracked or imported; before DVC 1.0 a stage with a command."""

    outs: tuple[Entry, ...] = ()
    deps: tuple[Entry, ...] = ()
    cmd: str | None = None
    wdir: str | None = None
    frozen: bool | None = None
    desc: str | None = None
    meta: JsonValue = None


class DeclaredArtifact(Struct, frozen=True):
    """An entry of dvc.yaml's (or artifacts.yaml's) artifacts: what a path is."""

    path: str | None = None
    type: str | None = None
    desc: str | None = None
    labels: list[str] | None = None


class Pipeline(Struct, frozen=True):
    """A dvc.yaml, its templates not yet resolved."""

    stages: dict[str, dict[str, JsonValue]] = {}
    variables: list[JsonValue] = field(default=[], name="vars")
    artifacts: dict[str, DeclaredArtifact] = {}
    metrics: list[JsonValue] = []


def read_lock(plain: JsonValue) -> Lock:
    """Understand a dvc.lock, of schema 1.0 or 2.0.

    A stage that cannot be understood is named, and the others are read.

    Raises:
        DecodeError: no lock at all, or one of a schema that is not known.
    """
    if plain is None:
        return Lock("2.0", ())
    if not isinstance(plain, dict):
        raise DecodeError("A dvc.lock is no object")
    schema, stages = "1.0", plain
    if "schema" in plain or ("stages" in plain and not _is_stage(plain["stages"])):
        schema = str(plain.get("schema"))
        inner = plain.get("stages") or {}
        if schema not in _SCHEMAS or not isinstance(inner, dict):
            raise DecodeError(
                f"A dvc.lock has a schema that is not known: {schema[:32]}",
                hint="Known are 1.0 and 2.0; a newer DVC may have written it.",
            )
        stages = inner
    read: list[LockedStage] = []
    misread: list[tuple[str, str]] = []
    for name, body in stages.items():
        try:
            read.append(_converted({"name": name, **_object(body)}, LockedStage))
        except LedgerError as error:
            misread.append((name, str(error)))
    return Lock(schema, tuple(read), tuple(misread))


def read_tracked(plain: JsonValue) -> TrackedFile:
    """Understand a ``.dvc`` file.

    Raises:
        DecodeError: it cannot be understood.
    """
    return _converted(_without_nulls(_object(plain)), TrackedFile)


def read_pipeline(plain: JsonValue) -> Pipeline:
    """Understand a dvc.yaml. What is not of the form that is known is left out.

    Raises:
        DecodeError: it is no object.
    """
    body = _object(plain if plain is not None else {})
    stages = body.get("stages")
    return Pipeline(
        stages={
            name: stage
            for name, stage in (stages.items() if isinstance(stages, dict) else ())
            if isinstance(stage, dict)
        },
        variables=_list(body.get("vars")),
        artifacts=read_artifacts(body.get("artifacts")),
        metrics=_list(body.get("metrics")),
    )


def read_artifacts(plain: JsonValue) -> dict[str, DeclaredArtifact]:
    """Understand an artifacts section, or a whole artifacts.yaml; what is malformed is left out."""
    found: dict[str, DeclaredArtifact] = {}
    for name, body in plain.items() if isinstance(plain, dict) else ():
        try:
            found[name] = _converted(_without_nulls(_object(body)), DeclaredArtifact)
        except DecodeError:
            continue
    return found


def is_digest(value: str) -> bool:
    """Tell whether a state's value is hexadecimal, a folder's ``.dir`` allowed."""
    return _HEXADECIMAL.fullmatch(value) is not None


def _is_stage(plain: JsonValue) -> bool:
    """Tell a stage that is called "stages" (in schema 1.0) from the object of all stages."""
    return isinstance(plain, dict) and "cmd" in plain and not isinstance(plain["cmd"], dict)


def _object(plain: JsonValue) -> dict[str, JsonValue]:
    if not isinstance(plain, dict):
        raise DecodeError("What should be an object is none")
    return plain


def _list(plain: JsonValue) -> list[JsonValue]:
    return plain if isinstance(plain, list) else []


def _without_nulls(plain: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in plain.items() if value is not None}


def _converted(plain: Mapping[str, Any], form: type[_Form]) -> _Form:
    try:
        return msgspec.convert(_without_nulls(plain), form)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        raise DecodeError(what, where=path.strip("`")) from error
