"""What answers about links look like: who claims what, and what nobody has joined yet."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Node, Redaction, ResolvedLabel
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass
from lineage_schemas.values import JsonValue


class Joined(Struct, frozen=True, kw_only=True):
    """A node that a link joins to another one, as strongly as the weaker of the two claims."""

    kind: Kind
    id: int
    key: str | None
    link_class: LinkClass


class ListedLink(Struct, frozen=True, kw_only=True):
    """A claim as it stands, with the node it is of and the nodes it joins that node to.

    ``identifier`` is ``None`` where every claim of it was erased. ``joined`` are the first nodes by
    kind and id, and ``hidden`` counts the rest: a link that joins nothing is none the worse for it,
    since the other side may yet come.
    """

    kind: Kind
    id: int
    key: str | None
    type: str | None
    identifier: str | None
    link_class: LinkClass
    source: str
    evidence: dict[str, JsonValue]
    stated_at: str | None
    joined: tuple[Joined, ...]
    hidden: int


class LinkPage(Struct, frozen=True, kw_only=True):
    """One page of links, by kind and id of their nodes. ``cursor`` asks for the next page.

    ``label`` is what was asked for, where that was no identifier.
    """

    basis: Basis
    links: tuple[ListedLink, ...]
    cursor: str | None
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing is known to be missing in the basis."""
        return self.basis.complete


class UnresolvedReason(StrEnum):
    """Why a thing is unresolved."""

    STUB = "stub"
    """Somebody refers to it, and nobody describes it."""
    UNLINKED = "unlinked"
    """A data set that no link joins to anything, while another source has one of that name."""


class ReferenceKind(StrEnum):
    """How one thing refers to another."""

    EDGE = "edge"
    MEMBERSHIP = "membership"
    CLAIM = "claim"


class Reference(Struct, frozen=True, kw_only=True):
    """A source refers to a thing, so many times."""

    source: str
    kind: ReferenceKind
    count: int


class Guess(Struct, frozen=True, kw_only=True):
    """What a thing may be the same as, and why one could think so. It is never crossed."""

    kind: Kind
    id: int
    key: str | None
    type: str | None
    evidence: dict[str, JsonValue]


class Unresolved(Struct, frozen=True, kw_only=True):
    """A thing that nobody has joined to what it is elsewhere.

    ``references`` say who refers to it, ``uncounted`` how many references were not looked at;
    ``guesses`` come best first, and ``hidden`` counts those that are not shown.
    """

    reason: UnresolvedReason
    node: Node
    references: tuple[Reference, ...]
    uncounted: int
    guesses: tuple[Guess, ...]
    hidden: int


class UnresolvedPage(Struct, frozen=True, kw_only=True):
    """One page of what is unresolved, by kind and id.

    A page may be short, or empty, and not the last: one looks through so many nodes and no more.
    ``cursor`` asks for the next one; ``None``: this is the last.
    """

    basis: Basis
    things: tuple[Unresolved, ...]
    cursor: str | None
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing is known to be missing in the basis."""
        return self.basis.complete
