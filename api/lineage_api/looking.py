"""Looks at a source again and again, at its beat, until it is told to stop.

The beat does not drift: a look that takes long makes the next one no later, and one that takes
longer than the beat leaves beats out. A source that cannot be read is told once, asked less and
less often, and told once more when it can be read again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from lineage.clock import Clock
from lineage.connectors.transport import SourceError
from lineage.importing.importer import Tally
from lineage_api.observing.logs import fields
from lineage_schemas.errors import ConflictError, StoreBusyError, StoreConflictError, StoreLostError

PAUSE_SECONDS_MAX: Final = 600.0
"""How long a source that cannot be read is left alone at most; its beat, where that is longer."""

_COMES_BACK: Final = (
    SourceError,
    ConflictError,
    StoreBusyError,
    StoreConflictError,
    StoreLostError,
)
"""What ends one look, and not the watch."""

_MICROSECONDS: Final = 1_000_000
_LOG: Final = logging.getLogger(__name__)

Look = Callable[[bool], Tally]
"""Looks once: as a whole, or at what is new."""

Wait = Callable[[float], bool]
"""Waits for so many seconds; returns early, and that it did, when it is told to stop."""


class StoppedError(Exception):
    """The watch was told to stop in the middle of a look."""


class Beat(Struct, frozen=True):
    """How often to look at what is new, and how often at all of it, in seconds."""

    new_seconds: float
    whole_seconds: float


class Health(Struct):
    """What became of the looks so far."""

    looks: int = 0
    whole_looks: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    appended: int = 0
    unread: int = 0


class Watch:
    """Looks at one source. The first look is a whole one: nobody knows what was missed.

    ``steady`` is a clock that nobody can set.
    """

    def __init__(self, look: Look, beat: Beat, wait: Wait, steady: Clock) -> None:
        self.health = Health()
        self._look = look
        self._beat = beat
        self._wait = wait
        self._steady = steady
        self._next = 0.0
        self._next_whole = 0.0

    def run(self) -> None:
        """Look until told to stop.

        Raises:
            LedgerError: the ledger cannot be used any more, or the principal may not speak.
        """
        self._next = self._next_whole = self._now()
        try:
            while not self._wait(max(0.0, self._next - self._now())):
                self._look_once()
        except StoppedError:
            _LOG.info("Stopped in the middle of a look; what was taken in stays")

    def _look_once(self) -> None:
        begun = self._now()
        is_whole = begun >= self._next_whole
        try:
            tally = self._look(is_whole)
        except _COMES_BACK as error:
            self._failed(error)
            return
        self._succeeded(tally, is_whole=is_whole, seconds=self._now() - begun)
        if is_whole:
            self._next_whole = self._after(self._next_whole, self._beat.whole_seconds)
        self._next = self._after(self._next, self._beat.new_seconds)

    def _after(self, planned: float, every: float) -> float:
        """Return the next beat after now: beats that are over are left out, none is moved."""
        behind = self._now() - planned
        return planned + every * (int(behind // every) + 1 if behind > 0 else 1)

    def _failed(self, error: Exception) -> None:
        health = self.health
        health.failures += 1
        health.failures_in_a_row += 1
        # The second and all further ones say nothing new.
        tell = _LOG.warning if health.failures_in_a_row == 1 else _LOG.debug
        pause = self._beat.new_seconds * 2.0 ** min(health.failures_in_a_row - 1, 32)
        pause = min(pause, max(PAUSE_SECONDS_MAX, self._beat.new_seconds))
        tell("The source cannot be looked at: %s", error, extra=fields(again_in_seconds=pause))
        self._next = self._now() + pause

    def _succeeded(self, tally: Tally, *, is_whole: bool, seconds: float) -> None:
        health = self.health
        if health.failures_in_a_row:
            _LOG.info(
                "The source can be looked at again",
                extra=fields(failures=health.failures_in_a_row),
            )
            # What it was meanwhile leaves traces that only a whole look finds; the next is as near
            # as the beat says, and no nearer: sources come back under load.
            self._next = self._now()
        health.failures_in_a_row = 0
        health.looks += 1
        health.whole_looks += is_whole
        health.appended += tally.appended
        health.unread = len(tally.unread)
        _LOG.info(
            "Looked at all of it" if is_whole else "Looked at what is new",
            extra=fields(
                seconds=round(seconds, 3),
                there=sum(tally.there.values()),
                appended=tally.appended,
                gone=tally.gone,
                unread=len(tally.unread),
            ),
        )

    def _now(self) -> float:
        return self._steady() / _MICROSECONDS
