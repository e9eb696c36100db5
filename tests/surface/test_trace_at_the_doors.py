"""Filters, stops, fan-outs and valid times of a trace, at the terminal and over GraphQL."""

import json
from datetime import UTC, datetime

import pytest

from lineage.ledger import Event, EventKind, StatedTime, Statement, TraceQuery
from lineage_api.bodies import json_response
from surface_client import SurfaceClient
from surface_story import tell
from terminal import MODEL, RUN, Terminal

DATA = "uri:file:///data.csv"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def told(terminal: Terminal) -> Terminal:
    """Let the run of the terminal's story read data, at noon as its source states."""
    read = Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT)
    terminal.tell(Statement(id="read", source="s3", records=(read,), stated=StatedTime(start=NOON)))
    return terminal


def test_a_filtered_tree_says_what_it_leaves_out(told: Terminal) -> None:
    tree = told.done("trace", MODEL, "--filter", "is:stub").splitlines()
    assert [line for line in tree if line.startswith("filtered")] == [
        "filtered  1 node found that the filter leaves out"
    ]
    assert not any(RUN in line for line in tree)


def test_a_tree_says_where_it_stops(told: Terminal) -> None:
    tree = told.done("trace", MODEL, "--stop-at", "kind:execution").splitlines()
    assert "stopped   at 1 node, as asked" in tree
    assert not any(DATA in line for line in tree)


def test_a_filter_that_is_none_is_bad_input(told: Terminal) -> None:
    refused = told.run("trace", MODEL, "--filter", "kind:thing")
    assert refused.exit_code == 2
    assert "There is no kind 'thing'" in refused.stderr
    assert "at character 1" in refused.stderr


def test_a_tree_of_a_stated_time_says_so_and_what_was_not_there_yet(told: Terminal) -> None:
    early = told.done("trace", DATA, "--valid-at", "2026-01-01T11:00:00Z").splitlines()
    assert "so        at 2026-01-01T11:00:00.000000Z, as sources state it" in early
    assert f"not yet   {DATA}" in early
    late = told.done(
        "trace", DATA, "--direction", "downstream", "--valid-at", "2026-01-01T12:00:00Z"
    )
    assert RUN in late
    assert "not yet" not in late


def test_edges_beyond_a_fan_out_are_told_of(told: Terminal) -> None:
    more = Event(artifact="uri:file:///more.csv", execution=RUN, kind=EventKind.INPUT)
    told.tell(Statement(id="more", source="s3", records=(more,)))
    tree = told.done("trace", MODEL, "--fanout", "1").splitlines()
    assert "cut       by the limit of 1 for fanout: at least 1 edge hidden" in tree
    assert "complete  no" in tree


def test_graphql_filters_stops_and_asks_of_a_stated_time(client: SurfaceClient) -> None:
    event = {"record": "event", "artifact": "acme:a", "execution": "acme:e"}
    made = {**event, "artifact": "acme:b", "kind": "OUTPUT"}
    tell(client, "one", {**event, "kind": "INPUT"}, made)
    answer = client.ask(
        "fragment Found on LineageAnswer "
        "{ nodes { key } filtered stopped undated unresolved complete } "
        '{ filtered: lineage(start: "acme:b", filter: "kind:artifact") { ...Found } '
        'stopped: lineage(start: "acme:b", stopAt: "kind:execution") { ...Found } '
        'then: lineage(start: "acme:b", validAt: "2026-01-01T00:00:00Z", fanout: 1) { ...Found } }'
    )
    whole = {"filtered": 0, "stopped": 0, "undated": 0, "unresolved": 3, "complete": True}
    assert answer == {
        "filtered": {**whole, "nodes": keys("b", "a"), "filtered": 1},
        "stopped": {**whole, "nodes": keys("b", "e"), "stopped": 1, "unresolved": 2},
        "then": {**whole, "nodes": keys("b", "e", "a"), "undated": 5},
    }


def keys(*names: str) -> list[dict[str, str]]:
    return [{"key": f"acme:{name}"} for name in names]


def test_a_form_that_cannot_say_what_is_missing_is_refused(told: Terminal) -> None:
    for asked in (["mytool:nowhere/1"], [DATA, "--valid-at", "2026-01-01T11:00:00Z"]):
        refused = told.run("trace", *asked, "--format", "openlineage")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "OpenLineage has no event for this answer" in refused.stderr


def test_a_drawing_says_what_had_not_begun_and_what_is_undated_or_unresolved(
    told: Terminal,
) -> None:
    early = told.done("trace", DATA, "--valid-at", "2026-01-01T11:00:00Z", "--format", "dot")
    assert f"not begun: {DATA}" in early
    late = told.done("trace", MODEL, "--valid-at", "2026-01-01T12:00:00Z", "--format", "dot")
    answer = json.loads(
        told.done("trace", MODEL, "--valid-at", "2026-01-01T12:00:00Z", "--format", "json")
    )
    stubs = [node["key"] for node in answer["nodes"] if node.get("stub")]
    assert DATA in stubs
    assert f"unresolved: {len(stubs)} of the stubs" in late
    assert answer["undated"] > 0
    assert f"undated, counted in: {answer['undated']}" in late


def test_a_trace_in_json_says_whether_it_is_complete(told: Terminal) -> None:
    whole = json.loads(told.done("trace", MODEL, "--format", "json"))
    assert (whole["complete"], whole["basis"]["complete"]) == (True, True)
    cut = json.loads(told.done("trace", MODEL, "--depth", "1", "--format", "json"))
    assert (cut["complete"], cut["basis"]["complete"]) == (False, True)
    assert [one["reason"] for one in cut["truncations"]] == ["depth"]


def test_an_answer_over_http_says_whether_it_is_complete(told: Terminal) -> None:
    with told.open() as ledger:
        answer = ledger.trace(TraceQuery(start=("acme:nobody",)))
    body = json.loads(bytes(json_response(answer).body))
    assert (body["unknown"], body["complete"]) == (["acme:nobody"], False)
    assert json.loads(bytes(json_response({"status": "alive"}).body)) == {"status": "alive"}
