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
from lineage_api.identity.composing import Machine
from lineage_api.identity.door import Door
from lineage_api.identity.gate import PROBE_PATHS
from lineage_api.identity.sign_in import KeyHolder
from lineage_api.observing.metrics import Metrics
from lineage_api.observing.middleware import Observed
from lineage_api.observing.tracing import NoRequestTracing, RequestTracing
from lineage_api.problems import on_http_error, on_ledger_error, on_unexpected_error
from lineage_api.reach import own_names
from lineage_api.rest import (
    cloudevents,
    declarations,
    erasures,
    github,
    health,
    index,
    log,
    mlflow,
    openlineage,
    reports,
    statements,
)
from lineage_api.rest import metrics as scraped
from lineage_api.settings import Settings
from lineage_api.surface import Running, Surface, run_surface
from lineage_schemas.errors import LedgerError


def create_app(
    ledger: Ledger,
    settings: Settings,
    keys: KeyHolder | None = None,
    machine: Machine | None = None,
    *,
    tracing: RequestTracing | None = None,
    stopping: Event | None = None,
) -> Starlette:
    """Return the application that serves a ledger. Its lifespan starts and stops the threads.

    API keys are the ledger's, unless ``keys`` holds others. ``tracing`` makes spans (left out:
    none); it is closed with the application. Once ``stopping`` is set, ``/readyz`` says that the
    server is not ready.

    The ledger is not closed with it: whoever opened it closes it.
    """
    metrics = Metrics()
    traces = tracing or NoRequestTracing()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Surface], None]:
        running = Running(metrics, stopping or Event(), keys or ledger.access, machine or Machine())
        try:
            async with run_surface(ledger, settings, running) as surface:
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
            *cloudevents.ROUTES,
            *statements.ROUTES,
            *declarations.ROUTES,
            *erasures.ROUTES,
            *mlflow.ROUTES,
            *reports.ROUTES,
            *github.ROUTES,
            *endpoint.ROUTES,
        ],
        middleware=[
            # First, so that whatever is refused further in has its id, line and count too.
            Middleware(Observed, metrics, traces, system_randomness),
            Middleware(OwnHostOnly, own_names(settings), _answered_under_any_name(settings)),
            Middleware(Door),
        ],
        exception_handlers={
            LedgerError: on_ledger_error,
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
        lifespan=lifespan,
    )


def _answered_under_any_name(settings: Settings) -> frozenset[str]:
    """Return the paths of probes, where these say nothing to whoever is not signed in."""
    return PROBE_PATHS if settings.sign_in == "required" else frozenset()
