"""What a cluster's objects say: moves against a calendar made by hand, whatever way it was told."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubernetes_objects import (
    SECRET,
    Plain,
    as_list,
    audited,
    deployment,
    image,
    inference_service,
    moment,
    pod,
    replica_set,
)
from lineage.connectors.json_stream import read_bodies
from lineage.connectors.kubernetes.events import RoundReader, rounds_of
from lineage.connectors.kubernetes.mapping import KubernetesMapping
from lineage.connectors.kubernetes.reading import KubernetesReader
from lineage.connectors.scanning import Listed
from lineage.serving.calendar import ToldMove, fold_moves
from lineage_schemas.errors import LedgerError
from lineage_schemas.instants import parse_instant
from lineage_schemas.mlmd import Artifact, Event, EventKind, Execution, ExecutionState
from lineage_schemas.records import AnyRecord
from lineage_schemas.serving import Ending, ServingMove
from lineage_schemas.values import JsonValue
from looks import Look, Remembered, miss, take

CLUSTER = "prod-eu"
PLACE = "k8s:prod-eu/scoring/deployment/fraud"
FIRST, SECOND = "2026-01-05T08:00:00Z", "2026-02-01T10:00:00Z"
ROLLED_BACK = "2026-03-01T12:00:00Z"


def looked(memory: Remembered, objects: list[Plain], at: str, server: str | None = None) -> Look:
    given_ = read_bodies(io.BytesIO(as_list(objects)))
    reader = KubernetesReader(given_, CLUSTER, moment(at))
    shown = reader.read(memory, None, is_whole=False)
    return take(shown, memory, KubernetesMapping(CLUSTER, server), "k8s", moment(at))


def records(look: Look) -> list[AnyRecord]:
    return [one for batch in look.batches for said in batch for one in said.records]


def moves(*looks: Look) -> list[dict[str, JsonValue]]:
    """Return the moves that were said, by time."""
    found: dict[str, dict[str, JsonValue]] = {}
    for look in looks:
        for record in records(look):
            if isinstance(record, Execution) and "serving" in record.custom_properties:
                said = record.custom_properties["serving"]
                assert isinstance(said, dict)
                found[record.key or ""] = said
    return sorted(found.values(), key=lambda one: (str(one["at"]), str(one.get("deployment"))))


def told(move: dict[str, JsonValue]) -> tuple[object, ...]:
    names = ("action", "deployment", "at", "after", "is_rollback")
    return tuple(move.get(name) for name in names)


def history() -> list[Plain]:
    """Return version 1, then version 2, then version 1 again as revision 3."""
    return [
        deployment(3, "v1", rolled_out=("aaa", ROLLED_BACK)),
        replica_set("aaa", 3, FIRST, "v1", history="1"),
        replica_set("bbb", 2, SECOND, "v2", replicas=0),
        pod("aaa", "a"),
    ]


CALENDAR = [
    ("deploy", f"{PLACE}/1-aaa", FIRST, None, None),
    ("deploy", f"{PLACE}/2-bbb", SECOND, None, None),
    ("deploy", f"{PLACE}/3-aaa", ROLLED_BACK, SECOND, True),
]


def test_one_look_tells_the_whole_history_that_revisions_keep() -> None:
    assert [told(one) for one in moves(looked(Remembered(), history(), "2026-04-01T00:00Z"))] == (
        CALENDAR
    )


def test_folded_moves_are_the_calendar_of_the_place() -> None:
    memory = Remembered()
    stopped = [deployment(3, "v1", replicas=0), *history()[1:]]
    looks = [
        looked(memory, history(), "2026-04-01T00:00Z"),
        looked(memory, stopped, "2026-04-02T00:00Z"),
    ]
    told_moves = [
        ToldMove(msgspec.convert(one, ServingMove), str(index))
        for index, one in enumerate(moves(*looks))
    ]
    folded = [
        (one.deployment.rpartition("/")[2], one.start_us, one.end_us, one.ending)
        for one in fold_moves(told_moves).intervals
    ]
    times = [parse_instant(one) for one in (FIRST, SECOND, ROLLED_BACK, "2026-04-02T00:00:00Z")]
    assert folded == [
        ("1-aaa", times[0], times[1], Ending.REPLACED),
        ("2-bbb", times[1], times[2], Ending.ROLLED_BACK),
        ("3-aaa", times[2], times[3], Ending.REMOVED),
    ]


def test_the_image_is_that_which_pods_ran_and_never_the_tag() -> None:
    said = records(looked(Remembered(), history(), "2026-04-01T00:00Z"))
    inputs = {
        (one.artifact, one.path)
        for one in said
        if isinstance(one, Event) and one.kind is EventKind.INPUT
    }
    assert inputs == {(f"oci:{image('a')}", ("image", "server"))}


def test_pods_that_are_shown_later_tell_the_images_of_what_is_known() -> None:
    memory = Remembered()
    looked(memory, history()[:3], "2026-04-01T00:00Z")
    later = looked(memory, [pod("aaa", "a")], "2026-04-02T00:00Z")
    assert any(isinstance(one, Event) and "oci:" in str(one.artifact) for one in records(later))
    assert not looked(memory, history()[:3], "2026-04-03T00:00Z").batches


def test_the_same_again_says_nothing() -> None:
    memory = Remembered()
    looked(memory, history(), "2026-04-01T00:00Z")
    assert not looked(memory, history(), "2026-04-02T00:00Z").batches


def test_a_part_of_what_was_shown_before_takes_nothing_back() -> None:
    memory = Remembered()
    looked(memory, history(), "2026-04-01T00:00Z")
    for day, part in enumerate((history()[:1], history()[1:3], history()[1:]), start=2):
        assert not looked(memory, part, f"2026-04-0{day}T00:00Z").batches


def test_what_is_scaled_to_nothing_and_back_ends_and_begins_between_two_looks() -> None:
    memory = Remembered()
    parts = [deployment(1, "v1"), replica_set("aaa", 1, FIRST, "v1")]
    looked(memory, parts, "2026-04-01T00:00Z")
    none = [deployment(1, "v1", replicas=0), replica_set("aaa", 1, FIRST, "v1", replicas=0)]
    stopped = looked(memory, none, "2026-04-02T00:00Z")
    again = looked(memory, parts, "2026-04-03T00:00Z")
    assert told(moves(stopped)[-1])[:3] == ("remove", None, "2026-04-02T00:00:00Z")
    assert told(moves(again)[-1])[:3] == ("deploy", f"{PLACE}/1-aaa", "2026-04-03T00:00:00Z")


def test_what_was_scaled_to_nothing_before_anybody_looked_ended_at_some_time_since() -> None:
    parts = [deployment(1, "v1", replicas=0), replica_set("aaa", 1, SECOND, "v1", replicas=0)]
    said = moves(looked(Remembered(), parts, "2026-04-02T00:00Z"))
    assert [told(one) for one in said] == [
        ("deploy", f"{PLACE}/1-aaa", SECOND, None, None),
        ("remove", None, "2026-04-02T00:00:00Z", SECOND, None),
    ]


def test_what_is_gone_ends() -> None:
    memory = Remembered()
    looked(memory, history(), "2026-04-01T00:00Z")
    gone = miss("deployment/scoring/fraud", memory, KubernetesMapping(CLUSTER), "k8s")
    ends = [one for said in gone for one in said.records if isinstance(one, Execution)]
    assert [one.type for one in ends] == ["lineage.Retire"]


def test_a_deployment_made_anew_is_never_taken_for_the_one_before() -> None:
    memory = Remembered()
    looked(memory, history(), "2026-04-01T00:00Z")
    made = "2026-04-02T00:00:00Z"
    anew = [
        deployment(1, "v9", created=made, uid="d-2"),
        replica_set("zzz", 1, made, "v9", uid="rs-z"),
    ]
    said = [told(one)[:3] for one in moves(looked(memory, anew, "2026-04-03T00:00Z"))]
    assert sorted(said, key=str) == [
        ("deploy", f"{PLACE}/1-zzz", made),
        ("remove", None, made),
    ]


def test_a_revision_that_never_was_ready_replaces_nothing() -> None:
    memory = Remembered()
    looked(memory, [deployment(1, "v1"), replica_set("aaa", 1, FIRST, "v1")], "2026-01-31T00:00Z")
    crashing = [
        deployment(2, "v2"),
        replica_set("aaa", 1, FIRST, "v1"),
        replica_set("bbb", 2, SECOND, "v2", ready=0),
    ]
    given_up = [*history()[:2], replica_set("bbb", 2, SECOND, "v2", replicas=0)]
    stuck = looked(memory, crashing, "2026-02-02T00:00Z")
    after = looked(memory, given_up, "2026-04-01T00:00Z")
    tried = replica_set("bbb", 4, SECOND, "v2", history="2")
    again = looked(memory, [tried], "2026-04-02T00:00Z")
    begun = {one["deployment"] for one in moves(stuck, after, again) if one["action"] == "deploy"}
    assert begun == {f"{PLACE}/{revision}" for revision in ("1-aaa", "3-aaa", "4-bbb")}
    states = [
        one.state
        for look in (stuck, after)
        for one in records(look)
        if isinstance(one, Execution) and "/2-bbb/" in (one.key or "") and one.state
    ]
    assert states == [ExecutionState.RUNNING, ExecutionState.CANCELED]


def test_a_revision_that_is_ready_later_begins_when_it_was_made() -> None:
    memory = Remembered()
    looks = [
        looked(memory, [replica_set("aaa", 1, FIRST, "v1", ready=ready)], f"2026-02-0{day}T00:00Z")
        for day, ready in ((1, 0), (2, 2), (3, 0))
    ]
    assert [[told(one)[:3] for one in moves(look)] for look in looks[:2]] == [
        [],
        [("deploy", f"{PLACE}/1-aaa", FIRST)],
    ]
    assert moves(looks[2]) == moves(looks[1])


def test_what_was_taken_again_begins_once_though_it_is_scaled_to_nothing_and_back() -> None:
    memory = Remembered()
    again = [
        looked(
            memory,
            [replica_set("aaa", 3, FIRST, "v1", history="1", replicas=replicas)],
            f"2026-04-0{day}T00:00Z",
        )
        for day, replicas in ((1, 2), (2, 0), (3, 2))
    ]
    assert [(one["deployment"], one["at"]) for look in again for one in moves(look)[1:]] == [
        (f"{PLACE}/3-aaa", "2026-04-01T00:00:00Z")
    ]


def stateful_set(tag: str, current: str, update: str, updated: int) -> Plain:
    plain = {**deployment(1, tag), "kind": "StatefulSet"}
    plain["status"] = {
        "readyReplicas": 2,
        "currentRevision": current,
        "updateRevision": update,
        "updatedReplicas": updated,
    }
    return plain


def test_a_stateful_set_serves_what_its_pods_run_and_not_what_is_asked_for() -> None:
    memory = Remembered()
    looks = [
        looked(memory, [one], f"2026-04-0{day}T00:00Z")
        for day, one in enumerate(
            (
                stateful_set("v1", "f-1", "f-1", 2),
                stateful_set("v2", "f-1", "f-2", 0),
                stateful_set("v2", "f-1", "f-2", 1),
            ),
            start=1,
        )
    ]
    said = [[str(one["deployment"])[-3:] for one in moves(look)] for look in looks]
    assert said == [["f-1"], [], ["f-2"]]
    asked = Remembered()
    looks = [
        looked(asked, [stateful_set("v2", "f-1", "f-2", count)], f"2026-04-0{day}T00:00Z")
        for day, count in ((1, 0), (2, 2))
    ]
    assert [[str(one["deployment"])[-3:] for one in moves(look)] for look in looks] == [[], ["f-2"]]


def test_a_replica_set_of_another_controller_ends_when_it_is_scaled_to_nothing() -> None:
    memory = Remembered()
    looks = []
    for day, replicas in ((1, 2), (2, 0), (3, 0), (4, 2)):
        plain = replica_set("aaa", 1, FIRST, "v1", replicas=replicas)
        plain["metadata"]["ownerReferences"][0]["kind"] = "Rollout"
        looks.append(looked(memory, [plain], f"2026-04-0{day}T00:00Z"))
    said = [(one["action"], one["at"]) for one in moves(*looks)]
    assert said == [
        ("deploy", FIRST),
        ("remove", "2026-04-02T00:00:00Z"),
        ("deploy", "2026-04-04T00:00:00Z"),
    ]
    gone = miss("replicaset/scoring/fraud-aaa", memory, KubernetesMapping(CLUSTER), "k8s")
    assert any(
        isinstance(one, Execution) and one.type == "lineage.Retire"
        for said_ in gone
        for one in said_.records
    )


def test_a_model_that_a_label_names_is_in_the_deployment_and_not_in_a_shared_image() -> None:
    models = {letter: f"mlflow:model-version/m/fraud/{letter}" for letter in "12"}
    objects = [
        replica_set("aaa", 1, FIRST, "v", labels={"lineage.model-version": models["1"]}),
        replica_set("bbb", 2, SECOND, "v", labels={"lineage.model-version": models["2"]}),
        pod("aaa", "a"),
        pod("bbb", "a"),
    ]
    said = records(looked(Remembered(), objects, "2026-04-01T00:00Z"))
    into = {
        (one.execution, one.artifact)
        for one in said
        if isinstance(one, Event) and str(one.artifact) in models.values()
    }
    moved = "k8s-move:prod-eu/scoring/deployment/fraud"
    assert into == {
        (f"{moved}/1-aaa/deploy:rs-aaa", models["1"]),
        (f"{moved}/2-bbb/deploy:rs-bbb", models["2"]),
    }


def test_an_object_beyond_a_limit_is_named_and_the_others_are_taken_in() -> None:
    many = replica_set("ccc", 200, FIRST, "v1", history=",".join(map(str, range(1, 200))))
    look = looked(Remembered(), [many, *history()], "2026-04-01T00:00Z")
    assert ["REVISIONS_MAX" in one.reason for one in look.unread] == [True]
    assert len(look.documents) == 3


def test_two_clusters_never_mix() -> None:
    looks = []
    for cluster in ("one", "two"):
        given_ = read_bodies(io.BytesIO(as_list(history())))
        reader = KubernetesReader(given_, cluster, moment("2026-04-01T00:00Z"))
        memory = Remembered()
        shown = reader.read(memory, None, is_whole=False)
        looks.append(take(shown, memory, KubernetesMapping(cluster), "k8s"))
    keys = [{one.key for one in records(look) if isinstance(one, Execution)} for look in looks]
    assert keys[0]
    assert not keys[0] & keys[1]


def test_a_canary_begins_grows_and_takes_all() -> None:
    memory = Remembered()
    looks = [
        looked(
            memory, [inference_service(newest, uri, traffic, generation=n)], at, "mlflow.example"
        )
        for n, (newest, uri, traffic, at) in enumerate(
            [
                ("fraud-1", "models:/fraud/1", {"fraud-1": 100}, "2026-04-01T00:00Z"),
                ("fraud-2", "models:/fraud/2", {"fraud-1": 90, "fraud-2": 10}, "2026-04-02T00:00Z"),
                ("fraud-2", "models:/fraud/2", {"fraud-2": 100}, "2026-04-03T00:00Z"),
            ],
            start=1,
        )
    ]
    said = [
        [
            (
                one["action"],
                str(one["deployment"])[-7:],
                one.get("role"),
                one.get("traffic_ratio"),
                one.get("is_beside", False),
            )
            for one in moves(look)
        ]
        for look in looks
    ]
    assert said == [
        [("deploy", "fraud-1", "champion", 1.0, False)],
        [("change", "fraud-1", "champion", 0.9, False), ("deploy", "fraud-2", "canary", 0.1, True)],
        [("remove", "fraud-1", None, None, False), ("change", "fraud-2", "champion", 1.0, False)],
    ]
    models = {
        one.artifact
        for look in looks
        for one in records(look)
        if isinstance(one, Event) and one.path[:1] == ("model",)
    }
    assert models == {
        "mlflow:model-version/mlflow.example/fraud/1",
        "mlflow:model-version/mlflow.example/fraud/2",
    }


def test_a_canary_that_is_taken_back_is_a_roll_back() -> None:
    memory = Remembered()
    looked(
        memory, [inference_service("fraud-1", "s3://m/1", {"fraud-1": 100})], "2026-04-01T00:00Z"
    )
    both = {"fraud-1": 90, "fraud-2": 10}
    looked(memory, [inference_service("fraud-2", "s3://m/2", both)], "2026-04-02T00:00Z")
    back = inference_service("fraud-3", "s3://m/1", {"fraud-1": 100})
    ends = moves(looked(memory, [back], "2026-04-03T00:00Z"))
    assert [(one["action"], one.get("is_rollback", False)) for one in ends] == [
        ("change", False),
        ("remove", True),
    ]


def test_a_revision_keeps_its_model_while_the_next_is_only_asked_for() -> None:
    memory = Remembered()
    served = {"fraud-1": 100}
    first = inference_service("fraud-1", "s3://m/1", served)
    asked = inference_service("fraud-1", "s3://m/2", served, generation=2)
    looks = [
        looked(memory, [one], f"2026-04-0{day}T00:00Z")
        for day, one in enumerate((first, asked, first), start=1)
    ]
    asked["status"]["observedGeneration"] = 1
    looks.append(looked(Remembered(), [asked], "2026-04-01T00:00Z"))
    models = {
        str(one.artifact)
        for look in looks
        for one in records(look)
        if isinstance(one, Event) and one.path[:1] == ("model",)
    }
    assert models == {"uri:s3://m/1"}
    kept = [
        one.custom_properties.get("k8s.storage_uri")
        for look in looks
        for one in records(look)
        if isinstance(one, Artifact) and one.type == "lineage.Deployment"
    ]
    assert kept == ["s3://m/1"] * (len(kept) - 1) + [None]


def test_nothing_that_is_not_allowed_is_kept() -> None:
    memory = Remembered()
    look = looked(
        memory,
        [*history(), inference_service("fraud-1", "s3://m/1", {"fraud-1": 100})],
        "2026-04-01T00:00Z",
    )
    assert look.documents
    assert all(SECRET.encode() not in one.body for one in look.documents)
    assert SECRET not in repr(look.batches)


def audit_lines() -> list[bytes]:
    return [
        audited(deployment(1, "v1"), FIRST, "create"),
        audited(replica_set("aaa", 1, FIRST, "v1"), FIRST, "create"),
        audited(replica_set("bbb", 2, SECOND, "v2"), SECOND, "create"),
        audited(replica_set("aaa", 1, FIRST, "v1", replicas=0), "2026-02-01T10:01:00Z"),
        audited(replica_set("aaa", 3, FIRST, "v1", history="1"), ROLLED_BACK),
        audited(replica_set("bbb", 2, SECOND, "v2", replicas=0), "2026-03-01T12:01:00Z"),
        audited(deployment(3, "v1"), "2026-04-01T00:00:00Z", "delete"),
    ]


def audit(memory: Remembered, lines: list[bytes]) -> list[Look]:
    at = moment("2026-05-01T00:00Z")
    looks = []
    for changes in rounds_of(read_bodies(io.BytesIO(b"".join(lines)))):
        reader = RoundReader(CLUSTER, at, changes)
        looks.append(take_dated(reader, memory))
    return looks


def take_dated(reader: RoundReader, memory: Remembered) -> Look:
    """Take each document at its own time, as an importer does."""
    look = Look()
    for one in list(reader.read(memory, None, is_whole=False)):
        assert not isinstance(one, Listed)
        at = getattr(one, "changed", None) or moment("2026-05-01T00:00Z")
        part = take([one], memory, KubernetesMapping(CLUSTER), "k8s", at)
        look.batches += part.batches
    return look


@given(st.permutations(range(7)))
def test_an_audit_log_tells_exact_times_in_whatever_order_it_was_written(
    order: list[int],
) -> None:
    expected = [*CALENDAR, ("remove", None, "2026-04-01T00:00:00Z", None, None)]
    lines = audit_lines()
    said = moves(*audit(Remembered(), [lines[one] for one in order]))
    # What came between is not known of an end that is exact, but of the look before.
    assert [(*told(one)[:3], one.get("is_rollback")) for one in said] == [
        (*one[:3], one[4]) for one in expected
    ]


def test_only_who_had_a_revision_made_is_said_to_have_deployed_it() -> None:
    controller = "system:serviceaccount:kube-system:deployment-controller"
    third = "2026-03-01T10:00:00Z"
    lines = [
        audited(deployment(1, "v1"), FIRST, "create", user="bob"),
        audited(replica_set("aaa", 1, FIRST, "v1"), FIRST, "create", 2, controller),
        audited(deployment(1, "v2"), SECOND, user="ann"),
        audited(deployment(2, "v2"), "2026-02-01T10:00:01Z", user=controller),
        audited(
            replica_set("bbb", 2, SECOND, "v2"), "2026-02-01T10:00:02Z", "create", 1, controller
        ),
        audited(
            replica_set("aaa", 1, FIRST, "v1", replicas=0), "2026-02-01T10:01:00Z", user=controller
        ),
        audited(deployment(2, "v3"), third, user="system:serviceaccount:argocd:controller"),
        audited(
            replica_set("ccc", 3, third, "v3"), "2026-03-01T10:00:01Z", "create", 1, controller
        ),
    ]
    who = {
        str(one.key).rpartition(":")[2]: one.properties.get("deployed_by")
        for look in audit(Remembered(), lines)
        for one in records(look)
        if isinstance(one, Execution) and one.properties
    }
    assert who == {"rs-aaa": "bob", "rs-bbb": "ann", "rs-ccc": None}


def test_a_failed_or_unfinished_request_changed_nothing() -> None:
    event = json.loads(audit_lines()[0])
    for change in (
        {"stage": "RequestReceived"},
        {"verb": "get"},
        {"responseStatus": {"code": 409}},
    ):
        line = json.dumps({**event, **change}).encode()
        assert not list(rounds_of(read_bodies(io.BytesIO(line))))


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def _paths(value: object, before: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [before, *(path for key, one in inner for path in _paths(one, (*before, key)))]


@given(st.data())
def test_whatever_an_object_holds_it_is_taken_or_refused_and_never_breaks(
    data: st.DataObject,
) -> None:
    plain = data.draw(
        st.sampled_from([*history(), inference_service("f-1", "s3://m/1", {"f-1": 100})])
    )
    plain = json.loads(json.dumps(plain))
    path = data.draw(st.sampled_from(_paths(plain)[1:]))
    place: Plain = plain
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    place[path[-1]] = data.draw(_ANYTHING)  # type: ignore[index]
    memory = Remembered()
    for at in ("2026-04-01T00:00Z", "2026-04-02T00:00Z"):
        try:
            looked(memory, [plain, *history()], at)
        except LedgerError:
            continue


@given(st.data())
def test_whatever_an_audit_event_holds_it_is_taken_or_refused(data: st.DataObject) -> None:
    lines = [json.loads(one) for one in audit_lines()]
    changed = data.draw(st.sampled_from(lines))
    path = data.draw(st.sampled_from(_paths(changed)[1:]))
    place: Plain = changed
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    place[path[-1]] = data.draw(_ANYTHING)  # type: ignore[index]
    try:
        audit(Remembered(), [json.dumps(one).encode() + b"\n" for one in lines])
    except LedgerError:
        return


@given(st.binary(max_size=80))
def test_whatever_a_file_holds_it_is_read_or_refused(body: bytes) -> None:
    try:
        list(read_bodies(io.BytesIO(body)))
    except LedgerError:
        return


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a@b"])
def test_a_cluster_has_a_name_of_one_segment(name: str) -> None:
    with pytest.raises(LedgerError):
        KubernetesMapping(name)
