"""Sends statements to a ledger over HTTP, again and again, but never for long.

A statement has an id of its own, so one that is sent twice, because the answer to the first was
lost, is in the ledger once.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import Callable, cast
from urllib.parse import urlsplit

from lineage_client.errors import ClientError, NotSentError

PATH = "/api/v1/statements"
ANSWER_BYTES_MAX = 65_536
"""How much is read of an answer; nothing beyond it is of use here."""

WAIT_SECONDS_MAX = 60.0
"""The longest time for which a ledger that is away is left alone."""

_REFUSED = frozenset({400, 409, 413, 415, 422})
"""Statuses after which the very same will be refused again."""


@dataclass(frozen=True)
class Patience:
    """How long a script may be held up.

    ``attempt_seconds`` is the longest that one request takes, ``attempts`` how often it is tried,
    ``pause_seconds`` the first pause between two of them; each further one is twice as long.
    """

    attempts: int = 3
    attempt_seconds: float = 5.0
    pause_seconds: float = 0.25

    @property
    def longest_seconds(self) -> float:
        """Return how long one call may take, if nothing answers."""
        pauses: float = sum(self.pause_seconds * 2**number for number in range(self.attempts - 1))
        return self.attempts * self.attempt_seconds + pauses


PATIENCE_DEFAULT = Patience()


class Sender:
    """One ledger, as it is reached from here."""

    def __init__(
        self,
        url: str,
        *,
        namespace: str | None = None,
        token: str | None = None,
        patience: Patience = PATIENCE_DEFAULT,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ClientError(f"This is no address: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ClientError(
                "A ledger's address is http://HOST:PORT or https://HOST, without a user: "
                "give a key as token"
            )
        self._url = url.rstrip("/") + PATH
        self._headers: dict[str, str] = {"Content-Type": "application/json"}
        if namespace is not None:
            self._headers["Lineage-Namespace"] = namespace
        if token is not None:
            # A key that was read from a file has the file's line end behind it.
            self._headers["Authorization"] = f"Bearer {token.strip()}"
        for name, said in self._headers.items():
            if not (said.isascii() and said.isprintable()):
                raise ClientError(f"What is given for the header {name} cannot be sent in one")
        self._patience = patience
        self._sleep = sleep
        self._monotonic = monotonic
        self._away_until = 0.0
        self._away_seconds = 0.0

    @property
    def is_away(self) -> bool:
        """Tell whether the ledger did not answer a moment ago, and is to be left alone."""
        return self._monotonic() < self._away_until

    def send(self, body: bytes) -> None:
        """Send one statement, or an array of them, and return once the ledger has it for good.

        Takes at most as long as the patience has it.

        Raises:
            NotSentError: it is not known to be there; or it was refused for good.
        """
        for attempt in range(self._patience.attempts):
            try:
                self._attempt(body)
            except NotSentError as error:  # noqa: PERF203 - that it fails is what this is for
                if error.is_refused:
                    raise
                is_last = attempt + 1 == self._patience.attempts
                pause = max(self._patience.pause_seconds * 2**attempt, error.wait_seconds)
                if is_last or pause > self._patience.attempt_seconds:
                    self._leave_alone(error.wait_seconds)
                    raise
                self._sleep(pause)
            else:
                self._away_until = self._away_seconds = 0.0
                return

    def _leave_alone(self, wait_seconds: float) -> None:
        longer = max(1.0, self._away_seconds * 2, wait_seconds)
        self._away_seconds = min(longer, WAIT_SECONDS_MAX)
        self._away_until = self._monotonic() + self._away_seconds

    def _attempt(self, body: bytes) -> None:
        sockets: list[socket.socket] = []
        # A time-out is for each read, and an answer that comes drop by drop would outlast any.
        hung_up = threading.Event()
        ending = threading.Timer(self._patience.attempt_seconds, _hang_up, [sockets, hung_up])
        ending.daemon = True
        ending.start()
        try:
            self._request(body, sockets)
        finally:
            ending.cancel()
        if hung_up.is_set():
            # What came until then may look like a whole answer. Asked again, it costs a moment.
            raise NotSentError("The ledger's answer took too long", is_refused=False)

    def _request(self, body: bytes, sockets: list[socket.socket]) -> None:
        opener = urllib.request.build_opener(_NoRedirects(), _Plain(sockets), _Encrypted(sockets))
        request = urllib.request.Request(  # noqa: S310 - the address was looked at
            self._url, data=body, headers=self._headers, method="POST"
        )
        try:
            with opener.open(request, timeout=self._patience.attempt_seconds) as answer:
                answer.read(ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            with error:
                raise _not_taken(error) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise NotSentError(
                f"The ledger did not answer: {reason or type(reason).__name__}", is_refused=False
            ) from None


class _Plain(urllib.request.HTTPHandler):
    """Connections whose sockets are known, so that they can be hung up."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_known(http.client.HTTPConnection, self._sockets), req)


class _Encrypted(urllib.request.HTTPSHandler):
    """Likewise, with TLS."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_known(http.client.HTTPSConnection, self._sockets), req)


def _known(
    connection: type[http.client.HTTPConnection], sockets: list[socket.socket]
) -> type[http.client.HTTPConnection]:
    class Known(connection):  # type: ignore[valid-type, misc]
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    return Known


def _hang_up(sockets: list[socket.socket], hung_up: threading.Event) -> None:
    hung_up.set()
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _not_taken(error: urllib.error.HTTPError) -> NotSentError:
    try:
        said = _problem(error.read(ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException):
        said = ""
    return NotSentError(
        f"The ledger answered {error.code}{': ' if said else ''}{said}",
        is_refused=error.code in _REFUSED,
        wait_seconds=_seconds(error.headers.get("Retry-After")),
    )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _problem(body: bytes) -> str:
    """Return what a problem document says to people."""
    try:
        problem = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(problem, dict):
        return ""
    said = cast("dict[str, object]", problem)
    words = [str(said[name]) for name in ("title", "detail", "hint") if said.get(name)]
    return "; ".join(words)[:1_000]


def _seconds(text: str | None) -> float:
    """Return how long to wait; a date, which the ledger does not send, is read as no wish."""
    return min(float(text), WAIT_SECONDS_MAX) if text is not None and text.isdecimal() else 0.0
