"""The keys that sign a ledger, from the terminal."""

import stat
from pathlib import Path

from surface_client import dig
from terminal import RUN, Terminal, more


def test_the_log_s_keys_are_listed(terminal: Terminal) -> None:
    assert terminal.done("key", "list") == f"{terminal.verifier()}\t2-\tpresent\n"
    assert dig(terminal.answer("key", "list"), 0, "is_current") is True


def test_a_new_key_signs_and_the_old_one_vouches_for_it(terminal: Terminal) -> None:
    old, proof = terminal.verifier(), terminal.done("prove", RUN)
    printed = terminal.done("key", "rotate", "--reason", "yearly")
    new = terminal.verifier()
    assert new != old
    assert f"key       {new}\n" in printed
    rows = [line.split("\t") for line in terminal.done("key", "list").splitlines()]
    assert [(row[0], row[2]) for row in rows] == [(old, "past"), (new, "present")]
    assert terminal.run("verify", "-", "--key", old, given=proof).exit_code == 0
    assert terminal.run("verify", "-", "--key", new, given=proof).exit_code == 1
    terminal.tell(more(1))
    note = terminal.done("checkpoint")
    assert terminal.run("verify", "-", "--key", new, given=note).exit_code == 0
    assert terminal.run("verify", "-", "--key", old, given=note).exit_code == 1
    assert terminal.run("verify", "-", "--key", old, "--key", new, given=proof).exit_code == 0


def test_a_reason_must_be_given(terminal: Terminal) -> None:
    old = terminal.verifier()
    assert terminal.run("key", "rotate").exit_code == 2
    assert terminal.verifier() == old


def test_a_key_that_is_gone_must_be_called_lost(terminal: Terminal) -> None:
    Path(f"{terminal.store}.key").unlink()
    refused = terminal.run("key", "rotate", "--reason", "the disk broke")
    assert refused.exit_code == 3
    assert "--lost" in refused.stderr
    printed = terminal.done("key", "rotate", "--reason", "the disk broke", "--lost")
    assert "tell      whoever trusts the lost key" in printed
    assert terminal.run("checkpoint").exit_code == 0


def test_a_key_is_made_for_its_owner_alone_and_never_written_over(tmp_path: Path) -> None:
    terminal, file = Terminal(tmp_path / "new.db"), tmp_path / "ledger.key"
    made = terminal.done("key", "make", str(file), "--name", "example.org/ledger")
    assert made.startswith("example.org/ledger+")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_bytes()
    refused = terminal.run("key", "make", str(file), "--name", "example.org/other")
    assert refused.exit_code == 2
    assert "There is a signing key in this file" in refused.stderr
    assert file.read_bytes() == secret
    assert secret.split(b"+")[-1].strip().decode() not in refused.output + made


def test_a_name_that_no_key_can_have_is_bad_input(tmp_path: Path) -> None:
    terminal, file = Terminal(tmp_path / "new.db"), tmp_path / "ledger.key"
    assert terminal.run("key", "make", str(file), "--name", "a b").exit_code == 2
    assert not file.exists()


def test_a_new_ledger_takes_its_name_from_the_key_it_is_given(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "new.db")
    file, memory = tmp_path / "ledger.key", tmp_path / "apart" / "memory"
    memory.parent.mkdir()
    made = terminal.done("key", "make", str(file), "--name", "example.org/ledger").strip()
    terminal.environment |= {"LINEAGE_KEY": str(file), "LINEAGE_SIDECAR": str(memory)}
    given = '{"id":"a","source":"s","records":[{"record":"artifact","key":"a:b"}]}'
    terminal.done("ingest", "-", given=given)
    note = terminal.done("checkpoint")
    assert note.startswith("example.org/ledger\n")
    assert terminal.run("verify", "-", "--key", made, given=note).exit_code == 0
    assert memory.exists()
    assert not Path(f"{terminal.store}.key").exists()
    assert not Path(f"{terminal.store}.sidecar").exists()


def test_a_key_that_is_named_must_be_there(terminal: Terminal, tmp_path: Path) -> None:
    terminal.environment["LINEAGE_KEY"] = str(tmp_path / "nowhere")
    result = terminal.run("audit")
    assert result.exit_code == 3
    assert "lineage key make" in result.stderr
