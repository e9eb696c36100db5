"""The views of what the ledger states of itself: its keys, holds and retentions, disclosures."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import Bound, Column, Row, Table
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.codec import decode_records
from lineage_schemas.entry import StoredEntry
from lineage_schemas.errors import CorruptLogError
from lineage_schemas.governance import (
    Disclosure,
    Hold,
    KeyHandover,
    KeyIntroduction,
    Recovery,
    Release,
    Retention,
)
from lineage_schemas.mlmd import Record

_Stated = TypeVar("_Stated", bound=Record)

KEY: Final = Table(
    "signing_key",
    (
        Column("position", int),
        Column("covered_size", int),
        Column("verifier", str),
        Column("replaces", str, optional=True),
        Column("lost", int),
    ),
    key=("position",),
    bound=(Bound.PUBLIC, "position"),
)
"""``covered_size`` is the first size whose tree holds the introduction and all of its batch.

``lost`` is 1 where the key it replaces cannot be trusted to sign any more.
"""

HANDOVER: Final = Table(
    "key_handover",
    (Column("introduction", int), Column("position", int)),
    key=("introduction", "position"),
    bound=(Bound.PUBLIC, "introduction"),
)
"""Where the last signature of the key stands that the one at ``introduction`` replaced."""

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
    bound=(Bound.NUMBER, "namespace"),
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
    bound=(Bound.POSITION, "entry"),
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
    bound=(Bound.PUBLIC, "position"),
)
"""Where the log goes on after a loss, and under which origin it went before."""


class KeyRow(NamedTuple):
    """A row of ``KEY``."""

    position: int
    covered_size: int
    verifier: str
    replaces: str | None
    lost: int


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
            table: {} for table in (KEY, HANDOVER, RESTRAINT, DISCLOSURE, RECOVERY)
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
                    key = record.verifier, record.replaces, int(record.lost)
                    self._add(KEY, (position, covered, *key))
                case KeyHandover():
                    self._add(HANDOVER, (record.introduction, position))
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
        """Let the first release count: a later one must not make a hold seem to have lasted."""
        fresh = self._new[RESTRAINT].get((released,))
        held = self._stored.get(released) if fresh is None else RestraintRow._make(fresh)
        if held is None or held.released_by is not None:
            return
        row = held._replace(released_by=by)
        if fresh is not None:
            self._add(RESTRAINT, row)
        else:
            self._stored[released] = self._released[released] = row


def read_keys(reader: Reader) -> list[KeyRow]:
    """Return every key that was introduced, in the order of the log."""
    return [KeyRow._make(row) for row in scan_rows(reader, KEY)]


def read_handover(reader: Reader, introduction: int) -> bytes | None:
    """Return the note that the key signed last which the one introduced there replaced.

    ``None`` where it signed none, because it was lost. Nobody has verified the note.

    Raises:
        CorruptLogError: the entry does not state it any more.
    """
    for _, position in reader.find(HANDOVER, "introduction", [introduction]):
        stored = reader.entries(position, 1)[0]
        return read_governance(stored, KeyHandover).checkpoint.encode()
    return None


def read_governance(stored: StoredEntry, kind: type[_Stated]) -> _Stated:
    """Return the record of a kind that an entry of the ledger's own states.

    Raises:
        CorruptLogError: it is not there, although the facts of such entries are never erased.
    """
    records = () if stored.facts is None else decode_records(stored.facts.body, _body(stored))
    for record in records:
        if isinstance(record, kind):
            return record
    raise CorruptLogError(
        f"What the log states there is gone: {kind.__name__} records are never erased",
        where=f"position {stored.position}",
        hint="Run `lineage audit`.",
    )


def _body(stored: StoredEntry) -> bytes | None:
    return None if stored.personal is None else stored.personal.body


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
