"""What ``import mlflow`` and ``watch mlflow`` share: options, and what is made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, Final, NamedTuple, TypeVar

import click

from lineage.clock import Clock
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.mlflow.reading import ReadingOptions, SeriesChoice
from lineage.connectors.mlflow.rest import ServerReader
from lineage.importing.importer import Source
from lineage_api.cli.looks import warn
from lineage_api.cli.session import Session
from lineage_api.outbound.connecting import proxy_of
from lineage_api.outbound.mlflow_access import WORKSPACE_HEADER, AccessFiles, read_access
from lineage_api.outbound.origins import Origin, read_origin
from lineage_api.outbound.transport import HttpTransport, Sleep, Traffic

WEB: Final = ("http://", "https://")

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE: Final = click.Path(exists=True, dir_okay=False)

ENVIRONMENT: Final = """\b
What opens the server, where no file is named, as MLflow's own client reads it:
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD
                                   a user; also in ~/.mlflow/credentials
  MLFLOW_TRACKING_TOKEN            a token, where there is no user
  MLFLOW_TRACKING_SERVER_CERT_PATH whom to believe: as --ca-file
  MLFLOW_TRACKING_CLIENT_CERT_PATH as --certificate
  MLFLOW_WORKSPACE                 as --workspace
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY
"""


class Given(NamedTuple):
    """What the options say of a server, and of what to read of it."""

    server: str | None
    source: str | None
    series: str
    digest_bytes: int
    files: AccessFiles


def server_options(command: Command) -> Command:
    """Give a command the options that say which server it is, and what opens it."""
    options = (
        click.option(
            "--server",
            metavar="NAME",
            help="What the server is called in identifiers, for ever, wherever it is read: small "
            "letters, without slashes.  [default: host:port of URL]",
        ),
        click.option(
            "--source", metavar="NAME", help="The source of what it says.  [default: mlflow:SERVER]"
        ),
        click.option(
            "--series",
            type=click.Choice([one.value for one in SeriesChoice]),
            default=SeriesChoice.STEPPED.value,
            show_default=True,
            help="Which metrics to read step by step: those that have steps, all, or none.",
        ),
        click.option(
            "--digest-bytes",
            metavar="N",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Read the contents of files of runs that are no longer than this, for their "
            "digests, which meet the same bytes in other tools.",
        ),
        click.option("--token-file", metavar="FILE", type=_FILE, help="A file with a token."),
        click.option(
            "--header-file",
            metavar="FILE",
            type=_FILE,
            help="A file with further headers to send, NAME: VALUE, one a line.",
        ),
        click.option(
            "--ca-file",
            metavar="FILE",
            type=_FILE,
            help="Believe a server that this certificate (PEM) vouches for, and no other.",
        ),
        click.option(
            "--certificate",
            metavar="FILE",
            type=_FILE,
            help="Show the server this certificate (PEM).",
        ),
        click.option(
            "--certificate-key",
            metavar="FILE",
            type=_FILE,
            help="The key of that certificate.  [default: in the same file]",
        ),
        click.option(
            "--workspace",
            metavar="NAME",
            default="",
            help="The workspace to read. Another one is another --server.  [default: the server's "
            "own; of a database: default]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def given(options: dict[str, Any]) -> Given:
    """Take the options of ``server_options`` out of what a command was given."""
    files = AccessFiles(
        token=options.pop("token_file") or "",
        headers=options.pop("header_file") or "",
        ca=options.pop("ca_file") or "",
        certificate=options.pop("certificate") or "",
        key=options.pop("certificate_key") or "",
        workspace=options.pop("workspace"),
    )
    return Given(
        server=options.pop("server"),
        source=options.pop("source"),
        series=options.pop("series"),
        digest_bytes=options.pop("digest_bytes"),
        files=files,
    )


class Server(NamedTuple):
    """A server that can be asked, and what it is in the ledger."""

    transport: HttpTransport
    origin: Origin
    source: Source
    options: ReadingOptions
    clock: Clock

    @property
    def traffic(self) -> Traffic:
        """What asking it has cost so far."""
        return self.transport.traffic

    def reader(self) -> ServerReader:
        """Return what reads it once."""
        return ServerReader(self.transport, self.origin.url, self.options, self.clock)


@contextmanager
def server_at(session: Session, url: str, said: Given, wait: Sleep = sleep) -> Generator[Server]:
    """Get ready to ask a server; nothing is asked yet.

    Raises:
        InvalidInputError: the address, or a file of what opens it, is not what it should be.
    """
    origin = read_origin(url)
    access = read_access(said.files, os.environ, Path.home())
    # Any header may open a server: a cookie, a key of a gateway's own.
    if origin.is_open and access.headers.keys() - {WORKSPACE_HEADER}:
        warn(f"{origin.url} is not encrypted: whoever is on the way can read what opens it")
    source = source_of(session, said.server or origin.instance, said)
    transport = HttpTransport(
        origin, access, proxy=proxy_of(origin), clock=session.clock, sleep=wait
    )
    try:
        yield Server(transport, origin, source, reading_of(said), session.clock)
    finally:
        transport.close()


def source_of(session: Session, server: str, said: Given) -> Source:
    """Return what a server is in the ledger.

    Raises:
        InvalidInputError: the name is no segment of an identifier.
    """
    return Source(
        name=said.source or f"mlflow:{server}",
        mapping=MlflowMapping(server),
        namespace=session.namespace,
    )


def reading_of(said: Given) -> ReadingOptions:
    """Return what is read of a server."""
    return ReadingOptions(series=SeriesChoice(said.series), hash_bytes_max=said.digest_bytes)
