"""A ledger that is not what was signed, and how it goes on."""

import shutil
from pathlib import Path

import pytest

from surface_client import dig
from terminal import MODEL, RUN, Terminal, more

STATEMENT = '{"id":"late","source":"s","records":[{"record":"artifact","key":"a:late"}]}'


@pytest.fixture
def put_back(terminal: Terminal, tmp_path: Path) -> Terminal:
    """Return a terminal of a ledger whose file is older than its sidecar: two entries are gone."""
    backup = tmp_path / "backup"
    shutil.copy(terminal.store, backup)
    terminal.tell(more(1), more(2))
    shutil.copy(backup, terminal.store)
    return terminal


def test_a_store_that_was_put_back_is_read_and_takes_nothing(put_back: Terminal) -> None:
    assert put_back.run("show", RUN).exit_code == 0
    result = put_back.run("ingest", "-", given=STATEMENT)
    assert result.exit_code == 3
    assert "at least 2 are missing" in result.stderr
    assert "lineage recover" in result.stderr
    assert put_back.run("checkpoint").exit_code == 3
    assert put_back.run("redact", RUN, "--dry-run").exit_code == 0


def test_a_declared_loss_goes_on_under_another_name(put_back: Terminal) -> None:
    with put_back.open() as ledger:
        former, size = ledger.origin, ledger.head().size
    old, proof = put_back.verifier(), put_back.run("prove", MODEL)
    assert proof.exit_code == 3
    printed = put_back.done("recover", "--declare-loss", "--reason", "the disk broke")
    new = put_back.verifier()
    assert new != old
    assert f"former    {former}\n" in printed
    assert f"lost      positions {size} to {size + 1}\n" in printed
    assert f"key       {new}\n" in printed
    assert "tell      every auditor" in printed
    assert "every API key is revoked, so make new ones" in printed
    with put_back.open() as ledger:
        assert f"origin    {ledger.origin}\n" in printed
        assert ledger.origin != former
    assert put_back.run("ingest", "-", given=STATEMENT).exit_code == 0
    note = put_back.done("checkpoint")
    assert put_back.run("verify", "-", "--key", new, given=note).exit_code == 0


def test_as_json_the_key_comes_with_the_answer(put_back: Terminal) -> None:
    size = put_back.size()
    answer = put_back.answer("recover", "--declare-loss", "--reason", "the disk broke")
    assert (dig(answer, "recovery", "lost_from"), dig(answer, "recovery", "lost_to")) == (
        size,
        size + 2,
    )
    assert dig(answer, "key", "verifier") == put_back.verifier()


def test_nothing_is_recovered_without_need(terminal: Terminal) -> None:
    size = terminal.size()
    result = terminal.run("recover", "--declare-loss", "--reason", "why not")
    assert result.exit_code == 2
    assert "there is nothing to recover" in result.stderr
    assert terminal.size() == size


def test_a_lost_sidecar_is_begun_anew_from_a_checkpoint(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint"
    file.write_bytes(terminal.run("checkpoint").stdout_bytes)
    Path(f"{terminal.store}.sidecar").unlink()
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 3
    printed = terminal.done("recover", "--checkpoint", str(file))
    assert "lost      nothing\n" in printed
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 0


def test_a_checkpoint_that_the_log_did_not_sign_is_refused(
    terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint"
    note = terminal.done("checkpoint")
    file.write_text(note.replace("\n5\n", "\n4\n"))
    Path(f"{terminal.store}.sidecar").unlink()
    result = terminal.run("recover", "--checkpoint", str(file))
    assert result.exit_code == 1
    assert terminal.run("ingest", "-", given=STATEMENT).exit_code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--declare-loss",),
        ("--reason", "x"),
        ("--declare-loss", "--reason", "x", "--checkpoint", "c"),
        ("--checkpoint", "nowhere"),
        ("--checkpoint", "c", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_one_way_must_be_chosen(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert terminal.run("recover", *arguments).exit_code == 2
