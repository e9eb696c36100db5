"""What a dossier takes for its subject's own, and what it leaves to others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dossier_story import (
    BLUE,
    COMMIT,
    DEPLOYMENT,
    PRODUCTION,
    RUN,
    VERSION,
    joined,
    said,
    story,
)
from lineage.ledger import (
    Artifact,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    Ledger,
)
from lineage_schemas.records import AnyRecord
from lineage_schemas.reports import Item, ItemStatus, Report

SIBLING, REGISTERED = "acme:version/2", "acme:registered/fraud"
OTHER_DEPLOYMENT = "acme:deployment/other"


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    for statement in story():
        ledger.record([statement])
    return ledger


def dossier(ledger: Ledger, at: datetime | None = None) -> Report:
    return ledger.reports.dossier(VERSION, valid_at=at)


def items(report: Report, section: str) -> tuple[Item, ...]:
    return next(one.items for one in report.sections if one.name == section)


def about(report: Report, section: str) -> list[str | None]:
    return [item.about for item in items(report, section) if item.facts]


def values(item: Item) -> dict[str, Any]:
    return {fact.name: fact.value for fact in item.facts}


def sibling() -> list[AnyRecord]:
    return [
        Artifact(
            key=SIBLING,
            type="lineage.ModelVersion",
            properties={"number": 2, "semantic_version": "1.4.0"},
        ),
        Context(key=REGISTERED, type="lineage.RegisteredModel"),
        Attribution(context=REGISTERED, artifact=SIBLING),
    ]


def said_of(kind: str, key: str, inputs: list[str], contexts: tuple[str, ...]) -> list[AnyRecord]:
    """Return what somebody says: of artifacts, or of contexts that it belongs to."""
    types = {"Approval": "Approve", "Incident": "Monitor"}
    return [
        Artifact(key=key, type=f"lineage.{kind}", properties={"display_name": key}),
        Execution(key=f"{key}/step", type=f"lineage.{types.get(kind, 'Declare')}"),
        *joined(f"{key}/step", inputs, [key]),
        *(Context(key=one) for one in contexts),
        *(Attribution(context=one, artifact=key) for one in contexts),
    ]


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        ("Approval", "approvals"),
        ("Declaration", "declarations"),
        ("Document", "documents"),
        ("Incident", "incidents"),
    ],
)
def test_what_is_said_of_a_sibling_in_the_same_places_is_not_of_the_version(
    told: Ledger, kind: str, section: str
) -> None:
    before = about(dossier(told), section)
    records = said_of(kind, "acme:said/1", [SIBLING], (REGISTERED, BLUE, PRODUCTION))
    told.record([said("sibling", "people", 5, *sibling(), *records)])
    assert about(dossier(told), section) == before
    own = said_of(kind, "acme:said/2", [VERSION], ())
    told.record([said("own", "people", 5, *own)])
    assert sorted(map(str, about(dossier(told), section))) == sorted(
        map(str, [*before, "acme:said/2"])
    )


def test_what_shares_a_repository_or_an_environment_is_no_document(told: Ledger) -> None:
    repository = Context(key="git:repository/fraud", type="lineage.Project")
    records = said_of("Document", "acme:release/1", [], ("git:repository/fraud",))
    inside = Attribution(context="git:repository/fraud", artifact=COMMIT)
    told.record([said("release", "github", 5, repository, *records, inside)])
    assert about(dossier(told), "documents") == []


@pytest.mark.parametrize(
    ("at", "is_told"), [(3.9, False), (4.0, True), (6.9, True), (7.0, False), (8.0, False)]
)
def test_an_incident_of_a_place_is_told_while_the_version_served_there(
    told: Ledger, at: float, *, is_told: bool
) -> None:
    """It served from day 4 to before day 7."""
    records = said_of("Incident", "acme:incident/2", [], (PRODUCTION,))
    told.record([said("alarm", "pager", at, *records)])
    assert ("acme:incident/2" in about(dossier(told), "incidents")) is is_told


def test_an_incident_of_its_own_deployment_is_told_whenever_it_was(told: Ledger) -> None:
    records = said_of("Incident", "acme:incident/2", [DEPLOYMENT], (BLUE,))
    told.record([said("alarm", "pager", 20, *records)])
    assert "acme:incident/2" in about(dossier(told), "incidents")
    other = said_of("Incident", "acme:incident/3", [OTHER_DEPLOYMENT], (BLUE,))
    told.record([said("other", "pager", 5, *other)])
    assert "acme:incident/3" not in about(dossier(told), "incidents")


@pytest.mark.parametrize(
    ("path", "section"),
    [(("training",), "data"), ((), "data"), (("evaluation",), "tested"), (("test",), "tested")],
)
def test_the_edge_says_whether_data_was_to_learn_or_to_test(
    told: Ledger, path: tuple[str, ...], section: str
) -> None:
    data = Artifact(key="acme:data/more", type="lineage.DataSet")
    edge = Event(artifact="acme:data/more", execution=RUN, kind=EventKind.INPUT, path=path)
    told.record([said("more", "mlflow", 1, data, edge)])
    report = dossier(told)
    for one in ("data", "tested"):
        keys = [item.about for item in items(report, one)]
        assert ("acme:data/more" in keys) is (one == section)


def test_data_that_it_was_tested_on_and_learned_from_is_told_as_both(told: Ledger) -> None:
    evaluation = Execution(key="acme:evaluate/2", type="lineage.Evaluate")
    data = Artifact(key="acme:data/more", type="lineage.DataSet")
    edges = [
        *joined(RUN, ["acme:data/more"], []),
        *joined("acme:evaluate/2", [VERSION, "acme:data/more"], []),
    ]
    told.record([said("more", "mlflow", 1, data, evaluation, *edges)])
    report = dossier(told)
    assert "acme:data/more" in [item.about for item in items(report, "data")]
    (tested,) = (one for one in items(report, "tested") if one.about == "acme:data/more")
    assert "It learned from this too." in (tested.reason or "")


@pytest.mark.parametrize(
    ("name", "is_code"), [("train.py", True), ("prepare.SQL", True), ("a.csv", False)]
)
def test_a_file_of_code_is_no_data(told: Ledger, name: str, *, is_code: bool) -> None:
    data = Artifact(key="acme:file/1", type="lineage.DataSet", properties={"display_name": name})
    told.record([said("file", "dvc", 1, data, *joined(RUN, ["acme:file/1"], []))])
    report = dossier(told)
    section = "code" if is_code else "data"
    assert "acme:file/1" in [item.about for item in items(report, section)]
    assert "acme:file/1" not in [
        item.about for item in items(report, "data" if is_code else "code")
    ]


@pytest.mark.parametrize(
    ("own", "stated", "expected"),
    [("1.4.1", None, "patch"), ("2.0.0", "minor", "major"), ("1.5.0", "minor", "minor")],
)
def test_what_a_version_changes_is_computed_beside_what_is_stated(
    told: Ledger, own: str, stated: str | None, expected: str
) -> None:
    properties: dict[str, Any] = {"semantic_version": own}
    if stated is not None:
        properties["change_class"] = stated
    version = Artifact(key=VERSION, type="lineage.ModelVersion", properties=properties)
    told.record([said("versions", "mlflow", 2, *sibling(), version)])
    (item,) = (one for one in items(dossier(told), "identity") if one.name == "semantic version")
    known = values(item)
    assert (known["change class (computed)"], known["changed from"]) == (expected, "1.4.0")
    assert known.get("change_class") == stated
    is_contradicted = stated is not None and stated != expected
    assert (f"It was stated to be {stated}" in (item.reason or "")) is is_contradicted


def test_a_decision_that_is_no_approval_approves_nothing(told: Ledger) -> None:
    refused = Artifact(
        key="acme:approval/1", type="lineage.Approval", properties={"decision": "withdrawn"}
    )
    told.record([said("withdrawn", "people", 9, refused)])
    (summed,) = (one for one in items(dossier(told), "summary") if one.name == "who approved it")
    assert summed.status is ItemStatus.MISSING
    assert (summed.reason or "").startswith("withdrawn by bea")


def test_a_dirty_tree_is_told_and_is_no_clean_one(told: Ledger) -> None:
    run = Execution(key=RUN, type="lineage.Train", properties={"code_is_dirty": True})
    told.record([said("dirty", "mlflow", 2, run)])
    (need,) = (
        one
        for one in items(dossier(told), "reproducibility")
        if one.name == "working tree that was clean"
    )
    assert need.status is ItemStatus.PARTIAL
    assert "not clean" in (need.reason or "")
