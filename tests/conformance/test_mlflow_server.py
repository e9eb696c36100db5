"""A real server and a real ledger: the graph equals what SQL says of the server's own store."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lineage.connectors.mlflow.asking import AJAX_API, QUESTIONS
from lineage.connectors.mlflow.database import DatabaseReader
from lineage.connectors.mlflow.reading import ReadingOptions, SeriesChoice
from lineage.connectors.mlflow.rest import ServerReader
from lineage.questions.trace import TraceQuery
from lineage.service import Ledger
from lineage_schemas.graph import Direction
from lineage_schemas.mlmd import Kind
from mlflow_looking import SERVER, Graph, documents, fresh_ledger, graph, look
from mlflow_peer import UrllibTransport, file_bytes, mlflow_server, play, selected

pytestmark = pytest.mark.peers

NOTHING_BY_STEP = b'"points":[]'
ALL_SERIES = ReadingOptions(series=SeriesChoice.ALL)
BEYOND_THE_STORE = ("artifacts/", "model_file/")
"""What a server has in its files, and not in its database."""


class Story(NamedTuple):
    """A server with a story, and a ledger that has looked at it once."""

    url: str
    database: Path
    folder: Path
    made: dict[str, Any]
    ledger: Ledger
    first: Graph
    asked: list[tuple[str, str]]

    def reader(self) -> ServerReader:
        return ServerReader(UrllibTransport(self.url), self.url, ALL_SERIES)

    def count(self, sql: str, *values: str) -> int:
        return len(selected(self.database, sql, *values))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("mlflow")
    with mlflow_server(folder) as url:
        made = play(folder / "story", url)
        ledger = fresh_ledger()
        transport = UrllibTransport(url)
        tally = look(ledger, ServerReader(transport, url, ALL_SERIES))
        assert tally.unread == []
        assert tally.there == tally.here
        database = folder / "mlflow.db"
        yield Story(url, database, folder, made, ledger, graph(ledger), transport.asked)


def key(kind: str, rest: str) -> str:
    return f"mlflow:{kind}/{SERVER}/{rest}"


def test_every_thing_of_the_store_is_a_node(story: Story) -> None:
    first = story.first
    assert len(first.of_type("lineage.Experiment")) == story.count("SELECT * FROM experiments")
    assert set(first.of_type("lineage.Run")) == {
        key("run", run) for (run,) in selected(story.database, "SELECT run_uuid FROM runs")
    }
    assert set(first.of_type("lineage.RegisteredModel")) == {
        key("registered-model", name.replace(" ", "%20"))
        for (name,) in selected(story.database, "SELECT name FROM registered_models")
    }
    live = "FROM model_versions WHERE current_stage != 'Deleted_Internal'"
    versions = {
        key("model-version", f"{name}/{number}")
        for name, number in selected(story.database, f"SELECT name, version {live}")
    }
    assert set(first.of_type("lineage.ModelVersion")) == versions
    assert len(first.of_type("lineage.Register")) == len(versions)
    models = selected(story.database, "SELECT model_id FROM logged_models")
    assert {key("logged-model", model) for (model,) in models} <= set(
        first.of_type("lineage.Model")
    )
    assert not [name for name, node in first.nodes.items() if node["stub"]]


def test_states_and_times_of_runs_are_those_of_the_store(story: Story) -> None:
    states = {
        "RUNNING": "RUNNING",
        "SCHEDULED": "NEW",
        "FINISHED": "COMPLETE",
        "FAILED": "FAILED",
        "KILLED": "CANCELED",
    }
    rows = selected(
        story.database, "SELECT run_uuid, status, name, lifecycle_stage, user_id FROM runs"
    )
    runs = story.first.of_type("lineage.Run")
    for run, status, name, stage, user in rows:
        node = runs[key("run", run)]
        assert node["state"] == states[status]
        assert node["properties"]["source_state"] == status
        assert node["properties"]["display_name"] == name
        assert node["custom"]["mlflow.lifecycle_stage"] == stage
        assert node["properties"].get("started_by") == user
    assert {status for _, status, _, _, _ in rows} == set(states)


def test_params_metrics_and_tags_are_those_of_the_store(story: Story) -> None:
    runs = story.first.of_type("lineage.Run")
    for run, name, value in selected(story.database, "SELECT run_uuid, key, value FROM params"):
        assert runs[key("run", run)]["properties"]["hyperparameters"][name] == value
    largest = 1.7976931348623157e308
    rows = selected(story.database, "SELECT run_uuid, key, value, is_nan FROM latest_metrics")
    for run, name, value, is_nan in rows:
        infinity = {largest: {"$float": "Infinity"}, -largest: {"$float": "-Infinity"}}
        expected = {"$float": "NaN"} if is_nan else infinity.get(value, value)
        assert runs[key("run", run)]["properties"]["metrics"][name] == expected
    assert {is_nan for _, _, _, is_nan in rows} == {0, 1}
    fit = runs[key("run", story.made["run"])]["properties"]
    assert fit["tags"]["late"] == "set after the end"
    assert fit["description"] == "The first fit."
    assert fit["code_repository"] == "https://git.example.org/risk/churn.git"
    assert "mlflow.user" not in fit["tags"]


def test_edges_to_runs_are_the_inputs_and_outputs_of_the_store(story: Story) -> None:
    rows = selected(
        story.database,
        "SELECT i.destination_id, d.name, d.digest FROM inputs i JOIN datasets d"
        " ON d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET'",
    )
    datasets = {
        (head, node["properties"]["display_name"], node["custom"]["mlflow.digest"])
        for tail, head, kind in story.first.edges
        if kind == "INPUT" and (node := story.first.nodes[("artifact", tail)])
        if tail.startswith("mlflow:dataset/")
    }
    assert datasets == {(key("run", run), name, digest) for run, name, digest in rows}
    outputs = selected(
        story.database,
        "SELECT source_id, destination_id FROM inputs WHERE source_type = 'RUN_OUTPUT'",
    )
    assert {
        (tail, head)
        for tail, head, kind in story.first.edges
        if kind == "OUTPUT" and tail.startswith("mlflow:run/") and "/m-" in head
    } == {(key("run", run), key("logged-model", model)) for run, model in outputs}


def test_series_have_every_point_of_the_store(story: Story) -> None:
    rows = selected(
        story.database,
        "SELECT key, step FROM metrics WHERE run_uuid = ? AND key IN ('loss', 'grad')"
        " ORDER BY key, step",
        story.made["run"],
    )
    (answer,) = story.ledger.show(key("run", story.made["run"]), kind=Kind.EXECUTION)
    series = {values.metric: values for values in answer.series}
    points = [(name, point[0]) for name in ("grad", "loss") for point in series[name].points]
    assert points == rows
    assert [point[1] for point in series["grad"].points] == [
        {"$float": "NaN"},
        {"$float": "Infinity"},
    ]


def test_a_child_belongs_to_its_parent_and_a_run_to_its_experiment(story: Story) -> None:
    made = story.made
    for child in ("child0", "child1"):
        member = (key("run", made["parent"]), key("run", made[child]))
        assert member in story.first.memberships or member[::-1] in story.first.memberships
    experiment = key("experiment", made["experiment"])
    joined = [pair for pair in story.first.memberships if experiment in pair]
    own = made["experiment"]
    runs = story.count("SELECT * FROM runs WHERE experiment_id = ?", own)
    models = story.count("SELECT * FROM logged_models WHERE experiment_id = ?", own)
    assert len(joined) == runs + models


def test_a_version_leads_back_to_the_data_and_the_commit(story: Story) -> None:
    answer = story.ledger.trace(
        TraceQuery(start=(key("model-version", "fraud-model/3"),), direction=Direction.UPSTREAM)
    )
    keys = {node.key for node in answer.nodes}
    assert key("logged-model", story.made["model"]) in keys
    assert key("run", story.made["run"]) in keys
    assert "git:commit/0123456789abcdef0123456789abcdef01234567" in keys
    names = {node.properties.get("display_name") for node in answer.nodes}
    assert {"train", "test", "data/train.csv"} <= names


def test_a_metric_that_names_a_data_set_is_an_evaluation_of_the_model_on_it(story: Story) -> None:
    rows = selected(
        story.database,
        "SELECT DISTINCT model_id, run_id, dataset_name, dataset_digest"
        " FROM logged_model_metrics WHERE dataset_name IS NOT NULL",
    )
    evaluations = story.first.of_type("lineage.Evaluate")
    assert set(evaluations) == {key("evaluation", "/".join(row)) for row in rows}
    ((evaluation, node),) = evaluations.items()
    assert node["properties"]["metrics"]["auc"] == 0.75
    inputs = {tail for tail, head, _ in story.first.edges if head == evaluation}
    named = key("dataset-in-experiment", f"{story.made['experiment']}/test/{rows[0][3]}")
    assert inputs == {key("logged-model", story.made["model"]), named}
    claimed = {
        node for node, word, link in story.first.links if (word, link) == (named, "asserted")
    }
    assert any(node.startswith("mlflow:dataset/") for node in claimed)


def test_a_logged_model_has_its_signature_and_how_it_is_kept(story: Story) -> None:
    model = story.first.of_type("lineage.Model")[key("logged-model", story.made["model"])]
    properties = model["properties"]
    assert properties["framework"] == "sklearn"
    assert [column["name"] for column in properties["features"]["items"]] == ["age", "spend"]
    assert properties["output_schema"]["items"][0]["type"] == "tensor"
    assert properties["is_pickle"] is False  # this version of MLflow keeps it as skops
    assert model["custom"]["mlflow.input_example"] == "input_example.json"
    assert model["custom"]["mlflow.params"]["C"] == "1.0"
    run = story.first.of_type("lineage.Run")[key("run", story.made["run"])]
    assert run["custom"]["mlflow.artifacts"]["items"] == [
        {"path": "notes/readme.txt", "size_bytes": 5}
    ]


def test_the_contents_of_files_are_read_where_that_is_wanted(story: Story) -> None:
    wanted = ReadingOptions(series=SeriesChoice.NONE, hash_bytes_max=1_000)
    transport = UrllibTransport(story.url)
    ledger = fresh_ledger()
    assert look(ledger, ServerReader(transport, story.url, wanted)).unread == []
    file = key("artifact", f"{story.made['run']}/notes/readme.txt")
    words = {
        word for node, word, class_ in graph(ledger).links if (node, class_) == (file, "content")
    }
    assert words == {
        f"md5:{hashlib.md5(b'hello', usedforsecurity=False).hexdigest()}",
        f"sha256:{hashlib.sha256(b'hello').hexdigest()}",
    }
    assert look(ledger, ServerReader(transport, story.url, wanted), hours=1).appended == 0


def test_versions_have_labels_stages_and_aliases(story: Story) -> None:
    versions = story.first.of_type("lineage.ModelVersion")
    third = versions[key("model-version", "fraud-model/3")]["properties"]
    assert third["display_name"] == "fraud-model v3"
    assert (third["number"], third["semantic_version"]) == (3, "3.2.0")
    assert (third["stage"], third["aliases"]) == ("production", {"items": ["champion"]})
    first = versions[key("model-version", "fraud-model/1")]["properties"]
    assert (first["stage"], first["description"]) == ("archived", "first")
    prompt = versions[key("model-version", "greeting/1")]
    assert prompt["custom"]["mlflow.is_prompt"] is True


def test_a_second_look_appends_nothing(story: Story) -> None:
    size = story.ledger.head().size
    tally = look(story.ledger, story.reader(), hours=1)
    assert (tally.appended, tally.unread, story.ledger.head().size) == (0, [], size)


def test_every_question_only_reads(story: Story) -> None:
    assert story.asked
    searches = {path for path in QUESTIONS if path.endswith("/search")}
    for method, path in story.asked:
        if method == "POST":
            assert path in searches
        else:
            assert path in QUESTIONS or path.startswith(f"{AJAX_API}/logged-models/m-")


def test_a_copy_of_the_database_makes_the_same_documents(story: Story) -> None:
    before = file_bytes(story.database)
    shown, unread = documents(story.reader())
    copied, unread_copies = documents(DatabaseReader(story.database, ALL_SERIES))
    assert unread == unread_copies == []
    assert copied == {
        subject: body
        for subject, body in shown.items()
        if not subject.startswith(BEYOND_THE_STORE) and NOTHING_BY_STEP not in body
    }
    assert file_bytes(story.database) == before


def test_zz_what_changed_is_told_between_two_looks(story: Story) -> None:
    """The last chapter, since it changes what the others look at."""
    ledger = fresh_ledger()
    look(ledger, story.reader(), hours=0)
    play(story.folder / "later", story.url, "later", story.made["failed"], story.made["child0"])
    tally = look(ledger, story.reader(), hours=2)
    assert tally.unread == []
    now = graph(ledger)
    moved = now.nodes[("execution", key("alias", "fraud-model/champion/2"))]
    assert moved["type"] == "lineage.Promote"
    assert moved["custom"]["observed_after"] == "2027-01-01T00:00:00.000000Z"
    assert moved["custom"]["observed_at"] == "2027-01-01T02:00:00.000000Z"
    assert moved["custom"]["mlflow.from_version"] == key("model-version", "fraud-model/3")
    taken = now.nodes[("execution", key("alias", "fraud-model/challenger/2"))]
    assert taken["type"] == "lineage.Retire"
    promoted = now.nodes[("execution", key("stage", "fraud-model/2/1"))]
    assert promoted["properties"]["to_stage"] == "Production"
    archived = now.nodes[("execution", key("stage", "fraud-model/3/2"))]
    assert (archived["type"], archived["custom"]["mlflow.from_stage"]) == (
        "lineage.Retire",
        "Production",
    )
    first = now.nodes[("artifact", key("model-version", "fraud-model/1"))]
    assert (first["state"], first["properties"]["source_state"]) == ("DELETED", "deleted")
    gone = now.nodes[("context", key("registered-model", "bare%20name"))]
    assert gone["properties"]["source_state"] == "deleted"
    failed, child = story.made["failed"], story.made["child0"]
    assert now.nodes[("execution", key("state", f"run/{failed}/1"))]["type"] == "lineage.Retire"
    assert now.nodes[("execution", key("state", f"run/{child}/2"))]["type"] == "lineage.Promote"
    assert now.nodes[("execution", key("run", child))]["custom"]["mlflow.is_deleted"] is False
    assert look(ledger, story.reader(), hours=3).appended == 0


def test_zz_a_look_at_what_is_new_finds_runs_that_began_or_ended(story: Story) -> None:
    ledger = fresh_ledger()
    look(ledger, story.reader(), hours=0)
    made = play(story.folder / "many", story.url, "many", "3")
    reader = story.reader()
    tally = look(ledger, reader, hours=1, whole=False)
    # The experiment and its runs; of ten metrics each, that they have nothing by step.
    assert tally.appended == 1 + 3 + 3 * 10
    assert tally.gone == 0
    runs = graph(ledger).of_type("lineage.Run")
    assert {key("run", run) for run in made["runs"]} <= set(runs)
