"""``lineage provenance``: how something came to be, step by step, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import ProvenanceQuery
from lineage.questions.provenance import PROVENANCE_NODES_DEFAULT, PROVENANCE_NODES_MAX
from lineage_api.cli.differing import basis_lines, cut_lines, short
from lineage_api.cli.printing import counted, printable
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_api.cli.valid_time import Interval, valid_options
from lineage_api.cli.walking import cross_option, depth_option, nodes_option, print_graph_answer
from lineage_schemas.provenance import (
    ProvenanceAnswer,
    ProvenanceStep,
    StepEnd,
    StepExecution,
    ThingRef,
)
from lineage_schemas.records import LinkClass


@click.command("provenance")
@click.argument("identifier")
@depth_option
@nodes_option(PROVENANCE_NODES_DEFAULT, PROVENANCE_NODES_MAX)
@cross_option
@valid_options
@asks
@format_option("text", "json")
@pass_session
def provenance(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    identifier: str,
    depth: int,
    nodes: int,
    cross: tuple[LinkClass, ...],
    valid_at: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Tell how something came to be, from its sources on, and what is not known of that.

    Every step comes after those that made its inputs. Below the steps each gap stands with its
    code, the thing it is of, and what to do about it. An identifier that the log has never heard
    of is one, and the exit code is 1. In its place a label may stand.
    """
    query = ProvenanceQuery(subject=identifier, depth=depth, nodes=nodes, cross=cross)
    with session.open() as ledger:
        answer = ledger.graph.provenance(
            query,
            as_of=session.as_of,
            valid_at=valid_at,
            valid_during=valid_during,
            namespace=session.namespace,
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: ProvenanceAnswer) -> Iterator[str]:
    for one in answer.sources:
        yield printable(f"source  {_name(one)}")
    for step in answer.steps:
        yield from _step_lines(step)
    yield ""
    for gap in answer.gaps:
        yield printable(f"gap       {gap.code.value}  {gap.key}")
        yield printable(f"          {gap.what} {gap.hint}")
    if not answer.gaps:
        yield "gap       none"
    yield f"holds     {counted(len(answer.steps), 'step')}, {counted(len(answer.gaps), 'gap')}"
    yield from cut_lines(answer.truncations)
    if answer.undated:
        yield f"undated   {answer.undated:,} of the nodes and edges, counted in"
    yield from basis_lines(answer.basis, answer.redactions)
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"


def _name(one: ThingRef) -> str:
    label = "" if one.label is None or one.label == one.key else f'  "{one.label}"'
    return f"{one.key}{label}  {one.type or '(no type)'}"


def _step_lines(step: ProvenanceStep) -> Iterator[str]:
    if step.is_knot:
        yield f"step {step.number}  a circle: none of these came first"
    for one in step.executions:
        before = "    " if step.is_knot else f"step {step.number}  "
        yield printable(f"{before}{_name(one.thing)}")
        yield from map(printable, _execution_lines(one))


def _execution_lines(one: StepExecution) -> Iterator[str]:
    when = " to ".join(moment or "?" for moment in (one.started, one.ended))
    if one.started or one.ended:
        yield f"        when    {when}"
    if one.started_by is not None:
        yield f"        by      {one.started_by}"
    for said in one.told:
        yield f"        told    by {said.source} (entry {said.position}, as {said.actor})"
    code = [part for part in (one.code_repository, one.code_commit) if part]
    if code:
        dirty = {True: ", and changes beside it", False: "", None: ", and perhaps changes"}
        yield f"        code    {' at '.join(code)}{dirty[one.code_is_dirty]}"
    if one.parameters:
        told = ", ".join(f"{name} {short(value)}" for name, value in one.parameters.items())
        yield f"        with    {told}"
    for word, ends in (("in", one.inputs), ("out", one.outputs)):
        yield from (_end_line(word, end) for end in ends)


def _end_line(word: str, end: StepEnd) -> str:
    versions = f"  {', '.join(end.versions)}" if end.versions else ""
    made = f"  (step {', '.join(map(str, end.made_by))})" if end.made_by else ""
    same = f"  (the same bytes as {', '.join(end.same_content)})" if end.same_content else ""
    return f"        {word:<7} {_name(end.thing)}{versions}{made}{same}"
