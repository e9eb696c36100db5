"""What DVC imports from another repository, or tracks alone, leads where DVC says it came from."""

from pathlib import Path

import msgspec
import pytest

from dvc_repositories import Tools, look_at, records_of
from lineage import open_ledger
from lineage.connectors.dvc.reading import DvcOptions
from lineage.ledger import Direction, TraceQuery
from lineage_schemas.mlmd import Artifact, Attribution, Event, EventKind, Execution
from lineage_schemas.records import Claim, LinkClass
from peers import peer

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tools, Tools, str]:
    """One repository that has data, and one that imports it and trains on it."""
    top = tmp_path_factory.mktemp("imports")
    data = Tools(top / "data", peer("dvc"))
    data.begin("https://example.org/team/data.git")
    data.run("dvc", "init", "-q")
    data.write("sets/raw.csv", "some rows\n")
    data.run("dvc", "add", "-q", "sets/raw.csv")
    commit = data.commit("Rows")
    model = Tools(top / "model", peer("dvc"))
    model.begin("https://example.org/team/model.git")
    model.run("dvc", "init", "-q")
    model.run("dvc", "import", "-q", str(data.path), "sets/raw.csv", "-o", "rows.csv")
    outside = top / "outside.txt"
    outside.write_text("bytes from elsewhere\n")
    model.run("dvc", "import-url", "-q", str(outside), "outside.txt")
    model.write(
        "dvc.yaml",
        "stages:\n  train:\n    cmd: cp rows.csv model.bin\n"
        "    deps: [rows.csv]\n    outs: [model.bin]\n",
    )
    model.run("dvc", "repro", "-q")
    model.commit("Train")
    return data, model, commit


def _options(data: Tools) -> DvcOptions:
    # The import was made from a folder, whose address the other repository does not know.
    return DvcOptions(aliases={f"file://{data.path}": "example.org/team/data"})


def test_an_import_reads_the_very_node_that_the_other_repository_describes(
    repositories: tuple[Tools, Tools, str],
) -> None:
    data, model, commit = repositories
    described = {
        one.key
        for one in records_of(look_at(data.path))
        if isinstance(one, Artifact) and one.properties.get("display_name") == "sets/raw.csv"
    }
    imported = records_of(look_at(model.path, options=_options(data)))
    (execution,) = (
        one
        for one in imported
        if isinstance(one, Execution) and one.properties["display_name"] == "rows.csv.dvc"
    )
    assert execution.type == "lineage.Collect"
    assert execution.custom_properties["dvc.import_repository"] == "example.org/team/data"
    read = {
        one.artifact
        for one in imported
        if isinstance(one, Event) and one.execution == execution.key and one.kind is EventKind.INPUT
    }
    assert read == {*described, f"git:commit/{commit}"}


@pytest.mark.parametrize("first", ["data", "model"])
def test_the_data_of_one_repository_leads_to_the_model_of_another_in_either_order(
    repositories: tuple[Tools, Tools, str], tmp_path: Path, first: str
) -> None:
    data, model, _ = repositories
    looks = {
        "data": look_at(data.path),
        "model": look_at(model.path, options=_options(data)),
    }
    order = sorted(looks, key=lambda name: name != first)
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for name in order:
            for batch in looks[name].batches:
                ledger.record([msgspec.structs.replace(one, source=name) for one in batch])
        (start,) = {
            one.key
            for one in records_of(looks["data"])
            if isinstance(one, Artifact) and one.properties.get("display_name") == "sets/raw.csv"
        }
        assert start is not None
        answer = ledger.trace(TraceQuery(start=(start,), direction=Direction.DOWNSTREAM, depth=10))
        keys = {node.key for node in answer.nodes}
        assert any("/model.bin@" in str(key) for key in keys)


def test_an_import_from_an_address_reads_that_address(
    repositories: tuple[Tools, Tools, str],
) -> None:
    data, model, _ = repositories
    records = records_of(look_at(model.path, options=_options(data)))
    (execution,) = (
        one
        for one in records
        if isinstance(one, Execution) and one.properties["display_name"] == "outside.txt.dvc"
    )
    ends = {
        one.kind: str(one.artifact)
        for one in records
        if isinstance(one, Event) and one.execution == execution.key
    }
    assert ends[EventKind.INPUT] != ends[EventKind.OUTPUT]
    bytes_of = {
        one.node: one.identifier
        for one in records
        if isinstance(one, Claim) and one.link_class is LinkClass.CONTENT
    }
    assert bytes_of[ends[EventKind.INPUT]] == bytes_of[ends[EventKind.OUTPUT]]


def test_a_commit_is_the_context_of_what_it_began_to_track(
    repositories: tuple[Tools, Tools, str],
) -> None:
    data, _, commit = repositories
    held = {
        str(one.artifact)
        for one in records_of(look_at(data.path))
        if isinstance(one, Attribution) and one.context == f"git:commit/{commit}"
    }
    assert {one.partition("/")[0] for one in held} == {"git:commit", "dvc:data"}
