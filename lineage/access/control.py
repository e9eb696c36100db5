"""Access control of one ledger, as calls: grants, API keys, and who may do what.

Whatever it does is stated in the log, in the ledger's own namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Final, Protocol, TypeVar

from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.granting import (
    WantedKey,
    check_apart,
    check_expiry,
    check_grantee,
    check_granting,
    check_key_maker,
    check_other,
    check_revoking,
    grant_scope,
    key_scope,
)
from lineage.access.names import check_key_name
from lineage.access.roles import ACTIONS, Action
from lineage.access.state import permits, read_access, rights_of
from lineage.access.viewing import Moment, moment_of, view_grants, view_keys
from lineage.clock import Randomness
from lineage.intake import Append, Intake
from lineage.questions.as_of import AsOf
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.governing import Pseudonyms, governance_batch
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_schemas.access import (
    EVERY,
    GROUP_PREFIX,
    AccessPage,
    ApiKeyIssue,
    ApiKeyRevocation,
    ApiKeyView,
    Grant,
    GrantRevocation,
    GrantView,
    Role,
)
from lineage_schemas.api_keys import API_KEY_PREFIX
from lineage_schemas.errors import (
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    UnauthenticatedError,
)
from lineage_schemas.governance import GovernanceRecord
from lineage_schemas.instants import instant_us
from lineage_schemas.records import ActorOrigin

LOG_PAGE_MAX: Final = 1_000
"""Records of the access log that one call returns."""

_KEY_BYTES: Final = 8
_SECRET_BYTES: Final = 32
_PARTS: Final = 3
_NO_DIGEST: Final = "0" * 64

_T = TypeVar("_T")


class Custodian(Protocol):
    """What access control wants of whoever keeps the log's checkpoints."""

    def begin(self) -> None:
        """Have the log name its key before it takes anything."""

    def sign_now(self) -> None:
        """Sign at once what was just stated."""

    def reading(self, principal: Principal) -> AbstractContextManager[Reader]:
        """Open a snapshot for somebody, if the store is what was signed."""
        ...

    def judging(self, principal: Principal, action: Action) -> AbstractContextManager[Reader]:
        """Open a snapshot to judge in whether somebody may do something, as ``reading`` does."""
        ...


class AccessControl:
    """Who may do what in one ledger. The local principal may do everything."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        custodian: Custodian,
        checks: Checks,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._intake = intake
        self._custodian = custodian
        self._checks = checks
        self._randomness = randomness

    # --- grants ----------------------------------------------------------------------------------

    def grant(  # noqa: PLR0913 - a grant says this much
        self,
        grantee: str,
        role: Role,
        namespaces: Sequence[str],
        *,
        sources: Sequence[str] = (),
        expires: datetime | None = None,
        reason: str = "",
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> GrantView:
        """Let somebody, or ``group:NAME``, have a role in namespaces (``*``: in every one).

        ``sources`` narrow an ingest. Returns once it is durable, and signed.

        Raises:
            InvalidInputError: a name, scope or time that cannot be.
            ForbiddenError: ``principal`` administers not all of it, or would grant to itself.
            PreconditionError: the grantee has a role that is kept apart from this one.
        """
        check_grantee(grantee)
        scope = grant_scope(role, namespaces, sources)
        expires_us = None if expires is None else instant_us(expires)

        def work(writer: Writer, append: Append, now_us: int) -> GrantView:
            check_granting(writer, self._checks, principal, scope.namespaces)
            check_other(principal, grantee)
            check_apart(writer, self._checks, grantee, role, scope.namespaces)
            check_expiry(expires_us, now_us)
            people = Pseudonyms(writer, LEDGER_NAMESPACE, self._randomness)
            record = Grant(
                grantee=people.of(grantee, ActorOrigin.AUTHENTICATED),
                role=role,
                namespaces=scope.namespaces,
                sources=scope.sources,
                expires_us=expires_us,
                reason=reason,
            )
            position = self._append(append, principal, record, people)
            return _grant_at(writer, position, now_us)

        return self._state(work)

    def revoke(
        self, position: int, *, reason: str = "", principal: Principal = LOCAL_PRINCIPAL
    ) -> GrantView:
        """Let the grant stated at ``position`` hold no longer.

        Raises:
            NotFoundError: no grant is stated there.
            PreconditionError: it was revoked before.
            ForbiddenError: ``principal`` administers not all of its namespaces.
        """

        def work(writer: Writer, append: Append, now_us: int) -> GrantView:
            found = _find_grant(writer, position, now_us)
            namespaces = () if found is None else found.namespaces
            check_revoking(writer, self._checks, principal, namespaces)
            _refuse_revoked(_grant_at(writer, position, now_us).revoked_by)
            self._append(append, principal, GrantRevocation(position=position, reason=reason))
            return _grant_at(writer, position, now_us)

        return self._state(work)

    def grants(
        self,
        as_of: AsOf = None,
        *,
        namespace: str = EVERY,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[GrantView, ...]:
        """Return every grant (that holds in a namespace), revoked and expired ones too.

        Raises:
            ForbiddenError: ``principal`` may not see them.
            UnknownBasisError: a size the log has not reached.
        """
        told = Told("grants", namespace, (as_of,))
        with self._checks.accounting(principal, told), self._custodian.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_GRANTS, namespace)
            moment = self._moment(reader, as_of)
            found = tuple(view_grants(reader, moment, namespace))
        self._checks.tell(principal, replace(told, size=moment.size, count=len(found)))
        return found

    def who(
        self,
        action: Action,
        namespace: str = EVERY,
        as_of: AsOf = None,
        *,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[GrantView, ...]:
        """Return the grants by which somebody may (or could as of then) do this in a namespace.

        Beside them there is the local principal, who may do everything. What a group brings
        together with a member's own roles is not known before the member acts.

        Raises: as ``grants``.
        """
        told = Told("who", namespace, (action.value, as_of))
        with self._checks.accounting(principal, told), self._custodian.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_GRANTS, namespace)
            moment = self._moment(reader, as_of)
            state = read_access(reader, moment.size)
            found = tuple(
                view
                for view in view_grants(reader, moment, namespace)
                if view.in_force
                and action in ACTIONS[view.role]
                and permits(rights_of(state, _as_grantee(view), moment.now_us), action, namespace)
            )
        self._checks.tell(principal, replace(told, size=moment.size, count=len(found)))
        return found

    # --- keys ------------------------------------------------------------------------------------

    def make_key(  # noqa: PLR0913 - as above
        self,
        name: str,
        *,
        roles: Sequence[Role] = (),
        namespaces: Sequence[str] = (),
        sources: Sequence[str] = (),
        expires: datetime | None = None,
        reason: str = "",
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[str, ApiKeyView]:
        """Make an API key: whoever shows it speaks as ``name``. Return it, this once, and its view.

        It allows what ``name`` was granted, narrowed to these roles, namespaces and sources. The
        log has its digest alone. Names of an issuer's are for its tokens: no key speaks for them.

        Raises:
            InvalidInputError: a name, scope or time that cannot be.
            ForbiddenError: ``principal`` may not make such a key for ``name``.
        """
        check_grantee(name)
        check_key_name(name)
        scope = key_scope(namespaces, sources)
        wanted = WantedKey(tuple(sorted(set(roles))), scope.namespaces, scope.sources)
        expires_us = None if expires is None else instant_us(expires)
        key = self._randomness(_KEY_BYTES).hex()
        secret = f"{API_KEY_PREFIX}_{key}_{self._randomness(_SECRET_BYTES).hex()}"

        def work(writer: Writer, append: Append, now_us: int) -> ApiKeyView:
            check_key_maker(writer, self._checks, principal, name, wanted)
            check_expiry(expires_us, now_us)
            people = Pseudonyms(writer, LEDGER_NAMESPACE, self._randomness)
            record = ApiKeyIssue(
                key=key,
                digest=_digest(secret),
                principal=people.of(name, ActorOrigin.AUTHENTICATED),
                roles=wanted.roles,
                namespaces=wanted.namespaces,
                sources=wanted.sources,
                expires_us=expires_us,
                reason=reason,
            )
            self._append(append, principal, record, people)
            return _key_at(writer, key, now_us)

        return secret, self._state(work)

    def revoke_api_key(
        self, key: str, *, reason: str = "", principal: Principal = LOCAL_PRINCIPAL
    ) -> ApiKeyView:
        """Let an API key (by its public id) open nothing any more. One may revoke one's own.

        Raises:
            NotFoundError: there is no such key.
            PreconditionError: it was revoked before.
            ForbiddenError: it is not ``principal``'s, which administers not all of its namespaces.
        """

        def work(writer: Writer, append: Append, now_us: int) -> ApiKeyView:
            found = _find_key(writer, key, now_us)
            rights = None if principal.is_local else self._checks.rights(writer, principal)
            is_known = rights is not None and rights.used is not None
            if not (is_known and found is not None and found.principal == principal.name):
                namespaces = () if found is None else found.namespaces
                check_revoking(writer, self._checks, principal, namespaces)
            _refuse_revoked(_key_at(writer, key, now_us).revoked_by)
            self._append(append, principal, ApiKeyRevocation(key=key, reason=reason))
            return _key_at(writer, key, now_us)

        return self._state(work)

    def api_keys(
        self,
        as_of: AsOf = None,
        *,
        namespace: str = EVERY,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[ApiKeyView, ...]:
        """Return every API key (that may open a namespace); never a secret.

        Raises: as ``grants``.
        """
        told = Told("api_keys", namespace, (as_of,))
        with self._checks.accounting(principal, told), self._custodian.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_GRANTS, namespace)
            moment = self._moment(reader, as_of)
            found = tuple(view_keys(reader, moment, namespace))
        self._checks.tell(principal, replace(told, size=moment.size, count=len(found)))
        return found

    def authenticate(self, secret: str) -> Principal:
        """Return whom an API key speaks for.

        Raises:
            UnauthenticatedError: it is unknown, expired or revoked; nobody is told which.
        """
        parts = secret.split("_")
        key = parts[1] if len(parts) == _PARTS else ""
        with self._store.read() as reader:
            held = self._checks.state(reader).keys.get(key)
            now_us = self._checks.now_us(reader)
        # Compared in any case, so that the time it takes tells nothing.
        fits = compare_digest(_NO_DIGEST if held is None else held.digest, _digest(secret))
        if held is None or not fits or (held.expires_us is not None and held.expires_us <= now_us):
            raise UnauthenticatedError(
                "This API key opens nothing here",
                hint="Ask whoever administers the ledger for another one.",
            )
        return Principal(held.name, key=key)

    # --- judging ---------------------------------------------------------------------------------

    def is_set_up(self) -> bool:
        """Tell whether anything was ever granted, or a key made: until then only the local acts."""
        with self._store.read() as reader:
            return self._checks.state(reader).is_set_up

    def allowed(
        self,
        principal: Principal,
        action: Action,
        namespace: str,
        source: str | None = None,
        as_of: AsOf = None,
    ) -> bool:
        """Tell whether somebody may do something in a namespace, or could as of then.

        Raises:
            UnknownBasisError: a size the log has not reached.
            StoreBehindError: the store is not what was signed, so that it cannot be told.
        """
        with self._custodian.judging(principal, action) as reader:
            if as_of is None or principal.is_local:
                return self._checks.allows(reader, principal, action, namespace, source)
            moment = self._moment(reader, as_of)
            state = read_access(reader, moment.size)
            rights = rights_of(state, principal, moment.now_us)
            return permits(rights, action, namespace, source)

    def check(self, principal: Principal, action: Action, namespace: str = EVERY) -> None:
        """Refuse what somebody may not do: for what a surface does beside the ledger's own calls.

        Raises:
            ForbiddenError: and names the action and the namespace.
            StoreBehindError: as ``allowed``.
        """
        with self._custodian.judging(principal, action) as reader:
            self._checks.check(reader, principal, action, namespace)

    # --- the access log --------------------------------------------------------------------------

    def log(
        self, start: int = 0, *, count: int = 100, principal: Principal = LOCAL_PRINCIPAL
    ) -> AccessPage:
        """Return who was given, or refused, which answer, from a position of the access log on.

        Raises:
            InvalidInputError: a position below 0, or a count that is none.
            ForbiddenError: ``principal`` is no auditor of every namespace.
            StoreError: the access log cannot be read.
        """
        if start < 0 or not 1 <= count <= LOG_PAGE_MAX:
            raise InvalidInputError(f"A page has 1 to {LOG_PAGE_MAX} records, from position 0 on")
        self.check(principal, Action.READ_ACCESS_LOG)
        self._checks.tell(principal, Told("log", EVERY, (start, count)))
        if self._checks.accounts is None:
            return AccessPage(records=(), next_position=None)
        self._checks.accounts.write_denials()
        return self._checks.accounts.read(start, count)

    def tell(self, principal: Principal, told: Told) -> None:
        """State in the access log what a surface is about to give beside the ledger's own answers.

        For exports. Returns once it is durable; of the local principal nothing is stated.

        Raises:
            StoreError: it cannot be stated, so nothing may be handed out.
        """
        self._checks.tell(principal, told)

    def _moment(self, reader: Reader, as_of: AsOf) -> Moment:
        return moment_of(reader, as_of, self._checks.now_us(reader))

    def _append(
        self,
        append: Append,
        principal: Principal,
        record: GovernanceRecord,
        people: Pseudonyms | None = None,
    ) -> int:
        new = () if people is None else people.new
        batch = governance_batch(
            LEDGER_NAMESPACE, principal, *new, record, randomness=self._randomness
        )
        position = append(batch)[-1].position
        assert position is not None
        return position

    def _state(self, work: Callable[[Writer, Append, int], _T]) -> _T:
        self._custodian.begin()
        stated = self._intake.govern(work)
        # A store that is put back to just before would forget a revocation: others must know.
        self._custodian.sign_now()
        return stated


def _as_grantee(view: GrantView) -> Principal:
    """Return somebody who has the grants of a grantee, and none but those."""
    name = view.grantee
    if name.startswith(GROUP_PREFIX):
        return Principal("\0", groups=frozenset({name.removeprefix(GROUP_PREFIX)}))
    return Principal(name)


def _digest(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()


def _find_grant(reader: Reader, position: int, now_us: int) -> GrantView | None:
    moment = Moment(reader.head().size, now_us)
    return next((one for one in view_grants(reader, moment) if one.position == position), None)


def _find_key(reader: Reader, key: str, now_us: int) -> ApiKeyView | None:
    moment = Moment(reader.head().size, now_us)
    return next((one for one in view_keys(reader, moment) if one.key == key), None)


def _grant_at(reader: Reader, position: int, now_us: int) -> GrantView:
    found = _find_grant(reader, position, now_us)
    if found is None:
        raise NotFoundError("This entry states no grant", where=f"position {position}")
    return found


def _key_at(reader: Reader, key: str, now_us: int) -> ApiKeyView:
    found = _find_key(reader, key, now_us)
    if found is None:
        raise NotFoundError("There is no such API key", where=key[:64])
    return found


def _refuse_revoked(by: int | None) -> None:
    if by is not None:
        raise PreconditionError("This was revoked before", where=f"by position {by}")
