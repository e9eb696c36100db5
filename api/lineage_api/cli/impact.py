"""``lineage impact``: what is affected by a thing, by type, and where it serves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import ImpactQuery, LinkClass
from lineage.questions.impact import LISTED_DEFAULT, LISTED_MAX
from lineage.questions.trace import NODES_MAX
from lineage_api.cli.printing import (
    counted,
    node_line,
    printable,
)
from lineage_api.cli.serving import span
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options, valid_words
from lineage_api.cli.walking import (
    cross_option,
    depth_option,
    ending_lines,
    nodes_option,
    print_graph_answer,
)
from lineage_schemas.filters import parse_filter
from lineage_schemas.impact import AffectedGroup, AffectedService, ContextGroup, ImpactAnswer
from lineage_schemas.serving import Certainty


@click.command("impact")
@click.argument("identifiers", metavar="IDENTIFIER...", nargs=-1, required=True)
@click.option(
    "--count",
    type=click.IntRange(0, LISTED_MAX),
    default=LISTED_DEFAULT,
    show_default=True,
    help="How many nodes of each type to list; all are counted.",
)
@click.option(
    "--filter", "filtered", metavar="TERMS", help="Count and list only what fulfils these."
)
@depth_option
@nodes_option(NODES_MAX)
@cross_option
@valid_options
@asks
@format_option("text", "json")
@pass_session
def impact(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    identifiers: tuple[str, ...],
    count: int,
    filtered: str | None,
    depth: int,
    nodes: int,
    cross: tuple[LinkClass, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Find what is affected by something: all that is downstream of it.

    What is affected stands by type, counted, with the nearest of each; then what it belongs to
    (registered models, projects, ...), and where affected deployments serve: with a valid time,
    what served then, else what nobody says has ended. An IDENTIFIER that the log has never heard of
    stands in the answer as unknown, and the exit code is 1.
    """
    query = ImpactQuery(
        start=identifiers,
        depth=depth,
        nodes=nodes,
        cross=cross,
        listed=count,
        filter=None if filtered is None else parse_filter(filtered),
    )
    with session.open() as ledger:
        answer = ledger.graph.impact(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: ImpactAnswer) -> Iterator[str]:
    for group in answer.groups:
        yield from _group_lines(group)
    for contexts in answer.contexts:
        yield from _context_lines(contexts)
    if answer.serving:
        yield f"serving{valid_words(answer.basis)}"
    for one in answer.serving:
        yield printable(f"  {_served(one)}")
    if not answer.nodes:
        yield "nothing is affected"
    yield ""
    yield f"affects   {counted(answer.nodes, 'node')}, {counted(answer.things, 'thing')}"
    if answer.filtered:
        yield f"filtered  {counted(answer.filtered, 'node')} that the filter leaves out"
    if answer.unplaced:
        yield f"unplaced  {counted(answer.unplaced, 'move')} that cannot be read, or was erased"
    yield from ending_lines(answer, answer.named_contexts)


def _group_lines(group: AffectedGroup) -> Iterator[str]:
    name = _type(group.type, group.base_type) or f"{group.kind.value} of no known type"
    things = "" if group.things == group.nodes else f", {counted(group.things, 'thing')}"
    yield printable(f"{name}: {counted(group.nodes, 'node')}{things}")
    for node in group.nearest:
        yield f"  {node.depth}  {node_line(node)}"
    if group.hidden:
        yield f"  and {group.hidden:,} more"


def _context_lines(group: ContextGroup) -> Iterator[str]:
    name = _type(group.type, group.base_type) or "context of no known type"
    yield printable(f"in {name}: {counted(group.contexts, 'context')}")
    for one in group.first:
        yield f"  {node_line(one.node)}  ({counted(one.members, 'affected node')})"
    if group.hidden:
        yield f"  and {group.hidden:,} more"


def _type(name: str | None, base_type: str | None) -> str | None:
    return name if base_type is None else f"{name} ({base_type})"


def _served(one: AffectedService) -> str:
    share = "" if one.traffic_ratio is None else f" {one.traffic_ratio:.0%}"
    environment = one.environment_name or "no known environment"
    perhaps = "  perhaps" if one.certainty is Certainty.POSSIBLE else ""
    times = span(one.start, None, one.end, None)
    return (
        f"{environment}: {one.place}  {times}  {one.role.value}{share}  {one.deployment}{perhaps}"
    )
