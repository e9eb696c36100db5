"""The dossiers of the story's versions, read against what was written down by hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec import to_builtins

from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.reports.rendering import ReportForm, render
from lineage.service import Ledger
from lineage_api.demo.telling import parts
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.reports import FindingCode, Item, ItemStatus, Report

EXPECTED: Final = Path(__file__).parents[1] / "recordings" / "whole_story" / "expected.md"
NOW_US: Final = 1_790_000_000_000_000  # in September 2026, long after the story
SOURCES: Final = {
    "cdevents:delivery.example.org": "cdevents",
    "github:github.example.org": "github",
}
CHANGES: Final = {"1": None, "2": ("minor", "1.0.0"), "3": ("major", "1.1.0")}
"""What each version changes: read from the two numbers by the rule of SemVer."""
VERSIONS: Final = ("1", "2", "3")


def rows(title: str) -> list[list[str]]:
    section = EXPECTED.read_text().partition(f"## {title}\n")[2]
    table = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    clock = FakeClock(NOW_US, step_us=1_000)
    with open_ledger("memory:", clock=clock, randomness=SeededRandomness()) as ledger:
        for part in parts():
            part.take(ledger, "default")
        yield ledger


@cache
def dossier(ledger: Ledger, number: str, at: str | None = None) -> Report:
    key = f"mlflow:model-version/mlflow.example.org/fraud-model/{number}"
    moment = None if at is None else instant_of(parse_instant(at))
    return ledger.reports.dossier(key, valid_at=moment)


def items(report: Report, section: str) -> tuple[Item, ...]:
    return next(one.items for one in report.sections if one.name == section)


def values(item: Item) -> dict[str, Any]:
    return {fact.name: fact.value for fact in item.facts}


def second(moment: str | None) -> str:
    return "-" if moment is None else f"{moment[:19]}Z"


@pytest.mark.parametrize("number", VERSIONS)
def test_approvals_are_those_of_the_version_and_no_other(ledger: Ledger, number: str) -> None:
    found: list[list[str]] = []
    for item in items(dossier(ledger, number), "approvals"):
        told = values(item)
        if "approver" not in told:
            continue
        about = next(name for name in told if name.startswith("about"))
        kind = about.partition("(")[2].rstrip(")").replace(" ", "_")
        found.append([number, kind, told["approver"], second(told["decided_time"])])
    assert sorted(found) == sorted(row for row in rows("Who decided") if row[0] == number)


@pytest.mark.parametrize("number", VERSIONS)
def test_intervals_are_those_of_the_version(ledger: Ledger, number: str) -> None:
    found: list[list[str]] = []
    for item in items(dossier(ledger, number), "serving"):
        told, source = values(item), item.facts[0].source or ""
        if source in SOURCES:
            found.append(
                [
                    SOURCES[source],
                    number,
                    told["role"],
                    str(told["traffic ratio"]),
                    second(told["from"]),
                    second(told.get("to")),
                    told.get("why it ended", "-"),
                ]
            )
    assert sorted(found) == sorted(row for row in rows("Who served") if row[1] == number)


@pytest.mark.parametrize(
    "boundary", sorted({time for row in rows("Who served") for time in row[4:6]} - {"-"})
)
def test_at_a_boundary_only_what_had_begun_is_told_and_nothing_of_later(
    ledger: Ledger, boundary: str
) -> None:
    for number in VERSIONS:
        report = dossier(ledger, number, boundary)
        told = [values(item) for item in items(report, "serving") if item.facts]
        sources = [item.facts[0].source or "" for item in items(report, "serving") if item.facts]
        found = sorted(
            (SOURCES[source], one["role"], second(one["from"]), second(one.get("to")))
            for one, source in zip(told, sources, strict=True)
            if source in SOURCES
        )
        wanted = sorted(
            (says, role, start, end if end <= boundary else "-")
            for says, version, role, _, start, end, _ in rows("Who served")
            if version == number and start <= boundary
        )
        assert found == wanted
        for entry in report.entries:
            # A cluster is looked at later than what it shows began: it is what tells of that.
            if entry.stated_from is not None and not entry.source.startswith("k8s:"):
                assert second(entry.stated_from) <= boundary, entry


@pytest.mark.parametrize("number", VERSIONS)
def test_a_version_learned_from_its_data_and_was_tested_on_other(
    ledger: Ledger, number: str
) -> None:
    report = dossier(ledger, number)
    learned = [values(item)["display_name"] for item in items(report, "data")]
    assert sorted(learned) == [
        *("data/customers.csv", "data/transactions.csv", "features/train.csv", "train"),
    ]
    assert not any("churn" in (item.about or "") for item in items(report, "data"))
    tested = [values(item)["display_name"] for item in items(report, "tested")]
    assert set(tested) <= {"test", "features/test.csv"}
    assert "test" in tested
    code = {values(item).get("display_name") for item in items(report, "code")}
    assert {"prepare.py", "train.py"} <= code


def test_the_same_customers_elsewhere_are_a_link_and_no_further_data(ledger: Ledger) -> None:
    (customers,) = (
        item
        for item in items(dossier(ledger, "2"), "data")
        if values(item)["display_name"] == "data/customers.csv"
    )
    same = [str(fact.value) for fact in customers.facts if fact.name == "the same bytes as"]
    assert any("risk%2Fchurn/data/customers.csv" in one for one in same)


@pytest.mark.parametrize("number", VERSIONS)
def test_what_a_version_changes_is_computed_from_the_one_before(
    ledger: Ledger, number: str
) -> None:
    (item,) = (
        one for one in items(dossier(ledger, number), "identity") if one.name == "semantic version"
    )
    told = values(item)
    semantic = {row[0]: row[1] for row in rows("What each version came from")}
    assert told["semantic_version"] == semantic[number]
    change = CHANGES[number]
    if change is None:
        assert "change class (computed)" not in told
    else:
        assert (told["change class (computed)"], told["changed from"]) == change


@pytest.mark.parametrize("number", VERSIONS)
def test_aliases_are_told_with_their_times(ledger: Ledger, number: str) -> None:
    found = sorted(
        [told["alias"], number, second(told["from"]), second(told.get("to"))]
        for item in items(dossier(ledger, number), "identity")
        if item.name == "alias it has had"
        for told in [values(item)]
    )
    assert found == sorted(row for row in rows("Aliases") if row[1] == number)


@pytest.mark.parametrize(("number", "release"), [("1", "71"), ("2", "72"), ("3", "73")])
def test_documents_are_of_the_commit_of_the_version(
    ledger: Ledger, number: str, release: str
) -> None:
    found = [item.about for item in items(dossier(ledger, number), "documents")]
    assert found == [f"github:release/github.example.org/{release}"]


def test_the_incident_is_of_the_version_that_served(ledger: Ledger) -> None:
    for number in VERSIONS:
        incidents = [
            values(item)["display_name"]
            for item in items(dossier(ledger, number), "incidents")
            if item.facts
        ]
        assert incidents == (["incident-311"] if number == "2" else [])
    before = dossier(ledger, "2", "2026-02-24T14:29:59Z")
    assert items(before, "incidents")[0].status is ItemStatus.NOT_APPLICABLE


def test_the_run_is_told_of_by_all_its_tools(ledger: Ledger) -> None:
    report = dossier(ledger, "2")
    needs = {item.name: item for item in items(report, "reproducibility")}
    said_by = {fact.source for fact in needs["hyperparameters"].facts}
    assert {one.partition(":")[0] for one in said_by if one} == {"dvc", "mlflow"}
    assert needs["code commit"].status is ItemStatus.PROVIDED
    assert needs["Python and libraries"].status is ItemStatus.PARTIAL
    missing = {name for name, item in needs.items() if item.status is ItemStatus.MISSING}
    assert missing == {
        *("working tree that was clean", "image digest", "hardware", "determinism flags"),
        "level that is claimed",
    }
    named = {one.item for one in report.findings if one.code is FindingCode.MISSING}
    assert missing <= named


def test_nothing_is_told_that_no_cited_entry_says(ledger: Ledger) -> None:
    """Every value of a field stands in the entry that is cited for it."""
    report = dossier(ledger, "2")
    held: dict[int, str] = {}
    for section in report.sections:
        for item in section.items:
            for fact in item.facts:
                assert fact.positions, fact
                if fact.field is None or fact.field == "type":
                    continue
                for position in fact.positions:
                    if position not in held:
                        (entry,) = ledger.entries(start=position, count=1).entries
                        held[position] = repr(to_builtins(entry.records))
                wanted = repr(fact.value)
                assert any(wanted in held[position] for position in fact.positions), fact


def test_the_summary_names_who_served_approved_and_what_is_missing(ledger: Ledger) -> None:
    report = dossier(ledger, "2")
    told = {item.name: item.reason or "" for item in items(report, "summary")}
    assert "Edda Example (role: model validation)" in told["who approved it"]
    assert told["where it served"].count("champion in ") == 3
    assert "10 % of the traffic" in told["where it served"]
    assert "hardware" in told["making it again"]
    page = render(report, ReportForm.HTML).body.decode()
    assert page.index('id="summary"') < page.index('id="findings"') < page.index('id="identity"')
    assert "declared.kept" not in page[: page.index('id="besides"')]
