"""What answers about erasures look like: what would go or has gone, what forbids it, what stays."""

from __future__ import annotations

from msgspec import Struct

from lineage_schemas.governance import PartsErased
from lineage_schemas.mlmd import Word


class CopyView(Struct, frozen=True, kw_only=True):
    """A copy of parts of ``entry`` that left the ledger, as the entry at ``stated_at`` says.

    ``recipient`` is empty where who has it was erased or not told.
    """

    entry: int
    stated_at: int
    facts: bool
    personal: bool
    form: str
    recipient: str


class ObjectionView(Struct, frozen=True, kw_only=True):
    """A hold or retention, stated at ``restraint``, forbids that ``entry`` is erased.

    ``until`` is ``None`` for a hold, which lasts until it is released.
    """

    entry: int
    restraint: int
    name: str
    until: str | None


class ErasureAnswer(Struct, frozen=True, kw_only=True):
    """What an erasure erased, or would erase.

    ``position`` is that of the entry that states it: the erasure, its refusal, or its proposal;
    ``None`` for a mere plan, and where there was nothing to erase. ``refused`` says that it is a
    refusal. ``nodes`` counts the nodes that the entries speak of; ``copies`` are beyond our reach.
    ``scrubbed`` is false while erased bytes may still be in the store's file.
    """

    namespace: str
    parts: PartsErased
    positions: tuple[int, ...]
    nodes: int
    objections: tuple[ObjectionView, ...] = ()
    copies: tuple[CopyView, ...] = ()
    position: int | None = None
    refused: bool = False
    scrubbed: bool = True


class ProposalState(Word):
    """What has become of a proposal. ``GONE``: another erasure took all of what it is about."""

    OPEN = "open"
    ERASED = "erased"
    REFUSED = "refused"
    EXPIRED = "expired"
    GONE = "nothing-left"


class ProposalView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An erasure that somebody has proposed, and what became of it.

    ``requester`` and ``decider`` are names, or pseudonyms where the names were erased.
    ``decided_by`` is the position of the entry that states the erasure, or its refusal: by the
    holds and retentions at ``because``, or, where there are none, by the decider, whose
    ``refusal`` says why.
    """

    position: int
    state: ProposalState
    requester: str
    positions: tuple[int, ...]
    parts: PartsErased
    legal_basis: str
    reason: str = ""
    proposed_at: str
    expires: str
    decided_by: int | None = None
    decider: str = ""
    because: tuple[int, ...] = ()
    refusal: str = ""


class ProposalPage(Struct, frozen=True):
    """What was proposed, by position; ``next_position`` is where the next page begins."""

    proposals: tuple[ProposalView, ...]
    next_position: int | None


class RestraintView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hold (no ``keep_days``) or a retention, and what it covers.

    Without ``entry`` and ``node_kind`` it covers the whole namespace.
    """

    position: int
    name: str
    keep_days: int | None = None
    entry: int | None = None
    node_kind: str | None = None
    node_id: int | None = None
    node_key: str | None = None
    released_by: int | None = None
