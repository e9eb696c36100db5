"""A lineage answer as a tree of text, for auditors: every node once in full, and a footer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lineage.graph.export import find_circles, lineage_graph, node_ref
from lineage.graph.layout import Step, lay_out
from lineage.questions.contexts import NodeId
from lineage_api.cli.printing import (
    basis_line,
    counted,
    cut_text,
    event_text,
    json_text,
    label,
    missing_lines,
    node_line,
    printable,
)
from lineage_api.cli.redactions import redaction_lines
from lineage_api.cli.valid_time import valid_words
from lineage_schemas.graph import (
    Direction,
    LineageAnswer,
    Link,
    Node,
)
from lineage_schemas.mlmd import Kind

LEVELS_DRAWN_MAX: Final = 40
"""Deeper steps are no longer moved to the right, and say their level instead."""

SHOWN_NAMES_MAX: Final = 8
KEY_CLASS: Final = "key"

_ARROWS: Final = {Direction.UPSTREAM: "←", Direction.DOWNSTREAM: "→"}
_GROUPS_OF_RUNS: Final = "lineage.PipelineRun"

Contexts = Mapping[NodeId, Sequence[Node]]


def tree_lines(answer: LineageAnswer, contexts: Contexts) -> Iterator[str]:
    """Yield the tree of an answer and its footer, line by line."""
    open_levels: list[bool] = []
    for step in lay_out(answer):
        del open_levels[min(step.level, LEVELS_DRAWN_MAX) :]
        yield _rails(step, open_levels) + _step_line(step, contexts)
        if step.level <= LEVELS_DRAWN_MAX:
            open_levels.append(not step.last)
    yield ""
    yield from footer_lines(answer)


def footer_lines(answer: LineageAnswer) -> Iterator[str]:
    """Yield what the answer holds, what it hides, and what it rests on."""
    counts = (
        counted(len(answer.nodes), "node"),
        counted(len(answer.edges), "edge"),
        counted(len(answer.links), "link") + " crossed",
        counted(answer.stubs, "stub"),
    )
    yield "holds     " + ", ".join(counts)
    yield from _filter_lines(answer)
    if answer.unknown:
        yield printable("unknown   " + ", ".join(answer.unknown))
    if answer.nodes and all(node.kind is Kind.CONTEXT for node in answer.nodes):
        # Else the answer would look as if nothing had led there.
        yield "context   no data flows through one: trace its members, which `lineage show` lists"
    for truncation in answer.truncations:
        yield f"cut       {cut_text(truncation)}"
    if not answer.truncations:
        yield "cut       nothing"
    yield from _circle_lines(answer)
    yield from _conflict_lines(answer)
    yield from redaction_lines(answer.redactions, answer.basis.redactions)
    yield basis_line(answer.basis)
    if answer.basis.sources:
        yield printable("sources   " + ", ".join(answer.basis.sources))
    if answer.basis.complete:
        yield f"complete  {'yes' if answer.complete else 'no'}"
    yield from missing_lines(answer.basis)


def _rails(step: Step, open_levels: Sequence[bool]) -> str:
    if step.level == 0:
        return ""
    rails = "".join("│  " if goes_on else "   " for goes_on in open_levels[1:])
    branch = "└─ " if step.last else "├─ "
    beyond = f"(level {step.level}) " if step.level > LEVELS_DRAWN_MAX else ""
    return rails + branch + beyond


def _step_line(step: Step, contexts: Contexts) -> str:
    node = step.node
    if step.again:
        return f"{_reached(step)}{node_line(_bare(node))}  (see above)"
    line = _reached(step) + node_line(node, jobs_of(node, contexts))
    return f"{line}  {_evidence(step.links)}" if step.links else line


def _bare(node: Node) -> Node:
    return Node(kind=node.kind, id=node.id, key=node.key, name=node.name)


def _reached(step: Step) -> str:
    if step.way is None:
        return ""
    if step.links:
        return "= "
    return f"{_ARROWS[step.way]} {printable(', '.join(map(event_text, step.edges)))} "


def _evidence(links: Sequence[Link]) -> str:
    """Say by whose claims two nodes are one: the class, the source and its evidence."""
    claims = [link for link in links if link.link_class != KEY_CLASS] or list(links)
    said = [
        f"{link.link_class} by {link.source or 'its key'} {json_text(link.evidence)}"
        for link in claims
    ]
    return printable(f"(link {'; '.join(said)})")


def _filter_lines(answer: LineageAnswer) -> Iterator[str]:
    """Say what the question itself left out, and what nobody dated."""
    then = valid_words(answer.basis)
    if then:
        yield f"so       {then}, as sources state it"
    if answer.not_begun:
        yield printable("not yet   " + ", ".join(answer.not_begun))
    if answer.filtered:
        yield f"filtered  {counted(answer.filtered, 'node')} found that the filter leaves out"
    if answer.stopped:
        yield f"stopped   at {counted(answer.stopped, 'node')}, as asked"
    if answer.unresolved != answer.stubs:
        yield f"open      {answer.unresolved:,} of the stubs: the others are described elsewhere"
    if answer.undated:
        yield f"undated   {answer.undated:,} of the nodes and edges, counted in"


def _circle_lines(answer: LineageAnswer) -> Iterator[str]:
    """Say where data flows in a circle, such as by a job that reads the table it writes."""
    nodes = {node_ref(node): node for node in answer.nodes}
    for circle in find_circles(lineage_graph(answer)):
        names = [label(nodes[name]) for name in circle[:SHOWN_NAMES_MAX]]
        hidden = len(circle) - len(names)
        more = f" and {hidden:,} more" if hidden else ""
        yield printable(f"circle    among {', '.join(names)}{more}")


def _conflict_lines(answer: LineageAnswer) -> Iterator[str]:
    """Say where what is said of one thing contradicts itself, which `lineage conflicts` tells."""
    told = [one for one in answer.entities if one.conflicts]
    if told:
        kinds = ", ".join(sorted({kind for one in told for kind in one.conflict_kinds}))
        things = "one thing" if len(told) == 1 else f"{len(told):,} things"
        count = sum(one.conflicts for one in told)
        yield f"conflict  {count:,} in what is said of {things} ({kinds})"


def jobs_of(node: Node, contexts: Contexts) -> list[Node]:
    """Return what a node belongs to, but for the runs of whole pipelines."""
    if node.kind is None or node.id is None:
        return []
    return [one for one in contexts.get((node.kind, node.id), ()) if one.type != _GROUPS_OF_RUNS]


def executions_of(answer: LineageAnswer, limit: int) -> list[NodeId]:
    """Return the executions among the nearest nodes: those whose jobs are worth naming."""
    return [
        (node.kind, node.id)
        for node in answer.nodes[:limit]
        if node.kind is Kind.EXECUTION and node.id is not None
    ]
