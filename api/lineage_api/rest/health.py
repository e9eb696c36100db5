"""``GET /healthz``: the process is alive. ``GET /readyz``: it can read, and it can write."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineage_api.bodies import json_response
from lineage_api.surface import surface_of
from lineage_schemas.errors import StoreError


class Readiness(Struct, frozen=True):
    """Where the log stands: its origin, how many entries it has, and the root over them."""

    status: str
    origin: str
    size: int
    root: str


async def alive(request: Request) -> Response:
    """Say that the process answers."""
    del request
    return json_response({"status": "alive"})


async def ready(request: Request) -> Response:
    """Say where the log stands.

    Raises:
        StoreError: the store cannot be read, or nothing can be written any more.
    """
    surface = surface_of(request)
    head = await surface.reading.run(surface.ledger.head)
    if not surface.writer.is_alive:
        raise StoreError("Nothing is written any more", hint="Start the server again.")
    return json_response(Readiness("ready", surface.ledger.origin, head.size, head.root.hex()))


ROUTES: Final = (
    Route("/healthz", alive, methods=["GET"]),
    Route("/readyz", ready, methods=["GET"]),
)
