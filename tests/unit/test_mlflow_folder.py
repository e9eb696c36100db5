"""A folder of MLflow's holds what anybody's run has left there; nothing outside of it is read."""

import os
from pathlib import Path

import pytest

from lineage.connectors.mlflow.files import FolderReader
from lineage.connectors.mlflow.folders import LINE_BYTES_MAX
from lineage.connectors.mlflow.reading import ReadingOptions
from lineage.connectors.scanning import Document, Listed, Unread
from lineage.connectors.yaml_documents import YAML_BYTES_MAX
from mlflow_looking import NoMemory

RUN = "ab" * 16
MODEL = "m-" + "cd" * 16
SECRET = "s3cret-of-another-user"


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    """One of each thing, and beside the folder what is none of its business."""
    top = tmp_path / "mlruns"
    put(tmp_path / "outside" / "file", SECRET)
    put(tmp_path / "outside" / "meta.yaml", f"name: {SECRET}\nrun_id: {SECRET}\n")
    put(top / "1" / "meta.yaml", "experiment_id: '1'\nname: e\n")
    put(top / "1" / RUN / "meta.yaml", f"run_id: {RUN}\nexperiment_id: '1'\nstatus: 3\n")
    put(top / "1" / RUN / "params" / "depth", "3")
    put(top / "1" / RUN / "metrics" / "loss", "1700000000000 0.5 0\n")
    put(top / "1" / RUN / "artifacts" / "plot.txt", "hello")
    put(top / "1" / "models" / MODEL / "meta.yaml", f"model_id: {MODEL}\nexperiment_id: '1'\n")
    put(top / "1" / "models" / MODEL / "artifacts" / "MLmodel", "flavors: {}\n")
    put(top / "models" / "fraud" / "meta.yaml", "name: fraud\n")
    put(top / "models" / "fraud" / "version-1" / "meta.yaml", "name: fraud\nversion: 1\n")
    return top


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def read(mlruns: Path) -> tuple[dict[str, bytes], list[Unread], set[str]]:
    reader = FolderReader(mlruns, ReadingOptions(hash_bytes_max=100))
    found = list(reader.read(NoMemory(), None, is_whole=True))
    return (
        {one.subject: one.body for one in found if isinstance(one, Document)},
        [one for one in found if isinstance(one, Unread)],
        {one.kind for one in found if isinstance(one, Listed)},
    )


def test_all_of_a_folder_is_shown(mlruns: Path) -> None:
    shown, unread, listed = read(mlruns)
    assert unread == []
    assert listed == {
        *("experiment", "run", "logged_model", "registered_model", "model_version"),
    }
    assert {name.partition("/")[0] for name in shown} == {*listed, "artifacts", "model_file"}


@pytest.mark.parametrize(
    ("link", "target", "kind", "uncertain"),
    [
        (f"1/{RUN}/params/p", "file", "run", {"run"}),
        (f"1/{RUN}/params/below", "", "run", {"run"}),
        (f"1/{RUN}/tags", "", "run", {"run"}),
        (f"1/{RUN}/metrics/m", "file", "run", {"run"}),
        (f"1/{RUN}/inputs/i", "", "run", {"run"}),
        (f"1/{RUN}/outputs", "", "run", {"run"}),
        (f"1/{RUN}/artifacts/f", "file", "artifacts", set()),
        (f"1/{RUN}/artifacts/below", "", "artifacts", set()),
        ("1/" + "ef" * 16, "", "run", {"run"}),
        ("1/" + "ef" * 16, "nowhere", "run", {"run"}),
        ("1/tags", "", "experiment", {"experiment"}),
        ("2", "", "experiment", {"experiment", "run", "logged_model"}),
        (".trash", "", "experiment", {"experiment", "run", "logged_model"}),
        (f"1/models/{MODEL}/params/p", "file", "logged_model", {"logged_model"}),
        (f"1/models/m-{'0' * 32}", "", "logged_model", {"logged_model"}),
        ("models/other", "", "registered_model", {"registered_model", "model_version"}),
        ("models/fraud/aliases/a", "file", "registered_model", {"registered_model"}),
        ("models/fraud/version-2", "", "model_version", {"model_version"}),
    ],
    ids=range(18),
)
def test_a_link_is_told_and_what_it_leads_to_is_not_read(
    mlruns: Path, link: str, target: str, kind: str, uncertain: set[str]
) -> None:
    everything = read(mlruns)[2]
    (mlruns / link).parent.mkdir(parents=True, exist_ok=True)
    (mlruns / link).symlink_to(mlruns.parent / "outside" / target)
    shown, unread, listed = read(mlruns)
    assert [one.kind for one in unread] == [kind]
    assert "link, which is not followed" in unread[0].reason
    assert everything - listed == uncertain
    assert SECRET.encode() not in b"".join(shown.values())


@pytest.mark.parametrize("place", [f"1/{RUN}/artifacts", f"1/models/{MODEL}/artifacts"])
def test_a_folder_of_files_that_is_a_link_is_not_entered(mlruns: Path, place: str) -> None:
    (mlruns / place).rename(mlruns.parent / "moved")
    (mlruns / place).symlink_to(mlruns.parent / "moved")
    shown, unread, _ = read(mlruns)
    assert [one.subject for one in unread] in ([f"artifacts/{RUN}"], [f"model_file/{MODEL}"])
    assert unread[0].subject not in shown


def test_a_folder_is_read_by_the_name_that_the_caller_gives(mlruns: Path) -> None:
    (mlruns.parent / "by-another-name").symlink_to(mlruns)
    assert read(mlruns.parent / "by-another-name") == read(mlruns)


@pytest.mark.parametrize("name", ["..", "../../../outside", "", "a\\0b"])
def test_a_data_set_is_looked_for_under_a_single_name(mlruns: Path, name: str) -> None:
    given = f'source_type: DATASET\nsource_id: "{name}"\n'
    put(mlruns / "1" / RUN / "inputs" / "i" / "meta.yaml", given)
    (mlruns / "1" / "datasets").mkdir()
    shown, unread, _ = read(mlruns)
    assert "A single name belongs here" in unread[0].reason
    assert f"run/{RUN}" not in shown


@pytest.mark.parametrize(
    ("place", "kind"),
    [(f"1/{RUN}/params/p", "run"), (f"1/{RUN}/metrics/m", "run")],
    ids=["param", "metric"],
)
def test_a_pipe_is_not_waited_for(mlruns: Path, place: str, kind: str) -> None:
    os.mkfifo(mlruns / place)
    _, unread, _ = read(mlruns)
    assert [one.kind for one in unread] == [kind]
    assert "no file" in unread[0].reason


@pytest.mark.parametrize(
    ("place", "size", "kind"),
    [
        (f"1/{RUN}/params/p", 1_048_577, "run"),
        (f"1/{RUN}/metrics/m", LINE_BYTES_MAX + 1, "run"),
        (f"1/models/{MODEL}/artifacts/MLmodel", YAML_BYTES_MAX + 1, "model_file"),
        (f"1/models/{MODEL}/meta.yaml", YAML_BYTES_MAX + 1, "logged_model"),
    ],
    ids=["param", "metric", "model-file", "meta"],
)
def test_nothing_is_read_past_its_limit(mlruns: Path, place: str, size: int, kind: str) -> None:
    with (mlruns / place).open("wb") as file:
        file.truncate(size)
    _, unread, _ = read(mlruns)
    assert [one.kind for one in unread] == [kind]
    assert "over the limit" in unread[0].reason


@pytest.mark.parametrize(
    ("place", "kind", "uncertain"),
    [
        ("1", "experiment", {"experiment", "run", "logged_model"}),
        (f"1/{RUN}", "run", {"run"}),
        (f"1/models/{MODEL}", "logged_model", {"logged_model"}),
        ("models/fraud", "registered_model", {"registered_model", "model_version"}),
        ("models/fraud/version-1", "model_version", {"model_version"}),
    ],
    ids=["experiment", "run", "logged-model", "registered-model", "version"],
)
def test_a_thing_without_its_meta_file_is_unread_and_not_gone(
    mlruns: Path, place: str, kind: str, uncertain: set[str]
) -> None:
    everything = read(mlruns)[2]
    (mlruns / place / "meta.yaml").unlink()
    _, unread, listed = read(mlruns)
    assert [(one.kind, one.subject) for one in unread] == [(kind, f"{kind}/{place}")]
    assert "meta.yaml" in unread[0].reason
    assert everything - listed == uncertain


def test_a_run_by_another_name_is_known_by_what_it_holds(mlruns: Path) -> None:
    put(mlruns / "1" / "my-run" / "metrics" / "loss", "1 0.5 0\n")
    assert [one.subject for one in read(mlruns)[1]] == ["run/1/my-run"]


def test_a_folder_of_something_else_is_passed_over(mlruns: Path) -> None:
    for place in ("notes", "1/notes", "models/notes", "1/models/notes", "models/fraud/notes"):
        put(mlruns / place / "readme.txt", "nothing of MLflow's")
    assert read(mlruns)[1] == []
