"""A ledger that is lent to one test after the other is to each as if it were made for it."""

import psycopg
import pytest

from children import made_batch
from databases import fresh_schema, in_schema, lend, run_behind
from doubles import FakeClock, SeededRandomness
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import access_location, has_store, open_store

NAMES = b"SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"


def number_of(connection: psycopg.Connection) -> int:
    """Return by which number the server knows the schema, whatever it is called."""
    row = connection.execute(b"SELECT current_schema()::regnamespace::oid").fetchone()
    assert row is not None
    return int(row[0])


def rows_of(connection: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    tables = connection.execute(NAMES + b" AND relkind = 'r'").fetchall()
    return {name: connection.execute(f'TABLE "{name}"'.encode()).fetchall() for (name,) in tables}


def use(location: str) -> None:
    """Write to a ledger as a test does."""
    store = open_store(location, TABLES, "never used")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    for number in range(3):
        ledger.record(made_batch(0, number))
    store.close()


def lent(statement: str = "") -> int:
    """Lend a ledger, use it, say something behind its back; return its number."""
    with fresh_schema() as location:
        lend(location)
        with in_schema(location) as connection:
            number = number_of(connection)
        use(location)
        if statement:
            run_behind(location, statement)
    return number


def test_what_is_lent_again_is_as_it_was_made() -> None:
    lent("CREATE TABLE extra (id BIGINT)")  # so that the next one is new
    number = lent()
    with fresh_schema() as location, fresh_schema() as made:
        open_store(made, TABLES, "test/origin").close()
        lend(location)
        with in_schema(location) as one, in_schema(made) as other:
            assert number_of(one) == number
            assert rows_of(one) == rows_of(other)
            assert set(one.execute(NAMES)) == set(other.execute(NAMES))
        store = open_store(location, TABLES, "never used")
        assert store.origin == "test/origin"
        with store.read() as reader:
            assert reader.strays(TABLES) == ([], [], [])
        store.close()
        with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
            run_behind(location, "TRUNCATE entry")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (id BIGINT)",
        "CREATE SEQUENCE extra",
        "CREATE TYPE extra AS ENUM ('one')",
        "CREATE INDEX extra ON entry (leaf)",
        "CREATE VIEW extra AS SELECT 1",
        "CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION entry_is_kept() STABLE",
        "CREATE TRIGGER extra BEFORE INSERT ON edge FOR EACH ROW EXECUTE FUNCTION entry_is_kept()",
        "CREATE RULE extra AS ON INSERT TO edge DO INSTEAD NOTHING",
        "DROP TRIGGER entry_is_never_changed ON entry",
        "DROP TABLE edge",
        "ALTER TABLE entry DISABLE TRIGGER entry_is_never_changed",
        "ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_is_never_changed",
        "ALTER TABLE ledger ADD CHECK (size >= 0)",
        "ALTER TABLE ledger ALTER COLUMN scrub_due SET DEFAULT 1",
        "ALTER TABLE ledger ENABLE ROW LEVEL SECURITY",
        "GRANT SELECT ON entry TO PUBLIC",
        "VACUUM (FULL) payload",
        "TRUNCATE payload",
    ],
)
def test_what_was_altered_is_made_anew(statement: str) -> None:
    assert lent(statement) != lent()


def test_a_schema_that_was_dropped_or_given_away_is_made_anew() -> None:
    with fresh_schema() as location:
        lend(location)
        schema = location.rpartition("schema=")[2]
        run_behind(location, f"GRANT USAGE ON SCHEMA {schema} TO PUBLIC")
        with in_schema(location) as connection:
            number = number_of(connection)
    with fresh_schema() as location:
        lend(location)
        with in_schema(location) as connection:
            assert number_of(connection) != number
        run_behind(location, f"DROP SCHEMA {location.rpartition('schema=')[2]} CASCADE")
    lent()


def test_what_is_there_already_is_left_alone() -> None:
    with fresh_schema() as location:
        open_store(location, (), "example.org/mine").close()
        lend(location)
        store = open_store(location, (), "never used")
        assert store.origin == "example.org/mine"
        store.close()


def test_two_at_once_are_two() -> None:
    with fresh_schema() as one, fresh_schema() as other:
        lend(one)
        lend(other)
        assert has_store(one)
        assert not has_store(other)


def test_the_access_log_beside_it_goes_too() -> None:
    with fresh_schema() as location:
        lend(location)
        beside = str(access_location(location))
        open_store(beside, TABLES, "test/access").close()
    assert not has_store(beside)
