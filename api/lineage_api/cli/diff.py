"""``lineage diff``: one lineage in two pasts, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from lineage.ledger import DiffQuery, TraceQuery
from lineage.questions.as_of import AsOf
from lineage_api.cli.differing import (
    basis_lines,
    change_lines,
    cut_lines,
    edge_change_lines,
    edge_text,
)
from lineage_api.cli.instants import INSTANT
from lineage_api.cli.printing import (
    basis_line,
    counted,
    json_text,
    missing_lines,
    node_line,
    printable,
)
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    parse_as_of,
    pass_session,
    store_option,
)
from lineage_api.cli.valid_time import Interval, valid_during_option
from lineage_api.cli.walking import print_graph_answer, trace_options
from lineage_schemas.differences import EdgeAt, EntityChange, LineageDiff, LinkChange


def _past(_: click.Context, __: click.Parameter, value: str | None) -> AsOf:
    return None if value is None else parse_as_of(value)


@click.command("diff")
@click.argument("identifiers", metavar="IDENTIFIER...", nargs=-1, required=True)
@click.option(
    "--from",
    "before",
    metavar="SIZE|TIME",
    required=True,
    callback=_past,
    help="The earlier past: a size of the log, or a time (RFC 3339).",
)
@click.option(
    "--to",
    "after",
    metavar="SIZE|TIME",
    callback=_past,
    help="The later past.  [default: now]",
)
@click.option(
    "--valid-from",
    "valid_before",
    metavar="TIME",
    type=INSTANT,
    help="Of the earlier past only what was so at this stated time.",
)
@click.option(
    "--valid-to",
    "valid_after",
    metavar="TIME",
    type=INSTANT,
    help="Of the later past only what was so at this stated time.",
)
@trace_options
@valid_during_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def diff(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    query: TraceQuery,
    before: AsOf,
    after: AsOf,
    valid_before: datetime | None,
    valid_after: datetime | None,
    valid_during: Interval | None,
    output: str,
) -> None:
    """Tell what differs in one lineage between two pasts.

    Nodes, edges and links that came (+) and went (-), values that changed (~) with the entry that
    brought each, and things that turned out to be one, or several. What went is what the walk does
    not come to any more: the log itself loses nothing. An identifier that neither past has heard
    of is unknown, and the exit code is 1.
    """
    asked = DiffQuery(trace=query, valid_before=valid_before, valid_after=valid_after)
    with session.open() as ledger:
        answer = ledger.graph.diff(
            asked, before, after, valid_during=valid_during, namespace=session.namespace
        )
    print_graph_answer(answer, output, _lines)


def _lines(answer: LineageDiff) -> Iterator[str]:
    names = answer.keys
    for node in answer.nodes_added:
        yield f"+ {node_line(node)}"
    for node in answer.nodes_gone:
        yield f"- {node_line(node)}"
    described = {(node.kind, node.id) for node in answer.described}
    for one in answer.nodes_changed:
        new = "  (was a stub)" if (one.node.kind, one.node.id) in described else ""
        yield f"~ {node_line(one.node)}{new}"
        yield from change_lines(one.changes)
    for sign, edges in (("+", answer.edges_added), ("-", answer.edges_gone)):
        yield from (_edge_line(sign, one, names) for one in edges)
    for change in answer.edges_changed:
        yield _edge_line("~", EdgeAt(edge=change.after), names)
        yield from edge_change_lines(change.before, change.after)
    for sign, links in (("+", answer.links_added), ("-", answer.links_gone)):
        yield from (_link_line(sign, one, names) for one in links)
    for word, entities in (("joined", answer.joined), ("parted", answer.parted)):
        yield from (_entity_line(word, one, names) for one in entities)
    yield "nothing differs" if answer.is_same else ""
    yield from _footer(answer)


def _footer(answer: LineageDiff) -> Iterator[str]:
    counts = answer.count_before, answer.count_after
    yield f"holds     {counts[0]:,} before, {counted(counts[1], 'node')} after"
    if answer.unknown:
        yield printable("unknown   " + ", ".join(answer.unknown))
    elif answer.unknown_before:
        yield printable("unknown   before: " + ", ".join(answer.unknown_before))
    for word, not_begun in (("before: ", answer.not_begun_before), ("", answer.not_begun)):
        if not_begun:
            yield printable(f"not yet   {word}{', '.join(not_begun)}")
    for word, undated in (("before, ", answer.undated_before), ("", answer.undated)):
        if undated:
            yield f"undated   {word}{undated:,} of the nodes and edges, counted in"
    yield from cut_lines(answer.truncations_before, "before, ")
    yield from cut_lines(answer.truncations)
    yield basis_line(answer.before).replace("basis  ", "before ", 1)
    yield from missing_lines(answer.before)
    yield from basis_lines(answer.basis, answer.redactions)
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"


def _name(kind: str, number: int, names: dict[str, str]) -> str:
    name = f"{kind}/{number}"
    return names.get(name, name)


def _edge_line(sign: str, one: EdgeAt, names: dict[str, str]) -> str:
    artifact = _name("artifact", one.edge.artifact, names)
    execution = _name("execution", one.edge.execution, names)
    cited = "" if one.position is None else f"  (entry {one.position})"
    return printable(f"{sign} {edge_text(artifact, execution, one.edge.kind)}{cited}")


def _link_line(sign: str, one: LinkChange, names: dict[str, str]) -> str:
    link = one.link
    name = _name(link.kind.value, link.node, names)
    by = f" by {link.source}" if link.source else ""
    evidence = f"  {json_text(link.evidence)}" if link.evidence else ""
    cited = "" if one.position is None else f", entry {one.position}"
    return printable(
        f"{sign} {name} goes by {link.identifier or '(erased)'}  {link.link_class}{by}{evidence}"
        f"  ({one.reason.value}{cited})"
    )


def _entity_line(word: str, one: EntityChange, names: dict[str, str]) -> str:
    parts = (
        " + ".join(_name(one.kind.value, member, names) for member in part) for part in one.parts
    )
    return printable(f"{word}    {' | '.join(parts)}")
