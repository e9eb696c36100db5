"""What answers about identity look like: why two names mean one thing or not, and contradictions.

Nothing here joins or parts anything: a link stands for as long as its claims do.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import ConflictKind, Direction, Redaction, ResolvedLabel, Truncation
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass
from lineage_schemas.values import JsonValue


class NamedNode(Struct, frozen=True, kw_only=True):
    """A node by its kind, id and key, with its type, where anybody has told one."""

    kind: Kind
    id: int
    key: str | None
    type: str | None = None


class SaidClaim(Struct, frozen=True, kw_only=True):
    """A claim, or one that was taken back (``stands`` is false): what its source said last of it.

    ``link_class`` is ``key`` where the node goes by its own key, which nobody claims. ``position``
    is the entry since which it is so, and ``recorded_at`` when that was recorded; ``identifier`` is
    ``None`` where every claim of it was erased. The evidence of what was taken back is its reason.
    """

    node: NamedNode
    identifier: str | None
    link_class: str
    source: str
    evidence: dict[str, JsonValue]
    stands: bool
    position: int
    recorded_at: str
    stated_at: str | None


class JoinStep(Struct, frozen=True, kw_only=True):
    """Two nodes go by one identifier, which links them as strongly as the weaker of the claims."""

    link_class: LinkClass
    near: SaidClaim
    far: SaidClaim


class NameFound(StrEnum):
    """How a name came to mean a node."""

    KEY = "key"
    """It is the node's own key."""
    CLAIM = "claim"
    """Somebody claims that the node goes by it."""
    UNKNOWN = "unknown"
    """The log has not heard of it."""


class ResolvedNode(Struct, frozen=True, kw_only=True):
    """A name, the identifier it stands for, and the nodes which that means.

    ``claims`` are by what they mean it, where that is no key; ``hidden`` counts the nodes that are
    not shown. ``label`` is there where the name is no identifier.
    """

    name: str
    identifier: str
    found: NameFound
    nodes: tuple[NamedNode, ...]
    claims: tuple[SaidClaim, ...] = ()
    hidden: int = 0
    label: ResolvedLabel | None = None


class Relation(StrEnum):
    """What two names have to do with each other, closest first."""

    SAME_NODE = "same_node"
    """Both mean one node."""
    ONE_ENTITY = "one_entity"
    """Asserted links join what they mean: one thing, that several sources know."""
    LINKED = "linked"
    """Links join what they mean, though not as one thing: equal contents, or a derived link."""
    APART = "apart"
    """Nothing that a trace may cross joins them."""
    UNKNOWN = "unknown"
    """The log has not heard of one of them, or of both."""


class ApartBecause(StrEnum):
    """What comes nearest to joining two nodes, or keeps them apart."""

    KINDS = "kinds"
    """They are of different kinds, and links join only what is of one kind."""
    RETRACTED = "retracted"
    """A claim that would join them was taken back."""
    ONE_SOURCE = "one_source"
    """They have equal contents, and one source alone says so of both."""
    CONTENT_CHAIN = "content_chain"
    """Equal contents would have to be crossed and then another link: such links never chain."""
    GUESS = "guess"
    """Only a guess joins them: somebody's, or a file name that they have in common."""
    LINEAGE = "lineage"
    """One comes of the other: data flows between them, which makes them no one thing."""


class Apart(Struct, frozen=True, kw_only=True):
    """One reason why two names are not one, with what it rests on.

    ``steps`` would join them if they might be crossed; ``claims`` are those concerned, ``hidden``
    counts the rest of them. ``distance`` is in lineage edges, from the first name ``direction``.
    """

    reason: ApartBecause
    steps: tuple[JoinStep, ...] = ()
    claims: tuple[SaidClaim, ...] = ()
    hidden: int = 0
    evidence: dict[str, JsonValue] = {}
    direction: Direction | None = None
    distance: int | None = None


class WhyAnswer(Struct, frozen=True, kw_only=True):
    """Why two names mean one thing, or what they have to do with each other instead.

    ``steps`` lead from a node of the first name to one of the second: the strongest chain of links
    there is (its weakest claim decides, and ``link_class`` is that), and of those the shortest.
    ``apart`` says what is nearest where there is none. ``conflicts`` are the kinds of contradiction
    in the entity that the two are of. Where ``truncations`` are, a closer relation than the one
    that is told may have been beyond the limit.
    """

    basis: Basis
    one: ResolvedNode
    other: ResolvedNode
    relation: Relation
    link_class: LinkClass | None = None
    steps: tuple[JoinStep, ...] = ()
    apart: tuple[Apart, ...] = ()
    conflicts: tuple[ConflictKind, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        is_known = self.relation is not Relation.UNKNOWN
        return is_known and not self.truncations and self.basis.complete


class ConflictSide(Struct, frozen=True, kw_only=True):
    """One of the things that contradict each other: a value, the nodes that have it, and by whom.

    ``sources`` say so; ``claims`` are what they said, where it is a claim. ``hidden`` counts the
    nodes that are not shown.
    """

    value: str
    nodes: tuple[NamedNode, ...]
    sources: tuple[str, ...]
    claims: tuple[SaidClaim, ...] = ()
    hidden: int = 0


class Conflict(Struct, frozen=True, kw_only=True):
    """What is said of one entity cannot all be true. Its links stand, and answers stay.

    ``about`` is what the sides contradict each other in: an algorithm, an identifier, a property.
    ``steps`` are the links that join a node of the first side to one of the second: one of them is
    wrong, or one of the sides is. ``asked`` are the sources whose claims those are, who can take
    them back. ``hidden`` counts the sides that are not shown.
    """

    kind: ConflictKind
    entity: tuple[NamedNode, ...]
    about: str
    sides: tuple[ConflictSide, ...]
    steps: tuple[JoinStep, ...]
    asked: tuple[str, ...]
    advice: str
    members: int
    hidden: int = 0


class ConflictPage(Struct, frozen=True, kw_only=True):
    """One page of conflicts, by the first node of their entities.

    A page may be short, or empty, and not the last: one looks through so many nodes and no more.
    ``cursor`` asks for the next one; ``None``: this is the last. ``truncations`` tell of entities
    that are too large to be looked through whole.
    """

    basis: Basis
    conflicts: tuple[Conflict, ...]
    cursor: str | None
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing was cut, and nothing is known to be missing in the basis."""
        return not self.truncations and self.basis.complete
