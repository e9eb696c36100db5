"""What every request handler is given: the ledger, the settings, the writer and the pools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from threading import Event
from typing import Final, NamedTuple

from msgspec import Struct
from starlette.requests import Request

from lineage.clock import Clock
from lineage.service import Ledger
from lineage.writing.submission import Principal
from lineage_api.identity.composing import Machine, guarding
from lineage_api.identity.gate import Gate
from lineage_api.identity.sign_in import KeyHolder
from lineage_api.observing.metrics import Metrics
from lineage_api.publishing import Publisher, publishing
from lineage_api.reading import Pool
from lineage_api.settings import Settings
from lineage_api.writing import GroupWriter

_PUBLISHING_THREADS: Final = 4
"""One for each thing that is done beside answering: whoever signs waits for none of the others to
end, of which one may write whole tables anew.
"""

_GOVERNING_THREADS: Final = 1
"""An erasure folds the whole log anew, and holds every other writer up: no second one gains by it.
"""

_DELIVERING_THREADS: Final = 1
"""What is delivered is applied to what is known: one after the other, none is told of an old state.
"""

_SCRAPING_THREADS: Final = 2
"""Of their own: a scrape tells how busy the readers are, and does not wait for them."""


class Surface(Struct, frozen=True, kw_only=True):
    """One running application. ``preparing`` threads check and encode what is to be written.

    ``governing`` is one thread for what the ledger states of itself, which the writer waits for;
    ``delivering`` one for what webhooks tell. ``stopping`` is set once the server was told to stop,
    while it still answers. ``clock`` is what the times of signatures are held against.
    """

    ledger: Ledger
    settings: Settings
    writer: GroupWriter
    reading: Pool
    preparing: Pool
    governing: Pool
    delivering: Pool
    publisher: Publisher
    gate: Gate
    metrics: Metrics
    scraping: Pool
    stopping: Event
    clock: Clock


class Running(NamedTuple):
    """What an application is run with, besides its ledger and settings."""

    metrics: Metrics
    stopping: Event
    keys: KeyHolder
    machine: Machine


@asynccontextmanager
async def run_surface(
    ledger: Ledger,
    settings: Settings,
    running: Running,
) -> AsyncGenerator[Surface, None]:
    """Start the threads; when the block is left, write what waits and end them.

    Meanwhile what is written is signed, and handed out as the settings say. The ledger stays open:
    whoever opened it closes it.

    Raises:
        WebhookError: the settings name no webhook that could be posted to.
    """
    async with guarding(settings, running.keys, running.machine) as gate:
        surface = _surface(ledger, settings, running, gate)
        beside = Pool("lineage-publisher", _PUBLISHING_THREADS)
        surface.writer.start()
        try:
            async with publishing(surface.publisher, settings, beside):
                yield surface
        finally:
            await asyncio.to_thread(_end, surface, beside)


def _surface(ledger: Ledger, settings: Settings, running: Running, gate: Gate) -> Surface:
    return Surface(
        ledger=ledger,
        settings=settings,
        writer=GroupWriter(
            ledger.commit,
            length_max=settings.queue_length,
            bytes_max=settings.queue_bytes,
            shared=settings.sign_in == "required",
            watcher=running.metrics,
        ),
        reading=Pool("lineage-reader", settings.reader_threads),
        preparing=Pool("lineage-preparer", settings.preparing_threads),
        governing=Pool("lineage-governor", _GOVERNING_THREADS),
        delivering=Pool("lineage-deliverer", _DELIVERING_THREADS),
        publisher=Publisher(ledger, settings),
        gate=gate,
        metrics=running.metrics,
        scraping=Pool("lineage-scraper", _SCRAPING_THREADS),
        stopping=running.stopping,
        clock=running.machine.clock,
    )


def _end(surface: Surface, beside: Pool) -> None:
    surface.preparing.close()
    surface.delivering.close()
    surface.writer.stop()
    surface.governing.close()
    surface.reading.close()
    surface.scraping.close()
    beside.close()


def surface_of(request: Request) -> Surface:
    """Return the application that a request came to."""
    surface = request.state.surface
    assert isinstance(surface, Surface)
    return surface


def principal_of(request: Request) -> Principal:
    """Return who a request comes from."""
    principal = caller_of(request)
    assert principal is not None
    return principal


def caller_of(request: Request) -> Principal | None:
    """Return who a request comes from; ``None``: a probe, which nobody has signed in for."""
    principal = request.state.principal
    assert principal is None or isinstance(principal, Principal)
    return principal
