"""``lineage common``: what several things come from, or lead to, together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import CommonQuery, Direction, LinkClass
from lineage.questions.trace import NODES_DEFAULT
from lineage_api.cli.printing import counted, node_line
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import (
    cross_option,
    depth_option,
    ending_lines,
    nodes_option,
    print_graph_answer,
)
from lineage_schemas.paths import CommonAnswer


@click.command("common")
@click.argument("identifiers", metavar="IDENTIFIER...", nargs=-1, required=True)
@click.option(
    "--direction",
    type=click.Choice([Direction.UPSTREAM.value, Direction.DOWNSTREAM.value]),
    default=Direction.UPSTREAM.value,
    show_default=True,
    help="Which way to walk from all of them.",
)
@depth_option
@nodes_option(NODES_DEFAULT)
@cross_option
@valid_options
@asks
@format_option("text", "json")
@pass_session
def common(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    identifiers: tuple[str, ...],
    direction: str,
    depth: int,
    nodes: int,
    cross: tuple[LinkClass, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Find what several things have in common upstream, or downstream.

    Each common node stands with its distance from every IDENTIFIER, in their order. An asterisk
    marks the nearest: no other common node lies between it and them. An identifier that the log has
    never heard of stands in the answer as unknown, and the exit code is 1.
    """
    query = CommonQuery(
        start=identifiers,
        direction=Direction(direction),
        depth=depth,
        nodes=nodes,
        cross=cross,
    )
    with session.open() as ledger:
        answer = ledger.graph.common(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: CommonAnswer) -> Iterator[str]:
    for one in answer.common:
        mark = "*" if one.nearest else " "
        distances = " ".join(map(str, one.depths))
        yield f"{mark} {distances}  {node_line(one.node)}"
    if not answer.common:
        yield f"nothing {answer.direction.value} of all of them"
    yield ""
    nearest = sum(one.nearest for one in answer.common)
    yield f"holds     {counted(len(answer.common), 'common node')}, {nearest:,} of them nearest"
    yield from ending_lines(answer, answer.contexts)
