"""``lineage cycles``: where data flows in circles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import CyclesQuery
from lineage.questions.cycles import KNOTS_DEFAULT, KNOTS_MAX
from lineage.questions.trace import NODES_MAX
from lineage_api.cli.printing import counted, node_line
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import ending_lines, nodes_option, print_graph_answer
from lineage_api.cli.ways import Nodes, by_name, way_lines
from lineage_schemas.knots import CyclesAnswer, Knot


@click.command("cycles")
@click.argument("start", metavar="IDENTIFIER", required=False)
@click.option(
    "--count",
    type=click.IntRange(1, KNOTS_MAX),
    default=KNOTS_DEFAULT,
    show_default=True,
    help="How many knots to print at most; all are counted.",
)
@click.option(
    "--entities/--nodes-apart",
    default=True,
    show_default=True,
    help="Whether nodes that asserted links join are taken for one.",
)
@nodes_option(NODES_MAX)
@valid_options
@asks
@format_option("text", "json")
@pass_session
def cycles(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    start: str | None,
    count: int,
    nodes: int,
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
    *,
    entities: bool,
) -> None:
    """Find where data flows in circles, such as by a job that reads the table it writes.

    Looks through the whole namespace, or through what lineage leads to both ways from IDENTIFIER,
    up to --nodes. Nodes that lead to each other are a knot: each stands with its nodes and one
    shortest way round. An identifier that the log has never heard of stands in the answer as
    unknown, and the exit code is 1.
    """
    query = CyclesQuery(start=start, count=count, nodes=nodes, entities=entities)
    with session.open() as ledger:
        answer = ledger.graph.cycles(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: CyclesAnswer) -> Iterator[str]:
    passed = by_name(answer.passed)
    for number, knot in enumerate(answer.knots, 1):
        yield from _knot_lines(number, knot, passed)
    if answer.hidden:
        yield f"and {counted(answer.hidden, 'knot')} more"
    if not answer.knot_count:
        yield "no cycle"
    yield ""
    knots = counted(answer.knot_count, "knot")
    yield f"holds     {knots} of {counted(answer.node_count, 'node')}"
    yield from ending_lines(answer, answer.contexts)


def _knot_lines(number: int, knot: Knot, passed: Nodes) -> Iterator[str]:
    shortest = "the shortest way round" if knot.is_shortest else "a way round"
    length = counted(knot.cycle.length, "edge")
    yield f"{number}. {counted(knot.size, 'node')}; {shortest} has {length}"
    yield from way_lines(knot.cycle, passed)
    on_cycle = {(one.kind, one.id) for one in knot.cycle.nodes}
    for node in knot.nodes:
        if (node.kind, node.id) not in on_cycle:
            yield f"    {node_line(node)}"
    if knot.hidden:
        yield f"    and {counted(knot.hidden, 'node')} more"
