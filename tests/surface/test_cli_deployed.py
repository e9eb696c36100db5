"""`lineage import kubernetes`, `argocd` and `terraform` as a person runs them."""

import json
from pathlib import Path
from typing import Any

from kubernetes_objects import (
    SECRET,
    Plain,
    as_list,
    audited,
    deployment,
    image,
    inference_service,
    pod,
    replica_set,
)
from terminal import Terminal

FIRST, SECOND, BACK = "2026-01-05T08:00:00Z", "2026-02-01T10:00:00Z", "2026-03-01T12:00:00Z"
PLACE = "k8s:prod/scoring/deployment/fraud"


def snapshot() -> list[Plain]:
    return [
        deployment(3, "v1", rolled_out=("aaa", BACK)),
        replica_set("aaa", 3, FIRST, "v1", history="1"),
        replica_set("bbb", 2, SECOND, "v2", replicas=0),
        pod("aaa", "a"),
        inference_service("fraud-1", "s3://models/fraud/1", {"fraud-1": 100}),
    ]


def audit() -> bytes:
    return b"".join(
        [
            audited(deployment(1, "v1"), FIRST, "create"),
            audited(replica_set("aaa", 1, FIRST, "v1"), FIRST, "create", 2),
            audited(replica_set("bbb", 2, SECOND, "v2"), SECOND, "create"),
            audited(replica_set("aaa", 3, FIRST, "v1", history="1"), BACK),
        ]
    )


def kubernetes(terminal: Terminal, given: bytes, at: str, *more: str) -> dict[str, Any]:
    text = terminal.done(
        *("import", "kubernetes", "-", "--cluster", "prod", "--at", at, "--format", "json", *more),
        given=given,
    )
    answer: dict[str, Any] = json.loads(text)
    return answer


def move_of(terminal: Terminal, key: str) -> object:
    shown = json.loads(terminal.done("show", key, "--format", "json"))
    return shown[0]["node"]["custom_properties"]["serving"]


def test_a_copy_is_taken_in_and_again_only_what_is_new(terminal: Terminal) -> None:
    first = kubernetes(terminal, as_list(snapshot()), "2026-04-01T00:00:00Z")
    assert first["source"] == "k8s:prod"
    assert first["tally"]["there"] == {"deployment": 1, "inferenceservice": 1, "replicaset": 2}
    again = kubernetes(terminal, as_list(snapshot()), "2026-04-02T00:00:00Z")
    assert (again["tally"]["appended"], again["tally"]["entries"]) == (0, 0)
    assert image("a") in terminal.done("trace", f"{PLACE}/3-aaa")


def test_what_a_whole_copy_does_not_show_is_gone_and_else_it_is_not(terminal: Terminal) -> None:
    kubernetes(terminal, as_list(snapshot()), "2026-04-01T00:00:00Z")
    part = kubernetes(terminal, as_list([]), "2026-04-02T00:00:00Z")
    assert part["tally"]["gone"] == 0
    whole = kubernetes(terminal, as_list([]), "2026-04-03T00:00:00Z", "--whole", "deployment")
    assert whole["tally"]["gone"] == 1
    assert "lineage.Retire" in terminal.done("show", PLACE)


def test_nothing_at_all_is_what_a_failed_command_leaves_and_ends_nothing(
    terminal: Terminal,
) -> None:
    kubernetes(terminal, as_list(snapshot()), "2026-04-01T00:00:00Z")
    for words in (
        ("kubernetes", "-", "--cluster", "prod", "--whole", "deployment"),
        ("argocd", "-", "--server", "argo", "--whole"),
    ):
        run = terminal.run("import", *words, given=b"\n")
        assert run.exit_code != 0
        assert "may have failed" in run.stderr
    assert "lineage.Retire" not in terminal.done("show", PLACE)


def test_told_and_then_looked_at_comes_to_what_looking_alone_comes_to(
    terminal: Terminal, tmp_path: Path
) -> None:
    kubernetes(terminal, audit(), "2026-03-02T00:00:00Z")
    kubernetes(terminal, as_list(snapshot()), "2026-04-01T00:00:00Z")
    alone = Terminal(tmp_path / "alone.db")
    kubernetes(alone, as_list(snapshot()), "2026-04-01T00:00:00Z")
    for key in (
        *(PLACE, f"{PLACE}/1-aaa", f"{PLACE}/2-bbb", f"{PLACE}/3-aaa"),
        *(
            f"k8s-move:prod/scoring/deployment/fraud/{n}:rs-{t}"
            for n, t in (("1-aaa/deploy", "aaa"), ("2-bbb/deploy", "bbb"))
        ),
    ):
        nodes = [
            json.loads(one.done("show", key, "--format", "json"))[0]["node"]
            for one in (terminal, alone)
        ]
        # Who did it is told by an audit log alone.
        assert nodes[0]["properties"].pop("deployed_by", "ann@example.org") == "ann@example.org"
        assert {**nodes[0], "id": 0} == {**nodes[1], "id": 0}
    key = "k8s-move:prod/scoring/deployment/fraud/3-aaa/rollback:rs-aaa"
    told, looked = move_of(terminal, key), move_of(alone, key)
    assert isinstance(told, dict)
    assert isinstance(looked, dict)
    assert told["at"] == looked["at"] == BACK


def test_whoever_changed_a_deployment_is_a_person_who_deployed_it(terminal: Terminal) -> None:
    kubernetes(terminal, audit(), "2026-03-02T00:00:00Z")
    key = "k8s-move:prod/scoring/deployment/fraud/1-aaa/deploy:rs-aaa"
    shown = json.loads(terminal.done("show", key, "--format", "json"))
    assert shown[0]["node"]["properties"]["deployed_by"] == "ann@example.org"


def watched(*changes: tuple[str, Plain]) -> bytes:
    lines = [{"type": kind, "object": plain} for kind, plain in changes]
    lines.append({"type": "BOOKMARK", "object": {"kind": "Deployment", "apiVersion": "apps/v1"}})
    return "\n".join(json.dumps(one, indent=4) for one in lines).encode()


def test_a_watch_is_told_to_its_last_change(terminal: Terminal) -> None:
    body = watched(
        ("ADDED", deployment(1, "v1")),
        ("ADDED", replica_set("aaa", 1, FIRST, "v1")),
        ("MODIFIED", deployment(1, "v1", replicas=0)),
        ("DELETED", deployment(1, "v1", replicas=0)),
    )
    kubernetes(terminal, as_list([deployment(1, "v1")]), "2026-03-31T00:00:00Z")
    answer = kubernetes(terminal, body, "2026-04-01T00:00:00Z")
    assert answer["tally"]["gone"] == 1
    assert [(one["start"], one["end_after"], one["end"]) for one in intervals(terminal)] == [
        (
            "2026-01-05T08:00:00.000000Z",
            "2026-03-31T00:00:00.000000Z",
            "2026-04-01T00:00:00.000000Z",
        )
    ]


def test_what_a_watch_saw_going_up_and_down_is_as_it_was_last(terminal: Terminal) -> None:
    up, down = deployment(1, "v1"), deployment(1, "v1", replicas=0)
    parts = [("ADDED", up), ("ADDED", replica_set("aaa", 1, FIRST, "v1"))]
    body = watched(*parts, *(("MODIFIED", one) for one in (down, up, down)))
    kubernetes(terminal, body, "2026-04-01T00:00:00Z")
    assert [one["end"] for one in intervals(terminal)] == ["2026-04-01T00:00:00.000000Z"]


def intervals(terminal: Terminal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(terminal.done("serving", "--format", "json"))[
        "intervals"
    ]
    return found


def test_no_secret_is_in_any_file_of_the_ledger(terminal: Terminal) -> None:
    kubernetes(terminal, as_list(snapshot()), "2026-04-01T00:00:00Z")
    kubernetes(terminal, audit(), "2026-04-02T00:00:00Z")
    files = [one.read_bytes() for one in terminal.store.parent.rglob("*") if one.is_file()]
    assert any(b"scoring/deployment/fraud" in one for one in files)
    assert not any(SECRET.encode() in one for one in files)


def test_what_cannot_be_meant_is_refused(terminal: Terminal) -> None:
    for given, options in (
        (b"{", ("--cluster", "prod")),
        (b"[1]", ("--cluster", "prod")),
        (as_list([]), ("--cluster", "a/b")),
        (as_list([]), ("--cluster", "prod", "--at", "yesterday")),
        (audit(), ("--cluster", "prod", "--whole", "deployment")),
        (as_list([]), ("--cluster", "prod", "--mlflow-server", "A/B")),
    ):
        assert terminal.run("import", "kubernetes", "-", *options, given=given).exit_code != 0
    nameless = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}}
    run = terminal.run("import", "kubernetes", "-", "--cluster", "p", given=as_list([nameless]))
    assert run.exit_code == 1
    assert "not read: deployment/" in run.stderr


def test_applications_of_argo_cd_are_taken_in(terminal: Terminal) -> None:
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "fraud", "namespace": "argocd", "uid": "u"},
        "spec": {"destination": {"name": "in-cluster", "namespace": "scoring"}},
        "status": {"history": [{"id": 0, "revision": "1" * 40, "deployedAt": FIRST}]},
    }
    words = ("import", "argocd", "-", "--server", "argo", "--cluster", "in-cluster=prod")
    assert "2 appended" in terminal.done(*words, given=as_list([application]))
    assert "0 appended" in terminal.done(*words, "--whole", given=as_list([application]))
    assert "k8s:prod/_/namespace/scoring" in terminal.done("show", "argocd:argo/argocd/fraud")
    assert "1 gone" in terminal.done(*words, "--whole", given=as_list([]))
    assert terminal.run(*words[:5], "--cluster", "x", given=as_list([])).exit_code == 2


def test_a_state_of_terraform_is_taken_in(terminal: Terminal) -> None:
    state: dict[str, Any] = {"version": 4, "serial": 2, "lineage": "x", "resources": []}
    bucket = {
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "m",
        "instances": [{"attributes": {"arn": "arn:aws:s3:::m", "acl": SECRET}}],
    }
    words = ("import", "terraform", "-", "--name", "prod", "--environment", "acme:env/prod")
    full = json.dumps({**state, "resources": [bucket]})
    assert "2 appended" in terminal.done(*words, given=full)
    assert "acme:env/prod" in terminal.done("show", "terraform:prod/aws_s3_bucket.m")
    assert "1 gone" in terminal.done(*words, given=json.dumps({**state, "serial": 3}))
    older = terminal.run(*words, given=full)
    assert older.exit_code == 1
    assert "serial 2 is older than 3" in older.stderr
    other = terminal.run(*words, given=json.dumps({**state, "lineage": "y"}))
    assert other.exit_code not in {0, 1}
