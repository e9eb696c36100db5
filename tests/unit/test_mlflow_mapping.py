"""What single documents state, where a real server of today shows no such thing."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from lineage.connectors.mlflow.documents import (
    artifacts_document,
    experiment_document,
    logged_model_document,
    model_file_document,
    registered_model_document,
    run_document,
    series_document,
    version_document,
)
from lineage.connectors.mlflow.mapping import MlflowMapping
from lineage.connectors.scanning import GONE, Document, Revision, Said
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.mlmd import Artifact, Association, Context, Event, EventKind, Execution
from lineage_schemas.records import AnyRecord, Claim, LinkClass, MetricSeries, Precision
from lineage_schemas.values import JsonValue
from mlflow_looking import SERVER

MAPPING: Final = MlflowMapping(SERVER)
NOON: Final = datetime(2027, 1, 1, 12, tzinfo=UTC)
RUN: Final = "a" * 32
KEY: Final = f"mlflow:run/{SERVER}/{RUN}"
MD5: Final = "0f343b0931126a20f133d67c2b018a3b"


def said(document: Document, before: bytes | None = None, hours: int = 0) -> tuple[Said, ...]:
    """Map a document as the revision after ``before``, seen an hour later each time."""
    at = NOON + timedelta(hours=hours)
    return MAPPING.map(
        Revision(
            subject=document.subject,
            body=MAPPING.carry(before, document.body),
            before=before,
            after=None if before is None else at - timedelta(hours=1),
            at=at,
        )
    )


def records(document: Document, before: bytes | None = None) -> list[AnyRecord]:
    return [record for one in said(document, before) for record in one.records]


def run(**tags: str) -> Document:
    return run_document(
        {
            "info": {
                "run_id": RUN,
                "experiment_id": "1",
                "status": "FINISHED",
                "start_time": 1_700_000_000_000,
            },
            "data": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
    )


def tagged(key: str, value: str) -> list[AnyRecord]:
    return records(run(**{key: value}))


def inputs(found: Iterable[AnyRecord]) -> dict[str, tuple[str | int, ...]]:
    return {
        str(one.artifact): one.path
        for one in found
        if isinstance(one, Event) and one.kind is EventKind.INPUT
    }


def claims(found: Iterable[AnyRecord]) -> set[tuple[str, LinkClass]]:
    return {(one.identifier, one.link_class) for one in found if isinstance(one, Claim)}


def version(**more: JsonValue) -> Document:
    return version_document({"name": "fraud model", "version": "3", **more})


@pytest.mark.parametrize(
    ("tag", "value", "claim"),
    [
        ("dvc.md5.data/train.csv", MD5, f"md5:{MD5}"),
        ("dvc.md5.data/raw", f"{MD5}.dir", f"dvc-dir:{MD5}.dir"),
        ("training data", f"md5:{MD5}", f"md5:{MD5}"),
        ("rows", "sha256:" + "ab" * 32, "sha256:" + "ab" * 32),
    ],
    ids=["file", "folder", "md5", "sha256"],
)
def test_a_tag_with_a_digest_is_an_input_with_these_contents(
    tag: str, value: str, claim: str
) -> None:
    found = tagged(tag, value)
    assert (claim, LinkClass.CONTENT) in claims(found)
    assert len(inputs(found)) == 1


@pytest.mark.parametrize(
    "value",
    ["d41d8cd98f00b204e9800998ecf8427e", "not a digest", "", "0f34"],
    ids=["empty-file", "words", "nothing", "short"],
)
def test_a_tag_that_is_no_digest_of_anything_links_nothing(value: str) -> None:
    found = tagged("dvc.md5.data/train.csv", value)
    assert claims(found) == {(f"mlflow-run:{RUN}", LinkClass.ASSERTED)}


def test_tags_that_name_what_dvc_knows_lead_there() -> None:
    data = "dvc:data/github.com%2Frisk%2Fchurn/data/train.csv@md5:" + MD5
    found = tagged("data", data)
    assert list(inputs(found).values()) == [("data",)]
    stage = "dvc:stage/github.com%2Frisk%2Fchurn/dvc.lock/train@abc"
    assert any(
        claim.startswith("dvc:stage/") and class_ is LinkClass.ASSERTED
        for claim, class_ in claims(tagged("stage", stage))
    )
    commit = "c" * 40
    for tag in ("dvc.rev", "lineage.dvc.rev"):
        assert inputs(tagged(tag, commit)) == {f"git:commit/{commit}": ("dvc",)}


@pytest.mark.parametrize(
    ("image", "key"),
    [
        (
            "ghcr.io/risk/train@sha256:" + "ab" * 32,
            "oci:ghcr.io/risk/train@sha256:" + "ab" * 32,
        ),
        ("sha256:" + "ab" * 32, f"mlflow:image/{SERVER}/sha256%3A" + "ab" * 32),
    ],
    ids=["with-registry", "digest-only"],
)
def test_an_image_is_an_input_by_its_digest(image: str, key: str) -> None:
    found = tagged("lineage.image.digest", image)
    assert inputs(found) == {key: ("image",)}
    assert ("sha256:" + "ab" * 32, LinkClass.CONTENT) in claims(found)


def test_a_ci_run_that_is_not_named_whole_is_none() -> None:
    assert not [one for one in tagged("lineage.ci.run_id", "7") if "ci:run" in str(one)]
    tags = {"host": "GitHub.com", "repository": "risk/churn", "run_id": "7"}
    found = records(run(**{f"lineage.ci.{name}": text for name, text in tags.items()}))
    keys = [one.key for one in found if isinstance(one, Context)]
    assert "ci:run/github.com/risk/churn/7/1" in keys


def test_a_commit_that_is_not_whole_is_no_code_revision() -> None:
    assert inputs(tagged("mlflow.source.git.commit", "abc123")) == {}


def test_the_commit_that_ci_names_counts_where_mlflow_names_none() -> None:
    ours, other = "c" * 40, "d" * 40
    assert inputs(tagged("lineage.git.commit", ours)) == {f"git:commit/{ours}": ("code",)}
    both = run(**{"lineage.git.commit": other, "mlflow.source.git.commit": ours})
    assert inputs(records(both)) == {
        f"git:commit/{ours}": ("code",),
        f"git:commit/{other}": ("ci",),
    }


def test_people_go_to_the_personal_part() -> None:
    shown: Any = {"info": {"run_id": RUN, "user_id": "ada"}, "data": {"tags": []}}
    found = records(run_document(shown))
    (execution,) = (one for one in found if isinstance(one, Execution) and one.properties)
    assert execution.properties["started_by"] == "ada"  # personal by its type
    with_mail = [one for one in tagged("contact", "ada@example.org") if isinstance(one, Execution)]
    assert "tags" in with_mail[-1].personal
    assert (
        "tags" not in [one for one in tagged("a", "b") if isinstance(one, Execution)][-1].personal
    )


def test_a_model_of_an_older_run_is_told_by_its_tag() -> None:
    history = [
        {
            "run_id": RUN,
            "artifact_path": "model",
            "flavors": {
                "sklearn": {"sklearn_version": "1.0", "serialization_format": "cloudpickle"},
                "python_function": {"loader_module": "mlflow.sklearn"},
            },
            "signature": {"inputs": '[{"name": "age", "type": "double"}]'},
        }
    ]
    found = tagged("mlflow.log-model.history", json.dumps(history))
    (model,) = (one for one in found if isinstance(one, Artifact))
    assert model.key == f"mlflow:artifact/{SERVER}/{RUN}/model"
    assert model.properties["is_pickle"] is True
    assert model.properties["framework_version"] == "1.0"
    assert any(
        isinstance(one, Event) and one.artifact == model.key and one.kind is EventKind.OUTPUT
        for one in found
    )


@pytest.mark.parametrize(
    ("flavors", "expected"),
    [
        ({"sklearn": {"serialization_format": "skops"}}, False),
        ({"sklearn": {"pickled_model": "model.pkl"}}, True),
        ({"python_function": {"python_model": "python_model.pkl"}}, True),
        ({"onnx": {"data": "model.onnx"}}, None),
        ({}, None),
    ],
    ids=["skops", "pickle-file", "python-model", "onnx", "none"],
)
def test_whether_loading_a_model_runs_code_is_told_where_the_file_tells(
    flavors: dict[str, JsonValue],
    expected: bool | None,  # noqa: FBT001 - a table's column
) -> None:
    (model,) = records(model_file_document("m-" + "b" * 32, {"flavors": flavors}))
    assert isinstance(model, Artifact)
    assert model.properties.get("is_pickle") is expected


@pytest.mark.parametrize(
    ("shown", "source"),
    [
        ({"source": f"models:/m-{'b' * 32}"}, f"mlflow:logged-model/{SERVER}/m-{'b' * 32}"),
        ({"source": f"runs:/{RUN}/path/model"}, f"mlflow:artifact/{SERVER}/{RUN}/path/model"),
        (
            {"source": f"s3://b/1/{RUN}/artifacts/model/", "run_id": RUN},
            f"mlflow:artifact/{SERVER}/{RUN}/model",
        ),
        (
            {"source": f"s3://b/1/{RUN}/artifacts/model", "run_id": "b" * 32},
            f"uri:s3://b/1/{RUN}/artifacts/model",
        ),
        ({"source": "models:/other/2"}, f"mlflow:model-version/{SERVER}/other/2"),
        ({"source": "s3://b/model"}, "uri:s3://b/model"),
        ({"source": "/srv/model"}, f"mlflow:path/{SERVER}/%2Fsrv%2Fmodel"),
        ({"source": "dummy-source"}, None),
        ({}, None),
    ],
    ids=[
        *("logged", "runs", "in-run", "of-another-run", "version", "uri", "path", "dummy", "none"),
    ],
)
def test_a_version_is_made_of_what_its_source_names(
    shown: dict[str, JsonValue], source: str | None
) -> None:
    assert list(inputs(records(version(**shown)))) == ([] if source is None else [source])


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"version": "v3.2.0"}, "3.2.0"),
        ({"semantic_version": "1.0.0", "version": "2.0.0"}, "1.0.0"),
        ({"version": "7"}, None),
        ({}, None),
    ],
    ids=["tag", "first-tag-wins", "no-semantic-version", "none"],
)
def test_a_semantic_version_is_read_from_a_tag(tags: dict[str, str], expected: str | None) -> None:
    shown = version(tags=[{"key": key, "value": text} for key, text in tags.items()])
    (label,) = (
        one for one in records(shown) if isinstance(one, Artifact) and "number" in one.properties
    )
    assert label.properties.get("semantic_version") == expected
    assert label.properties["display_name"] == "fraud model v3"


def model(**aliases: str) -> Document:
    listed: list[JsonValue] = [{"alias": key, "version": to} for key, to in aliases.items()]
    return registered_model_document({"name": "m", "aliases": listed})


def test_each_move_of_an_alias_is_an_execution_of_its_own() -> None:
    before: bytes | None = None
    keys: list[str] = []
    moves = [{"a": "1"}, {"a": "2"}, {}, {"a": "2"}, {"a": "2"}]
    for hours, aliases in enumerate(moves):
        shown = model(**aliases)
        for one in said(shown, before, hours):
            for record in one.records:
                if isinstance(record, Execution):
                    keys.append(f"{record.type} {record.key}")
                    assert one.stated.precision is Precision.INTERVAL
        before = MAPPING.carry(before, shown.body)
    assert keys == [
        f"lineage.Promote mlflow:alias/{SERVER}/m/a/1",
        f"lineage.Promote mlflow:alias/{SERVER}/m/a/2",
        f"lineage.Retire mlflow:alias/{SERVER}/m/a/3",
        f"lineage.Promote mlflow:alias/{SERVER}/m/a/4",
    ]


def test_what_is_gone_and_comes_back_keeps_its_turns() -> None:
    gone = Document("registered_model", "registered_model/m", GONE)
    first = MAPPING.carry(None, model(a="1").body)
    second = MAPPING.carry(first, GONE)
    assert MAPPING.carry(second, GONE) == second
    assert json.loads(second)["turns"] == {"alias/a": 2, "state": 1}
    found = records(gone, first)
    assert {one.type for one in found if isinstance(one, Execution)} == {"lineage.Retire"}
    third = MAPPING.carry(second, model(a="1").body)
    assert json.loads(third)["turns"] == {"alias/a": 3, "state": 2}


def test_a_stage_that_a_version_left_is_told() -> None:
    before = MAPPING.carry(None, version(current_stage="Production").body)
    found = records(version(current_stage="Archived"), before)
    (retired,) = (one for one in found if isinstance(one, Execution) and "stage" in str(one.key))
    assert retired.type == "lineage.Retire"
    assert retired.custom_properties["mlflow.from_stage"] == "Production"
    assert retired.custom_properties["observed_after"] == "2027-01-01T11:00:00.000000Z"


def test_a_label_that_was_taken_away_is_cleared() -> None:
    before = run(team="risk").body
    found = records(run(), before)
    (execution,) = (one for one in found if isinstance(one, Execution) and one.properties)
    assert execution.properties["tags"] is None


def test_a_metric_that_names_data_in_a_run_is_an_evaluation() -> None:
    shown: Any = {
        "info": {"run_id": RUN, "experiment_id": "1"},
        "data": {
            "metrics": [
                {"key": "auc", "value": 0.5, "dataset_name": "test", "dataset_digest": "d1"},
                {"key": "loss", "value": 0.1},
            ]
        },
    }
    found = records(run_document(shown))
    (evaluation,) = (
        one for one in found if isinstance(one, Execution) and one.type == "lineage.Evaluate"
    )
    assert evaluation.properties["metrics"] == {"auc": 0.5}
    assert any(isinstance(one, Association) and one.execution == evaluation.key for one in found)


def test_two_data_sets_of_one_address_are_not_made_one() -> None:
    def reading(digest: str) -> list[AnyRecord]:
        dataset: Any = {
            "name": "rows",
            "digest": digest,
            "source_type": "s3",
            "source": '{"uri": "s3://b/rows"}',
        }
        return records(
            run_document(
                {
                    "info": {"run_id": RUN, "experiment_id": "1"},
                    "inputs": {"dataset_inputs": [{"dataset": dataset}]},
                }
            )
        )

    first, second = claims(reading("1")), claims(reading("2"))
    assert first & second == {
        (f"mlflow-run:{RUN}", LinkClass.ASSERTED),
        ("uri:s3://b/rows", LinkClass.DERIVED),
    }


def test_a_version_of_a_delta_table_is_told_by_the_table_and_its_version() -> None:
    source = {"path": "s3://b/t", "delta_table_id": "t-1", "delta_table_version": 4}
    dataset: dict[str, Any] = {
        "name": "t",
        "digest": "d",
        "source_type": "delta_table",
        "source": json.dumps(source),
        "schema": '{"mlflow_colspec": [{"name": "a", "type": "long", "required": true}]}',
    }
    shown: Any = {"info": {"run_id": RUN}, "inputs": {"dataset_inputs": [{"dataset": dataset}]}}
    found = records(run_document(shown))
    assert ("delta:t-1/4", LinkClass.ASSERTED) in claims(found)
    (data,) = (one for one in found if isinstance(one, Artifact))
    assert data.properties["schema"] == {
        "items": [{"name": "a", "type": "long", "required": True, "nullable": False}]
    }


def test_a_folder_of_a_run_that_is_a_model_is_its_output() -> None:
    files: Any = [{"path": "model/MLmodel", "file_size": 9}, {"path": "MLmodel"}]
    found = records(artifacts_document(RUN, files, is_cut=True))
    outputs = [one for one in found if isinstance(one, Event)]
    assert [one.artifact for one in outputs] == [f"mlflow:artifact/{SERVER}/{RUN}/model"]
    (execution,) = (one for one in found if isinstance(one, Execution))
    assert execution.custom_properties["mlflow.artifacts_are_cut"] is True


def test_a_file_whose_contents_were_read_meets_the_same_bytes_elsewhere() -> None:
    empty = {"md5": "d41d8cd98f00b204e9800998ecf8427e", "sha256": hashlib.sha256().hexdigest()}
    files: Any = [
        {"path": "a.csv", "file_size": 5, "md5": MD5, "sha256": "ab" * 32},
        {"path": "empty", "file_size": 0, **empty},
    ]
    found = records(artifacts_document(RUN, files, is_cut=False))
    assert claims(found) == {
        (f"md5:{MD5}", LinkClass.CONTENT),
        ("sha256:" + "ab" * 32, LinkClass.CONTENT),
    }
    outputs = {one.artifact for one in found if isinstance(one, Event)}
    assert outputs == {f"mlflow:artifact/{SERVER}/{RUN}/{path}" for path in ("a.csv", "empty")}


def test_points_keep_their_time_where_it_is_one() -> None:
    (series,) = records(series_document(RUN, "m", 0, [(1, 0.5, 0), (0, 1.0, 1_000)]))
    assert isinstance(series, MetricSeries)
    assert series.points == (
        (0, 1.0, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (1, 0.5, None),
    )


def test_what_no_identifier_can_hold_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidInputError):
        records(run_document({"info": {"run_id": "not an id"}}))
    with pytest.raises(DecodeError, match="0000"):
        records(run(a="\0"))
    body = b'{"run_id": 5}'
    with pytest.raises(DecodeError) as refused:
        MAPPING.map(Revision(subject="run/5", body=body, before=None, after=None, at=NOON))
    assert refused.value.where == "$.run_id"


@pytest.mark.parametrize("server", ["", "A.example.org", "a/b", "a b"])
def test_a_server_is_one_segment_in_lower_case(server: str) -> None:
    with pytest.raises(InvalidInputError):
        MlflowMapping(server)


def test_a_workspace_of_ones_own_is_kept_and_the_default_one_is_not() -> None:
    shown: Any = {"experiment_id": "1", "name": "e"}
    own = experiment_document({**shown, "workspace": "risk"})
    assert json.loads(own.body)["workspace"] == "risk"
    default = experiment_document({**shown, "workspace": "default"})
    assert default.body == experiment_document(shown).body


def test_a_logged_model_that_failed_is_abandoned() -> None:
    info: Any = {"model_id": "m-" + "b" * 32, "status": "LOGGED_MODEL_UPLOAD_FAILED"}
    states = [
        one.state
        for one in records(logged_model_document({"info": info}))
        if isinstance(one, Artifact)
    ]
    assert states[-1] == "ABANDONED"
