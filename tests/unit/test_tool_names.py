"""Keys of MLflow's and DVC's things: no two things share one, and each is its own normal form."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage_schemas.dvc_names import (
    dvc_data_identifier,
    dvc_lock_identifier,
    dvc_stage_identifier,
)
from lineage_schemas.errors import InvalidIdentifierError, LimitExceededError
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.limits import IDENTIFIER_BYTES_MAX
from lineage_schemas.mlflow_names import (
    AliasedVersion,
    LatestVersion,
    LoggedModel,
    ModelReference,
    NumberedVersion,
    RunArtifact,
    StagedVersion,
    mlflow_alias_identifier,
    mlflow_artifact_identifier,
    mlflow_dataset_identifier,
    mlflow_experiment_identifier,
    mlflow_logged_model_identifier,
    mlflow_model_version_identifier,
    mlflow_registered_model_identifier,
    mlflow_run_identifier,
    mlflow_stage_identifier,
    mlflow_unscoped_logged_model_identifier,
    mlflow_unscoped_run_identifier,
    parse_model_uri,
)

REPOSITORY = "github.com/org/repo"
SERVER = "tracking.example.org:5000"
ID = "0123456789abcdef" * 2

PIECES = st.lists(
    st.sampled_from(
        ["/", "@", ":", "%", "%2F", "%40", "s3://", "http://h/", " ", "a", "B", "é", "\n"]
    ),
    min_size=1,
    max_size=6,
).map("".join)


def test_keys_of_dvc_are_readable() -> None:
    place = "github.com%2Forg%2Frepo"
    assert (
        dvc_data_identifier(REPOSITORY, "data/Raw 1.csv", "MD5", ID.upper())
        == f"dvc:data/{place}/data/Raw 1.csv@md5:{ID}"
    )
    assert (
        dvc_data_identifier(REPOSITORY, "data", "dvc-md5", f"{ID}.dir")
        == f"dvc:data/{place}/data@dvc-md5:{ID}.dir"
    )
    assert (
        dvc_data_identifier(REPOSITORY, "s3://bucket/a@b", "etag", '"Abc-2"')
        == f"dvc:data/{place}/s3%3A//bucket/a%40b@etag:%22Abc-2%22"
    )
    assert (
        dvc_stage_identifier(REPOSITORY, "sub/dvc.yaml", "build@eu", ID)
        == f"dvc:stage/{place}/sub/dvc.yaml/build%40eu@{ID}"
    )
    assert (
        dvc_lock_identifier(REPOSITORY, "dvc.lock", "AB" * 20)
        == f"dvc:lock/{place}/dvc.lock@{'ab' * 20}"
    )


def test_keys_of_mlflow_are_readable() -> None:
    run = f"mlflow:run/{SERVER}/{ID}"
    assert mlflow_experiment_identifier(SERVER, "17") == f"mlflow:experiment/{SERVER}/17"
    assert mlflow_run_identifier(SERVER.upper(), ID.upper()) == run
    assert mlflow_unscoped_run_identifier(ID.upper()) == f"mlflow-run:{ID}"
    logged = f"mlflow:logged-model/{SERVER}/m-{ID}"
    assert mlflow_logged_model_identifier(SERVER, f"m-{ID}") == logged
    unscoped = f"mlflow-logged-model:m-{ID}"
    assert mlflow_unscoped_logged_model_identifier(f"m-{ID}") == unscoped
    name = "Fraud model/eu"
    quoted = "Fraud%20model%2Feu"
    model = f"mlflow:registered-model/{SERVER}/{quoted}"
    assert mlflow_registered_model_identifier(SERVER, name) == model
    version = f"mlflow:model-version/{SERVER}/{quoted}/3"
    assert mlflow_model_version_identifier(SERVER, name, 3) == version
    alias = f"mlflow:alias/{SERVER}/{quoted}/champion/2"
    assert mlflow_alias_identifier(SERVER, name, "champion", 2) == alias
    stage = f"mlflow:stage/{SERVER}/{quoted}/3/1"
    assert mlflow_stage_identifier(SERVER, name, 3, 1) == stage
    artifact = f"mlflow:artifact/{SERVER}/{ID}/model/a%40b.pkl"
    assert mlflow_artifact_identifier(SERVER, ID, "/model/a@b.pkl/") == artifact


def test_a_dataset_of_mlflow_is_told_apart_by_its_source_and_no_password_is() -> None:
    def key(source: str) -> str:
        return mlflow_dataset_identifier(SERVER, "http", source, "train", "0a1b2c3d")

    assert key("https://h/a.csv").startswith(f"mlflow:dataset/{SERVER}/train/0a1b2c3d/")
    assert key("https://h/a.csv") != key("https://h/b.csv")
    assert key("https://h/a.csv") == key("https://me:old@h/a.csv") == key("https://new@h/a.csv")


@given(st.tuples(PIECES, PIECES, PIECES), st.tuples(PIECES, PIECES, PIECES))
def test_no_two_things_share_a_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    for mine, theirs, told in zip(keys_of(*one), keys_of(*other), [3, 3, 3, 2, 2], strict=True):
        assert normalise_identifier(mine) == mine
        assert (mine == theirs) == (one[:told] == other[:told])


def keys_of(first: str, second: str, third: str) -> list[str]:
    return [
        dvc_data_identifier(first, second, "etag", third),
        dvc_stage_identifier(first, second, third, ID),
        dvc_stage_identifier(first, second, ID, third),
        mlflow_alias_identifier(SERVER, first, second, 1),
        mlflow_dataset_identifier(SERVER, "local", "/data", first, second),
    ]


@pytest.mark.parametrize("path", ["https://me:secret@h/a.csv", "s3://me:secret@bucket/a.csv"])
def test_no_password_of_a_path_or_a_remote_is_in_a_key(path: str) -> None:
    for key in (
        dvc_data_identifier(REPOSITORY, path, "md5", ID),
        dvc_lock_identifier(path, "dvc.lock", ID),
    ):
        assert "secret" not in key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"runs:/{ID}/model", RunArtifact(f"mlflow:run/{SERVER}/{ID}", ID, "model")),
        (f"runs:/{ID}", RunArtifact(f"mlflow:run/{SERVER}/{ID}", ID, "")),
        (f"runs:///{ID}/a/b", RunArtifact(f"mlflow:run/{SERVER}/{ID}", ID, "a/b")),
        ("runs:/847/model", None),
        (
            "models:/fraud/3",
            NumberedVersion(f"mlflow:model-version/{SERVER}/fraud/3", "fraud", 3),
        ),
        (
            "models:/fraud model/03",
            NumberedVersion(f"mlflow:model-version/{SERVER}/fraud%20model/3", "fraud model", 3),
        ),
        (
            "models:/a%20b/3",
            NumberedVersion(f"mlflow:model-version/{SERVER}/a%2520b/3", "a%20b", 3),
        ),
        (
            "models:/fraud@champion",
            AliasedVersion(f"mlflow:registered-model/{SERVER}/fraud", "fraud", "champion"),
        ),
        (
            "models:/a@b@c",
            AliasedVersion(f"mlflow:registered-model/{SERVER}/a%40b", "a@b", "c"),
        ),
        (
            "models:/fraud/production",
            StagedVersion(f"mlflow:registered-model/{SERVER}/fraud", "fraud", "Production"),
        ),
        (
            "models:/fraud/Latest",
            LatestVersion(f"mlflow:registered-model/{SERVER}/fraud", "fraud"),
        ),
        (
            f"models:/m-{ID}",
            LoggedModel(f"mlflow:logged-model/{SERVER}/m-{ID}", f"m-{ID}", ""),
        ),
        (
            f"models:/m-{ID}/sub/file",
            LoggedModel(f"mlflow:logged-model/{SERVER}/m-{ID}", f"m-{ID}", "sub/file"),
        ),
        (
            f"models://{SERVER}/fraud/3",
            NumberedVersion(f"mlflow:model-version/{SERVER}/fraud/3", "fraud", 3),
        ),
        ("models://other.example/fraud/3", None),
        ("models:/fraud", None),
        ("models:/fraud/3/x", None),
        ("models:/fraud/", None),
        ("models:/fraud/Shadow", None),
        ("models:/fraud@", None),
        ("models:/@champion", None),
        ("models:/fraud\ud800/3", None),
        ("s3://bucket/model", None),
        ("", None),
    ],
    ids=ascii,
)
def test_model_uris(text: str, expected: ModelReference | None) -> None:
    assert parse_model_uri(text, SERVER) == expected


def test_names_that_are_none_are_refused() -> None:
    refused: list[Callable[[], str]] = [
        lambda: dvc_data_identifier("", "a", "md5", ID),
        lambda: dvc_data_identifier(REPOSITORY, "", "md5", ID),
        lambda: dvc_data_identifier(REPOSITORY, "a\ud800", "md5", ID),
        lambda: dvc_data_identifier(REPOSITORY, "a", "m d", ID),
        lambda: dvc_data_identifier(REPOSITORY, "a", "md5", ""),
        lambda: dvc_stage_identifier(REPOSITORY, "dvc.yaml", "", ID),
        lambda: mlflow_run_identifier(SERVER, "847"),
        lambda: mlflow_run_identifier("https://h", ID),
        lambda: mlflow_run_identifier("me@h", ID),
        lambda: mlflow_run_identifier("", ID),
        lambda: mlflow_artifact_identifier(SERVER, "847", "a"),
        lambda: mlflow_artifact_identifier(SERVER, ID, "//"),
        lambda: mlflow_model_version_identifier(SERVER, "", 1),
        lambda: mlflow_model_version_identifier(SERVER, "a", -1),
        lambda: mlflow_alias_identifier(SERVER, "a", "\ud800", 1),
    ]
    for build in refused:
        with pytest.raises(InvalidIdentifierError):
            build()
    with pytest.raises(LimitExceededError):
        dvc_data_identifier(REPOSITORY, "a" * IDENTIFIER_BYTES_MAX, "md5", ID)
