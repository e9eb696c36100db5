"""``lineage find``: nodes by words and filters."""

from __future__ import annotations

import click

from lineage_api.cli.pages import filter_of, filter_option, page_options, print_page
from lineage_api.cli.session import Session, asks, format_option, pass_session


@click.command("find")
@click.argument("text", nargs=-1)
@filter_option
@page_options
@asks
@format_option("text", "json")
@pass_session
def find(
    session: Session,
    text: tuple[str, ...],
    terms: str | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """Find nodes by the beginnings of words, the best first.

    A node is found if it shows every word of TEXT, as the beginning of one in its name, labels,
    key, URI, claimed identifiers, properties or type; what is called so goes first. Without TEXT
    everything is found that fulfils the filter. Prints kind, key, type, name and state.
    """
    with session.open() as ledger:
        page = ledger.find(
            " ".join(text),
            filter=filter_of(terms),
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
        print_page(page, output)
