"""The log of a server: one line a record, as JSON or for people. Nobody can forge a line.

What callers send is never logged: neither bodies, nor headers, nor the query of an address.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from errno import errorcode
from typing import Any, Final, TextIO

import msgspec

from lineage.clock import Clock, system_clock
from lineage_api.cli.printing import printable
from lineage_api.observing.notes import current_request_id
from lineage_schemas.instants import format_instant

TEXT: Final = "text"
JSON: Final = "json"

FIELDS: Final = "lineage_fields"
"""The name under which a record carries more than its message."""

_FRAMES_MAX: Final = 64
_CAUSES_MAX: Final = 8
"""How much of a traceback is logged at most."""

_QUIETER: Final = ("httpcore", "httpx", "opentelemetry", "urllib3")
"""Libraries that at a low level would tell the addresses they call, with what is secret in them."""


def fields(**values: object) -> dict[str, Any]:
    """Return what a record carries beside its message: ``log.info("...", extra=fields(a=1))``."""
    return {FIELDS: {name: value for name, value in values.items() if value not in {None, ""}}}


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """Return the record on one line."""
        line = _parts(record, self._clock)
        if record.exc_info:
            line["traceback"] = _traceback(record)
        # What is left to escape are line ends of Unicode: inside a string both mean the same.
        return printable(msgspec.json.encode(line, enc_hook=str).decode())


class TextFormatter(logging.Formatter):
    """Writes a record as a line for people; the lines of a traceback are marked as such."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """Return the record on one line, and one more for each of its traceback."""
        parts = _parts(record, self._clock)
        time, level, name, message = (
            str(parts.pop(one)) for one in ("time", "level", "logger", "message")
        )
        said = " ".join(f"{key}={value}" for key, value in parts.items())
        lines = [printable(f"{time} {level.upper()} {name}: {message}  {said}".rstrip())]
        if record.exc_info:
            lines += [f"    | {printable(line)}" for line in _traceback(record).splitlines()]
        return "\n".join(lines)


@contextmanager
def logging_to(
    stream: TextIO, form: str, level: str, clock: Clock = system_clock
) -> Generator[None]:
    """Write the process's log to a stream while the block runs, all of it in one form."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(clock) if form == JSON else TextFormatter(clock))
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    quieter = {name: logging.getLogger(name).level for name in _QUIETER}
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in quieter:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    try:
        yield
    finally:
        root.setLevel(before[0])
        root.handlers = before[1]
        for name, its in quieter.items():
            logging.getLogger(name).setLevel(its)


def _parts(record: logging.LogRecord, clock: Clock) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "time": format_instant(clock()),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    more: Mapping[str, Any] = getattr(record, FIELDS, {})
    request_id = current_request_id()
    if request_id and "request_id" not in more:
        parts["request_id"] = request_id
    return parts | dict(more)


def _traceback(record: logging.LogRecord) -> str:
    """Return the frames and types of an exception and its causes, without their messages.

    A message quotes what was wrong, and that may be what somebody sent: a token, a name.
    """
    error = None if record.exc_info is None else record.exc_info[1]
    parts: list[str] = []
    for _ in range(_CAUSES_MAX):
        if error is None:
            break
        frames = "".join(traceback.format_tb(error.__traceback__, _FRAMES_MAX))
        parts.append(f"{frames}{_kind_of(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nled to:\n".join(reversed(parts))


def _kind_of(error: BaseException) -> str:
    kind = type(error)
    number = error.errno if isinstance(error, OSError) else None
    why = "" if number is None else f" {errorcode.get(number, number)}"
    return f"{kind.__module__}.{kind.__qualname__}{why}"
