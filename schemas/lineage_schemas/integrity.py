"""What answers about the integrity of a ledger look like: checkpoints, anchors, keys, proofs."""

from __future__ import annotations

from msgspec import Struct


class AnchorView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A checkpoint that is kept outside the operator's hands: where, of which size, since when."""

    target: str
    size: int
    root: str
    at: str
    token: str | None = None


class CheckpointAnswer(Struct, frozen=True, kw_only=True):
    """The last checkpoint, and how far it and its anchors reach.

    ``note`` is the signed note itself, and ``verifiers`` the keys that may have signed it, by what
    the log says. ``unsigned`` counts the entries behind it that no signature covers yet.
    ``anchored_size`` is the size up to which somebody outside could tell a rewritten log;
    ``None``: nobody can.
    """

    origin: str
    size: int
    root: str
    note: str
    verifiers: tuple[str, ...]
    unsigned: int
    anchored_size: int | None
    anchors: tuple[AnchorView, ...] = ()


class KeyView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verifier key of the log: from which size on it signs, and up to which."""

    verifier: str
    position: int
    signs_from: int
    signs_to: int | None = None
    is_current: bool = False


class ProofAnswer(Struct, frozen=True, kw_only=True):
    """Proofs that entries are in the log, as the text of one file for `lineage verify`.

    ``left_out`` counts payload parts that were asked for and are not shown, because they were
    erased. ``disclosure`` is the position of the entry that states who took a copy of what.
    """

    positions: tuple[int, ...]
    size: int
    proofs: str
    left_out: int = 0
    disclosure: int | None = None


class RecoveryAnswer(Struct, frozen=True, kw_only=True):
    """How the log goes on: under which origin, and what is lost.

    ``lost_from`` and ``lost_to`` are positions, half-open; both ``None`` where nothing is known to
    be lost, ``lost_to`` alone where nobody knows how much is.
    """

    origin: str
    former: str
    size: int
    lost_from: int | None = None
    lost_to: int | None = None
