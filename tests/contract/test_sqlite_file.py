"""What the SQLite store does with the file: keep it, share it, leave what is not its own alone."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from children import open_and_close, write_batches
from disks import small_disk
from lineage.stores.sqlite.layout import APPLICATION_ID, STORE_VERSION
from lineage.stores.sqlite.store import SqliteStore
from lineage.stores.tables import Column, Table
from lineage_schemas.errors import (
    ForeignStoreError,
    NewerStoreError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)
from logs import append_made, labels

SPAWN = get_context("spawn")
NOTE = Table("note", (Column("id", int), Column("text", str)), key=("id",))
NOBODY_UID = 65_534
HALF_A_MEBIBYTE = 524_288


def opened(path: Path, origin: str = "test/origin") -> SqliteStore:
    return SqliteStore(path, (NOTE,), origin)


def listing(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes, but for SQLite's own shared memory."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and not path.name.endswith("-shm")
    }


# --- reopening -----------------------------------------------------------------------------------


def test_what_was_acknowledged_is_there_after_reopening(tmp_path: Path) -> None:
    first = opened(tmp_path / "ledger.db")
    with first.write() as writer:
        entries = append_made(writer, "a", 300)
        writer.insert(NOTE, [(1, "one")])
        head = writer.head()
    first.close()
    again = opened(tmp_path / "ledger.db", "another/origin")
    assert again.origin == "test/origin"
    with again.read() as reader:
        assert reader.head() == head
        assert reader.entries(0, 1_000) == entries
        assert len(reader.hashes(1, 0, 1)) == 1
        assert reader.scan(NOTE, None, 10) == [(1, "one")]
    again.close()


def test_what_was_acknowledged_is_there_without_closing(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "ledger.db"), opened(tmp_path / "ledger.db")
    with first.write() as writer:
        entries = append_made(writer, "a", 2)
    with second.read() as reader:
        assert reader.entries(0, 10) == entries
    first.close()
    second.close()


def test_a_closed_ledger_is_one_file(tmp_path: Path) -> None:
    store = opened(tmp_path / "ledger.db")
    with store.write() as writer:
        append_made(writer, "a", 2)
    with store.read() as reader:
        assert labels(reader) == ["a", "a"]
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch()
    opened(tmp_path / "ledger.db").close()
    assert (tmp_path / "ledger.db").stat().st_size > 0


def test_a_table_that_is_missing_is_made(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "ledger.db", (), "test/origin").close()
    store = opened(tmp_path / "ledger.db")
    with store.read() as reader:
        assert reader.scan(NOTE, None, 10) == []
    store.close()


@pytest.mark.parametrize("name", ["a b.db", "?mode=ro.db", "%41.db", "#.db", "lédger.db", "'\".db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    opened(tmp_path / name).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_entries_are_never_changed_or_deleted(tmp_path: Path) -> None:
    store = opened(tmp_path / "ledger.db")
    with store.write() as writer:
        append_made(writer, "a", 1)
    store.close()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    for statement in ("UPDATE entry SET envelope = x''", "DELETE FROM entry"):
        with pytest.raises(sqlite3.IntegrityError, match="entries are never"):
            connection.execute(statement)
    connection.close()


# --- several processes ---------------------------------------------------------------------------


def test_processes_that_write_one_file_lose_nothing_and_never_interleave(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    children = [
        SPAWN.Process(target=write_batches, args=(path, label, 50, 3)) for label in ("a", "b")
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    store = opened(path)
    with store.read() as reader:
        said = labels(reader)
    store.close()
    assert [said[start : start + 3] for start in range(0, 300, 3)] == [
        [label] * 3 for label in said[::3]
    ]
    for name in "ab":
        assert [one for one in said[::3] if one[0] == name] == [f"{name}-{n}" for n in range(50)]


def test_processes_that_make_one_file_at_once_all_open_it(tmp_path: Path) -> None:
    with SPAWN.Pool(4) as pool:
        for number in range(25):
            pool.map(open_and_close, [tmp_path / f"{number}.db"] * 4, chunksize=1)
    origins = set()
    for number in range(25):
        store = opened(tmp_path / f"{number}.db", "another/origin")
        origins.add(store.origin)
        store.close()
    assert origins == {"test/origin"}


def test_a_writer_gives_up_on_another_process_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(tmp_path / "ledger.db")
    monkeypatch.setattr("lineage.stores.sqlite.store.BUSY_WAIT_SECONDS_MAX", 0.05)
    second = opened(tmp_path / "ledger.db")
    with first.write() as writer:
        append_made(writer, "a", 1)
        with pytest.raises(StoreBusyError, match=r"ledger\.db"), second.write():
            pass
    with second.write() as writer:
        append_made(writer, "b", 1)
        assert labels(writer) == ["a", "b"]
    first.close()
    second.close()


# --- what is not ours ----------------------------------------------------------------------------


# A file of a single byte is the one exception: SQLite takes it for an empty one.
@pytest.mark.parametrize("body", [b"ab", b"name,price\nada,3\n", b"\0" * 5_000, b"word " * 2_000])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "notes.txt").write_bytes(body)
    with pytest.raises(ForeignStoreError, match=r"notes\.txt"):
        opened(tmp_path / "notes.txt")
    assert listing(tmp_path) == {"notes.txt": body}


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE customer (name TEXT)", "INSERT INTO customer VALUES ('ada')"],
        ["CREATE TABLE ledger (account TEXT)"],
        ["CREATE VIEW customer AS SELECT 1"],
        ["PRAGMA user_version = 7"],
        ["PRAGMA application_id = 252006673"],
        ["PRAGMA journal_mode = WAL", "CREATE TABLE customer (name TEXT)"],
    ],
)
def test_another_database_is_refused_and_left_alone(tmp_path: Path, statements: list[str]) -> None:
    connection = sqlite3.connect(tmp_path / "shop.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    before = listing(tmp_path)
    with pytest.raises(ForeignStoreError, match=r"shop\.db"):
        opened(tmp_path / "shop.db")
    assert listing(tmp_path) == before


def test_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path / "ledger.db").close()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.execute(f"PRAGMA user_version = {STORE_VERSION + 1}")
    connection.close()
    before = listing(tmp_path)
    with pytest.raises(NewerStoreError, match=r"ledger\.db"):
        opened(tmp_path / "ledger.db")
    assert listing(tmp_path) == before


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"ledger\.db"):
        opened(tmp_path / "missing" / "ledger.db")


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        opened(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- what may not be written ---------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user of the machine can reach."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@contextmanager
def somebody_ordinary() -> Iterator[None]:
    """Act as a user to whom permissions apply: they do not to the superuser."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY_UID)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_written_is_refused_and_left_alone(open_folder: Path) -> None:
    store = opened(open_folder / "ledger.db")
    with store.write() as writer:
        append_made(writer, "a", 1)
    store.close()
    (open_folder / "ledger.db").chmod(0o444)
    open_folder.chmod(0o555)
    before = listing(open_folder)
    with somebody_ordinary(), pytest.raises(ReadOnlyStoreError, match=r"ledger\.db"):
        opened(open_folder / "ledger.db")
    assert listing(open_folder) == before


def test_a_file_that_may_not_be_written_can_be_asked_and_refuses_writing(
    open_folder: Path,
) -> None:
    opened(open_folder / "ledger.db").close()
    (open_folder / "ledger.db").chmod(0o444)
    open_folder.chmod(0o777)
    before = (open_folder / "ledger.db").read_bytes()
    with somebody_ordinary():
        store = opened(open_folder / "ledger.db")
        with store.read() as reader:
            assert reader.head().size == 0
        with pytest.raises(ReadOnlyStoreError), store.write() as writer:
            append_made(writer, "a", 1)
        store.close()
    assert (open_folder / "ledger.db").read_bytes() == before


def test_a_folder_that_may_not_be_written_gets_no_ledger(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with somebody_ordinary(), pytest.raises(StoreError, match="may write"):
        opened(open_folder / "ledger.db")
    assert list(open_folder.iterdir()) == []


# --- no room -------------------------------------------------------------------------------------


def test_no_room_undoes_the_batch_and_says_so(tmp_path: Path) -> None:
    store = opened(tmp_path / "ledger.db")
    with store.write() as writer:
        append_made(writer, "a", 2)
    connection = store._writing.conn
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFullError, match=r"ledger\.db"), store.write() as writer:
        append_made(writer, "b", 5_000)
    with store.read() as reader:
        assert labels(reader) == ["a", "a"]
    connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
    with store.write() as writer:
        append_made(writer, "c", 1)
    with store.read() as reader:
        assert labels(reader) == ["a", "a", "c"]
    store.close()


def test_no_room_inside_a_savepoint_says_so_too(tmp_path: Path) -> None:
    store = opened(tmp_path / "ledger.db")
    connection = store._writing.conn
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    def write() -> None:
        with store.write() as writer:
            append_made(writer, "a", 1)
            with writer.savepoint():
                append_made(writer, "b", 5_000)

    with pytest.raises(StoreFullError):
        write()
    with store.read() as reader:
        assert labels(reader) == []
    store.close()


@pytest.fixture
def disk() -> Iterator[Path]:
    with small_disk(HALF_A_MEBIBYTE) as folder:
        yield folder


def test_a_full_disk_leaves_the_ledger_as_it_was(disk: Path) -> None:
    store = opened(disk / "ledger.db")
    kept = 0

    def fill() -> None:
        nonlocal kept
        for number in range(1_000):
            with store.write() as writer:
                append_made(writer, f"{number}", 20)
            kept += 20

    with pytest.raises(StoreFullError):
        fill()
    assert kept > 0
    with store.read() as reader:
        assert len(labels(reader)) == reader.head().size == kept
    store.close()
    again = opened(disk / "ledger.db")
    with again.read() as reader:
        assert len(labels(reader)) == reader.head().size == kept
    again.close()


@pytest.mark.parametrize("size", [1, 15, 99])
def test_a_short_file_of_somebody_else_is_left_alone(tmp_path: Path, size: int) -> None:
    (tmp_path / "ledger.db").write_bytes(b"x" * size)
    with pytest.raises(ForeignStoreError):
        opened(tmp_path / "ledger.db")
    assert (tmp_path / "ledger.db").read_bytes() == b"x" * size
