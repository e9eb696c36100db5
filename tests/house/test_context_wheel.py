"""The context plugin is built as users get it, and a real MLflow finds it by itself."""

import json
import zipfile
from pathlib import Path

import pytest

import tree
from peers import peer, run_peer
from wheels import built_wheel

HOME = tree.ROOT / "packages" / "lineage-mlflow-context"
SCRIPT = """
import json, mlflow
mlflow.set_tracking_uri("sqlite:///tracking.db")
with mlflow.start_run() as run:
    pass
print(json.dumps(mlflow.get_run(run.info.run_id).data.tags))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release does."""
    return built_wheel(HOME, tmp_path_factory.mktemp("context"))


def test_the_wheel_holds_the_package_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        facts = archive.read("lineage_mlflow_context-0.1.0.dist-info/METADATA").decode()
    expected = {
        f"lineage_mlflow_context/{path.name}"
        for path in (HOME / "src" / "lineage_mlflow_context").glob("*.*")
    }
    info = {name for name in names if name.startswith("lineage_mlflow_context-0.1.0.dist-info/")}
    assert names - info == expected
    assert any(name.endswith("/LICENSE") for name in info)
    assert "Requires-Dist" not in facts
    assert "Requires-Python: >=3.9" in facts


@pytest.mark.peers
def test_mlflow_finds_it_and_stamps_the_run(wheel: Path, tmp_path: Path) -> None:
    peer("mlflow")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    work = tmp_path / "work"
    work.mkdir()
    ci = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_RUN_ID": "1658821493",
        "LINEAGE_IMAGE_DIGEST": "sha256:" + "ab" * 32,
        "DVC_STAGE": "train",
    }
    without = stamped(work, ci)
    assert [name for name in without if name.startswith("lineage.")] == []
    assert {
        name.removeprefix("lineage."): value
        for name, value in stamped(work, ci | {"PYTHONPATH": str(installed)}).items()
        if name.startswith("lineage.")
    } == {
        "ci.provider": "github",
        "ci.host": "github.com",
        "ci.repository": "acme/fraud",
        "ci.run_id": "1658821493",
        "ci.url": "https://github.com/acme/fraud/actions/runs/1658821493",
        "image.digest": "sha256:" + "ab" * 32,
        "dvc.stage": "train",
    }


def stamped(work: Path, env: dict[str, str]) -> dict[str, str]:
    """Record a run with MLflow itself, and return its tags."""
    done = run_peer("mlflow", ("python", "-c", SCRIPT), work, env)
    tags: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    assert "mlflow.user" in tags
    return tags
