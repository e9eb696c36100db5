"""What serves, and a registered model, asked over GraphQL."""

import json

import pytest

from calendars import DAWN, moves_in, say_move
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Attribution, Context, Ledger, Statement
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_api.graphql.endpoint import GraphQLRequest, execute
from lineage_schemas.codec import encode_json
from lineage_schemas.values import JsonValue

SERVING = """
query($at: DateTime, $of: String) {
  serving(of: $of, validAt: $at) {
    validAt complete unplaced
    basis { size validAt }
    intervals {
      deployment place environmentName role trafficRatio start startAfter end ending isRollback
      certainty serves { key path linkClass } positions
    }
  }
}
"""


@pytest.fixture
def ledger() -> Ledger:
    made = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
    made.record(
        [
            Statement(
                id="model",
                source="registry",
                records=(
                    Context(
                        key="acme:fraud",
                        type="lineage.RegisteredModel",
                        properties={"display_name": "fraud"},
                    ),
                    Artifact(
                        key="acme:version/1",
                        type="lineage.ModelVersion",
                        properties={"number": 1, "semantic_version": "1.0.0"},
                    ),
                    Attribution(context="acme:fraud", artifact="acme:version/1"),
                ),
            )
        ]
    )
    first, second = moves_in("0 blue deploy a role=champion share=0.5\n10 blue deploy b after=8")
    made.record([say_move(first, inputs=["acme:version/1"])])
    made.record([say_move(second)])
    return made


def ask(ledger: Ledger, document: str, **variables: JsonValue) -> dict[str, JsonValue]:
    executed = execute(ledger, GraphQLRequest(document, variables))
    assert not executed.errors, executed.errors
    found: dict[str, JsonValue] = json.loads(encode_json(executed.data))
    return found


def test_graphql_lists_who_served_with_every_word_of_it(ledger: Ledger) -> None:
    at = "2026-01-01T09:00:00.000000Z"
    found = ask(ledger, SERVING, at=at, of="acme:version/1")["serving"]
    assert found == {
        "validAt": at,
        "complete": True,
        "unplaced": "0",
        "basis": {"size": str(ledger.head().size), "validAt": at},
        "intervals": [
            {
                "deployment": "acme:blue/a",
                "place": "acme:blue",
                "environmentName": "production",
                "role": "CHAMPION",
                "trafficRatio": 0.5,
                "start": "2026-01-01T00:00:00.000000Z",
                "startAfter": None,
                "end": "2026-01-01T10:00:00.000000Z",
                "ending": "REPLACED",
                "isRollback": False,
                "certainty": "POSSIBLE",
                "serves": [
                    {
                        "key": "acme:version/1",
                        "path": ["acme:blue/a", "acme:move/000", "acme:version/1"],
                        "linkClass": None,
                    }
                ],
                "positions": [str(ledger.head().size - 2), str(ledger.head().size - 1)],
            }
        ],
    }
    nobody = ask(ledger, SERVING, at="2025-12-31T23:59:59.999999Z")["serving"]
    assert isinstance(nobody, dict)
    assert nobody["intervals"] == []


def test_graphql_shows_a_registered_model_with_what_served(ledger: Ledger) -> None:
    document = """
    { registeredModel(name: "fraud") {
        name models complete
        versions { key number semanticVersion changeClass exists { exists }
                   serving { deployment } }
        previousGood { serving }
    } }
    """
    assert ask(ledger, document)["registeredModel"] == {
        "name": "fraud",
        "models": ["acme:fraud"],
        "complete": True,
        "versions": [
            {
                "key": "acme:version/1",
                "number": "1",
                "semanticVersion": "1.0.0",
                "changeClass": None,
                "exists": {"exists": "YES"},
                "serving": [{"deployment": "acme:blue/a"}],
            }
        ],
        "previousGood": [],
    }


def test_a_basis_handed_back_over_graphql_brings_its_valid_time_along(ledger: Ledger) -> None:
    asked = """
    query($at: DateTime) { serving(validAt: $at) {
        basis { origin size root projection validAt } intervals { deployment } } }
    """
    first = ask(ledger, asked, at=DAWN.isoformat())["serving"]
    assert isinstance(first, dict)
    again = """
    query($basis: BasisInput!) { serving(asOf: {basis: $basis}) {
        validAt intervals { deployment } } }
    """
    second = ask(ledger, again, basis=first["basis"])["serving"]
    assert second == {
        "validAt": "2026-01-01T00:00:00.000000Z",
        "intervals": first["intervals"],
    }


def test_an_interval_of_stated_time_is_asked_and_handed_back_over_graphql(ledger: Ledger) -> None:
    asked = """
    query($from: DateTime!, $to: DateTime!) { serving(validDuring: {from: $from, to: $to}) {
        validAt validDuring { from to }
        basis { origin size root projection validDuring { from to } } intervals { deployment } } }
    """
    day = {"from": "2026-01-01T00:00:00.000000Z", "to": "2026-01-01T08:00:00.000001Z"}
    first = ask(ledger, asked, **day)["serving"]
    assert isinstance(first, dict)
    basis = first["basis"]
    assert isinstance(basis, dict)
    assert (first["validAt"], first["validDuring"], basis["validDuring"]) == (None, day, day)
    assert first["intervals"] == [{"deployment": "acme:blue/a"}]
    again = """
    query($basis: BasisInput!) { serving(asOf: {basis: $basis}) {
        validDuring { from to } intervals { deployment } } }
    """
    assert ask(ledger, again, basis=basis)["serving"] == {
        "validDuring": day,
        "intervals": first["intervals"],
    }


def test_a_lineage_over_graphql_states_the_valid_time_it_was_asked_of(ledger: Ledger) -> None:
    asked = """
    query($during: ValidDuring) { lineage(start: ["acme:version/1"], validDuring: $during) {
        basis { validAt validDuring { from to } } } }
    """
    day: dict[str, JsonValue] = {
        "from": "2026-01-01T00:00:00.000000Z",
        "to": "2026-01-02T00:00:00.000000Z",
    }
    answer = ask(ledger, asked, during=day)["lineage"]
    assert answer == {"basis": {"validAt": None, "validDuring": day}}
