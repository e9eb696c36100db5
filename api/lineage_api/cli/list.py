"""``lineage list``: nodes by type or kind."""

from __future__ import annotations

import click

from lineage_api.cli.pages import filter_of, filter_option, page_options, print_page
from lineage_api.cli.session import Session, asks, format_option, pass_session


@click.command("list")
@click.argument("type_name", metavar="TYPE")
@filter_option
@page_options
@asks
@format_option("text", "json")
@pass_session
def list_nodes(
    session: Session,
    type_name: str,
    terms: str | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """List the nodes of a type or kind.

    TYPE is a type such as lineage.DataSet, which stands for the types based on it too, or it is
    artifact, execution or context. Prints kind, key, type, name and state.
    """
    with session.open() as ledger:
        page = ledger.list_nodes(
            type_name,
            filter=filter_of(terms),
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
        print_page(page, output)
