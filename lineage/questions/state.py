"""Where a ledger stands, for whoever operates it: read in one snapshot, and cheap to ask often."""

from __future__ import annotations

from typing import NamedTuple

from lineage.projections.views import PROJECTION_VERSION, read_bookmark
from lineage.proofs.checkpoints import read_checkpoint
from lineage.stores.base import Reader
from lineage_schemas.codec import decode_envelope


class LedgerState(NamedTuple):
    """How many entries there are, and how far each thing that follows them has come.

    Times are recorded times: ``signed_us`` of the last entry that is signed, ``unsigned_us`` of the
    first that is not; ``None`` where there is no such entry. ``views_size`` is 0 while views of
    another version are to be folded anew.
    """

    origin: str
    size: int
    recorded_us: int
    signed_size: int
    signed_us: int | None
    unsigned_us: int | None
    views_size: int


def read_state(reader: Reader) -> LedgerState:
    """Return where the ledger of a snapshot stands.

    Raises:
        LedgerError: the checkpoint that the store keeps is none.
    """
    head = reader.head()
    note = reader.checkpoint()
    signed = 0 if note is None else min(read_checkpoint(note).size, head.size)
    bookmark = read_bookmark(reader)
    return LedgerState(
        origin=reader.origin(),
        size=head.size,
        recorded_us=head.recorded_us,
        signed_size=signed,
        signed_us=_recorded_us(reader, signed - 1),
        unsigned_us=_recorded_us(reader, signed),
        views_size=bookmark.size if bookmark.version == PROJECTION_VERSION else 0,
    )


def _recorded_us(reader: Reader, position: int) -> int | None:
    envelopes = reader.envelopes(position, 1) if position >= 0 else []
    return decode_envelope(envelopes[0]).recorded_us if envelopes else None
