"""What was erased of an answer: which nodes it concerns, by whom, when and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.lineage_ids import LineageIds
from lineage.projections.erasures import ERASED, ERASING, REDACTED
from lineage.projections.governance import read_governance
from lineage.projections.statements import ACTOR
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.basis import Basis
from lineage_schemas.codec import decode_envelope
from lineage_schemas.columns import ColumnsAnswer
from lineage_schemas.comparisons import ComparisonAnswer
from lineage_schemas.differences import BetweenPage
from lineage_schemas.governance import Erasure, PartsErased
from lineage_schemas.graph import LineageAnswer, NodeAnswer, NodePage, Redaction
from lineage_schemas.history import HistoryAnswer
from lineage_schemas.identity import ConflictPage, WhyAnswer
from lineage_schemas.impact import ImpactAnswer
from lineage_schemas.instants import format_instant
from lineage_schemas.knots import CyclesAnswer, OrphanPage
from lineage_schemas.linking import LinkPage, UnresolvedPage
from lineage_schemas.mlmd import Kind
from lineage_schemas.paths import CommonAnswer, PathsAnswer
from lineage_schemas.provenance import ProvenanceAnswer
from lineage_schemas.registry_views import RegistryAnswer
from lineage_schemas.serving import ServingAnswer

REDACTIONS_SHOWN_MAX: Final = 1_000
"""Redactions that an answer tells one by one; the basis counts all of them."""

_FEW_VERTICES: Final = 1_000
"""With fewer nodes to look up than this, looking each up costs less than comparing all."""

_FEW_ROWS: Final = 10_000
"""With fewer redacted nodes than this, comparing all of them costs less than looking each up."""

_Answer = TypeVar(
    "_Answer",
    LineageAnswer,
    NodeAnswer,
    NodePage,
    LinkPage,
    UnresolvedPage,
    WhyAnswer,
    ConflictPage,
    ServingAnswer,
    RegistryAnswer,
    BetweenPage,
    ComparisonAnswer,
    ProvenanceAnswer,
    PathsAnswer,
    CommonAnswer,
    ImpactAnswer,
    OrphanPage,
    CyclesAnswer,
    HistoryAnswer,
    ColumnsAnswer,
    LineageIds,
)


def count_redacted(reader: Reader, vertices: Collection[int], size: int) -> dict[int, int]:
    """Return for each node of which something was erased from how many entries it was."""
    counts: dict[int, int] = {}
    if not _has_erased(reader):
        return counts
    for vertex, _ in _redacted_rows(reader, vertices, size):
        counts[vertex] = counts.get(vertex, 0) + 1
    return counts


def find_redacted(reader: Reader, vertices: Collection[int], size: int) -> dict[int, set[int]]:
    """Return for each node of which something was erased the entries that it was erased from."""
    found: dict[int, set[int]] = {}
    if _has_erased(reader):
        for vertex, position in _redacted_rows(reader, vertices, size):
            found.setdefault(vertex, set()).add(position)
    return found


def with_redactions(
    reader: Reader, answer: _Answer, namespace: int | None, vertices: Iterable[int]
) -> _Answer:
    """Return an answer that tells, and counts in its basis, what was erased of these nodes.

    Where nothing was ever erased the nodes are not looked at.
    """
    if namespace is None or not _has_erased(reader):
        return answer
    size = answer.basis.size
    rows = _redacted_rows(reader, set(vertices), size)
    if not rows:
        return answer
    total, redactions = read_redactions(reader, namespace, {position for _, position in rows})
    return replace(answer, basis=counted(answer.basis, total), redactions=redactions)


def counted(basis: Basis, redactions: int) -> Basis:
    """Return the basis of an answer that met so many erased entries."""
    return replace(basis, redactions=redactions)


def read_redactions(
    reader: Reader, namespace: int, positions: Collection[int]
) -> tuple[int, tuple[Redaction, ...]]:
    """Return how many of these entries lost something, and the first of them, by position."""
    shown = sorted(positions)[:REDACTIONS_SHOWN_MAX]
    by_position: dict[int, list[tuple[int, str]]] = {}
    for position, erased_by, parts in reader.find(ERASED, "position", shown):
        by_position.setdefault(position, []).append((erased_by, parts))
    statements = _Statements(reader, namespace)
    return len(positions), tuple(
        redaction
        for position in shown
        for redaction in _redactions(position, by_position.get(position, []), statements)
    )


class _Stated(Struct, frozen=True):
    record: Erasure
    recorded_us: int


class _Statements:
    """The entries that state erasures, each read once, and the names of the actors in them."""

    def __init__(self, reader: Reader, namespace: int) -> None:
        self._reader = reader
        self._names = {
            str(row[1]): str(row[4])
            for row in reader.find(ACTOR, "namespace", [namespace])
            if row[4]
        }
        self._read: dict[int, _Stated] = {}

    def at(self, position: int) -> _Stated:
        if position not in self._read:
            stored = self._reader.entries(position, 1)[0]
            record = read_governance(stored, Erasure)
            recorded_us = decode_envelope(stored.envelope).recorded_us
            self._read[position] = _Stated(record, recorded_us)
        return self._read[position]

    def name(self, pseudonym: str) -> str:
        return self._names.get(pseudonym, pseudonym)


def _redactions(
    position: int, erasures: list[tuple[int, str]], statements: _Statements
) -> Iterator[Redaction]:
    """Yield each erasure of an entry: its parts may have gone one after the other."""
    for erased_by, parts in sorted(erasures):
        stated = statements.at(erased_by)
        yield Redaction(
            position=position,
            parts=PartsErased(parts),
            erased_by=erased_by,
            requester=statements.name(stated.record.requester),
            approver=statements.name(stated.record.approver),
            at=format_instant(stated.recorded_us),
            legal_basis=stated.record.legal_basis,
            reason=stated.record.reason,
        )
    if not erasures:
        yield Redaction(position=position, parts=PartsErased.ALL)


def erased_contexts(reader: Reader, size: int) -> list[int]:
    """Return the contexts of which something was erased, by vertex: their types may be gone."""
    found = {
        int(row[0])
        for row in scan_rows(reader, REDACTED)
        if row[1] < size and kind_code(row[0]) == KIND_CODES[Kind.CONTEXT]
    }
    return sorted(found)


def _has_erased(reader: Reader) -> bool:
    return bool(reader.scan(ERASING, None, 1) or reader.scan(REDACTED, None, 1))


def _redacted_rows(reader: Reader, vertices: Collection[int], size: int) -> list[tuple[int, int]]:
    """Return (vertex, position of an entry that lost something of it), as of a size."""
    if len(vertices) <= _FEW_VERTICES:
        rows = reader.find(REDACTED, "vertex", vertices)
    else:
        rows = reader.scan(REDACTED, None, _FEW_ROWS)
        if len(rows) == _FEW_ROWS:
            rows = reader.find(REDACTED, "vertex", vertices)
    return [(vertex, since) for vertex, since in rows if since < size and vertex in vertices]
