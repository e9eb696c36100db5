"""Sources at the surface: in GraphQL, in the terminal, and in metrics."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from msgspec.structs import replace

from doubles import NOON_US
from lineage.ledger import Artifact, Statement
from lineage_api.app import create_app
from lineage_api.settings import Settings
from lineage_schemas.codec import encode_json
from lineage_schemas.sources import SourceScan
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, dig, running
from terminal import Terminal

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR_US = 3_600_000_000
HEARD_AT = "2026-01-01T12:00:03.000000Z"
"""When it was recorded: what the terminal's ledger holds before took three seconds."""

SCAN = SourceScan(
    tool="mlflow",
    address="https://tracking.example.org",
    started=NOON - timedelta(minutes=1),
    finished=NOON,
    is_whole=True,
    there={"run": 3, "model": 1},
    here={"run": 2, "model": 1},
    unread=("run/0123: it is locked",),
    unread_count=1,
    cursor={"after": 7},
    due_seconds=3_600,
)
UNRECONCILED = (
    "mlflow is unreconciled: 1 not read when looked at 2026-01-01T12:00:00.000000Z",
    "mlflow is unreconciled: run: 3 there, 2 here when looked at 2026-01-01T12:00:00.000000Z",
)
OVERDUE = (
    "mlflow is overdue: last looked at whole 2026-01-01T12:00:00.000000Z, promised every 3600 s"
)
ASK = """
query($asOf: AsOf) {
  sources(asOf: $asOf) {
    basis { origin size root projection lastErasure sourcesAt complete incompleteBecause }
    sources { name lastHeard tool cursor counts { kind there here } unread unreadCount
              dueSeconds expectedSeconds isOverdue isReconciled findings }
  }
}
"""


@pytest.fixture
def told(terminal: Terminal) -> Terminal:
    terminal.clock.step_us = 0
    with terminal.open() as ledger:
        node = Artifact(key="acme:a/1", type="lineage.Model")
        ledger.record([Statement(id="s-1", source="mlflow", records=(SCAN, node))])
    return terminal


def ask(client: SurfaceClient, as_of: JsonValue = None) -> dict[str, JsonValue]:
    sent = {"query": ASK, "variables": {"asOf": as_of}}
    body = client.post("/graphql", sent).json()
    assert "errors" not in body
    return cast("dict[str, JsonValue]", dig(body, "data", "sources"))


def test_graphql_judges_a_question_about_now_by_the_clock(told: Terminal) -> None:
    with told.open() as ledger, running(create_app(ledger, Settings())) as client:
        found = ask(client)
        assert dig(found, "basis", "incompleteBecause") == list(UNRECONCILED)
        told.clock.now_us = NOON_US + 2 * HOUR_US
        late = ask(client)
        assert dig(late, "basis", "incompleteBecause") == [OVERDUE, *UNRECONCILED]
        assert dig(late, "basis", "sourcesAt") == "2026-01-01T14:00:00.000000Z"
        shown = next(
            one for one in cast("list[JsonValue]", late["sources"]) if dig(one, "name") == "mlflow"
        )
        assert shown == {
            "name": "mlflow",
            "lastHeard": HEARD_AT,
            "tool": "mlflow",
            "cursor": {"after": 7},
            "counts": [
                {"kind": "model", "there": "1", "here": "1"},
                {"kind": "run", "there": "3", "here": "2"},
            ],
            "unread": ["run/0123: it is locked"],
            "unreadCount": "1",
            "dueSeconds": "3600",
            "expectedSeconds": None,
            "isOverdue": True,
            "isReconciled": False,
            "findings": [OVERDUE, *UNRECONCILED],
        }


def test_a_basis_handed_back_to_graphql_brings_the_same_answer(told: Terminal) -> None:
    with told.open() as ledger, running(create_app(ledger, Settings())) as client:
        told.clock.now_us = NOON_US + 2 * HOUR_US
        late = ask(client)
        told.clock.now_us = NOON_US + 9 * HOUR_US
        clean = replace(
            SCAN, finished=NOON + timedelta(hours=8), here=SCAN.there, unread=(), unread_count=0
        )
        ledger.record([Statement(id="s-2", source="mlflow", records=(clean,))])
        basis = cast("dict[str, JsonValue]", late["basis"])
        kept = {name: basis[name] for name in ("origin", "size", "root", "projection")}
        again = ask(
            client,
            {"basis": {**kept, "lastErasure": None, "sourcesAt": basis["sourcesAt"]}},
        )
        assert encode_json(again) == encode_json(late)
        assert dig(ask(client), "basis", "complete") is True


@pytest.mark.parametrize("option", [(), ("--unresolved",)])
def test_lists_of_links_say_why_they_are_not_complete(
    told: Terminal, option: tuple[str, ...]
) -> None:
    listed = told.run("links", *option)
    assert UNRECONCILED[0] in listed.stderr
    assert listed.stderr.count("complete  no, because") == 1


def test_the_terminal_lists_sources_and_says_why_an_answer_is_not_complete(told: Terminal) -> None:
    told.clock.now_us = NOON_US + 2 * HOUR_US
    listed = told.run("sources")
    assert listed.exit_code == 0
    when = "2026-01-01T12:00:00.000000Z"
    assert f"mlflow\t{HEARD_AT}\t{when}\t{when}\tmodel 1/1, run 3/2\tlooked at every 3600 s\t" in (
        listed.stdout
    )
    assert listed.stdout.count("overdue, unreconciled") == 1
    because = f"complete  no, because {'; '.join((OVERDUE, *UNRECONCILED))}"
    assert because in listed.stderr
    assert because in told.run("trace", "acme:a/1").stdout
    assert because in told.run("show", "acme:a/1").stdout
    assert because in told.run("find", "acme").stderr
    assert because in told.run("list", "artifact").stderr


@pytest.mark.parametrize(
    ("span", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800)]
)
def test_the_terminal_says_what_is_expected(told: Terminal, span: str, seconds: int) -> None:
    said = told.run("expect", "airflow", "--within", span)
    assert said.exit_code == 0
    assert f"airflow is expected every {seconds} s" in said.stdout
    assert f"heard every {seconds} s\tfine" in told.run("sources").stdout
    told.clock.now_us += (seconds + 1) * 1_000_000
    assert "airflow is overdue: never heard" in told.run("sources").stderr
    assert "no longer expected" in told.run("expect", "airflow", "--within", "none").stdout
    assert "airflow is overdue" not in told.run("sources").stderr


@pytest.mark.parametrize("span", ["", "1", "h", "0s", "-1h", "1w", "1.5h", "11d1h", "99999d"])
def test_a_span_that_is_none_is_refused(told: Terminal, span: str) -> None:
    assert told.run("expect", "airflow", "--within", span).exit_code != 0
    assert "airflow" not in told.run("sources").stdout


def test_metrics_count_the_sources_of_every_namespace_that_are_not_well(told: Terminal) -> None:
    with told.open() as ledger, running(create_app(ledger, Settings())) as client:
        ledger.watching.expect("airflow", 60, namespace="other")
        text = client.get("/metrics").text
        assert "\nlineage_sources_overdue 0.0\n" in text
        assert "\nlineage_sources_unreconciled 1.0\n" in text
        told.clock.now_us = NOON_US + 2 * HOUR_US
        assert "\nlineage_sources_overdue 2.0\n" in client.get("/metrics").text
