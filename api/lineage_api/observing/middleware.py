"""What surrounds every request: its id, its line in the log, its place in the metrics and traces.

A fault of ours ends here: it is logged once, with the id that the client is given.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineage.clock import Randomness
from lineage_api.observing.logs import fields
from lineage_api.observing.metrics import OTHER, Metrics
from lineage_api.observing.notes import CURRENT, REQUEST_ID_HEADER, RequestNote, request_id_of
from lineage_api.observing.tracing import RequestTracing
from lineage_api.problems import problem_response
from lineage_schemas.errors import LedgerError

ACCESS_LOG: Final = "lineage_api.access"
QUIET_ROUTES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines: logged only at ``debug``, unless they fail."""

CLIENT_GONE: Final = 499
"""The status in the log of a request that ended without an answer (by custom, not a standard)."""

_LOG: Final = logging.getLogger(__name__)
_ACCESS: Final = logging.getLogger(ACCESS_LOG)


class _Answer:
    """What went out so far."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = CLIENT_GONE
        self.bytes = 0
        self.is_begun = False

    async def send(self, message: Message) -> None:
        """Pass a message on, the head of the answer with the request's id."""
        if message["type"] == "http.response.start":
            self.is_begun = True
            self.status = int(message["status"])
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self._request_id
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self._send(message)


class Observed:
    """Middleware that notes, counts and logs each request."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, tracing: RequestTracing, randomness: Randomness
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._randomness = randomness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_of(headers.get(REQUEST_ID_HEADER, ""), self._randomness)
        note = RequestNote(request_id, self._tracing)
        answer = _Answer(send, request_id)
        token = CURRENT.set(note)
        self._metrics.in_flight.inc()
        begun = perf_counter()
        try:
            with self._tracing.request(scope["method"], headers, _tell_span(scope, answer, note)):
                await self._guarded(scope, receive, answer)
        finally:
            self._metrics.in_flight.dec()
            self._tell(scope, answer, note, perf_counter() - begun)
            CURRENT.reset(token)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            _LOG.exception("A request met a fault of ours", extra=fields(route=route_of(scope)))
            if answer.is_begun:
                # Half an answer cannot be taken back: the connection must end as broken.
                raise
            fault = LedgerError("The server met a fault of its own", hint="Its log says more.")
            await problem_response(fault)(scope, receive, answer.send)

    def _tell(self, scope: Scope, answer: _Answer, note: RequestNote, seconds: float) -> None:
        route = route_of(scope)
        method = scope["method"]
        self._metrics.answered(route, method, answer.status, seconds)
        self._metrics.executed(note)
        is_quiet = route in QUIET_ROUTES and answer.status < HTTPStatus.BAD_REQUEST
        _ACCESS.log(
            logging.DEBUG if is_quiet else logging.INFO,
            "%s %s %d",
            method if method.isalpha() else OTHER,
            route,
            answer.status,
            extra=fields(
                method=method if method.isalpha() else OTHER,
                route=route,
                status=answer.status,
                seconds=round(seconds, 6),
                bytes=answer.bytes,
                principal=note.principal,
                code=note.code,
                operation=note.operation,
                codes=",".join(note.codes),
            ),
        )


def route_of(scope: Scope) -> str:
    """Return the template of the route that a request took: there are few, whatever is asked."""
    route: object = scope.get("route")
    return route.path if isinstance(route, Route) else OTHER


def _tell_span(
    scope: Scope, answer: _Answer, note: RequestNote
) -> Callable[[], tuple[str, int, str]]:
    return lambda: (route_of(scope), answer.status, note.request_id)
