"""What messages of CDEvents say: causes, places, roles, people, and what is kept and not read."""

import json
from typing import cast

import pytest

from cdevents_messages import (
    SOURCE,
    Object,
    cdevent,
    enveloped,
    message_id,
    message_key,
    new_ledger,
    path_from,
    receive,
    receive_bodies,
    told,
    trigger,
)
from checks import check_ledger
from lineage.connectors.base import ReceivedMessage, statements_of
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.ledger import Direction, TraceQuery
from lineage.service import Ledger
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.graph import Node
from lineage_schemas.limits import NAME_BYTES_MAX, STATEMENT_ID_BYTES_MAX
from lineage_schemas.mlmd import Event, Execution, Kind
from lineage_schemas.records import Message, Statement
from lineage_schemas.values import JsonValue

PRODUCTION: Object = {"environment": {"id": "production"}}
MODEL = "mlflow:model-version/prod/churn/3"
PLACE = "cdevents:place/%2Fci/churn/production"


def statements(event: Object, **more: JsonValue) -> tuple[Statement, ...]:
    body = json.dumps(enveloped(event, **more)).encode()
    message = ReceivedMessage(body, "application/cloudevents+json")
    return statements_of(message, CDEventsMapping(), "cdevents")


def flags(event: Object, **more: JsonValue) -> tuple[str, ...]:
    """Return why a message is kept and states nothing; that it does is part of it."""
    (statement,) = statements(event, **more)
    (kept,) = statement.records
    assert isinstance(kept, Message)
    return kept.flags


def step_of(event: Object) -> Execution:
    return next(
        record
        for statement in statements(event)
        for record in statement.records
        if isinstance(record, Execution)
    )


def move_of(event: Object) -> Object:
    return cast("Object", step_of(event).custom_properties["serving"])


def causes_of(event: Object) -> set[tuple[str, str]]:
    """Return the messages that a step says it was set off by, and how it says so."""
    return {
        (str(record.artifact), str(record.path[0]))
        for statement in statements(event)
        for record in statement.records
        if isinstance(record, Event) and str(record.artifact).startswith("cdevents:message/")
        if record.kind.is_input
    }


def shown(ledger: Ledger, key: str, kind: Kind = Kind.ARTIFACT) -> Node:
    return ledger.show(key, kind=kind)[0].node


def upstream(ledger: Ledger, key: str) -> set[str]:
    query = TraceQuery(start=(key,), direction=Direction.UPSTREAM)
    return {str(node.key) for node in ledger.trace(query).nodes}


# --- causes --------------------------------------------------------------------------------------


def test_a_cause_is_an_edge_whichever_message_came_first() -> None:
    first = cdevent("change.merged", 1, "pull-7")
    second = cdevent("pipelinerun.started", 2, "run-1", links=[trigger(1)])
    third = cdevent("taskrun.started", 3, "task-1", links=[path_from(2)])
    for order in ((first, second, third), (third, second, first), (third, first, second)):
        ledger = told(*order)
        found = upstream(ledger, message_key(3))
        assert {"cdevents:pipelinerun/%2Fci/run-1", "cdevents:change/%2Fci/pull-7"} <= found


def test_a_cause_that_never_came_is_a_stub() -> None:
    ledger = told(cdevent("pipelinerun.started", 2, "run-1", links=[trigger(1)]))
    assert shown(ledger, message_key(1)).stub


def test_what_comes_before_an_end_is_not_what_set_off_the_run() -> None:
    """Else a run would come of its own tasks, and each of them of those after it."""
    ended = cdevent("pipelinerun.finished", 5, "run-1", links=[path_from(4), trigger(1)])
    assert causes_of(ended) == {(message_key(1), "trigger")}
    assert shown(told(ended), message_key(5)).custom_properties["cdevents.after"] == {
        "items": [message_key(4)]
    }


def test_a_message_does_not_set_off_itself() -> None:
    """As it seems where an example of the specification gives two messages one id."""
    assert causes_of(cdevent("build.started", 1, links=[path_from(1)])) == set()


def test_links_that_say_no_cause_are_no_edges() -> None:
    other: Object = {
        "linkType": "RELATION",
        "linkKind": "COMPOSITION",
        "target": {"contextId": "x"},
    }
    assert causes_of(cdevent("build.started", 1, links=[other])) == set()


def test_an_id_that_is_no_uuid_names_a_message_of_the_same_source_alone() -> None:
    """Two sources that both count from one have nothing to do with each other."""
    link: Object = {"linkType": "PATH", "from": {"contextId": "1"}}
    here = cdevent("build.started", 2, links=[link])
    there = json.loads(json.dumps(here).replace(f'"{SOURCE}"', '"/elsewhere"'))
    assert causes_of(here) == {("cdevents:message/%2Fci/1", "cause")}
    assert causes_of(there) == {("cdevents:message/%2Felsewhere/1", "cause")}


def test_a_uuid_names_one_message_wherever_it_comes_from_and_however_it_is_spelled() -> None:
    link: Object = {
        "linkType": "PATH",
        "from": {"contextId": "F4BD2B55-B6F6-4F44-AF72-BD2D0E7A8708"},
    }
    key = "cdevents:message/f4bd2b55-b6f6-4f44-af72-bd2d0e7a8708"
    assert causes_of(cdevent("build.started", 2, links=[link])) == {(key, "cause")}


# --- what serves ---------------------------------------------------------------------------------


def test_a_move_says_place_time_role_and_share() -> None:
    data: Object = {"role": "challenger", "traffic_ratio": 0.1, "is_beside": True}
    event = cdevent("service.deployed", 7, "churn", PRODUCTION, customData=data)
    assert move_of(event) == {
        "action": "deploy",
        "at": "2026-01-31T12:07:00Z",
        "place": PLACE,
        "environment": "cdevents:environment/%2Fci/production",
        "deployment": f"cdevents:deployment/%2Fci/{message_id(7)}",
        "role": "challenger",
        "traffic_ratio": 0.1,
        "is_beside": True,
    }


def test_a_revision_names_the_same_deployment_in_every_message() -> None:
    named: Object = {"revision": "blue/1"}
    deployed = cdevent("service.deployed", 1, "churn", PRODUCTION, customData=named)
    shared = cdevent(
        "service.published", 2, "churn", PRODUCTION, customData={**named, "traffic_ratio": 1}
    )
    removed = cdevent("service.removed", 3, "churn", PRODUCTION, customData=named)
    moves = [move_of(one) for one in (deployed, shared, removed)]
    assert [one["action"] for one in moves] == ["deploy", "change", "remove"]
    assert {one["deployment"] for one in moves} == {
        "cdevents:revision/%2Fci/churn/production/blue%2F1"
    }


def test_a_removal_without_a_revision_ends_all_of_the_place() -> None:
    move = move_of(cdevent("service.removed", 3, "churn", PRODUCTION))
    assert (move["action"], move["place"]) == ("remove", PLACE)
    assert "deployment" not in move


@pytest.mark.parametrize("link", [trigger(3), path_from(3)], ids=["trigger", "path"])
def test_a_roll_back_names_the_incident_that_set_it_off(link: Object) -> None:
    incident = cdevent("incident.detected", 3, "incident-1", {**PRODUCTION, "description": "slow"})
    back = cdevent("service.rolledback", 4, "churn", PRODUCTION, links=[link])
    move = move_of(back)
    assert move["is_rollback"] is True
    assert move["trigger"] == message_key(3)
    for order in ((incident, back), (back, incident)):
        ledger = told(*order)
        members = ledger.show(message_key(3), kind=Kind.ARTIFACT)[0].members
        assert {node.type for node in members} == {"lineage.Incident", "lineage.Signal"}
        found = upstream(ledger, f"cdevents:deployment/%2Fci/{message_id(4)}")
        assert "cdevents:incident/%2Fci/incident-1" in found


def test_an_incident_does_not_come_of_its_own_remedy() -> None:
    ledger = told(
        cdevent("incident.detected", 1, "incident-1", PRODUCTION),
        cdevent("incident.reported", 2, "incident-1", PRODUCTION, links=[path_from(1)]),
        cdevent("service.rolledback", 3, "churn", PRODUCTION, links=[trigger(2)]),
        cdevent("incident.resolved", 4, "incident-1", PRODUCTION, links=[trigger(3)]),
    )
    key = "cdevents:incident/%2Fci/incident-1"
    assert "cdevents:service.rolledback/%2Fci/" + message_id(3) not in upstream(ledger, key)
    node = shown(ledger, key)
    assert node.properties["status"] == "resolved"
    assert node.properties["resolved_time"] == "2026-01-31T12:04:00.000000Z"


def test_whoever_watches_and_whoever_deploys_mean_one_place() -> None:
    """They name the environment by different sources."""
    seen: Object = {
        "service": {"id": "churn", "source": SOURCE},
        "environment": {"id": "production", "source": "/cloud"},
    }
    ledger = told(
        cdevent("service.deployed", 1, "churn", PRODUCTION),
        cdevent("incident.detected", 2, "incident-1", seen),
    )
    places = {str(node.key) for node in ledger.show(PLACE, kind=Kind.CONTEXT)[0].contained}
    assert "cdevents:incident/%2Fci/incident-1" in places


# --- runs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "state"),
    [
        ("taskrun.finished", {"outcome": "success"}, "COMPLETE"),
        ("taskrun.finished", {"outcome": "failure"}, "FAILED"),
        ("taskrun.finished", {"outcome": "error"}, "FAILED"),
        ("taskrun.finished", {"outcome": "cancel"}, "CANCELED"),
        ("taskrun.finished", {"outcome": "shrug"}, "UNKNOWN"),
        ("build.finished", {}, "UNKNOWN"),
        ("build.finished", {"artifactId": "pkg:generic/one@1"}, "COMPLETE"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["in order", "late start"])
def test_a_run_that_is_over_does_not_run(
    kind: str, content: Object, state: str, *, late: bool
) -> None:
    subject = kind.partition(".")[0]
    story = [cdevent(f"{subject}.started", 1), cdevent(kind, 2, content=content)]
    ledger = told(*(reversed(story) if late else story))
    node = shown(ledger, f"cdevents:{subject}/%2Fci/thing", Kind.EXECUTION)
    assert node.state == state
    assert node.properties["started_time"] == "2026-01-31T12:01:00.000000Z"
    assert node.properties["ended_time"] == "2026-01-31T12:02:00.000000Z"


# --- our convention ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["service.deployed", "artifact.packaged", "build.finished", "testsuiterun.finished"]
)
@pytest.mark.parametrize("label", ["lineage.model-version", "LINEAGE_MODEL_VERSION"])
def test_a_label_names_the_model_version_that_goes_in(kind: str, label: str) -> None:
    event = cdevent(kind, 1, "pkg:generic/churn@1", PRODUCTION, customData={label: MODEL})
    found = [
        (record.artifact, record.path)
        for statement in statements(event)
        for record in statement.records
        if isinstance(record, Event) and record.kind.is_input
    ]
    assert (MODEL, ("model",)) in found


def test_custom_data_may_stand_in_the_context() -> None:
    event = cdevent("service.deployed", 1, "churn", PRODUCTION)
    cast("Object", event["context"])["customData"] = {"lineage.model-version": MODEL}
    assert MODEL in upstream(told(event), f"cdevents:deployment/%2Fci/{message_id(1)}")


def test_a_commit_is_the_code_that_goes_in() -> None:
    event = cdevent("build.started", 1, "build-1", customData={"commit": "AB" * 20})
    assert f"git:commit/{'ab' * 20}" in upstream(told(event), message_key(1))


@pytest.mark.parametrize(
    "data",
    [
        {"role": "boss"},
        {"role": 1},
        {"role": []},
        {"role": {"name": "champion"}},
        {"traffic_ratio": 1.5},
        {"traffic_ratio": True},
        {"traffic_ratio": "half"},
        {"is_beside": "yes"},
        {"revision": ""},
        {"commit": "abc"},
        {"lineage.model-version": "churn 3"},
        {"lineage.model-version": "sha256:" + "0" * 64},
    ],
    ids=str,
)
def test_what_is_misread_is_named_and_the_rest_is_taken(data: Object) -> None:
    event = cdevent("service.deployed", 1, "churn", PRODUCTION, customData=data)
    step = step_of(event)
    assert step.custom_properties["cdevents.custom_data_misread"] == {"items": list(data)}
    assert move_of(event)["action"] == "deploy"


@pytest.mark.parametrize("data", ["text", ["a"], 7, None, {"mine": {"deep": 1}}], ids=str)
def test_custom_data_of_ones_own_is_nobody_elses_business(data: JsonValue) -> None:
    step = step_of(cdevent("service.deployed", 1, "churn", PRODUCTION, customData=data))
    assert "cdevents.custom_data_misread" not in step.custom_properties


# --- artifacts and people ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "key"),
    [
        (
            f"pkg:oci/app@sha256%3A{'0b' * 32}?repository_url=ghcr.io/acme/app",
            f"oci:ghcr.io/acme/app@sha256:{'0b' * 32}",
        ),
        (f"ghcr.io/acme/app@sha256:{'0b' * 32}", f"oci:ghcr.io/acme/app@sha256:{'0b' * 32}"),
        ("pkg:pypi/churn@1.2", "pkg:pypi/churn@1.2"),
        ("0.1.2", "cdevents:artifact/%2Fci/0.1.2"),
        ("sha256:" + "0b" * 32, "cdevents:artifact/%2Fci/sha256%3A" + "0b" * 32),
    ],
)
def test_an_artifact_is_what_its_name_says(named: str, key: str) -> None:
    event = cdevent("service.deployed", 1, "churn", {**PRODUCTION, "artifactId": named})
    assert key in upstream(told(event), f"cdevents:deployment/%2Fci/{message_id(1)}")


def test_every_answer_to_an_approval_is_kept() -> None:
    """Two people may have to agree; the last one to speak does not silence the first."""
    first: Object = {"responder": "ada", "decision": "approved"}
    second: Object = {"responder": "ben", "decision": "Rejected"}
    ledger = told(
        cdevent("approval.updated", 3, "a-1", second),
        cdevent("approval.created", 1, "a-1", {"requestor": "cyd"}),
        cdevent("approval.updated", 2, "a-1", first),
        cdevent("approval.closed", 4, "a-1", {**second, "status": "rejected"}),
    )
    node = shown(ledger, "cdevents:approval/%2Fci/a-1")
    assert node.properties["requested_by"] == "cyd"
    assert node.properties["requested_time"] == "2026-01-31T12:01:00.000000Z"
    assert (node.properties["approver"], node.properties["decision"]) == ("ben", "rejected")
    answers = [
        cast("Object", node.custom_properties[f"cdevents.answer/{message_id(number)}"])
        for number in (2, 3, 4)
    ]
    assert [one["responder"] for one in answers] == ["ada", "ben", "ben"]
    assert [one["decision"] for one in answers] == ["approved", "rejected", "rejected"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("ticket.created", {"creator": "Eve", "assignees": ["Eve"], "updatedBy": "Eve"}),
        ("approval.created", {"requestor": "Eve"}),
        ("approval.closed", {"responder": "Eve", "decision": "approved"}),
        ("artifact.published", {"user": "Eve"}),
        ("artifact.deleted", {"user": "Eve"}),
        ("repository.created", {"owner": "Eve"}),
    ],
)
def test_people_stand_in_the_part_that_can_be_erased(kind: str, content: Object) -> None:
    said = statements(cdevent(kind, 1, "pkg:generic/thing@1", content))
    batch = new_ledger().prepare(said).batch
    assert b"Eve" in b"".join(one.parts.personal or b"" for one in batch.statements[1:])
    assert b"Eve" not in b"".join(one.parts.facts or b"" for one in batch.statements)


# --- what is kept and states nothing -------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_type", "flag"),
    [
        ("com.example.order.placed", "not_cdevents"),
        ("dev.cdeventsx.mytool-thing.made.0.1.0", "unknown_type"),
        ("dev.cdevents.planet.discovered.0.1.0", "unknown_type"),
        ("dev.cdevents.service.blessed.0.3.0", "unknown_type"),
        ("dev.cdevents.service", "unknown_type"),
    ],
)
def test_a_type_that_is_not_known_is_kept(event_type: str, flag: str) -> None:
    event = cdevent("service.deployed", 1)
    assert flags(event, type=event_type) == (flag,)
    assert flags(event, type=event_type, time=None, data=None) == (flag,)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        {},
        {"context": {}, "subject": {}},
        cdevent("service.deployed", 1) | {"subject": {"id": ""}},
        cdevent("service.deployed", 1) | {"subject": {"id": "x", "content": {"environment": 7}}},
        cdevent("service.deployed", 1, "x" * 2_100),
        cdevent("service.upgraded", 1),
        json.loads(json.dumps(cdevent("service.deployed", 1)).replace("2026-", "yesterday-")),
    ],
    ids=lambda data: str(data)[:40],
)
def test_a_message_that_cannot_be_read_is_kept(data: JsonValue) -> None:
    assert flags(cdevent("service.deployed", 1), data=data) == ("unreadable_message",)


def test_data_of_another_media_type_is_kept() -> None:
    event = cdevent("service.deployed", 1)
    assert flags(event, datacontenttype="application/xml") == ("unreadable_message",)


def test_an_answer_whose_name_would_be_too_long_is_kept() -> None:
    event = cdevent("approval.closed", 1, content={"decision": "approved"})
    cast("Object", event["context"])["id"] = "x" * NAME_BYTES_MAX
    assert flags(event) == ("unreadable_message",)


def test_later_versions_of_a_type_are_read() -> None:
    event = cdevent("service.deployed", 1, "churn", PRODUCTION)
    newer = "dev.cdevents.service.deployed.1.7.0-draft"
    cast("Object", event["context"])["type"] = newer
    assert move_of(event)["action"] == "deploy"


def test_older_names_of_test_runs_are_read() -> None:
    step = step_of(cdevent("testsuite.started", 1, "suite"))
    assert step.key == "cdevents:testsuiterun/%2Fci/suite"


@pytest.mark.parametrize("time", ["yesterday", "2026-01-31T12:00:00", "0001-01-01T00:00:00+10:00"])
def test_an_envelope_with_a_wrong_time_is_refused(time: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        statements(cdevent("service.deployed", 1), time=time)
    assert refused.value.where.startswith("$.time")


def test_a_text_that_the_log_cannot_keep_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"U\+0000"):
        statements(cdevent("service.deployed", 1, "a\0b"))


# --- identity ------------------------------------------------------------------------------------


def test_source_and_id_name_a_message() -> None:
    event = cdevent("service.deployed", 1)
    ids = {
        statements(event, source=source, id=name)[0].id
        for source, name in (
            ("/a", "b"),
            ("/a/b", "c"),
            ("/a", "b/c"),
            ("/a", "b~2"),
            ("/a@1", "b"),
        )
    }
    assert len(ids) == 5
    assert not any("~" in one or "@" in one for one in ids)


def test_a_long_name_is_a_message_of_its_own_too() -> None:
    event = cdevent("service.deployed", 1)
    one, two = (statements(event, id="x" * 2_000 + end)[0].id for end in "ab")
    assert one != two
    assert len(one.encode()) < STATEMENT_ID_BYTES_MAX


def test_the_same_id_with_another_content_is_the_next_message_of_it() -> None:
    first = cdevent("service.deployed", 1, "churn", PRODUCTION)
    other = cdevent("service.deployed", 1, "fraud", PRODUCTION)
    ledger = told(first, other)
    size = ledger.head().size
    receive(ledger, other, first)
    assert ledger.head().size == size
    check_ledger(ledger)


def test_a_password_in_a_source_is_in_no_key() -> None:
    event = json.dumps(enveloped(cdevent("build.started", 1)))
    body = event.replace('"/ci"', '"https://bot:hunter2@ci.example/x"').encode()
    ledger = new_ledger()
    receive_bodies(ledger, [body])
    key = "cdevents:build/https%3A%2F%2Fci.example%2Fx/thing"
    assert not shown(ledger, key, Kind.EXECUTION).stub


# --- decisions stand whole -----------------------------------------------------------------------


def decided(*events: Object) -> Node:
    (found,) = told(*events).show("cdevents:approval/%2Fci/a", kind=Kind.ARTIFACT)
    return found.node


def answer(number: int, responder: str, decision: str | None, **data: JsonValue) -> Object:
    content: Object = {"responder": responder}
    if decision is not None:
        content["decision"] = decision
    return cdevent("approval.updated", number, "a", content, customData=data)


def test_who_answers_without_deciding_is_no_approver() -> None:
    shown = decided(answer(1, "jo", "approved"), answer(2, "al", None)).properties
    assert (shown["approver"], shown["decision"]) == ("jo", "approved")
    assert shown["decided_time"] == "2026-01-31T12:01:00.000000Z"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_decision_takes_nothing_from_the_one_before(order: tuple[int, int]) -> None:
    events = [answer(1, "jo", "rejected", approver_role="risk"), answer(2, "al", "approved")]
    shown = decided(*(events[index] for index in order)).properties
    assert (shown["approver"], shown["decision"]) == ("al", "approved")
    assert "approver_role" not in shown
