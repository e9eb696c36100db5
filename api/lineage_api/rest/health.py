"""``GET /healthz``: the process is alive. ``GET /readyz``: it can read, write and sign.

A supervisor may ask both without a credential. Where everybody else signs in, it is told whether
the server is ready, and nothing of the log; and what fails is told to an operator alone.
"""

from __future__ import annotations

import logging
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.access.roles import Action
from lineage.custody import CustodyState
from lineage.inspection import UNSIGNED_SECONDS_MAX
from lineage.service import Ledger
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_api.bodies import json_response
from lineage_api.problems import NotReadyError
from lineage_api.settings import Settings
from lineage_api.surface import Surface, caller_of, surface_of
from lineage_schemas.access import EVERY
from lineage_schemas.entry import Head
from lineage_schemas.errors import (
    ForbiddenError,
    LedgerError,
    NotFoundError,
    OverloadedError,
    SidecarError,
    StoreBehindError,
    StoreError,
)

UNSIGNED_ROUNDS_MAX: Final = 10
"""How many rounds of signing may fail, where they are further apart than six seconds."""

FAULT_UNTOLD: Final = "there is one, which an operator is told"

_MICROSECONDS: Final = 1_000_000
_LOG: Final = logging.getLogger(__name__)


class Custodial(Struct, frozen=True):
    """Up to which size the log is signed, and up to which it is in somebody else's hands."""

    checkpoint_size: int | None = None
    anchored_size: int | None = None
    fault: str | None = None


class Readiness(Struct, frozen=True, kw_only=True):
    """Where the log stands: its origin, how many entries it has, and the root over them.

    ``checkpoint_size`` and ``anchored_size`` say how much of it is signed, and how much somebody
    outside could hold against us. The faults say what keeps the server from signing, and from
    handing the checkpoint out; it answers and records all the same.
    """

    status: str
    origin: str
    size: int
    root: str
    checkpoint_size: int | None
    anchored_size: int | None
    signing_fault: str | None
    anchoring_fault: str | None


async def alive(request: Request) -> Response:
    """Say that the process answers."""
    del request
    return json_response({"status": "alive"})


async def ready(request: Request) -> Response:
    """Say where the log stands; to whoever has not signed in, that the server is ready.

    Raises:
        NotReadyError: it is not, and whoever asks is no operator: that is all they are told.
        ForbiddenError: whoever asks is nobody here.
        StoreError: the store cannot be read, is not what was signed, or nothing can be written any
            more; or the views or signatures have fallen behind.
        OverloadedError: the server was told to stop.
    """
    surface, caller = surface_of(request), caller_of(request)
    try:
        readiness = await _readiness(surface, caller or LOCAL_PRINCIPAL)
    except ForbiddenError:
        raise
    except LedgerError as error:
        if await _is_operator(surface, caller):
            raise
        _LOG.error("The server is not ready: %s", error)
        raise NotReadyError(
            "The server is not ready", hint="Its log says why, and so does this to an operator."
        ) from error
    if caller is None:
        return json_response({"status": "ready"})
    if not await _is_operator(surface, caller):
        readiness = replace(
            readiness,
            signing_fault=readiness.signing_fault and FAULT_UNTOLD,
            anchoring_fault=readiness.anchoring_fault and FAULT_UNTOLD,
        )
    return json_response(readiness)


async def _readiness(surface: Surface, asker: Principal) -> Readiness:
    if surface.stopping.is_set():
        raise OverloadedError("The server is stopping", hint="Ask another, or wait for the next.")
    head, custodial = await surface.reading.run(lambda: _state(surface.ledger, asker))
    if not surface.writer.is_alive:
        raise StoreError("Nothing is written any more", hint="Start the server again.")
    check_state(await surface.reading.run(surface.ledger.custody.state), surface.settings)
    return Readiness(
        status="ready",
        origin=surface.ledger.origin,
        size=head.size,
        root=head.root.hex(),
        checkpoint_size=custodial.checkpoint_size,
        anchored_size=custodial.anchored_size,
        signing_fault=surface.publisher.signing_fault or custodial.fault,
        anchoring_fault=surface.publisher.anchoring_fault,
    )


async def _is_operator(surface: Surface, caller: Principal | None) -> bool:
    """Tell whether somebody may be told what fails; where that cannot be told, they may not."""
    if caller is None or caller.is_local:
        return caller is not None
    allowed = surface.ledger.access.allowed
    try:
        return await surface.reading.run(lambda: allowed(caller, Action.OPERATE, EVERY))
    except LedgerError:
        return False


def unsigned_seconds_max(settings: Settings) -> float:
    """Return how long an entry may wait for a signature before the server is not ready."""
    return max(UNSIGNED_SECONDS_MAX, UNSIGNED_ROUNDS_MAX * settings.publish_seconds)


def check_state(state: CustodyState, settings: Settings) -> None:
    """Refuse to be ready where the views lag, or where entries wait for a signature too long.

    A ledger that was never signed is one that nobody signs, or a new one: it is ready.
    """
    ledger = state.ledger
    if ledger.views_size < ledger.size:
        raise StoreError(
            f"The views show {ledger.views_size} of {ledger.size} entries",
            hint="Start the server again: it folds them.",
        )
    if not ledger.signed_size or ledger.unsigned_us is None:
        return
    seconds = (state.now_us - ledger.unsigned_us) / _MICROSECONDS
    if seconds > unsigned_seconds_max(settings):
        raise StoreError(
            f"The last {ledger.size - ledger.signed_size} entries have waited for a signature for "
            f"{seconds:.0f} s",
            hint="The server's log says what keeps it from signing.",
        )


def _state(ledger: Ledger, asker: Principal) -> tuple[Head, Custodial]:
    head = ledger.head(principal=asker)
    try:
        answer = ledger.custody.last_checkpoint(principal=asker)
    except NotFoundError:
        return head, Custodial()
    except (StoreBehindError, SidecarError):
        # Nothing can be recorded until somebody recovers the ledger: that is not ready.
        raise
    except ForbiddenError:
        raise
    except LedgerError as error:
        return head, Custodial(fault=str(error))
    return head, Custodial(answer.size, answer.anchored_size)


ROUTES: Final = (
    Route("/healthz", alive, methods=["GET"]),
    Route("/readyz", ready, methods=["GET"]),
)
