"""Who may still see rows that are gone: until they end, the server copies such rows along."""

from __future__ import annotations

from typing import Final

from psycopg import Connection

HOLDERS_MAX: Final = 3
"""So many are named at most."""

# A row that transaction X removed is copied along while a snapshot in this database, or any
# transaction under way, is older than X; one of another database too, for it holds back every new
# snapshot, also that of whoever copies. These columns are shown to everybody, unlike xact_start,
# which is empty for the sessions of other roles. What only vacuums counts for nothing, and a slot's
# catalog_xmin for no table of ours.
_HOLDERS: Final = b"""
    SELECT told FROM (
        SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_replication r WHERE r.pid = a.pid)
            THEN 'standby' ELSE 'session' END || ' ' || pid || coalesce(' of ' || usename, '')
            || coalesce(' (' || nullif(application_name, '') || ')', ''),
            CASE WHEN coalesce(datname = current_database(), true) THEN backend_xmin END,
            backend_xid
        FROM pg_catalog.pg_stat_activity a WHERE pid <> pg_backend_pid()
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = a.pid)
        UNION ALL
        SELECT 'prepared transaction ' || gid || ' of ' || owner, NULL, transaction
        FROM pg_catalog.pg_prepared_xacts
        UNION ALL
        SELECT 'replication slot ' || slot_name, xmin, NULL FROM pg_catalog.pg_replication_slots
    ) AS held (told, oldest_seen, under_way)
    WHERE age(oldest_seen) > age(%(next)s::text::xid8::xid)
    OR age(under_way) > age(%(next)s::text::xid8::xid)
    ORDER BY told
"""
_NEXT: Final = b"SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


def next_transaction(connection: Connection) -> str:
    """Return the first number that no transaction has yet whose work can be seen now."""
    row = connection.execute(_NEXT).fetchone()
    assert row is not None
    return str(row[0])


def holders(connection: Connection, next_id: str) -> list[str]:
    """Name what may still see rows that were removed by transactions before ``next_id``."""
    return [str(row[0]) for row in connection.execute(_HOLDERS, {"next": next_id})]


def told(found: list[str]) -> str:
    """Return what was found, as the subject of a sentence."""
    rest = len(found) - HOLDERS_MAX
    return ", ".join(found[:HOLDERS_MAX]) + (f" and {rest} more" if rest > 0 else "")
