"""The views of who may do what: grants, API keys, and when that last changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.access import ApiKeyIssue, ApiKeyRevocation, Grant, GrantRevocation
from lineage_schemas.codec import encode_json
from lineage_schemas.governance import Erasure

GRANT: Final = Table(
    "access_grant",
    (
        Column("since", int),
        Column("until", int, optional=True),
        Column("grantee", str),
        Column("granted_by", str),
        Column("role", str),
        Column("namespaces", bytes),
        Column("sources", bytes),
        Column("expires_us", int, optional=True),
        Column("recorded_us", int),
        Column("reason", str),
    ),
    key=("since",),
    bound=(Bound.HIDDEN, "since"),
)
"""``since`` is the entry that states the grant, ``until`` the one that revokes it. People are
pseudonyms of the ledger's own namespace, namespaces and sources JSON lists."""

API_KEY: Final = Table(
    "api_key",
    (
        Column("id", str),
        Column("since", int),
        Column("until", int, optional=True),
        Column("digest", str),
        Column("principal", str),
        Column("issued_by", str),
        Column("roles", bytes),
        Column("namespaces", bytes),
        Column("sources", bytes),
        Column("expires_us", int, optional=True),
        Column("recorded_us", int),
        Column("reason", str),
    ),
    key=("id",),
    bound=(Bound.HIDDEN, "id"),
)

ACCESS_CHANGE: Final = Table(
    "access_change",
    (Column("id", int), Column("position", int)),
    key=("id",),
    bound=(Bound.HIDDEN, "id"),
)
"""The last entry after which somebody may do something else than before: one row, or none.

Whoever keeps in memory what was granted sees by it, with one look, that it still holds. Erasures
count: a name that is gone was granted nothing any more.
"""

_CHANGE_ID: Final = 1


class GrantRow(NamedTuple):
    """A row of ``GRANT``."""

    since: int
    until: int | None
    grantee: str
    granted_by: str
    role: str
    namespaces: bytes
    sources: bytes
    expires_us: int | None
    recorded_us: int
    reason: str


class ApiKeyRow(NamedTuple):
    """A row of ``API_KEY``."""

    id: str
    since: int
    until: int | None
    digest: str
    principal: str
    issued_by: str
    roles: bytes
    namespaces: bytes
    sources: bytes
    expires_us: int | None
    recorded_us: int
    reason: str


class Grants:
    """What one run of folding adds to these views."""

    def __init__(self) -> None:
        self._stored: dict[tuple[Table, Row], Row] = {}
        self._new: dict[tuple[Table, Row], Row] = {}
        self._changed: dict[tuple[Table, Row], Row] = {}
        self._change: int | None = None
        self._has_change: bool | None = None

    def load(self, reader: Reader, records: Iterable[object]) -> None:
        """Load what these records are about to revoke, and whether anything was granted before."""
        records = [one for one in records if isinstance(one, _ACCESS)]
        if not records:
            return
        self._has_change = bool(reader.find(ACCESS_CHANGE, "id", [_CHANGE_ID]))
        positions = [one.position for one in records if isinstance(one, GrantRevocation)]
        keys = [one.key for one in records if isinstance(one, ApiKeyRevocation)]
        for table, column, values in ((GRANT, "since", positions), (API_KEY, "id", keys)):
            for row in reader.find(table, column, values):
                self._stored[table, table.key_of(row)] = row

    def fold(self, said: Unfolded) -> None:
        """Add what one entry states of who may do what."""
        position, envelope = said.entry.position, said.entry.envelope
        stated = envelope.actor, envelope.recorded_us
        for record in said.governance:
            match record:
                case Grant():
                    self._add(GRANT, _grant_row(position, record, *stated))
                case ApiKeyIssue():
                    self._add(API_KEY, _key_row(position, record, *stated))
                case GrantRevocation():
                    self._revoke(GRANT, (record.position,), position)
                case ApiKeyRevocation():
                    self._revoke(API_KEY, (record.key,), position)
                case Erasure():
                    pass
                case _:
                    continue
            self._change = position

    def flush(self, writer: Writer) -> None:
        """Write what was added and revoked."""
        for (table, _), row in self._changed.items():
            writer.replace(table, [row])
        for (table, _), row in self._new.items():
            writer.insert(table, [row])
        if self._change is not None:
            row = (_CHANGE_ID, self._change)
            if self._has_change:
                writer.replace(ACCESS_CHANGE, [row])
            else:
                writer.insert(ACCESS_CHANGE, [row])
            self._has_change = True
        self._stored |= self._new | self._changed
        self._new, self._changed, self._change = {}, {}, None

    def _add(self, table: Table, row: Row) -> None:
        self._new[table, table.key_of(row)] = row

    def _revoke(self, table: Table, key: Row, by: int) -> None:
        """Let the first revocation count, as with restraints."""
        at = table.column("until")
        kept = self._new if (table, key) in self._new else self._changed
        row = kept.get((table, key)) or self._stored.get((table, key))
        if row is not None and row[at] is None:
            kept[table, key] = (*row[:at], by, *row[at + 1 :])


_ACCESS: Final = (Grant, GrantRevocation, ApiKeyIssue, ApiKeyRevocation, Erasure)


def last_change(reader: Reader) -> int | None:
    """Return the last entry that changed who may do what; ``None``: nobody was granted anything."""
    return next((row[1] for row in reader.find(ACCESS_CHANGE, "id", [_CHANGE_ID])), None)


def _grant_row(position: int, record: Grant, by: str, recorded_us: int) -> GrantRow:
    return GrantRow(
        since=position,
        until=None,
        grantee=record.grantee,
        granted_by=by,
        role=record.role.value,
        namespaces=encode_json(record.namespaces),
        sources=encode_json(record.sources),
        expires_us=record.expires_us,
        recorded_us=recorded_us,
        reason=record.reason,
    )


def _key_row(position: int, record: ApiKeyIssue, by: str, recorded_us: int) -> ApiKeyRow:
    return ApiKeyRow(
        id=record.key,
        since=position,
        until=None,
        digest=record.digest,
        principal=record.principal,
        issued_by=by,
        roles=encode_json(record.roles),
        namespaces=encode_json(record.namespaces),
        sources=encode_json(record.sources),
        expires_us=record.expires_us,
        recorded_us=recorded_us,
        reason=record.reason,
    )
