"""``lineage between``: what the log added between two sizes."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage.ledger import BetweenQuery
from lineage.questions.between import ENTRIES_DEFAULT, ENTRIES_MAX
from lineage_api.cli.differing import (
    basis_lines,
    change_lines,
    edge_change_lines,
    edge_text,
)
from lineage_api.cli.pages import filter_of, filter_option
from lineage_api.cli.printing import SYMBOLS, counted, node_line, print_json, print_lines, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    parse_as_of,
    pass_session,
    store_option,
)
from lineage_schemas.differences import BetweenPage, LinkAt


@click.command("between")
@click.argument("first", metavar="FROM")
@click.argument("last", metavar="[TO]", required=False)
@click.option(
    "--count",
    type=click.IntRange(1, ENTRIES_MAX),
    default=ENTRIES_DEFAULT,
    show_default=True,
    help="How many entries to look into at most.",
)
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier page ended.")
@filter_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def between(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    first: str,
    last: str | None,
    count: int,
    cursor: str | None,
    terms: str | None,
    output: str,
) -> None:
    """Tell what the log added between two sizes or times; TO left out, up to now.

    Entries by source and kind of record, nodes first seen by type, then one by one, by position:
    nodes and edges first seen (+) and changed (~), and claims made and taken back. The counts are
    those of the page.

    With a filter, only nodes that fulfil it at the end are told of, and what joins two of them;
    the entries are counted all the same, and so are the nodes that it leaves out.
    """
    query = BetweenQuery(
        first=parse_as_of(first),
        last=None if last is None else parse_as_of(last),
        filter=filter_of(terms),
    )
    with session.open() as ledger:
        page = ledger.graph.between(query, cursor=cursor, count=count, namespace=session.namespace)
    if output == "json":
        print_json(page)
        return
    print_lines(_lines(page))
    if page.cursor is not None:
        click.echo(f"there is more: --cursor {page.cursor}", err=True)


def _lines(page: BetweenPage) -> Iterator[str]:
    yield f"entries   {len(page.entries):,}, at {page.start} to {page.stop}"
    for source in page.sources:
        yield printable(f"    {source.source}: {source.entries:,} ({source.mode})")
    if page.records:
        told = ", ".join(f"{word} {number:,}" for word, number in page.records.items())
        yield f"records   {told}"
    if page.filtered:
        yield f"filtered  {counted(page.filtered, 'node')} left out"
    for one in page.types:
        name = one.type or f"{one.kind.value} without a type"
        yield printable(f"type      {name}: first seen {one.first_seen:,}, changed {one.changed:,}")
    yield ""
    for _, line in sorted(_placed(page), key=lambda placed: placed[0]):
        yield line
    yield ""
    yield from basis_lines(page.basis, page.redactions)
    if page.basis.complete:
        yield f"complete  {'yes' if page.cursor is None else 'no, there is more'}"


def _placed(page: BetweenPage) -> Iterator[tuple[int, str]]:
    """Yield each line with the position that it is about."""
    for seen in page.first_seen:
        yield seen.position, f"{seen.position} + {node_line(seen.node)}"
    for changed in page.changed:
        name = changed.key or f"{changed.kind.value}/{changed.id}"
        lines = [
            printable(f"{changed.position} ~ {SYMBOLS[changed.kind]} {name}"),
            *change_lines(changed.changes),
        ]
        yield changed.position, "\n".join(lines)
    for edge in page.edges:
        artifact = edge.artifact_key or f"artifact/{edge.artifact}"
        execution = edge.execution_key or f"execution/{edge.execution}"
        line = edge_text(artifact, execution, edge.kind)
        yield edge.position, printable(f"{edge.position} + {line}")
    for one in page.edges_changed:
        artifact = one.artifact_key or f"artifact/{one.after.artifact}"
        execution = one.execution_key or f"execution/{one.after.execution}"
        lines = [
            printable(f"{one.position} ~ {edge_text(artifact, execution, one.after.kind)}"),
            *edge_change_lines(one.before, one.after),
        ]
        yield one.position, "\n".join(lines)
    for member in page.memberships:
        name = member.member_key or f"{member.kind.value}/{member.member}"
        context = member.context_key or f"context/{member.context}"
        yield member.position, printable(f"{member.position} + {name} in {context}")
    for sign, links in (("+", page.links_made), ("-", page.links_retracted)):
        yield from ((link.position, _link_line(sign, link)) for link in links)


def _link_line(sign: str, link: LinkAt) -> str:
    name = link.key or f"{link.kind.value}/{link.id}"
    identifier = link.identifier or "(erased)"
    claim = f"{link.link_class} by {link.source}"
    return printable(f"{link.position} {sign} {name} goes by {identifier}  {claim}")
