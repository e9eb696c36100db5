import json
from typing import cast

import pytest

from lineage.service import Ledger
from lineage_schemas.codec import decode_statement
from lineage_schemas.records import Statement
from lineage_schemas.values import JsonValue
from surface_client import Object, SurfaceClient, code, dig
from surface_story import DATA, MODEL, RUN, tell


def test_an_artifact_shows_all_that_is_known_of_it(told: SurfaceClient) -> None:
    query = """query ($key: String!) { artifact(key: $key) {
        known basis { size sources complete }
        node { kind localId key type name stub properties customProperties
               propertyList { name type value declared } }
        members { key } edges { artifact execution kind path time }
        links { class identifier source evidence } truncations { reason limit hidden }
    } }"""
    assert dig(told.ask(query, key=MODEL), "artifact") == {
        "known": True,
        "basis": {"size": "3", "sources": ["lineage", "test"], "complete": True},
        "node": {
            "kind": "ARTIFACT",
            "localId": "2",
            "key": MODEL,
            "type": "lineage.Model",
            "name": "fraud model",
            "stub": False,
            "properties": {"parameter_count": 2**60},
            "customProperties": {"score": {"$float": "NaN"}, "note": "first"},
            "propertyList": [
                {"name": "parameter_count", "type": "INT", "value": 2**60, "declared": True},
                {"name": "note", "type": "STRING", "value": "first", "declared": False},
                {
                    "name": "score",
                    "type": "DOUBLE",
                    "value": {"$float": "NaN"},
                    "declared": False,
                },
            ],
        },
        "members": [{"key": MODEL}],
        "edges": [
            {
                "artifact": "2",
                "execution": "1",
                "kind": "OUTPUT",
                "path": ["models", 0],
                "time": "2026-01-02T03:04:05.000000Z",
            }
        ],
        "links": [
            {
                "class": "ASSERTED",
                "identifier": "mlflow:model/server/m-1",
                "source": "test",
                "evidence": {"file": "a"},
            }
        ],
        "truncations": [],
    }


def test_an_execution_shows_its_contexts_and_metrics(told: SurfaceClient) -> None:
    query = """query ($key: String!) { execution(key: $key) {
        node { key } contexts { key } series { metric points { step value time } } } }"""
    assert dig(told.ask(query, key=RUN), "execution") == {
        "node": {"key": RUN},
        "contexts": [{"key": "mytool:experiment/1"}],
        "series": [
            {
                "metric": "loss",
                "points": [
                    {"step": "0", "value": 0.5, "time": None},
                    {
                        "step": "1",
                        "value": {"$float": "NaN"},
                        "time": "2026-01-02T03:04:05.000000Z",
                    },
                ],
            }
        ],
    }


def test_a_context_shows_what_belongs_to_it(told: SurfaceClient) -> None:
    query = '{ context(key: "mytool:experiment/1") { known contained { key } } }'
    assert told.ask(query) == {"context": {"known": True, "contained": [{"key": RUN}]}}


def test_a_claimed_identifier_leads_to_the_node(told: SurfaceClient) -> None:
    query = '{ artifact(key: "mlflow:model/server/m-1") { node { key } } }'
    assert told.ask(query) == {"artifact": {"node": {"key": MODEL}}}


def test_what_the_log_has_not_heard_of_is_a_stub_on_a_basis(told: SurfaceClient) -> None:
    query = (
        '{ artifact(key: "mytool:none") { known node { key stub kind localId } basis { size } } }'
    )
    assert told.ask(query) == {
        "artifact": {
            "known": False,
            "node": {"key": "mytool:none", "stub": True, "kind": None, "localId": None},
            "basis": {"size": "3"},
        }
    }


LINEAGE = """query (
        $start: [String!]!, $direction: Direction! = UPSTREAM, $depth: Int, $asOf: AsOf
    ) { lineage(start: $start, direction: $direction, depth: $depth, asOf: $asOf) {
        nodes { key depth stub } edges { artifact execution kind } links { class }
        entities { members } truncations { reason limit hidden } stubs unknown complete direction
        basis { size askedSize } } }"""


def test_lineage_is_flat_and_counts_its_stubs(told: SurfaceClient) -> None:
    found = dig(told.ask(LINEAGE, start=[MODEL]), "lineage")
    assert dig(found, "nodes") == [
        {"key": MODEL, "depth": 0, "stub": False},
        {"key": RUN, "depth": 1, "stub": False},
        {"key": DATA, "depth": 2, "stub": True},
    ]
    edges = cast("list[JsonValue]", dig(found, "edges"))
    assert {str(dig(edge, "kind")) for edge in edges} == {"INPUT", "OUTPUT"}
    assert (dig(found, "stubs"), dig(found, "unknown"), dig(found, "complete")) == (1, [], True)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("UPSTREAM", [RUN, DATA]), ("DOWNSTREAM", [RUN, MODEL]), ("BOTH", [RUN, DATA, MODEL])],
)
@pytest.mark.parametrize("is_written_out", [False, True], ids=["variable", "literal"])
def test_lineage_goes_the_way_that_is_asked_for(
    told: SurfaceClient, direction: str, expected: list[str], *, is_written_out: bool
) -> None:
    if is_written_out:
        query = f'{{ lineage(start: ["{RUN}"], direction: {direction}) {{ nodes {{ key }} }} }}'
        found = dig(told.ask(query), "lineage", "nodes")
    else:
        found = dig(told.ask(LINEAGE, start=[RUN], direction=direction), "lineage", "nodes")
    keys = {str(dig(node, "key")) for node in cast("list[JsonValue]", found)}
    assert keys == set(expected)


@pytest.mark.parametrize("classes", ["[DERIVED]", "[ASSERTED, CONTENT]", "[]"])
def test_the_classes_that_are_crossed_may_be_written_out(told: SurfaceClient, classes: str) -> None:
    query = f'{{ lineage(start: ["{RUN}"], cross: {classes}) {{ nodes {{ key }} }} }}'
    assert dig(told.ask(query), "lineage", "nodes")


def test_an_unknown_start_is_a_counted_stub(told: SurfaceClient) -> None:
    found = dig(told.ask(LINEAGE, start=["mytool:none", MODEL]), "lineage")
    assert {"key": "mytool:none", "depth": 0, "stub": True} in cast(
        "list[JsonValue]", dig(found, "nodes")
    )
    assert (dig(found, "stubs"), dig(found, "unknown")) == (2, ["mytool:none"])


def test_a_cut_answer_says_so(told: SurfaceClient) -> None:
    found = dig(told.ask(LINEAGE, start=[MODEL], depth=1), "lineage")
    assert dig(found, "truncations") == [{"reason": "DEPTH", "limit": 1, "hidden": "1"}]
    assert dig(found, "complete") is False


def test_find_and_list_give_pages(told: SurfaceClient) -> None:
    tell(told, "more", *({"record": "artifact", "key": f"mytool:x/{n}"} for n in range(5)))
    for field in (
        'find(text: "x", first: 2, after: $after)',
        'nodes(type: "artifact", first: 2, after: $after)',
    ):
        query = f"query ($after: String) {{ page: {field} {{ nodes {{ key }} cursor }} }}"
        keys: list[str] = []
        after: JsonValue = None
        while True:
            page = dig(told.ask(query, after=after), "page")
            nodes = cast("list[JsonValue]", dig(page, "nodes"))
            assert len(nodes) <= 2
            keys += [str(dig(node, "key")) for node in nodes]
            after = dig(page, "cursor")
            if after is None:
                break
        assert len(keys) == len(set(keys)) >= 5


def test_a_cursor_and_as_of_contradict_each_other(told: SurfaceClient) -> None:
    query = (
        'query ($after: String) { nodes(type: "artifact", first: 1, after: $after %s) { cursor } }'
    )
    after = dig(told.ask(query % "", after=None), "nodes", "cursor")
    assert code(told.refused(query % "asOf: {size: 0}", after=after)) == "BAD_USER_INPUT"


def test_entries_are_the_log(told: SurfaceClient, ledger: Ledger) -> None:
    query = """query ($from: Int64! = 0) { entries(from: $from, first: 2) { nextPosition
        entries { position leaf statement source mode recordedAt statedPrecision records } } }"""
    first = dig(told.ask(query), "entries")
    assert dig(first, "nextPosition") == "2"
    rest = dig(told.ask(query, **{"from": "2"}), "entries")
    assert dig(rest, "nextPosition") is None
    (entry,) = cast("list[JsonValue]", dig(rest, "entries"))
    view = ledger.entries(2).entries[0]
    assert entry == {
        "position": "2",
        "leaf": view.leaf,
        "statement": "story",
        "source": "test",
        "mode": "OBSERVATION",
        "recordedAt": view.recorded_at,
        "statedPrecision": None,
        "records": list(view.records or ()),
    }


def test_types_are_listed_with_their_properties(told: SurfaceClient) -> None:
    wanted = "kind localId name baseType version properties { name type }"
    found = told.ask("{ types { types { " + wanted + " } } }")
    types = {dig(one, "name"): one for one in cast("list[JsonValue]", dig(found, "types", "types"))}
    model = types["lineage.Model"]
    assert (dig(model, "kind"), dig(model, "baseType")) == ("ARTIFACT", "mlmd.Model")
    properties = cast("list[JsonValue]", dig(model, "properties"))
    assert {"name": "parameter_count", "type": "INT"} in properties


def test_head_and_basis_agree(told: SurfaceClient, ledger: Ledger) -> None:
    found = told.ask("{ head { origin size root recordedAt } basis { origin size root software } }")
    head = ledger.head()
    assert dig(found, "head", "size") == str(head.size)
    assert dig(found, "head", "root") == dig(found, "basis", "root") == head.root.hex()
    assert dig(found, "head", "origin") == dig(found, "basis", "origin") == "test/origin"


def test_an_empty_log_answers(client: SurfaceClient) -> None:
    found = client.ask(
        "{ head { size recordedAt } types { types { name } } entries { entries { leaf } } "
        'find(text: "x") { nodes { key } } lineage(start: "mytool:x") { stubs unknown } }'
    )
    assert found == {
        "head": {"size": "0", "recordedAt": None},
        "types": {"types": []},
        "entries": {"entries": []},
        "find": {"nodes": []},
        "lineage": {"stubs": 1, "unknown": ["mytool:x"]},
    }


# --- as of ---------------------------------------------------------------------------------------


def test_the_past_can_be_asked_by_size_time_and_basis(told: SurfaceClient) -> None:
    query = """query ($asOf: AsOf) { artifact(key: "mytool:model/1", asOf: $asOf) {
        node { name } basis { origin size root projection } }
        head { recordedAt } }"""
    before = told.ask(query)
    tell(told, "rename", {"record": "artifact", "key": MODEL, "name": "renamed"})
    assert dig(told.ask(query), "artifact", "node", "name") == "renamed"
    basis = dig(before, "artifact", "basis")
    pasts: tuple[Object, ...] = (
        {"size": dig(basis, "size")},
        {"size": 3},
        {"time": dig(before, "head", "recordedAt")},
        {"basis": basis},
    )
    for as_of in pasts:
        assert dig(told.ask(query, asOf=as_of), "artifact") == before["artifact"], as_of


def test_a_size_inside_a_batch_is_rounded_down(told: SurfaceClient) -> None:
    found = dig(told.ask(LINEAGE, start=[MODEL], asOf={"size": 2}), "lineage", "basis")
    assert found == {"size": "0", "askedSize": "2"}


@pytest.mark.parametrize(
    "as_of",
    [
        {},
        {"size": 1, "time": "2026-01-01T00:00:00Z"},
        {"size": None},
        {"size": "many"},
        {"size": 2**63},
        {"size": 1.5},
        {"size": True},
        {"time": "2026-01-01"},
        {"time": 7},
        {"day": 1},
    ],
    ids=str,
)
def test_as_of_says_exactly_one_thing(told: SurfaceClient, as_of: Object) -> None:
    body = {"query": LINEAGE, "variables": {"start": [MODEL], "asOf": as_of}}
    answer = told.post("/graphql", body).json()
    assert "data" not in answer
    assert {code(error) for error in answer["errors"]} == {"BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "as_of",
    [
        {"size": 99},
        {"size": -1},
        {"basis": {"origin": "other", "size": 1, "root": "00", "projection": "views/1"}},
    ],
    ids=str,
)
def test_a_past_that_is_not_there_is_a_coded_error(told: SurfaceClient, as_of: Object) -> None:
    error = told.refused(LINEAGE, start=[MODEL], asOf=as_of)
    assert code(error) == "UNKNOWN_BASIS"


def test_one_request_is_of_one_size(told: SurfaceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody appends between the two questions of one request."""
    ledger = told.surface.ledger
    show = Ledger.show

    def show_and_append(self: Ledger, *given: object, **named: object) -> object:
        found = show(self, *given, **named)  # type: ignore[arg-type]
        size = self.head().size
        statement = {
            "id": f"s{size}",
            "source": "b",
            "records": [{"record": "artifact", "key": f"b:{size}"}],
        }
        delivery = ledger.prepare([_statement(statement)])
        ledger.commit([delivery])
        return found

    monkeypatch.setattr(Ledger, "show", show_and_append)
    query = """{
        a: artifact(key: "b:1") { basis { size } }
        b: artifact(key: "b:2") { basis { size } }
        head { size } }"""
    found = told.ask(query)
    sizes = {str(dig(found, "a", "basis", "size")), str(dig(found, "b", "basis", "size"))}
    assert sizes == {"3"} == {str(dig(found, "head", "size"))}
    assert ledger.head().size == 5


def _statement(document: object) -> Statement:
    return decode_statement(json.dumps(document).encode())
