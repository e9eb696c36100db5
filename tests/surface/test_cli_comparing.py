"""The commands about what differs, on the terminal: what they print, and how they end."""

import json
from pathlib import Path
from typing import Any

import pytest

from lineage.ledger import Event, EventKind, Execution, Statement
from terminal import MODEL, RUN, TOLD, Terminal

DATA, OTHER = "acme:data", "acme:run/2"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    made = Terminal(tmp_path / "ledger.db")
    made.tell(TOLD)
    return made


def tell_more(terminal: Terminal) -> tuple[int, int]:
    """Tell of an input and of another run; return the sizes before and after."""
    before = terminal.size()
    records = (
        Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT),
        Execution(key=RUN, type="lineage.Train", properties={"metrics": {"auc": 0.5}}),
        Execution(key=OTHER, type="lineage.Train", properties={"metrics": {"auc": 0.75}}),
    )
    terminal.tell(Statement(id="more", source="notebook", records=records))
    return before, terminal.size()


def test_diff_shows_what_came_and_what_changed(terminal: Terminal) -> None:
    before, after = tell_more(terminal)
    printed = terminal.done("diff", MODEL, "--from", str(before), "--to", str(after))
    assert f"\n~ ▶ {RUN}" in f"\n{printed}"
    assert f'    properties.metrics: - → {{"auc":0.5}}  (entry {after - 1} by notebook)' in printed
    assert f"+ {DATA} → {RUN}  INPUT  (entry {after - 1})" in printed
    assert f"before    size {before}" in printed
    assert f"basis     size {after}" in printed
    same = terminal.done("diff", MODEL, "--from", str(after))
    assert "nothing differs" in same


def test_diff_takes_what_a_trace_takes(terminal: Terminal) -> None:
    before, after = tell_more(terminal)
    past = ("--from", str(before), "--to", str(after))
    arrow = f"+ {DATA} → {RUN}"
    assert arrow in terminal.done("diff", MODEL, *past)
    for option in (
        ("--filter", "kind:execution"),
        ("--stop-at", "kind:execution"),
        ("--valid-during", "2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z"),
    ):
        printed = terminal.done("diff", MODEL, *past, *option)
        assert (arrow in printed) == (option[0] == "--valid-during"), option
    assert "cross" in terminal.run("diff", MODEL, *past, "--cross", "guessed").stderr
    assert arrow in terminal.done("diff", MODEL, *past, "--cross", "none", "--fanout", "1")
    assert terminal.run("diff", MODEL, *past, "--filter", "nope nope:").exit_code == 2
    assert terminal.run("provenance", RUN, "--cross", "none").exit_code == 0


def test_diff_of_what_nobody_has_heard_of_ends_in_1(terminal: Terminal) -> None:
    result = terminal.run("diff", "acme:nobody", "--from", "0")
    assert result.exit_code == 1
    assert "unknown   acme:nobody" in result.stdout
    assert terminal.run("diff", MODEL, "--from", "soon").exit_code == 2
    assert terminal.run("diff", MODEL).exit_code == 2


def test_between_pages_through_what_was_added(terminal: Terminal) -> None:
    before, after = tell_more(terminal)
    printed = terminal.done("between", str(before))
    assert f"entries   {after - before}, at {before} to {after}" in printed
    assert "type      lineage.Train: first seen 1, changed 1" in printed
    assert f"{after - 1} + ▶ {OTHER}" in printed
    first = terminal.run("between", "0", str(after), "--count", "1")
    cursor = first.stderr.rpartition("--cursor ")[2].strip()
    again: Any = terminal.answer("between", "0", str(after), "--count", "1", "--cursor", cursor)
    assert (
        again["start"]
        == json.loads(
            terminal.done("between", "0", str(after), "--count", "1", "--format", "json")
        )["stop"]
    )


def test_between_tells_of_what_fulfils_a_filter(terminal: Terminal) -> None:
    before, after = tell_more(terminal)
    printed = terminal.done("between", str(before), "--filter", "type:lineage.Train")
    assert f"entries   {after - before}, at {before} to {after}" in printed
    assert "type      lineage.Train: first seen 1, changed 1" in printed
    assert [line for line in printed.splitlines() if line.startswith("type")] == [
        "type      lineage.Train: first seen 1, changed 1"
    ]
    assert "filtered  " in printed
    assert "filtered  " not in terminal.done("between", str(before))


def test_provenance_tells_steps_and_gaps(terminal: Terminal) -> None:
    tell_more(terminal)
    printed = terminal.done("provenance", MODEL)
    assert f"source  {DATA}  (no type)" in printed
    assert f"step 1  {RUN}" in printed
    assert f"gap       no_producer  {DATA}" in printed
    assert f"gap       no_code_version  {RUN}" in printed
    during = ("--valid-during", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    timed: Any = terminal.answer("provenance", MODEL, *during)
    assert timed["basis"]["valid_during"][1] == "2026-01-02T00:00:00.000000Z"
    unknown = terminal.run("provenance", "acme:nobody")
    assert (unknown.exit_code, "gap       unknown  acme:nobody" in unknown.stdout) == (1, True)


def test_compare_shows_each_aspect(terminal: Terminal) -> None:
    tell_more(terminal)
    printed = terminal.done("compare", MODEL, OTHER)
    assert f"A  {MODEL}, made by {RUN}" in printed
    assert f"B  {OTHER}\n" in printed
    assert "metrics     differs\n  ~ auc: 0.5 | 0.75  (by 0.25, +50.00%)" in printed
    assert "code        unknown" in printed
    assert "data        known only of the first" in printed
    answer: Any = terminal.answer("compare", RUN, OTHER)
    assert [one["name"] for one in answer["aspects"]][:2] == ["code", "data"]
    timed: Any = terminal.answer("compare", RUN, OTHER, "--valid-at", "2026-01-01T00:00:00Z")
    assert timed["basis"]["valid_at"] == "2026-01-01T00:00:00.000000Z"
    unknown = terminal.run("compare", RUN, "acme:nobody")
    assert (unknown.exit_code, "B  acme:nobody  (unknown)" in unknown.stdout) == (1, True)
