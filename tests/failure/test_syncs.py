"""What is acknowledged was synced first: counted at the system calls, not believed.

The counter is a few lines of C, loaded before the C library; where nothing compiles C, or nothing
is loaded that way, there is nothing to count with.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the counter; skip where that cannot be done."""
    compiler = which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("counting system calls needs a C compiler and Linux")
    made = tmp_path_factory.mktemp("counter") / "syncs.so"
    command = [compiler, "-shared", "-fPIC", "-o", str(made), str(HERE / "syncs.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the counter does not compile here: {done.stderr[:200]}")
    return made


def counted(counter: Path, path: Path, groups: list[int], pages: int = 10_000) -> list[list[int]]:
    """Commit groups of so many batches; return [syncs of the log, other syncs] of each.

    After so many ``pages`` the log is moved into the file.
    """
    environment = os.environ | {
        "LD_PRELOAD": str(counter),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    program = [sys.executable, str(HERE / "counted_commits.py"), str(counter), str(path)]
    done = subprocess.run(
        [*program, str(pages), *map(str, groups)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [list(map(int, pair)) for pair in json.loads(done.stdout)]


def test_every_commit_syncs_the_log_before_it_is_acknowledged(
    counter: Path, tmp_path: Path
) -> None:
    counts = counted(counter, tmp_path / "ledger.db", [1] * 20)
    # The first one also syncs the header of the log it begins.
    assert counts[0][0] in {1, 2}
    assert counts[1:] == [[1, 0]] * 19


def test_a_group_of_batches_costs_the_syncs_of_one(counter: Path, tmp_path: Path) -> None:
    counts = counted(counter, tmp_path / "ledger.db", [1, 1, 16, 1, 64])
    assert counts[1:] == [[1, 0]] * 4


def test_moving_the_log_into_the_file_syncs_both(counter: Path, tmp_path: Path) -> None:
    # A commit that fills the log syncs the log, then moves it, and syncs the file.
    counts = counted(counter, tmp_path / "ledger.db", [50] * 60, pages=1_000)
    assert all(log >= 1 for log, _ in counts)
    moved = [(log, other) for log, other in counts if other]
    assert 0 < len(moved) < len(counts) / 2
    assert sum(log for log, _ in counts) <= len(counts) + 2 * len(moved) + 1
