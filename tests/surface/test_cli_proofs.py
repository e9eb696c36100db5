"""What `prove` writes, `verify` checks where no ledger is, and every change is told."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lineage.ledger import Artifact, Statement
from surface_client import dig
from terminal import AT, MODEL, PERSON, RUN, Terminal, more, parsed

WAIT_SECONDS = 60
ALONE = """
import sys

def refuse(event, arguments):
    named = str(arguments[0]) if arguments else ""
    if event.startswith(("socket.", "sqlite3.", "subprocess.")) or (
        event == "import" and named.lstrip("_").partition(".")[0] in {"sqlite3", "ssl", "http"}
    ) or (event == "open" and named.endswith((".db", ".key", ".sidecar"))):
        raise RuntimeError(f"refused: {event} {named}")

sys.addaudithook(refuse)
from lineage_api.cli.main import cli
cli(sys.argv[1:], prog_name="lineage")
"""


def alone(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where nothing may open a store or a connection, and no setting is."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("LINEAGE_")}
    return subprocess.run(
        (sys.executable, "-c", ALONE, *arguments),
        cwd=folder,
        env=ours,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """Return a folder where no ledger is."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


# --- with nothing but a key ----------------------------------------------------------------------


def test_a_proof_is_verified_without_store_and_network(terminal: Terminal, empty: Path) -> None:
    proof = terminal.done("prove", RUN, "--personal")
    (empty / "a.proof").write_text(proof)
    done = alone("verify", "a.proof", "--key", terminal.verifier(), folder=empty)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"position  {AT}\n" in done.stdout
    assert "statement training-1\nsource    notebook\nnamespace default\n" in done.stdout
    assert "recorded  2026-01-01T12:00:" in done.stdout
    assert f'"key":"{RUN}"' in done.stdout
    assert PERSON in done.stdout
    assert [path.name for path in empty.iterdir()] == ["a.proof"]


def test_the_fence_of_these_tests_holds(terminal: Terminal, empty: Path) -> None:
    done = alone("find", "train", "--store", str(terminal.store), folder=empty)
    assert "refused: import sqlite3" in done.stderr


def test_a_checkpoint_is_verified_too(terminal: Terminal, empty: Path) -> None:
    (empty / "c.txt").write_bytes(terminal.run("checkpoint").stdout_bytes)
    (empty / "keys").write_text(f"\n{terminal.verifier()}\n")
    done = alone("verify", "c.txt", "--key", "@keys", "--format", "json", folder=empty)
    assert done.returncode == 0, done.stderr
    with terminal.open() as ledger:
        head, origin = ledger.head(), ledger.origin
    assert dig(parsed(done.stdout), 0, "origin") == origin
    assert dig(parsed(done.stdout), 0, "size") == head.size
    assert dig(parsed(done.stdout), 0, "root") == head.root.hex()


def test_a_log_is_shown_to_have_only_grown(terminal: Terminal, empty: Path) -> None:
    old = terminal.run("checkpoint").stdout_bytes
    (empty / "old.txt").write_bytes(old)
    terminal.done("prove", RUN)
    proof = terminal.run("prove", "--since", str(empty / "old.txt")).stdout_bytes
    (empty / "growth").write_bytes(proof)
    given = ("verify", "growth", "--key", terminal.verifier())
    done = alone(*given, "--since", "old.txt", folder=empty)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the log still begins with the 5 entries of then\n" in done.stdout
    assert "size      6 entries\n" in done.stdout
    assert "--since" in alone(*given, folder=empty).stderr
    (empty / "growth").write_bytes(proof.replace(b"\n6\n", b"\n7\n"))
    assert alone(*given, "--since", "old.txt", folder=empty).returncode == 1


def test_growth_and_entries_are_proved_one_at_a_time(terminal: Terminal, empty: Path) -> None:
    (empty / "old.txt").write_bytes(terminal.run("checkpoint").stdout_bytes)
    assert terminal.run("prove").exit_code == 2
    assert terminal.run("prove", RUN, "--since", str(empty / "old.txt")).exit_code == 2


@pytest.mark.parametrize(
    "option",
    [
        ("--kind", "artifact"),
        ("--personal",),
        ("--envelope-only",),
        ("--recipient", "Ida"),
        ("--purpose", "yearly"),
        ("--format", "json"),
    ],
    ids=" ".join,
)
def test_what_growth_has_no_use_for_is_refused(
    terminal: Terminal, empty: Path, option: tuple[str, ...]
) -> None:
    (empty / "old.txt").write_bytes(terminal.run("checkpoint").stdout_bytes)
    result = terminal.run("prove", "--since", str(empty / "old.txt"), *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "only --output goes with it" in result.stderr


def test_growth_is_of_a_checkpoint_and_of_nothing_else(terminal: Terminal, empty: Path) -> None:
    (empty / "old.txt").write_bytes(terminal.run("checkpoint").stdout_bytes)
    growth = terminal.run("prove", "--since", str(empty / "old.txt")).stdout_bytes
    given = empty / "given"
    for body in (growth, terminal.run("prove", RUN).stdout_bytes):
        given.write_bytes(body)
        (empty / "growth").write_bytes(growth)
        verify = ("verify", str(empty / "growth"), "--key", terminal.verifier())
        for words in (("prove",), verify):
            result = terminal.run(*words, "--since", str(given))
            assert (result.exit_code, result.stdout) == (2, "")
            assert f"This is a proof, not a checkpoint ({given})." in result.stderr
    given.write_bytes(b"\xff\xfe\n")
    result = terminal.run("prove", "--since", str(given))
    assert (result.exit_code, f"({given}: line 1)" in result.stderr) == (2, True)


def test_a_position_beyond_the_log_is_told_with_those_that_are_there(terminal: Terminal) -> None:
    size = terminal.size()
    result = terminal.run("prove", str(size))
    assert result.exit_code == 1
    assert f"at positions 0 to {size - 1} (position {size})" in result.stderr
    assert "`lineage query` lists the entries that are there." in result.stderr
    assert terminal.run("prove", str(AT)).exit_code == 0


def test_long_records_are_cut_unless_they_are_wanted_whole(
    terminal: Terminal, tmp_path: Path
) -> None:
    long = Artifact(key="acme:long", name="long " * 100)
    with terminal.open() as ledger:
        ledger.record([Statement(id="long", source="notebook", records=(long,))])
    (tmp_path / "a.proof").write_text(terminal.done("prove", "acme:long"))
    verify = ("verify", str(tmp_path / "a.proof"), "--key", terminal.verifier())
    assert "characters; --full prints them)" in terminal.done(*verify)
    assert "long " * 100 in terminal.done(*verify, "--full")


def test_the_key_may_come_from_the_environment(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "c.txt"
    file.write_bytes(terminal.run("checkpoint").stdout_bytes)
    assert terminal.run("verify", str(file)).exit_code == 2
    terminal.environment["LINEAGE_VERIFIER_KEY"] = f"other+{'0' * 8}+x"
    assert terminal.run("verify", str(file)).exit_code == 2
    terminal.environment["LINEAGE_VERIFIER_KEY"] = terminal.verifier()
    assert terminal.run("verify", str(file)).exit_code == 0


# --- what is shown -------------------------------------------------------------------------------


def test_facts_alone_are_shown_unless_more_is_asked_for(terminal: Terminal) -> None:
    proof = terminal.done("prove", str(AT))
    told = terminal.done("verify", "-", "--key", terminal.verifier(), given=proof)
    assert '"seed":7' in told
    assert PERSON not in told
    assert "personal  not shown: the entry has such a part" in told


def test_an_envelope_alone_discloses_nothing(terminal: Terminal) -> None:
    size = terminal.size()
    result = terminal.run("prove", RUN, "--envelope-only")
    assert "disclosed nothing but envelopes" in result.stderr
    assert terminal.size() == size
    told = terminal.done("verify", "-", "--key", terminal.verifier(), given=result.stdout)
    assert "facts     not shown" in told
    assert RUN not in told


def test_the_log_says_who_has_a_copy(terminal: Terminal) -> None:
    size = terminal.size()
    wanted = ("prove", RUN, "--recipient", "Ida Auditor", "--purpose", "yearly")
    result = terminal.run(*wanted)
    assert f"disclosed as position {size} of the log states" in result.stderr
    assert terminal.size() == size + 1
    planned = terminal.answer("redact", RUN, "--dry-run", "--all")
    assert dig(planned, "copies") == [
        {
            "entry": AT,
            "stated_at": size,
            "facts": True,
            "personal": False,
            "form": "proof",
            "recipient": "Ida Auditor",
        }
    ]


def test_what_was_erased_is_left_out_and_counted(terminal: Terminal) -> None:
    before = terminal.done("prove", RUN, "--personal")
    terminal.done(
        "redact", RUN, "--legal-basis", "GDPR 17", "--requester", "Ada", "--approver", "Bob"
    )
    result = terminal.run("prove", RUN, "--personal")
    assert "left out  1 payload part, because erased" in result.stderr
    key = terminal.verifier()
    assert PERSON not in terminal.done("verify", "-", "--key", key, given=result.stdout)
    assert PERSON in terminal.done("verify", "-", "--key", key, given=before)


def test_an_identifier_proves_every_entry_behind_it(terminal: Terminal) -> None:
    terminal.tell(more(1), more(2))
    answer = terminal.answer("prove", "acme:data/2")
    assert dig(answer, "positions") == [AT + 2]
    assert dig(terminal.answer("prove", MODEL), "positions") == [AT]
    assert terminal.run("prove", "acme:never/heard").exit_code == 1
    assert terminal.run("prove", "99").exit_code == 1
    assert terminal.run("prove", RUN, "--personal", "--envelope-only").exit_code == 2
    assert terminal.run("prove", "9" * 30).exit_code == 2


def test_names_cannot_steer_the_terminal(terminal: Terminal) -> None:
    statement = b'{"id":"x","source":"s","records":[{"record":"artifact","key":"a:b",'
    statement += b'"name":"\\u001b[31mred\\u202e"}]}'
    terminal.done("ingest", "-", given=statement)
    proof = terminal.done("prove", "a:b")
    told = terminal.done("verify", "-", "--key", terminal.verifier(), given=proof)
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "\\u001b[31mred" in told


# --- files ---------------------------------------------------------------------------------------


def test_a_file_is_made_and_never_written_over(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "a.proof"
    terminal.done("prove", RUN, "--output", str(file))
    first, size = file.read_bytes(), terminal.size()
    result = terminal.run("prove", RUN, "--output", str(file))
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: There is a file of this name already ({file}). "
        "Name another file: none is written over.\n"
    )
    assert file.read_bytes() == first
    assert terminal.size() == size, "nothing was disclosed"
    assert terminal.run("verify", str(file), "--key", terminal.verifier()).exit_code == 0


def test_a_proof_that_cannot_be_made_leaves_no_file(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "a.proof"
    assert terminal.run("prove", "acme:never/heard", "--output", str(file)).exit_code == 1
    assert not file.exists()


# --- what does not hold --------------------------------------------------------------------------


def test_a_change_of_any_line_fails_and_says_where(terminal: Terminal, tmp_path: Path) -> None:
    terminal.tell(more(1), more(2), more(3))
    proof = (terminal.done("prove", RUN) + terminal.done("prove", "acme:data/2")).encode()
    key, file = terminal.verifier(), tmp_path / "a.proof"
    file.write_bytes(proof)
    assert terminal.run("verify", str(file), "--key", key).exit_code == 0
    lines = proof.split(b"\n")[:-1]
    for number, line in enumerate(lines, 1):
        at = len(line) // 2
        changed = line[:at] + (b"x" if line[at : at + 1] != b"x" else b"y") + line[at + 1 :]
        file.write_bytes(b"\n".join([*lines[: number - 1], changed, *lines[number:], b""]))
        result = terminal.run("verify", str(file), "--key", key)
        assert result.exit_code == 1, number
        told = re.search(r"\(([^()]*): (?:proof \d+, )?lines? (\d+)(?: to (\d+))?\)", result.stderr)
        assert told, result.stderr
        assert told[1] == str(file)
        assert int(told[2]) <= number <= int(told[3] or told[2]), result.stderr


@pytest.mark.parametrize("body", [b"", b"\n\n", b"{}", b"\xff\xfe", b"c2sp.org/tlog-proof@v1\n"])
def test_what_is_no_proof_fails(terminal: Terminal, body: bytes) -> None:
    result = terminal.run("verify", "-", "--key", terminal.verifier(), given=body)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "<stdin>" in result.stderr


def test_another_log_s_key_does_not_do(terminal: Terminal, tmp_path: Path) -> None:
    made = terminal.done("key", "make", str(tmp_path / "k"), "--name", "example.org/other")
    result = terminal.run("verify", "-", "--key", made.strip(), given=terminal.done("prove", RUN))
    assert result.exit_code == 1
    assert "was given" in result.stderr


@pytest.mark.parametrize("key", ["", "nonsense", "@missing", "a+00000000+AAAA"])
def test_a_key_that_is_none_is_bad_input(terminal: Terminal, key: str) -> None:
    result = terminal.run("verify", "-", "--key", key, given=terminal.done("prove", RUN))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_file_of_keys_names_the_bad_line(terminal: Terminal, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{terminal.verifier()}\nnonsense\n")
    result = terminal.run("verify", "-", "--key", f"@{keys}", given=terminal.done("prove", RUN))
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    keys.write_text("\n")
    assert terminal.run("verify", "-", "--key", f"@{keys}", given=b"x").exit_code == 2


def test_a_missing_file_is_bad_input(terminal: Terminal) -> None:
    assert terminal.run("verify", "nowhere", "--key", terminal.verifier()).exit_code == 2


# --- checkpoint ----------------------------------------------------------------------------------


def test_a_checkpoint_says_how_far_it_reaches(terminal: Terminal) -> None:
    result = terminal.run("checkpoint")
    assert result.stdout.splitlines()[1] == str(terminal.size())
    assert f"key       {terminal.verifier()}" in result.stderr
    assert "unsigned  0 entries" in result.stderr
    assert "anchored  nothing: nobody outside" in result.stderr
    answer = terminal.answer("checkpoint", "--no-sign")
    assert dig(answer, "note") == result.stdout
    assert dig(answer, "anchored_size") is None


def test_without_signing_the_last_checkpoint_is_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "new.db")
    terminal.open().close()
    result = terminal.run("checkpoint", "--no-sign")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "No checkpoint of this ledger was signed yet" in result.stderr
    assert terminal.run("checkpoint").exit_code == 0
