"""What is said of paths and their states: artifacts, and the identifiers of their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from lineage.connectors.dvc.documents import StatedEntry
from lineage.connectors.dvc.naming import UNKNOWN_STATE, content_identifier, data_key
from lineage.connectors.git.objects import Person
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.mlmd import Artifact, Kind
from lineage_schemas.outside.dvc import is_digest
from lineage_schemas.records import AnyRecord, Claim, LinkClass, Precision, StatedTime
from lineage_schemas.values import JsonValue

DATA_SET = "lineage.DataSet"
MODEL = "lineage.Model"
METRICS = "lineage.Metrics"

_TYPES = {"model": MODEL, "metrics": METRICS}


def entry_key(repository: str, entry: StatedEntry, scope: str) -> str:
    """Return the key of a path in its state; without a state, one that only ``scope`` knows."""
    state = entry.state or f"{UNKNOWN_STATE}:{scope}"
    return data_key(repository, entry.path, state)


def say_entry(repository: str, entry: StatedEntry, scope: str) -> Iterator[AnyRecord]:
    """Yield the artifact of a path in its state, and its claims."""
    key = entry_key(repository, entry, scope)
    kind = _TYPES.get(entry.role or "", DATA_SET)
    properties: dict[str, JsonValue] = {
        "display_name": entry.path,
        "source_type": f"dvc.{entry.role}" if entry.role else "dvc.File",
        **_measured(kind, entry),
    }
    if entry.desc:
        properties["description"] = entry.desc
    if entry.labels:
        properties["tags"] = dict.fromkeys(entry.labels, "")
    custom: dict[str, JsonValue] = {}
    if entry.state is not None and "content_digest" not in properties:
        custom["dvc.state"] = entry.state
    if entry.is_executable:
        custom["dvc.is_executable"] = True
    if entry.unread is not None:
        custom["dvc.values_unread"] = entry.unread
    yield Artifact(
        key=key, type=kind, uri=entry.uri, properties=properties, custom_properties=custom
    )
    yield from say_claims(repository, entry, key)


def say_claims(repository: str, entry: StatedEntry, key: str) -> Iterator[Claim]:
    """Yield what the state of a path says of its bytes, and where they were taken from."""
    evidence: dict[str, JsonValue] = {"repository": repository, "path": entry.path}
    if entry.state is not None:
        content = content_identifier(entry.state)
        if content is not None and entry.size != 0:
            yield Claim(
                kind=Kind.ARTIFACT,
                node=key,
                identifier=content,
                link_class=LinkClass.CONTENT,
                evidence=evidence,
            )
    if "://" in entry.path:
        try:
            place = normalise_identifier(f"uri:{entry.path}")
        except LedgerError:
            return  # the path itself is told; as an identifier it would meet nothing
        # A place holds one content after another, so it never makes two states one thing.
        yield Claim(
            kind=Kind.ARTIFACT,
            node=key,
            identifier=place,
            link_class=LinkClass.DERIVED,
            evidence=evidence,
        )


def _measured(kind: str, entry: StatedEntry) -> dict[str, JsonValue]:
    digest = _digest(entry.state)
    found: dict[str, JsonValue] = {}
    if kind == METRICS:
        if entry.values is not None:
            found["values"] = entry.values
        return found
    if entry.size is not None:
        found["size_bytes"] = entry.size
    if kind == MODEL:
        if digest is not None:
            found["weights_digest"] = digest
        if entry.uri is not None:
            found["storage_uri"] = entry.uri
        return found
    if entry.files is not None:
        found["file_count"] = entry.files
    if digest is not None:
        found |= {"content_digest": digest, "version_scheme": "content_hash"}
    return found


def _digest(state: str | None) -> str | None:
    _, _, value = (state or "").partition(":")
    return state if state is not None and is_digest(value) else None


def no_later_than(time: datetime | None) -> StatedTime:
    """Return the time of something that was so when a commit was made, or before."""
    if time is None:
        return StatedTime(precision=Precision.UNKNOWN)
    return StatedTime(start=time, precision=Precision.UPPER_BOUND)


def exactly(time: datetime | None) -> StatedTime:
    """Return the time that a commit or tag states of itself."""
    return StatedTime(start=time) if time is not None else StatedTime(precision=Precision.UNKNOWN)


def between(after: datetime | None, at: datetime) -> StatedTime:
    """Return the time of a change that was seen between two looks."""
    if after is None:
        return StatedTime(start=at, precision=Precision.UPPER_BOUND)
    return StatedTime(start=after, end=at, precision=Precision.INTERVAL)


def shown_time(time: datetime) -> str:
    """Return a time as text."""
    return format_instant(instant_us(time))


def shown_person(person: Person) -> str:
    """Return a person as git writes one."""
    return f"{person.name} <{person.email}>"


def items(texts: Sequence[str]) -> dict[str, JsonValue]:
    """Return a list as a property holds it."""
    return {"items": list(texts)}
