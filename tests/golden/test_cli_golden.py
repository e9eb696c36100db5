"""What the command line promises to print: its help, which is its manual, and the demo."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from doubles import FakeClock, SeededRandomness
from goldens import Golden
from lineage_api.cli.main import cli
from lineage_api.cli.session import Session

HERE = Path(__file__).parent / "cli"
MANUAL = Path("docs") / "cli.md"
OPENING = """# The command line

Each command asks or changes one ledger, and says so with its exit code.
`lineage verify` needs none: it checks proofs with a verifier key alone.
This page is the commands' own help, written by `make golden`.
"""


def help_of(*words: str) -> str:
    """Return what ``--help`` prints."""
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="lineage", env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


def chapter(*words: str) -> str:
    """Return one command of the manual."""
    return f"\n## {' '.join(('lineage', *words))}\n\n```text\n{help_of(*words)}```\n"


def commands(group: click.Group, *words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command, those of a group after it."""
    for name in sorted(group.commands):
        command = group.commands[name]
        yield (*words, name)
        if isinstance(command, click.Group):
            yield from commands(command, *words, name)


def test_the_manual_is_the_help(golden: Golden, project: Path) -> None:
    chapters = [chapter(), *(chapter(*words) for words in commands(cli))]
    golden.text(project / MANUAL, OPENING + "".join(chapters))


def test_the_demo_tells_the_story_it_told_before(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = Session(clock=FakeClock(), randomness=SeededRandomness())
    result = CliRunner().invoke(cli, ["demo", "--no-serve"], obj=session)
    assert result.exit_code == 0, result.output
    # The root covers every byte of every entry: it may change where the story does not.
    printed = re.sub(r"root [0-9a-f]{12}…", "root ROOT…", result.stdout)
    golden.text(HERE / "demo.txt", printed)
