"""Level 2: what must hold from one envelope to the next."""

from __future__ import annotations

from typing import Final, NamedTuple

from lineage.audit.reports import AuditLevel, Findings
from lineage_schemas.entry import Envelope

_LEVEL: Final = AuditLevel.ENTRIES


class Followed(NamedTuple):
    """What the follower knows of the entries so far.

    ``recorded_us`` is the recorded time of the last entry and ``batch_end`` where its batch ends;
    each is ``None`` if that could not be read.
    """

    recorded_us: int | None = 0
    batch_end: int | None = 0
    batch: tuple[int, int] = (0, 0)


class Follower:
    """Follows the envelopes in order.

    After each finding it believes the entry at hand, so that one wrong entry is not told again at
    every entry behind it.
    """

    def __init__(self, found: Findings, followed: Followed) -> None:
        self._found = found
        self.recorded_us, self._batch_end, self._batch = followed

    @property
    def followed(self) -> Followed:
        """What is known so far."""
        return Followed(self.recorded_us, self._batch_end, self._batch)

    def skip(self, position: int) -> None:
        """Pass over an entry that cannot be read."""
        self.recorded_us = None
        if position == self._batch_end:
            self._batch_end = None

    def check(self, position: int, envelope: Envelope) -> None:
        """Check an entry against those before it."""
        recorded_us = envelope.recorded_us
        if self.recorded_us is not None and recorded_us < self.recorded_us:
            self._found.add(_LEVEL, "Recorded time runs backwards", position)
        self.recorded_us = recorded_us
        start, length = batch = envelope.batch.start, envelope.batch.length
        if position == self._batch_end:
            if start != position or length < 1:
                self._found.add(_LEVEL, "The batch does not begin here", position)
        elif self._batch_end is not None and batch != self._batch:
            self._found.add(_LEVEL, "The batch is interleaved with another", position)
        self._batch = batch
        self._batch_end = max(position + 1, start + length)
        if envelope.message is not None and not 0 <= envelope.message < position:
            self._found.add(_LEVEL, "The message it cites does not come earlier", position)

    def end(self, size: int) -> None:
        """Check that the last batch is whole."""
        if self._batch_end not in {None, size}:
            self._found.add(_LEVEL, "The last batch is not whole", self._batch[0])
