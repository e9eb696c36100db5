"""MLflow's own client writes a folder, and converts it; we read both, and change neither."""

import json
from pathlib import Path
from typing import Any

import pytest

from lineage.connectors.mlflow.database import DatabaseReader
from lineage.connectors.mlflow.files import FolderReader
from lineage.connectors.mlflow.reading import ReadingOptions, SeriesChoice
from lineage.connectors.mlflow.webhooks import EXAMPLES
from mlflow_looking import fresh_ledger, graph, look
from mlflow_looking import documents as shown_by
from mlflow_peer import QUIET, file_bytes, play
from peers import run_peer

ALL = ReadingOptions(series=SeriesChoice.ALL)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A folder with a story, and the database that MLflow makes of it."""
    folder = tmp_path_factory.mktemp("stores")
    mlruns, database = folder / "mlruns", folder / "mlflow.db"
    # At a step where metrics are, the file store logs them twice, and MLflow cannot convert it.
    made = play(folder / "story", str(mlruns), "first", "7")
    command = ("mlflow", "migrate-filestore", "--source", mlruns, "--target")
    run_peer("mlflow", (*command, f"sqlite:///{database}"), folder, QUIET)
    return mlruns, database, made


def test_a_folder_and_the_database_made_of_it_are_one_and_the_same(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    mlruns, database, made = stores
    before = file_bytes(mlruns, database)
    in_folder, unread_in_folder = shown_by(FolderReader(mlruns, ALL))
    in_database, unread_in_database = shown_by(DatabaseReader(database, ALL))
    assert unread_in_folder == unread_in_database == []
    assert file_bytes(mlruns, database) == before
    only_files = {name for name in in_folder if name.startswith(("artifacts/", "model_file/"))}
    assert len(only_files) == 2
    assert in_folder.keys() - only_files == in_database.keys()
    model = f"logged_model/{made['model']}"
    different = {
        name
        for name, body in in_database.items()
        if json.loads(body) != json.loads(in_folder[name])
    }
    # MLflow's database keeps 0 where a model's metric was NaN: what is lost there is not ours.
    assert different <= {model}
    metrics = {one["key"]: one["value"] for one in json.loads(in_folder[model])["metrics"]}
    assert metrics["f1"] == {"$float": "NaN"}


def test_a_look_at_a_folder_is_a_graph_and_a_second_one_appends_nothing(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    mlruns, _, made = stores
    ledger = fresh_ledger()
    assert look(ledger, FolderReader(mlruns, ALL)).unread == []
    assert look(ledger, FolderReader(mlruns, ALL), hours=1).appended == 0
    found = graph(ledger)
    assert len(found.of_type("lineage.Experiment")) == 3  # the default one, and a deleted one
    assert len(found.of_type("lineage.Run")) == 8
    run = found.of_type("lineage.Run")[f"mlflow:run/tracking.example.org:5000/{made['run']}"]
    assert run["properties"]["metrics"]["grad"] == {"$float": "Infinity"}
    assert run["properties"]["metrics"]["low"] == {"$float": "-Infinity"}


def test_the_examples_of_webhooks_are_those_that_mlflow_sends(tmp_path: Path) -> None:
    program = (
        "import json;from mlflow.webhooks.types import EVENT_TO_PAYLOAD_CLASS as known;"
        "print(json.dumps({f'{e}.{a}': form.example() for (e, a), form in known.items()}))"
    )
    (tmp_path / "here").mkdir()
    done = run_peer("mlflow", ("python", "-c", program), tmp_path / "here", QUIET)
    assert json.loads(done.stdout.splitlines()[-1]) == EXAMPLES
