"""``lineage columns``: which fields a field was made from, and what is made of it."""

from __future__ import annotations

from datetime import datetime

import click

from lineage.ledger import ColumnsQuery
from lineage.questions.columns import COLUMNS_DEFAULT, COLUMNS_MAX, FANOUT_DEFAULT, FANOUT_MAX
from lineage.questions.trace import DEPTH_MAX
from lineage_api.cli.column_tree import column_lines
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines, tell_labels
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import direction_option
from lineage_schemas.graph import Direction


@click.command("columns")
@click.argument("dataset")
@click.argument("field", required=False)
@direction_option
@click.option(
    "--depth",
    type=click.IntRange(0, DEPTH_MAX),
    default=DEPTH_MAX,
    show_default="to the end",
    help="How many steps to walk, from one field to the next.",
)
@click.option(
    "--columns",
    "count",
    type=click.IntRange(1, COLUMNS_MAX),
    default=COLUMNS_DEFAULT,
    show_default=True,
    help="How many fields to find at most.",
)
@click.option(
    "--fanout",
    type=click.IntRange(1, FANOUT_MAX),
    default=FANOUT_DEFAULT,
    show_default=True,
    help="How many executions to read of each data set, the latest first.",
)
@valid_options
@asks
@format_option("tree", "json")
@pass_session
def columns(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    dataset: str,
    field: str | None,
    direction: str,
    depth: int,
    count: int,
    fanout: int,
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Follow a field of a data set, or all of them, from field to field.

    DATASET is an identifier or a label. FIELD is the name of one field, compared byte by byte. The
    tree shows every field once in full, with its type, how each step transforms it, and which
    execution says so; "*" is the data set as a whole, on which all of its fields depend or of which
    all of them were used. A data set that the log has never heard of, or a field that no schema has
    and no step names, stands in the answer as unknown, and the exit code is 1.
    """
    query = ColumnsQuery(
        dataset=dataset,
        field=field,
        direction=Direction(direction),
        depth=depth,
        columns=count,
        fanout=fanout,
    )
    with session.open() as ledger:
        answer = ledger.graph.columns(
            query,
            as_of=session.as_of,
            valid_at=valid_at,
            valid_during=valid_during,
            namespace=session.namespace,
        )
    if output == "json":
        print_json(answer)
    else:
        if answer.label is not None:
            tell_labels([answer.label])
        print_lines(column_lines(answer))
    if answer.unknown:
        raise finding()
