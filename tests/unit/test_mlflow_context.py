"""The context plugin turns what CI systems document into tags, and nothing else of them."""

import ast
import tomllib
from pathlib import Path

import pytest

import tidy
import tree
from lineage_mlflow_context import LineageRunContext
from lineage_mlflow_context.reading import TAG_LENGTH_MAX

HOME = tree.ROOT / "packages" / "lineage-mlflow-context"
SOURCES = sorted((HOME / "src").rglob("*.py"))
SHA = "9f" * 20
DIGEST = "sha256:" + "ab" * 32
STANDARD = {"__future__", "collections", "os", "re", "typing", "urllib"}
"""What there was in Python 3.9 already."""

# Each from the system's own page of variables, with made-up values.
SYSTEMS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "github": (
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "acme/fraud",
            "GITHUB_RUN_ID": "1658821493",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_RUN_NUMBER": "1234",
            "GITHUB_SHA": SHA,
            "GITHUB_TOKEN": "ghs_s3cret",
            "GITHUB_ACTOR": "octocat",
        },
        {
            "ci.provider": "github",
            "ci.host": "github.com",
            "ci.repository": "acme/fraud",
            "ci.run_id": "1658821493",
            "ci.run_attempt": "2",
            "ci.run_number": "1234",
            "ci.url": "https://github.com/acme/fraud/actions/runs/1658821493",
            "git.commit": SHA,
        },
    ),
    "gitea": (
        {
            "GITHUB_ACTIONS": "true",
            "GITEA_ACTIONS": "true",
            "GITHUB_SERVER_URL": "https://git.example.org:3000/",
            "GITHUB_REPOSITORY": "acme/fraud",
            "GITHUB_RUN_ID": "77",
            "GITHUB_RUN_NUMBER": "5",
            "GITHUB_SHA": SHA.upper(),
        },
        {
            "ci.provider": "gitea",
            "ci.host": "git.example.org:3000",
            "ci.repository": "acme/fraud",
            "ci.run_id": "77",
            "ci.run_number": "5",
            "ci.url": "https://git.example.org:3000/acme/fraud/actions/runs/5",
            "git.commit": SHA,
        },
    ),
    "gitlab": (
        {
            "GITLAB_CI": "true",
            "CI_SERVER_URL": "https://gitlab.example.com:8443",
            "CI_SERVER_HOST": "gitlab.example.com",
            "CI_PROJECT_PATH": "acme/ml/fraud",
            "CI_PIPELINE_ID": "1000",
            "CI_PIPELINE_IID": "12",
            "CI_PIPELINE_URL": "https://gitlab.example.com:8443/acme/ml/fraud/-/pipelines/1000",
            "CI_COMMIT_SHA": SHA,
            "CI_JOB_TOKEN": "s3cret",
            "CI_REPOSITORY_URL": "https://gitlab-ci-token:s3cret@gitlab.example.com/acme/fraud.git",
        },
        {
            "ci.provider": "gitlab",
            "ci.host": "gitlab.example.com:8443",
            "ci.repository": "acme/ml/fraud",
            "ci.run_id": "1000",
            "ci.run_number": "12",
            "ci.url": "https://gitlab.example.com:8443/acme/ml/fraud/-/pipelines/1000",
            "git.commit": SHA,
        },
    ),
    "jenkins": (
        {
            "JENKINS_URL": "https://jenkins.example.org/ci/",
            "JOB_NAME": "ml/fraud/main",
            "BUILD_NUMBER": "153",
            "BUILD_TAG": "jenkins-ml-fraud-main-153",
            "BUILD_URL": "https://me:s3cret@jenkins.example.org/ci/job/ml/153/?token=s3cret#x",
            "GIT_COMMIT": SHA,
            "GIT_URL": "https://me:s3cret@git.example.org/fraud.git",
        },
        {
            "ci.provider": "jenkins",
            "ci.host": "jenkins.example.org",
            "ci.repository": "ml/fraud/main",
            "ci.run_id": "153",
            "ci.run_number": "153",
            "ci.url": "https://jenkins.example.org/ci/job/ml/153/",
            "git.commit": SHA,
        },
    ),
    "azure": (
        {
            "TF_BUILD": "True",
            "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
            "SYSTEM_TEAMPROJECT": "Fraud",
            "BUILD_BUILDID": "4711",
            "BUILD_BUILDNUMBER": "20260301.3",
            "SYSTEM_JOBATTEMPT": "1",
            "BUILD_SOURCEVERSION": SHA,
            "SYSTEM_ACCESSTOKEN": "s3cret",
        },
        {
            "ci.provider": "azure",
            "ci.host": "dev.azure.com",
            "ci.repository": "acme/Fraud",
            "ci.run_id": "4711",
            "ci.run_attempt": "1",
            "ci.run_number": "20260301.3",
            "ci.url": "https://dev.azure.com/acme/Fraud/_build/results?buildId=4711",
            "git.commit": SHA,
        },
    ),
    "circleci": (
        {
            "CIRCLECI": "true",
            "CIRCLE_PROJECT_USERNAME": "acme",
            "CIRCLE_PROJECT_REPONAME": "fraud",
            "CIRCLE_WORKFLOW_ID": "0f1c9d1e-2f2b-4a51-8f0b-2f6a6d9d9a10",
            "CIRCLE_BUILD_NUM": "88",
            "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/fraud/88",
            "CIRCLE_SHA1": SHA,
            "CIRCLE_OIDC_TOKEN": "s3cret",
        },
        {
            "ci.provider": "circleci",
            "ci.host": "circleci.com",
            "ci.repository": "acme/fraud",
            "ci.run_id": "0f1c9d1e-2f2b-4a51-8f0b-2f6a6d9d9a10",
            "ci.run_number": "88",
            "ci.url": "https://circleci.com/gh/acme/fraud/88",
            "git.commit": SHA,
        },
    ),
    "buildkite": (
        {
            "BUILDKITE": "true",
            "BUILDKITE_ORGANIZATION_SLUG": "acme",
            "BUILDKITE_PIPELINE_SLUG": "fraud",
            "BUILDKITE_BUILD_ID": "4735ba57-80d0-46e2-8fa0-b28223a86586",
            "BUILDKITE_BUILD_NUMBER": "1514",
            "BUILDKITE_RETRY_COUNT": "1",
            "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/fraud/builds/1514",
            "BUILDKITE_COMMIT": "HEAD",
            "BUILDKITE_AGENT_ACCESS_TOKEN": "s3cret",
        },
        {
            "ci.provider": "buildkite",
            "ci.host": "buildkite.com",
            "ci.repository": "acme/fraud",
            "ci.run_id": "4735ba57-80d0-46e2-8fa0-b28223a86586",
            "ci.run_attempt": "2",
            "ci.run_number": "1514",
            "ci.url": "https://buildkite.com/acme/fraud/builds/1514",
        },
    ),
    "argo": (
        {"ARGO_WORKFLOW_UID": "2b1f", "ARGO_WORKFLOW_NAME": "train-x7", "ARGO_TEMPLATE": "{}"},
        {"ci.provider": "argo", "ci.run_id": "2b1f", "ci.run_number": "train-x7"},
    ),
    "tekton, as its pipeline says": (
        {
            "LINEAGE_CI_PROVIDER": "tekton",
            "LINEAGE_CI_HOST": "tekton.example.org",
            "LINEAGE_CI_REPOSITORY": "ml",
            "LINEAGE_CI_RUN_ID": "9e57",
        },
        {
            "ci.provider": "tekton",
            "ci.host": "tekton.example.org",
            "ci.repository": "ml",
            "ci.run_id": "9e57",
        },
    ),
}


def tags(environ: dict[str, str]) -> dict[str, str]:
    """Return the tags, their common beginning left out."""
    found = LineageRunContext(environ).tags()
    assert all(name.startswith("lineage.") for name in found)
    return {name.removeprefix("lineage."): value for name, value in found.items()}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_is_recognised_by_what_it_documents(system: str) -> None:
    environ, expected = SYSTEMS[system]
    assert tags(environ) == expected
    assert LineageRunContext(environ).in_context()


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_secret_and_no_person_is_in_a_tag(system: str) -> None:
    environ, _ = SYSTEMS[system]
    assert not {"s3cret", "octocat"} & set(" ".join(tags(environ).values()).split())
    assert "s3cret" not in str(tags(environ))


@pytest.mark.parametrize("system", SYSTEMS)
def test_half_of_what_is_documented_still_says_what_it_can(system: str) -> None:
    environ, expected = SYSTEMS[system]
    mark = next(iter(environ))
    found = tags({mark: environ[mark]})
    assert set(found) <= set(expected)
    assert all(found.values())


def test_outside_of_ci_nothing_is_said() -> None:
    environ = {"PATH": "/bin", "CI": "true", "GITHUB_ACTIONS": "false", "BUILD_NUMBER": "3"}
    assert tags(environ) == {}
    assert not LineageRunContext(environ).in_context()


def test_what_somebody_says_goes_before_what_a_system_says() -> None:
    environ = SYSTEMS["github"][0] | {"LINEAGE_CI_RUN_ID": "own", "LINEAGE_GIT_COMMIT": "a" * 64}
    assert tags(environ)["ci.run_id"] == "own"
    assert tags(environ)["git.commit"] == "a" * 64
    assert tags(environ)["ci.repository"] == "acme/fraud"


def test_image_and_stage_are_said_outside_of_ci_too() -> None:
    environ = {
        "LINEAGE_IMAGE_DIGEST": f"registry.example.org:5000/train@{DIGEST}",
        "DVC_STAGE": "models/dvc.yaml:train@eu",
        "DVC_EXP_NAME": "puffy-daks",
        "DVC_EXP_BASELINE_REV": SHA,
        "DVC_STUDIO_TOKEN": "s3cret",
    }
    assert tags(environ) == {
        "image.digest": f"registry.example.org:5000/train@{DIGEST}",
        "dvc.stage": "models/dvc.yaml:train@eu",
        "dvc.experiment": "puffy-daks",
        "dvc.rev": SHA,
    }
    assert tags({"LINEAGE_IMAGE_DIGEST": DIGEST}) == {"image.digest": DIGEST}


def test_the_image_that_kubernetes_names_is_said_without_the_way_it_was_pulled() -> None:
    place = f"registry.example.org/train@{DIGEST}"
    said = tags({"LINEAGE_IMAGE_DIGEST": f"docker-pullable://{place}"})
    assert said == {"image.digest": place}


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"LINEAGE_IMAGE_DIGEST": "train:latest"}, id="a tag is no digest"),
        pytest.param({"LINEAGE_IMAGE_DIGEST": "sha256:abc"}, id="a short digest"),
        pytest.param({"LINEAGE_IMAGE_DIGEST": f"u:s3cret@r/t@{DIGEST}"}, id="a user in an image"),
        pytest.param({"LINEAGE_IMAGE_DIGEST": f"r/t?s3cret@{DIGEST}"}, id="a query in an image"),
        pytest.param({"LINEAGE_GIT_COMMIT": "main"}, id="a branch is no commit"),
        pytest.param({"LINEAGE_CI_URL": "file:///etc/passwd"}, id="no http"),
        pytest.param({"LINEAGE_CI_URL": "https://[::1"}, id="no URL"),
        pytest.param({"LINEAGE_CI_RUN_ID": "  "}, id="white space"),
        pytest.param({"LINEAGE_CI_RUN_ID": "a\nb"}, id="two lines"),
        pytest.param({"DVC_STAGE": "x" * (TAG_LENGTH_MAX + 1)}, id="too long"),
    ],
)
def test_what_is_not_well_formed_is_left_out(environ: dict[str, str]) -> None:
    assert tags(environ) == {}


def test_the_longest_value_is_kept_whole() -> None:
    assert tags({"DVC_STAGE": "x" * TAG_LENGTH_MAX})["dvc.stage"] == "x" * TAG_LENGTH_MAX


# --- the package ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_is_written_for_python_3_9_and_imports_nothing_else(path: Path) -> None:
    source = path.read_text()
    ast.parse(source, feature_version=(3, 9))
    assert tidy.imports(source) - {"lineage_mlflow_context"} <= STANDARD


def test_it_has_no_dependency_and_names_what_mlflow_looks_for() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
    assert "dependencies" not in project
    entry = project["entry-points"]["mlflow.run_context_provider"]["lineage"]
    assert entry == f"{LineageRunContext.__module__}:{LineageRunContext.__name__}"


def test_its_card_names_every_tag() -> None:
    card = (HOME / "README.md").read_text()
    said = {f"lineage.{name}" for _, expected in SYSTEMS.values() for name in expected}
    said |= {"lineage.image.digest", "lineage.dvc.stage", "lineage.dvc.rev"}
    assert [name for name in sorted(said) if f"`{name}`" not in card] == []
