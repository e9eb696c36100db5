"""All settings, read once, as one frozen struct. What is not known is an error, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

from msgspec import Struct, convert, structs
from msgspec import ValidationError as WrongTypeError

from lineage_schemas.errors import InvalidInputError

PREFIX: Final = "LINEAGE_"
"""Before the name of a setting in the environment: ``LINEAGE_STORE`` is ``store``."""

STORE_DEFAULT: Final = "lineage.db"
HOST_DEFAULT: Final = "127.0.0.1"
PORT_DEFAULT: Final = 8470

EVENT_BYTES_MAX: Final = 2 * 1_048_576
"""The body of one run event, decompressed. The message inside has a limit of its own."""

BATCH_BYTES_MAX: Final = 16 * 1_048_576
"""The body of a batch of run events or of statements, decompressed."""

QUERY_BYTES_MAX: Final = 100_000
"""The body of one GraphQL request, variables included."""

QUEUE_LENGTH_DEFAULT: Final = 1_024
QUEUE_BYTES_DEFAULT: Final = 256 * 1_048_576
READER_THREADS_DEFAULT: Final = 4
PREPARING_THREADS_DEFAULT: Final = 2
STOP_SECONDS_DEFAULT: Final = 10

_PORT_MAX: Final = 65_535
_COUNT_MAX: Final = 2**40


class Settings(Struct, frozen=True, kw_only=True):
    """Where the ledger lives, where it listens, and how much it takes on at a time.

    ``queue_length`` and ``queue_bytes`` bound what waits for the writer: batches, and the bytes of
    their payload parts. ``port`` 0 is any free one. ``stop_seconds`` is how long requests under way
    may still take when the server stops.
    """

    store: str = STORE_DEFAULT
    host: str = HOST_DEFAULT
    port: int = PORT_DEFAULT
    event_bytes: int = EVENT_BYTES_MAX
    batch_bytes: int = BATCH_BYTES_MAX
    query_bytes: int = QUERY_BYTES_MAX
    queue_length: int = QUEUE_LENGTH_DEFAULT
    queue_bytes: int = QUEUE_BYTES_DEFAULT
    reader_threads: int = READER_THREADS_DEFAULT
    preparing_threads: int = PREPARING_THREADS_DEFAULT
    stop_seconds: int = STOP_SECONDS_DEFAULT


_RANGES: Final = {
    "port": (0, _PORT_MAX),
    "event_bytes": (1, EVENT_BYTES_MAX),
    "batch_bytes": (1, BATCH_BYTES_MAX),
    "query_bytes": (1, QUERY_BYTES_MAX),
    "queue_length": (1, 1_000_000),
    "queue_bytes": (1, _COUNT_MAX),
    "reader_threads": (1, 256),
    "preparing_threads": (1, 256),
    "stop_seconds": (0, 3_600),
}


def read_settings(environ: Mapping[str, str], **overrides: str | int | None) -> Settings:
    """Return the settings: what ``overrides`` say, else the environment, else the defaults.

    An override of ``None`` says nothing.

    Raises:
        InvalidInputError: an unknown setting, a value of the wrong type or out of range, or a host
            that others than this machine could reach.
    """
    given: dict[str, str | int] = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(PREFIX)
    }
    given |= {name: value for name, value in overrides.items() if value is not None}
    known = set(Settings.__struct_fields__)
    for name in sorted(given.keys() - known):
        raise InvalidInputError(
            "There is no such setting",
            where=f"{PREFIX}{name.upper()}",
            hint=f"Settings are {', '.join(PREFIX + one.upper() for one in sorted(known))}.",
        )
    try:
        settings = convert(given, Settings, strict=False)
    except WrongTypeError as error:
        raise InvalidInputError(f"A setting is of the wrong type: {error}") from error
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Refuse what cannot be.

    Raises:
        InvalidInputError: as ``read_settings``.
    """
    values = structs.asdict(settings)
    for name, (low, high) in _RANGES.items():
        if not low <= values[name] <= high:
            raise InvalidInputError(
                f"The setting {name} is from {low} to {high}", where=str(values[name])
            )
    if not is_loopback(settings.host):
        raise InvalidInputError(
            "The ledger serves this machine only, since it cannot ask yet who is calling",
            where=f"host {settings.host[:64]}",
            hint="Use 127.0.0.1, ::1 or localhost.",
        )


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
