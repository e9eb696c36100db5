"""``lineage access log``: who was given, or refused, which answer."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage.ledger import Ledger
from lineage_api.cli.printing import counted, print_json, print_rows, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_schemas.access import AccessView

_PAGE = 1_000


@click.command("log")
@click.option(
    "--start",
    metavar="POSITION",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Begin with this position of the access log.",
)
@click.option(
    "--limit",
    metavar="COUNT",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    help="Print at most so many records.",
)
@store_option
@format_option("text", "json")
@pass_session
def log(session: Session, start: int, limit: int, output: str) -> None:
    """List who was given, or refused, which answer.

    It lists what is given to auditors and privacy officers, whoever backs up, and every refusal,
    from a second ledger beside the first one: `lineage audit --store LEDGER.access` checks it. What
    you ask at this machine is not in it.
    """
    with session.open() as ledger:
        views = list(_read(ledger, start, limit))
    if output == "json":
        print_json(views)
    elif views:
        print_rows([list(map(printable, _row(one))) for one in views])


def _read(ledger: Ledger, start: int, limit: int) -> Iterator[AccessView]:
    position: int | None = start
    while position is not None and limit > 0:
        page = ledger.access.log(position, count=min(limit, _PAGE))
        yield from page.records
        position, limit = page.next_position, limit - len(page.records)


def _row(one: AccessView) -> list[str]:
    access = one.access
    what = f"{access.operation} in {access.namespace}"
    if access.denied:
        given = f"refused {counted(access.denied, 'time')}"
    elif access.error:
        given = f"answered {access.error}"
    elif access.count is None:
        given = "given"
    else:
        given = f"given {counted(access.count, 'thing')}"
    basis = "" if access.size is None else f"of size {access.size}"
    return [str(one.position), one.at, one.who, access.door, what, given, basis, access.purpose]
