"""What only the PostgreSQL store promises: of its schema, its sessions and its users."""

import os
import sys
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest

from checks import check_ledger
from databases import clerk_of, fresh_schema, own_url, run_behind, schema_of
from lineage.ledger import Artifact, Statement, open_ledger
from lineage.projections.views import TABLES
from lineage.stores.opening import has_store, open_store
from lineage.stores.tables import Column, Table
from lineage_schemas.errors import (
    ForeignStoreError,
    InvariantError,
    NewerStoreError,
    ReadOnlyStoreError,
    StoreError,
)
from lineage_schemas.governance import PartsErased
from logs import append_made, labels
from writer_children import open_at_once

NUMBER = Table("number", (Column("id", int), Column("text", str)), key=("id",))
OTHER = Table("other", (Column("id", int),), key=("id",), indexes=(("id",),))
FOR_EACH = "BEFORE INSERT ON payload FOR EACH ROW EXECUTE FUNCTION entry_is_kept()"
WORLD = get_context("forkserver")


@pytest.fixture
def location() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


def test_a_schema_is_a_ledger_once_it_was_opened(location: str) -> None:
    assert not has_store(location)
    open_store(location, (NUMBER,), "test/origin").close()
    assert has_store(location)
    again = open_store(location, (NUMBER,), "never used")
    assert again.origin == "test/origin"
    again.close()


def test_two_schemas_of_a_database_know_nothing_of_each_other(location: str) -> None:
    with fresh_schema() as beside:
        one, two = (open_store(url, (NUMBER,), url[-8:]) for url in (location, beside))
        with one.write() as writer:
            append_made(writer, "a", 2)
        with two.read() as reader:
            assert reader.head().size == 0
        assert {one.origin, two.origin} == {location[-8:], beside[-8:]}
        one.close()
        two.close()


def test_a_schema_with_other_tables_is_left_as_it_is(location: str) -> None:
    schema = schema_of(location)
    with psycopg.connect(own_url(), autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
        connection.execute(f'CREATE TABLE "{schema}".customers (id BIGINT)'.encode())
    with pytest.raises(ForeignStoreError):
        open_store(location, (NUMBER,), "test/origin")
    assert not has_store(location)
    run_behind(location, "CREATE TABLE ledger (id BIGINT)")
    with pytest.raises(ForeignStoreError):
        open_store(location, (NUMBER,), "test/origin")


def test_a_later_version_is_refused(location: str) -> None:
    open_store(location, (NUMBER,), "test/origin").close()
    run_behind(location, "UPDATE ledger SET store_version = store_version + 1")
    with pytest.raises(NewerStoreError):
        open_store(location, (NUMBER,), "test/origin")


def test_a_view_of_another_version_is_made_anew_and_folded(location: str) -> None:
    said = Statement(id="1", source="ci", records=(Artifact(key="acme:a", name="first"),))
    with open_ledger(location) as ledger:
        ledger.record([said])
    run_behind(location, "ALTER TABLE node DROP COLUMN earliest_us, ADD COLUMN gone BIGINT")
    with open_ledger(location) as ledger:
        assert ledger.show("acme:a")[0].node.name == "first"
        check_ledger(ledger)


def test_a_view_that_is_new_is_made_beside_the_log(location: str) -> None:
    store = open_store(location, (NUMBER,), "test/origin")
    with store.write() as writer:
        append_made(writer, "a", 2)
    store.close()
    store = open_store(location, (NUMBER, OTHER), "test/origin")
    with store.write() as writer:
        writer.insert(OTHER, [(1,)])
        assert labels(writer) == ["a", "a"]
        assert writer.strays((NUMBER, OTHER)) == ([], [], [])
    store.close()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("CREATE TABLE extra (id BIGINT)", "table extra"),
        ("CREATE INDEX extra ON entry (leaf)", "index extra"),
        ("CREATE VIEW extra AS SELECT 1", "view extra"),
        ("CREATE SEQUENCE extra", "sequence extra"),
        ("CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function extra"),
        (f"CREATE TRIGGER extra {FOR_EACH}", "trigger extra"),
    ],
)
def test_what_is_not_the_ledgers_is_found(location: str, made: str, told: str) -> None:
    store = open_store(location, (NUMBER,), "test/origin")
    run_behind(location, made)
    with store.read() as reader:
        assert reader.strays((NUMBER,)).things == [told]
    store.close()


@pytest.mark.parametrize(
    "gone", ["TRIGGER entry_is_never_changed ON entry", "TABLE number", "TABLE subtree"]
)
def test_what_is_missing_of_the_ledger_is_found(location: str, gone: str) -> None:
    store = open_store(location, (NUMBER,), "test/origin")
    run_behind(location, f"DROP {gone}")
    with store.read() as reader:
        assert gone.partition(" ON ")[0].lower() in reader.strays((NUMBER,)).gone
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET leaf = leaf",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "TRUNCATE entry CASCADE",
    ],
)
def test_the_database_itself_refuses_to_change_entries(location: str, statement: str) -> None:
    store = open_store(location, (NUMBER,), "test/origin")
    with store.write() as writer:
        append_made(writer, "a", 2)
    with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
        run_behind(location, statement)
    store.close()


def test_a_commit_is_durable_whatever_the_database_says_of_commits(location: str) -> None:
    store = open_store(f"{location}&options=-c%20synchronous_commit%3Doff", (), "test/origin")
    with store.write() as writer:
        (row,) = writer._run("SHOW synchronous_commit").fetchall()  # type: ignore[attr-defined]
    assert row == ("on",)
    store.close()


def test_a_stricter_promise_of_durability_is_kept(location: str) -> None:
    options = "-c%20synchronous_commit%3Dremote_apply"
    store = open_store(f"{location}&options={options}", (), "test/origin")
    with store.write() as writer:
        (row,) = writer._run("SHOW synchronous_commit").fetchall()  # type: ignore[attr-defined]
    assert row == ("remote_apply",)
    store.close()


def test_a_transaction_in_which_something_failed_is_never_said_to_be_committed(
    location: str,
) -> None:
    store = open_store(location, (NUMBER,), "test/origin")

    def write_on_after_an_error() -> None:
        with store.write() as writer:
            append_made(writer, "a", 1)
            writer.insert(NUMBER, [(1, "one"), (1, "again")])
            # The database would answer this commit with a rollback, and call it done.
            with pytest.raises(psycopg.IntegrityError):
                writer.find(NUMBER, "id", [1])

    with pytest.raises(StoreError):
        write_on_after_an_error()
    with store.read() as reader:
        assert reader.head().size == 0
    store.close()


def test_a_row_that_contradicts_another_is_told_without_its_values(location: str) -> None:
    store = open_store(location, (NUMBER,), "test/origin")

    def insert_twice() -> None:
        with store.write() as writer:
            writer.insert(NUMBER, [(1, "personal one"), (1, "personal two")])

    with pytest.raises(InvariantError) as refused:
        insert_twice()
    assert "personal" not in str(refused.value)
    store.close()


def test_processes_that_open_a_new_schema_at_once_all_find_one_ledger(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    barrier = WORLD.Barrier(4)
    children = [
        WORLD.Process(target=open_at_once, args=(location, f"origin/{number}", barrier))
        for number in range(4)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    store = open_store(location, TABLES, "never used")
    assert store.origin in {f"origin/{number}" for number in range(4)}
    with store.read() as reader:
        assert reader.strays(TABLES) == ([], [], [])
    store.close()


@pytest.fixture
def clerk(location: str) -> Iterator[str]:
    """Return a user of the database who may do what docs/postgres.md says is needed."""
    open_ledger(location).close()
    page = (Path(__file__).parents[2] / "docs" / "postgres.md").read_text()
    with clerk_of(location, page) as url:
        yield url


def test_the_least_privileged_user_writes_erases_and_reads_and_owns_nothing(clerk: str) -> None:
    store = open_store(clerk, TABLES, "never used")
    with store.write() as writer:
        append_made(writer, "a", 2)
        writer.keep_checkpoint(b"note")
        assert writer.erase([1], PartsErased.PERSONAL) == 1
        writer.clear(TABLES)
    with store.read() as reader:
        assert labels(reader) == ["a", "a"]
    # The server would pass over tables of somebody else, and call that done.
    with pytest.raises(ReadOnlyStoreError):
        store.scrub()
    assert not store.is_scrubbed
    for statement in ("DELETE FROM entry", "UPDATE entry SET leaf = leaf", "DROP TABLE entry"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_behind(clerk, statement)
    with pytest.raises(ReadOnlyStoreError):
        open_store(clerk, (*TABLES, OTHER), "never used")
    store.close()
