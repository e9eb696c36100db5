"""All settings, read once, as one frozen struct. What is not known is an error, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import DecodeError, Struct, convert, json, structs
from msgspec import ValidationError as WrongTypeError

from lineage_api.identity.issuers import Issuer
from lineage_api.reach import check_reach
from lineage_schemas.errors import InvalidInputError

PREFIX: Final = "LINEAGE_"
"""Before the name of a setting in the environment: ``LINEAGE_STORE`` is ``store``."""

STORE_DEFAULT: Final = "lineage.db"
HOST_DEFAULT: Final = "127.0.0.1"
PORT_DEFAULT: Final = 8470

KEY_VARIABLE: Final = f"{PREFIX}KEY"
SIDECAR_VARIABLE: Final = f"{PREFIX}SIDECAR"
VERIFIER_VARIABLE: Final = f"{PREFIX}VERIFIER_KEY"
"""What `lineage verify` trusts; no setting of a server, and no mistake either."""

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
PUBLISH_SECONDS_DEFAULT: Final = 1.0
ANCHOR_SECONDS_DEFAULT: Final = 60.0

PRINCIPAL_RATE_DEFAULT: Final = 1_000.0
PRINCIPAL_BURST_DEFAULT: Final = 2_000
PRINCIPAL_REQUESTS_DEFAULT: Final = 128
PRINCIPAL_BYTES_DEFAULT: Final = 128 * 1_048_576
ADDRESS_RATE_DEFAULT: Final = 5.0
ADDRESS_BURST_DEFAULT: Final = 50

_PORT_MAX: Final = 65_535
_COUNT_MAX: Final = 2**40


class Settings(Struct, frozen=True, kw_only=True):
    """Where the ledger lives, where it listens, and how much it takes on at a time.

    ``queue_length`` and ``queue_bytes`` bound what waits for the writer: batches, and the bytes of
    their payload parts. ``port`` 0 is any free one. ``stop_seconds`` is how long requests under way
    may still take when the server stops.

    ``key`` and ``sidecar`` are the files of the signing key and of what is remembered; empty:
    beside the ledger. Every ``publish_seconds`` the server signs what is not signed yet, and every
    ``anchor_seconds`` it hands a new checkpoint to the folder ``anchor_directory`` and to the URL
    ``anchor_webhook``, where they are given.

    ``sign_in`` is ``local`` (everybody on this machine is the local principal, and nobody else gets
    in) or ``required``: then ``issuers`` of tokens may be given beside the ledger's own API keys,
    ``hosts`` are the names the server goes by, and beyond this machine it speaks TLS, or stands
    ``behind_proxy``. Each principal may send ``principal_rate`` requests a second, up to
    ``principal_burst`` after a pause, have ``principal_requests`` and ``principal_bytes`` of their
    bodies here at once; each address that is not signed in ``address_rate`` and ``address_burst``.
    0 is no limit; there is none without signing in.
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
    key: str = ""
    sidecar: str = ""
    publish_seconds: float = PUBLISH_SECONDS_DEFAULT
    anchor_directory: str = ""
    anchor_webhook: str = ""
    anchor_webhook_secret: str = ""
    anchor_seconds: float = ANCHOR_SECONDS_DEFAULT
    # Who may call, and how they reach it: docs/serving.md.
    sign_in: Literal["local", "required"] = "local"
    hosts: tuple[str, ...] = ()
    tls_certificate: str = ""
    tls_key: str = ""
    behind_proxy: bool = False
    issuers: tuple[Issuer, ...] = ()
    principal_rate: float = PRINCIPAL_RATE_DEFAULT
    principal_burst: int = PRINCIPAL_BURST_DEFAULT
    principal_requests: int = PRINCIPAL_REQUESTS_DEFAULT
    principal_bytes: int = PRINCIPAL_BYTES_DEFAULT
    address_rate: float = ADDRESS_RATE_DEFAULT
    address_burst: int = ADDRESS_BURST_DEFAULT

    def __repr__(self) -> str:
        """Show every setting but the secret and the URL, which may hold one."""
        shown = structs.asdict(self)
        for name in _SECRETS:
            shown[name] = "(not shown)" if shown[name] else ""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


_SECRETS: Final = ("anchor_webhook", "anchor_webhook_secret")

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
    "publish_seconds": (0.01, 3_600),
    "anchor_seconds": (0.01, 86_400),
    "principal_rate": (0, 1_000_000),
    "principal_burst": (1, 1_000_000),
    "principal_requests": (0, 100_000),
    "principal_bytes": (0, _COUNT_MAX),
    "address_rate": (0, 1_000_000),
    "address_burst": (1, 1_000_000),
}


def read_settings(environ: Mapping[str, str], **overrides: str | float | None) -> Settings:
    """Return the settings: what ``overrides`` say, else the environment, else the defaults.

    An override of ``None`` says nothing.

    Raises:
        InvalidInputError: an unknown setting, a value of the wrong type or out of range, or a host
            that others than this machine could reach.
    """
    given: dict[str, object] = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(PREFIX) and name != VERIFIER_VARIABLE
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
        settings = convert(_with_lists(given), Settings, strict=False)
    except WrongTypeError as error:
        raise InvalidInputError(f"A setting is of the wrong type: {error}") from error
    check_settings(settings)
    return settings


def _with_lists(given: dict[str, object]) -> dict[str, object]:
    """Read the settings that are lists: names divided by commas, and issuers as JSON."""
    hosts, issuers = given.get("hosts"), given.get("issuers")
    if isinstance(hosts, str):
        given = given | {"hosts": [one.strip() for one in hosts.split(",") if one.strip()]}
    if isinstance(issuers, str):
        try:
            given = given | {"issuers": json.decode(issuers)}
        except DecodeError as error:
            raise InvalidInputError(
                f"The issuers are no JSON: {error}",
                where=f"{PREFIX}ISSUERS",
                hint='Such as [{"issuer": "https://id.example.org", "audiences": ["ledger"]}].',
            ) from error
    return given


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
    check_reach(settings)
    _check_webhook(settings)


def webhook_secret(settings: Settings) -> bytes | None:
    """Return the bytes of the webhook's secret; ``None`` where none is set.

    Raises:
        WebhookError: it is none; does not quote it.
    """
    from lineage_api.webhooks import parse_secret  # noqa: PLC0415 - whoever has none need not wait

    text = settings.anchor_webhook_secret
    return parse_secret(text) if text else None


def _check_webhook(settings: Settings) -> None:
    if settings.anchor_webhook_secret and not settings.anchor_webhook:
        raise InvalidInputError(
            "There is a secret for a webhook, and no webhook",
            where=f"{PREFIX}ANCHOR_WEBHOOK_SECRET",
            hint=f"Set {PREFIX}ANCHOR_WEBHOOK too.",
        )
    if settings.anchor_webhook_secret:
        webhook_secret(settings)
    if settings.anchor_webhook:
        from lineage_api.webhooks import place_of  # noqa: PLC0415 - as above

        place_of(settings.anchor_webhook)
