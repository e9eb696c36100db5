"""What only shows when two things happen at once, or one after a long while: each was seen once."""

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copyfile

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.keys import KeyFile
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, ErasureRequest, Statement
from lineage.projections.views import TABLES
from lineage.proofs.signing import new_signing_key
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import CorruptLogError, StoreError
from lineage_schemas.governance import PartsErased
from signing_children import personal_statement, personal_value, signed_ledger


def erasure(run: int, number: int) -> ErasureRequest:
    return ErasureRequest(
        targets=(f"acme:p/{run}-{number}",), legal_basis="a test", requester="A", approver="B"
    )


def in_files(folder: Path, text: str) -> list[str]:
    return [one.name for one in folder.iterdir() if text.encode() in one.read_bytes()]


def test_an_erasure_during_the_scrub_of_another_stays_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scrub that is under way has not seen it, and must not say that nothing is left."""
    path = tmp_path / "ledger.db"
    with signed_ledger(path) as ledger:
        ledger.record([personal_statement(0, number) for number in range(4)])
        store = ledger._store
        assert isinstance(store, SqliteStore)
        other = open_store(path, TABLES, "")
        cut, cuts = store._truncate_log, list[float]()

        def erase_meanwhile(wait_seconds: float) -> None:
            cut(wait_seconds)
            cuts.append(wait_seconds)
            if len(cuts) == 2:
                with other.write() as writer:
                    writer.erase([3], PartsErased.PERSONAL)

        monkeypatch.setattr(store, "_truncate_log", erase_meanwhile)
        ledger.erasures.erase(erasure(0, 0))
        assert len(cuts) == 2
        assert not store.is_scrubbed
        other.close()
    signed_ledger(path).close()
    with signed_ledger(path) as ledger:
        assert ledger._store.is_scrubbed


def test_an_erasure_is_remembered_and_signed_before_the_long_scrub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the scrub, it must not come back with a backup."""
    with signed_ledger(tmp_path / "ledger.db") as ledger:
        ledger.record([personal_statement(0, 0)])
        notary = ledger._notary
        assert notary is not None
        seen: list[tuple[int, int]] = []

        def look(wait_seconds: float = 0.0) -> None:
            del wait_seconds
            assert notary is not None
            sidecar = notary.recall().sidecar
            assert sidecar is not None
            unsigned = ledger.custody.last_checkpoint().unsigned
            seen.append((len(sidecar.erased), unsigned))

        monkeypatch.setattr(ledger._store, "scrub", look)
        ledger.erasures.erase(erasure(0, 0))
        assert seen == [(1, 0)]


def test_what_was_erased_before_a_recovery_stays_erased_in_any_store_put_back(
    tmp_path: Path,
) -> None:
    """Neither a new origin nor a lost entry makes the sidecar forget."""
    shelf, live = tmp_path / "shelf", tmp_path / "live"
    shelf.mkdir()
    live.mkdir()
    path = live / "ledger.db"
    with signed_ledger(path) as ledger:
        ledger.record([personal_statement(0, number) for number in range(3)])
    copyfile(path, shelf / "early.db")
    with signed_ledger(path) as ledger:
        ledger.record([personal_statement(1, number) for number in range(3)])
    copyfile(path, shelf / "later.db")
    with signed_ledger(path) as ledger:
        # Both an entry that will be lost and one that stays.
        ledger.erasures.erase(erasure(1, 2))
        ledger.erasures.erase(erasure(0, 0))
    copyfile(shelf / "early.db", path)
    with signed_ledger(path) as ledger:
        assert ledger.recovery is not None
        ledger.recovery.declare_loss("a disk")
        ledger.record([personal_statement(2, number) for number in range(5)])
        # An entry that took the position of one which was erased has lost nothing, and loses only
        # what is asked for.
        assert all(ledger.show(f"acme:p/2-{number}")[0].redactions == () for number in range(5))
        for number in range(5):
            ledger.erasures.erase(erasure(2, number))
        assert ledger.audit().findings == ()
    signed_ledger(path).close()
    with signed_ledger(path) as ledger:
        assert ledger.audit().findings == ()
        assert {one.parts for one in ledger.show("acme:p/2-4")[0].redactions} == {
            PartsErased.PERSONAL
        }
    for copy in ("early.db", "later.db"):
        copyfile(shelf / copy, path)
        signed_ledger(path).close()
        assert in_files(live, personal_value(0, 0)) == []
        assert in_files(live, personal_value(1, 2)) == []
        assert in_files(live, personal_value(0, 1)) == ["ledger.db"]


def test_nothing_is_acknowledged_into_a_file_that_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with signed_ledger(path) as ledger:
        ledger.record([personal_statement(0, 0)])
    copyfile(path, tmp_path / "backup.db")
    ledger = signed_ledger(path)
    ledger.record([personal_statement(0, 1)])
    (tmp_path / "backup.db").replace(path)
    with pytest.raises(StoreError, match="replaced"):
        ledger.record([personal_statement(0, 2)])
    path.unlink()
    with pytest.raises(StoreError, match="replaced or removed"):
        ledger.record([personal_statement(0, 2)])
    ledger.close()


def test_a_false_head_is_not_signed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with signed_ledger(path) as ledger:
        ledger.record([personal_statement(0, 0)])
    with closing(sqlite3.connect(path)) as connection:
        (body,) = connection.execute("SELECT compact_range FROM ledger").fetchone()
        flipped = bytes([body[0] ^ 1]) + body[1:]
        connection.execute("UPDATE ledger SET compact_range = ?", (flipped,))
        connection.commit()
    with signed_ledger(path) as ledger:
        before = ledger.custody.last_checkpoint()
        ledger.record([personal_statement(0, 1)])
        assert isinstance(ledger.custody.fault, CorruptLogError) or (
            ledger.custody.last_checkpoint() == before
        )
        with pytest.raises(CorruptLogError):
            ledger.custody.checkpoint()
        assert ledger.custody.last_checkpoint().size == before.size


def test_whoever_finishes_a_rotation_late_brings_no_key_back(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "ledger.key", SeededRandomness())
    keys.make("example.org/ledger")
    first = new_signing_key("example.org/ledger", SeededRandomness("first"))
    second = new_signing_key("example.org/ledger", SeededRandomness("second"))
    keys.stage(first)
    keys.promote(first)
    keys.stage(second)
    keys.promote(first)
    assert _public(keys) == first.public
    keys.promote(second)
    keys.promote(first)
    assert _public(keys) == second.public


def _public(keys: KeyFile) -> bytes:
    key = keys.current()
    assert key is not None
    return key.public


def test_two_that_begin_one_ledger_introduce_one_key(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledgers = [
        Ledger(
            open_store(path, TABLES, "test/origin"),
            FakeClock(),
            SeededRandomness(str(number)),
            Notary(
                SidecarFile(tmp_path / "s"), KeyFile(tmp_path / "k", SeededRandomness(str(number)))
            ),
        )
        for number in range(2)
    ]
    for number, ledger in enumerate(ledgers):
        record = Artifact(key="acme:a", name=str(number))
        ledger.record([Statement(id="a", source=f"s{number}", records=(record,))])
    assert len(ledgers[0].custody.keys()) == 1
    assert ledgers[1].custody.checkpoint().unsigned == 0
    for ledger in ledgers:
        ledger.close()
