"""``lineage expect``: within how long a source is to be heard again."""

from __future__ import annotations

import click

from lineage_api.cli.printing import print_json, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.spans import read_span


@click.command("expect")
@click.argument("source")
@click.option(
    "--within",
    "due_seconds",
    metavar="SPAN",
    required=True,
    callback=read_span,
    help="How long it may be silent, such as 90s, 15m, 1h or 7d; none: it is expected no longer.",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def expect(session: Session, source: str, due_seconds: int | None, output: str) -> None:
    """Say within how long a source is to be heard again.

    SOURCE is its name, as `lineage sources` lists it; it need not have spoken yet. While it is
    silent for longer, answers say that they are not complete, and why.
    """
    with session.open() as ledger:
        receipt = ledger.watching.expect(source, due_seconds, namespace=session.namespace)
    if output == "json":
        print_json(receipt)
        return
    word = "no longer expected" if due_seconds is None else f"expected every {due_seconds} s"
    click.echo(printable(f"{source} is {word} (position {receipt.position})"))
