"""What the documents say is there, and what is there the documents say."""

import re
import tomllib
from collections.abc import Iterator
from importlib import import_module

import click
import pytest

import tree
from lineage.access.roles import ACTIONS, LEDGER_WIDE

RECORDS = "docs/adr"


def documents() -> str:
    """Return the README and everything under docs/, as one text."""
    wanted = {
        name: body
        for name, body in tree.texts(".md").items()
        if name == "README.md" or name.startswith("docs/")
    }
    return "\n".join(wanted.values())


def commands(group: click.Group, path: str = "lineage") -> Iterator[tuple[str, click.Command]]:
    """Yield every command a user can type, with its words."""
    for name, command in group.commands.items():
        words = f"{path} {name}"
        if isinstance(command, click.Group):
            yield from commands(command, words)
        elif not command.hidden:
            yield words, command


def terminal() -> dict[str, click.Command]:
    """Return the commands of the command line."""
    module = import_module("lineage_api.cli.main")
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)]
    return {words: command for group in groups for words, command in commands(group)}


def test_every_command_is_documented() -> None:
    text = documents()
    assert [words for words in terminal() if words not in text] == []


def test_every_command_and_option_has_help() -> None:
    found = terminal()
    assert found
    assert [words for words, command in found.items() if not command.help] == []
    assert [
        f"{words} --{option.name}"
        for words, command in found.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_it_names_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", tree.text("Makefile") or "", re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code(tree.text(name) or ""))))
    assert named - targets == set()


def code(markdown: str) -> list[str]:
    """Return what stands in backticks or fences."""
    return re.findall(r"```.*?```|`[^`\n]+`", markdown, re.DOTALL)


def test_every_decision_record_is_indexed_and_whole() -> None:
    index = tree.text(f"{RECORDS}/README.md") or ""
    records = {name: body for name, body in tree.texts(".md").items() if is_record(name)}
    parts = ("## Context", "## Options", "## Decision", "## Negative consequences")
    assert records
    assert [name for name in records if f"]({name.rpartition('/')[2]})" not in index] == []
    assert [
        (name, part) for name, body in records.items() for part in parts if part not in body
    ] == []


def is_record(name: str) -> bool:
    """Tell a decision record from its index."""
    return re.fullmatch(rf"{RECORDS}/\d{{4}}-[a-z-]+\.md", name) is not None


def test_every_dependency_has_its_reason() -> None:
    """A table row a package: name, version, licence, reason."""
    project = tomllib.loads(tree.text("pyproject.toml") or "")
    groups = project["dependency-groups"].values()
    lines = [*project["project"]["dependencies"], *(line for group in groups for line in group)]
    reasons = tree.text(f"{RECORDS}/0005-dependencies.md") or ""
    names = [re.split(r"[\[<>=~! ]", line)[0] for line in lines if isinstance(line, str)]
    assert names
    assert [name for name in names if f"| {name} |" not in reasons] == []


def test_the_roles_are_documented_as_they_are() -> None:
    """The table of docs/access.md: every role, and every action that it has."""
    rows = re.findall(
        r"^\| ([a-z][a-z-]*) \| ([a-z, -]+) \|$", tree.text("docs/access.md") or "", re.MULTILINE
    )
    documented = {role: actions.split(", ") for role, actions in rows}
    assert documented.pop("role") == ["may"]
    assert documented == {role.value: sorted(actions) for role, actions in ACTIONS.items()}


def test_what_concerns_the_whole_ledger_is_documented() -> None:
    found = re.search(
        r"^- \*([a-z, -]+)\* concern the ledger", tree.text("docs/access.md") or "", re.MULTILINE
    )
    assert found is not None
    assert found[1].split(", ") == sorted(LEDGER_WIDE)


def test_the_locks_agree() -> None:
    """Whoever develops runs what is shipped, pin for pin."""
    developing = pins("dev")
    assert pins("runtime") - developing == set()
    assert pins("build") - developing == set()


def pins(lock: str) -> set[str]:
    """Return the pinned requirements of one lock, with their markers."""
    text = tree.text(f"requirements/{lock}.txt") or ""
    found = {line.rstrip(" \\") for line in text.splitlines() if re.match(r"[a-z0-9].*==", line)}
    assert found
    return found


def test_the_readme_shows_what_the_demo_prints() -> None:
    """Every line of the block stands in the demo's output, in that order; `…` cuts lines out."""
    blocks = re.findall(r"```text\n(.*?)```", tree.texts(".md")["README.md"], flags=re.DOTALL)
    printed = iter(tree.texts(".txt")["tests/golden/cli/demo.txt"].splitlines())
    shown = [line for line in blocks[0].splitlines() if line != "…"]
    assert [line for line in shown if line not in printed] == []


def test_the_readme_shows_both_commands_first() -> None:
    first_screen = "\n".join(tree.texts(".md")["README.md"].splitlines()[:16])
    assert "make demo" in first_screen
    assert "make test" in first_screen
