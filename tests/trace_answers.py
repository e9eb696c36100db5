"""Read the answers of traces by keys, to hold them against `oracle.Graph`."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import strategies as st
from msgspec.structs import replace

from lineage.ledger import Direction, EventKind, Kind, LinkClass, TraceQuery
from lineage_schemas.graph import LineageAnswer, TruncationReason
from oracle import Graph, Name, Standing, Walk
from strategies import ALIASES, ARTIFACTS, DIGESTS, EXECUTIONS, histories, lineage_records
from told_graphs import DEFAULT, EVERY, Keys

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


def restored(answer: LineageAnswer, keys: Keys) -> LineageAnswer:
    """Return an answer with the keys of its nodes that were erased."""
    nodes = (
        node if node.id is None else replace(node, key=keys[node.kind, node.id])
        for node in answer.nodes
    )
    return replace(answer, nodes=tuple(nodes))


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


def check_links(answer: LineageAnswer, expected: set[Standing]) -> None:
    """The links shown are these; of one whose identifier was erased, node, class and source are."""
    shown = links_of(answer)
    assert {one for one in shown if one.identifier} <= expected
    assert Counter(one._replace(identifier="") for one in shown) == Counter(
        one._replace(identifier="") for one in expected
    )


def check_links_stand(graph: Graph, answer: LineageAnswer) -> None:
    """Every link shown stands."""
    told = {one._replace(identifier="") for one in graph.standing}
    for one in links_of(answer):
        assert one in (graph.standing if one.identifier else told)


def links_of(answer: LineageAnswer) -> list[Standing]:
    """Return the links of an answer by keys; an identifier that was erased is empty."""
    keys = {(node.kind, node.id): str(node.key) for node in answer.nodes}
    return [
        Standing(
            (link.kind, keys[link.kind, link.node]),
            link.identifier or "",
            LinkClass.ASSERTED if link.link_class == "key" else LinkClass(link.link_class),
            link.source or None,
        )
        for link in answer.links
    ]


def check_entities(graph: Graph, keys: Keys, answer: LineageAnswer) -> None:
    expected = {graph.entity(node) for node in depths_of(answer)}
    assert {
        frozenset((one.kind, keys[one.kind, member]) for member in one.members)
        for one in answer.entities
    } == {entity for entity in expected if len(entity) > 1}


def check_whole(
    graph: Graph,
    keys: Keys,
    query: TraceQuery,
    answer: LineageAnswer,
    starts: set[Name] | None = None,
) -> None:
    """Compare an answer that no limit of nodes has cut; its start is named, or what is given."""
    starts = starts_of(graph, query) if starts is None else starts
    depth_max = query.depth
    expected: dict[Name, int] = {}
    edges: Edges = set()
    is_cut = False
    whole: set[Name] = set()
    for walk in walks(query, depth_max):
        reached = graph.trace(starts, walk)
        deepest = graph.trace(starts, walk._replace(depth_max=None))
        is_cut |= len(deepest) > len(reached)
        whole |= deepest.keys()
        edges |= edges_within(graph, reached)
        for node, depth in reached.items():
            expected[node] = min(depth, expected.get(node, depth))
    assert depths_of(answer) == expected
    assert edges_of(answer) == edges
    check_links(answer, graph.joining(starts, walks(query, depth_max)))
    check_entities(graph, keys, answer)
    assert len(answer.truncations) == is_cut
    for truncation in answer.truncations:
        assert (truncation.reason, truncation.limit) == (TruncationReason.DEPTH, depth_max)
        # What one way leaves out the other way may have found.
        hidden_min = 0 if query.direction is Direction.BOTH else 1
        assert hidden_min <= truncation.hidden <= len(whole - expected.keys())
    assert answer.complete == (not is_cut and not answer.unknown)


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
