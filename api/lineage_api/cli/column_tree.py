"""Column lineage as a tree of text: every field once in full, and a footer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from lineage_api.cli.printing import basis_line, counted, label, missing_lines, printable
from lineage_api.cli.redactions import redaction_lines
from lineage_schemas.columns import Column, ColumnEdge, ColumnsAnswer, Transformation
from lineage_schemas.graph import Direction, Node

LEVELS_DRAWN_MAX: Final = 40
"""Deeper steps are no longer moved to the right, and say their level instead."""

SHOWN_EXECUTIONS_MAX: Final = 3
WHOLE: Final = "*"

_ARROWS: Final = {Direction.UPSTREAM: "←", Direction.DOWNSTREAM: "→"}

_Place = tuple[str, str | None]


class _Waiting(NamedTuple):
    """A line that is to be written, with the step that leads to it."""

    place: _Place
    near: str | None
    edge: ColumnEdge | None
    level: int


class _Tree:
    """The lines of one direction, from the starts on; each place is written out once."""

    def __init__(self, answer: ColumnsAnswer, way: Direction) -> None:
        self._way = way
        self._columns = {(one.dataset, one.field): one for one in answer.columns}
        self._executions = {node.id: node for node in answer.executions}
        self._next: dict[_Place, list[ColumnEdge]] = {}
        self._done: set[_Place] = set()
        for edge in answer.edges:
            self._next.setdefault(self._ends(edge)[0], []).append(edge)

    def lines(self, starts: Sequence[_Place]) -> Iterator[str]:
        """Yield the starts, and below each what it leads to."""
        waiting = [_Waiting(place, None, None, 0) for place in reversed(starts)]
        while waiting:
            one = waiting.pop()
            is_again = one.place in self._done
            self._done.add(one.place)
            beyond = self._beyond(one)
            yield self._line(one, is_again=is_again and bool(beyond))
            waiting += (
                []
                if is_again
                else [
                    _Waiting(self._ends(edge)[1], one.place[1], edge, one.level + 1)
                    for edge in reversed(beyond)
                ]
            )

    def _beyond(self, one: _Waiting) -> list[ColumnEdge]:
        """Return the steps from a place: those of the whole are also those of each field.

        All steps of all fields belong to a whole that was stepped to; at a start they stand below
        the fields themselves.
        """
        dataset, field = one.place
        found = list(self._next.get(one.place, ()))
        if field is not None:
            found += self._next.get((dataset, None), ())
        elif one.edge is not None:
            for place, edges in self._next.items():
                found += edges if place[0] == dataset and place[1] is not None else ()
        return found

    def _ends(self, edge: ColumnEdge) -> tuple[_Place, _Place]:
        source, target = (edge.from_dataset, edge.from_field), (edge.to_dataset, edge.to_field)
        return (target, source) if self._way is Direction.UPSTREAM else (source, target)

    def _line(self, one: _Waiting, *, is_again: bool) -> str:
        indent = "  " * min(one.level, LEVELS_DRAWN_MAX)
        beyond = f"(level {one.level}) " if one.level > LEVELS_DRAWN_MAX else ""
        arrow = "" if one.edge is None else f"{_ARROWS[self._way]} "
        parts = [_named(self._columns[one.place])]
        if is_again:
            parts.append("(see above)")
        if one.edge is not None:
            near = self._ends(one.edge)[0][1]
            parts += [*map(_how, one.edge.transformations)]
            if near != one.near:
                parts.append("for every field" if near is None else f"for {near}")
            parts.append(self._by(one.edge))
        return indent + beyond + arrow + printable("  ".join(parts))

    def _by(self, edge: ColumnEdge) -> str:
        shown = edge.executions[-SHOWN_EXECUTIONS_MAX:]
        names = ", ".join(label(self._executions[one]) for one in shown)
        hidden = len(edge.executions) - len(shown)
        return f"by {names}" + (f" and {hidden:,} more" if hidden else "")


def column_lines(answer: ColumnsAnswer) -> Iterator[str]:
    """Yield the trees of an answer and its footer, line by line."""
    starts = [(one.dataset, one.field) for one in answer.columns if one.depth == 0]
    both = (Direction.UPSTREAM, Direction.DOWNSTREAM)
    ways = both if answer.direction is Direction.BOTH else (answer.direction,)
    for way in ways:
        yield from _Tree(answer, way).lines(starts)
        yield ""
    yield from _footer_lines(answer)


def _footer_lines(answer: ColumnsAnswer) -> Iterator[str]:
    counts = (
        counted(len(answer.columns), "field"),
        counted(len(answer.edges), "step"),
        counted(len(answer.datasets), "data set"),
        counted(answer.stubs, "stub"),
    )
    yield "holds     " + ", ".join(counts)
    if answer.unknown:
        yield printable("unknown   " + ", ".join(answer.unknown))
    if answer.not_begun:
        yield printable("not yet   " + ", ".join(answer.not_begun))
    yield from _entity_lines(answer.members, answer.datasets)
    if answer.unread:
        yield f"unread    {counted(answer.unread, 'property')} of executions, not of the form"
    if answer.redacted:
        yield f"redacted  {counted(answer.redacted, 'property')} of executions"
    if answer.undated:
        yield f"undated   {counted(answer.undated, 'step')}, counted in"
    for one in answer.truncations:
        limit = f"the limit of {one.limit:,} for {one.reason.value}"
        yield f"cut       by {limit}: at least {one.hidden:,} hidden"
    if not answer.truncations:
        yield "cut       nothing"
    yield from redaction_lines(answer.redactions, answer.basis.redactions)
    yield basis_line(answer.basis)
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"
    yield from missing_lines(answer.basis)


def _entity_lines(members: Mapping[str, Sequence[int]], datasets: Sequence[Node]) -> Iterator[str]:
    for node in datasets:
        several = members.get(node.key or "", ())
        if several:
            names = ", ".join(f"artifact {one}" for one in several)
            yield printable(f"one       {label(node)} is {names}")


def _named(column: Column) -> str:
    parts = [f"{WHOLE if column.field is None else column.field}"]
    if column.type is not None:
        parts.append(column.type)
    parts.append(f"of {column.dataset}")
    if column.field is not None and not column.in_schema:
        parts.append("(in no schema)")
    return " ".join(parts)


def _how(how: Transformation) -> str:
    words = " ".join(one for one in (how.type, how.subtype) if one)
    if how.masking:
        words += ", masked"
    return f"{words}: {how.description}" if how.description else words
