"""``lineage holds``: what forbids erasures."""

from __future__ import annotations

import click

from lineage_api.cli.printing import print_json, print_rows, printable
from lineage_api.cli.restraints import restraint_row
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)


@click.command("holds")
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def holds(session: Session, output: str) -> None:
    """List the holds and retentions of a namespace.

    Prints where each is stated, what it is, who orders it or what it is called, what it covers, and
    whether it is in force.
    """
    with session.open() as ledger:
        views = ledger.erasures.restraints(session.namespace)
    if output == "json":
        print_json(views)
    elif views:
        print_rows([list(map(printable, restraint_row(view))) for view in views])
    else:
        click.echo("nothing is held or retained", err=True)
