"""``lineage orphans``: nodes that nothing leads to, that nobody made, or that nobody used."""

from __future__ import annotations

from datetime import datetime

import click

from lineage.ledger import LinkClass, OrphanKind, OrphansQuery
from lineage_api.cli.pages import page_options, print_page
from lineage_api.cli.printing import counted, print_json
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import cross_option
from lineage_schemas.graph import NodePage


@click.command("orphans")
@click.argument("type_name", metavar="TYPE", required=False)
@click.option(
    "--without",
    type=click.Choice([one.value for one in OrphanKind]),
    default=OrphanKind.ISOLATED.value,
    show_default=True,
    help="Isolated: no edge, membership or link. No-upstream: an artifact that no execution puts "
    "out. No-downstream: one that an execution put out and none takes in.",
)
@cross_option
@valid_options
@page_options
@asks
@format_option("text", "json")
@pass_session
def orphans(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    type_name: str | None,
    without: str,
    cross: tuple[LinkClass, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """List nodes that stand alone, or that nobody made or used.

    TYPE is a type such as lineage.Model, which stands for the types based on it too, or it is
    artifact, execution or context. A node that a link joins to another stands or falls with it.

    A page looks at so many nodes and no more, so it may be short, or empty, and not the last.
    """
    query = OrphansQuery(
        without=OrphanKind(without), type=type_name, cross=cross, cursor=cursor, count=count
    )
    with session.open() as ledger:
        page = ledger.graph.orphans(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(page)
        return
    shown = NodePage(
        basis=page.basis, nodes=page.nodes, cursor=page.cursor, redactions=page.redactions
    )
    print_page(shown, output)
    click.echo(f"looked at {counted(page.looked, 'node')}", err=True)
    if page.undated:
        click.echo(f"{counted(page.undated, 'edge')} that nobody dated, counted in", err=True)
