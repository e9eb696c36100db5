"""Nothing that is asked in one namespace tells anything of another: at no door, whatever is asked.

Namespaces are told the same keys, names, identifiers and statement ids, and each its own marks. A
door is asked everything it can be asked, with whatever numbers, positions and cursors somebody
could make up; no answer, and no error, may hold another namespace's mark or position.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from erasing import asked
from lineage import open_ledger
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Context,
    Direction,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    ProofQuery,
    Shown,
    Statement,
    TraceQuery,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_api.graphql.endpoint import GraphQLRequest, execute
from lineage_schemas.codec import decode_envelope, encode_json
from lineage_schemas.errors import LedgerError, NotFoundError
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

NAMESPACES = ("red", "green", "blue")
KEYS = ("acme:x/1", "acme:x/2")
RUNS = ("acme:run/1", "acme:run/2")
JOBS = ("acme:job/1",)
SHARED = "other:shared"
POSITIONS = {
    *("position", "positions", "next_position", "message", "erased_by", "restraint", "entry"),
    *("stated_at", "batch_start", "released_by", "decided_by", "disclosure"),
    *("nextPosition", "erasedBy", "batchStart", "redactedAt"),
}
"""The fields of answers that hold positions."""

Question = Callable[[Ledger, str], object]
Said = tuple[int, int, int]


def mark(namespace: str, number: int) -> str:
    """Return a word that only one namespace was ever told."""
    return f"mark{namespace}{number}"


def records(namespace: str, kind: int, which: int, number: int) -> tuple[AnyRecord, ...]:
    """Return what is said: the same things in each namespace, and a mark in each."""
    word = mark(namespace, number)
    key, run, job = KEYS[which % 2], RUNS[which % 2], JOBS[0]
    match kind:
        case 0:
            owned: dict[str, JsonValue] = {"owner": f"{word}@example.org", "plain": word}
            node = Artifact(
                key=key, type="lineage.DataSet", name=f"same {word}", custom_properties=owned
            )
            return (node, Artifact(key=key, personal=("owner",), custom_properties=owned))
        case 1:
            return (
                Execution(key=run, type="lineage.Train", name=word),
                Event(artifact=key, execution=run, kind=EventKind.INPUT, path=(word,)),
                Event(artifact=KEYS[0], execution=run, kind=EventKind.OUTPUT),
            )
        case 2:
            return (
                Context(key=job, type="lineage.Experiment", name=word),
                Attribution(context=job, artifact=key),
            )
        case 3:
            return (
                Claim(
                    kind=Kind.ARTIFACT,
                    node=key,
                    identifier=SHARED,
                    link_class=LinkClass.ASSERTED,
                    evidence={"why": word},
                ),
            )
        case _:
            return (MetricSeries(execution=run, metric=word, chunk=0, points=((0, 1, None),)),)


class Told(NamedTuple):
    """A ledger of several namespaces, and of which namespace each position is."""

    ledger: Ledger
    at: list[str]


def tell(history: list[Said], erased: list[int]) -> Told:
    """Tell a history, hold and erase some of it, and prove some: all that leaves rows."""
    ledger = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    for number, (where, kind, which) in enumerate(history):
        namespace = NAMESPACES[where]
        said = Statement(
            id=f"s{number // 3}-{kind}",
            source="ci",
            records=records(namespace, kind, which, number),
        )
        try:
            ledger.record([said], namespace=namespace)
        except LedgerError:
            continue
    for where in erased:
        namespace = NAMESPACES[where]
        try:
            ledger.erasures.hold(KEYS[1], authority=mark(namespace, 900), namespace=namespace)
            ask = asked(KEYS[0], reason=mark(namespace, 901))
            ledger.erasures.erase(ask, namespace=namespace)
            ledger.erasures.propose(
                [KEYS[1]], legal_basis=mark(namespace, 902), namespace=namespace
            )
        except LedgerError:
            continue
    with ledger._store.read() as reader:
        size = reader.head().size
        at = [decode_envelope(one).namespace for one in reader.envelopes(0, size)] if size else []
    return Told(ledger, at)


# --- doors ---------------------------------------------------------------------------------------


def engine(ledger: Ledger, namespace: str) -> Iterator[object]:
    """Ask the engine everything there is to ask, and yield what it says."""
    for ask in QUESTIONS:
        yield attempt(ask, ledger, namespace)
    for position in range(ledger.head().size + 1):
        for ask_at in BY_POSITION:
            yield attempt(lambda one, where: ask_at(one, where, position), ledger, namespace)  # noqa: B023 - asked at once
    for other in NAMESPACES:
        page = ledger.list_nodes("artifact", count=1, namespace=other)
        if page.cursor is not None:
            yield attempt(lambda one, where: turn(one, where, page.cursor), ledger, namespace)  # noqa: B023 - as above


def turn(ledger: Ledger, namespace: str, cursor: str | None) -> object:
    """Ask for the page behind a cursor that another namespace's page gave."""
    return ledger.list_nodes("artifact", cursor=cursor, namespace=namespace)


def attempt(ask: Question, ledger: Ledger, namespace: str) -> object:
    """Ask, and take an error for an answer."""
    try:
        return ask(ledger, namespace)
    except LedgerError as error:
        return str(error)


KINDS = [kind.value for kind in Kind]
QUESTIONS: list[Question] = [
    *(
        lambda one, where, key=key, way=way: one.trace(
            TraceQuery(start=(key,), direction=way), namespace=where
        )
        for key in (*KEYS, *RUNS, *JOBS, SHARED)
        for way in (Direction.BOTH, Direction.UPSTREAM)
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
        lambda one, where, name=name: one.list_nodes(name, namespace=where)
        for name in (*KINDS, "lineage.DataSet", "lineage.Train", "lineage.Experiment")
    ),
    # Numbers that would run into the bits of another namespace's vertices.
    *(
        lambda one, where, number=number: list(
            one.contexts_of([(kind, number) for kind in Kind], namespace=where).values()
        )
        for low in (1, 2)
        for number in (low, *(low + (step << 46) for step in range(1, 5)), low + (1 << 44))
    ),
    lambda one, where: one.types(namespace=where),
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
    lambda one, where, at: one.erasures.proposal(at, where),
    lambda one, where, at: one.trace(TraceQuery(start=KEYS), as_of=at, namespace=where),
]

NODE = "kind localId key name uri properties customProperties propertyList { name redactedAt }"
EDGE = "artifact execution kind path time"
LINK = "kind node identifier class source evidence"
REDACTION = "position erasedBy requester approver legalBasis reason"
SHOWN = f"""node {{ {NODE} }} members {{ {NODE} }} contexts {{ {NODE} }} contained {{ {NODE} }}
    edges {{ {EDGE} }} links {{ {LINK} }} redactions {{ {REDACTION} }}
    series {{ metric points {{ step value }} }} basis {{ sources }}"""
PAGE = f"nodes {{ {NODE} }} redactions {{ {REDACTION} }}"
ENTRY = "position statement source namespace actor batchStart message records erased"
DOCUMENTS: list[tuple[str, list[str]]] = [
    *(
        (f"($is: String!, $of: String!) {{ {kind}(key: $is, namespace: $of) {{ {SHOWN} }} }}", keys)
        for kind, keys in (
            ("artifact", [*KEYS, SHARED]),
            ("execution", [*RUNS]),
            ("context", [*JOBS]),
        )
    ),
    (
        f"""($is: String!, $of: String!) {{
            lineage(start: [$is], namespace: $of, direction: DOWNSTREAM) {{
                nodes {{ {NODE} }} edges {{ {EDGE} }} links {{ {LINK} }}
                redactions {{ {REDACTION} }} entities {{ members merged {{ {NODE} }} }}
            }} }}""",
        [*KEYS, *RUNS, *JOBS, SHARED],
    ),
    (
        f"($is: String!, $of: String!) {{ find(text: $is, namespace: $of) {{ {PAGE} }} }}",
        ["mark", "same"],
    ),
    (
        f"($is: String!, $of: String!) {{ nodes(type: $is, namespace: $of) {{ {PAGE} }} }}",
        [*KINDS, "lineage.DataSet"],
    ),
    (
        f"""($is: String!, $of: String!) {{ entries(from: $is, namespace: $of, first: 1000) {{
            entries {{ {ENTRY} }} nextPosition redactions {{ {REDACTION} }} }} }}""".replace(
            "$is: String!", "$is: Int64!"
        ),
        ["0", "3"],
    ),
]


def graphql(ledger: Ledger, namespace: str) -> Iterator[object]:
    """Ask in GraphQL for every field that shows anything of a node or an entry."""
    for document, asked_of in DOCUMENTS:
        for text in asked_of:
            request = GraphQLRequest(f"query {document}", {"is": text, "of": namespace})
            executed = execute(ledger, request)
            codes = [one["extensions"]["code"] for one in json.loads(encode_json(executed.errors))]
            assert set(codes) <= {"NOT_FOUND"}, executed.errors
            yield executed


Door = Callable[[Ledger, str], Iterator[object]]
DOORS: dict[str, Door] = {"graphql": graphql}
"""What is held to it beside the engine: a door asks everything in one namespace, and yields what it
is answered. A new door is put here."""


# --- what no answer may hold ---------------------------------------------------------------------


def plain(answer: object) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return an answer as the JSON that a surface would send."""
    return json.loads(
        encode_json(list(answer) if isinstance(answer, type({}.values())) else answer)
    )


def positions_in(answer: Any) -> Iterator[int]:  # noqa: ANN401 - as above
    """Yield every position that an answer names."""
    if isinstance(answer, list):
        for one in answer:
            yield from positions_in(one)
    elif isinstance(answer, dict):
        for name, value in answer.items():
            if name in POSITIONS:
                numbers = value if isinstance(value, list) else [value]
                # GraphQL writes whole numbers of 64 bits as text.
                yield from (int(one) for one in numbers if str(one).isdigit())
            yield from positions_in(value)


ERASED = st.lists(st.integers(0, 2), max_size=2, unique=True)
HISTORIES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 1)), min_size=3, max_size=14
)


@given(HISTORIES, ERASED)
def test_no_answer_tells_anything_of_another_namespace(
    history: list[Said], erased: list[int]
) -> None:
    check_apart(engine, history, erased)


@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=10)
@given(HISTORIES, ERASED)
def test_no_door_tells_anything_of_another_namespace(
    door: str, history: list[Said], erased: list[int]
) -> None:
    check_apart(DOORS[door], history, erased)


def check_apart(door: Door, history: list[Said], erased: list[int]) -> None:
    told = tell(history, erased)
    for namespace in NAMESPACES:
        foreign = [f"mark{other}" for other in NAMESPACES if other != namespace]
        for answer in door(told.ledger, namespace):
            found = plain(answer)
            text = json.dumps(found)
            assert not [word for word in foreign if word in text], text
            for position in positions_in(found):
                assert position >= len(told.at) or told.at[position] == namespace, (found, position)


def test_what_is_proved_in_one_namespace_is_in_no_other(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "one.db") as ledger:
        for number, namespace in enumerate(NAMESPACES):
            said = Statement(id="s", source="ci", records=records(namespace, 0, 0, number))
            ledger.record([said], namespace=namespace)
        with ledger._store.read() as reader:
            at = [decode_envelope(one).namespace for one in reader.envelopes(0, 1_000)]
        for namespace in NAMESPACES:
            assert namespace in at
            for position, owner in enumerate(at):
                query = ProofQuery(target=position, shown=Shown(facts=False, personal=False))
                if owner == namespace:
                    assert ledger.prove(query, namespace=namespace).positions == (position,)
                else:
                    with pytest.raises(NotFoundError, match="no such entry"):
                        ledger.prove(query, namespace=namespace)


def test_every_view_says_of_which_namespace_its_rows_are() -> None:
    assert [table.name for table in TABLES if table.bound is None] == []
