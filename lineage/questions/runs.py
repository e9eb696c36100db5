"""Find the run behind a name: itself, or the one that made what is named."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from lineage.projections.edges import read_detail
from lineage.questions.edge_lists import edges_at
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.labels import resolve_name
from lineage.questions.merged import Merged, read_merged
from lineage.questions.named import begun_among
from lineage.questions.nodes import find_identified
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.graph import ResolvedLabel
from lineage_schemas.mlmd import INPUT_KINDS, EventKind, Kind
from lineage_schemas.records import LinkClass

LOOKED_MAX: Final = 1_000
"""Things that are looked at between a version and the run that made it."""

LISTED_MAX: Final = 20
"""Things that a refusal lists by key; it counts the rest."""

SUBJECT_KINDS: Final = (Kind.ARTIFACT, Kind.EXECUTION)
"""Kinds of what data flows through."""

_PASSING_ON: Final = frozenset({"lineage.Register", "lineage.Promote"})
"""Executions that make a version of what another one made."""
_PASSED_ON: Final = frozenset({"lineage.Model", "lineage.ModelVersion", None})


class End(NamedTuple):
    """Something at an edge of an execution, by vertex."""

    vertex: int
    kind: EventKind
    path: tuple[str | int, ...]
    position: int
    is_dated: bool


class Found(NamedTuple):
    """What a name stands for: the thing, and the run that it is or that made it.

    ``is_begun``: it was there by the valid time, or nobody dated it.
    """

    name: str
    subject: Merged | None
    run: Merged | None
    label: ResolvedLabel | None
    is_begun: bool = True


def find_run(asked: GraphAsked, name: str) -> Found:
    """Return the run behind a clean name, as far as the log has heard of it.

    Raises:
        InvalidInputError: a context, several things, or what several runs made.
        AmbiguousLabelError, NotFoundError: as every name.
    """
    reader, number, size = asked.reader, asked.number, asked.size
    key, label = resolve_name(reader, number, name, tuple(Kind), size)
    if number is None:
        return Found(name, None, None, label)
    named = find_identified(reader, number, key, SUBJECT_KINDS, size)
    # What was not there yet is no other thing that the name means; alone, it is still what is asked
    # about.
    begun = begun_among(asked, named)
    vertices = begun or named
    subjects = list(dict.fromkeys(read_merged(asked, vertices).values()))
    if not subjects and find_identified(reader, number, key, (Kind.CONTEXT,), size):
        raise InvalidInputError(
            "A context groups runs and is none",
            where=name,
            hint="Name one of its members, which `lineage show` lists.",
        )
    if not subjects:
        return Found(name, None, None, label)
    refuse_several(name, subjects)
    (subject,) = subjects
    runs = [subject] if subject.kind is Kind.EXECUTION else _runs_of(asked, subject)
    if len(runs) > 1:
        raise InvalidInputError(
            f"Several runs made this: {', '.join(sorted(one.key for one in runs))}",
            where=name,
            hint="Name the run that is meant.",
        )
    return Found(name, subject, runs[0] if runs else None, label, is_begun=bool(begun))


def refuse_several(name: str, subjects: Collection[Merged]) -> None:
    """Refuse a name that several things go by, such as a digest of equal bytes.

    Raises:
        InvalidInputError: it lists them, ``LISTED_MAX`` at most.
    """
    if len(subjects) > 1:
        keys = sorted(one.key for one in subjects)
        more = f" and {len(keys) - LISTED_MAX:,} more" if len(keys) > LISTED_MAX else ""
        raise InvalidInputError(
            f"Several things go by this: {', '.join(keys[:LISTED_MAX])}{more}",
            where=name,
            hint="Name one of them by its own key.",
        )


def _runs_of(asked: GraphAsked, subject: Merged) -> list[Merged]:
    """Return the executions that made an artifact, or the model that it is a version of."""
    runs: dict[Merged, None] = {}
    seen, waiting = {subject.members}, [subject]
    while waiting:
        artifact = waiting.pop()
        makers = _makers(asked, artifact.members)
        if not makers:
            alike = asked.links.joined_to(artifact.members, asked.size, [LinkClass.CONTENT])
            makers = _makers(asked, alike)
        for maker in makers:
            if maker.type not in _PASSING_ON:
                runs[maker] = None
                continue
            ends = read_ends(asked, maker.members)
            inputs = read_merged(asked, [end.vertex for end in ends if end.kind in INPUT_KINDS])
            for one in inputs.values():
                if one.type in _PASSED_ON and one.members not in seen:
                    seen.add(one.members)
                    waiting.append(one)
        if len(seen) > LOOKED_MAX:
            raise LimitExceededError(
                f"More than {LOOKED_MAX} things lie between this and the run that made it",
                where=subject.key,
                hint="Name the run itself.",
            )
    return list({one.members: one for one in runs}.values())


def _makers(asked: GraphAsked, artifacts: Iterable[int]) -> list[Merged]:
    tails = {end.vertex for end in _at(asked, "head", set(artifacts))}
    return list(dict.fromkeys(read_merged(asked, tails).values()))


def read_ends(asked: GraphAsked, executions: Iterable[int]) -> list[End]:
    """Return what went into executions and came out of them, each once, by vertex."""
    wanted = set(executions)
    found: dict[tuple[int, EventKind, tuple[str | int, ...]], End] = {}
    for end in (*_at(asked, "tail", wanted), *_at(asked, "head", wanted)):
        name = end.vertex, end.kind, end.path
        if name not in found or end.position < found[name].position:
            found[name] = end
    return sorted(found.values(), key=lambda end: (end.vertex, end.kind, end.position))


def _at(asked: GraphAsked, column: str, vertices: set[int]) -> list[End]:
    """Return the far ends of the edges whose ``column`` is one of these nodes."""
    far = 1 if column == "tail" else 0
    ends: list[End] = []
    for row in edges_at(asked, column, vertices):
        _, _, kind, since, _, body, stated_us = row
        detail = read_detail(body)
        path = () if detail is None else tuple(detail.path)
        ends.append(End(row[far], EventKind(kind), path, since, stated_us is not None))
    return ends
