"""Show grants and keys as they stood as of a size, and as of the time that size was of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import json

from lineage.access.granting import within
from lineage.access.names import may_have_key
from lineage.access.state import actor_names
from lineage.projections.access import API_KEY, GRANT, ApiKeyRow, GrantRow
from lineage.questions.as_of import AsOf, envelope_at, resolve_as_of
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.writing.governing import namespace_number
from lineage_schemas.access import EVERY, ApiKeyView, GrantView, Role
from lineage_schemas.instants import format_instant, instant_us

_NAMES: Final = json.Decoder(tuple[str, ...])
_ROLES: Final = json.Decoder(tuple[Role, ...])


class Moment(NamedTuple):
    """What is asked as of: a size of the log, and the time by which grants expire."""

    size: int
    now_us: int


def moment_of(reader: Reader, as_of: AsOf, now_us: int) -> Moment:
    """Return the size and the time that ``as_of`` means.

    A size is of the time at which its last entry was recorded.

    Raises:
        UnknownBasisError: a size the log has not reached, or another log's basis.
    """
    if as_of is None:
        return Moment(reader.head().size, now_us)
    size = resolve_as_of(reader, reader.origin(), LEDGER_NAMESPACE, as_of).size
    if isinstance(as_of, datetime):
        return Moment(size, instant_us(as_of))
    return Moment(size, envelope_at(reader, size - 1).recorded_us if size else 0)


def view_grants(reader: Reader, moment: Moment, namespace: str = EVERY) -> list[GrantView]:
    """Return every grant that was ever made (in a namespace), revoked and expired ones too."""
    return list(_grants(reader, moment, namespace))


def view_keys(reader: Reader, moment: Moment, namespace: str = EVERY) -> list[ApiKeyView]:
    """Return every API key that was ever issued (and may open a namespace, or might have)."""
    return list(_keys(reader, moment, namespace))


def _grants(reader: Reader, moment: Moment, namespace: str) -> Iterator[GrantView]:
    names = _names(reader)
    for row in map(GrantRow._make, scan_rows(reader, GRANT)):
        shown = within(namespace, _NAMES.decode(row.namespaces))
        if row.since >= moment.size or not shown:
            continue
        until = _until(row.until, moment)
        yield GrantView(
            position=row.since,
            grantee=names.get(row.grantee, row.grantee),
            role=Role(row.role),
            namespaces=shown,
            sources=_NAMES.decode(row.sources),
            granted_by=names.get(row.granted_by, row.granted_by),
            granted_at=format_instant(row.recorded_us),
            expires=None if row.expires_us is None else format_instant(row.expires_us),
            revoked_by=until,
            in_force=until is None and not _is_over(row.expires_us, moment),
            reason=row.reason,
        )


def _keys(reader: Reader, moment: Moment, namespace: str) -> Iterator[ApiKeyView]:
    names = _names(reader)
    grantees = _grantees(reader, moment, namespace)
    rows = sorted(map(ApiKeyRow._make, scan_rows(reader, API_KEY)), key=lambda row: row.since)
    for row in rows:
        narrowed = _NAMES.decode(row.namespaces)
        shown = within(namespace, narrowed or (EVERY,))
        # A key that names no namespace opens no more than its principal was granted, and whoever
        # asks in one must not hear of people that have nothing to do with it.
        is_others = EVERY in shown and namespace != EVERY and row.principal not in grantees
        if row.since >= moment.size or not shown or is_others:
            continue
        until = _until(row.until, moment)
        name = names.get(row.principal, row.principal)
        foreign = not may_have_key(name)
        yield ApiKeyView(
            key=row.id,
            position=row.since,
            principal=name,
            roles=_ROLES.decode(row.roles),
            namespaces=shown if narrowed else (),
            sources=_NAMES.decode(row.sources),
            issued_by=names.get(row.issued_by, row.issued_by),
            issued_at=format_instant(row.recorded_us),
            expires=None if row.expires_us is None else format_instant(row.expires_us),
            revoked_by=until,
            in_force=until is None and not foreign and not _is_over(row.expires_us, moment),
            foreign=foreign,
            reason=row.reason,
        )


def _grantees(reader: Reader, moment: Moment, namespace: str) -> set[str]:
    """Return the pseudonyms of all who were ever granted something that holds in a namespace."""
    return {
        row.grantee
        for row in map(GrantRow._make, scan_rows(reader, GRANT))
        if row.since < moment.size and within(namespace, _NAMES.decode(row.namespaces))
    }


def _names(reader: Reader) -> dict[str, str]:
    number = namespace_number(reader, LEDGER_NAMESPACE)
    return {} if number is None else actor_names(reader, number)


def _until(until: int | None, moment: Moment) -> int | None:
    return until if until is not None and until < moment.size else None


def _is_over(expires_us: int | None, moment: Moment) -> bool:
    return expires_us is not None and expires_us <= moment.now_us
