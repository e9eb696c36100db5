"""Settings become the gate that stands before the routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from lineage.clock import Clock, steady_clock, system_clock
from lineage_api.identity.barring import Barring
from lineage_api.identity.fetching import Fetch, fetch_document
from lineage_api.identity.gate import Gate, Limits, LocalGate, SignedInGate
from lineage_api.identity.keyring import Keyring
from lineage_api.identity.limits import Buckets, Occupancy
from lineage_api.identity.sign_in import KeyHolder, SignIn
from lineage_api.identity.tokens import TokenVerifier, TrustedIssuer
from lineage_api.reading import Pool
from lineage_api.settings import Settings

_THREADS: Final = 2
"""That look API keys up, beside those that answer questions."""


class Machine(Struct, frozen=True):
    """What signing in takes from outside: two clocks, and how to fetch. Tests give their own."""

    clock: Clock = system_clock
    steady: Clock = steady_clock
    fetch: Fetch = fetch_document


@asynccontextmanager
async def guarding(settings: Settings, keys: KeyHolder, machine: Machine) -> AsyncGenerator[Gate]:
    """Make the gate that the settings want; when the block is left, end its threads."""
    if settings.sign_in == "local":
        yield LocalGate()
        return
    key_pool = Pool("lineage-sign-in", _THREADS)
    issuer_pool = Pool("lineage-issuers", max(1, len(settings.issuers)))
    rings = {
        one.issuer: Keyring(one, machine.fetch, issuer_pool, machine.steady)
        for one in settings.issuers
    }
    trusted = {one.issuer: TrustedIssuer(one, rings[one.issuer]) for one in settings.issuers}
    known = Barring(keys, settings.revoked_keys)
    sign_in = SignIn(known, TokenVerifier(trusted, machine.clock), key_pool)
    try:
        yield SignedInGate(
            sign_in, _limits(settings, machine.steady), behind_proxy=settings.behind_proxy
        )
    finally:
        for ring in rings.values():
            await ring.close()
        for pool in (key_pool, issuer_pool):
            await asyncio.to_thread(pool.close)


def _limits(settings: Settings, clock: Clock) -> Limits:
    return Limits(
        principals=Buckets(settings.principal_rate, settings.principal_burst, clock),
        addresses=Buckets(settings.address_rate, settings.address_burst, clock),
        occupancy=Occupancy(settings.principal_requests, settings.principal_bytes),
    )
