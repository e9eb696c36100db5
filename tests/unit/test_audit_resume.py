"""An audit that was stopped goes on where it was, and believes nothing it can check."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from doubles import FakeClock, SeededRandomness
from erasing import asked, say
from lineage.audit import AuditLevel
from lineage.audit.passing import EntryPass
from lineage.audit.states import AuditState
from lineage.ledger import Ledger, open_ledger
from lineage.proofs.tree import leaf_hash
from lineage_schemas.entry import Entry, StoredEntry
from lineage_schemas.errors import InvalidInputError

RUN = 16
SIZE = 107


class Read:
    """Counts the entries that are read and checked."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.positions: list[int] = []
        check = EntryPass._check

        def counted(one: EntryPass, stored: StoredEntry) -> Entry | None:
            self.positions.append(stored.position)
            return check(one, stored)

        patch.setattr(EntryPass, "_check", counted)


@pytest.fixture(autouse=True)
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read few entries at once, keep progress often, and count what is read."""
    monkeypatch.setattr("lineage.audit.passing.RUN_ENTRIES", RUN)
    monkeypatch.setattr("lineage.audit.running._LEAVES_PER_STEP", RUN)
    monkeypatch.setattr("lineage.audit.resuming.STATE_EVERY", 2 * RUN)
    return Read(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a ledger in which an early entry was erased late; return its file."""
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        say(ledger, 98)
        ledger.erasures.erase(asked(4))
        say(ledger, 2, label="last")
        assert ledger.head().size == SIZE
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return where the state is kept."""
    return tmp_path / "audit.state"


def opened(path: Path) -> Ledger:
    return open_ledger(path, clock=FakeClock(), randomness=SeededRandomness(path.name))


def stop_at(size: int) -> Callable[[int, int], None]:
    """Return a progress that interrupts the audit once it has come so far."""

    def progress(done: int, _: int) -> None:
        if done >= size:
            raise KeyboardInterrupt

    return progress


def kept(state: Path) -> AuditState:
    """Return what a state file says."""
    return msgspec.json.decode(
        bytes(msgspec.json.decode(state.read_bytes(), type=dict[str, msgspec.Raw])["state"]),
        type=AuditState,
    )


@pytest.mark.parametrize("level", [AuditLevel.ENTRIES, AuditLevel.PAYLOAD, AuditLevel.VIEWS])
@pytest.mark.parametrize("stop", [RUN, 3 * RUN, 6 * RUN])
def test_an_audit_that_was_interrupted_goes_on(
    path: Path, state: Path, read: Read, level: AuditLevel, stop: int
) -> None:
    with opened(path) as ledger:
        with pytest.raises(KeyboardInterrupt):
            ledger.audit(level=level, state=state, progress=stop_at(stop))
        assert read.positions == list(range(stop))
        report = ledger.audit(level=level, state=state)
        assert read.positions == list(range(SIZE))
        assert report.resumed_from == stop
        assert report.findings == ()
        assert str(stop) in report.remarks[0]
        assert bytes.fromhex(report.root) == ledger.head().root


@pytest.mark.parametrize("stop", [RUN, 6 * RUN])
def test_what_was_found_before_is_told_again(path: Path, state: Path, stop: int) -> None:
    change(path, "UPDATE payload SET personal = NULL, personal_salt = NULL WHERE position = 7")
    change(path, "UPDATE payload SET facts = x'00' WHERE position IN (8, 100)")
    with opened(path) as ledger:
        whole = ledger.audit(level=AuditLevel.PAYLOAD)
        assert {one.position for one in whole.findings} == {7, 8, 100}
        with pytest.raises(KeyboardInterrupt):
            ledger.audit(level=AuditLevel.PAYLOAD, state=state, progress=stop_at(stop))
        again = ledger.audit(level=AuditLevel.PAYLOAD, state=state)
        assert again.resumed_from == stop
        assert again.findings == whole.findings


def test_progress_is_kept_every_so_often(path: Path, state: Path) -> None:
    seen: list[int] = []

    def progress(_: int, __: int) -> None:
        seen.append(kept(state).size if state.exists() else 0)

    with opened(path) as ledger:
        ledger.audit(level=AuditLevel.PAYLOAD, state=state, progress=progress)
    # Every 32 entries, as the fixture wants it, and at the end.
    assert seen == [0, 32, 32, 64, 64, 96, 96]
    assert kept(state).size == SIZE


def test_a_log_that_has_grown_is_read_from_where_it_was(
    path: Path, state: Path, read: Read
) -> None:
    with opened(path) as ledger:
        ledger.audit(state=state)
        read.positions.clear()
        say(ledger, 5, label="later")
        report = ledger.audit(state=state)
        assert report.clean
        assert report.resumed_from == SIZE
        assert read.positions == list(range(SIZE, SIZE + 5))
        assert kept(state).size == SIZE + 5


def change(path: Path, sql: str, *cells: object) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS entry_is_never_changed")
        assert connection.execute(sql, cells).rowcount > 0
        connection.commit()


def test_another_past_begins_the_audit_anew_and_is_a_finding(
    path: Path, state: Path, read: Read
) -> None:
    with opened(path) as ledger:
        with pytest.raises(KeyboardInterrupt):
            ledger.audit(state=state, progress=stop_at(3 * RUN))
        read.positions.clear()
        change(path, "UPDATE entry SET leaf = ? WHERE position = 9", leaf_hash(b"forged"))
        report = ledger.audit(state=state)
        assert report.resumed_from == 0
        assert read.positions == list(range(SIZE))
        assert report.remarks[0] == (
            "The first 48 entries are not those of the state file; the audit starts anew"
        )
        assert report.first_bad_position == 9
        whats = [one.what for one in report.findings if one.level is AuditLevel.TREE]
        assert (
            "The first 48 entries are not those of the state file, which an audit found clean"
            in whats
        )


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 5_000])
def test_what_was_read_before_and_cannot_be_read_any_more_is_found_in_the_views(
    path: Path, state: Path, body: bytes
) -> None:
    with opened(path) as ledger:
        with pytest.raises(KeyboardInterrupt):
            ledger.audit(state=state, progress=stop_at(3 * RUN))
        change(path, "UPDATE payload SET facts = ? WHERE position = 9", body)
        report = ledger.audit(state=state)
        assert report.resumed_from == 3 * RUN
        assert report.first_bad_position == 9
        assert {one.level for one in report.findings} == {AuditLevel.VIEWS}


def test_a_shallower_state_is_not_enough(path: Path, state: Path, read: Read) -> None:
    with opened(path) as ledger:
        for level in (AuditLevel.TREE, AuditLevel.ENTRIES):
            ledger.audit(level=level, state=state)
            assert kept(state).size == SIZE
            read.positions.clear()
            deeper = ledger.audit(level=AuditLevel(level + 1), state=state)
            assert read.positions == list(range(SIZE))
            assert deeper.resumed_from == 0
            assert f"of level {level.value}; the audit starts anew" in deeper.remarks[0]


def test_a_deeper_state_serves(path: Path, state: Path, read: Read) -> None:
    with opened(path) as ledger:
        ledger.audit(level=AuditLevel.PAYLOAD, state=state)
        read.positions.clear()
        assert ledger.audit(level=AuditLevel.ENTRIES, state=state).resumed_from == SIZE
        assert ledger.audit(level=AuditLevel.VIEWS, state=state).resumed_from == SIZE
        assert read.positions == []
        # What is new was then not looked at as deep as what came before.
        say(ledger, 1, label="later")
        assert ledger.audit(level=AuditLevel.ENTRIES, state=state).resumed_from == SIZE
        assert ledger.audit(level=AuditLevel.PAYLOAD, state=state).resumed_from == 0


def test_another_ledgers_state_is_left_aside(path: Path, state: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "other.db") as other:
        say(other, 3)
        other.audit(state=state)
    with opened(path) as ledger:
        report = ledger.audit(state=state)
        assert report.clean
        assert report.resumed_from == 0
        assert "is of the log" in report.remarks[0]
        assert kept(state).origin == ledger.origin


def test_a_damaged_state_is_left_aside(path: Path, state: Path) -> None:
    with opened(path) as ledger:
        ledger.audit(state=state)
        body = state.read_bytes()
        for damaged in (body[:-30], body.replace(b'"size":107', b'"size":106')):
            state.write_bytes(damaged)
            report = ledger.audit(state=state)
            assert report.clean
            assert report.resumed_from == 0
            assert "damaged" in report.remarks[0]


def test_a_file_that_is_something_else_is_left_as_it_is(path: Path, state: Path) -> None:
    state.write_text("a letter to a friend")
    with opened(path) as ledger, pytest.raises(InvalidInputError, match="no state of an audit"):
        ledger.audit(state=state)
    assert state.read_text() == "a letter to a friend"
