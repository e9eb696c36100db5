"""Backups, exports and imports as a person runs them."""

import gzip
import json
from pathlib import Path

import pytest

from doubles import SeededRandomness
from surface_client import dig
from terminal import RUN, Terminal, more

STATEMENT = '{"id":"late","source":"s","records":[{"record":"artifact","key":"a:late"}]}'


@pytest.fixture
def other(tmp_path: Path) -> Terminal:
    """Return a terminal of a place where nothing is yet."""
    (tmp_path / "other").mkdir()
    other = Terminal(tmp_path / "other" / "ledger.db")
    other.randomness = SeededRandomness("other")
    return other


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


# --- backup and restore --------------------------------------------------------------------------


def test_a_backup_says_what_it_holds(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    printed = terminal.done("backup", str(file))
    with terminal.open() as ledger:
        assert f"origin    {ledger.origin}\n" in printed
        assert f"root      {ledger.head().root.hex()}\n" in printed
    assert "size      5 entries\n" in printed
    assert "signed    up to size 5\n" in printed
    assert file.stat().st_mode & 0o777 == 0o600
    again = terminal.run("backup", str(file))
    assert again.exit_code == 2
    assert "already" in again.stderr


def test_a_backup_is_put_back_and_says_what_is_missing(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    terminal.done("backup", str(file))
    terminal.tell(more(1), more(2))
    refused = terminal.run("restore", str(file))
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    printed = terminal.done("restore", str(file), "--replace")
    assert f"aside     the store that was here is {terminal.store}.replaced-1\n" in printed
    assert "missing   at least 2 entries that were signed\n" in printed
    assert "lineage recover --declare-loss" in printed
    assert "revoke again what was revoked since (`lineage access list`)" in printed
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 3
    assert terminal.run("show", RUN).exit_code == 0
    back = terminal.done("restore", f"{terminal.store}.replaced-1", "--replace")
    assert "ledger    goes on where the backup ends\n" in back
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 0


def test_as_json_a_restore_counts(terminal: Terminal, tmp_path: Path) -> None:
    terminal.done("backup", str(tmp_path / "backup.db"))
    terminal.tell(more(1))
    arguments = ("restore", str(tmp_path / "backup.db"), "--replace")
    answer = terminal.answer(*arguments)
    assert (dig(answer, "missing"), dig(answer, "backup", "size")) == (1, 5)


def test_what_is_no_backup_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no ledger")
    result = terminal.run("restore", str(tmp_path / "file"), "--replace")
    assert result.exit_code == 3
    assert "no backup" in result.stderr
    assert terminal.run("restore", str(tmp_path / "nowhere"), "--replace").exit_code == 3


# --- export and verify ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.jsonl.gz"])
def test_an_export_is_verified_without_a_ledger(
    terminal: Terminal, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    told = terminal.run("export", str(file))
    assert told.exit_code == 0
    assert told.stdout == ""
    assert "final     no\n" in told.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    bare = Terminal(tmp_path / "nowhere.db")
    printed = bare.done("verify", str(file))
    assert f"export    {file}: everything in it holds\n" in printed
    assert "by the word of the log itself" in printed
    trusted = bare.done("verify", str(file), "--key", terminal.verifier())
    assert f"signed    up to size 5 by {terminal.verifier()}\n" in trusted
    answer = json.loads(bare.done("verify", str(file), "--format", "json"))
    assert [(one["size"], one["by_given_keys"]) for one in answer] == [(5, False)]
    assert not (tmp_path / "nowhere.db").exists()


def test_an_export_goes_through_pipes(terminal: Terminal, other: Terminal, tmp_path: Path) -> None:
    exported = terminal.run("export", "-")
    assert exported.exit_code == 0
    assert exported.stdout_bytes.startswith(b'{"lineage_export":1,')
    assert "size      5 entries\n" in exported.stderr
    for given in (exported.stdout_bytes, gzip.compress(exported.stdout_bytes)):
        assert "everything in it holds" in other.done("verify", "-", given=given)
    printed = other.done("import", "ledger", "-", given=exported.stdout_bytes)
    assert "ledger    a copy, which goes on as" in printed
    assert "every API key is revoked here" in printed
    file = tmp_path / "ledger.jsonl"
    terminal.done("export", str(file))
    assert file.read_bytes() == exported.stdout_bytes


def test_a_damaged_export_is_told_with_its_file_and_line(
    terminal: Terminal, other: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    terminal.done("export", str(file))
    file.write_bytes(file.read_bytes().replace(b"notebook", b"moteboon", 1))
    verified = other.run("verify", str(file))
    assert verified.exit_code == 1
    assert f"{file}: line 6" in verified.stderr
    imported = other.run("import", "ledger", str(file))
    assert imported.exit_code == 1
    assert f"{file}: line 6" in imported.stderr
    assert other.run("show", RUN).exit_code == 3


def test_another_key_does_not_verify_it(
    terminal: Terminal, other: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    terminal.done("export", str(file))
    other.tell()
    wrong = other.verifier()
    assert other.run("verify", str(file), "--key", wrong).exit_code == 1
    third = Terminal(tmp_path / "third.db")
    assert third.run("import", "ledger", str(file), "--trust", wrong).exit_code == 1
    assert third.run("import", "ledger", str(file), "--trust", terminal.verifier()).exit_code == 0


def test_a_proof_still_needs_a_key(terminal: Terminal) -> None:
    note = terminal.done("checkpoint")
    result = terminal.run("verify", "-", given=note)
    assert result.exit_code == 2
    assert "Missing option '--key'" in result.stderr


# --- moving --------------------------------------------------------------------------------------


def test_a_ledger_moves(terminal: Terminal, other: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "final.jsonl"
    told = terminal.run("export", str(file), "--final", "--to", "the other disk")
    assert "moved     this ledger takes nothing any more" in told.stderr
    refused = terminal.run("ingest", "-", given=STATEMENT)
    assert refused.exit_code == 3
    assert "moved to the other disk" in refused.stderr
    assert terminal.run("audit").exit_code == 0
    without_key = other.run("import", "ledger", str(file))
    assert without_key.exit_code == 2
    assert "--key" in without_key.stderr
    assert names(other.store.parent) == []
    printed = other.done("import", "ledger", str(file), "--key", f"{terminal.store}.key")
    assert "ledger    goes on here under its own origin\n" in printed
    assert other.verifier() == terminal.verifier()
    assert other.run("ingest", "-", given=STATEMENT).exit_code == 0
    assert other.run("audit").exit_code == 0
    assert other.run("import", "ledger", str(file), "--key", f"{terminal.store}.key").exit_code == 2


def test_a_ledger_moves_without_its_key(
    terminal: Terminal, other: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "final.jsonl"
    terminal.run("export", str(file), "--final")
    other.done("import", "ledger", str(file), "--lost-key", "--reason", "the safe burnt down")
    assert other.verifier() != terminal.verifier()
    with other.open() as ledger, terminal.open() as source:
        assert ledger.origin == source.origin
        assert ledger.custody.last_checkpoint().unsigned == 0
    assert other.run("ingest", "-", given=STATEMENT).exit_code == 0
    assert other.run("audit").exit_code == 0


def test_a_copy_is_told_from_its_original(
    terminal: Terminal, other: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    terminal.done("export", str(file))
    answer = json.loads(other.done("import", "ledger", str(file), "--format", "json"))
    with other.open() as ledger, terminal.open() as source:
        assert answer["origin"] == ledger.origin != source.origin
        assert answer["export"]["origin"] == source.origin
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 0
    assert other.run("ingest", "-", given=STATEMENT).exit_code == 0
    printed = other.done("audit")
    assert "states the loss of nothing" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "-", "--to", "there"),
        ("import", "ledger", "-", "--lost-key"),
        ("import", "ledger", "-", "--reason", "x"),
        ("import", "ledger", "-", "--key", "nowhere"),
        ("import", "ledger", "nothing"),
        ("import", "ledger", "-"),
        ("verify", "-", "--since", "-"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_refused(other: Terminal, arguments: tuple[str, ...]) -> None:
    result = other.run(*arguments, given=b"{}\n")
    assert result.exit_code in {2, 3}
    assert result.stderr
    assert names(other.store.parent) == []
