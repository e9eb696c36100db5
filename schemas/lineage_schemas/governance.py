"""What a ledger states of itself: its keys, its losses, what was erased, held and handed out.

Who may do what is stated so too, in the records of ``lineage_schemas.access``.

Only the ledger writes these records, never a producer. Their facts cannot be erased, so they name
people by pseudonym, nodes by kind and assigned id, and entries by position. Their free texts
(reasons, legal bases) are kept for ever and must not name anybody.
"""

from __future__ import annotations

from lineage_schemas.access import (
    ACCESS_TYPES,
    Access,
    ApiKeyIssue,
    ApiKeyRevocation,
    Grant,
    GrantRevocation,
)
from lineage_schemas.mlmd import Kind, Record, Word


class PartsErased(Word):
    """Which payload parts of an entry are erased: the personal one alone, or both."""

    PERSONAL = "personal"
    ALL = "all"


class KeyIntroduction(Record, frozen=True, kw_only=True, tag="key_introduction"):
    """From here on checkpoints are signed with the key that ``verifier`` (a vkey) belongs to.

    The key it ``replaces`` signs once more, the checkpoint that covers this entry, so that whoever
    trusts the old key learns of the new one; unless it was ``lost``.
    """

    verifier: str
    replaces: str | None = None
    lost: bool = False
    reason: str = ""


class KeyHandover(Record, frozen=True, kw_only=True, tag="key_handover"):
    """The last signature of a key that was replaced: the checkpoint that covers its successor.

    Kept for whoever trusts only the old key: with it, the introduction at position
    ``introduction`` is proved by a signature that they can verify.
    """

    introduction: int
    checkpoint: str


class Recovery(Record, frozen=True, kw_only=True, tag="recovery"):
    """Entries were lost, and the log goes on under another origin.

    ``checkpoint`` is the last one signed under the ``former`` origin, as a note. The entries at
    [``lost_from``, ``lost_to``) are not here any more; those before are.
    """

    former: str
    checkpoint: str | None
    lost_from: int
    lost_to: int | None
    reason: str


class Erasure(Record, frozen=True, kw_only=True, tag="erasure"):
    """Payload parts of these entries are gone; envelopes and proofs stay.

    ``proposal`` is the position of the entry that proposed it, where one did.
    """

    positions: tuple[int, ...]
    parts: PartsErased
    legal_basis: str
    requester: str
    approver: str
    reason: str = ""
    proposal: int | None = None


class ErasureRefusal(Record, frozen=True, kw_only=True, tag="erasure_refusal"):
    """An erasure was asked for and refused, because of holds or retentions at ``because``.

    Where there are none, ``approver`` has refused what was proposed.
    """

    positions: tuple[int, ...]
    parts: PartsErased
    legal_basis: str
    requester: str
    approver: str
    because: tuple[int, ...]
    reason: str = ""
    proposal: int | None = None


class ErasureProposal(Record, frozen=True, kw_only=True, tag="erasure_proposal"):
    """A privacy officer asks for an erasure of these entries, which another one must approve.

    Whoever states this is the requester, and whoever approves it the approver.
    """

    positions: tuple[int, ...]
    parts: PartsErased
    legal_basis: str
    reason: str = ""


class Hold(Record, frozen=True, kw_only=True, tag="hold"):
    """Nothing in scope may be erased until this is released.

    The scope is one entry (``position``), what is said of one node (``kind`` and ``node``), or,
    with neither, the whole namespace.
    """

    authority: str
    reason: str = ""
    position: int | None = None
    kind: Kind | None = None
    node: int | None = None


class Retention(Record, frozen=True, kw_only=True, tag="retention"):
    """Nothing in scope may be erased before ``keep_days`` days after it was recorded.

    Scopes are those of ``Hold``; an entry under several retentions is kept for the longest.
    """

    retention_class: str
    keep_days: int
    legal_basis: str
    position: int | None = None
    kind: Kind | None = None
    node: int | None = None


class Release(Record, frozen=True, kw_only=True, tag="release"):
    """The hold or retention stated at ``position`` holds no longer."""

    position: int
    reason: str


class Disclosure(Record, frozen=True, kw_only=True, tag="disclosure"):
    """Copies of payload parts left the ledger: an erasure here does not reach them.

    Who has them (``recipient``) lies in the erasable personal part.
    """

    positions: tuple[int, ...]
    facts: bool
    personal: bool
    form: str
    purpose: str = ""
    recipient: str = ""


GOVERNANCE_TYPES = (
    KeyIntroduction,
    KeyHandover,
    Recovery,
    Erasure,
    ErasureRefusal,
    Hold,
    Retention,
    Release,
    Disclosure,
    ErasureProposal,
    *ACCESS_TYPES,
)

GovernanceRecord = (
    KeyIntroduction
    | KeyHandover
    | Recovery
    | Erasure
    | ErasureRefusal
    | Hold
    | Retention
    | Release
    | Disclosure
    | Grant
    | GrantRevocation
    | ApiKeyIssue
    | ApiKeyRevocation
    | ErasureProposal
    | Access
)
