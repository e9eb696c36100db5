"""Refusals, counted in memory until it is time to write them.

Counting never waits for a store: most refusals are counted while the log is locked. There are
bounds on what is kept apart, for whoever is refused chooses the namespaces; what does not fit is
counted all the same, under ``OTHERS``.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Final, NamedTuple

from lineage.clock import Clock
from lineage.writing.submission import Principal
from lineage_schemas.limits import NAME_BYTES_MAX, NAMESPACE_BYTES_MAX

DENIALS_MAX: Final = 500
"""Refusals that are kept apart at once: by principal, door, action and namespace."""

DENIALS_EACH_MAX: Final = 10
"""How many of these one principal may have: else it could hide those of others."""

DENIALS_EVERY_US: Final = 1_000_000
"""How often what was counted is written: else whoever may do nothing could fill a disk. A process
that is killed forgets those of its last second."""

DENIALS_RETRY_US_MAX: Final = 60_000_000
"""How long it is left alone after it failed, at most: after each failure twice as long."""

OTHERS: Final = "…"
"""Stands for namespaces, and principals, that are not kept apart."""


class Denial(NamedTuple):
    """Who was refused what, and through which door."""

    who: Principal
    door: str
    action: str
    namespace: str


class Denials:
    """Counts refusals. Safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counted: Counter[Denial] = Counter()
        self._each: Counter[Principal] = Counter()
        self._tried_us: int | None = None
        self._failures = 0

    def count(self, denial: Denial, times: int = 1) -> None:
        """Count a refusal."""
        with self._lock:
            self._count(denial, times)

    def is_due(self) -> bool:
        """Tell whether something was counted that it is time to write."""
        with self._lock:
            if not self._counted:
                return False
            if self._tried_us is None:
                return True
            wait_us = min(DENIALS_EVERY_US << self._failures, DENIALS_RETRY_US_MAX)
            # Where the clock was put back, nobody waits for it to come there again.
            return not 0 <= self._clock() - self._tried_us < wait_us

    def take(self) -> dict[Denial, int]:
        """Return what was counted, and begin anew."""
        with self._lock:
            self._tried_us = self._clock()
            counted = dict(self._counted)
            self._counted.clear()
            self._each.clear()
            return counted

    def done(self, unwritten: dict[Denial, int], *, failed: bool) -> None:
        """Take back what could not be written, and remember whether it failed."""
        with self._lock:
            # Bounded, for it is the exponent of a wait.
            self._failures = min(self._failures + 1, DENIALS_RETRY_US_MAX.bit_length())
            if not failed:
                self._failures = 0
            for denial, times in unwritten.items():
                self._count(denial, times)

    def _count(self, denial: Denial, times: int) -> None:
        denial = Denial(
            # By whichever key or in whichever groups: they are one person to the access log.
            Principal(_plain(denial.who.name, NAME_BYTES_MAX), denial.who.origin),
            denial.door,
            denial.action,
            _plain(denial.namespace, NAMESPACE_BYTES_MAX),
        )
        if denial not in self._counted:
            if self._each[denial.who] >= DENIALS_EACH_MAX:
                denial = denial._replace(namespace=OTHERS)
            if denial not in self._counted and len(self._counted) >= DENIALS_MAX:
                denial = denial._replace(who=Principal(OTHERS), namespace=OTHERS)
        if denial not in self._counted:
            self._each[denial.who] += 1
        self._counted[denial] += times


def _plain(text: str, length_max: int) -> str:
    """Return a caller's text as the log can keep it: what it cannot would keep all from it."""
    plain = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return plain[:length_max] or OTHERS
