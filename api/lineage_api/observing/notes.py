"""What is noted of a request while it is answered, whichever thread works for it.

The note travels in the context of the call: the pools and the writer carry it into their threads.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol

from lineage.clock import Randomness

REQUEST_ID_HEADER: Final = "x-request-id"
REQUEST_ID_CHARACTERS_MAX: Final = 64
"""A longer id of the client's is not taken over: every line about the request repeats it."""

_SAFE: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{REQUEST_ID_CHARACTERS_MAX}}}")
_ID_BYTES: Final = 16


class Tracing(Protocol):
    """Makes spans, or makes none."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """Time the block, as a part of what is under way in this context."""
        ...

    def past(self, name: str, seconds: float, ago: float = 0.0) -> None:
        """Note a part of that length that ended so many seconds ago."""
        ...


class NoTracing:
    """Makes no spans, and costs nothing."""

    def span(self, name: str) -> AbstractContextManager[None]:
        """Time nothing."""
        del name
        return nullcontext()

    def past(self, name: str, seconds: float, ago: float = 0.0) -> None:
        """Note nothing."""
        del name, seconds, ago


NO_TRACING: Final = NoTracing()


class RequestNote:
    """One request: its id, and what those who answer it have to say for the log and the metrics.

    ``principal`` is the public id of an API key, never a name. ``code`` is that of the problem it
    was answered with; ``operation`` and ``codes`` are of GraphQL.
    """

    def __init__(self, request_id: str, tracing: Tracing = NO_TRACING) -> None:
        self.request_id = request_id
        self.tracing = tracing
        self.principal = ""
        self.code = ""
        self.operation = ""
        self.codes: tuple[str, ...] = ()


CURRENT: Final[ContextVar[RequestNote | None]] = ContextVar("lineage_request", default=None)


def current_request_id() -> str:
    """Return the id of the request that is being answered; empty outside of one."""
    note = CURRENT.get()
    return "" if note is None else note.request_id


def note_problem(code: str) -> None:
    """Note the code that the request under way is answered with."""
    note = CURRENT.get()
    if note is not None:
        note.code = code


def note_operation(operation: str, codes: tuple[str, ...]) -> None:
    """Note what kind of GraphQL operation was executed, and the codes of its errors."""
    note = CURRENT.get()
    if note is not None:
        note.operation, note.codes = operation, codes


def note_principal(key: str | None) -> None:
    """Note the public id of the API key that a request came with, if it came with one."""
    note = CURRENT.get()
    if note is not None and key is not None:
        note.principal = key


def traced(name: str) -> AbstractContextManager[None]:
    """Time the block as a part of the request under way, where traces are asked for."""
    note = CURRENT.get()
    return nullcontext() if note is None else note.tracing.span(name)


def request_id_of(given: str, randomness: Randomness) -> str:
    """Return the client's own id where it is short and harmless, else a new one."""
    return given if _SAFE.fullmatch(given) else randomness(_ID_BYTES).hex()
