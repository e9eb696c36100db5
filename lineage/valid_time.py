"""Valid time: the stated time that a question is about, as a moment or as an interval.

One form serves both: a moment is the half-open interval of its one microsecond.
"""

from __future__ import annotations

from typing import NamedTuple


class ValidTime(NamedTuple):
    """The half-open interval of stated time, in microseconds since the epoch, that is asked about.

    What has a start alone (a node, an edge) was so in it when it had started by its end; what has
    an interval (a link, an alias, a deployment), when the two overlap. What nobody dated is counted
    in, and told apart.
    """

    start_us: int
    end_us: int

    @classmethod
    def at(cls, moment_us: int) -> ValidTime:
        """Return the interval of one moment."""
        return cls(moment_us, moment_us + 1)

    @property
    def is_moment(self) -> bool:
        """Tell whether a moment is asked about, and no longer time."""
        return self.end_us - self.start_us == 1

    def has_begun(self, start_us: int | None) -> bool:
        """Tell whether what started then was so by the end; what nobody dated was."""
        return start_us is None or start_us < self.end_us

    def overlaps(self, start_us: int | None, end_us: int | None) -> bool:
        """Tell whether what was so from ``start_us`` to ``end_us`` (half-open) was so here."""
        return self.has_begun(start_us) and (end_us is None or end_us > self.start_us)
