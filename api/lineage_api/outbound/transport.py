"""Asks a source over HTTP: one connection that is kept, and asked again within bounds.

What opens the source (credentials, further headers) goes out with each request to it and is told
nowhere: errors name scheme, host, port and path. A redirect is followed within the same origin
only, so no credential reaches anybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    RemoteDisconnected,
)
from itertools import count
from ssl import CertificateError, SSLContext, SSLError
from time import perf_counter
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from msgspec import Struct

from lineage.clock import Clock
from lineage.connectors.transport import Params, SourceAnswerError, SourceError
from lineage_api.outbound import refusals
from lineage_api.outbound.connecting import Proxy, connection_to
from lineage_api.outbound.deadlines import cut_after
from lineage_api.outbound.origins import Origin
from lineage_api.outbound.patience import (
    FAULT_ATTEMPTS_MAX,
    Patience,
    asked_seconds,
    backoff_seconds,
)
from lineage_api.outbound.reading import Answer, read_answer

REDIRECTS_MAX: Final = 3

_OK: Final = range(200, 300)
_FAULT: Final = 500
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_KEEPING_METHOD: Final = frozenset({307, 308})
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})

Sleep = Callable[[float], None]
"""Waits for so many seconds."""


class Access(Struct, frozen=True):
    """What opens a source: headers to send, and how to speak TLS. All of it is secret."""

    headers: Mapping[str, str] = {}
    """By their names in lower case, so that none is sent twice."""

    tls: SSLContext | None = None

    def __repr__(self) -> str:
        """Show the names of the headers only."""
        return f"Access({', '.join(sorted(self.headers))})"


class Traffic:
    """What asking has cost so far."""

    def __init__(self) -> None:
        self.requests = 0
        self.repeats = 0
        self.bytes = 0
        self.waited_seconds = 0.0


class _Question(Struct, frozen=True):
    method: str
    target: str
    body: bytes | None = None


class _AgainError(Exception):
    """Asked again, it may be answered. ``wait_seconds``: what the source asks for."""

    def __init__(
        self, error: SourceError, wait_seconds: float | None = None, attempts_max: int | None = None
    ) -> None:
        super().__init__()
        self.error = error
        self.wait_seconds = wait_seconds
        self.attempts_max = attempts_max


class HttpTransport:
    """A transport to one origin. Used from one thread at a time; close it in the end."""

    def __init__(
        self,
        origin: Origin,
        access: Access,
        *,
        proxy: Proxy | None,
        clock: Clock,
        sleep: Sleep,
        patience: Patience | None = None,
    ) -> None:
        self.traffic = Traffic()
        self._origin = origin
        self._access = access
        self._proxy = proxy
        self._clock = clock
        self._sleep = sleep
        self._patience = patience or Patience()
        self._line: HTTPConnection | None = None

    def get(self, path: str, params: Params) -> bytes:
        """Return the body of the answer to a GET.

        Raises:
            SourceError: one of its kinds.
        """
        query = urlencode(params, doseq=True)
        target = f"{self._origin.path}{path}"
        return self._answered(_Question("GET", f"{target}?{query}" if query else target))

    def post(self, path: str, body: bytes) -> bytes:
        """Return the body of the answer to a POST of JSON; it may be sent several times.

        Raises:
            SourceError: one of its kinds.
        """
        return self._answered(_Question("POST", f"{self._origin.path}{path}", body))

    def close(self) -> None:
        """Let go of the connection; the next question opens another."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _answered(self, question: _Question) -> bytes:
        for attempt in count(1):
            try:
                return self._followed(question)
            except _AgainError as again:
                wait = max(backoff_seconds(attempt), again.wait_seconds or 0.0)
                attempts_max = min(
                    self._patience.attempts_max, again.attempts_max or self._patience.attempts_max
                )
                if attempt >= attempts_max or wait > self._patience.wait_seconds_max:
                    raise again.error from None
                self.traffic.repeats += 1
                self.traffic.waited_seconds += wait
                self._sleep(wait)
        raise AssertionError("attempts have no end of their own")

    def _followed(self, question: _Question) -> bytes:
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._asked(question)
            if answer.status in _OK:
                return answer.body
            if answer.status not in _MOVED:
                raise self._refused(question, answer)
            question = self._moved(question, answer)
        raise SourceAnswerError(
            f"The source leads on more than {REDIRECTS_MAX} times", where=self._where(question)
        )

    def _moved(self, question: _Question, answer: Answer) -> _Question:
        """Return the question as the source wants it asked; only of itself."""
        here = f"{self._origin.scheme}://{self._origin.place}"
        where = self._where(question)
        try:
            parts = urlsplit(urljoin(f"{here}{question.target}", answer.header("location")))
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        except ValueError:
            raise SourceAnswerError("The source leads to no address", where=where) from None
        # Letters outside ASCII and controls would break the request line.
        is_plain = (parts.path + parts.query).isascii() and (parts.path + parts.query).isprintable()
        there = (parts.scheme, parts.hostname, port)
        if there != (self._origin.scheme, self._origin.host, self._origin.port) or not is_plain:
            raise refusals.elsewhere(parts.scheme, parts.hostname or "", where, answer.status)
        if question.method == "POST" and answer.status not in _KEEPING_METHOD:
            raise SourceAnswerError(
                f"The source answered a question with a redirect (status {answer.status})",
                where=where,
                hint="Give the address of the server itself.",
                status=answer.status,
            )
        query = f"?{parts.query}" if parts.query else ""
        return _Question(question.method, f"{parts.path or '/'}{query}", question.body)

    def _refused(self, question: _Question, answer: Answer) -> Exception:
        error = refusals.refused(answer.status, self._where(question), answer.body)
        if answer.status not in _AGAIN:
            return error
        wait = asked_seconds(answer.header("retry-after"), self._clock())
        return _AgainError(error, wait, FAULT_ATTEMPTS_MAX if answer.status == _FAULT else None)

    def _asked(self, question: _Question) -> Answer:
        """Ask once; over a connection that is kept, once more where it had been closed."""
        was_kept = self._line is not None
        try:
            return self._carried(question)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if not was_kept:
                raise _AgainError(refusals.broken(self._where(question), error)) from None
        try:
            return self._carried(question)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            raise _AgainError(refusals.broken(self._where(question), error)) from None

    def _carried(self, question: _Question) -> Answer:
        where = self._where(question)
        end = perf_counter() + self._patience.total_seconds
        try:
            answer = self._exchanged(question, where)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            if perf_counter() >= end:
                raise refusals.slow(where, self._patience.total_seconds) from None
            raise
        except SourceAnswerError as error:
            if perf_counter() >= end:
                raise refusals.slow(where, self._patience.total_seconds) from None
            raise _AgainError(error) if error.status in _OK else error from None
        except (TimeoutError, OSError, HTTPException, ValueError) as error:
            if perf_counter() >= end:
                raise refusals.slow(where, self._patience.total_seconds) from None
            raise self._failed(error, where) from None
        if perf_counter() >= end:
            # An answer that ends with its connection looks whole when it was cut.
            raise refusals.slow(where, self._patience.total_seconds)
        return answer

    def _failed(self, error: Exception, where: str) -> Exception:
        match error:
            case TimeoutError():
                return refusals.slow(where, self._patience.read_seconds)
            case CertificateError():
                return refusals.unproven(where, error)
            case SSLError():
                return refusals.unreached(where, error)
            case IncompleteRead() | ConnectionAbortedError():
                return _AgainError(refusals.broken(where, error))
            case OSError():
                return refusals.unreached(where, error)
            case _:
                return refusals.garbled(where, error)

    def _exchanged(self, question: _Question, where: str) -> Answer:
        def lines() -> Iterator[HTTPConnection]:
            if self._line is not None:
                yield self._line

        is_clear = False
        try:
            # The answer has the connection for itself where nothing comes after it.
            with (
                cut_after(self._patience.total_seconds, lines),
                self._sent(question) as response,
            ):
                answer = read_answer(response, self._patience.answer_bytes_max, where)
            is_clear = answer.is_whole and not response.will_close
        finally:
            # Whatever is left in it would be read as the answer to the next question.
            if not is_clear:
                self.close()
        self.traffic.bytes += answer.wire_bytes
        return answer

    def _sent(self, question: _Question) -> HTTPResponse:
        if self._line is None:
            self._line = connection_to(
                self._origin, self._proxy, self._access.tls, self._patience.connect_seconds
            )
            self._line.connect()
            self._line.sock.settimeout(self._patience.read_seconds)
        self.traffic.requests += 1
        headers = {
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": "lineage-ledger",
            "host": self._origin.place,
            **self._access.headers,
        }
        target = question.target
        if self._proxy is not None and self._origin.scheme == "http":
            target = f"http://{self._origin.place}{target}"
            headers |= self._proxy.headers
        if question.body is not None:
            headers["content-type"] = "application/json"
        self._line.request(question.method, target, question.body, headers)
        return self._line.getresponse()

    def _where(self, question: _Question) -> str:
        path = question.target.partition("?")[0]
        return f"{self._origin.scheme}://{self._origin.place}{path}"[:256]
