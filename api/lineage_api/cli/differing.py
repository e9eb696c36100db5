"""What commands print of two things that differ: changes of values, and what an answer lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lineage_api.cli.printing import basis_line, cut_text, json_text, missing_lines, printable
from lineage_api.cli.redactions import redaction_lines
from lineage_schemas.basis import Basis
from lineage_schemas.differences import FieldChange
from lineage_schemas.graph import Edge, Redaction, Truncation
from lineage_schemas.instants import format_known_instant
from lineage_schemas.mlmd import EventKind
from lineage_schemas.values import JsonValue

VALUE_WIDTH_MAX = 120
"""Characters that are shown of a value; the answer in JSON holds it whole."""


def short(value: JsonValue) -> str:
    """Return a value as JSON, cut where it is long; ``-`` for none."""
    if value is None:
        return "-"
    text = json_text(value)
    return text if len(text) <= VALUE_WIDTH_MAX else f"{text[:VALUE_WIDTH_MAX]}…"


def change_lines(changes: Iterable[FieldChange]) -> Iterator[str]:
    """Yield each change of a value, with the entry that brought it."""
    for one in changes:
        cited = "" if one.position is None else f"  (entry {one.position} by {one.source})"
        yield printable(f"    {one.field}: {short(one.before)} → {short(one.after)}{cited}")


def edge_text(artifact: str, execution: str, kind: EventKind) -> str:
    """Return an edge by the names of its ends, in the direction the data flowed."""
    tail, head = (artifact, execution) if kind.is_input else (execution, artifact)
    return f"{tail} → {head}  {kind.value}"


def edge_change_lines(before: Edge, after: Edge) -> Iterator[str]:
    """Yield what else is said of an edge now: where and when."""
    if before.path != after.path:
        paths = (short([*path]) for path in (before.path, after.path))
        yield printable(f"    path: {' → '.join(paths)}")
    if before.time_us != after.time_us:
        times = (format_known_instant(one) or "-" for one in (before.time_us, after.time_us))
        yield f"    time: {' → '.join(times)}"


def cut_lines(truncations: Iterable[Truncation], where: str = "") -> Iterator[str]:
    """Yield what a limit cut."""
    for one in truncations:
        yield f"cut       {where}{cut_text(one)}"


def basis_lines(basis: Basis, redactions: tuple[Redaction, ...]) -> Iterator[str]:
    """Yield what was erased, and what an answer rests on."""
    yield from redaction_lines(redactions, basis.redactions)
    yield basis_line(basis)
    yield from missing_lines(basis)
