"""What an answer about impact looks like: what is affected by a thing, by type, with counts."""

from __future__ import annotations

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Node, Redaction, ResolvedLabel, Truncation
from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import Certainty, Role


class AffectedGroup(Struct, frozen=True, kw_only=True):
    """The affected nodes of one type.

    ``type`` is ``None`` for those that nobody described, or gave a type. ``things`` counts nodes
    that asserted links join as one. ``nearest`` are the first of them, nearest first, then by id.
    """

    kind: Kind
    type: str | None
    base_type: str | None
    nodes: int
    things: int
    nearest: tuple[Node, ...]

    @property
    def hidden(self) -> int:
        """How many of them are not listed."""
        return self.nodes - len(self.nearest)


class AffectedContext(Struct, frozen=True, kw_only=True):
    """A context with how many of the affected nodes belong to it themselves."""

    node: Node
    members: int


class ContextGroup(Struct, frozen=True, kw_only=True):
    """The contexts of one type that affected nodes belong to, or that such contexts lie in.

    ``first`` are those of the most members, then by id.
    """

    type: str | None
    base_type: str | None
    contexts: int
    first: tuple[AffectedContext, ...]

    @property
    def hidden(self) -> int:
        """How many of them are not listed."""
        return self.contexts - len(self.first)


class AffectedService(Struct, frozen=True, kw_only=True):
    """An affected deployment that serves: where, in what role, since when and until when.

    ``certainty`` is there where a valid time was asked about; without one, these are the intervals
    that have not ended.
    """

    deployment: str
    place: str
    environment: str | None
    environment_name: str | None
    role: Role
    traffic_ratio: float | None
    start: str | None
    end: str | None
    certainty: Certainty | None = None


class ImpactAnswer(Struct, frozen=True, kw_only=True):
    """What a thing has affected: everything downstream of it, but for the thing itself.

    ``nodes`` and ``things`` count all that is affected; counts are exact however little is listed.
    ``filtered`` counts what a filter left out of them. ``unplaced`` counts moves of deployments
    that cannot be read. ``named_contexts`` are what was named and is a context, through which no
    data flows; ``unknown`` and ``not_begun`` are as in ``PathsAnswer``. ``stubs`` and
    ``unresolved`` count among the affected as in ``LineageAnswer``, and ``undated`` counts the
    nodes and edges walked that count for a valid time though nobody dated them.
    """

    basis: Basis
    start: tuple[str, ...]
    nodes: int = 0
    things: int = 0
    groups: tuple[AffectedGroup, ...] = ()
    contexts: tuple[ContextGroup, ...] = ()
    serving: tuple[AffectedService, ...] = ()
    named_contexts: tuple[Node, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    unknown: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    stubs: int = 0
    unresolved: int = 0
    filtered: int = 0
    unplaced: int = 0
    undated: int = 0
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        is_cut = self.truncations or self.unplaced
        return not self.unknown and not is_cut and self.basis.complete
