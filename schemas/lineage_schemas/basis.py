"""The basis of an answer: what it was asked of. Same basis, same answer, byte for byte.

Only an erasure takes a past away: a basis from before one is refused, never answered otherwise.
"""

from __future__ import annotations

from msgspec import Struct


class Basis(Struct, frozen=True, kw_only=True):
    """What an answer rests on; can be handed back to ask of the same past again.

    ``size`` is how many entries were looked at (0 to size - 1) and ``root`` the root of the tree
    over them, in hexadecimal. ``asked_size`` is there when a size inside a batch was asked for and
    rounded down to the batch's start. ``redactions`` counts the entries met of which something
    was erased, and ``last_erasure`` is the position of the last entry that states an erasure from
    what was looked at, as the answer was given.
    ``sources`` are those in scope, and ``sources_at`` is the moment at which they were judged,
    where any is: one that is overdue then, or unreconciled, has something to say that is not here.
    ``complete`` is false when something is known to be missing, and ``incomplete_because`` says
    what.
    """

    origin: str
    size: int
    root: str
    projection: str
    software: str
    namespace: str
    asked_size: int | None = None
    valid_at: str | None = None
    valid_during: tuple[str, str] | None = None
    redactions: int = 0
    last_erasure: int | None = None
    sources: tuple[str, ...] = ()
    sources_at: str | None = None
    complete: bool = True
    incomplete_because: tuple[str, ...] = ()
