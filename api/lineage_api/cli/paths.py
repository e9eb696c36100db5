"""``lineage paths``: by what steps data came from one thing to another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import Direction, LinkClass, PathsQuery
from lineage.questions.paths import PATHS_DEFAULT, PATHS_MAX
from lineage.questions.trace import NODES_DEFAULT
from lineage_api.cli.printing import counted
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import (
    cross_option,
    depth_option,
    ending_lines,
    nodes_option,
    print_graph_answer,
)
from lineage_api.cli.ways import by_name, way_lines
from lineage_schemas.paths import Path, PathsAnswer

_WAYS = {Direction.DOWNSTREAM: "downstream", Direction.UPSTREAM: "upstream"}


@click.command("paths")
@click.argument("start", metavar="FROM")
@click.argument("end", metavar="TO")
@click.option(
    "--direction",
    type=click.Choice([direction.value for direction in Direction]),
    default=Direction.BOTH.value,
    show_default=True,
    help="Which way to go from FROM: with the flow of data, against it, or either.",
)
@click.option(
    "--count",
    type=click.IntRange(1, PATHS_MAX),
    default=PATHS_DEFAULT,
    show_default=True,
    help="How many paths to find at most.",
)
@depth_option
@nodes_option(NODES_DEFAULT)
@cross_option
@valid_options
@asks
@format_option("text", "json")
@pass_session
def paths(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    start: str,
    end: str,
    direction: str,
    count: int,
    depth: int,
    nodes: int,
    cross: tuple[LinkClass, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Find the shortest paths between two things, shortest first.

    FROM and TO are identifiers or labels. Each path stands with its way and its length in edges;
    edges that run side by side are one step, and links are shown and count nothing. One of the two
    that the log has never heard of stands in the answer as unknown, and the exit code is 1.
    """
    query = PathsQuery(
        start=start,
        end=end,
        direction=Direction(direction),
        count=count,
        depth=depth,
        nodes=nodes,
        cross=cross,
    )
    with session.open() as ledger:
        answer = ledger.graph.paths(
            query,
            valid_at=valid_at,
            valid_during=valid_during,
            as_of=session.as_of,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: PathsAnswer) -> Iterator[str]:
    nodes = by_name(answer.nodes)
    for number, path in enumerate(answer.paths, 1):
        yield f"{number}. {_title(path)}"
        yield from way_lines(path, nodes)
    if not answer.paths:
        yield "no path"
    yield ""
    yield f"holds     {counted(len(answer.paths), 'path')}"
    yield from ending_lines(answer, answer.contexts)


def _title(path: Path) -> str:
    if not path.length:
        return "one and the same"
    return f"{counted(path.length, 'edge')} {_WAYS[path.direction]}"
