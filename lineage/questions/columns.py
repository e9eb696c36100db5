"""Column lineage: which fields a field was made from, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.projections.edges import EDGE
from lineage.questions.column_reading import ColumnReading, Dataset
from lineage.questions.column_walk import (
    ColumnWalk,
    Limits,
    Spot,
    Step,
    WalkedColumns,
    joined,
)
from lineage.questions.entities import read_entity
from lineage.questions.graph_asked import GraphAsked, Then
from lineage.questions.labels import resolve_name
from lineage.questions.named import begun_among
from lineage.questions.nodes import find_identified, read_identifiers
from lineage.questions.redactions import with_redactions
from lineage.questions.showing import read_nodes_then
from lineage.questions.trace import DEPTH_MAX, link_of
from lineage.questions.typed import read_types
from lineage.questions.unresolved import DATASET_BASE
from lineage.stores.base import Reader
from lineage.vertices import id_of
from lineage_schemas.codec import encode_json
from lineage_schemas.columns import Column, ColumnEdge, ColumnsAnswer, Transformation
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Direction, Link, Node
from lineage_schemas.identifiers import is_content_digest
from lineage_schemas.known_types.registry import KNOWN_TYPES
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

COLUMNS_MAX: Final = 100_000
COLUMNS_DEFAULT: Final = 10_000
FANOUT_MAX: Final = 100_000
FANOUT_DEFAULT: Final = 1_000
_FIELDLESS: Final = frozenset(
    known.name
    for known in KNOWN_TYPES
    if known.kind is Kind.ARTIFACT and DATASET_BASE not in {known.name, known.base_type}
)
"""The well-known types of artifacts that are no data."""

SCHEMA_DEPTH_MAX: Final = 32
"""So deep are the fields inside fields that a schema tells; none of OpenLineage's goes deeper."""


class ColumnsQuery(Struct, frozen=True, kw_only=True):
    """Which fields to follow: of which data set, which way, and how far.

    Without ``field`` every field of the data set. ``depth`` counts the steps from one field to the
    next, ``columns`` bounds the fields of the answer. ``fanout`` is how many executions are read
    that wrote one data set, or used one; the latest go first.
    """

    dataset: str
    field: str | None = None
    direction: Direction = Direction.UPSTREAM
    depth: int = DEPTH_MAX
    columns: int = COLUMNS_DEFAULT
    fanout: int = FANOUT_DEFAULT


def check_columns_query(query: ColumnsQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: a depth or another limit out of range, or a field without a name.
    """
    if query.field == "":
        raise InvalidInputError("A field has a name", hint="Leave it out to follow every field.")
    if not 0 <= query.depth <= DEPTH_MAX:
        raise InvalidInputError(f"The depth is from 0 to {DEPTH_MAX}", where=str(query.depth))
    if not 1 <= query.columns <= COLUMNS_MAX:
        raise InvalidInputError(
            f"The limit of fields is from 1 to {COLUMNS_MAX}", where=str(query.columns)
        )
    if not 1 <= query.fanout <= FANOUT_MAX:
        raise InvalidInputError(f"The fanout is from 1 to {FANOUT_MAX}", where=str(query.fanout))


def columns(asked: GraphAsked, query: ColumnsQuery) -> ColumnsAnswer:
    """Answer a checked query.

    A data set that the log has not heard of is part of the answer, as a stub that is counted. Where
    nothing at all is known of a field that was asked for, it is named as unknown.

    Raises:
        InvalidInputError: a model, an execution or a context, and nobody says a field of it.
        AmbiguousLabelError: a label of several data sets. NotFoundError: a label of nothing.
    """
    size = asked.size
    named, label = resolve_name(asked.reader, asked.number, query.dataset, (Kind.ARTIFACT,), size)
    query = replace(query, dataset=named)
    if asked.number is None:
        return replace(_unheard(asked, query), label=label)
    reading = ColumnReading(asked, asked.number, query.fanout)
    starts = _starts(asked, asked.number, reading, named)
    shapes = _Shapes(asked.reader, asked.then)
    shapes.read(starts)
    walked = _walk(reading, query, starts, shapes)
    unknown = _unknown(asked, asked.number, query, starts, shapes)
    answer = _answer(asked, query, reading, walked, shapes)
    vertices = [vertex for one in starts for vertex in one.vertices]
    is_begun = not vertices or begun_among(asked, vertices)
    answer = replace(
        answer, label=label, unknown=unknown, not_begun=() if is_begun else (query.dataset,)
    )
    return with_redactions(asked.reader, answer, asked.number, _spoken_of(asked, reading, walked))


def _unknown(
    asked: GraphAsked,
    namespace: int,
    query: ColumnsQuery,
    starts: list[Dataset],
    shapes: _Shapes,
) -> tuple[str, ...]:
    """Return the data set that the log has not heard of, or the field of it.

    A field is heard of in a schema, or in a step that names it, whichever way and whenever it was.

    Raises:
        InvalidInputError: it is no data set, and nobody says anything of its fields.
    """
    fields = {name for one in starts for name in shapes.fields(one.name)}
    if query.field in fields or (query.field is None and fields):
        return ()
    said = _fields_said(asked._replace(valid=None), namespace, query)
    if said is None:
        return ()
    vertices = [vertex for one in starts for vertex in one.vertices]
    if not fields and not said:
        _refuse_fieldless(asked, namespace, query.dataset, vertices)
    if not vertices and not said:
        return (query.dataset,)
    return () if query.field is None or query.field in said else (query.field,)


def _fields_said(asked: GraphAsked, namespace: int, query: ColumnsQuery) -> set[str | None] | None:
    """Return the fields of a data set that any step names; ``None``: not every step was read."""
    reading = ColumnReading(asked, namespace, query.fanout)
    names = [one.name for one in _starts(asked, namespace, reading, query.dataset)]
    made = [step.target for steps in reading.upstream(names).values() for step in steps]
    used = [step.source for steps in reading.downstream(names).values() for step in steps]
    return None if reading.truncations else {one.field for one in (*made, *used)}


def _refuse_fieldless(asked: GraphAsked, namespace: int, named: str, vertices: list[int]) -> None:
    """Refuse what is known to be something else than a data set."""
    reader, size = asked.reader, asked.size
    types = set(read_types(reader, vertices, Then(size)).values())
    if not vertices:
        kinds = (Kind.EXECUTION, Kind.CONTEXT)
        found = find_identified(reader, namespace, named, kinds, size)
        others = read_nodes_then(reader, found, Then(size)).values()
        types = {node.type or (node.kind and node.kind.value) for node in others}
    elif not types <= _FIELDLESS:
        return
    if types:
        raise InvalidInputError(
            f"Only data sets have fields, and this is {' and '.join(sorted(filter(None, types)))}",
            where=named,
            hint="Its lineage (`lineage trace`) leads to data sets; ask for the fields of one.",
        )


def _unheard(asked: GraphAsked, query: ColumnsQuery) -> ColumnsAnswer:
    return ColumnsAnswer(
        basis=asked.basis,
        direction=query.direction,
        dataset=query.dataset,
        field=query.field,
        columns=(Column(dataset=query.dataset, field=query.field),),
        edges=(),
        datasets=(Node(key=query.dataset, stub=True),),
        stubs=1,
        unknown=(query.dataset,),
    )


def _starts(asked: GraphAsked, namespace: int, reading: ColumnReading, named: str) -> list[Dataset]:
    """Return the data sets that an identifier means: one, or all that have a content."""
    reading.resolve([named])
    first = reading.named(named)
    if first.vertices or not is_content_digest(named):
        return [first]
    starts: dict[str, Dataset] = {}
    for vertex in find_identified(asked.reader, namespace, named, (Kind.ARTIFACT,), asked.size):
        if not any(vertex in one.vertices for one in starts.values()):
            dataset = reading.entity([vertex], f"artifact/{id_of(vertex)}")
            reading.keep(dataset)
            starts[dataset.name] = dataset
    return [starts[name] for name in sorted(starts)] or [first]


def _walk(
    reading: ColumnReading, query: ColumnsQuery, starts: list[Dataset], shapes: _Shapes
) -> WalkedColumns:
    spots = [Spot(one.name, query.field) for one in starts]
    beside: list[Spot] = []
    if query.field is None:
        beside = [Spot(one.name, name) for one in starts for name in shapes.fields(one.name)]
    limits = Limits(query.depth, query.columns)
    if query.direction is Direction.DOWNSTREAM:
        return ColumnWalk(reading.downstream, limits, upstream=False).run(spots, beside)
    up = ColumnWalk(reading.upstream, limits, upstream=True).run(spots, beside)
    if query.direction is Direction.UPSTREAM:
        return up
    # Both walks begin with the same spots, which are not to be counted twice.
    limits = limits._replace(shown=len(up.depths.keys() - {*spots, *beside}))
    down = ColumnWalk(reading.downstream, limits, upstream=False).run(spots, beside)
    return joined(up, down)


class _Shapes:
    """The nodes of data sets and the fields that their schemas have."""

    def __init__(self, reader: Reader, then: Then) -> None:
        self._reader = reader
        self._then = then
        self.nodes: dict[str, Node] = {}
        self._fields: dict[str, dict[str, str | None]] = {}

    def read(self, datasets: Iterable[Dataset]) -> None:
        """Read those that were not read yet."""
        fresh = [one for one in datasets if one.name not in self.nodes]
        vertices = [vertex for one in fresh for vertex in one.vertices]
        nodes = read_nodes_then(self._reader, vertices, self._then)
        for one in fresh:
            node = self._merged(one, nodes)
            self._fields[one.name] = dict(_schema_fields(node.properties.get("schema")))
            self.nodes[one.name] = replace(node, key=one.name, properties={}, custom_properties={})

    def fields(self, name: str) -> dict[str, str | None]:
        """Return the fields of a data set's schema with their types, in its order."""
        return self._fields[name]

    def _merged(self, dataset: Dataset, nodes: dict[int, Node]) -> Node:
        if not dataset.vertices:
            return Node(key=dataset.name, stub=True)
        if len(dataset.vertices) == 1:
            return nodes[dataset.vertices[0]]
        redacted = sum(nodes[vertex].redacted for vertex in dataset.vertices)
        merged = read_entity(self._reader, dataset.vertices, self._then).merged
        return replace(merged, redacted=redacted)


def _schema_fields(schema: JsonValue) -> Iterator[tuple[str, str | None]]:
    """Yield (name, type) of each field; one inside another has both names, with a dot between."""
    items = schema.get("items") if isinstance(schema, dict) else None
    waiting: list[tuple[JsonValue, str, int]] = [(items, "", 0)]
    while waiting:
        fields, before, depth = waiting.pop(0)
        for field in fields if isinstance(fields, list) else ():
            name = field.get("name") if isinstance(field, dict) else None
            if isinstance(field, dict) and isinstance(name, str) and name:
                kind = field.get("type")
                yield before + name, kind if isinstance(kind, str) else None
                if depth < SCHEMA_DEPTH_MAX:
                    waiting.append((field.get("fields"), f"{before}{name}.", depth + 1))


def _answer(
    asked: GraphAsked,
    query: ColumnsQuery,
    reading: ColumnReading,
    walked: WalkedColumns,
    shapes: _Shapes,
) -> ColumnsAnswer:
    datasets = _datasets(reading, walked)
    shapes.read(datasets)
    executions = sorted({step.execution for step in walked.steps})
    return ColumnsAnswer(
        basis=asked.basis,
        direction=query.direction,
        dataset=query.dataset,
        field=query.field,
        columns=tuple(_columns(walked, shapes)),
        edges=_edges(walked.steps),
        datasets=tuple(shapes.nodes[one.name] for one in datasets),
        executions=tuple(
            replace(reading.executions[one], properties={}, custom_properties={})
            for one in executions
        ),
        members={
            one.name: tuple(map(id_of, one.vertices)) for one in datasets if len(one.vertices) > 1
        },
        links=_links(asked.reader, datasets),
        truncations=(*walked.truncations, *reading.truncations),
        stubs=sum(shapes.nodes[one.name].stub for one in datasets),
        unread=reading.unread,
        redacted=reading.redacted,
        undated=len(_edges(reading.undated & walked.steps)),
    )


def _datasets(reading: ColumnReading, walked: WalkedColumns) -> list[Dataset]:
    return [reading.named(name) for name in sorted({spot.dataset for spot in walked.depths})]


def _columns(walked: WalkedColumns, shapes: _Shapes) -> Iterator[Column]:
    for spot, depth in sorted(walked.depths.items(), key=lambda one: (one[1], one[0].order)):
        fields = shapes.fields(spot.dataset)
        yield Column(
            dataset=spot.dataset,
            field=spot.field,
            type=None if spot.field is None else fields.get(spot.field),
            in_schema=spot.field in fields,
            depth=depth,
        )


_EdgeOrder = tuple[tuple[str, bool, str], tuple[str, bool, str], bytes]


def _edges(steps: Iterable[Step]) -> tuple[ColumnEdge, ...]:
    """Put together what several executions say alike."""
    said: dict[tuple[Spot, Spot, tuple[Transformation, ...]], list[int]] = {}
    for source, target, transformations, execution in steps:
        said.setdefault((source, target, transformations), []).append(id_of(execution))
    edges: list[tuple[_EdgeOrder, ColumnEdge]] = [
        (
            (source.order, target.order, encode_json(transformations)),
            ColumnEdge(
                from_dataset=source.dataset,
                from_field=source.field,
                to_dataset=target.dataset,
                to_field=target.field,
                transformations=transformations,
                executions=tuple(sorted(executions)),
            ),
        )
        for (source, target, transformations), executions in said.items()
    ]
    return tuple(edge for _, edge in sorted(edges, key=lambda one: one[0]))


def _links(reader: Reader, datasets: Iterable[Dataset]) -> tuple[Link, ...]:
    rows = sorted(row for one in datasets for row in one.links)
    identifiers = read_identifiers(reader, [row.hub for row in rows])
    return tuple(link_of(row, identifiers.get(row.hub)) for row in rows)


def _spoken_of(asked: GraphAsked, reading: ColumnReading, walked: WalkedColumns) -> set[int]:
    """Return the nodes of which something erased matters: those that said it, or may have.

    Where a whole entry was erased, only its Events are left to tell that there was an execution.
    """
    found = {vertex for one in _datasets(reading, walked) for vertex in one.vertices}
    beside: set[int] = set()
    if asked.basis.last_erasure is not None:
        for column, far in (("tail", 1), ("head", 0)):
            beside |= {row[far] for row in asked.reader.find(EDGE, column, found, asked.size)}
    return found | beside | set(reading.executions)
