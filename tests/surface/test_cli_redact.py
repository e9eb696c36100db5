"""Erasing, holding and keeping from the terminal, and how what is gone shows."""

import json
import sqlite3

import pytest

from lineage.stores.sqlite import store as sqlite_store
from surface_client import dig
from terminal import AT, MODEL, PERSON, RUN, Terminal, more

ASKED = ("--legal-basis", "GDPR 17", "--requester", "Ada", "--approver", "Bob")


# --- erasing -------------------------------------------------------------------------------------


def test_what_is_erased_shows_as_erased_by_whom_when_and_why(terminal: Terminal) -> None:
    assert f'owner: "{PERSON}"' in terminal.done("show", RUN)
    printed = terminal.done("redact", RUN, *ASKED, "--reason", "they asked")
    assert "erased    the personal parts of 1 entry, 2 nodes concerned" in printed
    assert f"positions {AT}\n" in printed
    assert "scrubbed  the store's file holds none of it any more" in printed
    shown = terminal.done("show", RUN)
    assert f"owner: redacted (position {AT})" in shown
    assert "seed: 7" in shown
    told = "redacted  1 entry: by Ada, approved by Bob, 2026-01-01, GDPR 17, they asked, position "
    assert told in shown
    assert "1 redaction" in shown
    assert told in terminal.done("trace", MODEL)
    assert f'▶ {RUN}  "train"  lineage.Train  (redacted)' in terminal.done("trace", MODEL)
    found = terminal.run("find", "train")
    assert RUN in found.stdout
    assert told in found.stderr
    assert told in terminal.run("list", "execution").stderr
    assert PERSON.encode() not in terminal.store.read_bytes()


def test_as_json_the_answer_is_the_engines(terminal: Terminal) -> None:
    answer = terminal.answer("redact", str(AT), *ASKED)
    assert dig(answer, "positions") == [AT]
    assert (dig(answer, "parts"), dig(answer, "refused")) == ("personal", False)
    (shown,) = json.loads(terminal.done("show", RUN, "--format", "json"))
    assert shown["redactions"][0]["erased_by"] == dig(answer, "position")


def test_all_takes_the_facts_too_and_a_node_without_a_key_has_a_name(terminal: Terminal) -> None:
    printed = terminal.done("redact", RUN, "--all", *ASKED)
    assert "erased    the facts and personal parts of 1 entry" in printed
    result = terminal.run("show", RUN)
    assert result.exit_code == 1
    assert "has never heard of this, or whatever named it was erased" in result.stderr
    listed = terminal.run("list", "execution")
    assert listed.stdout == "execution\texecution/1\t-\t-\t-\n"
    (node,) = json.loads(terminal.done("list", "execution", "--format", "json"))["nodes"]
    assert node["redacted"] == 1


def test_erasing_again_has_nothing_left(terminal: Terminal) -> None:
    terminal.done("redact", RUN, *ASKED)
    size = terminal.size()
    assert "erased    nothing" in terminal.done("redact", RUN, *ASKED)
    assert "dry run   would erase nothing" in terminal.done("redact", RUN, "--dry-run")
    assert terminal.size() == size


def test_a_rehearsal_erases_nothing(terminal: Terminal) -> None:
    size = terminal.size()
    printed = terminal.done("redact", RUN, "--dry-run")
    assert "dry run   would erase the personal parts of 1 entry, 2 nodes concerned\n" in printed
    assert terminal.size() == size
    assert PERSON in terminal.done("show", RUN)


def test_copies_beyond_reach_are_listed(terminal: Terminal) -> None:
    terminal.done("prove", RUN, "--personal", "--recipient", "Ida")
    printed = terminal.done("redact", RUN, *ASKED)
    assert f"copy      of position {AT} (facts and personal), proof for Ida, " in printed
    assert "beyond our reach" in printed


@pytest.mark.parametrize("missing", ["--legal-basis", "--requester", "--approver"])
def test_who_and_by_what_right_must_be_said(terminal: Terminal, missing: str) -> None:
    at = ASKED.index(missing)
    result = terminal.run("redact", RUN, *ASKED[:at], *ASKED[at + 2 :])
    assert result.exit_code == 2
    assert missing in result.stderr
    assert PERSON in terminal.done("show", RUN)


def test_nobody_approves_their_own_request(terminal: Terminal) -> None:
    asked = ("--legal-basis", "GDPR 17", "--requester", "Ada", "--approver", " ada ")
    assert terminal.run("redact", RUN, *asked).exit_code == 2
    assert PERSON in terminal.done("show", RUN)


def test_what_is_not_there_is_told(terminal: Terminal) -> None:
    assert (
        "has never heard of this (acme:never/heard)"
        in terminal.run("show", "acme:never/heard").stderr
    )
    assert terminal.run("redact", "acme:never/heard", *ASKED).exit_code == 1
    assert terminal.run("redact", "99", *ASKED).exit_code == 1
    assert terminal.run("redact", *ASKED).exit_code == 2


def test_an_erasure_that_a_reader_holds_up_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "BUSY_WAIT_SECONDS_MAX", 0.1)
    reader = sqlite3.connect(terminal.store)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entry").fetchone()
    printed = terminal.done("redact", RUN, *ASKED)
    reader.close()
    assert "scrubbed  not yet" in printed
    terminal.done("holds")
    assert PERSON.encode() not in terminal.store.read_bytes()


# --- holding and keeping -------------------------------------------------------------------------


def test_a_hold_forbids_and_is_named(terminal: Terminal) -> None:
    position = terminal.size()
    printed = terminal.done("hold", RUN, "--authority", "District Court", "--reason", "case 7")
    assert printed == f"{position}  hold  District Court  {RUN}  in force\n"
    result = terminal.run("redact", RUN, *ASKED)
    assert result.exit_code == 1
    assert f"position {AT} is under the hold of District Court (position {position})" in (
        result.stdout
    )
    assert "refused   1 entry" in result.stdout
    assert PERSON in terminal.done("show", RUN)
    planned = terminal.run("redact", RUN, "--dry-run")
    assert planned.exit_code == 1
    assert "dry run   would be refused: 1 entry, 2 nodes concerned\n" in planned.stdout


def test_objections_are_told_by_the_restraint_and_not_by_the_entry(terminal: Terminal) -> None:
    terminal.tell(*map(more, range(10)))
    start = terminal.size() - 10
    hold = terminal.size()
    terminal.done("hold", "--namespace-wide", "--authority", "Court")
    terminal.done("retain", str(start), "--class", "tax", "--days", "30", "--legal-basis", "x")
    positions = [str(position) for position in range(start, start + 10)]
    result = terminal.run("redact", *positions, "--all", "--dry-run")
    told = [line for line in result.stdout.splitlines() if line.startswith("objection")]
    first = f"10 entries (positions {', '.join(positions[:8])} and 2 more)"
    assert told[0] == f"objection {first} are under the hold of Court (position {hold})"
    assert told[1].startswith(f"objection position {start} is kept until 2026-01-31T12:00:")
    assert told[1].endswith(f" as tax (position {hold + 1})")
    assert len(told) == 2


def test_many_restraints_are_counted(terminal: Terminal) -> None:
    with terminal.open() as ledger:
        for number in range(23):
            ledger.erasures.hold(AT, authority=f"Court {number}")
    result = terminal.run("redact", RUN, "--dry-run")
    told = [line for line in result.stdout.splitlines() if line.startswith("objection")]
    assert len(told) == 21
    assert told[-1] == "objection 3 more holds and retentions"


def test_a_released_hold_forbids_no_longer(terminal: Terminal) -> None:
    position = terminal.size()
    terminal.done("hold", str(AT), "--authority", "District Court")
    assert terminal.run("redact", RUN, *ASKED).exit_code == 1
    printed = terminal.done("release", str(position), "--reason", "the case is closed")
    assert f"position {AT}  released by position " in printed
    assert terminal.run("redact", RUN, *ASKED).exit_code == 0
    again = terminal.run("release", str(position), "--reason", "once more")
    assert again.exit_code == 2
    assert "released before" in again.stderr


def test_a_retention_says_until_when(terminal: Terminal) -> None:
    printed = terminal.done(
        "retain", "--namespace-wide", "--class", "model file", "--years", "7", "--legal-basis", "x"
    )
    assert "  retention of 2,557 days (7 years)  model file  " in printed
    listed = terminal.done("holds")
    assert "\tretention of 2,557 days\tmodel file\t" in listed
    result = terminal.run("redact", RUN, *ASKED)
    assert result.exit_code == 1
    # Seven years with at most two leap days are 2557 days after 2026-01-01.
    assert "is kept until 2033-01-01T" in result.stdout
    assert "as model file" in result.stdout


def test_what_is_held_is_listed(terminal: Terminal) -> None:
    assert terminal.done("holds") == ""
    terminal.tell(more(1))
    first = terminal.size()
    terminal.done("hold", "acme:data/1", "--authority", "Court")
    terminal.done("retain", str(AT), "--class", "tax", "--days", "30", "--legal-basis", "x")
    rows = [line.split("\t") for line in terminal.done("holds").splitlines()]
    assert rows == [
        [str(first), "hold", "Court", "acme:data/1", "in force"],
        [str(first + 1), "retention of 30 days", "tax", f"position {AT}", "in force"],
    ]
    listed = terminal.answer("holds")
    assert dig(listed, 1, "keep_days") == 30


@pytest.mark.parametrize(
    "arguments",
    [
        ("hold", "--authority", "Court"),
        ("hold", RUN, "--namespace-wide", "--authority", "Court"),
        ("hold", RUN),
        ("hold", RUN, "--authority", " "),
        ("retain", RUN, "--class", "a", "--legal-basis", "x"),
        ("retain", RUN, "--class", "a", "--legal-basis", "x", "--days", "1", "--years", "1"),
        ("retain", RUN, "--class", "a", "--legal-basis", "x", "--days", "0"),
        ("retain", RUN, "--class", "a", "--legal-basis", "x", "--years", "101"),
        ("release", "x", "--reason", "y"),
        ("release", "4"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_bad_input(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    size = terminal.size()
    assert terminal.run(*arguments).exit_code == 2
    assert terminal.size() == size
