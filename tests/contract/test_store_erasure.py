"""What every store must do where parts are erased, checkpoints kept and logs renamed."""

from collections.abc import Callable

import pytest

from doubles import FaultyStore, MakeStore
from lineage.stores.base import READ_ENTRIES_MAX, Reader, Store, Writer
from lineage.stores.tables import Column, Table
from lineage_schemas.entry import PayloadPart, StoredEntry
from lineage_schemas.governance import PartsErased
from logs import append_made, made_entry

NUMBER = Table("number", (Column("id", int), Column("text", str)), key=("id",))
ALL, PERSONAL = PartsErased.ALL, PartsErased.PERSONAL


class UndoneError(Exception):
    """Leaves a block, so that what the block did is undone."""


class Undone:
    """Expects a block to be left by that error."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> bool:
        assert kind is UndoneError, error
        return True


@pytest.fixture(params=["bare", "faulty"])
def store(make_store: MakeStore, request: pytest.FixtureRequest) -> Store:
    """Return each store with four entries, and each again inside the double."""
    store = make_store((NUMBER,))
    with store.write() as writer:
        append_made(writer, "a", 4)
    return store if request.param == "bare" else FaultyStore(store)


def parts_of(reader: Reader) -> list[tuple[PayloadPart | None, PayloadPart | None]]:
    return [reader.payload(position) for position in range(reader.head().size)]


def made_parts(position: int) -> tuple[PayloadPart | None, PayloadPart | None]:
    """Return the parts of a made entry: odd positions alone have a personal one."""
    entry = made_entry(position, "a")
    return entry.facts, entry.personal


# --- erasing -------------------------------------------------------------------------------------


def test_the_personal_part_alone_is_erased(store: Store) -> None:
    with store.write() as writer:
        assert writer.erase([1], PERSONAL) == 1
    with store.read() as reader:
        assert reader.payload(1) == (made_parts(1)[0], None)
        assert [reader.payload(at) for at in (0, 2, 3)] == [made_parts(at) for at in (0, 2, 3)]


def test_both_parts_are_erased(store: Store) -> None:
    with store.write() as writer:
        assert writer.erase([0, 1], ALL) == 3
        assert writer.payload(0) == (None, None)
    with store.read() as reader:
        assert parts_of(reader) == [(None, None), (None, None), made_parts(2), made_parts(3)]
        assert [one.facts for one in reader.entries(0, 4)][:2] == [None, None]


@pytest.mark.parametrize(
    ("positions", "parts", "count"),
    [
        ([], ALL, 0),
        ([0], PERSONAL, 0),
        ([4], ALL, 0),
        ([-1], ALL, 0),
        ([10**12], PERSONAL, 0),
        ([3, 3], ALL, 2),
        ([-1, 3, 4], PERSONAL, 1),
    ],
)
def test_what_is_not_there_is_passed_over(
    store: Store, positions: list[int], parts: PartsErased, count: int
) -> None:
    with store.write() as writer:
        assert writer.erase(positions, parts) == count


def test_what_was_erased_before_is_not_counted_again(store: Store) -> None:
    with store.write() as writer:
        writer.erase([1], PERSONAL)
        assert writer.erase([1], PERSONAL) == 0
        assert writer.erase([1], ALL) == 1
        assert writer.erase([1], ALL) == 0


def test_thousands_of_positions_are_erased_at_once(store: Store) -> None:
    with store.write() as writer:
        append_made(writer, "a", 5_000)
        assert writer.erase(list(range(5_004)), ALL) == 5_004 + 2_502


def test_envelopes_leaves_hashes_and_head_stay(store: Store) -> None:
    with store.read() as reader:
        before = _lasting(reader)
    with store.write() as writer:
        writer.erase([0, 1, 2, 3], ALL)
    with store.read() as reader:
        assert _lasting(reader) == before


def _lasting(reader: Reader) -> list[object]:
    entries: list[StoredEntry] = reader.entries(0, 10)
    return [
        [(one.position, one.envelope, one.leaf) for one in entries],
        reader.envelopes(0, 10),
        reader.hashes(0, 0, 4),
        reader.head(),
        reader.origin(),
    ]


# --- envelopes -----------------------------------------------------------------------------------


def test_envelopes_come_alone_in_order_and_up_to_the_limit(store: Store) -> None:
    with store.write() as writer:
        append_made(writer, "a", READ_ENTRIES_MAX)
    with store.read() as reader:
        assert reader.envelopes(1, 2) == [b"a/1", b"a/2"]
        assert reader.envelopes(reader.head().size, 5) == []
        assert len(reader.envelopes(0, 2 * READ_ENTRIES_MAX)) == READ_ENTRIES_MAX
        assert reader.envelopes(READ_ENTRIES_MAX + 2, 9) == [b"a/10002", b"a/10003"]


# --- checkpoint and name -------------------------------------------------------------------------


def test_a_checkpoint_is_kept_in_the_place_of_the_one_before(store: Store) -> None:
    with store.read() as reader:
        assert reader.checkpoint() is None
    for note in (b"first\n", b"second \xe2\x80\x94 note\n", None):
        with store.write() as writer:
            writer.keep_checkpoint(note)
            assert writer.checkpoint() == note
        with store.read() as reader:
            assert reader.checkpoint() == note
            assert reader.head().size == 4


def test_a_log_that_was_renamed_goes_by_the_new_name_everywhere(store: Store) -> None:
    with store.write() as writer:
        assert writer.origin() == "test/origin"
        writer.rename("test/other")
        assert writer.origin() == "test/other"
    assert store.origin == "test/other"
    with store.read() as reader:
        assert reader.origin() == "test/other"


def test_what_was_kept_is_there_for_whoever_opens_the_store_next(
    make_store: MakeStore, request: pytest.FixtureRequest
) -> None:
    store = make_store((NUMBER,))
    with store.write() as writer:
        append_made(writer, "a", 2)
        writer.keep_checkpoint(b"note")
        writer.rename("test/other")
        writer.erase([1], ALL)
    if "sqlite" not in request.node.name:
        return
    again = make_store((NUMBER,))
    assert again.origin == "test/other"
    with again.read() as reader:
        assert reader.checkpoint() == b"note"
        assert reader.payload(1) == (None, None)
    assert not again.is_scrubbed


# --- undoing -------------------------------------------------------------------------------------

ACTS: dict[str, Callable[[Writer], object]] = {
    "erase": lambda writer: writer.erase([1], ALL),
    "erase what is personal": lambda writer: writer.erase([1], PERSONAL),
    "erase twice": lambda writer: (writer.erase([1], PERSONAL), writer.erase([1, 3], ALL)),
    "keep a checkpoint": lambda writer: writer.keep_checkpoint(b"new"),
    "rename": lambda writer: writer.rename("test/new"),
}


def _kept(reader: Reader) -> list[object]:
    return [parts_of(reader), reader.checkpoint(), reader.origin(), *_lasting(reader)]


@pytest.mark.parametrize("name", ACTS)
def test_a_savepoint_undoes_it_alone(store: Store, name: str) -> None:
    with store.write() as writer:
        writer.keep_checkpoint(b"old")
        before = _kept(writer)
        with Undone(), writer.savepoint():
            ACTS[name](writer)
            assert _kept(writer) != before
            raise UndoneError
        assert _kept(writer) == before
        writer.insert(NUMBER, [(1, "one")])
    with store.read() as reader:
        assert _kept(reader) == before
        assert reader.scan(NUMBER, None, 9) == [(1, "one")]
    assert store.is_scrubbed


@pytest.mark.parametrize("name", ACTS)
def test_a_transaction_that_fails_undoes_it(store: Store, name: str) -> None:
    with store.write() as writer:
        writer.keep_checkpoint(b"old")
        before = _kept(writer)

    def write() -> None:
        with store.write() as writer:
            ACTS[name](writer)
            raise UndoneError

    with pytest.raises(UndoneError):
        write()
    with store.read() as reader:
        assert _kept(reader) == before
    assert store.is_scrubbed


def test_what_a_savepoint_leaves_stays(store: Store) -> None:
    with store.write() as writer:
        with writer.savepoint():
            writer.erase([1], ALL)
            writer.keep_checkpoint(b"note")
        with Undone(), writer.savepoint():
            writer.erase([3], ALL)
            raise UndoneError
    with store.read() as reader:
        assert parts_of(reader) == [made_parts(0), (None, None), made_parts(2), made_parts(3)]
        assert reader.checkpoint() == b"note"


# --- scrubbing -----------------------------------------------------------------------------------


def test_a_new_store_and_one_that_only_grew_are_scrubbed(store: Store) -> None:
    assert store.is_scrubbed
    with store.write() as writer:
        append_made(writer, "a", 1)
        assert writer.erase([], ALL) == 0
    assert store.is_scrubbed


def test_scrubbing_changes_nothing_that_can_be_read(store: Store) -> None:
    with store.write() as writer:
        writer.insert(NUMBER, [(1, "one"), (2, "two")])
        writer.keep_checkpoint(b"note")
        writer.erase([1], ALL)
    with store.read() as reader:
        before = _kept(reader), reader.scan(NUMBER, None, 9)
    for _ in range(2):
        store.scrub()
        assert store.is_scrubbed
        with store.read() as reader:
            assert (_kept(reader), reader.scan(NUMBER, None, 9)) == before
    with store.write() as writer:
        append_made(writer, "b", 1)
    with store.read() as reader:
        assert reader.head().size == 5


@pytest.mark.parametrize("store_location", ["postgres", "sqlite"], indirect=True)
def test_a_file_is_to_be_scrubbed_until_it_was(make_store: MakeStore) -> None:
    store = make_store((NUMBER,))
    with store.write() as writer:
        append_made(writer, "a", 2)
        writer.erase([1], PERSONAL)
    another = make_store((NUMBER,))
    assert [one.is_scrubbed for one in (store, another)] == [False, False]
    store.scrub()
    assert [one.is_scrubbed for one in (store, another)] == [True, True]


# --- snapshots -----------------------------------------------------------------------------------


@pytest.mark.parametrize("store_location", ["postgres", "sqlite"], indirect=True)
def test_a_snapshot_is_of_before_an_erasure_and_the_next_of_after(make_store: MakeStore) -> None:
    store = make_store((NUMBER,))
    with store.write() as writer:
        append_made(writer, "a", 2)
    with store.read() as reader:
        before = _kept(reader)
        with store.write() as writer:
            writer.erase([1], ALL)
            writer.rename("test/other")
            writer.keep_checkpoint(b"note")
        assert _kept(reader) == before
    with store.read() as reader:
        assert reader.payload(1) == (None, None)
        assert (reader.origin(), reader.checkpoint()) == ("test/other", b"note")
