"""``lineage doctor``: each finding, by breaking that very thing; and that it changes nothing."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from databases import fresh_schema, in_schema, run_behind
from doubles import FakeClock
from lineage.access import control
from lineage.ledger import Artifact, Statement, open_ledger
from lineage.stores.postgres.looking import (
    judge_connections,
    judge_durability,
    judge_encryption,
)
from lineage_api.cli.main import cli
from lineage_api.doctor import running
from lineage_api.doctor.machine import Machine
from lineage_api.doctor.running import Asked, examine
from lineage_schemas.health import Finding, Verdict
from terminal import Terminal

PLANTED = "planted-secret-word"
DAY_US = 86_400_000_000


class Patient:
    """A ledger to break, and a machine that can be told to be another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ledgers"
        self.folder.mkdir()
        self.store = self.folder / "ledger.db"
        self.key = self.folder / "ledger.db.key"
        self.sidecar = self.folder / "ledger.db.sidecar"
        self.terminal = Terminal(self.store)
        self.terminal.tell()
        self.clock = FakeClock(self.terminal.clock())
        self.machine = Machine(self.clock)
        self.environ = {"LINEAGE_STORE": str(self.store), "LINEAGE_PORT": "0"}

    def all(self) -> list[Finding]:
        return list(examine(Asked(self.environ), self.machine))

    def __getitem__(self, check: str) -> Finding:
        (found,) = (one for one in self.all() if one.check == check)
        return found

    def verdict(self, check: str) -> Verdict:
        return self[check].verdict

    def sql(self, *statements: str) -> None:
        connection = sqlite3.connect(self.store, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def problems(self) -> list[str]:
        return [one.check for one in self.all() if one.verdict is Verdict.PROBLEM]

    def warnings(self) -> list[str]:
        return [one.check for one in self.all() if one.verdict is Verdict.WARNING]


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def bytes_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        one.name: (one.read_bytes(), one.stat().st_mtime_ns)
        for one in folder.iterdir()
        if not one.name.endswith("-shm")  # an index of the log, which readers of SQLite share
    }


# --- well ----------------------------------------------------------------------------------------


def test_a_well_ledger_has_no_problem(patient: Patient) -> None:
    assert patient.problems() == []
    assert patient.warnings() == ["sidecar apart", "anchors"]
    checks = [one.check for one in patient.all()]
    assert len(checks) == len(set(checks)) > 25


def test_it_changes_nothing(patient: Patient) -> None:
    before = bytes_of(patient.folder)
    patient.all()
    assert bytes_of(patient.folder) == before
    assert sorted(one.name for one in patient.folder.iterdir()) == sorted(before)


def test_it_changes_nothing_where_opening_would(patient: Patient, tmp_path: Path) -> None:
    """Opening migrates an old store, folds views, makes missing tables, makes a ledger."""
    patient.sql("DELETE FROM bookmark", "DROP TABLE word", "PRAGMA user_version = 1")
    before = bytes_of(patient.folder)
    patient.all()
    assert bytes_of(patient.folder) == before
    patient.environ["LINEAGE_STORE"] = str(tmp_path / "none.db")
    assert patient.verdict("store") is Verdict.WARNING
    assert patient.problems() == []
    assert not (tmp_path / "none.db").exists()


def test_it_sees_what_a_running_process_has_written(patient: Patient) -> None:
    with patient.terminal.open() as ledger:
        before = bytes_of(patient.folder)
        assert f"{ledger.head().size} entries" in patient["log"].what
        assert patient.problems() == []
        assert bytes_of(patient.folder) == before


def test_it_reads_what_a_killed_process_left(patient: Patient, tmp_path: Path) -> None:
    """A write-ahead log that was never copied into the file."""
    copied = tmp_path / "copied"
    with patient.terminal.open() as ledger:
        ledger.record([statement("late")])
        size = ledger.head().size
        shutil.copytree(patient.folder, copied)
    assert (copied / "ledger.db-wal").stat().st_size > 0
    (copied / "ledger.db-shm").unlink()
    before = bytes_of(copied)
    patient.environ["LINEAGE_STORE"] = str(copied / "ledger.db")
    assert f"{size} entries" in patient["log"].what
    assert bytes_of(copied) == before


# --- keys for names that are another's ------------------------------------------------------------


def test_it_names_keys_that_speak_for_another_kind_of_caller(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.terminal.done("access", "key", "make", "ada")
    assert patient.verdict("API keys") is Verdict.OK
    with monkeypatch.context() as before, patient.terminal.open() as ledger:
        before.setattr(control, "check_key_name", lambda _: None)
        _, view = ledger.access.make_key("https://id.example.org#ada")
    found = patient["API keys"]
    assert (found.verdict, found.where) == (Verdict.WARNING, view.key)
    assert patient.problems() == []
    listed = patient.terminal.done("access", "key", "list")
    assert "opens nothing: no key may speak for this name" in listed
    patient.terminal.done("access", "key", "revoke", view.key)
    assert patient.verdict("API keys") is Verdict.OK


# --- the store -----------------------------------------------------------------------------------


def broken_page(patient: Patient) -> None:
    """Break what the second page says of itself."""
    body = bytearray(patient.store.read_bytes())
    body[8_192:8_200] = b"\xff" * 8
    patient.store.write_bytes(body)


def foreign(patient: Patient) -> None:
    patient.store.unlink()
    connection = sqlite3.connect(patient.store)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()


def no_database(patient: Patient) -> None:
    patient.store.write_bytes(b"x" * 10_000)


def shorter(patient: Patient) -> None:
    """Put an older state back."""
    older = patient.store.read_bytes()
    patient.terminal.done("hold", "--namespace-wide", "--authority", "a court")
    patient.store.write_bytes(older)


def leaf_changed(patient: Patient) -> None:
    patient.sql(
        "DROP TRIGGER entry_is_never_changed",
        "UPDATE entry SET leaf = zeroblob(32) WHERE position = 2",
    )


def entry_beyond(patient: Patient) -> None:
    patient.sql(
        "INSERT INTO entry SELECT position + 1, envelope, leaf FROM entry "
        "ORDER BY position DESC LIMIT 1"
    )


def other_key(patient: Patient) -> None:
    with open_ledger(patient.folder.parent / "other.db") as other:
        other.record([statement("s")])
    (patient.folder.parent / "other.db.key").replace(patient.key)


PROBLEMS: list[tuple[Callable[[Patient], object], str, str]] = [
    (broken_page, "pages", "damaged"),
    (foreign, "store", "not a ledger"),
    (no_database, "store", "cannot be read"),
    (lambda one: one.sql("PRAGMA user_version = 99"), "store", "version 99"),
    (lambda one: one.sql("DROP TABLE payload"), "tables", "payload"),
    (lambda one: one.sql("DROP TABLE bookmark"), "log", "bookmark"),
    (lambda one: one.sql("DROP TABLE subtree"), "tables", "subtree"),
    (leaf_changed, "log", "not that of the stored leaves"),
    (leaf_changed, "signed", "not those that were signed"),
    (entry_beyond, "log", "beyond the head"),
    (lambda one: one.sql("UPDATE ledger SET compact_range = x'00'"), "log", "cannot be read"),
    (shorter, "signed", "entries"),
    (lambda one: one.sidecar.write_text("{}"), "sidecar", ""),
    (lambda one: one.sidecar.unlink(), "signed", "nobody can tell"),
    (lambda one: one.store.unlink(), "sidecar", "its file is gone"),
    (lambda one: one.key.chmod(0o644), "key", "open to others"),
    (lambda one: one.key.write_text("nonsense"), "key", ""),
    (other_key, "key of the log", "not the one that the log names"),
    (lambda one: setattr(one.clock, "now_us", one.clock.now_us - 400 * DAY_US), "clock", "future"),
]


@pytest.mark.parametrize(
    ("break_it", "check", "what"), PROBLEMS, ids=[f"{one[1]}-{one[2]}" for one in PROBLEMS]
)
def test_what_is_broken_is_a_problem(
    patient: Patient, break_it: Callable[[Patient], object], check: str, what: str
) -> None:
    break_it(patient)
    found = [one for one in patient.all() if one.check == check]
    wrong = [one for one in found if one.verdict is Verdict.PROBLEM]
    assert len(wrong) == 1, found
    assert what in wrong[0].what
    assert wrong[0].hint or check == "sidecar"


WARNINGS: list[tuple[Callable[[Patient], object], str, str]] = [
    (lambda one: one.sql("PRAGMA user_version = 1"), "store", "version 1"),
    (lambda one: one.sql("PRAGMA journal_mode = DELETE"), "journal", "write-ahead log"),
    (lambda one: one.sql("UPDATE ledger SET scrub_due = 1"), "scrub", "Erased bytes"),
    (lambda one: one.sql("UPDATE bookmark SET size = 1"), "views", "1 of"),
    (lambda one: one.sql("UPDATE bookmark SET version = 'x'"), "views", "0 of"),
    (lambda one: one.sql("CREATE TABLE stranger (a)"), "tables", "stranger"),
    (lambda one: one.sql("UPDATE ledger SET checkpoint = NULL"), "signed", "another checkpoint"),
    (lambda one: one.key.unlink(), "key", "no signing key"),
    (lambda one: one.sidecar.unlink(), "sidecar", "no sidecar"),
]


@pytest.mark.parametrize(
    ("break_it", "check", "what"), WARNINGS, ids=[f"{one[1]}-{one[2]}" for one in WARNINGS]
)
def test_what_somebody_should_know_is_a_warning(
    patient: Patient, break_it: Callable[[Patient], object], check: str, what: str
) -> None:
    assert patient.verdict(check) is Verdict.OK
    break_it(patient)
    found = patient[check]
    assert (found.verdict, what in found.what) == (Verdict.WARNING, True), found
    assert found.hint


def test_a_frozen_ledger_is_told(patient: Patient) -> None:
    connection = sqlite3.connect(patient.store)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(ledger)")}
    if "frozen" not in columns:
        connection.execute("ALTER TABLE ledger ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE ledger SET frozen = 1")
    connection.commit()
    connection.close()
    assert patient.verdict("frozen") is Verdict.WARNING


def test_entries_that_nobody_signs_are_told(patient: Patient) -> None:
    with open_ledger(
        patient.store, clock=patient.clock, randomness=patient.terminal.randomness
    ) as ledger:
        ledger._intake.commit([ledger.prepare([statement("late")])])
        assert patient.verdict("signature") is Verdict.OK
        patient.clock.now_us += 61_000_000
        found = patient["signature"]
    assert (found.verdict, "1 entries" in found.what) == (Verdict.WARNING, True)


def statement(name: str) -> Statement:
    return Statement(id=name, source="s", records=(Artifact(key=f"mytool:{name}"),))


def test_anchors_that_are_old_are_told(patient: Patient, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    patient.terminal.done("anchor", "--directory", str(archive))
    assert patient.verdict("anchors") is Verdict.OK
    patient.terminal.tell(statement("late"))
    assert patient.verdict("anchors") is Verdict.OK
    patient.clock.now_us += 8 * DAY_US
    assert patient.verdict("anchors") is Verdict.WARNING


def test_a_kind_of_store_that_nobody_knows_is_a_problem(patient: Patient) -> None:
    patient.environ["LINEAGE_STORE"] = f"mysql://ada:{PLANTED}@db/x"
    assert patient.verdict("store") is Verdict.PROBLEM
    assert PLANTED not in str(patient.all())


# --- in a database -------------------------------------------------------------------------------


@pytest.fixture
def database() -> Iterator[str]:
    """Return the URL of a schema of PostgreSQL."""
    with fresh_schema() as url:
        yield url


def looked_at(url: str, **environ: str) -> dict[str, Finding]:
    asked = Asked({"LINEAGE_STORE": url, "LINEAGE_PORT": "0"} | environ)
    return {one.check: one for one in examine(asked, Machine())}


def test_a_ledger_in_a_database_is_looked_at_and_not_made(database: str) -> None:
    found = looked_at(database)
    assert found["store"].verdict is Verdict.WARNING
    with open_ledger(database) as ledger:
        ledger.record([statement("a")])
        size = ledger.head().size
    found = looked_at(database)
    assert found["store"].verdict is Verdict.OK
    assert found["log"].what.startswith(f"{size} entries")
    problems = [one for one in found.values() if one.verdict is Verdict.PROBLEM]
    # The server of the tests need not be one that keeps what it is told.
    assert [one.check for one in problems if one.check != "durability"] == []
    with in_schema(database) as connection:
        assert found["durability"].verdict is (
            Verdict.OK if setting(connection, "fsync") == "on" else Verdict.PROBLEM
        )


def setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute(b"SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


DATABASES: list[tuple[str, str, Verdict]] = [
    ("UPDATE ledger SET store_version = 99", "store", Verdict.PROBLEM),
    ("UPDATE ledger SET store_version = 0", "store", Verdict.WARNING),
    ("UPDATE ledger SET scrub_due = 1", "scrub", Verdict.WARNING),
    ("UPDATE ledger SET frozen = TRUE", "frozen", Verdict.WARNING),
    (
        "UPDATE ledger SET frozen = TRUE; INSERT INTO bookmark VALUES (2, 'behind', 9, 0)",
        "signed",
        Verdict.PROBLEM,
    ),
    ("CREATE TABLE stranger (a BIGINT)", "tables", Verdict.WARNING),
    ("DROP TABLE word", "tables", Verdict.PROBLEM),
    ("DROP TABLE bookmark", "log", Verdict.PROBLEM),
    ("UPDATE bookmark SET size = 0", "views", Verdict.WARNING),
    (r"UPDATE ledger SET compact_range = '\x00'", "log", Verdict.PROBLEM),
]


@pytest.mark.parametrize(("statement_of", "check", "verdict"), DATABASES, ids=str)
def test_what_is_broken_in_a_database(
    database: str, statement_of: str, check: str, verdict: Verdict
) -> None:
    with open_ledger(database) as ledger:
        ledger.record([statement("a")])
    run_behind(database, statement_of)
    assert looked_at(database)[check].verdict is verdict


def test_a_database_that_cannot_be_reached_and_one_file_of_two(
    tmp_path: Path, database: str
) -> None:
    url = f"postgresql://ada:{PLANTED}@127.0.0.1:1/none?connect_timeout=1"
    found = looked_at(url)
    assert found["database"].verdict is Verdict.PROBLEM
    assert PLANTED not in str(found)
    found = looked_at(
        database,
        LINEAGE_KEY=str(tmp_path / "key"),
        LINEAGE_SIDECAR=str(tmp_path / "none" / "sidecar"),
    )
    assert found["sidecar folder"].verdict is Verdict.PROBLEM
    found = looked_at(database, LINEAGE_KEY=str(tmp_path / "key"))
    assert found["store"].verdict is Verdict.PROBLEM
    assert "sidecar" in found["store"].where


def test_what_a_server_says_of_itself_is_judged() -> None:
    assert judge_durability("on", "on", "on").verdict is Verdict.OK
    assert judge_durability("off", "on", "on").verdict is Verdict.PROBLEM
    assert judge_durability("on", "off", "on").verdict is Verdict.PROBLEM
    assert judge_connections(17).verdict is Verdict.OK
    assert judge_connections(16).verdict is Verdict.WARNING
    assert judge_connections(-3).verdict is Verdict.WARNING
    assert judge_encryption("db.example", is_encrypted=False).verdict is Verdict.WARNING
    assert judge_encryption("db.example", is_encrypted=True).verdict is Verdict.OK
    assert judge_encryption("/var/run/postgresql", is_encrypted=False).verdict is Verdict.OK


# --- places and the machine ----------------------------------------------------------------------


class Other(Machine):
    """A machine that says what a test wants."""

    def __init__(self, clock: FakeClock, **answers: object) -> None:
        super().__init__(clock)
        for name, answer in answers.items():
            setattr(self, name, lambda *_, answer=answer: answer)


MACHINES: list[tuple[dict[str, object], str, Verdict]] = [
    ({"free_bytes": 1_000}, "disk", Verdict.PROBLEM),
    ({"file_system": "nfs4"}, "store disk", Verdict.WARNING),
    ({"file_system": "cifs"}, "sidecar disk", Verdict.WARNING),
    ({"file_system": ""}, "store disk", Verdict.OK),
    ({"can_write": False}, "store folder", Verdict.PROBLEM),
    ({"can_write": False}, "sidecar folder", Verdict.PROBLEM),
    ({"user": 4_711}, "key owner", Verdict.WARNING),
    ({"open_files_limit": 256}, "open files", Verdict.WARNING),
    ({"open_files_limit": -1}, "open files", Verdict.OK),
]


@pytest.mark.parametrize(("answers", "check", "verdict"), MACHINES, ids=str)
def test_what_the_machine_lacks(
    patient: Patient, answers: dict[str, object], check: str, verdict: Verdict
) -> None:
    patient.machine = Other(patient.clock, **answers)
    assert patient.verdict(check) is verdict


def test_a_disk_with_no_room_for_a_copy(patient: Patient) -> None:
    with patient.store.open("ab") as stream:
        stream.truncate(1_000_000_000)  # sparse
    patient.machine = Other(patient.clock, free_bytes=900_000_000)
    assert patient.verdict("disk") is Verdict.WARNING


def test_a_folder_that_is_not_there(patient: Patient, tmp_path: Path) -> None:
    patient.environ["LINEAGE_STORE"] = str(tmp_path / "none" / "ledger.db")
    assert patient.verdict("store folder") is Verdict.PROBLEM


def test_a_sidecar_elsewhere_is_fine(patient: Patient, tmp_path: Path) -> None:
    patient.sidecar.replace(tmp_path / "sidecar")
    patient.environ["LINEAGE_SIDECAR"] = str(tmp_path / "sidecar")
    assert patient.verdict("sidecar apart") is Verdict.OK
    assert patient.verdict("signed") is Verdict.OK
    (patient.folder / "below").mkdir()
    patient.environ["LINEAGE_SIDECAR"] = str(patient.folder / "below" / "sidecar")
    assert patient.verdict("sidecar apart") is Verdict.WARNING


def test_mounts_are_read_by_their_longest_point(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    inside = os.path.realpath(tmp_path)
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n"
        f"2 1 0:1 / {inside.replace('-', chr(92) + '055')} rw shared:1 - nfs4 host:/x rw\n"
        f"3 1 0:2 / {inside}-beside rw - tmpfs tmpfs rw\n"
        "nonsense\n",
        encoding="utf-8",
    )
    machine = Machine(mounts=mounts)
    assert machine.file_system(tmp_path / "none" / "a.db") == "nfs4"
    assert machine.file_system(Path("/")) == "ext4"
    assert Machine(mounts=tmp_path / "none").file_system(tmp_path) == ""


# --- settings and serving ------------------------------------------------------------------------


def test_settings_that_cannot_be_are_told_and_the_ledger_is_looked_at(patient: Patient) -> None:
    patient.environ["LINEAGE_ANCHOR_WEBHOOK"] = f"ftp://{PLANTED}"
    assert patient.verdict("settings") is Verdict.PROBLEM
    assert patient.verdict("log") is Verdict.OK
    patient.environ["LINEAGE_STOER"] = PLANTED
    assert "store" in patient["settings"].hint
    assert [one.check for one in patient.all()][-1] == "settings"
    assert PLANTED not in str(patient.all())


def test_a_file_of_settings_with_secrets_is_for_its_owner(patient: Patient, tmp_path: Path) -> None:
    config = tmp_path / "lineage.toml"
    config.write_text(f'anchor_webhook = "http://127.0.0.1:1/{PLANTED}"\n', encoding="utf-8")
    config.chmod(0o644)
    patient.environ["LINEAGE_CONFIG"] = str(config)
    assert patient.verdict("settings file") is Verdict.WARNING
    config.chmod(0o600)
    assert patient.verdict("settings file") is Verdict.OK
    config.write_text("port = 0\n", encoding="utf-8")
    config.chmod(0o644)
    assert patient.verdict("settings file") is Verdict.OK


def test_a_port_that_is_taken(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        patient.environ["LINEAGE_PORT"] = str(taken.getsockname()[1])
        assert patient.verdict("port") is Verdict.WARNING


def test_whoever_should_be_reached_is_tried_and_sent_nothing(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        port = receiver.getsockname()[1]
        url = f"http://127.0.0.1:{port}/{PLANTED}"
        patient.environ |= {"LINEAGE_ANCHOR_WEBHOOK": url, "LINEAGE_TRACE_ENDPOINT": url}
        assert patient.verdict("anchor webhook") is Verdict.OK
        connection, _ = receiver.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(1) == b""
    found = patient.all()
    unreachable = [one.check for one in found if "No connection" in one.what]
    assert unreachable == ["anchor webhook", "traces"]
    assert PLANTED not in str(found)


def test_an_anchor_folder(patient: Patient, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    patient.environ["LINEAGE_ANCHOR_DIRECTORY"] = str(archive)
    assert patient.verdict("anchor folder") is Verdict.PROBLEM
    archive.mkdir()
    assert patient.verdict("anchor folder") is Verdict.OK
    patient.environ["LINEAGE_ANCHOR_DIRECTORY"] = str(patient.folder)
    assert patient.verdict("anchor folder") is Verdict.WARNING


def test_a_check_that_fails_itself_is_a_finding(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[Finding]:
        raise ZeroDivisionError(PLANTED)

    monkeypatch.setattr(running, "check_places", broken)
    found = patient["places"]
    assert (found.verdict, "ZeroDivisionError" in found.what) == (Verdict.PROBLEM, True)
    assert patient.verdict("log") is Verdict.OK
    assert PLANTED not in str(patient.all())


# --- the command ---------------------------------------------------------------------------------


def test_the_command_says_it_and_ends_so(patient: Patient) -> None:
    runner = CliRunner()
    well = runner.invoke(cli, ["doctor"], env=patient.environ)
    assert well.exit_code == 0, well.output
    patient.key.chmod(0o644)
    ill = runner.invoke(cli, ["doctor", "--store", str(patient.store)])
    assert ill.exit_code == 1
    assert [line for line in ill.stdout.splitlines() if line.startswith("problem\tkey\t")] != []
    as_json = runner.invoke(cli, ["doctor", "--json"], env=patient.environ)
    assert as_json.exit_code == 1
    found = {one["check"]: one for one in json.loads(as_json.stdout)}
    assert found["key"]["verdict"] == "problem"
    assert "chmod 600" in found["key"]["hint"]


def test_a_person_sees_signs(patient: Patient) -> None:
    program = (
        "import sys; sys.stdout.isatty = lambda: True\n"
        "from lineage_api.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"],
        env={**os.environ, **patient.environ, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    assert "✓\x1b[0m \x1b[1mlog\x1b[0m" in done.stdout
    assert "0 problems, 2 warnings" in done.stdout
