"""``lineage find``: nodes by words."""

from __future__ import annotations

import click

from lineage_api.cli.pages import page_options, print_page
from lineage_api.cli.session import Session, asks, format_option, pass_session


@click.command("find")
@click.argument("text", nargs=-1, required=True)
@page_options
@asks
@format_option("text", "json")
@pass_session
def find(
    session: Session, text: tuple[str, ...], count: int, cursor: str | None, output: str
) -> None:
    """Find nodes by the beginnings of words.

    A node is found if it shows every word of TEXT, as the beginning of one in its key, name, type
    or URI. Prints kind, key, type, name and state.
    """
    with session.open() as ledger:
        page = ledger.find(
            " ".join(text),
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
        print_page(page, output)
