"""Declaring and attaching from the terminal, as docs/declaring.md says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import cast, get_type_hints

import msgspec
import pytest
from jsonschema import Draft202012Validator

import tree
from lineage.connectors.yaml_documents import read_yaml
from lineage_schemas.declarations import Declaration, DeclaredApproval, DeclaredIncident
from lineage_schemas.values import JsonValue
from surface_client import dig
from terminal import Terminal

CARD = "87851527cd6c59eacbdd2c6798ddeb44925b095e24f5d67530cd3d57bfb716de"
"""What sha256sum says of "# Card" and a line feed."""

PAGE = "docs/declaring.md"


def page() -> str:
    return tree.text(PAGE) or ""


def example() -> str:
    return page().partition("```yaml\n")[2].partition("```")[0]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.yaml"
    path.write_text(example())
    return path


def test_the_page_s_example_is_declared_and_shown(terminal: Terminal, card: Path) -> None:
    printed = terminal.done("declare", str(card))
    assert [line.split("  ")[:2] for line in printed.splitlines()] == [
        ["appended", "declaration:declarations/fraud-model-card"],
        ["appended", "approval:declarations/fraud-model-approval"],
        ["appended", "declaration:declarations/fraud-incident-3"],
    ]
    shown = terminal.answer("show", "approval:declarations/fraud-model-approval")
    assert dig(shown, 0, "node", "properties", "approver") == "Ana Ruiz"
    assert dig(shown, 0, "node", "properties", "decided_time") == "2026-01-12T10:00:00.000000Z"
    size = terminal.size()
    again = terminal.done("declare", "-", given=card.read_bytes())
    assert {line.split("  ")[0] for line in again.splitlines()} == {"unchanged"}
    assert terminal.size() == size
    assert terminal.run("audit").exit_code == 0


def test_the_page_names_every_key_and_its_example_uses_it() -> None:
    keys = set(get_type_hints(Declaration))
    rows = re.findall(r"^\| (`[^|]*) \|", page(), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}
    assert keys <= named
    used = {name for struct in (DeclaredApproval, DeclaredIncident) for name in fields(struct)}
    unused = {"authority", "reported_time"}
    assert [name for name in used - unused if f"{name}:" not in example()] == []


def test_the_page_s_example_has_the_published_form() -> None:
    schema = json.loads(tree.text("schemas/published/declaration.json") or "")
    checker = Draft202012Validator(schema)
    document = read_yaml(example().encode())
    assert list(checker.iter_errors(document)) == []
    assert isinstance(document, dict)
    for each in cast("list[dict[str, JsonValue]]", document["declarations"]):
        assert checker.is_valid(each)
        assert not checker.is_valid(each | {"ownr": "x"})
        assert not checker.is_valid({key: one for key, one in each.items() if key != "subject"})


def fields(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    return struct.__struct_encode_fields__


def test_a_wrong_file_ends_with_its_place(terminal: Terminal) -> None:
    size = terminal.size()
    result = terminal.run("declare", "-", given="id: a\nsubject: acme:run/1\nonwer: x\n")
    assert result.exit_code != 0
    assert "line 3, column 1: $.onwer" in result.stderr
    assert "Did you mean 'owner'?" in result.stderr
    assert terminal.size() == size


def test_a_key_signs_where_it_is_known(terminal: Terminal, card: Path, tmp_path: Path) -> None:
    key = tmp_path / "ana.key"
    verifier = terminal.done("key", "make", str(key), "--name", "example.org/ana").strip()
    size = terminal.size()
    unknown = terminal.run("declare", str(card), "--key", str(key))
    assert unknown.exit_code == 1
    assert "not known here" in unknown.stderr
    assert terminal.size() == size
    trust = ("--key", str(key), "--trust", f"Ana Ruiz={verifier}")
    assert terminal.done("declare", str(card), *trust).count(", signed") == 3
    shown = terminal.answer("show", "approval:declarations/fraud-model-approval")
    assert dig(shown, 0, "node", "properties", "is_signed") is True
    # What was signed stays signed when somebody says it again without a signature.
    assert terminal.done("declare", str(card)).count("unchanged") == 3


def test_what_is_printed_signed_is_taken_by_a_ledger_that_knows_the_key(
    terminal: Terminal, card: Path, tmp_path: Path
) -> None:
    key, bare = tmp_path / "ana.key", tmp_path / "bare.yaml"
    verifier = terminal.done("key", "make", str(key), "--name", "example.org/ana").strip()
    bare.write_text("id: b\nsubject: acme:model/fraud-1\nkind: artifact\nowner: Team Fraud\n")
    for path, count in ((card, 3), (bare, 1)):
        size = terminal.size()
        printed = terminal.done("declare", str(path), "--key", str(key), "--print")
        assert terminal.size() == size
        taken = ("declare", "-", "--trust", f"Ana Ruiz={verifier}")
        assert terminal.done(*taken, given=printed.encode()).count(", signed") == count
        assert terminal.done(*taken, given=printed.encode()).count("unchanged") == count
    without = terminal.run("declare", str(card), "--print")
    assert (without.exit_code, "--key" in without.stderr) == (2, True)
    bare.write_text("id: c\nsubject: some label\nkind: artifact\n")
    label = terminal.run("declare", str(bare), "--key", str(key), "--print")
    assert "by its identifier" in label.stderr


def test_the_page_s_commands_of_signing_work_in_a_shell(card: Path, tmp_path: Path) -> None:
    signing = page().partition("## Signing")[2].partition("```sh\n")[2].partition("```")[0]
    interpreter = Path(sys.executable).parent
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", signing],
        cwd=card.parent,
        env={"PATH": f"{interpreter}:{os.defpath}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(", signed") == 3


def test_the_settings_say_whose_signatures_are_believed(
    terminal: Terminal, card: Path, tmp_path: Path
) -> None:
    key, config = tmp_path / "ana.key", tmp_path / "lineage.toml"
    verifier = terminal.done("key", "make", str(key), "--name", "example.org/ana").strip()
    config.write_text(f'[[declarers]]\nname = "Ana Ruiz"\nkey = "{verifier}"\n')
    terminal.done("--config", str(config), "declare", str(card), "--key", str(key))


def test_a_key_that_is_not_there_is_told(terminal: Terminal, card: Path, tmp_path: Path) -> None:
    result = terminal.run("declare", str(card), "--key", str(tmp_path / "nowhere"))
    assert result.exit_code != 0
    assert "lineage key make" in result.stderr


def test_a_text_is_attached_whole_once(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "card.md"
    file.write_text("# Card\n")
    command = ("attach", "acme:run/1", str(file), "--title", "The card", "--kind", "card")
    document = "document:declarations/acme:run%2F1/card.md"
    assert terminal.done(*command).startswith(f"appended  {document}")
    size = terminal.size()
    assert terminal.done(*command).startswith("unchanged")
    assert terminal.size() == size
    shown = terminal.answer("show", document)
    properties = dig(shown, 0, "node", "properties")
    assert isinstance(properties, dict)
    expected = {
        "content": "# Card\n",
        "media_type": "text/markdown",
        "size_bytes": 7,
        "content_digest": f"sha256:{CARD}",
        "display_name": "The card",
        "source_type": "card",
        "subject": "acme:run/1",
    }
    assert expected.items() <= properties.items()
    file.write_text("# Card, second\n")
    assert "(revision 2 at" in terminal.done(*command)
    changed = terminal.answer("show", document)
    assert dig(changed, 0, "node", "properties", "content") == "# Card, second\n"


def test_a_large_file_is_kept_by_its_digest(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(b"a,b\n" * 65_537)
    result = terminal.run("attach", "acme:run/1", str(file))
    assert result.exit_code == 0
    assert "Name a --uri" in result.stderr
    shown = terminal.answer("show", "document:declarations/acme:run%2F1/table.csv")
    properties = dig(shown, 0, "node", "properties")
    assert isinstance(properties, dict)
    assert "content" not in properties
    assert properties["size_bytes"] == 262_148


def test_a_subject_that_nobody_knows_needs_its_kind(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "plan.txt"
    file.write_text("later")
    refused = terminal.run("attach", "acme:new", str(file))
    assert refused.exit_code != 0
    assert "Say its kind" in refused.stderr
    terminal.done("attach", "acme:new", str(file), "--subject-kind", "context")
