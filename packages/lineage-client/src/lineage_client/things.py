"""What runs read and make: identifiers, files on this machine, or things described by hand."""

from __future__ import annotations

import enum
import hashlib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Union, cast
from urllib.parse import quote
from uuid import UUID

TYPES = {
    "data": "lineage.DataSet",
    "dataset": "lineage.DataSet",
    "split": "lineage.Split",
    "model": "lineage.Model",
    "metrics": "lineage.Metrics",
    "document": "lineage.Document",
    "image": "lineage.ContainerImage",
    "code": "lineage.CodeRevision",
}
"""Short words for the types that scripts name most; any other type is written out."""

FILE_CHUNK_BYTES = 1_048_576
INT_BITS_MAX = 63
"""A larger whole number, which no ledger keeps as one, is said in words."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:.+", re.DOTALL)
_DIGEST_PROPERTIES = {
    "lineage.DataSet": ("content_digest", "size_bytes"),
    "lineage.Split": ("content_digest", "size_bytes"),
    "lineage.Document": ("content_digest", "size_bytes"),
    "lineage.Model": ("weights_digest", "size_bytes"),
}
"""Where a type keeps the digest and the size of its bytes."""

Value = Any
"""What JSON can say, and what scripts mean by it: arrays and scalars of NumPy and their kin, sets,
members of enums, dates, decimals and paths."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Thing:
    """Something that a run reads or makes.

    ``identifier`` is what it is called across tools, such as ``uri:s3://bucket/train.csv``.
    ``properties`` are those of its type, ``custom_properties`` are free. ``claims`` are other
    identifiers by which it goes, and ``contents`` digests of its bytes, such as ``sha256:...``.
    """

    identifier: str
    type: str | None = None
    uri: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    custom_properties: Mapping[str, Any] = field(default_factory=dict[str, Any])
    claims: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()

    def records(self) -> list[Record]:
        """Return what is said of it."""
        node: Record = {"record": "artifact", "key": self.identifier}
        if self.type is not None:
            node["type"] = full_type(self.type)
        if self.uri is not None:
            node["uri"] = self.uri
        if self.properties:
            node["properties"] = {name: value_of(one) for name, one in self.properties.items()}
        if self.custom_properties:
            node["custom_properties"] = {
                name: value_of(one) for name, one in self.custom_properties.items()
            }
        said = [node] if len(node) > len(("record", "key")) else []
        for class_, identifiers in (("asserted", self.claims), ("content", self.contents)):
            said += [
                {
                    "record": "claim",
                    "kind": "artifact",
                    "node": self.identifier,
                    "identifier": one,
                    "class": class_,
                }
                for one in identifiers
            ]
        return said


Named = Union[str, "os.PathLike[str]", Thing]
"""An identifier, a file on this machine, or a thing that is described."""


def full_type(name: str) -> str:
    """Return a type's full name; a short word stands for the type it names."""
    return TYPES.get(name, name)


def thing_of(
    named: Named,
    source: str,
    *,
    type: str | None = None,  # noqa: A002 - the word of everything it is a part of
    properties: Mapping[str, Any] | None = None,
) -> Thing:
    """Return what is meant by an identifier, a path or a thing.

    Raises:
        ValueError: a text that is no identifier.
        OSError: a file that cannot be read.
    """
    if isinstance(named, Thing):
        said = {**named.properties, **(properties or {})}
        return replace(named, type=type or named.type, properties=said)
    if isinstance(named, str):
        if not _IDENTIFIER.fullmatch(named):
            raise ValueError(
                f"{named!r} is no identifier: write scheme:value, such as uri:s3://bucket/key, "
                "or give a file of this machine as pathlib.Path"
            )
        return Thing(named, type=type, properties=properties or {})
    return _thing_of_file(Path(named), source, type or "data", properties or {})


def _thing_of_file(path: Path, source: str, kind: str, properties: Mapping[str, Any]) -> Thing:
    """Describe a file by its path and its bytes together: written anew it is another thing."""
    digest, size = _digest_of(path)
    place = path.resolve()
    shown = os.path.relpath(place) if place.is_relative_to(Path.cwd()) else str(place)
    full = full_type(kind)
    measured: dict[str, Any] = {"display_name": shown}
    named = _DIGEST_PROPERTIES.get(full)
    if named is not None:
        measured.update(zip(named, (f"sha256:{digest}", size)))
    return Thing(
        f"client:file/{quote(source, safe='')}/{quote(shown, safe='')}/{digest}",
        type=full,
        properties={**measured, **properties},
        contents=(f"sha256:{digest}",) if size else (),
    )


def _digest_of(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(FILE_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def value_of(value: Value) -> Value:
    """Return a value as the ledger keeps it: a list inside an object, numbers that are none tagged.

    Raises:
        TypeError: what JSON cannot say.
    """
    if isinstance(value, (list, tuple)):
        return {"items": [_inner(one) for one in cast("list[Any]", value)]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    said = _inner(value)
    if isinstance(said, dict):
        # Names that begin with $ are the ledger's own.
        return {_key(name): one for name, one in cast("dict[str, Any]", said).items()}
    return said if said is value else value_of(said)


def _key(name: str) -> str:
    return f"%24{name[1:]}" if name.startswith("$") else name


def _inner(value: Value) -> Value:  # noqa: PLR0911 - one for each form that there is
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _inner(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return value if value.bit_length() <= INT_BITS_MAX else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        table = cast("dict[Any, Any]", value)
        return {_text(str(name)): _inner(one) for name, one in table.items()}
    if isinstance(value, (list, tuple)):
        return [_inner(one) for one in cast("list[Any]", value)]
    if isinstance(value, (set, frozenset)):
        # In one order, however it lies in memory.
        return sorted((_inner(one) for one in cast("set[Any]", value)), key=repr)
    return _of_another_type(value)


def _of_another_type(value: Value) -> Value:
    if isinstance(value, os.PathLike):
        return _text(str(os.fspath(cast("os.PathLike[str]", value))))
    if isinstance(value, (date, Decimal, UUID)):
        return value.isoformat() if isinstance(value, date) else str(value)
    # Arrays and scalars of NumPy and their kin know how to become Python's own.
    for name in ("tolist", "item"):
        plain = getattr(value, name, None)
        if callable(plain):
            return _inner(plain())
    raise TypeError(f"A {type(value).__name__} is no value that a ledger keeps")


def _text(value: str) -> str:
    """Return a text as UTF-8 can say it: names of files may hold bytes that are none."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
