"""A backup is put back where it belongs, and nowhere else; what must be gone is gone before."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from checks import check_ledger
from databases import fresh_schema
from erasing import ALL, asked
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, Ledger, Statement, open_ledger, restore_ledger
from lineage.moving.passing import passing_folder
from lineage.moving.restoring import RestoreAnswer
from lineage.stores.sqlite.layout import STORE_VERSION
from lineage_schemas.errors import (
    CorruptLogError,
    ForeignStoreError,
    FrozenStoreError,
    NewerStoreError,
    PreconditionError,
    StoreBehindError,
    StoreError,
)
from moving import live, place
from moving_children import opened

WORD = b"data 3"


def told(ledger: Ledger, number: int) -> None:
    record = Artifact(key=f"acme:late/{number}", name=f"late {number}")
    ledger.record([Statement(id=f"late-{number}", source="ci", records=(record,))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a ledger of which a backup was made before its last two entries."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    with opened(folder / "a.db") as ledger:
        live(ledger)
        ledger.moves.back_up(tmp_path / "backup.db")
        told(ledger, 1)
        told(ledger, 2)
    return folder


@pytest.fixture
def backup(folder: Path, tmp_path: Path) -> Path:
    assert folder.is_dir()
    return tmp_path / "backup.db"


def restored(backup: Path, path: Path, *, replace: bool = False) -> RestoreAnswer:
    return restore_ledger(backup, path, replace=replace)


def without_store(folder: Path) -> Path:
    (folder / "a.db").unlink()
    return folder / "a.db"


# --- where it belongs ----------------------------------------------------------------------------


def test_it_tells_how_many_entries_are_missing_and_the_ledger_takes_nothing(
    folder: Path, backup: Path
) -> None:
    sidecar = (folder / "a.db.sidecar").read_bytes()
    answer = restored(backup, without_store(folder))
    assert answer.missing == 2
    assert "at least 2 are missing" in answer.fault
    assert (folder / "a.db.sidecar").read_bytes() == sidecar
    with opened(folder / "a.db", "after") as ledger:
        assert ledger.head().size == answer.backup.size
        with pytest.raises(StoreBehindError):
            told(ledger, 3)
        assert ledger.recovery is not None
        ledger.recovery.declare_loss("the disk failed")
        told(ledger, 3)
        check_ledger(ledger)


def test_of_a_ledger_that_said_nothing_since_the_backup_nothing_is_missing(
    folder: Path, tmp_path: Path
) -> None:
    with opened(folder / "a.db") as ledger:
        ledger.moves.back_up(tmp_path / "newest.db")
    answer = restored(tmp_path / "newest.db", without_store(folder))
    assert (answer.missing, answer.fault, answer.erased) == (0, "", 0)
    with opened(folder / "a.db", "after") as ledger:
        told(ledger, 3)
        check_ledger(ledger)


def test_what_was_erased_since_is_in_no_file_of_what_was_restored(
    folder: Path, backup: Path
) -> None:
    with opened(folder / "a.db", "second") as ledger:
        ledger.erasures.erase(asked("acme:data/0", parts=ALL))
    assert b"train 0" in backup.read_bytes()
    answer = restored(backup, without_store(folder))
    # The facts and the personal part of one entry.
    assert answer.erased == 2
    for file in folder.iterdir():
        assert b"train 0" not in file.read_bytes()


def test_a_ledger_that_is_there_is_moved_aside_whole(folder: Path, backup: Path) -> None:
    before = (folder / "a.db").read_bytes()
    with pytest.raises(PreconditionError, match="--replace"):
        restored(backup, folder / "a.db")
    assert (folder / "a.db").read_bytes() == before
    answer = restored(backup, folder / "a.db", replace=True)
    assert Path(answer.aside).read_bytes() == before
    again = restored(backup, folder / "a.db", replace=True)
    assert again.aside.endswith(".replaced-2")
    assert Path(answer.aside).read_bytes() == before
    # It can be put back in its turn.
    shutil.copy(answer.aside, backup.with_name("aside.db"))
    newest = restored(backup.with_name("aside.db"), folder / "a.db", replace=True)
    assert newest.fault == ""


def test_a_write_ahead_log_never_meets_the_store_of_another(folder: Path, backup: Path) -> None:
    """SQLite would play it into whatever file has the name."""
    store = without_store(folder)
    log = folder / "a.db-wal"
    log.write_bytes(b"frames of somebody else")
    with pytest.raises(PreconditionError, match="--replace"):
        restored(backup, store)
    answer = restored(backup, store, replace=True)
    assert not log.exists()
    assert Path(f"{answer.aside}-wal").read_bytes() == b"frames of somebody else"


def test_who_has_the_old_file_open_is_told(folder: Path, backup: Path) -> None:
    with opened(folder / "a.db", "server") as server:
        restored(backup, folder / "a.db", replace=True)
        with pytest.raises(StoreError, match="replaced"):
            told(server, 3)


def test_without_a_sidecar_nobody_can_tell_what_is_missing(tmp_path: Path, backup: Path) -> None:
    answer = restored(backup, tmp_path / "alone.db")
    assert "nobody can tell" in answer.fault
    with (
        open_ledger(tmp_path / "alone.db") as ledger,
        pytest.raises(StoreBehindError, match="nobody can tell"),
    ):
        told(ledger, 3)


def test_it_goes_into_a_database_too(folder: Path, backup: Path, tmp_path: Path) -> None:
    with place("postgres", tmp_path) as url:
        key, sidecar = folder / "a.db.key", folder / "a.db.sidecar"
        restored_there = partial(restore_ledger, backup, url, key=key, sidecar=sidecar)
        answer = restored_there()
        assert answer.missing == 2
        with pytest.raises(PreconditionError, match="another ledger here"):
            restored_there()
        with pytest.raises(PreconditionError, match="aside"):
            restored_there(replace=True)
        with open_ledger(url) as ledger:
            assert ledger.head().size == answer.backup.size
            check_ledger(ledger)


def test_nothing_is_restored_into_memory(backup: Path) -> None:
    with pytest.raises(PreconditionError, match="memory"):
        restore_ledger(backup, "memory:")


# --- a ledger that was exported for good ---------------------------------------------------------


def test_a_backup_from_before_a_final_export_takes_nothing_either(
    folder: Path, backup: Path, tmp_path: Path
) -> None:
    with opened(folder / "a.db", "second") as ledger:
        ledger.moves.export(tmp_path / "final.jsonl", final=True, to="https://ledger.example")
    answer = restored(backup, folder / "a.db", replace=True)
    assert "exported for good" in answer.fault
    with opened(folder / "a.db", "after") as ledger:
        with pytest.raises(FrozenStoreError, match=r"moved to https://ledger\.example"):
            told(ledger, 3)
        assert ledger.recovery is not None
        with pytest.raises(FrozenStoreError):
            ledger.recovery.declare_loss("it is not lost")
        assert ledger.show("acme:model") != ()
    sidecar = SidecarFile(folder / "a.db.sidecar").read()
    assert sidecar is not None
    assert sidecar.version == 2


def test_a_backup_of_a_frozen_ledger_is_frozen(folder: Path, tmp_path: Path) -> None:
    with opened(folder / "a.db", "second") as ledger:
        ledger.moves.export(tmp_path / "final.jsonl", final=True)
        assert ledger.moves.back_up(tmp_path / "frozen.db").frozen
    answer = restored(tmp_path / "frozen.db", tmp_path / "elsewhere.db")
    assert "exported for good" in answer.fault
    with open_ledger(tmp_path / "elsewhere.db") as ledger, pytest.raises(StoreError):
        told(ledger, 3)


def test_what_was_erased_and_put_back_is_erased_again_in_a_frozen_store(
    folder: Path, tmp_path: Path
) -> None:
    with opened(folder / "a.db", "second") as ledger:
        position = ledger.erasures.erase(asked("acme:data/0", parts=ALL)).positions[0]
        ledger.moves.export(tmp_path / "final.jsonl", final=True)
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        connection.execute("UPDATE ledger SET frozen = 0")
        connection.execute(
            "UPDATE payload SET facts = ?, facts_salt = ? WHERE position = ?",
            (b'{"version":2,"records":[]}', b"0" * 16, position),
        )
        connection.execute("UPDATE ledger SET frozen = 1")
        connection.commit()
    with opened(folder / "a.db", "after") as ledger:
        assert ledger.audit().findings == ()
        with pytest.raises(FrozenStoreError):
            told(ledger, 3)


# --- what is no backup ---------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"no database", b"x" * 5_000])
def test_a_file_that_is_no_ledger_is_refused(folder: Path, tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(body)
    store = without_store(folder)
    with pytest.raises(ForeignStoreError, match="no backup"):
        restored(file, store)
    assert file.read_bytes() == body
    assert not store.exists()


def test_an_empty_database_is_no_backup(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("VACUUM")
    store = without_store(folder)
    with pytest.raises(ForeignStoreError, match="no backup"):
        restored(file, store)
    assert not store.exists()


def test_one_of_a_later_version_is_refused(folder: Path, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute(f"PRAGMA user_version = {STORE_VERSION + 1}")
    with pytest.raises(NewerStoreError):
        restored(backup, without_store(folder))


def test_a_ledger_in_use_is_no_backup(folder: Path, tmp_path: Path) -> None:
    with opened(folder / "a.db", "server") as server:
        told(server, 3)
        assert (folder / "a.db-wal").stat().st_size > 0
        with pytest.raises(PreconditionError, match="in use"):
            restored(folder / "a.db", tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


def test_a_backup_of_another_ledger_is_refused(folder: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other.db", "other") as other:
        live(other)
        other.moves.back_up(tmp_path / "other-backup.db")
    store = without_store(folder)
    with pytest.raises(PreconditionError, match="of another ledger"):
        restored(tmp_path / "other-backup.db", store)
    assert not store.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entry SET leaf = zeroblob(32) WHERE position = 7",
        "UPDATE payload SET facts = x'7b7d' WHERE position = 7",
        "DELETE FROM entry WHERE position = 7",
        "UPDATE ledger SET checkpoint = x'00'",
        "UPDATE signing_key SET verifier = 'x'",
    ],
)
def test_a_backup_that_was_changed_is_refused(folder: Path, backup: Path, sql: str) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        for trigger in ("entry_is_never_changed", "entry_is_never_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(sql)
        connection.commit()
    store = without_store(folder)
    with pytest.raises(CorruptLogError, match="does not hold together"):
        restored(backup, store)
    assert not store.exists()
    assert [one.name for one in folder.iterdir() if "restored" in one.name] == []


STOPPED_INSIDE = """
import os, signal
from lineage.moving.passing import passing_folder
with passing_folder() as folder:
    (folder / "staged.db").write_bytes(b"what was erased since")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_copy_that_a_killed_restore_has_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with passing_folder() as at_work:
        killed = subprocess.run([sys.executable, "-c", STOPPED_INSIDE], check=False)
        assert killed.returncode == -signal.SIGKILL
        (left,) = set(tmp_path.iterdir()) - {at_work}
        assert list(left.iterdir())
        with passing_folder() as mine:
            assert set(tmp_path.iterdir()) == {at_work, mine}
            assert mine.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_restore_into_a_database_leaves_no_copy(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    (temporary / "lineage-restore-left").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with fresh_schema() as location:
        restore_ledger(backup, location)
    assert list(temporary.iterdir()) == []
