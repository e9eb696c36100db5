"""The doors of Python and GraphQL: everything that can be asked in one namespace.

Whatever numbers, positions and cursors somebody could make up are asked with, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from graphql import GraphQLObjectType, GraphQLOutputType, get_named_type

from apart import (
    JOBS,
    KEYS,
    KINDS,
    NAMESPACES,
    OWN_TYPE,
    RUNS,
    SHARED,
    Answer,
    Told,
    answered,
)
from lineage.ledger import (
    CommonQuery,
    CyclesQuery,
    Direction,
    HistoryQuery,
    ImpactQuery,
    Kind,
    LateQuery,
    Ledger,
    LineageIds,
    OrphanKind,
    OrphansQuery,
    PathsQuery,
    ProofQuery,
    ServingQuery,
    Shown,
    TraceQuery,
    WhyQuery,
)
from lineage_api.graphql.endpoint import GraphQLRequest, execute
from lineage_api.graphql.schema import SCHEMA
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import LedgerError
from lineage_schemas.filters import NodeFilter

Door = Callable[[Told, str], Iterator[Answer]]
"""Asks everything in one namespace, and yields what it is answered."""

Question = Callable[[Ledger, str], object]

LATER = datetime(2030, 1, 1, tzinfo=UTC)
"""A stated time by which everything had begun."""


def engine(told: Told, namespace: str) -> Iterator[Answer]:
    """Ask the engine everything there is to ask, and for pages behind the cursors of others."""
    yield from plain_questions(told, namespace)
    for other in NAMESPACES:
        page = told.ledger.list_nodes("artifact", count=1, namespace=other)
        if page.cursor is not None:
            yield attempt(lambda one, where: turn(one, where, page.cursor), told.ledger, namespace)  # noqa: B023 - asked at once


def plain_questions(told: Told, namespace: str) -> Iterator[Answer]:
    """Ask the engine everything, at every position."""
    ledger = told.ledger
    for ask in QUESTIONS:
        yield attempt(ask, ledger, namespace)
    for position in range(ledger.head().size + 1):
        for ask_at in BY_POSITION:
            yield attempt(lambda one, where: ask_at(one, where, position), ledger, namespace)  # noqa: B023 - asked at once


def turn(ledger: Ledger, namespace: str, cursor: str | None) -> object:
    """Ask for the page behind a cursor that another namespace's page gave."""
    return ledger.list_nodes("artifact", cursor=cursor, namespace=namespace)


def listed(ids: LineageIds) -> object:
    """Return what is told by ids without its columns, and these as lists."""
    columns = [column.tolist() for column in (*ids.nodes, *ids.edges)]
    return {name: getattr(ids, name) for name in ids.__struct_fields__} | {
        "nodes": columns[:3],
        "edges": columns[3:],
    }


def attempt(ask: Question, ledger: Ledger, namespace: str) -> Answer:
    """Ask, and take an error for an answer."""
    try:
        return answered(ask(ledger, namespace))
    except LedgerError as error:
        return answered(str(error))


QUESTIONS: list[Question] = [
    *(
        lambda one, where, key=key, way=way: one.trace(
            TraceQuery(start=(key,), direction=way), namespace=where
        )
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
        for way in (Direction.BOTH, Direction.UPSTREAM)
    ),
    *(
        lambda one, where, key=key: listed(
            one.trace_ids(TraceQuery(start=(key,), direction=Direction.BOTH), namespace=where)
        )
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    *(
        lambda one, where, key=key: one.show(key, namespace=where)
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    *(
        lambda one, where, word=word: one.find(word, namespace=where)
        for word in ("mark", "same", "x", *(f"mark{name}" for name in NAMESPACES))
    ),
    *(
        lambda one, where, kind=kind: one.find(filter=NodeFilter(kinds=(kind,)), namespace=where)
        for kind in Kind
    ),
    *(
        lambda one, where, name=name: one.list_nodes(name, namespace=where)
        for name in (*KINDS, "lineage.DataSet", "lineage.Train", "lineage.Experiment", OWN_TYPE)
    ),
    # Numbers that would run into the bits of another namespace's vertices.
    *(
        lambda one, where, number=number: list(
            one.contexts_of([(kind, number) for kind in Kind], namespace=where).values()
        )
        for low in (1, 2)
        for number in (low, *(low + (step << 46) for step in range(1, 5)), low + (1 << 44))
    ),
    *(
        lambda one, where, key=key: one.prove(
            ProofQuery(target=key, shown=Shown(facts=False, personal=False)), namespace=where
        )
        for key in (KEYS[0], RUNS[0])
    ),
    *(
        lambda one, where, start=start, end=end: one.graph.paths(
            PathsQuery(start=start, end=end), namespace=where
        )
        for start in KEYS[:2]
        for end in (*KEYS, *RUNS, SHARED)
    ),
    *(
        lambda one, where, key=key: one.graph.common(
            CommonQuery(start=(key, SHARED)), namespace=where
        )
        for key in (*KEYS, *RUNS)
    ),
    *(
        lambda one, where, key=key: one.graph.impact(ImpactQuery(start=(key,)), namespace=where)
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    *(
        lambda one, where, kind=kind: one.graph.orphans(
            OrphansQuery(without=kind, count=1_000), namespace=where
        )
        for kind in OrphanKind
    ),
    lambda one, where: one.graph.cycles(namespace=where),
    *(
        lambda one, where, key=key: one.graph.cycles(CyclesQuery(start=key), namespace=where)
        for key in (*KEYS, SHARED)
    ),
    *(
        lambda one, where, key=key: one.linking.why(
            WhyQuery(one=key, other=KEYS[0]), namespace=where
        )
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    lambda one, where: one.linking.conflicts(namespace=where),
    *(
        lambda one, where, key=key: one.linking.why(
            WhyQuery(one=key, other=KEYS[0]), valid_at=LATER, namespace=where
        )
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    lambda one, where: one.linking.conflicts(valid_at=LATER, namespace=where),
    *(
        lambda one, where, key=key: one.graph.history(HistoryQuery(node=key), namespace=where)
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    lambda one, where: one.graph.late(LateQuery(lag=0), namespace=where),
    lambda one, where: one.registry.serving(namespace=where),
    *(
        lambda one, where, key=key: one.registry.serving(ServingQuery(of=key), namespace=where)
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    *(
        lambda one, where, key=key: one.registry.model(key, namespace=where)
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
    ),
    lambda one, where: one.types(namespace=where),
    lambda one, where: one.watching.sources(namespace=where),
    lambda one, where: one.entries(0, count=1_000, namespace=where),
    lambda one, where: one.basis(namespace=where).sources,
    lambda one, where: one.erasures.restraints(where),
    lambda one, where: one.erasures.proposals(where),
    lambda one, where: one.access.grants(namespace=where),
    lambda one, where: one.access.api_keys(namespace=where),
    *(
        lambda one, where, key=key: one.erasures.plan([key], namespace=where)
        for key in (*KEYS, *RUNS, *JOBS)
    ),
]
BY_POSITION: list[Callable[[Ledger, str, int], object]] = [
    lambda one, where, at: one.entries(at, count=1, namespace=where),
    lambda one, where, at: one.erasures.plan([at], namespace=where),
    lambda one, where, at: one.trace(TraceQuery(start=KEYS), as_of=at, namespace=where),
]

# --- GraphQL -------------------------------------------------------------------------------------

IDENTIFIERS = (*KEYS, *RUNS, *JOBS, SHARED)
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("artifact", "execution", "context"), ('key: "%s"', IDENTIFIERS)),
    "lineage": ('start: ["%s"], direction: DOWNSTREAM', IDENTIFIERS),
    "columnLineage": ('dataset: "%s", direction: BOTH', KEYS),
    "find": ('text: "%s"', ("mark", "same")),
    "links": ('node: "%s"', IDENTIFIERS),
    "unresolved": ("first: %s", ("1", "1000")),
    "why": (f'one: "%s", other: "{KEYS[0]}"', IDENTIFIERS),
    "conflicts": ("first: %s", ("1", "1000")),
    "serving": ('of: "%s"', IDENTIFIERS),
    "registeredModel": ('name: "%s"', IDENTIFIERS),
    "nodes": ('type: "%s"', (*KINDS, "lineage.DataSet", OWN_TYPE)),
    "entries": ("from: %s, first: 1000", ("0", "3")),
    "types": ("asOf: {size: %s}", ("0", "9")),
    "sources": ("asOf: {size: %s}", ("0", "9")),
    "basis": ("asOf: {size: %s}", ("0", "9")),
}
"""The questions of a namespace: their arguments beside it, and what is put there."""

OF_THE_LOG = {"head", "keys"}
"""What GraphQL says of the log as a whole: sizes, roots, times, checkpoints and verifier keys."""


def whole(kind: GraphQLOutputType) -> str:
    """Return the selection of all that a type has."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        return ""
    fields = (f"{name} {whole(field.type)}" for name, field in named.fields.items())
    return f"{{ {' '.join(fields)} }}"


def documents() -> Iterator[str]:
    """Yield every document to ask: each field with all of its arguments, one where it may fail."""
    asked = SCHEMA._schema.query_type
    assert asked is not None
    assert set(asked.fields) == {*FIELDS, *OF_THE_LOG}, "a root field that nobody asks"
    for name, field in asked.fields.items():
        selected = whole(field.type)
        if name in OF_THE_LOG:
            yield f"{{ {name} {selected} }}"
            continue
        arguments, values = FIELDS[name]
        calls = [f"{name}({arguments % value}, namespace: $of) {{ ...all }}" for value in values]
        fragment = f"fragment all on {get_named_type(field.type)} {selected}"
        for together in ([call] for call in calls) if name == "nodes" else [calls]:
            asked_for = " ".join(f"a{number}: {call}" for number, call in enumerate(together))
            yield f"query($of: String!) {{ {asked_for} }} {fragment}"


DOCUMENTS = list(documents())


def graphql(told: Told, namespace: str) -> Iterator[Answer]:
    """Ask in GraphQL for every field of every type."""
    for document in DOCUMENTS:
        variables = {"of": namespace} if "$of" in document else None
        executed = execute(told.ledger, GraphQLRequest(document, variables))
        codes = [one["extensions"]["code"] for one in json.loads(encode_json(executed.errors))]
        assert set(codes) <= {"NOT_FOUND"}, executed.errors
        yield answered(executed)
