"""``lineage import terraform``: take in what deployments stand on, from a Terraform state."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

import click

from lineage.connectors.terraform.mapping import TerraformMapping
from lineage.connectors.terraform.reading import TerraformReader
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


@click.command("terraform")
@click.argument("file", metavar="PATH", type=click.File("rb"))
@click.option(
    "--name",
    metavar="NAME",
    required=True,
    help="What the state is called in identifiers, for ever: no two may share a name.",
)
@click.option(
    "--environment",
    "environments",
    metavar="KEY",
    multiple=True,
    help="An environment that all of the state belongs to; may be given several times.",
)
@click.option(
    "--cluster", metavar="NAME", help="What the cluster is called whose namespaces it makes."
)
@click.option(
    "--at",
    "shown_at",
    metavar="TIME",
    type=INSTANT,
    help="When the state was as it is shown.  [default: now]",
)
@click.option(
    "--source", metavar="NAME", help="The source of what it says.  [default: terraform:NAME]"
)
@due_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_terraform(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    file: BinaryIO,
    *,
    name: str,
    environments: tuple[str, ...],
    cluster: str | None,
    shown_at: datetime | None,
    source: str | None,
    due_seconds: int | None,
    output: str,
) -> None:
    """Take in what deployments stand on, from a Terraform state.

    PATH ("-": standard input) is a state file of version 4, as terraform state pull prints it. Of
    each resource only a list of allowed attributes is kept, nothing that the state marks as
    sensitive, and no outputs. What the state does not have any more is gone; a state older than
    what is known is passed over, and then the exit code is 1. A new ledger is made where there is
    none.
    """
    read = Source(
        name=source or f"terraform:{name}",
        mapping=TerraformMapping(name, environments, cluster),
        namespace=session.namespace,
    )
    reader = TerraformReader(file, name, shown_at or instant_of(session.clock()))
    with session.open_or_make() as ledger:
        look = looking(session, ledger, read, due_seconds)
        tally = look_once(look, reader, is_whole=True)
    tell_look(read, tally, output)
