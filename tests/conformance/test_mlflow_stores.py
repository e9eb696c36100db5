"""MLflow's own client writes a folder, and converts it; we read both, and change neither."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lineage.connectors.mlflow.database import DatabaseReader
from lineage.connectors.mlflow.files import FolderReader
from lineage.connectors.mlflow.reading import ReadingOptions, SeriesChoice
from lineage.connectors.mlflow.webhooks import EXAMPLES
from lineage.connectors.scanning import Listed, Unread
from lineage_schemas.errors import ForeignStoreError, NotFoundError
from mlflow_looking import NoMemory, fresh_ledger, graph, look
from mlflow_looking import documents as shown_by
from mlflow_peer import QUIET, file_bytes, play
from peers import PEERS, run_peer

pytestmark = pytest.mark.peers

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


def test_the_contents_of_files_in_a_folder_are_read_where_that_is_wanted(
    stores: tuple[Path, Path, dict[str, Any]],
) -> None:
    mlruns, _, made = stores
    for limit, expected in ((5, hashlib.sha256(b"hello").hexdigest()), (4, None), (0, None)):
        shown, _ = shown_by(FolderReader(mlruns, ReadingOptions(hash_bytes_max=limit)))
        (file,) = json.loads(shown[f"artifacts/{made['run']}"])["files"]
        assert file.get("sha256") == expected


def test_the_examples_of_webhooks_are_those_that_mlflow_sends(tmp_path: Path) -> None:
    program = (
        "import json;from mlflow.webhooks.types import EVENT_TO_PAYLOAD_CLASS as known;"
        "print(json.dumps({f'{e}.{a}': form.example() for (e, a), form in known.items()}))"
    )
    (tmp_path / "here").mkdir()
    done = run_peer("mlflow", ("python", "-c", program), tmp_path / "here", QUIET)
    assert json.loads(done.stdout.splitlines()[-1]) == EXAMPLES


GENERATIONS = ("first", "451aebb31d03", "84291f40a231", "7f2a7d5fae7d", "400f98739977", "head")
"""Schemas by MLflow's own names: 0.9, 1.0, 1.14, 2.4, 3.0 and the newest."""


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generations")
    program = PEERS / "mlflow" / "old_stores.py"
    run_peer("mlflow", ("python", program, folder, *GENERATIONS), folder, QUIET, 300)
    return folder


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_database_of_each_generation_is_read_as_it_is_and_never_migrated(
    generations: Path, generation: str
) -> None:
    database = generations / f"{generation}.db"
    before = file_bytes(database)
    reader = DatabaseReader(database, ALL)
    ledger = fresh_ledger()
    tally = look(ledger, reader)
    assert tally.unread == []
    assert file_bytes(database) == before
    assert [path.name for path in generations.glob(f"{generation}.db*")] == [database.name]
    assert reader.schema == {"first": "", "head": "dc11669786a5"}.get(generation, generation)
    found = graph(ledger)
    ((key, run),) = found.of_type("lineage.Run").items()
    assert run["properties"]["display_name"] == "old run"
    assert run["properties"]["hyperparameters"] == {"depth": "3"}
    assert run["properties"]["metrics"] == {"loss": 0.5}
    assert run["properties"]["duration_us"] == 5_000_000
    assert (f"git:commit/{'c' * 40}", key, "INPUT") in found.edges
    at = GENERATIONS.index(generation)
    versions = found.of_type("lineage.ModelVersion")
    assert len(versions) == (1 if at >= 2 else 0)
    assert bool([tail for tail, _, _ in found.edges if ":dataset/" in tail]) == (at >= 3)
    assert bool([head for _, head, _ in found.edges if ":logged-model/" in head]) == (at >= 4)
    if versions:
        (version,) = versions.values()
        assert version["properties"]["stage"] == "production"
        # The source lies in the run's own folder: an artifact of the run, which made it.
        made = f"mlflow:artifact/tracking.example.org:5000/{'a' * 32}/model"
        assert (key, made, "DECLARED_OUTPUT") in found.edges


def test_what_a_server_has_only_in_its_log_is_read_and_the_log_stays_as_it_is(
    generations: Path, tmp_path: Path
) -> None:
    database = tmp_path / "live.db"
    shutil.copyfile(generations / "head.db", database)
    with closing(sqlite3.connect(database)) as server:
        server.execute("PRAGMA journal_mode = WAL")
        server.execute("PRAGMA wal_autocheckpoint = 0")
        server.execute("UPDATE runs SET status = 'FAILED'")
        server.commit()
        files = [database, tmp_path / "live.db-wal"]
        before = file_bytes(*files)
        shown, unread = shown_by(DatabaseReader(database, ALL))
        assert unread == []
        assert json.loads(shown[f"run/{'a' * 32}"])["status"] == "FAILED"
        assert file_bytes(*files) == before


@pytest.mark.parametrize("body", [b"", b"no database at all" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_database_of_mlflow_is_refused(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(body)
    with pytest.raises(ForeignStoreError):
        shown_by(DatabaseReader(file, ALL))
    assert file.read_bytes() == body


def test_what_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        shown_by(DatabaseReader(tmp_path / "none.db"))
    with pytest.raises(NotFoundError):
        shown_by(FolderReader(tmp_path))


def test_a_damaged_page_costs_what_is_on_it_and_nothing_is_taken_for_gone(
    generations: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.db"
    body = bytearray((generations / "head.db").read_bytes())
    with closing(sqlite3.connect(generations / "head.db")) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'logged_models'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    body[(page - 1) * size : page * size] = b"\xff" * size
    damaged.write_bytes(body)
    found = list(DatabaseReader(damaged, ALL).read(NoMemory(), None, is_whole=True))
    kinds = {one.kind for one in found if isinstance(one, Listed)}
    assert kinds == {"experiment", "run", "registered_model", "model_version"}
    assert [one.kind for one in found if isinstance(one, Unread)] == ["logged_model"]
