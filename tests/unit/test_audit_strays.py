"""An audit tells what lies in the file, and no answer would ever show."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import asked
from lineage.audit import AuditLevel, AuditReport
from lineage.ledger import Artifact, Ledger, Statement, open_ledger
from lineage.projections.views import TABLES
from lineage.stores.base import HalfPart, Store, StrayParts, Strays

L1, L3 = AuditLevel.TREE, AuditLevel.PAYLOAD


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def position(path: Path) -> int:
    """Make a ledger, and return the entry that has a personal part."""
    record = Artifact(key="acme:x", custom_properties={"owner": "eve"}, personal=("owner",))
    with opened(path) as ledger:
        (receipt,) = ledger.record([Statement(id="s", source="ci", records=(record,))])
    assert receipt.position is not None
    return receipt.position


def opened(path: Path) -> Ledger:
    return open_ledger(path, clock=FakeClock(NOON_US), randomness=SeededRandomness())


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        yield connection
        connection.commit()


def told(report: AuditReport) -> list[tuple[AuditLevel, int | None, str]]:
    return [(one.level, one.position, one.what) for one in report.findings]


def test_a_clean_store_has_no_strays(store: Store) -> None:
    with store.read() as reader:
        assert reader.strays(TABLES) == Strays([], [], [])
        assert reader.stray_parts() == StrayParts([], [])


@pytest.mark.parametrize(("cell", "there"), [("personal", "body"), ("personal_salt", "salt")])
def test_half_of_an_erased_part_is_found_and_an_erasure_takes_it(
    path: Path, position: int, cell: str, there: str
) -> None:
    with opened(path) as ledger:
        ledger.erasures.erase(asked(position))
        assert ledger.audit().clean
    with by_hand(path) as connection:
        sql = f"UPDATE payload SET {cell} = x'414243' WHERE position = ?"  # noqa: S608
        connection.execute(sql, (position,))
    with opened(path) as ledger:
        assert told(ledger.audit(level=AuditLevel.ENTRIES)) == []
        expected = (L3, position, f"Of the personal part only the {there} is there")
        assert told(ledger.audit()) == [expected]
        with ledger._store.write() as writer:
            assert writer.stray_parts().halves == [HalfPart(position, "personal", there)]
            assert writer.erase([position], asked(position).parts) == 1
        assert ledger.audit().clean


def test_payload_of_no_entry_is_found(path: Path, position: int) -> None:
    del position
    with by_hand(path) as connection:
        connection.execute("INSERT INTO payload VALUES (5000, x'00', x'414141', NULL, NULL)")
    with opened(path) as ledger:
        assert told(ledger.audit()) == [(L3, 5000, "There is payload that belongs to no entry")]


def test_an_entry_before_the_first_is_found(path: Path, position: int) -> None:
    with by_hand(path) as connection:
        sql = "INSERT INTO entry SELECT -1, envelope, leaf FROM entry WHERE position = ?"
        connection.execute(sql, (position,))
    with opened(path) as ledger:
        expected = (L1, -1, "There is an entry before the first position")
        assert told(ledger.audit(level=L1)) == told(ledger.audit()) == [expected]


def test_what_is_not_the_ledgers_is_remarked_on(path: Path, position: int) -> None:
    del position
    with by_hand(path) as connection:
        connection.execute("CREATE TABLE stash (x)")
        connection.execute("CREATE INDEX hidden ON stash (x)")
        connection.execute("DROP TRIGGER entry_is_never_changed")
    with opened(path) as ledger:
        report = ledger.audit()
    assert report.clean
    assert report.remarks == (
        "The store holds what is not the ledger's: index hidden",
        "The store holds what is not the ledger's: table stash",
        "Of the ledger's own the store lacks: trigger entry_is_never_changed",
    )


def test_a_new_store_takes_no_half_part(path: Path, position: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for cell in ("facts", "facts_salt", "personal", "personal_salt"):
            sql = f"UPDATE payload SET {cell} = NULL WHERE position = ?"  # noqa: S608
            with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
                connection.execute(sql, (position,))
