"""The rules of grants and API keys: their form, and who may make them for whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lineage.access.checking import Checks
from lineage.access.names import RESERVED_NAMES
from lineage.access.roles import WHOLE_LEDGER_ROLES, Action, kept_apart
from lineage.access.state import covers, grantees_of, meets
from lineage.rules.form import LEDGER_NAMESPACE, check_namespace, check_principal
from lineage.rules.texts import check_name
from lineage.stores.base import Reader
from lineage.writing.submission import Principal
from lineage_schemas.access import EVERY, GROUP_PREFIX, Role
from lineage_schemas.errors import (
    ForbiddenError,
    InvalidInputError,
    LimitExceededError,
    PreconditionError,
)

GRANT_NAMES_MAX: Final = 256
"""Namespaces, or sources, that one grant or key names."""


class Scope(NamedTuple):
    """Where a grant or key holds, in the form the log keeps it: sorted, each once."""

    namespaces: tuple[str, ...]
    sources: tuple[str, ...]


class WantedKey(NamedTuple):
    """What a new key is to be narrowed to."""

    roles: tuple[Role, ...]
    namespaces: tuple[str, ...]
    sources: tuple[str, ...]

    def is_unbounded_for(self, principal: Principal, name: str) -> bool:
        """Tell whether it is for somebody else, and more than an ingest in named namespaces."""
        return name != principal.name and (self.roles != (Role.INGEST,) or not self.namespaces)


def grant_scope(role: Role, namespaces: Sequence[str], sources: Sequence[str]) -> Scope:
    """Return the scope of a grant.

    Raises:
        InvalidInputError: no namespace, one that cannot be, sources for another role than
            ``ingest``, or one namespace alone for a role over the whole ledger.
        LimitExceededError: more than ``GRANT_NAMES_MAX`` of either.
    """
    if not namespaces:
        raise InvalidInputError(
            "A grant names the namespaces it holds in", hint=f"Say {EVERY!r} for every one."
        )
    if sources and role is not Role.INGEST:
        raise InvalidInputError("Only an ingest is granted by source", where=role.value)
    if role is Role.INGEST and not sources:
        sources = (EVERY,)
    scope = _scope(namespaces, sources)
    if role in WHOLE_LEDGER_ROLES and scope.namespaces != (EVERY,):
        raise InvalidInputError(
            f"The role {role.value} is over the whole ledger",
            where=", ".join(scope.namespaces)[:128],
            hint=f"Grant it in {EVERY!r}.",
        )
    return scope


def key_scope(namespaces: Sequence[str], sources: Sequence[str]) -> Scope:
    """Return what a key is narrowed to; nothing narrows nothing.

    Raises: as ``grant_scope``.
    """
    return _scope(namespaces, sources)


def check_grantee(name: str) -> None:
    """Refuse who cannot be granted anything: no name, or one of this machine's own.

    Raises:
        InvalidInputError: and says why.
    """
    bare = name.removeprefix(GROUP_PREFIX)
    check_principal(bare)
    if bare.startswith(GROUP_PREFIX) or name in RESERVED_NAMES:
        raise InvalidInputError(
            "Nobody signs in under this name: it is the machine's own", where=name[:64]
        )


def check_expiry(expires_us: int | None, now_us: int) -> None:
    """Refuse what would be over before it began.

    Raises:
        InvalidInputError: it expires in the past.
    """
    if expires_us is not None and expires_us <= now_us:
        raise InvalidInputError("It would expire before it is made")


def check_granting(
    reader: Reader, checks: Checks, principal: Principal, namespaces: Sequence[str]
) -> None:
    """Refuse whoever may not grant in these namespaces.

    Raises:
        ForbiddenError: it is no administrator of one of them.
    """
    for namespace in namespaces:
        checks.check(reader, principal, Action.GRANT, namespace)


def check_revoking(
    reader: Reader, checks: Checks, principal: Principal, namespaces: Sequence[str]
) -> None:
    """Refuse to revoke what holds in these namespaces; without any, what is not there.

    The refusal is the same for both, and names no namespace: whoever does not administer a grant is
    not told of it.

    Raises:
        ForbiddenError: ``principal`` does not administer all of them.
    """
    wanted = namespaces or (EVERY,)
    if not all(checks.allows(reader, principal, Action.GRANT, one) for one in wanted):
        raise checks.refusal(principal, Action.GRANT, EVERY)


def check_other(principal: Principal, grantee: str) -> None:
    """Refuse to grant to oneself, or to a group one belongs to, or may belong to.

    Raises:
        ForbiddenError: it is one and the same; or it is a group, and a key does not say which
            groups its principal belongs to.
    """
    if principal.key and grantee.startswith(GROUP_PREFIX):
        raise ForbiddenError(
            "By an API key nobody grants anything to a group: it may be their own",
            where=grantee[:64],
            hint="Sign in with a token that names your groups, or name whom you grant it to.",
        )
    if not principal.is_local and grantee in grantees_of(principal):
        raise ForbiddenError(
            "Nobody grants anything to itself",
            where=grantee[:64],
            hint="Another administrator can.",
        )


def check_apart(
    reader: Reader, checks: Checks, grantee: str, role: Role, namespaces: Sequence[str]
) -> None:
    """Refuse a role that is kept apart from one that the grantee has already.

    Raises:
        PreconditionError: and names the two.
    """
    now_us = checks.now_us(reader)
    held = {
        one.role
        for one in checks.state(reader).grants.get(grantee, ())
        if meets(one.namespaces, namespaces) and not (one.expires_us and one.expires_us <= now_us)
    }
    other = kept_apart(role, held)
    if other is not None:
        raise PreconditionError(
            f"Who has the role {other.value} cannot have {role.value} in the same namespace",
            where=grantee[:64],
            hint="Revoke the one first, or grant the other to somebody else.",
        )


def check_key_maker(
    reader: Reader, checks: Checks, principal: Principal, name: str, wanted: WantedKey
) -> None:
    """Refuse a key that would let its maker do what it may not do itself.

    One makes keys for oneself, and an administrator makes keys that ingest in its namespaces, for
    machines; not where it approves, for it has seen the secret. A key makes no keys.

    Raises:
        ForbiddenError: none of these.
    """
    if principal.is_local:
        return
    if principal.key or wanted.is_unbounded_for(principal, name):
        raise checks.refusal(principal, Action.GRANT, EVERY)
    rights = checks.rights(reader, principal)
    if name == principal.name:
        if not rights.used:
            raise checks.refusal(principal, Action.GRANT, EVERY)
        return
    check_granting(reader, checks, principal, wanted.namespaces)
    for held in rights.held:
        if held.role is Role.APPROVER and meets(held.namespaces, wanted.namespaces):
            raise checks.refusal(principal, Action.GRANT, wanted.namespaces[0])


def within(namespace: str, namespaces: Sequence[str]) -> tuple[str, ...]:
    """Return which of ``namespaces`` may be told to whoever asks of one: none of another's."""
    if namespace == EVERY or EVERY in namespaces:
        return tuple(namespaces)
    return (namespace,) if covers(namespaces, (namespace,)) else ()


def _scope(namespaces: Sequence[str], sources: Sequence[str]) -> Scope:
    for names in (namespaces, sources):
        if len(names) > GRANT_NAMES_MAX:
            raise LimitExceededError(
                f"{len(names)} names are over the limit of {GRANT_NAMES_MAX} (GRANT_NAMES_MAX)",
                hint=f"Grant several times, or say {EVERY!r}.",
            )
    for namespace in namespaces:
        if namespace not in {EVERY, LEDGER_NAMESPACE}:
            check_namespace(namespace)
    for source in sources:
        if source != EVERY:
            check_name("source", source)
    return Scope(_normal(namespaces), _normal(sources))


def _normal(names: Sequence[str]) -> tuple[str, ...]:
    return (EVERY,) if EVERY in names else tuple(sorted(set(names)))
