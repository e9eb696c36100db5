"""``lineage audit``: its levels, keys, checkpoints and state, and what it prints."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.signing import new_signing_key
from lineage.proofs.verifying import format_verifier_key
from terminal import AT, Terminal, more


def lines_of(text: str) -> dict[str, str]:
    """Return what is printed, by what stands at the beginning of the lines."""
    return {line[:10].strip(): line[10:] for line in text.splitlines()}


def report_of(terminal: Terminal, *options: str) -> dict[str, Any]:
    result = terminal.run("audit", "--format", "json", *options)
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if report["findings"] else 0)
    return report


def change(terminal: Terminal, sql: str) -> None:
    """Change the entry at ``AT`` behind the ledger's back."""
    with closing(sqlite3.connect(terminal.store)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS entry_is_never_changed")
        assert connection.execute(f"{sql} WHERE position = {AT}").rowcount == 1
        connection.commit()


def test_an_audit_says_what_it_looked_at(terminal: Terminal) -> None:
    size = terminal.size()
    printed = lines_of(terminal.done("audit"))
    assert printed["size"] == f"{size} entries"
    assert printed["signed"] == f"up to size {size}"
    assert printed["anchored"] == (
        "nothing is anchored: whoever has the file and the key could rewrite all of it unseen"
    )
    assert [printed[f"level {level}"] for level in range(5)] == [
        "signature: clean",
        "tree: clean",
        "entries: clean",
        "payload: clean",
        "views: clean",
    ]
    assert printed["audit"] == "clean"
    assert "first bad" not in printed


def test_a_level_is_looked_at_and_none_behind_it(terminal: Terminal) -> None:
    change(terminal, "UPDATE payload SET facts = x'00'")
    for level in range(5):
        result = terminal.run("audit", "--level", str(level))
        printed = lines_of(result.stdout)
        assert f"level {level}" in printed
        assert f"level {level + 1}" not in printed
        assert result.exit_code == (1 if level >= 3 else 0)
    assert terminal.run("audit", "--level", "5").exit_code == 2


def test_the_first_bad_position_and_each_level_are_told(terminal: Terminal) -> None:
    change(terminal, "UPDATE entry SET envelope = CAST(envelope || ' ' AS BLOB)")
    result = terminal.run("audit")
    printed = lines_of(result.stdout)
    assert printed["first bad"] == f"position {AT}"
    assert printed["level 2"] == "entries: 1 finding"
    assert (
        printed["level 4"] == "views: not looked at, because the entries themselves are not sound"
    )
    assert f"position {AT}: The leaf is not the hash of the envelope" in result.stdout
    report = report_of(terminal)
    assert report["first_bad_position"] == AT
    assert [one["findings"] for one in report["levels"]] == [0, 0, 1, 0, 0]
    assert report["findings"][0]["level"] == 2


def test_a_range_is_told_where_nobody_can_tell_more(terminal: Terminal) -> None:
    size = terminal.size()
    change(terminal, "UPDATE entry SET leaf = zeroblob(32)")
    result = terminal.run("audit", "--level", "1")
    assert lines_of(result.stdout)["first bad"] == f"positions 0 to {size - 1}"


def test_an_anchor_is_named(terminal: Terminal, tmp_path: Path) -> None:
    with terminal.open() as ledger:
        ledger.custody.anchor_in_directory(tmp_path)
        size = ledger.head().size
    terminal.tell(more(1))
    printed = lines_of(terminal.done("audit"))
    where = f"directory:{tmp_path} (seen by this audit)"
    assert printed["anchored"] == f"up to position {size - 1} in {where}"
    assert report_of(terminal)["anchored"] == {
        "position": size - 1,
        "target": f"directory:{tmp_path}",
        "is_seen": True,
    }


def test_a_checkpoint_kept_elsewhere_is_held_against_the_log(
    terminal: Terminal, tmp_path: Path
) -> None:
    with terminal.open() as ledger:
        note = ledger.custody.checkpoint().note
        size = ledger.head().size
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(note)
    printed = lines_of(terminal.done("audit", "--level", "0", "--checkpoint", str(kept)))
    assert (
        printed["anchored"]
        == f"up to position {size - 1} in the given checkpoint (seen by this audit)"
    )
    changed = note.split("\n")
    kept.write_text("\n".join([*changed[:2], f"{'A' * 43}=", *changed[3:]]))
    result = terminal.run("audit", "--level", "0", "--checkpoint", str(kept))
    assert result.exit_code == 1
    assert "are not those of the given checkpoint" in result.stdout
    missing = terminal.run("audit", "--checkpoint", str(tmp_path / "missing"))
    assert missing.exit_code == 2


def test_what_is_no_checkpoint_is_bad_input_and_no_finding(
    terminal: Terminal, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.checkpoint"
    kept.write_text("a letter to a friend\n")
    for words in (("audit",), ("recover",)):
        result = terminal.run(*words, "--checkpoint", str(kept))
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"({kept}: line" in result.stderr
        assert "A signed checkpoint is wanted" in result.stderr
    kept.write_text(terminal.done("prove", str(AT)))
    result = terminal.run("audit", "--checkpoint", str(kept))
    assert result.exit_code == 2
    assert f"This is a proof, not a checkpoint ({kept})." in result.stderr


def test_a_checkpoint_may_come_from_standard_input(terminal: Terminal) -> None:
    note = terminal.done("checkpoint")
    printed = terminal.done("audit", "--level", "0", "--checkpoint", "-", given=note)
    assert "in the given checkpoint" in printed
    result = terminal.run("audit", "--checkpoint", "-", given="a letter\n")
    assert (result.exit_code, "<stdin>" in result.stderr) == (2, True)


def test_keys_may_stand_in_a_file(terminal: Terminal, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{terminal.verifier()}\n")
    assert terminal.run("audit", "--level", "0", "--key", f"@{keys}").exit_code == 0
    keys.write_text(f"{terminal.verifier()}\nnonsense\n")
    result = terminal.run("audit", "--level", "0", "--key", f"@{keys}")
    assert (result.exit_code, f"{keys}, line 2" in result.stderr) == (2, True)


def test_only_given_keys_are_trusted(terminal: Terminal) -> None:
    mine = terminal.verifier()
    other = new_signing_key(mine.partition("+")[0], lambda count: b"\x07" * count)
    theirs = format_verifier_key(verifier_key_of(other))
    assert terminal.run("audit", "--level", "0", "--key", mine).exit_code == 0
    assert terminal.run("audit", "--level", "0", "--key", theirs, "--key", mine).exit_code == 0
    result = terminal.run("audit", "--level", "0", "--key", theirs)
    assert result.exit_code == 1
    assert lines_of(result.stdout)["signed"].startswith("by no key that is trusted")


@pytest.mark.parametrize("text", ["nonsense", "a+b+c"])
def test_what_is_no_key_is_a_usage_error(terminal: Terminal, text: str) -> None:
    result = terminal.run("audit", "--key", text)
    assert result.exit_code == 2
    assert "no verifier key" in result.stderr


def test_progress_is_kept_in_a_file(terminal: Terminal, tmp_path: Path) -> None:
    state = tmp_path / "audit.state"
    size = terminal.size()
    assert report_of(terminal, "--state", str(state))["resumed_from"] == 0
    terminal.tell(more(1))
    result = terminal.run("audit", "--state", str(state))
    assert result.exit_code == 0
    assert lines_of(result.stdout)["remark"] == (
        f"Goes on from an earlier run: of the first {size} entries, only the leaves were read again"
    )
    state.write_text("a letter to a friend")
    result = terminal.run("audit", "--state", str(state))
    assert result.exit_code == 2
    assert state.read_text() == "a letter to a friend"
