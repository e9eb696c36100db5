"""Find which deployments serve a thing, and which model versions a deployment serves.

A deployment serves what was put into it, and what that was made of by packing: an image, what was
packed into the image, the version that a model was registered as. It does not serve what a model
*learned* from. So on the way from a deployment back nobody passes a data set, a code revision or a
model; and on the way from a model version forth nobody passes another model. A version that was
registered from another is a copy of it, and is passed. What a deployment names as its model counts
as a version even where nobody has described it.

Links are crossed as lineage crosses them: asserted and content links, and after a content link the
next step is an edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final, NamedTuple

from lineage.graph.adjacency import beyond, row_of, vertex_at
from lineage.graph.index import GraphSnapshot
from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.projections.edges import EDGE, read_detail
from lineage.questions.nodes import read_nodes
from lineage.stores.base import Reader
from lineage_schemas.graph import Node, Truncation, TruncationReason
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass
from lineage_schemas.serving import Served

REACHED_MAX: Final = 50_000
"""Nodes that one search between a deployment and what it serves looks at."""

DEPLOYMENT: Final = "lineage.Deployment"
MODEL: Final = "lineage.Model"
MODEL_VERSION: Final = "lineage.ModelVersion"
REGISTER: Final = "lineage.Register"

LEARNING: Final = frozenset(
    f"lineage.{name}"
    for name in (
        *("Collect", "Label", "Prepare", "Train", "Evaluate"),
        *("Approve", "Monitor", "Declare", "Retire"),
    )
)
"""Executions that pack nothing."""

NOT_PACKED: Final = frozenset(
    f"lineage.{name}"
    for name in (
        *("DataSet", "Split", "Labelling", "FeatureView", "Metrics", "CodeRevision"),
        *("PipelineLock", "Approval", "Incident", "UsageLogSegment", "Report", "Declaration"),
        *("Document", "Infrastructure", "WorkItem", "Signal"),
    )
)
"""Artifacts that nothing is packed into, and that are not what serves."""

NO_PART: Final = frozenset(
    f"lineage.{name}"
    for name in ("Approval", "Incident", "Report", "Declaration", "Document", "WorkItem", "Signal")
)
"""Artifacts that may set off a deployment or go along with it, and that none is made of."""

_VERSION: Final = 2
_RANKS: Final = {MODEL: 1, MODEL_VERSION: _VERSION}
_OF_VERSION: Final = 3
"""The rank of a model that was come to from its version: its other versions are not meant."""
_MODEL_PATH: Final = "model"
"""The first step of an event's path that says: this is the model of what is packed or deployed."""


class Step(NamedTuple):
    """How a node was reached. Compared: the strongest way first, then the shortest, then by key."""

    weakness: int
    length: int
    path: tuple[str, ...]
    vertex: int
    rank: int
    by_content: bool

    @property
    def link_class(self) -> str | None:
        """The weakest link that was crossed."""
        return None if self.weakness == 0 else tuple(LinkClass)[self.weakness - 1].value


class Found(NamedTuple):
    """What a search found, by vertex, and what cut it."""

    steps: dict[int, Step]
    truncations: tuple[Truncation, ...]


class Search:
    """Searches in the graph of one namespace as of a size."""

    def __init__(self, reader: Reader, snapshot: GraphSnapshot, namespace: int, size: int) -> None:
        self._reader = reader
        self._snapshot = snapshot
        self._namespace = namespace
        self._size = size
        self._nodes: dict[int, Node] = {}
        self._named: dict[int, bool] = {}
        self._path_max = REACHED_MAX

    def node(self, vertex: int) -> Node:
        """Return what shows of a node that a search has come to."""
        self._read([vertex])
        return self._nodes[vertex]

    def deployments_of(self, starts: Iterable[int]) -> Found:
        """Return the deployments that serve any of these, or what was made of them."""
        # Nobody asks for the ways there, and a chain of thousands would make each a long one.
        self._path_max = 1
        begin = {vertex: self.rank(vertex) for vertex in starts}
        versions = [vertex for vertex, rank in begin.items() if rank == _VERSION]
        begin |= dict.fromkeys(self.registered_as(versions) - begin.keys(), _OF_VERSION)
        return self._search(begin, _Forth(self))

    def registered_as(self, versions: Iterable[int]) -> set[int]:
        """Return the models that these versions were registered of: they may serve as they are."""
        return {
            vertex
            for version in versions
            for register in self.into(version)
            if self.node(register).type == REGISTER
            for vertex in self.into(register)
            if self.node(vertex).type == MODEL
        }

    def served_by(self, deployment: int) -> tuple[tuple[Served, ...], tuple[Truncation, ...]]:
        """Return the model versions that a deployment serves, strongest and nearest first."""
        self._path_max = REACHED_MAX
        found = self._search({deployment: 0}, _Back(self))
        steps = sorted(found.steps.values())
        # An undescribed name that leads to a version that is described is told by that one.
        passed = {key for one in steps if self._is_described(one) for key in one.path}
        served = (
            self._served(one)
            for one in steps
            if self._is_described(one) or one.path[-1] not in passed
        )
        return tuple(served), found.truncations

    def rank(self, vertex: int) -> int:
        """Return how far on the way to a deployment a node is: 0, 1 a model, 2 a model version."""
        node = self.node(vertex)
        rank = _RANKS.get(node.type or "", 0)
        if node.type is not None or node.kind is not Kind.ARTIFACT:
            return rank
        if vertex not in self._named:
            self._named[vertex] = self._is_named_as_model(vertex)
        return _VERSION if self._named[vertex] else rank

    def _is_named_as_model(self, vertex: int) -> bool:
        """Tell whether something that was packed or deployed names an artifact as its model."""
        heads = {
            int(head)
            for _, head, _, _, _, body, _ in self._reader.find(EDGE, "tail", [vertex], self._size)
            if (detail := read_detail(body)) is not None and detail.path[:1] == [_MODEL_PATH]
        }
        self._read(sorted(heads))
        return any(self._nodes[head].type not in LEARNING for head in heads)

    def _is_described(self, step: Step) -> bool:
        return self._nodes[step.vertex].type is not None

    @property
    def erased(self) -> set[int]:
        """The nodes that searches have come to, and of which something was erased."""
        return {vertex for vertex, node in self._nodes.items() if node.redacted}

    def into(self, vertex: int) -> list[int]:
        """Return what flows into a node, described."""
        return self._beyond(vertex, upstream=True)

    def out_of(self, vertex: int) -> list[int]:
        """Return what a node flows into, described."""
        return self._beyond(vertex, upstream=False)

    def _beyond(self, vertex: int, *, upstream: bool) -> list[int]:
        rows = beyond(self._snapshot.adjacency, row_of(vertex), self._size, upstream=upstream)
        found = [vertex_at(self._namespace, row) for row in rows]
        self._read(found)
        return found

    def _served(self, step: Step) -> Served:
        node = self.node(step.vertex)
        label = node.properties.get("display_name")
        return Served(
            key=node.key or "",
            label=label if isinstance(label, str) and label else node.name or node.key or "",
            path=step.path,
            link_class=step.link_class,
            is_described=self._is_described(step),
        )

    def _search(self, starts: Mapping[int, int], rules: _Forth | _Back) -> Found:
        """Search from these nodes, each with its rank."""
        waiting: list[Step] = []
        for vertex, rank in starts.items():
            path = (self.node(vertex).key or "",)
            heappush(waiting, Step(0, 0, path, vertex, rank, by_content=False))
        done: set[tuple[int, int, bool]] = set()
        found: dict[int, Step] = {}
        while waiting:
            step = heappop(waiting)
            state = step.vertex, step.rank, step.by_content
            if state in done:
                continue
            if len(done) == REACHED_MAX:
                reason = TruncationReason.NODES
                hidden = len({one.vertex for one in (step, *waiting)})
                cut = Truncation(reason=reason, limit=REACHED_MAX, hidden=hidden)
                return Found(found, (cut,))
            done.add(state)
            if rules.is_wanted(step.vertex):
                found.setdefault(step.vertex, step)
            for further in (*rules.edges(step), *self._links(step, rules)):
                heappush(waiting, further)
        return Found(found, ())

    def _links(self, step: Step, rules: _Forth | _Back) -> Iterator[Step]:
        if step.by_content:
            return
        links = self._snapshot.links
        crossings = links.crossings(step.vertex, self._size, CROSSED_BY_DEFAULT)
        self._read([crossing.far.vertex for crossing in crossings])
        for crossing in crossings:
            far = self._nodes[crossing.far.vertex]
            rank = max(step.rank, self.rank(crossing.far.vertex))
            if rules.may_cross(self._nodes[step.vertex], far):
                weakness = 1 + tuple(LinkClass).index(crossing.link_class)
                by_content = crossing.link_class is LinkClass.CONTENT
                onward = self.onward(step, crossing.far.vertex, rank)
                weakest = max(step.weakness, weakness)
                yield onward._replace(weakness=weakest, by_content=by_content)

    def onward(self, step: Step, vertex: int, rank: int) -> Step:
        """Return the step on to a node."""
        path = (*step.path[: self._path_max - 1], self._nodes[vertex].key or "")
        return Step(step.weakness, step.length + 1, path, vertex, rank, by_content=False)

    def _read(self, vertices: list[int]) -> None:
        missing = [vertex for vertex in vertices if vertex not in self._nodes]
        if missing:
            self._nodes |= read_nodes(self._reader, missing, self._size)


class _Forth:
    """The edges from a thing to what serves it."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def is_wanted(self, vertex: int) -> bool:
        """Tell whether a node is a deployment."""
        return self._search.node(vertex).type == DEPLOYMENT

    def edges(self, step: Step) -> Iterator[Step]:
        """Yield the steps along edges."""
        search, here = self._search, self._search.node(step.vertex)
        if here.type == DEPLOYMENT or here.type in NO_PART:
            return
        for vertex in search.out_of(step.vertex):
            rank = search.rank(vertex)
            if self._may_pass(step.rank, here, search.node(vertex), rank):
                yield search.onward(step, vertex, max(step.rank, rank))

    @staticmethod
    def may_cross(near: Node, far: Node) -> bool:
        """Tell whether a link between these may be crossed: never out of a deployment."""
        return near.type != DEPLOYMENT or far.type == DEPLOYMENT

    @staticmethod
    def _may_pass(rank: int, here: Node, node: Node, its_rank: int) -> bool:
        if node.kind is Kind.EXECUTION:
            return not rank or node.type not in LEARNING
        if not rank:
            return True
        if its_rank:
            # A model that is made from a model is another; one that is registered is the same.
            is_same = its_rank == _VERSION and here.type == REGISTER
            return is_same and rank < _OF_VERSION
        return node.type not in NOT_PACKED


class _Back:
    """The edges from a deployment to what it serves."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def is_wanted(self, vertex: int) -> bool:
        """Tell whether a node is a model version, or is named as one."""
        return self._search.rank(vertex) == _VERSION

    def edges(self, step: Step) -> Iterator[Step]:
        """Yield the steps along edges."""
        search, here = self._search, self._search.node(step.vertex)
        if here.kind is Kind.ARTIFACT and here.type in NOT_PACKED:
            return
        # A model is not taken apart: only what it was registered as is looked for.
        is_onward = here.type == MODEL or self._is_registering(step)
        for vertex in (search.out_of if is_onward else search.into)(step.vertex):
            rank = search.rank(vertex)
            if self._may_pass(step.rank, here, search.node(vertex), rank):
                yield search.onward(step, vertex, max(step.rank, rank))

    @staticmethod
    def may_cross(near: Node, far: Node) -> bool:
        """Tell whether a link between these may be crossed: any."""
        del near, far
        return True

    def _is_registering(self, step: Step) -> bool:
        here = self._search.node(step.vertex)
        return here.type == REGISTER and step.rank == 1

    @staticmethod
    def _may_pass(rank: int, here: Node, node: Node, its_rank: int) -> bool:
        if node.kind is Kind.EXECUTION:
            return node.type == REGISTER if rank else node.type not in LEARNING
        if here.type == REGISTER and rank:
            return its_rank == _VERSION
        return node.type != DEPLOYMENT
