"""All settings, read once, as one frozen struct. What is not known is an error, never ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from lineage.graph.index import MEMORY_BYTES_DEFAULT
from lineage_api.configuration.marks import HOLDS_PASSWORD as PASSWORD
from lineage_api.configuration.marks import SECRET
from lineage_api.configuration.reading import Sourced, as_struct, check_struct
from lineage_api.configuration.showing import shown
from lineage_api.configuration.sources import from_environment, from_file, from_flags
from lineage_api.identity.declarers import KnownDeclarer, believed_declarers
from lineage_api.identity.github_servers import GithubServer
from lineage_api.identity.issuers import Issuer
from lineage_api.identity.mlflow_servers import MlflowServer
from lineage_api.identity.webhook_servers import check_servers
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

CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
"""The file of settings, where the command line names none."""

API_KEY_VARIABLE: Final = f"{PREFIX}API_KEY_FILE"
"""Where the API key of whoever types a command lies."""

OTHER_VARIABLES: Final = frozenset({VERIFIER_VARIABLE, CONFIG_VARIABLE, API_KEY_VARIABLE})
"""Variables that are no settings, and no mistakes either."""

TEST_PREFIX: Final = f"{PREFIX}TEST_"
"""What the project's own tests are told by variables is no setting either."""

EVENT_BYTES_MAX: Final = 2 * 1_048_576
"""The body of one run event, decompressed. The message inside has a limit of its own."""

BATCH_BYTES_MAX: Final = 16 * 1_048_576
"""The body of a batch of run events or of statements, decompressed."""

QUERY_BYTES_MAX: Final = 100_000
"""The body of one GraphQL request, variables included."""

CONNECTIONS_DEFAULT: Final = 800
"""Below the 1,024 files that a process may usually have open."""

GRAPH_MEMORY_BYTES_DEFAULT: Final = MEMORY_BYTES_DEFAULT
HEAD_SECONDS_DEFAULT: Final = 10.0
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

_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")
_PORT_MAX: Final = 65_535
_COUNT_MAX: Final = 2**40


class Settings(Struct, frozen=True, kw_only=True):
    """Where the ledger lives, where it listens, and how much it takes on at a time.

    Each setting says of itself what it means and from where to where it goes; docs/settings.md is
    made from that.
    """

    store: Annotated[
        str,
        Meta(
            description="The ledger: a path, sqlite:///PATH, or postgresql://USER@HOST/DATABASE.",
            extra=PASSWORD,
        ),
    ] = STORE_DEFAULT
    key: Annotated[
        str, Meta(description="The file of the signing key; empty: the ledger's path and .key.")
    ] = ""
    sidecar: Annotated[
        str,
        Meta(
            description="The file that remembers what was signed, erased and handed out; "
            "it must not be in a backup of the ledger. Empty: the ledger's path and .sidecar."
        ),
    ] = ""
    graph_memory_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=_COUNT_MAX,
            description="How many bytes of memory the graph may take in one process. What does not "
            "fit is looked up in the store, with the same answers; 0: everything is.",
        ),
    ] = GRAPH_MEMORY_BYTES_DEFAULT
    graph_folder: Annotated[
        str,
        Meta(
            description="A folder where the graph of a ledger in a database is kept, so that a "
            "restart need not read it again; empty: it is not. That of a SQLite ledger is kept at "
            "its path and .graph."
        ),
    ] = ""
    host: Annotated[str, Meta(description="Where to listen: a name or address.")] = HOST_DEFAULT
    port: Annotated[
        int, Meta(ge=0, le=_PORT_MAX, description="Where to listen; 0 is any free port.")
    ] = PORT_DEFAULT
    connections: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="How many connections may be open at once; one more is closed. Each is an "
            "open file of the process.",
        ),
    ] = CONNECTIONS_DEFAULT
    head_seconds: Annotated[
        float,
        Meta(
            ge=0.01,
            le=3_600,
            description="How long a connection may take until the whole head of a request is "
            "there.",
        ),
    ] = HEAD_SECONDS_DEFAULT
    event_bytes: Annotated[
        int,
        Meta(ge=1, le=EVENT_BYTES_MAX, description="The longest body of one run event, in bytes."),
    ] = EVENT_BYTES_MAX
    batch_bytes: Annotated[
        int, Meta(ge=1, le=BATCH_BYTES_MAX, description="The longest body of a batch, in bytes.")
    ] = BATCH_BYTES_MAX
    query_bytes: Annotated[
        int,
        Meta(ge=1, le=QUERY_BYTES_MAX, description="The longest GraphQL request, in bytes."),
    ] = QUERY_BYTES_MAX
    queue_length: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many batches may wait for the writer.")
    ] = QUEUE_LENGTH_DEFAULT
    queue_bytes: Annotated[
        int,
        Meta(ge=1, le=_COUNT_MAX, description="How many bytes of payload may wait for the writer."),
    ] = QUEUE_BYTES_DEFAULT
    reader_threads: Annotated[
        int, Meta(ge=1, le=256, description="How many questions are answered at once.")
    ] = READER_THREADS_DEFAULT
    preparing_threads: Annotated[
        int, Meta(ge=1, le=256, description="How many batches are checked and encoded at once.")
    ] = PREPARING_THREADS_DEFAULT
    stop_seconds: Annotated[
        int,
        Meta(
            ge=0,
            le=3_600,
            description="How long requests under way may still take when the server stops.",
        ),
    ] = STOP_SECONDS_DEFAULT
    drain_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="How long a server that was told to stop still takes requests, while "
            "`/readyz` already says no: for load balancers to hear of it.",
        ),
    ] = 0.0
    publish_seconds: Annotated[
        float, Meta(ge=0.01, le=3_600, description="How often to sign what is not signed yet.")
    ] = PUBLISH_SECONDS_DEFAULT
    anchor_directory: Annotated[
        str, Meta(description="A folder to write each new checkpoint into.")
    ] = ""
    anchor_webhook: Annotated[
        str, Meta(description="A URL to post each new checkpoint to.", extra=SECRET)
    ] = ""
    anchor_webhook_secret: Annotated[
        str, Meta(description="What to sign those messages with: whsec_...", extra=SECRET)
    ] = ""
    anchor_seconds: Annotated[
        float, Meta(ge=0.01, le=86_400, description="How often to look for a new checkpoint.")
    ] = ANCHOR_SECONDS_DEFAULT
    sign_in: Annotated[
        Literal["local", "required"],
        Meta(
            description="Who gets in: everybody on this machine, and nobody else; or whoever sends "
            "an API key or a token with each request."
        ),
    ] = "local"
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="The names this server goes by, besides those of this machine."),
    ] = ()
    tls_certificate: Annotated[
        str, Meta(description="A PEM file with the server's certificate and those above it.")
    ] = ""
    tls_key: Annotated[str, Meta(description="A PEM file with the key of that certificate.")] = ""
    behind_proxy: Annotated[
        bool,
        Meta(
            description="That a proxy of yours speaks TLS in front of this server, and that nobody "
            "reaches it another way."
        ),
    ] = False
    issuers: Annotated[
        tuple[Issuer, ...], Meta(description="Whose tokens are believed (OpenID Connect).")
    ] = ()
    mlflow: Annotated[
        tuple[MlflowServer, ...],
        Meta(description="The MLflow servers whose webhooks are taken at `/webhooks/mlflow`."),
    ] = ()
    github: Annotated[
        tuple[GithubServer, ...],
        Meta(description="The GitHub servers whose webhooks are taken at `/webhooks/github`."),
    ] = ()
    declarers: Annotated[
        tuple[KnownDeclarer, ...],
        Meta(description="Whose signatures on declarations are believed."),
    ] = ()
    revoked_keys: Annotated[
        tuple[str, ...],
        Meta(
            description="API keys, by their public ids, that are refused whatever the log says: "
            "for a ledger that takes no revocation any more."
        ),
    ] = ()
    principal_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="How many requests a second each principal may send, where it signs in; "
            "0 is no limit. Each process counts for itself, as with every limit of a caller: "
            "behind N of them it is up to N times as many.",
        ),
    ] = PRINCIPAL_RATE_DEFAULT
    principal_burst: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many of them at once, after a pause.")
    ] = PRINCIPAL_BURST_DEFAULT
    principal_requests: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="How many requests each principal may have in one process at once; 0 is no "
            "limit.",
        ),
    ] = PRINCIPAL_REQUESTS_DEFAULT
    principal_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=_COUNT_MAX,
            description="How many bytes of their bodies may be in one process at once; 0 is no "
            "limit.",
        ),
    ] = PRINCIPAL_BYTES_DEFAULT
    address_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="How many requests a second each address may send to one process without a "
            "valid credential; 0 is no limit.",
        ),
    ] = ADDRESS_RATE_DEFAULT
    address_burst: Annotated[
        int, Meta(ge=1, le=1_000_000, description="How many of them at once, after a pause.")
    ] = ADDRESS_BURST_DEFAULT

    log_format: Annotated[
        Literal["text", "json"],
        Meta(description="How the log is written, a line a record, on standard error."),
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="What is logged; `info` has one line a request."),
    ] = "info"
    trace_endpoint: Annotated[
        str,
        Meta(
            description="Where traces go: the URL of an OpenTelemetry collector (OTLP over HTTP), "
            "such as http://127.0.0.1:4318/v1/traces. Empty: there are none. Needs the extra "
            "`tracing`."
        ),
    ] = ""
    trace_ratio: Annotated[
        float,
        Meta(ge=0, le=1, description="Which part of the requests is traced, unless a caller says."),
    ] = 1.0

    def __repr__(self) -> str:
        """Show every setting, and of secrets only that they are there."""
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown(self).items())})"


def read_settings(
    environ: Mapping[str, str], *, config: str | Path | None = None, **flags: object
) -> Settings:
    """Return the settings: what ``flags`` say, else the environment, else a file, else defaults.

    A flag of ``None`` says nothing. The file is ``config``, else the one that LINEAGE_CONFIG names.

    Raises:
        InvalidInputError: an unknown setting, a value of the wrong type or out of bounds, a file
            that cannot be read, or a host that others than this machine could reach.
    """
    return read_sourced(environ, config=config, **flags).settings


def read_sourced(
    environ: Mapping[str, str], *, config: str | Path | None = None, **flags: object
) -> Sourced[Settings]:
    """Return the settings, and where each of them came from.

    Raises:
        InvalidInputError: as ``read_settings``.
    """
    sourced = _read(environ, config, flags)
    check_settings(sourced.settings)
    return sourced


def read_places(
    environ: Mapping[str, str], *, config: str | Path | None = None, **flags: object
) -> Settings:
    """Return the settings for whoever serves nobody: what only a server refuses is let through.

    Raises:
        InvalidInputError: as ``read_settings``, but for what only a server needs.
    """
    return _read(environ, config, flags).settings


def _read(
    environ: Mapping[str, str], config: str | Path | None, flags: Mapping[str, object]
) -> Sourced[Settings]:
    path = config or environ.get(CONFIG_VARIABLE)
    others = {one for one in environ if one in OTHER_VARIABLES or one.startswith(TEST_PREFIX)}
    return as_struct(
        Settings,
        [
            from_flags(Settings, flags),
            from_environment(Settings, environ, PREFIX, others),
            from_file(Settings, Path(path)) if path else {},
        ],
    )


def check_settings(settings: Settings) -> None:
    """Refuse what cannot be.

    Raises:
        InvalidInputError: as ``read_settings``.
    """
    check_struct(settings)
    check_reach(settings)
    _check_webhook(settings)
    check_servers(settings.mlflow)
    check_servers(settings.github)
    believed_declarers(settings.declarers)
    check_revoked_keys(settings.revoked_keys)


def check_revoked_keys(keys: Sequence[str]) -> None:
    """Refuse what is no public id of a key: it would revoke nothing.

    Raises:
        InvalidInputError: names which; does not quote it.
    """
    for number, key in enumerate(keys):
        if not _KEY_ID.fullmatch(key):
            # It is not quoted: somebody may have written the whole of a key there.
            raise InvalidInputError(
                "A revoked key is named by its public id: 16 digits of 0 to 9 and a to f",
                where=f"revoked_keys[{number}]",
                hint="It stands between the two underscores; `lineage access key list` has it.",
            )


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
