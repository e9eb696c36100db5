"""``lineage conflicts``: what contradicts itself in what is said of one thing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import ConflictQuery
from lineage_api.cli.claims import claim_lines, node_name, step_lines
from lineage_api.cli.pages import page_options
from lineage_api.cli.printing import (
    counted,
    missing_lines,
    print_json,
    print_lines,
    printable,
    tell_labels,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options, valid_words
from lineage_schemas.graph import ConflictKind
from lineage_schemas.identity import Conflict, ConflictPage, ConflictSide


@click.command("conflicts")
@click.argument("node", required=False)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in ConflictKind]),
    multiple=True,
    help="Only conflicts of this kind; may be given several times.  [default: every kind]",
)
@valid_options
@page_options
@asks
@format_option("text", "json")
@pass_session
def conflicts(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    node: str | None,
    kinds: tuple[str, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    count: int,
    cursor: str | None,
    output: str,
) -> None:
    """List what cannot all be true of what links make one thing.

    NODE is an identifier or a label; left out, the whole namespace is looked through. Each conflict
    stands with its sides, who says so, the links that join them, and who can take something back.
    Nothing is guessed away: the links stand, and other answers show one thing all the same.
    """
    query = ConflictQuery(node=node, kinds=tuple(map(ConflictKind, kinds)))
    with session.open() as ledger:
        page = ledger.linking.conflicts(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            cursor=cursor,
            count=count,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(page)
        return
    if page.label is not None:
        tell_labels([page.label])
    if not page.conflicts:
        click.echo(f"nothing found as of size {page.basis.size}{valid_words(page.basis)}", err=True)
    print_lines(_lines(page))
    for line in _asides(page):
        click.echo(line, err=True)
    if page.cursor is not None:
        click.echo(f"there is more: --cursor {page.cursor}", err=True)


def _lines(page: ConflictPage) -> Iterator[str]:
    for one in page.conflicts:
        yield from _conflict_lines(one)


def _asides(page: ConflictPage) -> Iterator[str]:
    for cut in page.truncations:
        yield (
            f"an entity has more than {cut.limit:,} members: "
            f"{counted(cut.hidden, 'node')} not looked at"
        )
    yield from redaction_lines(page.redactions, page.basis.redactions)
    yield from missing_lines(page.basis)


def _conflict_lines(one: Conflict) -> Iterator[str]:
    yield printable(f"{one.kind}  {one.about}  in an entity of {counted(one.members, 'node')}")
    for side in one.sides:
        yield from _side_lines(side)
    if one.hidden:
        yield f"    {one.hidden:,} more"
    if one.steps:
        yield "  joined by"
        yield from step_lines(one.steps, "    ")
    asked = f" ({', '.join(one.asked)})" if one.asked else ""
    yield printable(f"  {one.advice}{asked}")


def _side_lines(side: ConflictSide) -> Iterator[str]:
    by = f"  by {', '.join(side.sources)}" if side.sources else ""
    yield printable(f"  {side.value}{by}")
    for node in side.nodes:
        yield printable(f"    of {node_name(node)}")
    if side.hidden:
        yield f"    of {side.hidden:,} more"
    yield from claim_lines(side.claims, "    ")
