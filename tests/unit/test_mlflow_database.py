"""A copy of a database is read as its server would show it, of any schema, and within its time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lineage.connectors.mlflow.database import DatabaseReader
from lineage_schemas.errors import NotFoundError
from mlflow_looking import documents, fresh_ledger, graph, look

OLD = """
CREATE TABLE experiments(experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
CREATE TABLE runs(run_uuid TEXT, experiment_id INTEGER, name TEXT, status TEXT,
                  start_time BIGINT, end_time BIGINT, lifecycle_stage TEXT);
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
    for hours in range(2):
        reader = DatabaseReader(tmp_path / "mlflow.db", workspace="a")
        tally = look(ledger, reader, hours=hours)
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
