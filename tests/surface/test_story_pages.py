"""What the pages about answers show works as it stands on the story that ``lineage demo`` loads."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

import tree
from terminal import Terminal

EXPORTS: Final = "docs/exports.md"
REGISTRY: Final = "docs/registry.md"
EXPECTED: Final = Path(__file__).parents[1] / "recordings" / "whole_story" / "expected.md"
LOADED: Final = "lineage-demo.db"
PRINTED: Final = "printed.txt"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the ledger of the demo."""
    folder = tmp_path_factory.mktemp("demo")
    store = folder / LOADED
    printed = Terminal(store).done("demo", "--no-serve", "--store", str(store))
    (folder / PRINTED).write_text(printed.replace(str(store), LOADED))
    return folder


@pytest.fixture
def terminal(loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal in a folder of its own that has a copy of that ledger."""
    folder = shutil.copytree(loaded, tmp_path / "here")
    monkeypatch.chdir(folder)
    return Terminal(folder / LOADED)


def blocks(language: str, page: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", tree.text(page) or "", flags=re.DOTALL)


def test_the_demo_prints_what_the_readme_shows_in_its_order(loaded: Path) -> None:
    printed = (loaded / PRINTED).read_text().splitlines()
    (shown,) = blocks("text", "README.md")
    rest = iter(printed)
    assert [line for line in shown.splitlines() if line not in {"", "…"} and line not in rest] == []


@pytest.mark.parametrize(
    "page",
    [
        REGISTRY,
        "docs/columns.md",
        "docs/comparing.md",
        "docs/exploring.md",
        "docs/reports.md",
        "docs/searching.md",
        EXPORTS,
    ],
)
def test_the_commands_work_as_they_stand(terminal: Terminal, page: str) -> None:
    lines = "".join(blocks("sh", page)).splitlines()
    assert f"export LINEAGE_STORE={LOADED}" in lines
    for line in lines:
        if line.startswith("lineage "):
            type_in(line, terminal)


def type_in(line: str, terminal: Terminal) -> str:
    """Run a command of a page, into a file where it says so."""
    command, _, target = line.partition(" > ")
    printed = terminal.done(*shlex.split(command)[1:])
    if target:
        Path(target).write_text(printed)
    return printed


def test_what_is_sent_on_is_the_same_lineage(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's events, taken in elsewhere, have the same edges; its Python example works."""
    for line in "".join(blocks("sh", EXPORTS)).splitlines():
        if "openlineage" in line or "ingest" in line:
            type_in(line, terminal)
    events = [json.loads(line) for line in Path("champion.ndjson").read_text().splitlines()]
    runs = [event for event in events if "run" in event]
    sent = [
        (event["run"]["runId"], way, one)
        for event in runs
        for way in ("input", "output")
        for one in event[f"{way}s"]
    ]
    told = [one[f"{way}Facets"]["lineageLedger_events"]["events"] for _, way, one in sent]
    facts = runs[0]["run"]["facets"]["lineageLedger_answer"]
    assert facts["edge_count"] == sum(map(len, told)) > 0
    starts = [f"ol:run/{event['run']['runId']}" for event in runs]
    printed = terminal.done(
        "trace", *starts, "--direction", "both", "--namespace", "copy", "--format", "json"
    )
    assert len(json.loads(printed)["edges"]) == len(sent)
    (example,) = blocks("python", EXPORTS)
    exec(compile(example, EXPORTS, "exec"), {})  # noqa: S102 - our own page
    assert capsys.readouterr().out.startswith("True ")


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("docs/comparing.md", "steps, ["),
        ("docs/exploring.md", "models that nobody made"),
        ("docs/linking.md", "same_node"),
        ("docs/searching.md", "mlflow:model-version/mlflow.example.org/fraud-model/"),
    ],
)
def test_the_python_of_a_page_works_as_it_stands(
    terminal: Terminal, capsys: pytest.CaptureFixture[str], page: str, shown: str
) -> None:
    assert terminal.store.name == LOADED
    (example,) = blocks("python", page)
    exec(compile(example, page, "exec"), {})  # noqa: S102 - our own page
    assert shown in capsys.readouterr().out


def test_a_report_made_again_on_its_basis_is_the_same(terminal: Terminal) -> None:
    (block,) = [one for one in blocks("sh", "docs/reports.md") if "--basis" in one]
    for line in block.splitlines():
        terminal.done(*shlex.split(line)[1:])
    first, again = (Path(name).read_bytes() for name in ("dossier.json", "again.json"))
    assert first == again


def test_the_whole_question_is_answered_in_one_request(terminal: Terminal) -> None:
    """Served, decided, learned from and went to: each as it was written down by hand."""
    (document,) = blocks("graphql", REGISTRY)
    (variables,) = blocks("json", REGISTRY)
    Path("story.graphql").write_text(document)
    printed = terminal.done("query", "story.graphql", "--variables", variables)
    answer: dict[str, dict[str, Any]] = json.loads(printed)["data"]
    assert all(answer[field]["complete"] for field in answer)
    assert intervals(answer["served"]) == {
        (version, role, float(share), start, end)
        for _, version, role, share, start, end, _ in table("Who served")
    }
    assert {
        (end_of(one["version"]), one["aboutKind"].lower(), one["approver"])
        for one in answer["decided"]["approvals"]
    } == {(version, about, who) for version, about, who, _ in table("Who decided")}
    learned = {str(node["key"]) for node in answer["learnedFrom"]["nodes"]}
    tracked = {key.partition("@")[0] for key in learned if "/data/" in key and "dvc:data/" in key}
    assert {end_of(key) for key in tracked} == {"customers.csv", "transactions.csv"}
    models = {
        str(node["key"]).partition("mlflow.example.org/")[2]
        for node in answer["wentTo"]["nodes"]
        if str(node["key"]).startswith("mlflow:model-version/")
    }
    assert models == {"churn-model/1", *(f"fraud-model/{number}" for number in (1, 2, 3))}


def intervals(served: dict[str, Any]) -> set[tuple[object, ...]]:
    return {
        (
            end_of(one["serves"][0]["key"]),
            one["role"].lower(),
            one["trafficRatio"],
            second(one["start"]),
            second(one["end"]),
        )
        for one in served["intervals"]
    }


def table(title: str) -> list[list[str]]:
    """Return the rows of a table that was written down by hand."""
    section = EXPECTED.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def end_of(key: str) -> str:
    return key.rpartition("/")[2]


def second(moment: str | None) -> str:
    return "-" if moment is None else moment.replace(".000000Z", "Z")


def test_whoever_traces_a_context_is_sent_to_its_members(terminal: Terminal) -> None:
    model = "mlflow:registered-model/mlflow.example.org/churn-model"
    version = "mlflow:model-version/mlflow.example.org/churn-model/1"
    assert "\ncontext   no data flows through one" in terminal.done("trace", model)
    assert version in terminal.done("show", model)
    assert "\ncontext   " not in terminal.done("trace", version)
    assert "\ncontext   " not in terminal.done("trace", model, version)
