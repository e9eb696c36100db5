"""``lineage show``: all that is known of one thing."""

from __future__ import annotations

import click

from lineage_api.cli.card import card_lines, read_card
from lineage_api.cli.printing import print_json, print_lines
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_schemas.errors import NotFoundError
from lineage_schemas.mlmd import Kind


@click.command("show")
@click.argument("identifier")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    help="Show only a node of this kind.  [default: every kind]",
)
@asks
@format_option("tree", "json")
@pass_session
def show(session: Session, identifier: str, kind: str | None, output: str) -> None:
    """Show all that is known of one thing.

    That is its values, other names, contexts, edges and metrics. Nodes that asserted links join are
    shown as one, with their values merged. An identifier that the log has never heard of is an
    error, and the exit code is 1.
    """
    with session.open() as ledger:
        answers = ledger.show(
            identifier,
            kind=None if kind is None else Kind(kind),
            as_of=session.as_of,
            namespace=session.namespace,
        )
        if output == "json":
            print_json(answers)
        elif answers[0].members:
            for answer in answers:
                print_lines(card_lines(read_card(ledger, answer)))
    if not answers[0].members:
        basis = answers[0].basis
        erased = "" if basis.last_erasure is None else ", or whatever named it was erased"
        raise NotFoundError(
            f"The log of size {basis.size} has never heard of this{erased}",
            where=identifier,
            hint="Look for it with `lineage find`.",
        )
