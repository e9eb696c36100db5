"""Read what executions say of columns, as of a size: the steps of data sets, and their names.

A data set is followed as an entity: the nodes that asserted links join are one, whichever of their
names an execution uses. A name that nobody has described is a data set all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from lineage.projections.edges import EDGE
from lineage.projections.handles import HANDLE, made_handle, used_handle
from lineage.projections.links import HUB, LinkRow
from lineage.projections.nodes import NODE, read_stated_starts
from lineage.projections.unfolding import earlier
from lineage.questions.column_walk import Spot, Step
from lineage.questions.entities import members_among
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.nodes import ASSERTED_CLASSES, read_identifiers
from lineage.questions.showing import read_nodes_then
from lineage.vertices import KIND_CODES, name_hash, realm_of
from lineage_schemas.columns import ColumnLineage, SourceField, column_values, read_columns
from lineage_schemas.graph import Node, Truncation, TruncationReason
from lineage_schemas.mlmd import Kind
from lineage_schemas.redactions import is_redacted

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]


class Dataset(NamedTuple):
    """A data set: its least key, its nodes, all of its keys, and what is claimed of it besides.

    What it is claimed to be may be the key of a node that was not there yet at the valid time.
    """

    name: str
    vertices: tuple[int, ...]
    keys: frozenset[str]
    claimed: frozenset[str]
    links: tuple[LinkRow, ...]


class _Told(NamedTuple):
    """What one execution says of columns."""

    said: tuple[ColumnLineage, ...]
    unread: frozenset[str]
    redacted: frozenset[str]


class ColumnReading:
    """Reads for one question, each thing once."""

    def __init__(self, asked: GraphAsked, namespace: int, fanout_max: int) -> None:
        self._asked = asked
        self._namespace = namespace
        self._fanout_max = fanout_max
        self._datasets: dict[str, Dataset] = {}
        self._told: dict[int, _Told] = {}
        self._steps: dict[tuple[str, bool], list[Step]] = {}
        self._hidden: dict[str, int] = {}
        self._dated: dict[tuple[int, int], int | None] = {}
        self._starts: dict[int, int | None] = {}
        self.executions: dict[int, Node] = {}
        self.undated: set[Step] = set()

    @property
    def unread(self) -> int:
        """How much of what was met is not of the form."""
        return sum(len(one.unread) for one in self._told.values())

    @property
    def redacted(self) -> int:
        """How much of what was met was erased."""
        return sum(len(one.redacted) for one in self._told.values())

    @property
    def truncations(self) -> tuple[Truncation, ...]:
        """Executions that were not read, because others say something of the same data set."""
        hidden = sum(self._hidden.values())
        if not hidden:
            return ()
        limit = self._fanout_max
        return (Truncation(reason=TruncationReason.FANOUT, limit=limit, hidden=hidden),)

    def named(self, name: str) -> Dataset:
        """Return the data set behind a name that was met."""
        return self._datasets[name]

    def upstream(self, names: Iterable[str]) -> dict[str, list[Step]]:
        """Return the steps that lead to data sets, by data set."""
        return self._steps_of(names, upstream=True)

    def downstream(self, names: Iterable[str]) -> dict[str, list[Step]]:
        """Return the steps that lead from data sets, by data set."""
        return self._steps_of(names, upstream=False)

    def _steps_of(self, names: Iterable[str], *, upstream: bool) -> dict[str, list[Step]]:
        wanted = sorted(names)
        missing = [name for name in wanted if (name, upstream) not in self._steps]
        if missing:
            self._load(missing, upstream=upstream)
        return {name: self._steps[name, upstream] for name in wanted}

    def _load(self, names: Sequence[str], *, upstream: bool) -> None:
        by_name = self._telling(names, upstream=upstream)
        self._read_told({one for found in by_name.values() for one in found})
        self.resolve(
            {
                key
                for found in by_name.values()
                for one in found
                for said in self._told[one].said
                for key in (said.output, *said.sources)
            }
        )
        for name, found in by_name.items():
            steps = {
                step
                for one in found
                for said in self._told[one].said
                for step in self._steps_said(one, said)
                if (step.target if upstream else step.source).dataset == name
            }
            self._steps[name, upstream] = list(filter(self._was_so, steps))

    def _telling(self, names: Sequence[str], *, upstream: bool) -> dict[str, list[int]]:
        """Return who says something of data sets, by data set: the latest executions first."""
        handle_of = made_handle if upstream else used_handle
        owners: dict[int, set[str]] = {}
        for name in names:
            dataset = self._datasets[name]
            for called in dataset.keys | dataset.claimed:
                owners.setdefault(handle_of(self._namespace, called), set()).add(name)
        telling: dict[str, set[int]] = {name: set() for name in names}
        for handle, vertex, since in self._asked.reader.find(HANDLE, "hash", owners):
            if since < self._asked.size:
                for name in owners[handle]:
                    telling[name].add(vertex)
        for name, found in telling.items():
            if len(found) > self._fanout_max:
                self._hidden[f"{upstream} {name}"] = len(found) - self._fanout_max
        return {
            name: sorted(found, reverse=True)[: self._fanout_max] for name, found in telling.items()
        }

    def _read_told(self, executions: Iterable[int]) -> None:
        missing = sorted(set(executions) - self._told.keys())
        nodes = read_nodes_then(self._asked.reader, missing, self._asked.then)
        for vertex in missing:
            node = nodes.get(vertex)
            self._told[vertex] = (
                _Told((), frozenset(), frozenset()) if node is None else _told(node)
            )
        self.executions.update(nodes)
        if self._asked.valid is not None:
            self._read_dates(missing)

    def _read_dates(self, executions: Sequence[int]) -> None:
        """Read when these executions and their Events began: of the same two ends the earliest."""
        reader, size = self._asked.reader, self._asked.size
        self._starts.update(read_stated_starts(reader, executions, size))
        for column, near in (("tail", 0), ("head", 1)):
            for row in reader.find(EDGE, column, executions, size):
                ends = row[near], row[1 - near]
                stated = row[6]
                self._dated[ends] = earlier(self._dated.get(ends, stated), stated)

    def _was_so(self, step: Step) -> bool:
        """Tell whether the execution had begun, and its Events with both data sets, if any."""
        valid = self._asked.valid
        if valid is None:
            return True
        ends = (self._datasets[step.source.dataset], self._datasets[step.target.dataset])
        dates = [self._starts.get(step.execution)]
        for dataset in ends:
            dates += self._event_date(step.execution, dataset)
        if not all(map(valid.time.has_begun, dates)):
            return False
        if None in dates:
            self.undated.add(step)
        return True

    def _event_date(self, execution: int, dataset: Dataset) -> list[int | None]:
        """Return when the execution first met a data set, if any Event says that it did."""
        ends = [(execution, vertex) for vertex in dataset.vertices]
        met = [self._dated[pair] for pair in ends if pair in self._dated]
        return [min((one for one in met if one is not None), default=None)] if met else []

    def _steps_said(self, execution: int, said: ColumnLineage) -> Iterable[Step]:
        output = self._datasets[said.output].name
        for made in said.fields:
            for one in made.inputs:
                yield self._step(one, Spot(output, made.field), execution)
        for one in said.dataset:
            yield self._step(one, Spot(output, None), execution)

    def _step(self, one: SourceField, target: Spot, execution: int) -> Step:
        source = Spot(self._datasets[one.dataset].name, one.field)
        return Step(source, target, one.transformations, execution)

    def resolve(self, keys: Iterable[str]) -> None:
        """Find the data sets that go by these keys; a key that is no node's is one by itself."""
        wanted = set(keys) - self._datasets.keys()
        if not wanted:
            return
        hashes = {name_hash(realm_of(self._namespace, _ARTIFACT), key) for key in wanted}
        reader, size = self._asked.reader, self._asked.size
        found: dict[str, list[int]] = {}
        for vertex, since, _, key, *_ in reader.find(NODE, "key_hash", hashes):
            if key in wanted and since < size:
                found.setdefault(key, []).append(vertex)
        for hub, _, _, text, _ in reader.find(HUB, "identifier_hash", hashes):
            if text in wanted and text not in found:
                rows = self._asked.graph.links.of_hubs([hub], size)[hub]
                found[text] = [row.vertex for row in _asserted(rows)]
        for key in sorted(wanted):
            if key not in self._datasets:
                vertices = found.get(key)
                self.keep(self.entity(vertices, key) if vertices else _bare(key))

    def entity(self, vertices: Sequence[int], asked: str) -> Dataset:
        """Return the data set that these nodes, of one entity, are of; ``asked`` is one name."""
        graph, size = self._asked.graph, self._asked.size
        members = members_among(graph.links, vertices, size)
        links = _asserted(graph.links.of_vertices(members, size))
        reader = self._asked.reader
        keys = {row[0]: row[3] for row in reader.find(NODE, "vertex", members) if row[1] < size}
        own = sorted(key for key in keys.values() if key is not None)
        identifiers = read_identifiers(reader, [row.hub for row in links]).values()
        return Dataset(
            own[0] if own else asked,
            tuple(sorted(members)),
            frozenset((asked, *own)),
            frozenset(one for one in identifiers if one is not None),
            tuple(links) if len(members) > 1 else (),
        )

    def keep(self, dataset: Dataset) -> None:
        """Remember a data set by its keys."""
        for name in (*dataset.keys, dataset.name):
            self._datasets[name] = dataset


def _asserted(rows: Iterable[LinkRow]) -> list[LinkRow]:
    return [row for row in rows if row.link_class in ASSERTED_CLASSES]


def _bare(key: str) -> Dataset:
    return Dataset(key, (), frozenset((key,)), frozenset(), ())


def _told(node: Node) -> _Told:
    said: list[ColumnLineage] = []
    unread: set[str] = set()
    redacted: set[str] = set()
    for name, value in column_values(node.custom_properties).items():
        read = read_columns(value)
        if read is not None:
            said.append(read)
        elif is_redacted(value):
            redacted.add(name)
        else:
            unread.add(name)
    return _Told(tuple(said), frozenset(unread), frozenset(redacted))
