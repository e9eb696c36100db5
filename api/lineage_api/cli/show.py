"""``lineage show``: all that is known of one thing."""

from __future__ import annotations

import click

from lineage_api.cli.card import card_lines, read_card
from lineage_api.cli.printing import print_json, print_lines, tell_labels
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

    In the place of IDENTIFIER a label may stand: what people call the thing, such as '#847',
    fraud-model-v3.2 or fraud-model@champion. One that names several things is an error, which lists
    them.
    """
    with session.open() as ledger:
        answers = ledger.show(
            identifier,
            kind=None if kind is None else Kind(kind),
            as_of=session.as_of,
            namespace=session.namespace,
        )
        tell_labels(label for answer in answers[:1] if (label := answer.label) is not None)
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
