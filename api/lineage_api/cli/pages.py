"""Pages of nodes, as ``find`` and ``list`` ask for them and print them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from lineage.questions.search import PAGE_NODES_DEFAULT, PAGE_NODES_MAX
from lineage_api.cli.printing import cut_text, missing_lines, print_json, print_rows, printable
from lineage_api.cli.redactions import redaction_lines
from lineage_schemas.filters import NodeFilter, parse_filter
from lineage_schemas.graph import Node, NodePage

Command = TypeVar("Command", bound=Callable[..., Any])

_count = click.option(
    "--count",
    type=click.IntRange(1, PAGE_NODES_MAX),
    default=PAGE_NODES_DEFAULT,
    show_default=True,
    help="How many to print at most, on one page.",
)
filter_option = click.option(
    "--filter",
    "terms",
    metavar="TERMS",
    help="Only what fulfils all of these, such as 'type:DataSet state:LIVE rows>=1000'.",
)
_cursor = click.option("--cursor", metavar="CURSOR", help="Go on where an earlier page ended.")


def page_options(command: Command) -> Command:
    """Give a command the options of a page."""
    return _count(_cursor(command))


def filter_of(terms: str | None) -> NodeFilter | None:
    """Read the option ``--filter``.

    Raises:
        InvalidInputError: it is no filter.
    """
    return None if terms is None else parse_filter(terms)


def print_page(page: NodePage, output: str) -> None:
    """Print a page; where it is not the last, say on standard error how to get the next."""
    if output == "json":
        print_json(page)
        return
    if not page.nodes and page.cursor is not None:
        click.echo("nothing found among the first that were looked at", err=True)
    elif not page.nodes:
        click.echo(f"nothing found as of size {page.basis.size}", err=True)
    else:
        print_rows([_row(node) for node in page.nodes])
    for truncation in page.truncations:
        click.echo(f"cut       {cut_text(truncation)}", err=True)
    for line in redaction_lines(page.redactions, page.basis.redactions):
        click.echo(line, err=True)
    for line in missing_lines(page.basis):
        click.echo(line, err=True)
    if page.cursor is not None:
        click.echo(f"there is more: --cursor {page.cursor}", err=True)


def _row(node: Node) -> list[str]:
    kind = "" if node.kind is None else node.kind.value
    key = node.key or f"{kind}/{node.id}"
    state = "stub" if node.stub else node.state
    return [printable(cell or "-") for cell in (kind, key, node.type, node.name, state)]
