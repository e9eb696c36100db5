"""What GitHub's webhooks state, read beside its documentation of events and payloads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canonical import canonical_graph
from checks import check_ledger
from github_deliveries import Object, new_ledger, receive
from github_messages import (
    IMAGE,
    INCIDENT,
    MODEL,
    OLD_SHA,
    PLACE,
    PRODUCTION,
    REPOSITORY,
    SHA,
    asked,
    deployment,
    minute,
    ran,
    status,
    workflow_run,
)
from lineage.connectors.github.mapping import GithubMapping
from lineage.service import Ledger
from lineage_schemas.errors import DecodeError
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Artifact, Context, Execution, Kind
from lineage_schemas.records import Precision, Statement
from lineage_schemas.values import JsonValue


def told(*messages: tuple[str, Object]) -> Ledger:
    ledger = new_ledger()
    receive(ledger, *messages)
    check_ledger(ledger)
    return ledger


def node(ledger: Ledger, key: str, kind: Kind | None = None) -> Node:
    (found,) = ledger.show(key, kind=kind)
    return found.node


def served(ledger: Ledger) -> list[tuple[str, str, str | None, str | None]]:
    """Return what served: deployment's number, start, end and why, by start."""
    return [
        (
            one.deployment.rpartition("/")[2],
            (one.start or "")[11:16],
            one.end and one.end[11:16],
            one.ending,
        )
        for one in sorted(ledger.registry.serving().intervals, key=lambda one: one.start or "")
    ]


def edges(ledger: Ledger) -> set[tuple[str, str]]:
    return {(tail[1], head[1]) for tail, head, *_ in canonical_graph(ledger).edges}


def flags(event: str, body: Object) -> tuple[str, ...]:
    return GithubMapping("github.com", event, "x").map(json.dumps(body).encode()).message_flags


# --- deployments ---------------------------------------------------------------------------------


def test_a_deployment_serves_from_success_until_the_next_or_until_it_is_inactive() -> None:
    first, second, third = deployment(1), deployment(10), deployment(20)
    ledger = told(
        asked(first),
        status(2, "in_progress", first),
        status(3, "success", first),
        asked(second),
        status(12, "failure", second),
        asked(third),
        status(22, "success", third),
        status(40, "inactive", third),
    )
    assert served(ledger) == [
        ("1", "12:03", "12:22", "replaced"),
        ("20", "12:22", "12:40", "removed"),
    ]
    (one, _) = ledger.registry.serving().intervals
    assert (one.place, one.environment, one.environment_name) == (PLACE, PRODUCTION, "production")
    states = [
        node(ledger, f"github:deployment/github.com/{n}", Kind.EXECUTION).state for n in (1, 10, 20)
    ]
    assert states == ["COMPLETE", "FAILED", "COMPLETE"]
    assert node(ledger, PRODUCTION).properties["is_production"] is True


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("success", "COMPLETE"),
        ("failure", "FAILED"),
        ("error", "FAILED"),
        ("in_progress", None),
        ("queued", None),
        ("pending", None),
        ("waiting", None),
        ("inactive", None),
    ],
)
def test_only_success_and_inactive_move_anything(word: str, state: str | None) -> None:
    of = deployment(1)
    ledger = told(status(2, word, of, description="no room"))
    shown = node(ledger, "github:deployment/github.com/1", Kind.EXECUTION)
    assert shown.state == state
    assert shown.properties.get("error") == ("no room" if state == "FAILED" else None)
    kept = shown.custom_properties["github.status/1002"]
    assert isinstance(kept, dict)
    assert kept["state"] == word
    assert len(served(ledger)) == (word in {"success", "inactive"})


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("end", ["success", "failure"])
def test_what_began_and_ended_within_one_second_has_ended(end: str, order: int) -> None:
    of = deployment(1)
    began = status(2, "in_progress", of, id=1)
    ledger = told(*[asked(of), began, status(2, end, of)][::order])
    shown = node(ledger, "github:deployment/github.com/1", Kind.EXECUTION)
    assert shown.properties["source_state"] == end


def test_what_is_deployed_is_what_the_payload_names() -> None:
    payload: Object = {
        "lineage.model-version": MODEL,
        "image": f"{IMAGE}",
        "role": "challenger",
        "traffic_ratio": 0.1,
        "version": "7.0.1",
    }
    of = deployment(1, payload)
    ledger = told(asked(of), status(3, "success", of))
    version = Artifact(key=MODEL, type="lineage.ModelVersion")
    ledger.record([Statement(id="7", source="mlflow", records=(version,))])
    (one,) = ledger.registry.serving().intervals
    assert (one.role, one.traffic_ratio) == ("challenger", 0.1)
    assert [each.key for each in one.serves] == [MODEL]
    assert {
        (source, "github:deployment-status/github.com/1003")
        for source in (f"git:commit/{SHA}", f"oci:{IMAGE}", MODEL)
    } <= edges(ledger)
    shown = node(ledger, "github:deployment/github.com/1", Kind.ARTIFACT).properties
    assert shown["version"] == "7.0.1"
    assert shown["image_digest"] == f"sha256:{'1f' * 32}"
    assert canonical_graph(told(asked(deployment(1, json.dumps(payload))))) == canonical_graph(
        told(asked(of))
    )


def test_a_payload_that_says_so_is_a_roll_back_and_names_its_incident() -> None:
    first = deployment(1)
    back = deployment(5, {"is_rollback": True, "trigger": INCIDENT}, sha=OLD_SHA)
    ledger = told(status(2, "success", first), status(6, "success", back))
    assert served(ledger) == [("1", "12:02", "12:06", "rolled_back"), ("5", "12:06", None, None)]
    step = "github:deployment-status/github.com/1006"
    assert node(ledger, step, Kind.EXECUTION).type == "lineage.RollBack"
    assert (INCIDENT, step) in edges(ledger)
    assert ledger.registry.serving().intervals[-1].trigger == INCIDENT


@pytest.mark.parametrize(
    ("payload", "misread"),
    [
        ({"image": "ghcr.io/acme/fraud:latest"}, ["image"]),
        ({"images": [IMAGE, "x"]}, ["images"]),
        ({"images": IMAGE}, ["images"]),
        ({"role": "winner"}, ["role"]),
        ({"role": []}, ["role"]),
        ({"role": None, "version": None}, None),
        ({"traffic_ratio": 2}, ["traffic_ratio"]),
        ({"traffic_ratio": True}, ["traffic_ratio"]),
        ({"is_beside": "yes"}, ["is_beside"]),
        ({"trigger": "no identifier"}, ["trigger"]),
        ({"lineage.model-version": f"sha256:{'1f' * 32}"}, ["lineage.model-version"]),
        ({"version": 3}, ["version"]),
        ({"anything": {"else": 1}}, None),
        ("plain words", None),
        ("[1]", None),
        ([], None),
    ],
)
def test_what_cannot_be_read_of_a_payload_is_named(
    payload: JsonValue, misread: list[str] | None
) -> None:
    ledger = told(asked(deployment(1, payload)))
    shown = node(ledger, "github:deployment/github.com/1", Kind.EXECUTION).custom_properties
    assert shown.get("github.payload_misread") == (None if misread is None else {"items": misread})


def test_a_status_may_name_another_environment_than_the_deployment() -> None:
    of = deployment(1)
    ledger = told(status(2, "success", of, environment="Staging"))
    (one,) = ledger.registry.serving().intervals
    assert one.place == "github:place/github.com/17/staging/deploy"
    assert (
        "is_production" not in node(ledger, "github:environment/github.com/17/staging").properties
    )


def test_a_place_stays_one_when_its_repository_is_renamed() -> None:
    first, second = deployment(1), deployment(5)
    event, body = status(6, "success", second)
    renamed: Object = {**REPOSITORY, "full_name": "acme/fraud-detection"}
    ledger = told(status(2, "success", first), (event, {**body, "repository": renamed}))
    assert served(ledger) == [("1", "12:02", "12:06", "replaced"), ("5", "12:06", None, None)]


def test_two_tasks_in_one_environment_are_two_places() -> None:
    first, second = deployment(1), deployment(5, task="deploy:worker")
    ledger = told(status(2, "success", first), status(6, "success", second))
    assert [end for _, _, end, _ in served(ledger)] == [None, None]


STORY = [
    asked(deployment(1, {"image": IMAGE}), workflow_run=workflow_run()),
    status(1, "queued", deployment(1, {"image": IMAGE})),
    status(1, "in_progress", deployment(1, {"image": IMAGE}), id=2_001),
    status(2, "success", deployment(1, {"image": IMAGE})),
    asked(deployment(5, {"lineage.run": "x"})),
    status(6, "error", deployment(5), description="no room"),
    asked(deployment(8)),
    status(9, "success", deployment(8)),
    status(9, "inactive", deployment(1, {"image": IMAGE}), id=2_009),
    ran(workflow_run(status="in_progress", conclusion=None, updated_at=minute(1))),
    ran(workflow_run()),
]


@settings(max_examples=25)
@given(st.permutations(STORY))
def test_deliveries_in_any_order_make_the_same_graph(order: list[tuple[str, Object]]) -> None:
    ledger, other = told(*STORY), told(*order)
    assert canonical_graph(ledger) == canonical_graph(other)
    assert served(ledger) == served(other)


@settings(max_examples=10)
@given(st.lists(st.sampled_from(STORY), max_size=5))
def test_deliveries_that_come_again_under_other_ids_change_nothing(
    again: list[tuple[str, Object]],
) -> None:
    ledger = told(*STORY)
    graph, intervals = canonical_graph(ledger), served(ledger)
    receive(ledger, *again, first=100)
    assert canonical_graph(ledger) == graph
    assert served(ledger) == intervals


# --- runs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status_word", "conclusion", "state"),
    [
        ("completed", "success", "COMPLETE"),
        ("completed", "neutral", "COMPLETE"),
        ("completed", "failure", "FAILED"),
        ("completed", "timed_out", "FAILED"),
        ("completed", "startup_failure", "FAILED"),
        ("completed", "cancelled", "CANCELED"),
        ("completed", "skipped", "CANCELED"),
        ("completed", "stale", "CANCELED"),
        ("completed", "action_required", None),
        ("completed", "something new", None),
        ("in_progress", None, "RUNNING"),
        ("queued", None, None),
        ("requested", None, None),
    ],
)
def test_the_state_of_a_run(status_word: str, conclusion: str | None, state: str | None) -> None:
    ledger = told(ran(workflow_run(status=status_word, conclusion=conclusion)))
    assert node(ledger, "ci:run/github.com/acme/fraud/99/2", Kind.EXECUTION).state == state


def test_a_run_says_what_it_ran_and_who_started_it() -> None:
    ledger = told(ran(workflow_run(head_repository={"full_name": "fork/fraud"})))
    shown = node(ledger, "ci:run/github.com/acme/fraud/99/2", Kind.EXECUTION).properties
    assert shown["code_commit"] == SHA
    assert shown["code_repository"] == "github.com/fork/fraud"
    assert shown["entry_point"] == ".github/workflows/deploy.yml"
    assert shown["started_by"] == "ada"
    assert (shown["started_time"], shown["ended_time"]) == (
        "2026-01-31T12:01:00.000000Z",
        "2026-01-31T12:09:00.000000Z",
    )


def test_what_may_name_people_is_personal() -> None:
    title = "Build pull_request 3 by @ada"
    titled = workflow_run(display_title=title, name=title)
    mapped = [
        GithubMapping("github.com", event, "x").map(json.dumps(body).encode())
        for event, body in (
            ran(titled),
            review("approved", workflow_run=titled, environment="e", comment=title),
        )
    ]
    for one in (one for told_of in mapped for one in told_of.records):
        if isinstance(one, Artifact | Execution | Context):
            plain = {**one.properties, **one.custom_properties}
            assert title not in [value for name, value in plain.items() if name not in one.personal]


def test_a_run_during_which_its_repository_was_renamed_is_one() -> None:
    renamed: Object = {**REPOSITORY, "full_name": "acme/fraud-detection"}
    ledger = told(ran(workflow_run()), ran(workflow_run(), renamed))
    both = frozenset(
        ("execution", f"ci:run/github.com/acme/{name}/99/2")
        for name in ("fraud", "fraud-detection")
    )
    assert both in canonical_graph(ledger).entities


# --- reviews -------------------------------------------------------------------------------------


def review(action: str, **more: JsonValue) -> tuple[str, Object]:
    body: Object = {
        "action": action,
        "since": minute(3),
        "workflow_run": workflow_run(updated_at=minute(3)),
        "repository": REPOSITORY,
        "sender": {"login": "grace"},
        **more,
    }
    return ("deployment_review", body)


REQUESTED = review(
    "requested",
    environment="production",
    requestor={"login": "ada"},
    reviewers=[
        {"type": "Team", "reviewer": {"name": "risk"}},
        {"type": "User", "reviewer": {"login": "grace"}},
    ],
)
REVIEW = "github:review/github.com/99/2/production"


@pytest.mark.parametrize("action", ["approved", "rejected"])
def test_a_review_is_an_approval_of_the_commit_in_the_environment(action: str) -> None:
    jobs: list[JsonValue] = [{"environment": "production"}, {"environment": "Production"}]
    decided = review(
        action,
        workflow_job_runs=jobs,
        approver={"login": "grace"},
        comment="looks right",
        workflow_run=workflow_run(updated_at=minute(7)),
    )
    ledger = told(decided, REQUESTED)
    shown = node(ledger, REVIEW, Kind.ARTIFACT)
    assert shown.type == "lineage.Approval"
    assert shown.properties["decision"] == action
    assert shown.properties["approver"] == "grace"
    assert shown.properties["requested_by"] == "ada"
    assert shown.properties["requested_time"] == "2026-01-31T12:03:00.000000Z"
    assert shown.properties["decided_time"] == "2026-01-31T12:07:00.000000Z"
    assert shown.custom_properties["github.comment"] == "looks right"
    assert shown.custom_properties["github.reviewers"] == {"items": ["Team risk", "User grace"]}
    step = node(ledger, REVIEW, Kind.EXECUTION)
    assert (step.type, step.state) == ("lineage.Approve", "COMPLETE")
    assert {(f"git:commit/{SHA}", REVIEW), (REVIEW, REVIEW)} == edges(ledger)
    members = {(one[1], to[1]) for one, to in canonical_graph(ledger).memberships}
    assert {(REVIEW, PRODUCTION), (REVIEW, "ci:run/github.com/acme/fraud/99/2")} <= members


def test_when_a_review_was_decided_is_known_between_two_times() -> None:
    _, body = review("approved", environment="e", workflow_run=workflow_run(updated_at=minute(7)))
    mapped = GithubMapping("github.com", "deployment_review", "x").map(json.dumps(body).encode())
    assert mapped.stated is not None
    assert mapped.stated.precision is Precision.INTERVAL
    assert (mapped.stated.start, mapped.stated.end) == (
        mapped.stated.start and mapped.stated.start.replace(minute=3),
        mapped.stated.start and mapped.stated.start.replace(minute=7),
    )


def test_what_only_asks_is_no_decision() -> None:
    shown = node(told(REQUESTED), REVIEW, Kind.ARTIFACT)
    assert not {"decision", "approver", "decided_time"} & set(shown.properties)


# --- packages, pushes, releases ------------------------------------------------------------------


def package(labels: Object, **more: JsonValue) -> tuple[str, Object]:
    version: Object = {
        "id": 5,
        "version": f"sha256:{'1f' * 32}",
        "package_url": "ghcr.io/Acme/Fraud:v7",
        "created_at": minute(1),
        "updated_at": minute(1),
        "container_metadata": {"tag": {"name": "v7"}, "labels": {"all_labels": labels}},
        **more,
    }
    told_of: Object = {
        "id": 4,
        "name": "fraud",
        "package_type": "CONTAINER",
        "package_version": version,
    }
    owner: Object = {"login": "Acme"}
    body: Object = {"package": {**told_of, "owner": owner}, "repository": REPOSITORY}
    return ("package", {"action": "published", **body})


def test_an_image_is_named_by_its_digest_and_packs_what_its_labels_name() -> None:
    run = "ci:run/github.com/acme/fraud/99/2"
    labels: Object = {
        "lineage.model-version": MODEL,
        "lineage.run": run,
        "org.opencontainers.image.revision": SHA,
    }
    ledger = told(package(labels))
    shown = node(ledger, f"oci:{IMAGE}")
    assert shown.properties["image_tags"] == {"items": ["v7"]}
    assert shown.properties["image_labels"] == labels
    version, packing = "github:package-version/github.com/5", f"packing:oci:{IMAGE}"
    assert edges(ledger) == {
        (f"git:commit/{SHA}", version),
        (version, f"oci:{IMAGE}"),
        (run, f"oci:{IMAGE}"),
        (MODEL, packing),
        (packing, f"oci:{IMAGE}"),
    }


def test_a_package_of_the_older_event_is_the_same() -> None:
    event, body = package({})
    older: Object = {
        "registry_package" if name == "package" else name: one for name, one in body.items()
    }
    ledger = told(("registry_package", older))
    assert canonical_graph(ledger) == canonical_graph(told((event, body)))


def test_without_an_address_the_registry_follows_from_the_host() -> None:
    assert node(told(package({}, package_url="")), f"oci:{IMAGE}").type == "lineage.ContainerImage"


def test_an_image_without_a_digest_is_kept_unread() -> None:
    event, body = package({}, version="v7")
    assert flags(event, body) == ("unreadable_message",)


def push(ref: str, *shas: str, at: int, deleted: bool = False) -> tuple[str, Object]:
    commits: list[JsonValue] = [
        {"id": sha, "message": f"Commit {sha[:2]}\n\nAt length.", "timestamp": minute(0)}
        for sha in shas
    ]
    body: Object = {
        "ref": ref,
        "after": "00" * 20 if deleted else shas[-1],
        "deleted": deleted,
        "commits": commits,
        "head_commit": commits[-1] if commits else None,
        "pusher": {"name": "ada"},
        "repository": {**REPOSITORY, "pushed_at": 1_769_860_800 + 60 * at},
    }
    return ("push", body)


def test_a_push_says_which_commits_came_and_where_its_branch_leads() -> None:
    ledger = told(push("refs/heads/main", OLD_SHA, SHA, at=1))
    shown = node(ledger, f"git:commit/{OLD_SHA}").properties
    assert (shown["message"], shown["branch"]) == ("Commit c3", "main")
    project = "git:repository/github.com%2Facme%2Ffraud"
    assert node(ledger, project).custom_properties["github.ref/refs/heads/main"] == SHA
    receive(ledger, push("refs/heads/main", at=2, deleted=True), first=10)
    assert "github.ref/refs/heads/main" not in node(ledger, project).custom_properties


def test_a_tag_names_the_commit_it_leads_to() -> None:
    ledger = told(push("refs/tags/v1.2.0", SHA, at=1))
    assert node(ledger, f"git:commit/{SHA}").properties["tag"] == "v1.2.0"


def release(action: str, **more: JsonValue) -> tuple[str, Object]:
    told_of: Object = {
        "id": 3,
        "tag_name": "v1.2.0",
        "target_commitish": SHA,
        "draft": False,
        "prerelease": True,
        "author": {"login": "ada"},
        "created_at": minute(0),
        "published_at": minute(5),
        **more,
    }
    body: Object = {"action": action, "release": told_of, "repository": REPOSITORY}
    return ("release", body)


@pytest.mark.parametrize("order", [1, -1])
def test_a_release_is_a_document_about_its_commit_until_it_is_deleted(order: int) -> None:
    ledger = told(*[release("published"), release("deleted")][::order])
    shown = node(ledger, "github:release/github.com/3", Kind.ARTIFACT)
    assert (shown.type, shown.state) == ("lineage.Document", "DELETED")
    assert shown.properties["version"] == "v1.2.0"
    assert shown.custom_properties["github.is_prerelease"] is True
    assert (f"git:commit/{SHA}", "github:release/github.com/3") in edges(ledger)


# --- odd messages --------------------------------------------------------------------------------


def test_the_log_refuses_what_it_cannot_keep() -> None:
    with pytest.raises(DecodeError, match=r"U\+0000"):
        GithubMapping("github.com", "push", "x").map(b'{"a": "\\u0000"}')


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "", "soon", None])
def test_a_move_without_a_time_is_kept_unread(time: str | None) -> None:
    event, body = status(2, "success", deployment(1), created_at=time, updated_at=time)
    assert flags(event, body) == ("unreadable_message",)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_odd_field_makes_a_message_fail(value: JsonValue) -> None:
    for event, body in (*STORY, REQUESTED, package({}), push("refs/heads/m", SHA, at=1)):
        for name in body:
            odd = json.dumps({**body, name: value}).encode()
            if b"\\u0000" not in odd:
                GithubMapping("github.com", event, "x").map(odd)
