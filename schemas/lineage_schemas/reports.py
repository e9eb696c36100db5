"""What reports look like: sections of items, each provided or missing, each fact with its entries.

A report says nothing of when or for whom it was made: the same question on the same basis gives
the same bytes. Whoever wants to know that it is the same report compares the SHA-256 of its JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, Truncation
from lineage_schemas.values import JsonValue

DOSSIER_KIND: Final = "dossier"
DOSSIER_VERSION: Final = "2"
"""Counts up with every change of what a dossier of the same graph would say."""


class ItemStatus(StrEnum):
    """How far an item is answered."""

    PROVIDED = "provided"
    PARTIAL = "partial"
    MISSING = "missing"
    NOT_APPLICABLE = "not_applicable"


class FindingCode(StrEnum):
    """What a reader of a report has to know beside its facts."""

    MISSING = "missing"
    """Nobody has said what an item asks for."""
    PARTIAL = "partial"
    """Something of what an item asks for was said, and not all of it."""
    STUB = "stub"
    """Something in scope is named and was never described."""
    TRUNCATED = "truncated"
    """A limit cut what was collected, or what is shown of it."""
    REDACTED = "redacted"
    """Something of what is in scope was erased."""
    SOURCE = "source"
    """A source in scope is overdue or unreconciled."""
    LATE = "late"
    """An entry was recorded long after what it states."""
    OVERDUE = "overdue"
    """A day by which something was to be done has passed."""
    UNPLACED = "unplaced"
    """A move of a place could not be read."""


class Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that somebody said of something.

    ``of`` is the key of what it is about and ``field`` where it stands there; a fact without a
    field is that an edge, a membership, a link or an interval is there. ``source`` and ``stated``
    (RFC 3339) are whose word it is and of when; ``positions`` the entries that say it.
    """

    name: str
    value: JsonValue
    of: str
    positions: tuple[int, ...]
    field: str | None = None
    unit: str | None = None
    source: str | None = None
    stated: str | None = None


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a report has to tell; ``reason`` says why it is not (wholly) there.

    ``about`` is the key of the thing it tells of, where that is one. ``hidden`` counts facts beyond
    the limit of one item.
    """

    name: str
    status: ItemStatus
    facts: tuple[Fact, ...] = ()
    reason: str | None = None
    about: str | None = None
    hidden: int = 0


class Section(Struct, frozen=True, kw_only=True):
    """A chapter of a report."""

    name: str
    title: str
    items: tuple[Item, ...]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is not as it should be, or is not known.

    ``section`` and ``item`` are those that it is about, ``where`` the key of the thing.
    """

    code: FindingCode
    what: str
    section: str | None = None
    item: str | None = None
    where: str | None = None
    positions: tuple[int, ...] = ()


class ScopedSource(Struct, frozen=True, kw_only=True):
    """A source in scope, as it stood when the sources were judged.

    ``heard`` is when its last entry was recorded. ``is_reconciled`` is ``None`` of one that nobody
    looks at; ``is_judged`` is false of one of which nobody has said what it owes.
    """

    name: str
    heard: str | None
    is_judged: bool
    is_overdue: bool
    is_reconciled: bool | None


class ThingName(Struct, frozen=True, kw_only=True):
    """What people call a thing that a report speaks of by its key, and what it is."""

    key: str
    label: str
    type: str | None


class Scope(Struct, frozen=True, kw_only=True):
    """What was looked at.

    ``nodes`` counts the things that the facts were taken from. ``left_out`` counts the values that
    are stated after the valid time and so are not here, ``undated`` the facts here whose time
    nobody stated.
    """

    sources: tuple[ScopedSource, ...]
    nodes: int
    facts: int
    undated: int
    left_out: int
    truncations: tuple[Truncation, ...] = ()


class CitedEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that a fact rests on. ``late`` is there where it was recorded long after."""

    position: int
    leaf: str
    statement: str
    source: str
    actor: str
    recorded: str
    stated_from: str | None = None
    stated_to: str | None = None
    stated_precision: str | None = None
    message: int | None = None
    late: bool = False


class Correction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that was shown before another took its place, and the two entries."""

    of: str
    field: str
    before: JsonValue
    said_at: int
    replaced_at: int


class Report(Struct, frozen=True, kw_only=True):
    """A report: a pure function of the graph and the basis.

    ``form_version`` is the version of what this kind of report tells; ``generated_by`` the software
    that wrote it. ``names`` are those of the things that it speaks of, by key. ``entries`` are
    those that facts cite, by position. ``verification`` tells how to
    check it all without the service.
    """

    kind: str
    form_version: str
    generated_by: str
    subject: str
    title: str
    basis: Basis
    valid_at: str | None
    scope: Scope
    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    names: tuple[ThingName, ...]
    redactions: tuple[Redaction, ...]
    corrections: tuple[Correction, ...]
    entries: tuple[CitedEntry, ...]
    verification: tuple[str, ...]
