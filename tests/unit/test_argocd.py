"""What Applications of Argo CD say: their history, with exact times, in whatever order it comes."""

import io
import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubernetes_objects import SECRET, as_list, image, moment
from lineage.connectors.argocd.mapping import ArgoMapping
from lineage.connectors.argocd.reading import ArgoReader
from lineage.connectors.json_stream import read_bodies
from lineage_schemas.errors import LedgerError
from lineage_schemas.mlmd import Event, Execution
from lineage_schemas.records import AnyRecord
from looks import Look, Remembered, miss, take

COMMITS = ("1" * 40, "2" * 40, "1" * 40)
TIMES = ("2026-01-05T08:00:00Z", "2026-02-01T10:00:00Z", "2026-03-01T12:00:00Z")
PLACE = "argocd:argo.example/argocd/fraud"


def application(*numbers: int) -> dict[str, Any]:
    """Return an Application of Argo CD 2.13 with these entries of its history."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "fraud", "namespace": "argocd", "uid": "u1"},
        "spec": {
            "project": "ml",
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "scoring"},
            "source": {"helm": {"parameters": [{"name": "db", "value": SECRET}]}},
        },
        "status": {
            "history": [
                {
                    "id": number,
                    "revision": COMMITS[number],
                    "deployStartedAt": TIMES[number].replace(":00Z", ":01Z"),
                    "deployedAt": TIMES[number],
                    "initiatedBy": {"username": "ann"},
                    "source": {
                        "repoURL": "https://git.example.org/deploy.git",
                        "path": "fraud",
                        "helm": {"values": SECRET},
                    },
                }
                for number in numbers
            ],
            "summary": {"images": [image("a"), "registry.example.org/proxy:1"]},
            "sync": {"status": "Synced", "revision": COMMITS[numbers[-1]]},
            "health": {"status": "Healthy"},
            "operationState": {"phase": "Succeeded", "message": SECRET},
        },
    }


def looked(memory: Remembered, plain: dict[str, Any], at: str = "2026-04-01T00:00Z") -> Look:
    given_ = read_bodies(io.BytesIO(as_list([plain])))
    reader = ArgoReader(given_, "argo.example", moment(at), has_all=False)
    mapping = ArgoMapping("argo.example", {"https://kubernetes.default.svc": "prod-eu"})
    return take(reader.read(memory, None, is_whole=True), memory, mapping, "argocd", moment(at))


def said(*looks: Look) -> list[AnyRecord]:
    return [one for look in looks for batch in look.batches for s in batch for one in s.records]


def moves(*looks: Look) -> list[tuple[object, ...]]:
    found = {
        one.key: (one.type, one.custom_properties["serving"])
        for one in said(*looks)
        if isinstance(one, Execution) and "serving" in one.custom_properties
    }
    return sorted(
        (str(move["at"]), kind, move["deployment"], move["environment"])
        for kind, move in found.values()
        if isinstance(move, dict)
    )


def test_history_is_deployments_and_an_earlier_revision_again_is_a_roll_back() -> None:
    environment = "k8s:prod-eu/_/namespace/scoring"
    assert moves(looked(Remembered(), application(0, 1, 2))) == [
        (TIMES[0], "lineage.Deploy", f"{PLACE}/0-u1", environment),
        (TIMES[1], "lineage.Deploy", f"{PLACE}/1-u1", environment),
        (TIMES[2], "lineage.RollBack", f"{PLACE}/2-u1", environment),
    ]


def test_looking_at_each_sync_or_at_all_of_them_once_comes_to_the_same() -> None:
    memory = Remembered()
    each = [
        looked(memory, application(*range(n + 1)), f"2026-04-0{n + 1}T00:00Z") for n in range(3)
    ]
    assert moves(*each) == moves(looked(Remembered(), application(0, 1, 2)))


def test_the_same_again_and_a_history_that_was_cut_say_nothing_of_syncs() -> None:
    memory = Remembered()
    looked(memory, application(0, 1, 2))
    assert not looked(memory, application(0, 1, 2), "2026-04-02T00:00Z").batches
    cut = looked(memory, application(2), "2026-04-03T00:00Z")
    assert not [one for one in cut.documents if one.kind == "sync" and not one.is_fixed]


def test_a_sync_read_commits_and_the_newest_ran_the_images_of_now() -> None:
    inputs = {
        (one.artifact, one.execution)
        for one in said(looked(Remembered(), application(0, 1)))
        if isinstance(one, Event) and one.path[0] != "deployment"
    }
    assert inputs == {
        (f"git:commit/{COMMITS[0]}", f"{PLACE}/0-u1#sync"),
        (f"git:commit/{COMMITS[1]}", f"{PLACE}/1-u1#sync"),
        (f"oci:{image('a')}", f"{PLACE}/1-u1#sync"),
    }


def test_an_application_that_is_gone_serves_nothing() -> None:
    memory = Remembered()
    looked(memory, application(0))
    gone = miss("application/argocd/fraud", memory, ArgoMapping("argo.example"), "argocd")
    ends = [one for s in gone for one in s.records if isinstance(one, Execution)]
    assert [one.type for one in ends] == ["lineage.Retire"]


def test_no_value_or_message_is_kept() -> None:
    look = looked(Remembered(), application(0, 1, 2))
    assert look.documents
    assert SECRET not in repr((look.documents, look.batches))


@given(st.data())
def test_whatever_an_application_holds_it_is_taken_or_refused(data: st.DataObject) -> None:
    plain = deepcopy(application(0, 1))
    parts = [plain["metadata"], plain["spec"], plain["status"], plain["status"]["history"][0]]
    part = data.draw(st.sampled_from(parts))
    name = data.draw(st.sampled_from(sorted(part)))
    part[name] = data.draw(
        st.none() | st.integers() | st.text() | st.lists(st.integers()) | st.just({"x": []})
    )
    try:
        looked(Remembered(), json.loads(json.dumps(plain)))
    except LedgerError:
        return
