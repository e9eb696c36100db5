"""The store without a name does what an audit asks of it, as the contract says."""

from collections.abc import Iterator

import pytest

from lineage.stores.base import EMPTY_HEAD, Store, Writer
from lineage.stores.opening import open_passing_store
from lineage.stores.tables import Column, Table
from lineage_schemas.errors import StoreError
from logs import append_made, labels

NUMBER = Table("number", (Column("id", int), Column("text", str)), key=("id",))


@pytest.fixture
def passing() -> Iterator[Store]:
    store = open_passing_store((NUMBER,), "test/origin")
    yield store
    store.close()


def test_a_new_one_is_empty_and_knows_its_origin(passing: Store) -> None:
    assert passing.origin == "test/origin"
    with passing.read() as reader:
        assert reader.head() == EMPTY_HEAD
        assert reader.scan(NUMBER, None, 10) == []


def test_what_was_written_is_read(passing: Store) -> None:
    with passing.write() as writer:
        append_made(writer, "a", 3)
        writer.insert(NUMBER, [(1, "one"), (2, "two")])
    with passing.read() as reader:
        assert labels(reader) == ["a", "a", "a"]
        assert reader.find(NUMBER, "id", [2]) == [(2, "two")]


def insert_and_fail(writer: Writer, number: int) -> None:
    writer.insert(NUMBER, [(number, "undone")])
    raise KeyError(number)


def test_an_exception_undoes_the_transaction_and_a_savepoint_its_block(passing: Store) -> None:
    with passing.write() as writer:
        writer.insert(NUMBER, [(1, "one")])
        with pytest.raises(KeyError), writer.savepoint():
            insert_and_fail(writer, 2)
    with pytest.raises(KeyError), passing.write() as writer:
        insert_and_fail(writer, 3)
    with passing.read() as reader:
        assert reader.scan(NUMBER, None, 10) == [(1, "one")]


def test_two_have_nothing_in_common(passing: Store) -> None:
    with passing.write() as writer:
        append_made(writer, "a", 1)
    other = open_passing_store((NUMBER,), "test/origin")
    with other.read() as reader:
        assert reader.head() == EMPTY_HEAD
    other.close()


def test_nothing_is_ever_left_to_scrub(passing: Store) -> None:
    passing.scrub()
    assert passing.is_scrubbed


def test_a_closed_one_answers_nothing(passing: Store) -> None:
    passing.close()
    passing.close()
    with pytest.raises(StoreError, match="closed"), passing.read():
        pass
    with pytest.raises(StoreError, match="closed"):
        passing.scrub()
