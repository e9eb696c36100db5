"""Lets a request in: who calls, and whether they have not had their share yet."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final, Protocol

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_api.identity.bearer import read_credential
from lineage_api.identity.limits import NOBODY, Buckets, Occupancy, neighbourhood
from lineage_api.identity.sign_in import SignIn
from lineage_api.problems import NoCredentialError, SlowDownError
from lineage_schemas.errors import UnauthenticatedError

ALIVE_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
PROBE_PATHS: Final = frozenset({ALIVE_PATH, READY_PATH})
"""What a supervisor asks, which has no credential: each says no more than yes or no to it."""

DELIVERIES_PATH: Final = "/webhooks/mlflow"
GITHUB_PATH: Final = "/webhooks/github"
SIGNED_PATHS: Final = frozenset({DELIVERIES_PATH, GITHUB_PATH})
"""Where no credential is sent: the route itself tells by a signature whose words these are."""

_FORWARDED: Final = "x-forwarded-for"


def _nothing() -> None:
    """Vouch for nobody: nothing was taken that could be given back."""


class Admission:
    """A request that was let in, and what is counted of it.

    ``principal`` ``None``: a probe, or one whose signature the route has yet to verify; it calls
    ``vouch`` once it has.
    """

    def __init__(
        self,
        principal: Principal | None,
        occupancy: Occupancy | None = None,
        vouch: Callable[[], None] = _nothing,
    ) -> None:
        """Count the request in.

        Raises:
            RateLimitedError: the caller has as many inside as it may.
        """
        self.principal = principal
        self.vouch = vouch
        self._occupancy = occupancy
        self._name = "" if principal is None else principal.name
        self._bytes = 0
        if occupancy is not None:
            occupancy.enter(self._name)

    def counted(self, receive: Receive) -> Receive:
        """Return what receives the request's body, and counts its bytes."""
        occupancy = self._occupancy
        if occupancy is None:
            return receive

        async def counting() -> Message:
            message = await receive()
            count = len(message.get("body", b""))
            self._bytes += count
            occupancy.add(self._name, count)
            return message

        return counting

    def leave(self) -> None:
        """Count the request out."""
        if self._occupancy is not None:
            self._occupancy.leave(self._name, self._bytes)


class Gate(Protocol):
    """Whatever stands before the routes."""

    async def admit(self, scope: Scope) -> Admission:
        """Let a request in.

        Raises:
            LedgerError: it is refused; why.
        """
        ...


class LocalGate:
    """Everybody who gets here is the person at this machine, and waits for nobody else."""

    async def admit(self, scope: Scope) -> Admission:
        """Let a request in."""
        del scope
        return Admission(LOCAL_PRINCIPAL)


class Limits(Struct, frozen=True):
    """What one caller may use, and what one address may try that nobody has signed in from."""

    principals: Buckets
    addresses: Buckets
    occupancy: Occupancy


class SignedInGate:
    """Lets in whoever says who they are, as often and as many at once as they may.

    An address from which nobody is signed in, or with credentials that are not valid, has a bucket
    of its own. A credential that was valid before does not wait for it: neighbours share addresses.
    """

    def __init__(self, sign_in: SignIn, limits: Limits, *, behind_proxy: bool) -> None:
        self._sign_in = sign_in
        self._limits = limits
        self._behind_proxy = behind_proxy

    async def admit(self, scope: Scope) -> Admission:
        """Let a request in.

        Raises:
            UnauthenticatedError: it carries no credential, or none that is valid.
            InvalidRequestError: it carries several.
            RateLimitedError: the caller, or the address, has had its share.
            IssuerUnavailableError: nobody can tell at present who calls.
        """
        if scope["path"] == ALIVE_PATH:
            return Admission(None)
        # A credential that is shown is looked at everywhere: one that is not valid opens nothing.
        if scope["path"] in SIGNED_PATHS and "authorization" not in Headers(scope=scope):
            return self._unverified(scope)
        principal = await self._caller(scope)
        if principal is None:
            return Admission(None)
        _wait(self._limits.principals.take(principal.name), "You ask")
        return Admission(principal, self._limits.occupancy)

    def _unverified(self, scope: Scope) -> Admission:
        """Let in what may be signed: counted as from nobody, until somebody vouches for it."""
        address = address_of(scope, Headers(scope=scope), behind_proxy=self._behind_proxy)
        self._count(address)
        return Admission(
            None,
            self._limits.occupancy,
            lambda: self._limits.addresses.give_back(address),
        )

    async def _caller(self, scope: Scope) -> Principal | None:
        headers = Headers(scope=scope)
        address = address_of(scope, headers, behind_proxy=self._behind_proxy)
        try:
            credential = read_credential(headers)
        except NoCredentialError:
            self._count(address)
            if scope["path"] == READY_PATH:
                return None
            raise
        except UnauthenticatedError:
            self._count(address)
            raise
        if self._sign_in.is_welcome(credential):
            return await self._sign_in.principal_of(credential)
        # Counted before it is looked at, or many guesses at once would all be free.
        self._count(address)
        principal = await self._sign_in.principal_of(credential)
        self._limits.addresses.give_back(address)
        return principal

    def _count(self, address: str) -> None:
        _wait(self._limits.addresses.take(address), "Your address asks without signing in")


def address_of(scope: Scope, headers: Headers, *, behind_proxy: bool) -> str:
    """Return what stands for the address a request came from; good for limits, never for identity.

    A proxy of ours appends the address it was called from, so the last one is its word, and all
    before it are the caller's.
    """
    client = scope.get("client")
    address = client[0] if client else NOBODY
    if behind_proxy and (forwarded := headers.getlist(_FORWARDED)):
        address = forwarded[-1].rpartition(",")[2].strip()
    return neighbourhood(address)


def _wait(seconds: float, who: str) -> None:
    if seconds:
        error = SlowDownError(f"{who} too often", hint="Wait for as long as Retry-After says.")
        error.seconds = ceil(seconds)
        raise error
