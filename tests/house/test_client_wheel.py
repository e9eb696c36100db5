"""The thin client is built as users get it, and its oldest Python runs it alone."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final

import pytest

import tree
from live_server import live_server
from wheels import built_wheel

HOME: Final = tree.ROOT / "packages" / "lineage-client"
SOURCES: Final = sorted((HOME / "src" / "lineage_client").glob("*.py"))
OLDEST: Final = (3, 9)

MODULES: Final = frozenset(
    [
        "__future__",
        "argparse",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "errno",
        "fcntl",
        "hashlib",
        "http",
        "json",
        "logging",
        "math",
        "msvcrt",
        "os",
        "pathlib",
        "platform",
        "re",
        "socket",
        "subprocess",
        "sys",
        "threading",
        "time",
        "types",
        "typing",
        "urllib",
        "uuid",
    ]
)
"""What is imported, each of them part of Python 3.9 (its library index)."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release does."""
    return built_wheel(HOME, tmp_path_factory.mktemp("client"))


def oldest_python() -> list[str]:
    """Return the words that start the oldest Python, or skip where there is none."""
    name = "python{}.{}".format(*OLDEST)
    candidates = [shutil.which(name)]
    pyenv = shutil.which("pyenv")
    if pyenv is not None:
        listed = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        versions = Path(listed.stdout.strip() or os.devnull) / "versions"
        candidates += map(str, sorted(versions.glob("{}.{}.*/bin/python".format(*OLDEST))))
    for one in filter(None, candidates):
        said = subprocess.run([one, "-V"], capture_output=True, text=True, check=False)
        if said.stdout.startswith("Python {}.{}.".format(*OLDEST)):
            return [one]
    pytest.skip(f"There is no {name} on this machine")


def test_the_wheel_holds_the_package_and_its_licence_and_asks_for_nothing(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        facts = archive.read("lineage_client-0.1.0.dist-info/METADATA").decode()
    expected = {f"lineage_client/{path.name}" for path in HOME.glob("src/lineage_client/*.*")}
    info = {name for name in names if name.startswith("lineage_client-0.1.0.dist-info/")}
    assert names - info == expected
    assert any(name.endswith("/LICENSE") for name in info)
    assert "Requires-Dist" not in facts
    assert "Requires-Python: >=3.9" in facts


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_is_written_for_its_oldest_python_and_imports_the_standard_library(path: Path) -> None:
    module = ast.parse(path.read_text(), feature_version=OLDEST)
    imported = {
        name.partition(".")[0]
        for node in ast.walk(module)
        for name in (
            [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - MODULES <= {"lineage_client"}


def test_its_oldest_python_runs_the_example_of_its_card_with_nothing_installed(
    wheel: Path, tmp_path: Path
) -> None:
    python = oldest_python()
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    (example,) = re.findall(r"```python\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)
    work = tmp_path / "work"
    (work / "data").mkdir(parents=True)
    (work / "data" / "customers.csv").write_text("id\n1\n")
    with live_server(tmp_path / "ledger") as server:
        done = subprocess.run(
            [*python, "-S", "-c", example.replace("http://127.0.0.1:8470", server.url)],
            cwd=work,
            env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        (run,) = server.nodes("lineage.Train")
        assert run["state"] == "COMPLETE"
        said = run["properties"]
        assert isinstance(said, dict)
        assert said["hyperparameters"] == {"learning_rate": 0.1}
        assert said["metrics"] == {"loss": 0.2}
        assert str(said["python_version"]).startswith("3.9.")
        answer = server.ask(
            "query ($start: [String!]!) { lineage(start: $start) { nodes { key } } }",
            start=["uri:s3://bucket/fraud-model.onnx"],
        )["lineage"]
        assert isinstance(answer, dict)
        nodes = answer["nodes"]
        assert isinstance(nodes, list)
        keys = {str(one["key"]) for one in nodes if isinstance(one, dict)}
        assert "uri:s3://bucket/transactions.csv" in keys
        # SHA-256 of the five bytes that were written above, by sha256sum.
        digest = "7cde7fb64fd82bd152710cf238e017b9ab46c0592483edc067ba4f6c75fac108"
        assert f"client:file/scripts/data%2Fcustomers.csv/{digest}" in keys
