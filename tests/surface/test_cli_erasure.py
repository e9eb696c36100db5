"""Erasures that take two, from the terminal: as the local principal, and by API keys."""

import json
from itertools import product
from pathlib import Path

import pytest

from access_table import TABLE, may
from surface_client import dig
from terminal import AT, PERSON, RUN, Terminal

ASKED = ("erasure", "propose", RUN, "--legal-basis", "GDPR 17", "--reason", "they asked")


def officer(terminal: Terminal, name: str, role: str = "privacy-officer", where: str = "*") -> str:
    """Grant a role, and return the file of a key."""
    terminal.done("access", "grant", name, role, "--namespace", where)
    return key_file(terminal, name)


def key_file(terminal: Terminal, name: str) -> str:
    """Make a key, and return the file it is in."""
    file = terminal.store.with_name(f"{name}.key")
    file.write_text(terminal.done("access", "key", "make", name))
    return str(file)


def proposed(terminal: Terminal, *options: str) -> str:
    """Propose, and return where that is stated."""
    return str(dig(terminal.answer(*ASKED, *options), "position"))


def test_one_proposes_and_another_approves(terminal: Terminal) -> None:
    ada, bob = officer(terminal, "ada"), officer(terminal, "bob")
    printed = terminal.done(*ASKED, "--api-key", ada)
    at = str(terminal.size() - 1)
    assert printed == (
        "proposed  to erase the personal parts of 1 entry, 2 nodes concerned\n"
        f"positions {AT}\n"
        f"stated    at position {at}, which another privacy officer approves\n"
    )
    (line,) = terminal.done("erasure", "list", "--api-key", bob).splitlines()
    assert line.split("\t")[:4] == [at, "open", "the personal parts of 1 entry", "GDPR 17"]
    shown = terminal.done("erasure", "show", at, "--api-key", bob)
    assert f"proposal  at position {at}, open\nproposed  by ada at 2026-" in shown
    assert "reason    they asked\nbecame    can be approved until 2026-01-31T" in shown
    assert PERSON in terminal.done("show", RUN)
    refused = terminal.run("erasure", "approve", at, "--api-key", ada)
    assert refused.exit_code == 2
    assert "Another privacy officer can" in refused.stderr
    terminal.environment["LINEAGE_API_KEY_FILE"] = bob
    erased = terminal.done("erasure", "approve", at)
    assert "erased    the personal parts of 1 entry, 2 nodes concerned\n" in erased
    assert terminal.done("erasure", "approve", at) == erased
    del terminal.environment["LINEAGE_API_KEY_FILE"]
    assert "by ada, approved by bob" in terminal.done("show", RUN)
    assert f"erased as position {int(at) + 2} states" in terminal.done("erasure", "show", at)
    assert terminal.run("audit").exit_code == 0


def test_a_refusal_is_shown_and_ends_it(terminal: Terminal) -> None:
    ada, bob = officer(terminal, "ada"), officer(terminal, "bob")
    at = proposed(terminal, "--api-key", ada)
    assert terminal.run("erasure", "refuse", at, "--api-key", bob).exit_code == 2
    printed = terminal.done("erasure", "refuse", at, "--reason", "wrong person", "--api-key", bob)
    assert "\trefused\t" in printed
    assert printed.endswith(" states: wrong person\n")
    assert terminal.done("erasure", "list") == printed
    late = terminal.run("erasure", "approve", at, "--api-key", bob)
    assert late.exit_code == 2
    assert "decided before: it was refused" in late.stderr
    listed = terminal.run("erasure", "list", "--undecided")
    assert (listed.stdout, listed.stderr) == ("", "nothing is proposed\n")


def test_a_hold_refuses_an_approval(terminal: Terminal) -> None:
    at = proposed(terminal)
    bob = officer(terminal, "bob")
    hold = terminal.size()
    terminal.done("hold", RUN, "--authority", "Court")
    assert "is under the hold of Court" in terminal.done("erasure", "show", at)
    result = terminal.run("erasure", "approve", at, "--api-key", bob)
    assert result.exit_code == 1
    assert "refused   1 entry" in result.stdout
    terminal.done("release", str(hold), "--reason", "over")
    again = terminal.run("erasure", "approve", at, "--api-key", bob)
    assert again.exit_code == 1
    assert "refused   1 entry, 2 nodes concerned\n" in again.stdout
    assert f"forbidden by what positions {hold} state" in terminal.done("erasure", "show", at)
    assert PERSON in terminal.done("show", RUN)


def test_the_local_principal_is_one_person(terminal: Terminal) -> None:
    at = proposed(terminal)
    result = terminal.run("erasure", "approve", at)
    assert result.exit_code == 2
    assert "`lineage redact`" in result.stderr
    ada = officer(terminal, "ada")
    other = str(dig(terminal.answer(*ASKED, "--all", "--api-key", ada), "position"))
    assert "erased    the facts and personal parts" in terminal.done("erasure", "approve", other)
    assert "another erasure has taken all of it" in terminal.done("erasure", "list")
    assert "erased    nothing" in terminal.done("erasure", "approve", at, "--api-key", ada)


def test_what_is_proposed_must_be_there_and_have_a_basis(terminal: Terminal) -> None:
    assert terminal.run("erasure", "propose", RUN).exit_code == 2
    assert terminal.run("erasure", "propose", "--legal-basis", "x").exit_code == 2
    assert terminal.run("erasure", "propose", "acme:no", "--legal-basis", "x").exit_code == 1
    assert "dry run   would erase the personal" in terminal.done(
        "erasure", "propose", RUN, "--dry-run"
    )
    assert terminal.run("erasure", "show", "2").exit_code == 1
    assert terminal.run("erasure", "show", "9" * 30).exit_code == 2
    assert terminal.run("erasure", "approve", str(AT)).exit_code == 1


def test_as_json_the_answers_are_the_engines(terminal: Terminal) -> None:
    at = proposed(terminal)
    view = terminal.answer("erasure", "show", at)
    assert terminal.answer("erasure", "list") == [view]
    assert (dig(view, "state"), dig(view, "requester")) == ("open", "local")
    bob = officer(terminal, "bob")
    answer = terminal.answer("erasure", "approve", at, "--api-key", bob)
    assert (dig(answer, "refused"), dig(answer, "positions")) == (False, [AT])
    dry = json.loads(terminal.done("erasure", "propose", RUN, "--dry-run", "--format", "json"))
    assert dry["position"] is None


def test_a_key_that_opens_nothing_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    wrong, binary = tmp_path / "wrong.key", tmp_path / "binary.key"
    wrong.write_text("llk_0000_1111")
    binary.write_bytes(b"\xff" * 99)
    for file in (wrong, binary, tmp_path / "absent.key", tmp_path):
        result = terminal.run("erasure", "list", "--api-key", str(file))
        assert result.exit_code == 2
        assert "Error: " in result.stderr


DOORS = {
    "propose": ("propose-erasure", (*ASKED,)),
    "dry run": ("plan-erasure", ("erasure", "propose", RUN, "--dry-run")),
    "list": ("see-restraints", ("erasure", "list")),
    "show": ("see-restraints", ("erasure", "show", "AT")),
    "approve": ("approve-erasure", ("erasure", "approve", "AT")),
    "refuse": ("approve-erasure", ("erasure", "refuse", "AT", "--reason", "no")),
    "export": ("export", ("export", "OUT")),
    "backup": ("backup", ("backup", "OUT")),
}


@pytest.mark.parametrize(("role", "door"), list(product(TABLE, DOORS)))
def test_a_role_opens_the_commands_that_the_table_says(
    terminal: Terminal, role: str, door: str
) -> None:
    action, words = DOORS[door]
    places = {"AT": proposed(terminal), "OUT": str(terminal.store.with_name("out"))}
    who = officer(terminal, "max", role)
    result = terminal.run(*(places.get(one, one) for one in words), "--api-key", who)
    if may(role, action):
        assert result.exit_code == 0, result.stderr
    else:
        assert result.exit_code == 2
        assert f"may not {action.replace('-', ' ')} here" in result.stderr
        assert not Path(places["OUT"]).exists()


def test_what_is_taken_out_by_a_key_stands_in_the_access_log(terminal: Terminal) -> None:
    eve, max_ = officer(terminal, "eve", "auditor"), officer(terminal, "max", "operator")
    folder = terminal.store.parent
    terminal.done("export", str(folder / "mine.jsonl"))
    for words, key in (("export", eve), ("backup", max_)):
        asked = ("--api-key", key, "--purpose", "audit 2026")
        terminal.done(words, str(folder / f"{words}.out"), *asked)
    rows = [line.split("\t") for line in terminal.done("access", "log").splitlines()]
    size = terminal.size()
    given = [f"given {size} things", f"of size {size}", "audit 2026"]
    assert [row[2:] for row in rows] == [
        ["eve", "terminal", "lineage export in *", *given],
        ["max", "terminal", "lineage backup in *", *given],
    ]


def test_an_auditor_sees_proposals_without_being_refused_a_plan(terminal: Terminal) -> None:
    at = proposed(terminal)
    eve = officer(terminal, "eve", "auditor")
    assert "became    can be approved" in terminal.done("erasure", "show", at, "--api-key", eve)
    records = terminal.answer("access", "log")
    assert isinstance(records, list)
    assert [dig(one, "access", "text") for one in records] == ["proposal(int)"]
    assert dig(records[0], "access", "door") == "terminal"
