"""There is no room for a backup, an export or an import: nothing is left of it, or it goes on."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from checks import check_ledger
from erasing import ALL, asked
from lineage.ledger import Ledger
from lineage.moving.backing_up import back_up
from lineage.moving.writing_out import check_export_file
from lineage.stores.memory import MemoryStore
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import CorruptLogError, StoreBusyError, StoreError
from moving import ORIGIN, kept, live
from moving_children import copy_import, opened
from signing_children import personal_statement

ROOM = (0, 4_096, 65_536, 200_000)
"""Bytes that one file may have: each stops the work at another place."""


@contextmanager
def room_for_files_of(size: int) -> Iterator[None]:
    """Let no file of this process grow larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path / "a.db") as ledger:
        live(ledger)
        ledger.record([personal_statement(1, number) for number in range(300)])
        ledger.custody.checkpoint()
        yield ledger


def left(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("a.db"))


@pytest.mark.parametrize("size", ROOM)
def test_a_backup_leaves_nothing_and_the_ledger_goes_on(
    ledger: Ledger, tmp_path: Path, size: int
) -> None:
    with room_for_files_of(size), pytest.raises(StoreError):
        back_up(ledger._store, tmp_path / "backup.db")
    assert left(tmp_path) == []
    ledger.record([personal_statement(2, 0)])
    answer = ledger.moves.back_up(tmp_path / "backup.db")
    assert answer.size == ledger.head().size
    check_ledger(ledger)


@pytest.mark.parametrize("size", ROOM[:-1])
def test_a_backup_of_another_kind_of_store_leaves_nothing(tmp_path: Path, size: int) -> None:
    source = kept(MemoryStore(ORIGIN))
    live(source.ledger)
    source.ledger.record([personal_statement(1, number) for number in range(300)])
    with room_for_files_of(size), pytest.raises(StoreError):
        back_up(source.store, tmp_path / "backup.db")
    assert left(tmp_path) == []
    assert back_up(source.store, tmp_path / "backup.db").size == source.ledger.head().size


@pytest.mark.parametrize("size", ROOM)
@pytest.mark.parametrize("final", [False, True])
def test_an_export_leaves_nothing(
    ledger: Ledger, tmp_path: Path, size: int, *, final: bool
) -> None:
    path = tmp_path / "ledger.jsonl"
    if final:
        # Freezing needs a little room of its own.
        ledger.moves.export(tmp_path / "first.jsonl", final=True)
        (tmp_path / "first.jsonl").unlink()
    with room_for_files_of(size), pytest.raises(StoreError):
        ledger.moves.export(path, final=final)
    assert left(tmp_path) == []
    ledger.moves.export(path, final=final)
    assert check_export_file(path).final is final


@pytest.mark.parametrize("size", ROOM[1:])
def test_an_import_goes_on_once_there_is_room(ledger: Ledger, tmp_path: Path, size: int) -> None:
    ledger.moves.export(tmp_path / "plain.jsonl.gz")
    with room_for_files_of(size), pytest.raises(StoreError):
        copy_import(tmp_path)
    copy_import(tmp_path)
    with opened(tmp_path / "b.db", "after") as copy:
        assert copy.basis(ledger.head().size).root == ledger.head().root.hex()
        check_ledger(copy)


def test_a_backup_is_of_one_moment_while_others_write(ledger: Ledger, tmp_path: Path) -> None:
    stop, written = Event(), Event()

    def write() -> None:
        with opened(tmp_path / "a.db", "writer") as writer:
            number = 0
            while not stop.is_set():
                writer.record([personal_statement(3, number), personal_statement(4, number)])
                number += 1
                written.set()

    thread = Thread(target=write)
    thread.start()
    try:
        assert written.wait(60)
        sizes = [ledger.moves.back_up(tmp_path / f"backup-{at}.db").size for at in range(4)]
    finally:
        stop.set()
        thread.join()
    assert sizes == sorted(sizes)
    for at, size in enumerate(sizes):
        store = SqliteStore(tmp_path / f"backup-{at}.db", (), "")
        with store.read() as reader:
            assert reader.head().size == size
            assert reader.head().tree().root().hex() == ledger.basis(size).root
        store.close()
    check_ledger(ledger)


def test_two_that_write_one_file_do_not_get_into_each_other(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_to = SqliteStore.copy_to

    def meet(store: SqliteStore, path: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "copy_to", copy_to)
            with pytest.raises(StoreBusyError):
                back_up(store, tmp_path / "backup.db")
        copy_to(store, path)

    monkeypatch.setattr(SqliteStore, "copy_to", meet)
    assert back_up(ledger._store, tmp_path / "backup.db").size == ledger.head().size


def test_a_log_that_does_not_hold_together_is_not_backed_up(ledger: Ledger, tmp_path: Path) -> None:
    store = ledger._store
    assert isinstance(store, SqliteStore)
    connection = store._writing.conn
    connection.execute("DROP TRIGGER entry_is_never_changed")
    connection.execute("UPDATE entry SET leaf = zeroblob(32) WHERE position = 7")
    with pytest.raises(CorruptLogError, match="does not hold together"):
        ledger.moves.back_up(tmp_path / "backup.db")
    assert left(tmp_path) == []


def test_what_was_erased_is_in_no_backup_even_before_the_scrub(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteStore, "scrub", lambda *_: None)
    word = b"whoever-1-7-lives-here"
    ledger.moves.back_up(tmp_path / "before.db")
    assert word in (tmp_path / "before.db").read_bytes()
    ledger.erasures.erase(asked("acme:p/1-7", parts=ALL))
    ledger.moves.back_up(tmp_path / "after.db")
    assert word not in (tmp_path / "after.db").read_bytes()
