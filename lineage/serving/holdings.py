"""Fold moves of stages and aliases into intervals: which version had which, and when.

An alias points to one version at a time; a stage may be had by several. Moves count by their
times, never by the order in which they came; of one moment, what is taken away first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage_schemas.registry_views import HoldingKind
from lineage_schemas.serving import Certainty


class HoldingMove(NamedTuple):
    """A version was given a stage or an alias, or it was taken from it.

    ``given`` and ``taken`` are versions: either may be missing. Times are in microseconds.
    """

    kind: HoldingKind
    name: str
    given: str | None
    taken: str | None
    at_us: int
    after_us: int | None
    execution: str
    source: str = ""
    by: str | None = None
    positions: tuple[int, ...] = ()


class Held(Struct, frozen=True, kw_only=True):
    """A version held a stage or an alias; times in microseconds.

    Where several may hold a stage and the tool calls one of them the current one, ``current_us``
    says when that was this one; ``None`` where each that holds it is current.
    """

    kind: HoldingKind
    name: str
    version: str
    start_us: int | None
    start_after_us: int | None = None
    end_us: int | None = None
    end_after_us: int | None = None
    opened_by: str | None = None
    closed_by: str | None = None
    given_by: str | None = None
    taken_by: str | None = None
    source: str = ""
    positions: tuple[int, ...] = ()
    current_us: tuple[tuple[int, int | None], ...] | None = None

    def is_current(self, moment_us: int | None) -> bool:
        """Tell whether it was the current one at a moment; without one, whether it still is."""
        if self.current_us is None:
            held = moment_us is None or self.certainty_at(moment_us) is not None
            return held and (moment_us is not None or self.end_us is None)
        if moment_us is None:
            return any(end is None for _, end in self.current_us)
        return any(
            start <= moment_us and (end is None or moment_us < end)
            for start, end in self.current_us
        )

    def certainty_at(self, moment_us: int) -> Certainty | None:
        """Tell whether it was held at a moment: surely, perhaps, or (``None``) surely not."""
        if self.end_us is not None and moment_us >= self.end_us:
            return None
        if self.start_us is None:
            return Certainty.POSSIBLE
        if moment_us < self.start_us:
            after = self.start_after_us
            return Certainty.POSSIBLE if after is not None and after < moment_us else None
        is_ending = self.end_after_us is not None and moment_us > self.end_after_us
        return Certainty.POSSIBLE if is_ending else Certainty.CERTAIN


def fold_holdings(moves: Iterable[HoldingMove]) -> tuple[Held, ...]:
    """Return who held what, by kind, name and start."""
    held: list[Held] = []
    open_at: dict[tuple[HoldingKind, str, str], int] = {}
    seen: set[tuple[HoldingKind, str, str]] = set()
    for move in sorted(moves, key=_order):
        for key in _ending(move, open_at):
            index = open_at.pop(key)
            held[index] = _ended(held[index], move)
        if move.taken is not None and (move.kind, move.name, move.taken) not in seen:
            seen.add((move.kind, move.name, move.taken))
            held.append(_ended(_of(move, move.taken, is_begun=False), move))
        if move.given is not None and (move.kind, move.name, move.given) not in open_at:
            seen.add((move.kind, move.name, move.given))
            open_at[move.kind, move.name, move.given] = len(held)
            held.append(_of(move, move.given, is_begun=True))
    return tuple(sorted(held, key=lambda one: (one.kind, one.name, one.start_us or 0, one.version)))


def _order(move: HoldingMove) -> tuple[int, bool, str]:
    return move.at_us, move.given is not None, move.execution


def _ending(
    move: HoldingMove, held: Iterable[tuple[HoldingKind, str, str]]
) -> list[tuple[HoldingKind, str, str]]:
    """Return what ends: what is taken, and of an alias whatever it pointed to before."""
    return [
        one
        for one in held
        if one[:2] == (move.kind, move.name)
        and one[2] != move.given
        and (move.kind is HoldingKind.ALIAS or one[2] == move.taken)
    ]


def _of(move: HoldingMove, version: str, *, is_begun: bool) -> Held:
    return Held(
        kind=move.kind,
        name=move.name,
        version=version,
        start_us=move.at_us if is_begun else None,
        start_after_us=move.after_us if is_begun else None,
        opened_by=move.execution if is_begun else None,
        given_by=move.by if is_begun else None,
        source=move.source,
        positions=move.positions,
    )


def _ended(held: Held, move: HoldingMove) -> Held:
    after = move.after_us
    if after is not None and held.start_us is not None:
        after = max(after, held.start_us)
    return replace(
        held,
        end_us=move.at_us,
        end_after_us=None if after == move.at_us else after,
        closed_by=move.execution,
        taken_by=move.by,
        positions=tuple(sorted({*held.positions, *move.positions})),
    )
