"""What keeps an entry from being erased, and who must stand behind an erasure.

Asked before an erasure, and again by an audit of every erasure that the log states.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

_DAY_US: Final = 24 * 60 * 60 * 1_000_000


class Restraint(Protocol):
    """A hold (no ``keep_days``) or a retention.

    Its scope is one entry, what is said of one node (``vertex``), or else its whole namespace.
    """

    @property
    def entry(self) -> int | None:
        """The position of the entry in scope."""
        ...

    @property
    def vertex(self) -> int | None:
        """The node in scope."""
        ...

    @property
    def keep_days(self) -> int | None:
        """How long an entry is kept after it was recorded; ``None``: until it is released."""
        ...


def covers(restraint: Restraint, position: int, vertices: Collection[int]) -> bool:
    """Tell whether an entry of the restraint's namespace, about these nodes, is in its scope."""
    if restraint.entry is not None and restraint.entry != position:
        return False
    return restraint.vertex is None or restraint.vertex in vertices


def kept_until(restraint: Restraint, recorded_us: int) -> int | None:
    """Return until when it keeps an entry recorded then; ``None``: until it is released."""
    return None if restraint.keep_days is None else recorded_us + restraint.keep_days * _DAY_US


def are_two_people(requester: str, approver: str) -> bool:
    """Tell whether these are the pseudonyms of somebody, and of somebody else."""
    return bool(requester) and bool(approver) and requester != approver
