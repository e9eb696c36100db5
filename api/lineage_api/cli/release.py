"""``lineage release``: let a hold or retention hold no longer."""

from __future__ import annotations

import click

from lineage_api.cli.restraints import print_restraint
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)


@click.command("release")
@click.argument("position", type=click.IntRange(0))
@click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Why; kept for ever, so it must name nobody.",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def release(session: Session, position: int, reason: str, output: str) -> None:
    """Release a hold or retention.

    POSITION is where it is stated, as `lineage holds` lists it. What it kept may be erased from now
    on; that it was there stays in the log.
    """
    with session.open() as ledger:
        view = ledger.erasures.release(position, reason=reason, namespace=session.namespace)
    print_restraint(view, output)
