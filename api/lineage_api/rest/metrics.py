"""``GET /metrics``: what a server counts, in the formats that monitoring reads.

It is Prometheus' text format, or OpenMetrics for who asks for it. What is counted goes on while it
is written; where the ledger stands is asked in a thread of its own, and left out where that takes
too long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage.access.roles import Action
from lineage.custody import CustodyState
from lineage.questions.sources import SourceFaults
from lineage.writing.submission import Principal
from lineage_api.observing.gauges import ledger_gauges, server_gauges, source_gauges
from lineage_api.surface import Surface, principal_of, surface_of
from lineage_schemas.errors import ForbiddenError, LedgerError, StoreError

PATH: Final = "/metrics"
LEDGER_SECONDS_MAX: Final = 2.0
"""How long a scrape waits for the store: a scraper gives up after ten seconds."""

_LOG: Final = logging.getLogger(__name__)
_Told = TypeVar("_Told")


async def read_metrics(request: Request) -> Response:
    """Answer with every metric.

    Raises:
        OverloadedError: too many scrapes wait already.
        ForbiddenError: whoever asks is no operator.
        StoreError: whether they are one cannot be told.
    """
    surface, principal = surface_of(request), principal_of(request)
    await _admit(surface, principal)
    ledger = surface.ledger
    state = await _read(surface, lambda: ledger.custody.state(principal=principal))
    faults = None
    if state is not None:
        faults = await _read(surface, lambda: ledger.watching.faults(principal=principal))
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    body = await surface.scraping.run(lambda: encode(_Everything(surface, state, faults)))
    return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})


async def _admit(surface: Surface, principal: Principal) -> None:
    """Refuse whoever is no operator, and everybody but the local one where nobody can tell."""
    if principal.is_local:
        return
    check = surface.ledger.access.check
    try:
        await asyncio.wait_for(
            surface.scraping.run(lambda: check(principal, Action.OPERATE)), LEDGER_SECONDS_MAX
        )
    except (StoreError, TimeoutError) as error:
        _LOG.error("Nobody can tell who may scrape: %s", error)
        raise StoreError(
            "It cannot be told at present whether whoever asks may",
            hint="Try again in a moment; the server's log says what fails.",
        ) from error


async def _read(surface: Surface, call: Callable[[], _Told]) -> _Told | None:
    """Return what a ledger tells; ``None`` where it cannot be read, or not soon enough."""
    try:
        return await asyncio.wait_for(surface.scraping.run(call), LEDGER_SECONDS_MAX)
    except ForbiddenError:
        raise
    except (LedgerError, TimeoutError):
        # The metric ledger_readable tells; /readyz says why.
        return None


class _Everything(Collector):
    """Every metric of one scrape."""

    def __init__(
        self, surface: Surface, state: CustodyState | None, faults: SourceFaults | None
    ) -> None:
        self._surface = surface
        self._state = state
        self._faults = faults

    def collect(self) -> Iterator[Metric]:
        """Yield what was counted, and what is now."""
        yield from self._surface.metrics.collect()
        yield from server_gauges(self._surface)
        yield from ledger_gauges(self._state)
        if self._faults is not None:
            yield from source_gauges(self._faults)


ROUTES: Final = (Route(PATH, read_metrics, methods=["GET"]),)
