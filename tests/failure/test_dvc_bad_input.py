"""What cannot be read of a DVC repository is named at every look, and the rest is taken in."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dvc_repositories import Tools, lock_text, look_at, plain, records_of
from lineage.connectors.dvc.naming import content_identifier
from lineage_schemas.mlmd import Artifact, Association, Execution
from lineage_schemas.records import Claim, LinkClass
from looks import Remembered

A, B, C = "a" * 32, "b" * 32, "c" * 32
GOOD = lock_text(("one", {"in": A}, {"out": B}))
DEFINITION = "stages:\n  one:\n    cmd: run one\n    deps: [in]\n    outs: [out]\n"


def _begin(path: Path) -> Tools:
    tools = Tools(path / "work")
    tools.begin()
    tools.write("dvc.yaml", DEFINITION)
    tools.write("dvc.lock", GOOD)
    tools.commit("Good")
    return tools


def _executions(tools: Tools) -> list[Execution]:
    return [one for one in records_of(look_at(tools.path)) if isinstance(one, Execution)]


def _link(tools: Tools) -> None:
    (tools.path / "dvc.lock").unlink()
    (tools.path / "dvc.lock").symlink_to("/etc/passwd")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)
BROKEN: dict[str, tuple[Callable[[Tools], None], str]] = {
    "conflict": (
        lambda tools: tools.write(
            "dvc.lock", f"<<<<<<< ours\n{GOOD}=======\n{GOOD}>>>>>>> theirs\n"
        ),
        "merge conflict",
    ),
    "no_utf8": (lambda tools: tools.write("dvc.lock", b"schema: \xff\xfe"), "not UTF-8"),
    "no_yaml": (lambda tools: tools.write("dvc.lock", "stages: [}"), "not YAML"),
    "bomb": (lambda tools: tools.write("dvc.lock", BOMB), "YAML_NODES_MAX"),
    "deep": (lambda tools: tools.write("dvc.lock", "[" * 500 + "]" * 500), "VALUE_DEPTH_MAX"),
    "link": (_link, "symlink"),
    "lfs": (
        lambda tools: tools.write(
            "dvc.lock", "version https://git-lfs.github.com/spec/v1\noid x\n"
        ),
        "Git LFS",
    ),
    "newer": (lambda tools: tools.write("dvc.lock", "schema: '9.0'\nstages: {}\n"), "9.0"),
    "list": (lambda tools: tools.write("dvc.lock", "- one\n- two\n"), "no object"),
    "twice": (lambda tools: tools.write("dvc.lock", f"{GOOD}  one:\n    cmd: x\n"), "twice"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_lock_in_the_middle_of_history_is_named_and_the_rest_is_read(
    tmp_path: Path, how: str
) -> None:
    tools = _begin(tmp_path)
    make, word = BROKEN[how]
    make(tools)
    bad = tools.commit("Bad")
    (tools.path / "dvc.lock").unlink()
    tools.write("dvc.lock", GOOD.replace(B, C))
    tools.commit("Good again")
    memory = Remembered()
    look = look_at(tools.path, memory)
    assert len(look.unread) == 1
    assert look.unread[0].subject.startswith("file/dvc.lock/")
    assert word in look.unread[0].reason
    records = records_of(look)
    assert len([one for one in records if isinstance(one, Execution)]) == 2
    told = [one for one in plain(records) if one.get("key") == f"git:commit/{bad}"]
    assert any("dvc.unread" in repr(one.get("custom_properties")) for one in told)
    again = look_at(tools.path, memory)
    assert again.unread == look.unread
    assert again.batches == []


def test_a_stage_that_cannot_be_understood_leaves_the_others(tmp_path: Path) -> None:
    tools = _begin(tmp_path)
    tools.write("dvc.lock", f"{GOOD}  two:\n    cmd: run two\n    outs: 7\n")
    tools.commit("Half")
    memory = Remembered()
    look = look_at(tools.path, memory)
    assert [one.kind for one in look.unread] == ["stage"]
    assert look_at(tools.path, memory).unread == look.unread
    assert len([one for one in records_of(look) if isinstance(one, Execution)]) == 1


def test_a_lock_of_the_first_schema_is_read(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write("dvc.yaml", DEFINITION)
    tools.write(
        "dvc.lock",
        f"one:\n  cmd: run one\n  deps:\n  - path: in\n    md5: {A}\n"
        f"  params:\n    params.yaml:\n      lr: 0.5\n  outs:\n  - path: out\n    md5: {B}.dir\n",
    )
    tools.commit("Schema 1.0")
    records = records_of(look_at(tools.path))
    (execution,) = (one for one in records if isinstance(one, Execution))
    assert execution.properties["hyperparameters"] == {"lr": 0.5}
    claims = {
        one.identifier
        for one in records
        if isinstance(one, Claim) and one.link_class is LinkClass.CONTENT
    }
    assert claims == {f"dvc-md5:{A}", f"dvc-md5:{B}.dir"}


def test_a_stage_file_from_before_pipelines_is_a_stage(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write(
        "train.dvc",
        f"cmd: python train.py\ndeps:\n- md5: {A}\n  path: in\n"
        f"outs:\n- cache: true\n  md5: {B}\n  metric: false\n  path: out\nmd5: {C}\n",
    )
    commit = tools.commit("DVC 0")
    records = records_of(look_at(tools.path))
    (execution,) = (one for one in records if isinstance(one, Execution))
    assert execution.properties["entry_point"] == "python train.py"
    assert any(isinstance(one, Association) and one.execution == execution.key for one in records)
    assert any(one.get("parent") == f"git:commit/{commit}" for one in plain(records))


def test_a_very_long_lock_is_told_in_parts(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    stages = [(f"stage{n}", {f"in{n}": A}, {f"out{n}": f"f{n:031x}"}) for n in range(4_500)]
    tools.write("dvc.lock", lock_text(*stages))
    tools.commit("Long")
    look = look_at(tools.path)
    parts = [one.subject for one in look.documents if one.kind == "pipeline"]
    assert [part.partition("#")[2] for part in parts] == ["3", "2", ""]
    joined = {one.execution for one in records_of(look) if isinstance(one, Association)}
    assert len(joined) == 4_500


def test_a_stage_that_is_renamed_leaves_a_leftover_that_is_called_so(tmp_path: Path) -> None:
    tools = _begin(tmp_path)
    tools.write("dvc.yaml", DEFINITION.replace("  one:", "  uno:"))
    tools.commit("Renamed")
    told = [repr(one.get("custom_properties")) for one in plain(records_of(look_at(tools.path)))]
    assert any("'dvc.leftover_stages': {'items': ['one']}" in one for one in told)


def test_empty_content_and_dashed_entity_tags_are_nobodys_identity() -> None:
    assert content_identifier("md5:d41d8cd98f00b204e9800998ecf8427e") is None
    assert content_identifier("dvc-md5:d41d8cd98f00b204e9800998ecf8427e") is None
    assert content_identifier("md5:d751713988987e9331980363e24189ce.dir") is None
    assert content_identifier(f"etag:{A}-12") is None
    assert content_identifier("checksum:0x8D") is None
    assert content_identifier(f"etag:{A.upper()}") == f"md5:{A}"
    assert content_identifier(f"md5:{A}") == f"md5:{A}"
    assert content_identifier(f"md5:{A}.dir") == f"dvc-dir:{A}.dir"
    assert content_identifier(f"dvc-md5:{A}") == f"dvc-md5:{A}"


def test_metrics_that_are_not_those_of_the_lock_are_not_said_to_be(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    tools.write(
        "dvc.yaml", "stages:\n  one:\n    cmd: x\n    metrics:\n    - m.json: {cache: false}\n"
    )
    tools.write("dvc.lock", lock_text(("one", {}, {"m.json": A})))
    tools.write("m.json", json.dumps({"auc": 0.9}))
    tools.commit("The metrics file is another")
    (metrics,) = (
        one
        for one in records_of(look_at(tools.path))
        if isinstance(one, Artifact) and one.type == "lineage.Metrics"
    )
    assert "values" not in metrics.properties
    assert "not the one" in str(metrics.custom_properties["dvc.values_unread"])


def test_a_run_of_mlflow_that_a_metrics_file_names_is_claimed(tmp_path: Path) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    run = "0123456789abcdef" * 2
    body = json.dumps({"auc": float("nan"), "mlflow_run_id": run, "other_id": "f" * 32})
    tools.write(
        "dvc.yaml", "stages:\n  one:\n    cmd: x\n    metrics:\n    - m.json: {cache: false}\n"
    )
    digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    tools.write("dvc.lock", lock_text(("one", {}, {"m.json": digest})))
    tools.write("m.json", body)
    tools.commit("Metrics")
    records = records_of(look_at(tools.path))
    claims = [
        one for one in records if isinstance(one, Claim) and one.link_class is LinkClass.ASSERTED
    ]
    assert [one.identifier for one in claims] == [f"mlflow-run:{run}"]
    assert claims[0].evidence["name"] == "mlflow_run_id"
    (execution,) = (one for one in records if isinstance(one, Execution))
    metrics = execution.properties["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["auc"] == {"$float": "NaN"}


FIRST, SECOND = "1" * 32, "2" * 32


@pytest.mark.parametrize(
    ("role", "files", "claimed"),
    [
        ("metrics", {"one": {"mlflow.run_id": FIRST}}, {("asserted", FIRST)}),
        ("metrics", {"one": {"run_id": FIRST}}, {("derived", FIRST)}),
        ("metrics", {"one": {"mlflow": {"run_id": FIRST}}}, {("derived", FIRST)}),
        ("outs", {"one": {"mlflow_run_id": FIRST}}, {("derived", FIRST)}),
        (
            "metrics",
            {"one": {"champion": {"run_id": FIRST}, "baseline": {"run_id": SECOND}}},
            {("derived", FIRST), ("derived", SECOND)},
        ),
        (
            "metrics",
            {"one": {"mlflow_run_id": FIRST, "baseline": {"run_id": SECOND}}},
            {("derived", FIRST), ("derived", SECOND)},
        ),
        (
            "metrics",
            {"one": {"mlflow_run_id": FIRST}, "two": {"mlflow_run_id": FIRST}},
            {("derived", FIRST)},
        ),
        (
            "metrics",
            {"one": {"mlflow_run_id": FIRST}, "two": {"mlflow_run_id": SECOND}},
            {("asserted", FIRST), ("asserted", SECOND)},
        ),
    ],
    ids=["own", "bare", "deeper", "no-metrics", "compared", "beside", "shared", "each-its-own"],
)
def test_a_run_is_the_stage_itself_only_where_nothing_else_can_be_meant(
    tmp_path: Path, role: str, files: dict[str, object], claimed: set[tuple[str, str]]
) -> None:
    tools = Tools(tmp_path / "work")
    tools.begin()
    definition = "stages:\n"
    stages: list[tuple[str, dict[str, str], dict[str, str]]] = []
    for name, values in files.items():
        body = json.dumps(values)
        tools.write(f"{name}.json", body)
        definition += f"  {name}:\n    cmd: x\n    {role}:\n    - {name}.json: {{cache: false}}\n"
        digest = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
        stages.append((name, {}, {f"{name}.json": digest}))
    tools.write("dvc.yaml", definition)
    tools.write("dvc.lock", lock_text(*stages))
    tools.commit("Metrics")
    found = {
        (one.link_class.value, one.identifier.removeprefix("mlflow-run:"))
        for one in records_of(look_at(tools.path))
        if isinstance(one, Claim) and one.identifier.startswith("mlflow-run:")
    }
    assert found == claimed
