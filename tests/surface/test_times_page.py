"""What the page about the two times shows is what the commands print."""

import re
import shlex
from pathlib import Path

import pytest

import tree
from lineage.ledger import open_ledger
from doubles import FakeClock, SeededRandomness
from terminal import Terminal

PAGE = "docs/times.md"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Return a terminal of a ledger that was told what the page tells."""
    (said,) = re.findall(r"```ndjson\n(.*?)```", tree.text(PAGE) or "", flags=re.DOTALL)
    terminal = Terminal(tmp_path / "ledger.db")
    with open_ledger(
        terminal.store, clock=FakeClock(), randomness=SeededRandomness()
    ):
        pass
    terminal.done("ingest", "-", given=said)
    return terminal


def test_the_page_shows_what_the_commands_print(terminal: Terminal) -> None:
    shown = re.findall(r"```console\n\$ (.*?)\n(.*?)```", tree.text(PAGE) or "", flags=re.DOTALL)
    assert len(shown) == 3
    for command, expected in shown:
        assert terminal.done(*shlex.split(command)[1:]) == expected, command
