"""What every store must do. It takes the stores as they come and asks through the protocol only."""

import json
from threading import Barrier, Thread

import pytest

from doubles import FaultyStore, MakeStore
from lineage.proofs.tree import CompactRange
from lineage.stores.base import EMPTY_HEAD, READ_ENTRIES_MAX, Store, StoredHead, Writer
from lineage.stores.tables import Column, Row, Table
from lineage_schemas.errors import StaleHeadError, StoreError
from logs import append_made, labels, made_entry

SPAN = Table(
    "span",
    (
        Column("name", str),
        Column("since", int),
        Column("until", int, optional=True),
        Column("group", int, optional=True),
        Column("body", bytes, optional=True),
    ),
    key=("name", "since"),
    indexes=(("group", "name"), ("since",)),
)
PAGE = Table(
    "page",
    (
        Column("id", int),
        Column("since", int),
        Column("until", int, optional=True),
        Column("text", bytes),
    ),
    key=("id", "since"),
)
MARK = Table("mark", (Column("name", str), Column("since", int)), key=("name", "since"))
NUMBER = Table("number", (Column("id", int), Column("text", str)), key=("id",))
TABLES = (SPAN, PAGE, MARK, NUMBER)


class UndoneError(Exception):
    """Leaves a block, so that what the block did is undone."""


@pytest.fixture(params=["bare", "faulty"])
def store(make_store: MakeStore, request: pytest.FixtureRequest) -> Store:
    """Return each store, and each again inside the double that breaks when it is told to."""
    store = make_store(TABLES)
    return store if request.param == "bare" else FaultyStore(store)


class Undone:
    """Expects a block to be left by that error."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> bool:
        assert kind is UndoneError, error
        return True


def insert(store: Store, table: Table, rows: list[Row]) -> None:
    with store.write() as writer:
        writer.insert(table, rows)


# --- the log -------------------------------------------------------------------------------------


def test_a_new_store_is_empty_and_knows_its_origin(store: Store) -> None:
    assert store.origin == "test/origin"
    with store.read() as reader:
        assert reader.head() == EMPTY_HEAD == StoredHead(0, 0, b"")
        assert reader.entries(0, 10) == []
        assert reader.hashes(0, 0, 10) == []
        assert reader.scan(SPAN, None, 10) == []


def test_positions_are_dense_from_0_and_bytes_come_back_identical(store: Store) -> None:
    with store.write() as writer:
        first = append_made(writer, "a", 3)
        assert writer.entries(0, 10) == first
    with store.write() as writer:
        second = append_made(writer, "b", 2)
    with store.read() as reader:
        assert reader.head().size == 5
        assert reader.entries(0, 10) == [*first, *second]
        assert [entry.position for entry in reader.entries(1, 3)] == [1, 2, 3]
        assert reader.entries(5, 10) == []
        assert reader.payload(0) == (first[0].facts, None)
        assert reader.payload(1) == (first[1].facts, first[1].personal)
        assert reader.hashes(0, 1, 2) == [first[1].leaf, first[2].leaf]


def test_one_read_returns_at_most_its_limit(store: Store) -> None:
    with store.write() as writer:
        append_made(writer, "a", READ_ENTRIES_MAX + 1)
    with store.read() as reader:
        assert len(reader.entries(0, 2 * READ_ENTRIES_MAX)) == READ_ENTRIES_MAX
        assert [one.position for one in reader.entries(READ_ENTRIES_MAX, 5)] == [READ_ENTRIES_MAX]


def test_the_head_is_kept_whole(store: Store) -> None:
    with store.write() as writer:
        entries = append_made(writer, "a", 7)
    tree = CompactRange()
    for entry in entries:
        tree.append(entry.leaf)
    with store.read() as reader:
        assert reader.head() == StoredHead(7, 1, tree.to_bytes())


def test_the_roots_of_complete_subtrees_are_kept(store: Store) -> None:
    with store.write() as writer:
        entries = append_made(writer, "a", 600)
    roots = []
    for start in (0, 256):
        tree = CompactRange()
        for entry in entries[start : start + 256]:
            tree.append(entry.leaf)
        roots.append(tree.root())
    with store.read() as reader:
        assert reader.hashes(1, 0, 2) == roots
        assert reader.hashes(1, 1, 1) == roots[1:]


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_stale_writer_is_refused_and_nothing_is_written(store: Store, expected: int) -> None:
    with store.write() as writer:
        append_made(writer, "a", 2)
        before = writer.head()

    def write() -> None:
        with store.write() as writer:
            writer.insert(NUMBER, [(1, "one")])
            head = StoredHead(expected + 1, 9, b"x" * 32)
            writer.append(expected, [made_entry(expected, "b")], [], head)

    with pytest.raises(StaleHeadError):
        write()
    with store.read() as reader:
        assert reader.head() == before
        assert labels(reader) == ["a", "a"]
        assert reader.scan(NUMBER, None, 10) == []


@pytest.mark.parametrize("positions", [[2], [1, 0], [0, 2], [0, 0], [0], [0, 1, 2]])
def test_positions_with_a_gap_are_refused(store: Store, positions: list[int]) -> None:
    entries = [made_entry(position, "a") for position in positions]
    with pytest.raises(StoreError), store.write() as writer:
        writer.append(0, entries, [], StoredHead(2, 1, b"x" * 32))
    with store.read() as reader:
        assert reader.head() == EMPTY_HEAD
        assert reader.entries(0, 10) == []


def test_an_error_undoes_the_whole_transaction(store: Store) -> None:
    insert(store, NUMBER, [(1, "one"), (2, "two")])
    with Undone(), store.write() as writer:
        append_made(writer, "a", 300)
        writer.insert(SPAN, [("new", 0, None, 1, None)])
        writer.replace(NUMBER, [(1, "uno")])
        writer.clear([NUMBER])
        writer.insert(NUMBER, [(3, "three")])
        raise UndoneError
    with store.read() as reader:
        assert reader.head() == EMPTY_HEAD
        assert reader.entries(0, 10) == []
        assert reader.scan(SPAN, None, 10) == []
        assert reader.scan(NUMBER, None, 10) == [(1, "one"), (2, "two")]
        assert reader.find(SPAN, "group", [1]) == []
    with store.write() as writer:
        assert len(append_made(writer, "b", 300)) == 300
    with store.read() as reader:
        assert set(labels(reader)) == {"b"}


def test_a_savepoint_is_undone_alone(store: Store) -> None:
    with store.write() as writer:
        append_made(writer, "a", 1)
        with Undone(), writer.savepoint():
            append_made(writer, "b", 300)
            writer.insert(NUMBER, [(1, "one")])
            raise UndoneError
        assert writer.head().size == 1
        with writer.savepoint():
            append_made(writer, "c", 2)
            writer.insert(NUMBER, [(2, "two")])
            with Undone(), writer.savepoint():
                writer.replace(NUMBER, [(2, "deux")])
                writer.clear([NUMBER])
                raise UndoneError
        with Undone(), writer.savepoint():
            append_made(writer, "d", 1)
            raise UndoneError
    with store.read() as reader:
        assert labels(reader) == ["a", "c", "c"]
        assert reader.scan(NUMBER, None, 10) == [(2, "two")]


def test_a_write_goes_on_after_a_store_refused_something(store: Store) -> None:
    insert(store, NUMBER, [(1, "one")])

    def insert_again(writer: Writer) -> None:
        with writer.savepoint():
            writer.insert(NUMBER, [(2, "two"), (1, "again")])

    with store.write() as writer:
        # Inside the transaction the error may still be the database's own.
        with pytest.raises(Exception):  # noqa: B017, PT011
            insert_again(writer)
        writer.insert(NUMBER, [(3, "three")])
    with store.read() as reader:
        assert reader.scan(NUMBER, None, 10) == [(1, "one"), (3, "three")]


# --- views ---------------------------------------------------------------------------------------


def test_every_cell_comes_back_as_it_went_in(store: Store) -> None:
    rows: list[Row] = [
        ("", 0, None, None, None),
        ("\x01'\"\\", 1, 2**63 - 1, -(2**63), b""),
        ("\u00e9", 2, None, 0, bytes(range(256))),
        ("e\u0301", 3, None, -1, b"\0"),
        ("\U0010ffff", 4, None, 1, b"\xff\xfe"),
    ]
    insert(store, SPAN, rows)
    with store.read() as reader:
        found = reader.scan(SPAN, None, 10)
    assert sorted(found, key=lambda row: int(row[1] or 0)) == rows
    assert [
        [type(cell) for cell in row] for row in sorted(found, key=lambda row: int(row[1] or 0))
    ] == [[type(cell) for cell in row] for row in rows]


def test_collation_is_bytewise(store: Store) -> None:
    # By UTF-16 the last two would change places, by any language's rules all of them.
    ordered = ["", " ", "A", "Z", "_", "a", "aa", "a\u0301", "z", "\u00e1", "\ufffd", "\U00010000"]
    insert(store, SPAN, [(name, 1, None, 7, None) for name in sorted(ordered, reverse=True)])
    with store.read() as reader:
        assert [row[0] for row in reader.scan(SPAN, None, 50)] == ordered
        page = reader.page(SPAN, ("group", "name"), 7, None, 50)
        assert [row[0] for row in page] == ordered
        after = reader.page(SPAN, ("group", "name"), 7, "Z", 3)
        assert [row[0] for row in after] == ["_", "a", "aa"]
        assert [row[0] for row in reader.scan(SPAN, ("z", 1), 50)] == ordered[9:]


def test_a_row_shows_from_since_until_until(store: Store) -> None:
    # As of N means entries 0 to N-1: what entry 2 began shows as of 3, what entry 5 ended as of 5.
    insert(store, SPAN, [("a", 2, 5, 1, b"old"), ("a", 5, None, 1, b"new")])
    with store.read() as reader:
        for size, body in [
            (0, None),
            (2, None),
            (3, b"old"),
            (5, b"old"),
            (6, b"new"),
            (99, b"new"),
        ]:
            wanted = [] if body is None else [body]
            assert [row[4] for row in reader.find(SPAN, "name", ["a"], size)] == wanted, size
            assert [row[4] for row in reader.find(SPAN, "group", [1], size)] == wanted, size
            page = reader.page(SPAN, ("group", "name"), 1, None, 9, size)
            assert [row[4] for row in page] == wanted, size
        assert len(reader.find(SPAN, "name", ["a"])) == 2


def test_a_row_without_an_end_shows_from_since_on(store: Store) -> None:
    insert(store, MARK, [("a", 2)])
    with store.read() as reader:
        assert reader.find(MARK, "name", ["a"], 2) == []
        assert reader.find(MARK, "name", ["a"], 3) == [("a", 2)]


def test_find_returns_the_rows_of_any_of_the_values_once(store: Store) -> None:
    rows: list[Row] = [(name, 1, None, len(name), None) for name in ("a", "b", "cc", "dd")]
    insert(store, SPAN, rows)
    with store.read() as reader:
        assert sorted(reader.find(SPAN, "group", [2, 2, 9])) == rows[2:]
        assert sorted(reader.find(SPAN, "name", iter(["a", "dd", ""]))) == [rows[0], rows[3]]
        assert reader.find(SPAN, "name", []) == []
        assert reader.find(SPAN, "name", ["A", "a "]) == []


def test_nothing_is_never_looked_up(store: Store) -> None:
    insert(store, SPAN, [("a", 1, None, None, None)])
    with store.read() as reader:
        assert reader.find(SPAN, "group", [None]) == []


def test_find_many_thousand_values(store: Store) -> None:
    rows: list[Row] = [(number, str(number)) for number in range(40_000)]
    insert(store, NUMBER, rows)
    with store.read() as reader:
        found = reader.find(NUMBER, "id", range(1, 80_000, 2))
    assert sorted(found) == rows[1::2]


def test_find_prefix_is_bytewise(store: Store) -> None:
    names = [
        "",
        "a",
        "ab",
        "ab\U0010ffff",
        "ab%",
        "ab_",
        "aB",
        "b",
        "\u00e1b",
        "\ud7ff\ud7ff",
        "\ue000",
    ]
    insert(store, MARK, [(name, 1) for name in names])
    with store.read() as reader:
        for prefix in [
            "ab",
            "a",
            "A",
            "%",
            "ab_",
            "",
            "\u00e1",
            "ab\U0010ffff",
            "\U0010ffff",
            "\ud7ff",
        ]:
            expected = sorted(name for name in names if name.startswith(prefix))
            found = sorted(str(row[0]) for row in reader.find_prefix(MARK, "name", prefix))
            assert found == expected, prefix


def test_find_prefix_comes_in_pages_in_the_order_of_the_key(store: Store) -> None:
    names = ["a", "ab", "ab\U0010ffff", "abc", "aB", "b", "\u00e1b", "\ud7ff", "\ue000", "\ue000x"]
    rows: list[Row] = [(name, since) for name in names for since in (1, 2, 10)]
    insert(store, MARK, rows)
    with store.read() as reader:
        for prefix in ("ab", "a", "", "\ud7ff", "\ue000", "x"):
            expected = sorted(
                (row for row in rows if row[0].startswith(prefix)),
                key=lambda row: (row[0].encode(), row[1]),
            )
            for count in (1, 4, 100):
                found: list[Row] = []
                while page := reader.find_prefix(
                    MARK, "name", prefix, found[-1] if found else None, count
                ):
                    assert len(page) <= count
                    found += page
                assert found == expected, (prefix, count)
        assert reader.find_prefix(MARK, "name", "b", ("a", 1), 1) == [("b", 1)]
        with pytest.raises(StoreError):
            reader.find_prefix(SPAN, "group", "x", None, 1)


@pytest.mark.parametrize(
    "wanted",
    [[], [5], [999], list(range(1, 300)), list(range(0, 300, 2)), [299, 1, 150], [*range(90), 999]],
)
def test_documents_come_joined_and_only_those_that_show(store: Store, wanted: list[int]) -> None:
    # Every third has a second text from 7 on, every fifth begins at 7.
    rows: list[Row] = []
    expected: dict[int, dict[int, object]] = {5: {}, 9: {}}
    for number in range(300):
        first, until = 7 if number % 5 == 0 else 2, 8 if number % 3 == 0 else None
        rows.append((number, first, until, b'{"old":%d}' % number))
        if until is not None:
            rows.append((number, until, None, b'["new",%d]' % number))
        expected[9][number] = {"old": number} if until is None else ["new", number]
        if first == 2:
            expected[5][number] = {"old": number}
    insert(store, PAGE, rows)
    with store.read() as reader:
        for size, texts in expected.items():
            found: dict[int, object] = {}
            for keys, documents in reader.find_documents(PAGE, wanted, "text", size):
                numbers = json.loads(b"[%s]" % keys)
                found |= dict(zip(numbers, json.loads(b"[%s]" % documents), strict=True))
            assert found == {number: texts[number] for number in wanted if number in texts}


def test_pages_follow_one_another_without_gap_or_repeat(store: Store) -> None:
    insert(store, SPAN, [(f"n{number:02}", 1, None, number % 2, None) for number in range(20)])
    seen: list[str] = []
    with store.read() as reader:
        after = None
        while page := reader.page(SPAN, ("group", "name"), 1, after, 3):
            assert len(page) <= 3
            seen += [str(row[0]) for row in page]
            after = page[-1][0]
    assert seen == [f"n{number:02}" for number in range(1, 20, 2)]


def test_scans_follow_one_another_in_the_order_of_the_whole_key(store: Store) -> None:
    rows: list[Row] = [(name, since) for name in ("a", "b", "c") for since in (-1, 2, 10)]
    insert(store, MARK, rows[::-1])
    seen: list[Row] = []
    with store.read() as reader:
        after = None
        while page := reader.scan(MARK, after, 2):
            seen += page
            after = MARK.key_of(page[-1])
    assert seen == rows


def test_added_returns_what_began_at_a_size_or_later(store: Store) -> None:
    insert(
        store,
        SPAN,
        [("a", 1, 3, None, None), ("a", 3, None, None, None), ("b", 5, None, None, None)],
    )
    with store.read() as reader:
        assert [row[:2] for row in reader.added(SPAN, 3)] == [("a", 3), ("b", 5)]
        assert len(reader.added(SPAN, 0)) == 3
        assert reader.added(SPAN, 6) == []


def test_what_is_no_lookup_is_refused(store: Store) -> None:
    with store.read() as reader:
        with pytest.raises(StoreError):
            reader.find(SPAN, "body", [b""])
        with pytest.raises(StoreError):
            reader.find_prefix(SPAN, "body", "")
        with pytest.raises(StoreError):
            reader.page(SPAN, ("name", "group"), "a", None, 1)
        with pytest.raises(StoreError):
            reader.added(NUMBER, 0)


def test_a_row_takes_the_place_of_the_one_with_its_key(store: Store) -> None:
    insert(store, SPAN, [("a", 1, None, 1, b"x"), ("b", 1, None, 1, None)])
    with store.write() as writer:
        writer.replace(SPAN, [("a", 1, 4, 2, b"y")])
        assert writer.find(SPAN, "group", [1]) == [("b", 1, None, 1, None)]
    with store.read() as reader:
        assert reader.find(SPAN, "group", [2]) == [("a", 1, 4, 2, b"y")]
        assert len(reader.scan(SPAN, None, 10)) == 2


def test_replacing_what_is_not_there_is_refused_and_undone(store: Store) -> None:
    insert(store, NUMBER, [(1, "one")])
    with pytest.raises(StoreError), store.write() as writer:
        writer.replace(NUMBER, [(1, "uno"), (2, "due")])
    with store.read() as reader:
        assert reader.scan(NUMBER, None, 10) == [(1, "one")]


def test_a_second_row_with_one_key_is_refused_and_undone(store: Store) -> None:
    insert(store, NUMBER, [(1, "one")])
    with pytest.raises(StoreError), store.write() as writer:
        writer.insert(NUMBER, [(2, "two"), (1, "again")])
    with store.read() as reader:
        assert reader.scan(NUMBER, None, 10) == [(1, "one")]


def test_clearing_leaves_the_log_and_other_tables(store: Store) -> None:
    insert(store, NUMBER, [(1, "one")])
    insert(store, MARK, [("a", 1)])
    with store.write() as writer:
        append_made(writer, "a", 1)
        writer.clear([NUMBER])
        assert writer.find(NUMBER, "id", [1]) == []
        writer.insert(NUMBER, [(1, "again")])
    with store.read() as reader:
        assert reader.scan(NUMBER, None, 10) == [(1, "again")]
        assert reader.scan(MARK, None, 10) == [("a", 1)]
        assert labels(reader) == ["a"]


def test_a_closed_store_refuses_everything(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError), store.read():
        pass
    with pytest.raises(StoreError), store.write():
        pass


# --- several at once -----------------------------------------------------------------------------


def test_threads_that_write_lose_nothing_and_never_interleave(store: Store) -> None:
    barrier = Barrier(2)

    def run(label: str) -> None:
        barrier.wait()
        for number in range(100):
            with store.write() as writer:
                append_made(writer, f"{label}-{number}", 3)

    threads = [Thread(target=run, args=(label,)) for label in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as reader:
        said = labels(reader)
    assert [said[start : start + 3] for start in range(0, 600, 3)] == [
        [label] * 3 for label in said[::3]
    ]
    assert [label for label in said[::3] if label[0] == "a"] == [f"a-{n}" for n in range(100)]
    assert [label for label in said[::3] if label[0] == "b"] == [f"b-{n}" for n in range(100)]


def test_a_reader_sees_one_moment_while_a_writer_commits(store: Store) -> None:
    insert(store, NUMBER, [(1, "one")])

    def write() -> None:
        with store.write() as writer:
            append_made(writer, "a", 2)
            writer.replace(NUMBER, [(1, "uno")])
            writer.insert(NUMBER, [(2, "due")])

    writing = Thread(target=write)
    with store.read() as reader:
        assert reader.head().size == 0
        writing.start()
        # A store may let the writer wait for us, or commit behind our back.
        writing.join(timeout=0.2)
        assert reader.head() == EMPTY_HEAD
        assert reader.entries(0, 10) == []
        assert reader.scan(NUMBER, None, 10) == [(1, "one")]
    writing.join()
    with store.read() as reader:
        assert reader.head().size == 2
        assert reader.scan(NUMBER, None, 10) == [(1, "uno"), (2, "due")]


def test_a_reader_never_sees_half_a_transaction(store: Store) -> None:
    done = []

    def write() -> None:
        for number in range(100):
            with store.write() as writer:
                append_made(writer, str(number), 2)
                writer.insert(NUMBER, [(number, "x")])
        done.append(True)

    writing = Thread(target=write)
    writing.start()
    while not done:
        with store.read() as reader:
            size = reader.head().size
            assert (
                size == len(reader.entries(0, 1_000)) == 2 * len(reader.scan(NUMBER, None, 1_000))
            )
    writing.join()


def test_readers_read_side_by_side(store: Store) -> None:
    with store.write() as writer:
        append_made(writer, "a", 50)
    seen: list[int] = []

    def read() -> None:
        for _ in range(50):
            with store.read() as reader:
                seen.append(len(reader.entries(0, 100)))

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [50] * 200


def test_a_second_writing_thread_waits_for_so_long_and_no_longer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("memory", "postgres.store", "sqlite.store"):
        monkeypatch.setattr(f"lineage.stores.{module}.BUSY_WAIT_SECONDS_MAX", 0.05)
    codes: list[str] = []

    def write() -> None:
        try:
            with store.write():
                codes.append("entered")
        except StoreError as error:
            codes.append(error.code)

    writing = Thread(target=write)
    with store.write():
        writing.start()
        writing.join(timeout=5)
        told = list(codes)
    writing.join()
    assert told == ["store_busy"]
