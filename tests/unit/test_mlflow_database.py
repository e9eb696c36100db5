"""A copy of a database is read as its server would show it, of any schema, and within its time."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lineage.connectors.mlflow.database import DatabaseReader
from lineage_schemas.errors import NotFoundError
from lineage_schemas.instants import instant_of
from mlflow_looking import documents, fresh_ledger, graph, look
from terminal import Terminal

OLD = """
CREATE TABLE experiments(experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs(run_uuid TEXT, experiment_id INTEGER, name TEXT, status TEXT,
                  start_time BIGINT, end_time BIGINT, lifecycle_stage TEXT);
"""
VALUES = """
CREATE TABLE params(key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY(key, run_uuid));
CREATE TABLE tags(key TEXT, value TEXT, run_uuid TEXT, PRIMARY KEY(key, run_uuid));
CREATE TABLE metrics(key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT,
                     is_nan BOOLEAN, PRIMARY KEY(key, timestamp, step, run_uuid, value));
INSERT INTO experiments VALUES (1, 'e', 'active');
"""
WORKSPACES = (
    OLD
    + """
ALTER TABLE experiments ADD COLUMN workspace TEXT;
CREATE TABLE registered_models(workspace TEXT, name TEXT);
CREATE TABLE registered_model_aliases(workspace TEXT, name TEXT, alias TEXT, version INTEGER);
CREATE TABLE model_versions(workspace TEXT, name TEXT, version INTEGER, current_stage TEXT);
INSERT INTO experiments VALUES (1, 'e', 'active', 'a'), (2, 'e', 'active', 'b');
INSERT INTO runs VALUES ('11111111111111111111111111111111', 1, 'r', 'FINISHED', 1, 2, 'active'),
                        ('22222222222222222222222222222222', 2, 'r', 'FINISHED', 1, 2, 'active');
INSERT INTO registered_models VALUES ('a', 'fraud'), ('b', 'fraud');
INSERT INTO registered_model_aliases VALUES ('a', 'fraud', 'champion', 1),
                                            ('b', 'fraud', 'champion', 2);
INSERT INTO model_versions VALUES ('a', 'fraud', 1, 'None'), ('b', 'fraud', 1, 'Production'),
                                  ('b', 'fraud', 2, 'None');
"""
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        yield connection


def test_one_workspace_is_read_and_the_others_are_named(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    database.executescript(WORKSPACES)
    ledger = fresh_ledger()
    look(ledger, DatabaseReader(tmp_path / "mlflow.db", workspace="a"))
    reader = DatabaseReader(tmp_path / "mlflow.db", workspace="a")
    tally = look(ledger, reader, hours=1)
    assert (tally.appended, tally.unread) == (0, [])
    assert set(tally.there.values()) == {1}
    assert [note for note in reader.notes if "were not read: b." in note]
    (promotion,) = graph(ledger).of_type("lineage.Promote")
    assert promotion.endswith("/fraud/champion/1")


def test_a_workspace_that_is_not_there_takes_nothing_for_gone(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    database.executescript(WORKSPACES)
    with pytest.raises(NotFoundError, match="no workspace default") as caught:
        documents(DatabaseReader(tmp_path / "mlflow.db"))
    assert caught.value.hint == "It has: a, b."


def test_a_database_of_before_workspaces_is_the_default_one(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    database.executescript(OLD)
    assert documents(DatabaseReader(tmp_path / "mlflow.db")) == ({}, [])
    with pytest.raises(NotFoundError):
        documents(DatabaseReader(tmp_path / "mlflow.db", workspace="a"))


def test_what_stands_only_in_the_log_is_read_through_a_link_as_well(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    database.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + OLD)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("INSERT INTO experiments VALUES (1, 'e', 'active')")
    database.commit()
    os.utime(tmp_path / "mlflow.db", (1, 1))
    linked = tmp_path / "elsewhere" / "link.db"
    linked.parent.mkdir()
    linked.symlink_to(tmp_path / "mlflow.db")
    assert list(documents(DatabaseReader(linked))[0]) == ["experiment/1"]
    terminal = Terminal(tmp_path / "ledger.db")
    terminal.done("import", "mlflow", str(linked), "--server", "a")
    with terminal.open() as ledger:
        scan = ledger.looks.scans("mlflow:a").whole
    assert scan is not None
    written = (tmp_path / "mlflow.db-wal").stat().st_mtime_ns
    assert scan.started == instant_of(written // 1_000)


def test_a_database_without_indexes_takes_as_long_as_it_has_runs(
    database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.executescript(OLD + VALUES)
    steps = 0
    connect = sqlite3.connect

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def counting(file: Path) -> sqlite3.Connection:
        connection = connect(file)
        connection.set_progress_handler(count, 100)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counting)
    taken: list[int] = []
    for first in (0, 200):
        fill(database, first, 200)
        steps = 0
        shown, unread = documents(DatabaseReader(tmp_path / "mlflow.db"))
        taken.append(steps)
        assert unread == []
        assert len([name for name in shown if name.startswith("run/")]) == first + 200
    assert taken[1] < 2.5 * taken[0]


def fill(database: sqlite3.Connection, first: int, count: int) -> None:
    for number in range(first, first + count):
        run = f"{number:032x}"
        database.execute("INSERT INTO runs VALUES (?, 1, 'r', 'FINISHED', 1, 2, 'active')", (run,))
        for table in ("params", "tags"):
            database.execute(f"INSERT INTO {table} VALUES ('p', 'v', ?)", (run,))  # noqa: S608 - one of the two
        for step in range(3):
            database.execute("INSERT INTO metrics VALUES ('m', 1.0, 1, ?, ?, 0)", (run, step))
    database.commit()
