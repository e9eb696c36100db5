"""Several reviews of one run: the last stands, and stands whole."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from github_deliveries import Object, new_ledger, receive
from lineage.connectors.github.telling import moment_of
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import (
    Artifact,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
)
from lineage_schemas.records import StatedTime, Statement
from lineage_schemas.values import JsonValue

REPOSITORY: Object = {"id": 17, "full_name": "acme/fraud"}


def shown_of(*messages: tuple[str, Object]) -> Node:
    ledger = new_ledger()
    receive(ledger, *messages)
    key = "github:review/github.com/30/1/production"
    return ledger.show(key, kind=Kind.ARTIFACT)[0].node


def waiting(action: str, number: int, **more: JsonValue) -> tuple[str, Object]:
    """Return a review that was waited for since a minute, and decided in the next."""
    run: Object = {
        "id": 30,
        "run_attempt": 1,
        "head_sha": "5a" * 20,
        "updated_at": f"2026-01-31T12:{number + 1:02}:00Z",
    }
    since = f"2026-01-31T12:{number:02}:00Z"
    told_of: Object = {"since": since, "environment": "production", "workflow_run": run}
    return ("deployment_review", {"action": action, "repository": REPOSITORY, **told_of, **more})


@settings(max_examples=24, deadline=None)
@given(st.permutations([0, 1, 2, 3]))
def test_a_review_takes_nothing_from_the_one_before(order: list[int]) -> None:
    """Two jobs of one run may wait for one environment, one after the other."""
    first = [waiting("requested", 1), waiting("approved", 1, approver={"login": "jo"}, comment="x")]
    again, rejected = waiting("requested", 5), waiting("rejected", 5, approver={"login": "al"})
    shown = shown_of(*first, again)
    assert not {"approver", "decision", "decided_time"} & set(shown.properties)
    messages = [*first, again, rejected]
    shown = shown_of(*(messages[index] for index in order))
    assert (shown.properties["approver"], shown.properties["decision"]) == ("al", "rejected")
    assert "github.comment" not in shown.custom_properties


@pytest.mark.parametrize("odd", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_no_calendar_has_is_none(odd: str) -> None:
    assert moment_of(odd) is None


def test_what_was_only_asked_for_is_no_decision_in_the_registry() -> None:
    ledger = new_ledger()
    version, step = "acme:model/1", "acme:approve"
    records = (
        Artifact(key=version, type="lineage.ModelVersion"),
        Context(key="acme:model", type="lineage.RegisteredModel"),
        Attribution(context="acme:model", artifact=version),
        Execution(key=step, type="lineage.Approve"),
        Event(artifact=version, execution=step, kind=EventKind.INPUT),
    )
    at = StatedTime(start=datetime(2026, 1, 31, tzinfo=UTC))
    ledger.record([Statement(id="s", source="s", records=records, stated=at)])
    (found,) = ledger.registry.model("acme:model").approvals
    assert (found.decision, found.decided_time) == (None, None)
