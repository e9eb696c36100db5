"""``lineage import argocd``: take in what Applications were synced to, and when."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

import click

from lineage.connectors.argocd.mapping import ArgoMapping
from lineage.connectors.argocd.reading import ArgoReader
from lineage.connectors.json_stream import read_bodies
from lineage.importing.importer import Source
from lineage_api.cli.instants import INSTANT
from lineage_api.cli.looks import due_option, look_once, looking, tell_look
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_schemas.instants import instant_of


def _read_clusters(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Read what clusters are called by the destinations of Applications."""
    clusters: dict[str, str] = {}
    for text in given:
        destination, _equals, name = text.rpartition("=")
        if not destination or not name:
            raise click.BadParameter(f"{text!r} is not DESTINATION=NAME.")
        clusters[destination] = name
    return clusters


@click.command("argocd")
@click.argument("file", metavar="PATH", type=click.File("rb"))
@click.option(
    "--server",
    metavar="NAME",
    required=True,
    help="What this Argo CD is called in identifiers, for ever: no two may share a name.",
)
@click.option(
    "--cluster",
    "clusters",
    metavar="DESTINATION=NAME",
    multiple=True,
    callback=_read_clusters,
    help="What the cluster is called elsewhere that an Application names as its destination, by "
    "name or address; may be given several times.  [default: as the Application names it]",
)
@click.option(
    "--at",
    "shown_at",
    metavar="TIME",
    type=INSTANT,
    help="When the Applications were as they are shown.  [default: now]",
)
@click.option(
    "--whole/--part",
    "is_whole",
    default=False,
    help="PATH shows every Application, so one that is not there is gone; or only some.  "
    "[default: some]",
)
@click.option(
    "--source", metavar="NAME", help="The source of what it says.  [default: argocd:SERVER]"
)
@due_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_argocd(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    file: BinaryIO,
    *,
    server: str,
    clusters: dict[str, str],
    shown_at: datetime | None,
    source: str | None,
    due_seconds: int | None,
    output: str,
    is_whole: bool,
) -> None:
    """Take in what the Applications of an Argo CD were synced to, and when.

    PATH ("-": standard input) is what kubectl get applications -A -o json wrote, or argocd app get
    -o json. Past syncs drop out of an Application's history after ten: look often enough. What
    could not be read is told on standard error, and then the exit code is 1. What is known already
    is not written again. A new ledger is made where there is none.
    """
    read = Source(
        name=source or f"argocd:{server}",
        mapping=ArgoMapping(server, clusters),
        namespace=session.namespace,
    )
    at = shown_at or instant_of(session.clock())
    reader = ArgoReader(read_bodies(file, is_whole=is_whole), server, at, has_all=is_whole)
    with session.open_or_make() as ledger:
        look = looking(session, ledger, read, due_seconds)
        tally = look_once(look, reader, is_whole=is_whole)
    tell_look(read, tally, output)
