"""The views of erasures: which entries lost which parts, by whose word, and whom it concerns."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.governance import Erasure, ErasureProposal, ErasureRefusal

ERASED: Final = Table(
    "erased",
    (
        Column("position", int),
        Column("erased_by", int),
        Column("parts", str),
    ),
    key=("position", "erased_by"),
    bound=(Bound.POSITION, "position"),
)
"""``erased_by`` is the position of the entry that states the erasure."""

ERASING: Final = Table(
    "erasing",
    (Column("position", int), Column("namespace", int), Column("lowest", int)),
    key=("position",),
    bound=(Bound.NUMBER, "namespace"),
)
"""The entries that state erasures, and the lowest position that each erased from."""

ERASINGS_MAX: Final = 100_000
"""Entries that state erasures and are looked at: each may name thousands of others."""

REDACTED: Final = Table(
    "redacted",
    (Column("vertex", int), Column("since", int)),
    key=("vertex", "since"),
    bound=(Bound.VERTEX, "vertex"),
)
"""Nodes of which something was erased from the entry at ``since``.

Made by folding what is left of that entry, so it needs no word of any erasure, and shows at every
size that the entry itself shows at.
"""


PROPOSAL: Final = Table(
    "erasure_proposal",
    (
        Column("position", int),
        Column("namespace", int),
        Column("decided_by", int, optional=True),
    ),
    key=("position",),
    indexes=(("namespace",),),
    bound=(Bound.NUMBER, "namespace"),
)
"""Erasures that were proposed; ``decided_by`` states the erasure, or its refusal."""


class Erasures:
    """The erasures that one run of folding meets."""

    def __init__(self) -> None:
        self._new: dict[Table, list[Row]] = {ERASED: [], ERASING: [], REDACTED: []}
        self._proposed: dict[int, Row] = {}
        self._decided: dict[int, Row] = {}

    def load(self, reader: Reader, decided: list[int]) -> None:
        """Load the proposals that are about to be decided."""
        for row in reader.find(PROPOSAL, "position", decided):
            if row[2] is None:
                self._decided.setdefault(row[0], row)

    def fold(self, said: Unfolded) -> None:
        """Add what one entry says was erased, and whom its own erasure concerns."""
        position = said.entry.position
        for item in said.erasures:
            self._new[ERASED] += [(one, position, item.parts.value) for one in item.positions]
        lowest = min((one for item in said.erasures for one in item.positions), default=None)
        if lowest is not None:
            self._new[ERASING].append((position, said.namespace, lowest))
        self._new[REDACTED] += [(vertex, position) for vertex in said.redacted]
        for record in said.governance:
            if isinstance(record, ErasureProposal):
                self._proposed[position] = (position, said.namespace, None)
            elif isinstance(record, Erasure | ErasureRefusal) and record.proposal is not None:
                self._decide(record.proposal, position)

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        for table, rows in self._new.items():
            writer.insert(table, rows)
        writer.insert(PROPOSAL, list(self._proposed.values()))
        writer.replace(PROPOSAL, [row for row in self._decided.values() if row[2] is not None])
        self._new = {table: [] for table in self._new}
        self._proposed, self._decided = {}, {}

    def _decide(self, proposal: int, by: int) -> None:
        """Let the first decision count."""
        for rows in (self._proposed, self._decided):
            row = rows.get(proposal)
            if row is not None and row[2] is None:
                rows[proposal] = (*row[:2], by)


def last_erasure(reader: Reader, namespaces: Collection[int], size: int) -> int | None:
    """Return the last entry that states an erasure from the first ``size`` entries, if any does."""
    return max(
        (
            position
            for position, namespace, lowest in reader.scan(ERASING, None, ERASINGS_MAX)
            if namespace in namespaces and lowest < size
        ),
        default=None,
    )
