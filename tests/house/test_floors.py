"""The floors hold, and the linter that holds them would notice if they did not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tidy
import tree

OFFENCES = {
    "Three floors: arrows point down only": ("lineage_schemas", "import lineage"),
    "The ground stands on msgspec and the standard library": ("lineage_schemas", "import numpy"),
    "The engine knows no HTTP and no terminal": ("lineage", "import starlette"),
    "SQLite lives in its own room": ("lineage_api", "import sqlite3"),
    "networkx, NumPy and SciPy live in the graph room": ("lineage_api", "import networkx"),
    "The floors inside the engine": ("lineage", ""),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the import linter over the three floors that stand in a folder."""
    paths = [folder, folder / "schemas", folder / "api"]
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def copy(to: Path) -> dict[str, Path]:
    """Copy the three floors and the contracts; return each floor's new folder."""
    shutil.copy(tree.ROOT / "pyproject.toml", to)
    floors = {name: to / path.relative_to(tree.ROOT) for name, path in tree.FLOORS.items()}
    for name, folder in floors.items():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(tree.FLOORS[name], folder, ignore=ignore)
    return floors


def test_the_floors_hold() -> None:
    done = lint(tree.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("contract", OFFENCES)
def test_an_offence_is_found(contract: str, tmp_path: Path) -> None:
    floor, line = OFFENCES[contract]
    (copy(tmp_path)[floor] / "intruder.py").write_text(f"{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout


def test_the_ground_imports_nothing_else() -> None:
    allowed = {"lineage_schemas", "msgspec", *sys.stdlib_module_names}
    assert {
        name: sorted(strangers)
        for name, source in tree.modules().items()
        if name.partition(".")[0] == "lineage_schemas"
        and (strangers := tidy.imports(source) - allowed)
    } == {}
