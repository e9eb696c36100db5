"""What the log has granted to whom, read once and then judged in memory.

A state is of one size of the log. Whoever asks gives the time, for grants and keys expire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import json

from lineage.access.names import RESERVED_NAMES, may_have_key
from lineage.access.roles import ACTIONS, LEDGER_WIDE, Action, kept_apart
from lineage.projections.access import API_KEY, GRANT, ApiKeyRow, GrantRow
from lineage.projections.statements import ACTOR
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import is_visible
from lineage.writing.governing import namespace_number
from lineage.writing.submission import Principal
from lineage_schemas.access import EVERY, GROUP_PREFIX, WEBHOOK_PREFIX, Role
from lineage_schemas.records import ActorOrigin

_NAMES: Final = json.Decoder(tuple[str, ...])
_ROLES: Final = json.Decoder(tuple[Role, ...])


class Granted(NamedTuple):
    """A role, where, for which sources, and until when."""

    role: Role
    namespaces: frozenset[str]
    sources: frozenset[str]
    expires_us: int | None

    def holds_in(self, namespace: str) -> bool:
        """Tell whether it holds in a namespace; ``EVERY`` asks for all of them at once."""
        return EVERY in self.namespaces or namespace in self.namespaces


class HeldKey(NamedTuple):
    """An API key: who speaks by it, and what it is narrowed to."""

    digest: str
    name: str
    roles: frozenset[Role]
    namespaces: frozenset[str]
    sources: frozenset[str]
    expires_us: int | None


class AccessState(NamedTuple):
    """All grants and keys that were not revoked, by the name of who has them."""

    is_set_up: bool
    grants: dict[str, tuple[Granted, ...]]
    keys: dict[str, HeldKey]


NOBODY: Final = AccessState(is_set_up=False, grants={}, keys={})


def read_access(reader: Reader, size: int | None = None) -> AccessState:
    """Read what was granted (as of a size).

    A grant to somebody whose name was erased since is granted to nobody, at every size. A key for a
    name that is another kind of caller's was made before that was refused; it opens nothing.
    """
    number = namespace_number(reader, LEDGER_NAMESPACE)
    if number is None:
        return NOBODY
    size = reader.head().size if size is None else size
    names = actor_names(reader, number)
    grants: dict[str, list[Granted]] = {}
    is_set_up = False
    for row in map(GrantRow._make, scan_rows(reader, GRANT)):
        is_set_up = is_set_up or row.since < size
        name = names.get(row.grantee)
        if name and is_visible(row.since, row.until, size):
            grants.setdefault(name, []).append(_granted(row))
    keys: dict[str, HeldKey] = {}
    for key in map(ApiKeyRow._make, scan_rows(reader, API_KEY)):
        is_set_up = is_set_up or key.since < size
        name = names.get(key.principal)
        if name and may_have_key(name) and is_visible(key.since, key.until, size):
            keys[key.id] = _held_key(key, name)
    return AccessState(is_set_up, {name: tuple(rows) for name, rows in grants.items()}, keys)


def actor_names(reader: Reader, number: int) -> dict[str, str]:
    """Return the names behind pseudonyms of a namespace, where they are still there."""
    authenticated = ActorOrigin.AUTHENTICATED.value
    return {
        str(row[1]): str(row[4])
        for row in reader.find(ACTOR, "namespace", [number])
        if row[4] and row[3] == authenticated
    }


def grantees_of(principal: Principal) -> Iterator[str]:
    """Yield the names that a principal's grants may be under: its own, and those of its groups.

    None of a name that is reserved, or that would be taken for a group. Whoever is known by what
    they sign has grants only under the names that are theirs.
    """
    name = principal.name
    signs = principal.origin is ActorOrigin.SIGNED and name.startswith(WEBHOOK_PREFIX)
    is_known = principal.origin is ActorOrigin.AUTHENTICATED or signs
    if not is_known or name in RESERVED_NAMES:
        return
    if not name.startswith(GROUP_PREFIX):
        yield name
        yield from (GROUP_PREFIX + group for group in principal.groups)


class Rights(NamedTuple):
    """What one principal may do until ``expires_us``.

    ``held`` is all it was granted, by which roles are kept apart; ``used`` what is left of that
    through the API key it speaks by. ``None``: it is nobody who is known.
    """

    held: tuple[Granted, ...]
    used: tuple[Granted, ...] | None
    expires_us: int | None

    def is_over(self, now_us: int) -> bool:
        """Tell whether they must be worked out anew."""
        return _is_over(self.expires_us, now_us)


def rights_of(state: AccessState, principal: Principal, now_us: int) -> Rights:
    """Return what a principal may do now."""
    held = tuple(
        granted
        for name in grantees_of(principal)
        for granted in state.grants.get(name, ())
        if not _is_over(granted.expires_us, now_us)
    )
    ends = [one.expires_us for one in held if one.expires_us is not None]
    used: tuple[Granted, ...] | None = held
    if not state.is_set_up or not any(grantees_of(principal)):
        used = None
    elif principal.key:
        key = state.keys.get(principal.key)
        if key is None or key.name != principal.name or _is_over(key.expires_us, now_us):
            return Rights(held, None, None)
        used = tuple(_narrowed(held, key))
        ends += [] if key.expires_us is None else [key.expires_us]
    return Rights(held, used, min(ends, default=None))


def permits(rights: Rights, action: Action, namespace: str, source: str | None = None) -> bool:
    """Tell whether these rights allow an action in a namespace (``EVERY``: in all of them).

    With a ``source``, only a grant that may speak for it counts.
    """
    if rights.used is None:
        return False
    if action is Action.VERIFY:
        return True
    if action in LEDGER_WIDE:
        namespace = EVERY
    # Roles that are kept apart are so wherever both hold, be it in one of many namespaces.
    others = {one.role for one in rights.held if meets(one.namespaces, {namespace})}
    return any(
        action in ACTIONS[one.role]
        and one.holds_in(namespace)
        and _speaks_for(one, source)
        and kept_apart(one.role, others) is None
        for one in rights.used
    )


def meets(some: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether two sets of namespaces have one in common."""
    some, others = frozenset(some), frozenset(others)
    return EVERY in some or EVERY in others or not some.isdisjoint(others)


def covers(some: Iterable[str], others: Iterable[str]) -> bool:
    """Tell whether every one of ``others`` is among ``some``."""
    some, others = frozenset(some), frozenset(others)
    return EVERY in some or (EVERY not in others and others <= some)


def _speaks_for(granted: Granted, source: str | None) -> bool:
    if source is None or granted.role is not Role.INGEST:
        return True
    return EVERY in granted.sources or source in granted.sources


def _is_over(expires_us: int | None, now_us: int) -> bool:
    return expires_us is not None and expires_us <= now_us


def _narrowed(held: Iterable[Granted], key: HeldKey) -> Iterator[Granted]:
    for one in held:
        if key.roles and one.role not in key.roles:
            continue
        yield one._replace(
            namespaces=_both(one.namespaces, key.namespaces),
            sources=_both(one.sources, key.sources),
        )


def _both(granted: frozenset[str], narrowed: frozenset[str]) -> frozenset[str]:
    """Return what is in both; nothing in ``narrowed`` narrows nothing."""
    if not narrowed or EVERY in narrowed:
        return granted
    return narrowed if EVERY in granted else granted & narrowed


def _granted(row: GrantRow) -> Granted:
    return Granted(
        Role(row.role),
        frozenset(_NAMES.decode(row.namespaces)),
        frozenset(_NAMES.decode(row.sources)),
        row.expires_us,
    )


def _held_key(row: ApiKeyRow, name: str) -> HeldKey:
    return HeldKey(
        row.digest,
        name,
        frozenset(_ROLES.decode(row.roles)),
        frozenset(_NAMES.decode(row.namespaces)),
        frozenset(_NAMES.decode(row.sources)),
        row.expires_us,
    )
