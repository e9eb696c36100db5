"""What a run has outside its memory goes with it, or is found by a later run; nobody else's is."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import databases
import tree
from clusters import Cluster, free_port
from databases import need_server, server_url
from leftovers import CLUSTER_PREFIX, DISK_PREFIX, Held, own_folder, remove_orphans
from lineage.clock import system_randomness
from server_programs import find_programs, hand_over

PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.05

THERE = b"""
    SELECT FROM pg_catalog.pg_database WHERE datname = %(name)s
    UNION ALL SELECT FROM pg_catalog.pg_roles WHERE rolname = %(name)s
"""

WAITING = """
import time
from pathlib import Path
from databases import fresh_schema, own_url
from leftovers import own_folder

def test_it_waits(tmp_path):
    with fresh_schema() as url:
        Path(__file__).with_suffix(".told").write_text(f"{url}\\n{own_folder('thing-')}\\n")
        time.sleep(600)
"""
"""A test that has a schema and a folder, says which, and does not end."""


@pytest.fixture
def parent() -> Path:
    """Return a folder that another user can look into."""
    folder = own_folder("parent-")
    folder.chmod(0o711)
    return folder


# --- folders -------------------------------------------------------------------------------------


def test_what_somebody_holds_is_left_alone(parent: Path) -> None:
    held = Held(parent)
    made = held.make("thing-")
    assert remove_orphans(parent) == []
    assert made.is_dir()
    held.remove()
    assert list(parent.iterdir()) == []


def test_what_nobody_holds_any_more_is_removed(parent: Path) -> None:
    kept, gone = Held(parent), Held(parent)
    (gone.make("thing-") / "file").write_text("x")
    gone.let_go()
    assert remove_orphans(parent) == [gone.folder]
    assert list(parent.iterdir()) == [kept.folder]
    kept.remove()


def test_a_folder_of_another_kind_is_left_alone(parent: Path) -> None:
    (parent / "lineage-tests-by-hand").mkdir()
    (parent / "something").mkdir()
    assert remove_orphans(parent) == []
    assert len(list(parent.iterdir())) == 2


def test_a_server_that_was_left_is_stopped(parent: Path) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("the programs of a PostgreSQL server are not installed")
    held = Held(parent)
    data = held.make(CLUSTER_PREFIX)
    hand_over(data)
    server = Cluster(programs, data, free_port())
    server.start()
    held.let_go()
    assert remove_orphans(parent) == [held.folder]
    with pytest.raises(psycopg.OperationalError):
        server.run("SELECT 1")
    assert list(parent.iterdir()) == []


def test_a_disk_that_was_left_is_given_back(parent: Path) -> None:
    held = Held(parent)
    disk = held.make(DISK_PREFIX)
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        held.remove()
        pytest.skip("nothing may be mounted here")
    (disk / "file").write_text("x")
    held.let_go()
    assert remove_orphans(parent) == [held.folder]
    assert str(disk) not in Path("/proc/self/mounts").read_text()


# --- databases -----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[psycopg.Connection]:
    need_server()
    with psycopg.connect(server_url(), autocommit=True) as connection:
        yield connection


def is_there(server: psycopg.Connection, name: str) -> bool:
    return server.execute(THERE, {"name": name}).fetchone() is not None


def test_a_database_goes_once_its_owner_is_gone(server: psycopg.Connection) -> None:
    name = f"lineage_test_{system_randomness(8).hex()}"
    with psycopg.connect(server_url(), autocommit=True, application_name=name) as owner:
        owner.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        owner.execute(f"CREATE ROLE {name}_clerk".encode())
        databases.remove_orphans(server)
        assert is_there(server, name)
        assert is_there(server, f"{name}_clerk")
    # The server hears of the end a moment later.
    end = monotonic() + PATIENCE_SECONDS
    while is_there(server, name) or is_there(server, f"{name}_clerk"):
        databases.remove_orphans(server)
        assert monotonic() < end


# --- signals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_end_leaves_nothing(
    server: psycopg.Connection, tmp_path: Path, workers: int, number: signal.Signals
) -> None:
    (tmp_path / "test_waiting.py").write_text(WAITING)
    with waiting_run(tmp_path, workers) as (run, url, folder):
        database = str(conninfo_to_dict(url.rpartition("&schema=")[0])["dbname"])
        assert is_there(server, database)
        assert folder.is_dir()
        run.send_signal(number)
        assert run.wait(PATIENCE_SECONDS) == pytest.ExitCode.INTERRUPTED
        assert not is_there(server, database)
        assert not folder.parent.exists()


@contextmanager
def waiting_run(folder: Path, workers: int) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Run the test that waits; yield its run, URL and folder once it says them."""
    command = ["-m", "pytest", f"-c{tree.ROOT / 'pyproject.toml'}", f"-n{workers}", "-pconftest"]
    log = folder / "log"
    with log.open("wb") as output:
        run = subprocess.Popen(
            [sys.executable, *command, "-pno:cacheprovider", folder / "test_waiting.py"],
            env=os.environ | {"PYTHONPATH": str(tree.ROOT / "tests")},
            stdout=output,
            stderr=output,
            cwd=folder,
        )
    try:
        yield run, *told(run, folder / "test_waiting.told", log)
    finally:
        run.kill()
        run.wait()


def told(run: subprocess.Popen[bytes], file: Path, log: Path) -> tuple[str, Path]:
    """Wait until both lines are written."""
    end = monotonic() + PATIENCE_SECONDS
    while not file.exists() or file.read_text().count("\n") < 2:
        assert run.poll() is None, log.read_text()
        assert monotonic() < end, log.read_text()
        sleep(PAUSE_SECONDS)
    url, folder = file.read_text().splitlines()
    return url, Path(folder)
