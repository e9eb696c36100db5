"""Serve the application until it is told to stop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from ssl import SSLContext
from threading import Event
from time import monotonic
from typing import Final

import uvicorn

from lineage.folding import Progress
from lineage.questions.as_of import SOFTWARE
from lineage.service import Ledger
from lineage.stores.opening import shown_location
from lineage_api.app import create_app
from lineage_api.connections import Listener, timely
from lineage_api.observing.logs import fields
from lineage_api.observing.tracing import open_tracing
from lineage_api.settings import Settings, check_settings
from lineage_api.stopping import StoppingServer
from lineage_api.tls import tls_context
from lineage_schemas.errors import InvalidInputError

_KEEP_ALIVE_SECONDS: Final = 5
_BACKLOG: Final = 2_048

_TOLD_SECONDS: Final = 2.0
"""How often long work is told of in the log."""
_LOG: Final = logging.getLogger(__name__)


def serve(settings: Settings, ledger: Ledger, on_ready: Callable[[str], None]) -> None:
    """Serve a ledger; return after SIGINT or SIGTERM, once requests under way are answered.

    A second signal breaks them off; ``lineage_api.stopping`` says in which order what ends.

    ``on_ready`` is called with the server's URL as soon as it takes requests. What was acknowledged
    is durable before this returns. The ledger stays open.

    Raises:
        InvalidInputError: a host or port that cannot be listened on, a certificate that cannot be
            used, traces that cannot be made, or a ledger in which nobody who signs in may do
            anything.
    """
    check_settings(settings)
    tls = tls_context(settings)
    _check_somebody_may(settings, ledger)
    listener = _listen(settings.host, settings.port, settings.connections)
    with listener:
        stopping = Event()
        config = uvicorn.Config(
            create_app(ledger, settings, tracing=open_tracing(settings), stopping=stopping),
            # Its own log goes where everybody's does.
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            ws="none",
            http=timely(settings.head_seconds),
            # Another event loop would accept connections without asking the listener.
            loop="asyncio",
            # Whoever calls could write these headers as well: see lineage_api.identity.gate.
            proxy_headers=False,
            ssl_context_factory=_handing(tls),
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.stop_seconds,
        )
        url = _url(listener, is_tls=tls is not None)

        def ready() -> None:
            _LOG.info("Serving", extra=fields(url=url, software=SOFTWARE))
            on_ready(url)

        StoppingServer(config, ready, stopping, settings.drain_seconds).run(sockets=[listener])


def logged_progress() -> Progress:
    """Return what tells the log, now and then, how far the graph was read into memory."""
    told = monotonic()

    def report(done: int, every: int) -> None:
        nonlocal told
        if monotonic() - told > _TOLD_SECONDS:
            told = monotonic()
            _LOG.info("Reading the graph", extra=fields(edges=done, about=every))

    return report


def _check_somebody_may(settings: Settings, ledger: Ledger) -> None:
    if settings.sign_in == "required" and not ledger.access.is_set_up():
        raise InvalidInputError(
            "Whoever signs in may do nothing here, for nothing was granted yet",
            where=shown_location(settings.store),
            hint="Begin with `lineage access grant` and `lineage access key make`.",
        )


def _handing(
    tls: SSLContext | None,
) -> Callable[[uvicorn.Config, Callable[[], SSLContext]], SSLContext] | None:
    """Return what hands our context to the server in the place of its own."""
    if tls is None:
        return None

    def hand(config: uvicorn.Config, make: Callable[[], SSLContext]) -> SSLContext:
        del config, make
        return tls

    return hand


def _listen(host: str, port: int, connections_max: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = Listener(family, connections_max)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise InvalidInputError(
            f"Nothing can listen there: {error}",
            where=f"{host} port {port}",
            hint="Choose another port, such as 0 for any free one.",
        ) from error
    return listener


def _url(listener: socket.socket, *, is_tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
