import json
import time
from typing import cast

import pytest
from graphql import get_introspection_query

from lineage.service import Ledger
from lineage_api.graphql.limits import ALIASES_MAX, DEPTH_MAX, FIELDS_MAX, ROOT_FIELDS_MAX
from lineage_schemas.errors import StoreError
from surface_client import Object, SurfaceClient, code, dig, problem

RESPONSE = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("query", "expected", "reason"),
    [
        ('{ artifact(key: "nothing") { known } }', "NOT_FOUND", None),
        ('{ artifact(key: "git:commit/1") { known } }', "BAD_USER_INPUT", "invalid_identifier"),
        ('{ artifact(key: "--") { known } }', "BAD_USER_INPUT", "invalid_identifier"),
        ('{ links(node: "nothing") { cursor } }', "NOT_FOUND", None),
        ("{ unresolved(first: 0) { cursor } }", "BAD_USER_INPUT", "invalid_argument"),
        ('{ find(text: "--") { cursor } }', "BAD_USER_INPUT", "invalid_argument"),
        ('{ find(text: "x", first: 0) { cursor } }', "BAD_USER_INPUT", "invalid_argument"),
        ('{ find(text: "x", after: "x") { cursor } }', "BAD_USER_INPUT", "invalid_argument"),
        ('{ nodes(type: "none") { cursor } }', "NOT_FOUND", None),
        ("{ lineage(start: []) { stubs } }", "BAD_USER_INPUT", "invalid_argument"),
        ('{ lineage(start: "a:b", nodes: 10001) { stubs } }', "BAD_USER_INPUT", "invalid_argument"),
        ('{ lineage(start: "a:b", depth: -1) { stubs } }', "BAD_USER_INPUT", "invalid_argument"),
        ("{ entries(from: -1) { nextPosition } }", "BAD_USER_INPUT", "invalid_argument"),
    ],
)
def test_a_question_that_cannot_be_is_a_coded_error(
    told: SurfaceClient, query: str, expected: str, reason: str | None
) -> None:
    error = told.refused(query)
    assert code(error) == expected
    assert cast("Object", error["extensions"]).get("reason") == reason
    assert error["path"]
    assert "Traceback" not in json.dumps(error)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ lineage(start: "a:b", cross: [GUESSED]) { stubs } }', "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...a } fragment a on Query { ...a }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { x }", "OPERATION_RESOLUTION_FAILURE"),
        ("query A { head { size } } query B { head { size } }", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment a on Query { head { size } }", "OPERATION_RESOLUTION_FAILURE"),
    ],
)
def test_what_cannot_be_executed_is_a_coded_error_without_data(
    told: SurfaceClient, query: str, expected: str
) -> None:
    for accept, status in (("application/json", 200), (RESPONSE, 400)):
        answer = told.send(
            "POST",
            "/graphql",
            content=json.dumps({"query": query}).encode(),
            headers={"Content-Type": "application/json", "Accept": accept},
        )
        assert answer.status_code == status
        assert "data" not in answer.json()
        assert [code(error) for error in answer.json()["errors"]] == [expected]


def test_an_operation_can_be_named(told: SurfaceClient) -> None:
    query = "query A { head { size } } query B { head { root } }"
    answer = told.post("/graphql", {"query": query, "operationName": "B"}).json()
    assert list(answer["data"]["head"]) == ["root"]
    answer = told.post("/graphql", {"query": query, "operationName": "C"}).json()
    assert code(answer["errors"][0]) == "OPERATION_RESOLUTION_FAILURE"


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (StoreError("The disk is away", hint="Fetch it."), "STORE_UNAVAILABLE", "The disk is away"),
        (
            ZeroDivisionError("a secret"),
            "INTERNAL_SERVER_ERROR",
            "The server met a fault of its own",
        ),
    ],
)
def test_a_failing_resolver_is_a_coded_error(
    told: SurfaceClient,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    expected: str,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(Ledger, "types", fail)
    error = told.refused("{ types { types { name } } }")
    assert (code(error), error["message"], error["path"]) == (expected, message, ["types"])
    assert "secret" not in json.dumps(error)


# --- limits --------------------------------------------------------------------------------------


def doubling(levels: int, inner: str) -> str:
    """Return a document of fragments that each spread the next one twice."""
    fragments = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return " ".join(["{ ...f0 }", *fragments, f"fragment f{levels} on Query {{ {inner} }}"])


def nested(levels: int) -> str:
    return (
        "{ __schema { types " + "{ fields { type " * levels + "{ name }" + " } }" * levels + " } }"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (doubling(60, "head { size }"), "ROOT_FIELD_LIMIT_EXCEEDED"),
        (doubling(99, "head { size }"), "ROOT_FIELD_LIMIT_EXCEEDED"),
        (doubling(100, "head { size }"), "FRAGMENT_LIMIT_EXCEEDED"),
        (nested(DEPTH_MAX), "DEPTH_LIMIT_EXCEEDED"),
        (
            "{ head { " + " ".join(f"a{n}: size" for n in range(ALIASES_MAX + 1)) + " } }",
            "ALIAS_LIMIT_EXCEEDED",
        ),
        ("{ " + "head { size } " * (ROOT_FIELDS_MAX + 1) + "}", "ROOT_FIELD_LIMIT_EXCEEDED"),
        ("{ " + "head { size } " * 2_000 + "}", "GRAPHQL_PARSE_FAILED"),
        ("{ " + "... on Query { " * 300 + "head { size }" + " }" * 301, "GRAPHQL_PARSE_FAILED"),
        (
            "{ head { ...f0 } } "
            + " ".join(f"fragment f{n} on Head {{ ...f{n + 1} ...f{n + 1} }}" for n in range(19))
            + " fragment f19 on Head { size root }",
            "FIELD_LIMIT_EXCEEDED",
        ),
    ],
    ids=[
        "doubling",
        "doubling more",
        "fragments",
        "depth",
        "aliases",
        "root fields",
        "tokens",
        "inline fragments",
        "fields",
    ],
)
def test_a_bomb_is_refused_at_once(told: SurfaceClient, query: str, expected: str) -> None:
    assert FIELDS_MAX < 2**19
    # The surface runs in this process; what others do to the machine meanwhile is not its work.
    begun = time.process_time()
    error = told.refused(query)
    assert time.process_time() - begun < 1
    assert code(error) == expected


def test_introspection_is_within_the_limits(told: SurfaceClient) -> None:
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert dig(told.ask(query), "__schema", "queryType", "name") == "Query"


def test_a_long_body_is_refused(told: SurfaceClient) -> None:
    body = {"query": "{ head { size } }" + " " * 100_000}
    problem(told.post("/graphql", body), 413, "body_too_large")


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, application/json;q=0.9", RESPONSE),
        (f"application/json, {RESPONSE}", "application/json"),
        (f"application/json;q=0.5, {RESPONSE};q=0.8, */*;q=0.1", RESPONSE),
        ("text/html, application/*;q=0.2", "application/json"),
        ("application/json;q=0, */*", RESPONSE),
    ],
)
def test_the_answer_is_of_the_type_wished_for(
    told: SurfaceClient, accept: str, expected: str
) -> None:
    answer = told.send(
        "POST",
        "/graphql",
        content=b'{"query": "{ head { size } }"}',
        headers={"Content-Type": "application/json", "Accept": accept},
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "*/*;q=0"])
def test_no_other_type_can_be_had(told: SurfaceClient, accept: str) -> None:
    headers = {"Content-Type": "application/json", "Accept": accept}
    answer = told.send(
        "POST", "/graphql", content=b'{"query": "{ head { size } }"}', headers=headers
    )
    problem(answer, 406, "not_acceptable")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b"{}", b'{"query": 1}', b'{"query": "{}", "variables": []}', b"\xff"],
)
def test_a_body_that_is_no_request_is_refused(told: SurfaceClient, body: bytes) -> None:
    answer = told.post("/graphql", body)
    assert answer.status_code == 400
    assert [code(error) for error in answer.json()["errors"]] == ["BAD_USER_INPUT"]


def test_get_and_other_media_types_are_refused(told: SurfaceClient) -> None:
    answer = told.get("/graphql?query={head{size}}")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    body = b'{"query": "{ head { size } }"}'
    problem(told.post("/graphql", body, "text/plain"), 415, "unsupported_media_type")
