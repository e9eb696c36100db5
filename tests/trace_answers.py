"""Read the answers of traces by keys, to hold them against `oracle.Graph`."""

from collections.abc import Iterable

from hypothesis import strategies as st

from lineage.ledger import Direction, EventKind, Kind, LinkClass, TraceQuery
from lineage_schemas.graph import LineageAnswer
from oracle import Graph, Name, Standing, Walk
from strategies import ALIASES, ARTIFACTS, DIGESTS, EXECUTIONS, histories, lineage_records
from told_graphs import DEFAULT, EVERY

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH
Edges = set[tuple[Name, Name, EventKind]]


def walks(query: TraceQuery, depth_max: int | None) -> list[Walk]:
    ways = (UP, DOWN) if query.direction is BOTH else (query.direction,)
    return [Walk(way, frozenset(query.cross), depth_max) for way in ways]


def starts_of(graph: Graph, query: TraceQuery) -> set[Name]:
    return {node for identifier in query.start for node in graph.identified(identifier)}


def depths_of(answer: LineageAnswer) -> dict[Name, int]:
    """Return the nodes of an answer that the log has heard of, with their depths."""
    known = [node for node in answer.nodes if node.id is not None]
    depths = {(node.kind, node.key): node.depth for node in known if node.kind and node.key}
    assert len(depths) == len(known)
    assert [node.depth for node in known] == sorted(node.depth for node in known)
    return depths


def edges_of(answer: LineageAnswer) -> Edges:
    """Return the edges of an answer by keys, in the direction of the data; all ends are nodes."""
    keys = {(node.kind, node.id): str(node.key) for node in answer.nodes}
    found: Edges = set()
    for edge in answer.edges:
        artifact = Kind.ARTIFACT, keys[Kind.ARTIFACT, edge.artifact]
        execution = Kind.EXECUTION, keys[Kind.EXECUTION, edge.execution]
        ends = (artifact, execution) if edge.kind.is_input else (execution, artifact)
        found.add((*ends, edge.kind))
    assert len(found) == len(answer.edges)
    return found


def edges_within(graph: Graph, nodes: Iterable[Name]) -> Edges:
    inside = set(nodes)
    return {edge for edge in graph.edges if inside.issuperset(edge[:2])}


def links_of(answer: LineageAnswer) -> set[Standing]:
    """Return the links of an answer by keys."""
    keys = {(node.kind, node.id): str(node.key) for node in answer.nodes}
    found = {
        Standing(
            (link.kind, keys[link.kind, link.node]),
            str(link.identifier),
            LinkClass.ASSERTED if link.link_class == "key" else LinkClass(link.link_class),
            link.source or None,
        )
        for link in answer.links
    }
    assert len(found) == len(answer.links)
    return found


def queries(**fixed: st.SearchStrategy[object]) -> st.SearchStrategy[TraceQuery]:
    fields: dict[str, st.SearchStrategy[object]] = {
        "start": st.lists(
            st.sampled_from([*ARTIFACTS, *EXECUTIONS, *ALIASES, DIGESTS[0]]),
            min_size=1,
            max_size=2,
            unique=True,
        ).map(tuple),
        "direction": st.sampled_from(Direction),
        "cross": st.sampled_from([DEFAULT, EVERY, (), (LinkClass.ASSERTED,), EVERY[1:]]),
    }
    return st.builds(TraceQuery, **(fields | fixed))


STORIES = histories(lineage_records(), statements_max=10)
