"""What answers about what was said look like: the history of a node, and what came late."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.governance import PartsErased
from lineage_schemas.graph import Redaction, ResolvedLabel
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

LAG_DEFAULT: Final = 24 * 60 * 60
"""Seconds between what was so and its being recorded, beyond which a record counts as late."""


class NamedNode(Struct, frozen=True, kw_only=True):
    """A node by its key, which is ``None`` where every record that told it was erased."""

    kind: Kind
    id: int
    key: str | None


class SaidRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record about the node: ``what`` it is, and the record as it was recorded.

    ``what`` is ``node``, ``edge``, ``member``, ``link``, ``unlink``, ``series`` or ``erase``.
    ``record`` is ``None`` where it was erased; single values of one that is there may be marked.
    """

    what: str
    record: JsonValue = None


class ShownChange(Struct, frozen=True, kw_only=True):
    """What shows of a field of a node since an entry, and what did before; ``None``: nothing."""

    node: str | None
    field: str
    before: JsonValue
    after: JsonValue


class HistoryEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that says something of a node, or of what asserted links join it to.

    ``actor`` is a pseudonym, ``actor_origin`` how we know who it is, and ``actor_name`` is ``None``
    where the name was erased. ``message`` is the position of the message it was made from, and
    ``mapping`` what made it. ``records`` are those about the node, ``changes`` what shows since of
    its fields.

    ``late``: its source had said something later stated of the node before, so that what it says
    changed nothing, or the past alone; what was erased counts for nothing in that. ``backdated``:
    nothing that came before it is stated so early. ``superseded``: what it said of fields showed,
    and none of it shows any more.
    """

    position: int
    statement: str
    source: str
    actor: str
    actor_origin: str | None = None
    actor_name: str | None = None
    mode: str
    recorded_at: str
    stated_from: str | None = None
    stated_to: str | None = None
    stated_precision: str | None = None
    message: int | None = None
    mapping: str | None = None
    records: tuple[SaidRecord, ...] = ()
    changes: tuple[ShownChange, ...] = ()
    late: bool = False
    backdated: bool = False
    superseded: bool = False
    erased: PartsErased | None = None


class HistoryAnswer(Struct, frozen=True, kw_only=True):
    """What was said of a node, oldest first: one page.

    ``members`` are the nodes that the name means, with those that asserted links join them to.
    ``total`` counts the entries of all pages, before a valid time leaves out what begins later;
    ``left_out`` counts those of this page. ``undated`` counts what nobody dated and a valid time
    therefore counts in. ``unknown`` is the name, where the log has never heard of it.
    """

    basis: Basis
    node: str
    members: tuple[NamedNode, ...] = ()
    entries: tuple[HistoryEntry, ...] = ()
    total: int = 0
    left_out: int = 0
    undated: int = 0
    cursor: str | None = None
    unknown: tuple[str, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown, and nothing is known to be missing in the basis."""
        return not self.unknown and self.basis.complete


class LateRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that came late, and why it counts as that: one of the two, or both.

    ``lag_seconds`` is there where it was recorded so much later than it was so, and more than was
    asked for. ``overtaken`` are the nodes of which its source had said something later stated
    before; ``nodes`` are all that it names. Of both the first are listed, by kind and id, and the
    others counted.
    """

    position: int
    statement: str
    source: str
    recorded_at: str
    stated_from: str | None = None
    lag_seconds: float | None = None
    overtaken: tuple[NamedNode, ...] = ()
    overtaken_hidden: int = 0
    nodes: tuple[NamedNode, ...] = ()
    nodes_hidden: int = 0


class LateAnswer(Struct, frozen=True, kw_only=True):
    """What came late, by position: one page, which looked at entries ``start`` to before ``end``.

    A page that found nothing may have a cursor: it has looked as far as one page looks.
    ``unjudged`` counts the dated entries looked at of which it is not known whether their source
    had overtaken them, because something was erased of a node that they speak of: from them, or
    from what came before them. ``redactions`` says what.
    """

    basis: Basis
    lag_seconds: int
    start: int
    end: int
    records: tuple[LateRecord, ...] = ()
    cursor: str | None = None
    unjudged: int = 0
    redactions: tuple[Redaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is known to be missing in the basis."""
        return self.basis.complete
