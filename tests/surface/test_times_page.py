"""What the page about the two times shows is what the commands print."""

import re
import shlex
from pathlib import Path

import pytest

import tree
from terminal import Terminal

PAGE = "docs/times.md"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """Return a terminal of a ledger that was told what the page tells."""
    (said,) = re.findall(r"```ndjson\n(.*?)```", tree.text(PAGE) or "", flags=re.DOTALL)
    terminal = Terminal(tmp_path / "ledger.db")
    terminal.done("ingest", "-", given=said)
    return terminal


def test_the_page_shows_what_the_commands_print(terminal: Terminal) -> None:
    shown = re.findall(r"```console\n\$ (.*?)\n(.*?)```", tree.text(PAGE) or "", flags=re.DOTALL)
    assert len(shown) == 3
    for command, expected in shown:
        printed = terminal.done(*shlex.split(command)[1:]).splitlines()
        # The root is of the well-known types too, of which later versions have more.
        told = [line for line in printed if not line.startswith("basis ")]
        assert told == expected.splitlines(), command
