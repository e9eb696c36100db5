"""``lineage trace``: where something came from, and where it went."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click

from lineage.graph.exports.dot import dot_lines
from lineage.graph.exports.graphml import graphml_lines
from lineage.graph.exports.node_link import node_link_lines
from lineage.graph.exports.openlineage import openlineage_lines
from lineage.graph.exports.prov import prov_lines
from lineage.ledger import TraceQuery
from lineage.service import Ledger
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines, tell_labels
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.tree import Contexts, executions_of, tree_lines
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import trace_options
from lineage_schemas.graph import LineageAnswer

OPENLINEAGE: Final = "openlineage"
EXPORTS: Final = {
    "dot": dot_lines,
    "graphml": graphml_lines,
    "node-link": node_link_lines,
    "prov": prov_lines,
}
"""Forms for other tools that need nothing but the answer, by name."""

JOBS_NAMED_MAX: Final = 10_000
"""Of so many of the nearest nodes the tree and the run events name the jobs."""


@click.command("trace")
@click.argument("identifiers", metavar="IDENTIFIER...", nargs=-1, required=True)
@trace_options
@valid_options
@asks
@format_option("tree", "json", *EXPORTS, OPENLINEAGE)
@pass_session
def trace(
    session: Session,
    query: TraceQuery,
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Trace where something came from, or where it went.

    The tree shows every node once in full; below it stands how many nodes, edges and links the
    answer holds, what a limit cut, and the basis it rests on. An identifier that the log has never
    heard of stands in the answer as unknown, and the exit code is 1.

    TERMS are those of a search: kind:artifact type:lineage.Model state:LIVE rows>=1000, all of
    which must hold. What a filter leaves out is counted.

    The other forms are for other tools: dot for Graphviz, graphml, node-link for networkx, prov for
    PROV-JSON, and openlineage for run events, one a line. Each says what the tree's footer says.

    In the place of an IDENTIFIER a label may stand: what people call the thing, such as '#847',
    fraud-model-v3.2 or fraud-model@champion. One that names several things is an error, which lists
    them.
    """
    with session.open() as ledger:
        answer = ledger.graph.trace(
            query,
            as_of=session.as_of,
            valid_at=valid_at,
            valid_during=valid_during,
            namespace=session.namespace,
        )
        tell_labels(answer.labels)
        print_answer(ledger, answer, output)
    if answer.unknown:
        raise finding()


def print_answer(ledger: Ledger, answer: LineageAnswer, output: str) -> None:
    """Print an answer as a tree, as JSON, or in the language of another tool."""
    if output == "json":
        print_json(answer)
    elif output in EXPORTS:
        print_lines(EXPORTS[output](answer))
    else:
        contexts = _contexts(ledger, answer)
        shown = openlineage_lines if output == OPENLINEAGE else tree_lines
        print_lines(shown(answer, contexts))


def _contexts(ledger: Ledger, answer: LineageAnswer) -> Contexts:
    """Return what the nearest executions belong to: their jobs."""
    return ledger.contexts_of(
        executions_of(answer, JOBS_NAMED_MAX),
        as_of=answer.basis,
        namespace=answer.basis.namespace,
    )
