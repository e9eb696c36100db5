"""The application: routes, middleware and error handlers put together, by a function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Event

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from lineage.clock import system_randomness
from lineage.service import Ledger
from lineage_api.graphql import endpoint
from lineage_api.hosts import OwnHostOnly
from lineage_api.observing.metrics import Metrics
from lineage_api.observing.middleware import Observed
from lineage_api.observing.tracing import NoRequestTracing, RequestTracing
from lineage_api.problems import on_http_error, on_ledger_error, on_unexpected_error
from lineage_api.rest import health, index, log, openlineage, statements
from lineage_api.rest import metrics as scraped
from lineage_api.settings import Settings
from lineage_api.surface import Surface, run_surface
from lineage_schemas.errors import LedgerError


def create_app(
    ledger: Ledger,
    settings: Settings,
    *,
    tracing: RequestTracing | None = None,
    stopping: Event | None = None,
) -> Starlette:
    """Return the application that serves a ledger. Its lifespan starts and stops the threads.

    ``tracing`` makes spans (left out: none); it is closed with the application. Once
    ``stopping`` is set, ``/readyz`` says that the server is not ready.

    The ledger is not closed with it: whoever opened it closes it.
    """
    metrics = Metrics()
    traces = tracing or NoRequestTracing()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Surface], None]:
        try:
            async with run_surface(ledger, settings, metrics, stopping) as surface:
                yield {"surface": surface}
        finally:
            await asyncio.to_thread(traces.close)

    return Starlette(
        routes=[
            *index.ROUTES,
            *health.ROUTES,
            *scraped.ROUTES,
            *log.ROUTES,
            *openlineage.ROUTES,
            *statements.ROUTES,
            *endpoint.ROUTES,
        ],
        middleware=[
            # First, so that whatever is refused further in has its id, line and count too.
            Middleware(Observed, metrics, traces, system_randomness),
            Middleware(OwnHostOnly),
        ],
        exception_handlers={
            LedgerError: on_ledger_error,
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
        lifespan=lifespan,
    )
