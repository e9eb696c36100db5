"""`lineage import rows` as a new user meets it: the guide, step by step, and what goes wrong."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

import tree
from terminal import Terminal

EXAMPLES = Path("docs") / "examples" / "rows"


@pytest.fixture
def guide(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands of the guide, in a folder with its examples."""
    shutil.copytree(project / EXAMPLES, tmp_path / EXAMPLES)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```sh\n(.*?)```", tree.texts(".md")["docs/mapping.md"], re.DOTALL)
    return [shlex.split(line)[1:] for line in "".join(blocks).splitlines()]


def test_the_guide_leads_from_a_deployment_to_its_data(
    terminal: Terminal, guide: list[list[str]]
) -> None:
    assert [words[0] for words in guide] == [
        *("import", "import", "trace", "serving"),
        *("import", "trace", "show"),
    ]
    printed = [terminal.done(*words) for words in guide]
    assert "rows:deployments: 5 appended" in printed[1]
    assert "acme-registry:model-version/churn/4" in printed[2]
    assert "customers" not in printed[2]
    assert "uri:s3://lake/customers/2026-02-13" in printed[5]
    assert 'stage: "production"' in printed[6]
    assert "sha256:9f86d081" in printed[6]
    again = json.loads(terminal.done(*guide[1], "--format", "json"))
    assert (again["tally"]["appended"], again["tally"]["entries"]) == (0, 0)


def test_the_guide_shows_what_is_in_the_examples(project: Path) -> None:
    page = tree.texts(".md")["docs/mapping.md"]
    (table,) = re.findall(r"```text\n(id;.*?)```", page, re.DOTALL)
    text = (project / EXAMPLES / "deployments.csv").read_text("utf-8")
    assert text.startswith(table)
    mapping = (project / EXAMPLES / "deployments.yaml").read_text("utf-8").splitlines()
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        lines = [line.removeprefix("   ") for line in block.splitlines()]
        assert [line for line in lines if line.strip() and line not in mapping] == []


def test_the_table_is_a_calendar_of_what_served(terminal: Terminal, guide: list[list[str]]) -> None:
    """Berlin is one hour ahead of UTC in winter, and two from the 29th of March on."""
    terminal.done(*guide[1])
    answer = json.loads(terminal.done("serving", "--format", "json"))
    served = {
        one["deployment"].rpartition("/")[2]: (one["role"], one["start"], one["end"])
        for one in answer["intervals"]
    }
    assert served == {
        "D-101": ("champion", "2026-01-05T08:00:00.000000Z", "2026-02-16T07:00:00.000000Z"),
        "D-102": ("champion", "2026-02-16T07:00:00.000000Z", "2026-03-31T16:00:00.000000Z"),
        "D-103": ("shadow", "2026-03-01T09:00:00.000000Z", None),
        "D-104": ("champion", "2026-02-20T09:00:00.000000Z", None),
    }
    (of_d_102,) = (one for one in answer["intervals"] if one["deployment"].endswith("D-102"))
    assert [one["key"] for one in of_d_102["serves"]] == ["acme-registry:model-version/churn/4"]


def test_a_check_writes_nothing(terminal: Terminal, guide: list[list[str]]) -> None:
    before = terminal.answer("checkpoint") if terminal.store.exists() else None
    answer = json.loads(terminal.done(*guide[0], "--format", "json"))
    assert [row["subject"] for row in answer["rows"]] == ["row/D-101", "row/D-102", "row/D-103"]
    assert answer["rows"][0]["records"][0]["stated"] == {"from": "2026-01-05T08:00:00Z"}
    assert (terminal.answer("checkpoint") if terminal.store.exists() else None) == before
    mapping = str(EXAMPLES / "deployments.yaml")
    assert "sound" in terminal.done("import", "rows", "--check", "--mapping", mapping)
    assert terminal.run("import", "rows", "--mapping", mapping).exit_code == 2


def test_a_wrong_row_is_told_with_its_place_and_the_rest_goes_in(
    terminal: Terminal, guide: list[list[str]]
) -> None:
    table = EXAMPLES / "deployments.csv"
    table.write_text(table.read_text("utf-8") + "D-105;churn;six;prod;main;1.0;never;;\n", "utf-8")
    run = terminal.run(*guide[1])
    assert run.exit_code == 1
    assert "row 5, line 6: 'never' is no time in the format local (column from)" in run.stderr
    assert "5 appended" in run.stdout
    assert "1 not read" in run.stdout


def test_a_wrong_mapping_is_told_with_line_and_column(
    terminal: Terminal, guide: list[list[str]]
) -> None:
    mapping = EXAMPLES / "registry.yaml"
    lines = (
        mapping.read_text("utf-8").replace("semantic_version:", "semantic_versoin:").splitlines()
    )
    mapping.write_text("\n".join(lines), "utf-8")
    line = next(number for number, text in enumerate(lines, 1) if "versoin" in text)
    run = terminal.run(*guide[4])
    assert run.exit_code != 0
    assert f"line {line}, column 7" in run.stderr
    assert "Did you mean 'semantic_version'?" in run.stderr


def test_a_spreadsheet_of_another_country_becomes_what_served(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Day first, a blank, a list within a cell; Lisbon is at UTC in winter."""
    (tmp_path / "releases.csv").write_text(
        "Release\tModel\tLive\tUntil\tData\n"
        "R1\tfraud\t05.01.2026 09:00\t16.02.2026\ts3://a/b,c|s3://d\n"
        "R2\tfraud\t16.02.2026 08:30\t\t\n",
        "utf-8",
    )
    mapping = tmp_path / "releases.yaml"
    text = """\
mapping: releases
version: 1
rows: {format: csv, id: "{Release}", csv: {delimiter: "\\t"}}
nodes:
  - {node: deployment, kind: artifact, type: lineage.Deployment, key: "acme:deployment/{Release}"}
  - {node: service, kind: context, type: lineage.Service, key: "acme:service/{Model}"}
  - node: data
    kind: artifact
    type: lineage.DataSet
    key: "uri:{+item}"
    each: Data
    separator: "|"
serving:
  - action: deploy
    execution: "acme:start/{Release}"
    at: {column: Live, format: local, zone: Europe/Lisbon}
    deployment: deployment
    place: service
    inputs: [data]
  - action: remove
    execution: "acme:stop/{Release}"
    at: {column: Until, format: date, pattern: "%d.%m.%Y", zone: Europe/Lisbon}
    deployment: deployment
    place: service
    when: {column: Until, present: true}
"""
    mapping.write_text(text, "utf-8")
    words = ("import", "rows", str(tmp_path / "releases.csv"), "--mapping", str(mapping))
    run = terminal.run(*words)
    assert run.exit_code == 1
    assert "A day that is not written year first needs a pattern" in run.stderr
    # No row was understood by it, so it may be mended under its number.
    mapping.write_text(text.replace("local,", 'local, pattern: "%d.%m.%Y %H:%M",'), "utf-8")
    terminal.done(*words)
    answer = json.loads(terminal.done("serving", "--format", "json"))
    assert [(one["start"], one["end"]) for one in answer["intervals"]] == [
        ("2026-01-05T09:00:00.000000Z", "2026-02-16T00:00:00.000000Z"),
        ("2026-02-16T08:30:00.000000Z", None),
    ]
    traced = terminal.done("trace", "acme:deployment/R1")
    assert "uri:s3://a/b,c" in traced
    assert "uri:s3://d" in traced
