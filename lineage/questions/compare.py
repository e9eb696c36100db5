"""Compare two runs, or the runs that made two versions, aspect by aspect. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.questions.citing import Cited
from lineage.questions.comparing import compare_numbers, compare_values, judge, judge_listed
from lineage.questions.comparing_code import compare_code
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.lacking import count_undated
from lineage.questions.merged import Merged, read_merged, read_versions, thing_ref
from lineage.questions.pairing import Entered, pair_ends
from lineage.questions.redactions import with_redactions
from lineage.questions.runs import End, Found, find_run, read_ends
from lineage_schemas.comparisons import (
    Aspect,
    AspectName,
    Compared,
    ComparedSide,
    ComparisonAnswer,
)
from lineage_schemas.graph import Truncation, TruncationReason
from lineage_schemas.redactions import redacted_position
from lineage_schemas.values import JsonValue

ENDS_MAX: Final = 10_000
"""Inputs and outputs of one run that are compared."""

_MACHINE: Final = (
    *("python_version", "operating_system", "framework", "cpu_count", "gpu_count", "gpu_model"),
    *("image_digest", "image_reference", "is_deterministic", "reproducibility_level"),
    *("python_seed", "python_hash_seed", "numpy_seed", "framework_seed", "cuda_seed"),
)
_MACHINE_TABLES: Final = ("library_versions", "hardware", "determinism_flags")
_CODE_REVISION: Final = "lineage.CodeRevision"
_IMAGE: Final = "lineage.ContainerImage"
_NOT_DATA: Final = frozenset({_CODE_REVISION, _IMAGE})


Comparing = Callable[[str, Cited | None, Cited | None], Compared]
"""How the two values of one row are compared."""


class CompareQuery(Struct, frozen=True, kw_only=True):
    """Which two to compare: runs, or what a run made, by identifier or label."""

    one: str
    other: str


class _Side(NamedTuple):
    """One side: what is said of its run and of its subject, and what went in and came out."""

    found: Found
    values: Mapping[str, Cited]
    figures: Mapping[str, Cited]
    inputs: list[Entered]
    outputs: list[Entered]
    hidden: int
    undated: list[End]


def compare(asked: GraphAsked, query: CompareQuery) -> ComparisonAnswer:
    """Answer a query of clean names.

    Raises:
        InvalidInputError: a context, several things, or what several runs made.
        AmbiguousLabelError, NotFoundError: as every name.
    """
    names = find_run(asked, query.one), find_run(asked, query.other)
    one, other = _sides(asked, *names)
    aspects = (
        compare_code(one.values, other.values),
        _ends(AspectName.DATA, one.inputs, other.inputs),
        _table(AspectName.PARAMETERS, "hyperparameters", one, other),
        _environment(one, other),
        _metrics(one, other),
        _ends(AspectName.OUTPUTS, one.outputs, other.outputs),
    )
    met = {
        vertex
        for side in (one, other)
        for thing in (
            *(side.found.subject, side.found.run),
            *(entered.thing for entered in (*side.inputs, *side.outputs)),
        )
        if thing is not None
        for vertex in thing.members
    }
    answer = ComparisonAnswer(
        basis=asked.basis,
        one=_shown(names[0]),
        other=_shown(names[1]),
        aspects=aspects,
        unknown=tuple(dict.fromkeys(found.name for found in names if found.subject is None)),
        truncations=tuple(
            Truncation(reason=TruncationReason.NEIGHBOURS, limit=ENDS_MAX, hidden=side.hidden)
            for side in (one, other)
            if side.hidden
        ),
        not_begun=tuple(dict.fromkeys(found.name for found in names if not found.is_begun)),
        undated=_count_undated(asked, met, (one, other)),
        labels=tuple(found.label for found in names if found.label is not None),
    )
    return with_redactions(asked.reader, answer, asked.number, met)


def _count_undated(asked: GraphAsked, met: set[int], sides: tuple[_Side, _Side]) -> int:
    """Count the nodes and edges that count for a valid time though nobody dated them."""
    if asked.valid is None:
        return 0
    edges = {
        (side.found.run.members, end)
        for side in sides
        if side.found.run is not None
        for end in side.undated
    }
    return count_undated(asked, met) + len(edges)


def _shown(found: Found) -> ComparedSide:
    return ComparedSide(
        asked=found.name,
        subject=None if found.subject is None else thing_ref(found.subject),
        run=None if found.run is None else thing_ref(found.run),
    )


def _sides(asked: GraphAsked, *names: Found) -> list[_Side]:
    """Read both sides together, so that one thing on both sides is one."""
    ends = [() if one.run is None else read_ends(asked, one.run.members) for one in names]
    kept = [one[:ENDS_MAX] for one in ends]
    things = read_merged(asked, [end.vertex for one in kept for end in one])
    versions = read_versions(asked, things.values())
    sides: list[_Side] = []
    for found, near, every in zip(names, kept, ends, strict=True):
        entered = [
            (end.kind.is_input, Entered(thing, versions[thing], end.path, end.position))
            for end in near
            for thing in (things[end.vertex],)
        ]
        values = {} if found.run is None else dict(_said(found.run))
        inputs = [one for is_input, one in entered if is_input]
        _fill(values, inputs)
        sides.append(
            _Side(
                found,
                values,
                {} if found.subject is None else dict(_said(found.subject)),
                [one for one in inputs if one.thing.type not in _NOT_DATA],
                [one for is_input, one in entered if not is_input],
                len(every) - len(near),
                [end for end in near if not end.is_dated],
            )
        )
    return sides


def _said(thing: Merged) -> Iterator[tuple[str, Cited]]:
    """Yield the declared properties of a thing."""
    for field, cited in thing.fields.items():
        before, _, name = field.partition(".")
        if before == "properties":
            yield name, cited


def _fill(values: dict[str, Cited], inputs: Iterable[Entered]) -> None:
    """Add the commit and the image that a run took in, where it names none itself."""
    for kind, names in (
        (_CODE_REVISION, {"code_commit": "commit", "code_repository": "repository"}),
        (_IMAGE, {"image_digest": "image_digest"}),
    ):
        taken = {one.thing for one in inputs if one.thing.type == kind}
        if len(taken) == 1:
            (thing,) = taken
            for name, source in names.items():
                cited = thing.cited(source)
                if cited is not None:
                    values.setdefault(name, cited)


def _environment(one: _Side, other: _Side) -> Aspect:
    items = [_value(name, one, other) for name in _MACHINE]
    for name in _MACHINE_TABLES:
        items += _rows(name, one.values, other.values, compare_values, f"{name}.")
    return Aspect(name=AspectName.ENVIRONMENT, verdict=judge(items), items=tuple(items))


def _table(aspect: AspectName, name: str, one: _Side, other: _Side) -> Aspect:
    items = _rows(name, one.values, other.values, compare_values)
    return Aspect(name=aspect, verdict=judge_listed(items), items=tuple(items))


def _metrics(one: _Side, other: _Side) -> Aspect:
    items = _rows("metrics", one.values, other.values, compare_numbers)
    name = "evaluation_metrics"
    items += _rows(name, one.figures, other.figures, compare_numbers, f"{name}.")
    return Aspect(name=AspectName.METRICS, verdict=judge(items), items=tuple(items))


def _ends(aspect: AspectName, ones: list[Entered], others: list[Entered]) -> Aspect:
    items = pair_ends(ones, others)
    return Aspect(name=aspect, verdict=judge_listed(items), items=tuple(items))


def _value(name: str, one: _Side, other: _Side) -> Compared:
    return compare_values(name, one.values.get(name), other.values.get(name))


def _rows(
    name: str,
    ones: Mapping[str, Cited],
    others: Mapping[str, Cited],
    how: Comparing,
    before: str = "",
) -> list[Compared]:
    """Compare two tables row by row; one that was erased whole is unknown."""
    one, other = ones.get(name), others.get(name)
    tables = _rows_of(one), _rows_of(other)
    if any(
        cited is not None and table is None
        for cited, table in zip((one, other), tables, strict=True)
    ):
        return [compare_values(name, one, other)]
    first, second = (table or {} for table in tables)
    return [
        how(before + row, _row(one, first, row), _row(other, second, row))
        for row in sorted({*first, *second})
    ]


def _rows_of(cited: Cited | None) -> dict[str, JsonValue] | None:
    if cited is None or not isinstance(cited.value, dict):
        return None
    return None if redacted_position(cited.value) is not None else cited.value


def _row(cited: Cited | None, table: dict[str, JsonValue], row: str) -> Cited | None:
    if cited is None or table.get(row) is None:
        return None
    return cited._replace(value=table[row])
