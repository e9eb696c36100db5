"""The views of what the ledger states of itself: its keys, holds and retentions, disclosures."""

from __future__ import annotations

from typing import Final, NamedTuple

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Column, Row, Table
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.governance import (
    Disclosure,
    Hold,
    KeyIntroduction,
    Recovery,
    Release,
    Retention,
)

KEY: Final = Table(
    "signing_key",
    (
        Column("position", int),
        Column("covered_size", int),
        Column("verifier", str),
        Column("replaces", str, optional=True),
    ),
    key=("position",),
)
"""``covered_size`` is the first size whose tree holds the introduction and all of its batch."""

RESTRAINT: Final = Table(
    "restraint",
    (
        Column("position", int),
        Column("namespace", int),
        Column("entry", int, optional=True),
        Column("vertex", int, optional=True),
        Column("keep_days", int, optional=True),
        Column("name", str),
        Column("released_by", int, optional=True),
    ),
    key=("position",),
    indexes=(("namespace",),),
)
"""What forbids erasures: holds (no ``keep_days``) and retentions. Without ``entry`` and ``vertex``
the scope is the namespace. ``name`` is the authority or the retention class."""

DISCLOSURE: Final = Table(
    "disclosure",
    (
        Column("entry", int),
        Column("position", int),
        Column("facts", int),
        Column("personal", int),
    ),
    key=("entry", "position"),
)
"""Copies of parts of ``entry`` left the ledger, as the entry at ``position`` states."""

RECOVERY: Final = Table(
    "recovery",
    (
        Column("position", int),
        Column("former", str),
        Column("lost_from", int),
        Column("lost_to", int, optional=True),
    ),
    key=("position",),
)
"""Where the log goes on after a loss, and under which origin it went before."""


class KeyRow(NamedTuple):
    """A row of ``KEY``."""

    position: int
    covered_size: int
    verifier: str
    replaces: str | None


class RestraintRow(NamedTuple):
    """A row of ``RESTRAINT``."""

    position: int
    namespace: int
    entry: int | None
    vertex: int | None
    keep_days: int | None
    name: str
    released_by: int | None


class Governance:
    """What one run of folding adds to these views."""

    def __init__(self) -> None:
        self._new: dict[Table, dict[Row, Row]] = {
            table: {} for table in (KEY, RESTRAINT, DISCLOSURE, RECOVERY)
        }
        self._stored: dict[int, RestraintRow] = {}
        self._released: dict[int, Row] = {}

    def load(self, reader: Reader, released: list[int]) -> None:
        """Load the restraints that are about to be released."""
        for row in map(RestraintRow._make, reader.find(RESTRAINT, "position", released)):
            self._stored[row.position] = row

    def fold(self, said: Unfolded) -> None:
        """Add what one entry states of the ledger itself."""
        position = said.entry.position
        for record in said.governance:
            match record:
                case KeyIntroduction():
                    batch = said.entry.envelope.batch
                    covered = batch.start + batch.length
                    self._add(KEY, (position, covered, record.verifier, record.replaces))
                case Recovery():
                    lost = record.lost_from, record.lost_to
                    self._add(RECOVERY, (position, record.former, *lost))
                case Hold() | Retention():
                    self._add(RESTRAINT, _restraint(said, record))
                case Release():
                    self._release(record.position, position)
                case Disclosure():
                    for entry in record.positions:
                        shown = int(record.facts), int(record.personal)
                        self._add(DISCLOSURE, (entry, position, *shown))
                case _:
                    pass

    def flush(self, writer: Writer) -> None:
        """Write what was added and changed."""
        writer.replace(RESTRAINT, list(self._released.values()))
        for table, rows in self._new.items():
            writer.insert(table, list(rows.values()))
        self._new = {table: {} for table in self._new}
        self._released = {}

    def _add(self, table: Table, row: Row) -> None:
        self._new[table][table.key_of(row)] = row

    def _release(self, released: int, by: int) -> None:
        fresh = self._new[RESTRAINT].get((released,))
        if fresh is not None:
            self._add(RESTRAINT, RestraintRow._make(fresh)._replace(released_by=by))
        elif released in self._stored:
            row = self._stored[released]._replace(released_by=by)
            self._stored[released] = row
            self._released[released] = row


def read_keys(reader: Reader) -> list[KeyRow]:
    """Return every key that was introduced, in the order of the log."""
    return [KeyRow._make(row) for row in reader.scan(KEY, None, KEYS_MAX)]


KEYS_MAX: Final = 10_000
"""Keys of one log that are ever looked at: a log that rotates daily reaches it in 27 years."""


def _restraint(said: Unfolded, record: Hold | Retention) -> RestraintRow:
    vertex = None
    if record.kind is not None and record.node is not None:
        vertex = vertex_of(said.namespace, KIND_CODES[record.kind], record.node)
    if isinstance(record, Hold):
        keep_days, name = None, record.authority
    else:
        keep_days, name = record.keep_days, record.retention_class
    return RestraintRow(
        said.entry.position, said.namespace, record.position, vertex, keep_days, name, None
    )
