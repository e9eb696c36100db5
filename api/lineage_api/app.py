"""The application: routes, middleware and error handlers put together, by a function."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from lineage.service import Ledger
from lineage_api.graphql import endpoint
from lineage_api.hosts import OwnHostOnly
from lineage_api.problems import on_http_error, on_ledger_error, on_unexpected_error
from lineage_api.rest import health, index, log, openlineage, statements
from lineage_api.settings import Settings
from lineage_api.surface import Surface, run_surface
from lineage_schemas.errors import LedgerError


def create_app(ledger: Ledger, settings: Settings) -> Starlette:
    """Return the application that serves a ledger. Its lifespan starts and stops the threads.

    The ledger is not closed with it: whoever opened it closes it.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, Surface], None]:
        async with run_surface(ledger, settings) as surface:
            yield {"surface": surface}

    return Starlette(
        routes=[
            *index.ROUTES,
            *health.ROUTES,
            *log.ROUTES,
            *openlineage.ROUTES,
            *statements.ROUTES,
            *endpoint.ROUTES,
        ],
        middleware=[Middleware(OwnHostOnly)],
        exception_handlers={
            LedgerError: on_ledger_error,
            HTTPException: on_http_error,
            Exception: on_unexpected_error,
        },
        lifespan=lifespan,
    )
