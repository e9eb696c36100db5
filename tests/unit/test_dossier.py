"""The dossier of a small story: what is in it, what it cites, and that it repeats."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendars import DAWN
from dossier_story import (
    APPROVAL,
    DATA,
    HOSTILE,
    RAW,
    RUN,
    VERSION,
    day,
    said,
    story,
)
from doubles import FakeClock, SeededRandomness
from erasing import ALL, asked
from lineage.ledger import Artifact, Ledger, Statement, open_ledger
from lineage.projections.views import TABLES
from lineage.reports.rendering import ReportForm, render
from lineage.stores.opening import open_store
from lineage_schemas.codec import encode_json
from lineage_schemas.errors import InvalidInputError, NotFoundError, UnknownBasisError
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.reports import Fact, FindingCode, Item, ItemStatus, Report
from lineage_schemas.values import JsonValue


def tell(ledger: Ledger) -> None:
    for statement in story():
        ledger.record([statement])


@pytest.fixture
def told(ledger: Ledger) -> Ledger:
    tell(ledger)
    return ledger


def dossier(ledger: Ledger, at: datetime | None = None) -> Report:
    return ledger.reports.dossier(VERSION, valid_at=at)


def items_of(report: Report, section: str, name: str) -> list[Item]:
    (found,) = (one for one in report.sections if one.name == section)
    return [one for one in found.items if one.name == name]


def facts_of(report: Report, section: str, name: str) -> dict[str, object]:
    return {fact.name: fact.value for one in items_of(report, section, name) for fact in one.facts}


def every_fact(report: Report) -> list[Fact]:
    return [fact for one in report.sections for item in one.items for fact in item.facts]


def test_each_fact_cites_entries_that_hold_its_value(told: Ledger) -> None:
    """What a fact says stands, as JSON, in one of the entries that it cites."""
    report = dossier(told)
    facts = every_fact(report)
    assert len(facts) > 50
    for fact in facts:
        assert fact.positions
        held = [_texts(told, position) for position in fact.positions]
        parts = _leaves(fact.value)
        if fact.name in {"from", "to", "why it ended"}:
            continue  # what moves amount to: see the next test
        for part in parts:
            assert any(part in texts for texts in held), (fact, part)
        if fact.field is not None:
            assert any(_says(told, position, fact) for position in fact.positions), fact


def test_what_an_interval_says_stands_in_the_moves_it_cites(told: Ledger) -> None:
    (item,) = items_of(dossier(told), "serving", "service interval")
    said_so = {fact.name: fact for fact in item.facts}
    assert said_so["from"].value == format_instant(instant_us(day(4)))
    assert said_so["to"].value == format_instant(instant_us(day(7)))
    assert said_so["display_name"].value == "production"
    whole = "".join(
        encode_json(entry.records).decode()
        for position in said_so["from"].positions
        for entry in told.entries(start=position, count=1).entries
    )
    assert '"at":"2026-01-05T00:00:00Z"' in whole
    assert '"at":"2026-01-08T00:00:00Z"' in whole


def _texts(ledger: Ledger, position: int) -> set[str]:
    (entry,) = ledger.entries(start=position, count=1).entries
    return _leaves(list(entry.records or ()))


def _leaves(value: JsonValue) -> set[str]:
    if isinstance(value, dict):
        return {one for part in value.values() for one in _leaves(part)}
    if isinstance(value, list):
        return {one for part in value for one in _leaves(part)}
    return set() if value is None else {encode_json(value).decode()}


def _says(ledger: Ledger, position: int, fact: Fact) -> bool:
    """Tell whether an entry describes the thing of a fact with just this value of the field."""
    (entry,) = ledger.entries(start=position, count=1).entries
    field, _, name = (fact.field or "").partition(".")
    for record in entry.records or ():
        if not isinstance(record, dict) or record.get("key") != fact.of:
            continue
        value = record.get(field)
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        if field == "type":
            value = [value, record.get("type_version")]
        if value == fact.value:
            return True
    return False


def test_the_cited_entries_are_listed_and_no_others(told: Ledger) -> None:
    report = dossier(told)
    cited = {position for fact in every_fact(report) for position in fact.positions}
    assert [one.position for one in report.entries] == sorted(cited)
    for entry in report.entries:
        (seen,) = told.entries(start=entry.position, count=1).entries
        assert (entry.leaf, entry.statement, entry.source) == (
            seen.leaf,
            seen.statement,
            seen.source,
        )


def test_the_same_basis_gives_the_same_bytes_also_after_later_entries(told: Ledger) -> None:
    first = dossier(told, day(4.5))
    body = render(first, ReportForm.JSON).body
    page = render(first, ReportForm.HTML).body
    told.record([said("later", "mlflow", 9, Artifact(key=RAW, type="lineage.DataSet"))])
    told.record([said("more", "mlflow", 1, Artifact(key=VERSION, external_id="x"))])
    again = told.reports.dossier(VERSION, as_of=first.basis)
    assert render(again, ReportForm.JSON).body == body
    assert render(again, ReportForm.HTML).body == page
    as_of = told.reports.dossier(VERSION, as_of=first.basis.size, valid_at=day(4.5))
    assert render(as_of, ReportForm.JSON).body == body
    assert render(dossier(told, day(4.5)), ReportForm.JSON).body != body


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(story()), at=st.sampled_from([None, 2.2, 4.5, 5.5, 9]))
def test_the_order_of_arrival_changes_no_fact(order: list[Statement], at: float | None) -> None:
    moment = None if at is None else day(at)
    with open_ledger("memory:") as one, open_ledger("memory:") as other:
        tell(one)
        for statement in order:
            other.record([statement])
        here, there = dossier(one, moment), dossier(other, moment)
        assert _without_positions(here) == _without_positions(there)


def _without_positions(report: Report) -> list[object]:
    facts = [
        (one.name, item.name, item.status, item.reason, item.about, fact.name, fact.value, fact.of)
        for one in report.sections
        for item in one.items
        for fact in item.facts
    ]
    return [
        encode_json(facts),
        [
            (one.code, one.what, one.where)
            for one in report.findings
            if one.code is not FindingCode.LATE  # it counts entries
        ],
    ]


def test_what_came_after_something_later_is_told_of_its_time(ledger: Ledger) -> None:
    told = story()
    late = next(one for one in told if one.id == "register")
    for statement in [*(one for one in told if one is not late), late]:
        ledger.record([statement])
    position = ledger.head().size - 1
    (item,) = items_of(dossier(ledger, day(4.5)), "identity", "stage")
    (fact,) = item.facts
    assert (fact.name, fact.value, fact.positions) == ("stage", "staging", (position,))
    assert facts_of(dossier(ledger), "identity", "stage") != {"stage": "staging"}


def test_what_came_late_is_cited_where_it_stands_among_other_namespaces(ledger: Ledger) -> None:
    told = story()
    late = next(one for one in told if one.id == "register")
    for statement in [*(one for one in told if one is not late), late]:
        ledger.record([statement], namespace="other")
        ledger.record([statement])
    report = dossier(ledger, day(4.5))
    (item,) = items_of(report, "identity", "stage")
    assert item.facts[0].positions == (ledger.head().size - 1,)
    (entry,) = (one for one in report.entries if one.position == ledger.head().size - 1)
    assert entry.statement == "register"


def test_what_is_stated_later_is_left_out_and_counted(told: Ledger) -> None:
    early = dossier(told, day(4.5))
    assert facts_of(early, "identity", "stage") == {"stage": "staging"}
    assert facts_of(early, "identity", "aliases") == {"aliases": {"items": ["challenger"]}}
    (serving,) = items_of(early, "serving", "service interval")
    names = {fact.name: fact.value for fact in serving.facts}
    assert "to" not in names
    assert names["serves at the valid time"] == "certain"
    assert items_of(early, "incidents", "incident")[0].status is ItemStatus.NOT_APPLICABLE
    # The type, stage and aliases said at the promotion; the incident, its watching, its removal.
    assert early.scope.left_out > 3
    cited = {one.stated_from for one in early.entries if one.stated_from is not None}
    assert max(cited) <= format_instant(instant_us(day(4.5)))
    assert not early.corrections
    whole = dossier(told)
    assert whole.scope.left_out == 0
    assert facts_of(whole, "identity", "stage") == {"stage": "production"}
    assert {one.field for one in whole.corrections} >= {"properties.stage", "properties.aliases"}


def test_before_it_was_made_there_is_nothing_but_gaps(told: Ledger) -> None:
    report = dossier(told, DAWN)
    assert items_of(report, "runs", "training")[0].status is ItemStatus.MISSING
    assert items_of(report, "approvals", "approval")[0].status is ItemStatus.MISSING
    assert not any(fact.of == RUN for fact in every_fact(report))


def test_a_review_day_that_has_passed_is_a_finding(told: Ledger) -> None:
    def overdue(at: datetime | None) -> list[str | None]:
        found = dossier(told, at).findings
        return [one.where for one in found if one.code is FindingCode.OVERDUE]

    assert overdue(day(9.5)) == []
    assert overdue(day(10)) == ["acme:declaration/1"]
    assert overdue(None) == []


def test_gaps_are_named(told: Ledger) -> None:
    report = dossier(told)
    missing = {
        (one.section, one.item, one.where)
        for one in report.findings
        if one.code is FindingCode.MISSING
    }
    assert {
        ("reproducibility", "image digest", None),
        ("reproducibility", "determinism flags", None),
        ("documents", "document", None),
        ("declarations", "declared legal basis", None),
        ("data", "something else", RAW),
    } <= missing
    stubs = [one.where for one in report.findings if one.code is FindingCode.STUB]
    assert stubs == [RAW]
    for section in report.sections:
        for item in section.items:
            is_whole = item.status is ItemStatus.PROVIDED
            assert bool(item.reason) or is_whole, item


def test_a_page_has_every_fact_and_nothing_that_is_not_escaped(told: Ledger) -> None:
    report = dossier(told)
    rendered = render(report, ReportForm.HTML)
    page = rendered.body.decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;quoted&#34;" in page
    assert HOSTILE not in page
    assert rendered.digest in page
    for fact in every_fact(report):
        for position in fact.positions:
            assert f'href="#entry-{position}"' in page
            assert f'id="entry-{position}"' in page
        if isinstance(fact.value, str) and fact.value != HOSTILE:
            assert fact.value in page
    for finding in report.findings:
        assert finding.what in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_digest_is_of_the_json_form_in_both_forms(told: Ledger) -> None:
    report = dossier(told)
    one, other = render(report, ReportForm.JSON), render(report, ReportForm.HTML)
    assert one.digest == other.digest
    assert msgspec.json.decode(one.body, type=Report) == report


def test_what_was_erased_shows_as_erased(told: Ledger) -> None:
    (position,) = {
        fact.positions[0]
        for fact in every_fact(dossier(told))
        if fact.of == APPROVAL and fact.name == "approver"
    }
    before = dossier(told)
    told.erasures.erase(asked(position))
    after = dossier(told)
    facts = facts_of(after, "approvals", "approval")
    assert facts["approver"] == {"$redacted": position}
    assert [one.position for one in after.redactions] == [position]
    assert FindingCode.REDACTED in {one.code for one in after.findings}
    page = render(after, ReportForm.HTML).body.decode()
    assert f"redacted (entry {position})" in page
    assert "bea" not in page
    with pytest.raises(UnknownBasisError):
        told.reports.dossier(VERSION, as_of=before.basis)


def test_an_entry_erased_whole_leaves_a_gap_that_is_named(told: Ledger) -> None:
    (position,) = {
        fact.positions[0]
        for fact in every_fact(dossier(told))
        if fact.of == DATA and fact.name == "content_digest"
    }
    told.erasures.erase(asked(position, parts=ALL))
    report = dossier(told)
    assert not any(position in fact.positions and fact.field for fact in every_fact(report))
    assert [one.position for one in report.redactions] == [position]
    assert items_of(report, "data", "something else")


def test_only_a_model_version_has_a_dossier(told: Ledger) -> None:
    with pytest.raises(InvalidInputError):
        told.reports.dossier(DATA)
    with pytest.raises(NotFoundError):
        told.reports.dossier("acme:nowhere")
    assert told.reports.dossier("fraud v3").subject == VERSION


def test_an_empty_ledger_has_no_dossier(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError):
        ledger.reports.dossier(VERSION)


def test_every_kind_of_store_gives_the_same_bytes_but_for_the_origin(told: Ledger) -> None:
    store = open_store("memory:", TABLES, "origin/of-another")
    with Ledger(store, FakeClock(), SeededRandomness()) as other:
        tell(other)
        here, there = dossier(told, day(5)), dossier(other, day(5))
        assert here.basis.origin != there.basis.origin
        expected = render(here, ReportForm.HTML).body.replace(
            here.basis.origin.encode(), there.basis.origin.encode()
        )
        digests = [render(one, ReportForm.JSON).digest.encode() for one in (here, there)]
        assert expected.replace(digests[0], digests[1]) == render(there, ReportForm.HTML).body
