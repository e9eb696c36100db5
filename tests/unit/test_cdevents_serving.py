"""What serves when, as messages of CDEvents tell it, against a calendar that was made by hand."""

from datetime import UTC, datetime
from itertools import permutations

import pytest

from cdevents_messages import (
    Object,
    cdevent,
    message_key,
    new_ledger,
    path_from,
    receive,
    trigger,
)
from lineage.ledger import Artifact, ServingQuery, Statement
from lineage.service import Ledger
from lineage_schemas.serving import ServingInterval
from lineage_schemas.values import JsonValue

PRODUCTION: Object = {"environment": {"id": "production"}}


def image(number: int) -> str:
    return f"pkg:oci/churn@sha256:{number:064x}?repository_url=ghcr.io/acme"


def model(number: int) -> str:
    return f"mlflow:model-version/prod/churn/{number}"


def moved(
    predicate: str,
    minute: int,
    version: int | None = None,
    links: list[JsonValue] | None = None,
    **data: JsonValue,
) -> Object:
    """Return a message about the service, and about a version of it where one is named."""
    content = PRODUCTION if version is None else {**PRODUCTION, "artifactId": image(version)}
    if version is not None:
        data["lineage.model-version"] = model(version)
    return cdevent(
        f"service.{predicate}", minute, "churn", content, links=links or [], customData=data
    )


def told(*events: Object) -> Ledger:
    """Return a ledger that knows three model versions, and was told these messages."""
    ledger = new_ledger()
    receive(ledger, *events)
    known = tuple(Artifact(key=model(n), type="lineage.ModelVersion") for n in (1, 2, 3))
    ledger.record([Statement(id="known", source="mlflow", records=known)])
    return ledger


def packed(minute: int, version: int) -> Object:
    """Return a message that says what was packed into an image."""
    data: Object = {"lineage.model-version": model(version)}
    return cdevent("artifact.packaged", minute, image(version), customData=data)


INCIDENT = cdevent("incident.detected", 6, "incident-1", {**PRODUCTION, "artifactId": image(2)})
STORY = [
    moved("deployed", 1, 1),
    moved("upgraded", 5, 2, [path_from(4)]),
    INCIDENT,
    moved("rolledback", 7, 1, [trigger(6)]),
    moved("removed", 9),
]


def calendar(ledger: Ledger, query: ServingQuery | None = None) -> list[tuple[object, ...]]:
    """Return who served from which minute to which, as what, and how that ended."""
    found = ledger.registry.serving(query or ServingQuery())
    assert found.complete
    return [
        (
            minute(one.start),
            minute(one.end),
            *(served.key for served in one.serves),
            one.role.value,
            one.ending,
        )
        for one in found.intervals
    ]


def minute(moment: str | None) -> int | None:
    return None if moment is None else int(moment[14:16])


def intervals(ledger: Ledger) -> tuple[ServingInterval, ...]:
    return ledger.registry.serving().intervals


EXPECTED = [
    (1, 5, model(1), "champion", "replaced"),
    (5, 7, model(2), "champion", "rolled_back"),
    (7, 9, model(1), "champion", "removed"),
]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::7], ids=str)
def test_messages_make_a_calendar_in_any_order(order: tuple[int, ...]) -> None:
    assert calendar(told(*(STORY[index] for index in order))) == EXPECTED


def test_a_roll_back_names_its_trigger() -> None:
    back = intervals(told(*STORY))[2]
    assert (back.is_rollback, back.trigger) == (True, message_key(6))


def test_a_moment_between_has_one_answer() -> None:
    ledger = told(*STORY)
    for at, version in ((1, 1), (4, 1), (5, 2), (6, 2), (7, 1), (8, 1)):
        moment = datetime(2026, 1, 31, 12, at, tzinfo=UTC)
        (one,) = ledger.registry.serving(valid_at=moment).intervals
        assert [served.key for served in one.serves] == [model(version)]
    for at in (0, 9):
        moment = datetime(2026, 1, 31, 12, at, tzinfo=UTC)
        assert ledger.registry.serving(valid_at=moment).intervals == ()


def test_a_challenger_serves_beside_the_champion_and_takes_its_place() -> None:
    ledger = told(
        moved("deployed", 1, 1, revision="blue", traffic_ratio=0.9),
        moved("deployed", 2, 2, revision="green", role="challenger", traffic_ratio=0.1),
        moved("published", 3, revision="green", role="champion", traffic_ratio=1.0),
        moved("removed", 4, revision="green"),
    )
    assert calendar(ledger) == [
        (1, 3, model(1), "champion", "replaced"),
        (2, 3, model(2), "challenger", "changed"),
        (3, 4, model(2), "champion", "removed"),
    ]


def test_two_champions_share_where_one_is_said_to_be_beside() -> None:
    ledger = told(
        moved("deployed", 1, 1, traffic_ratio=0.5),
        moved("deployed", 2, 2, traffic_ratio=0.5, is_beside=True),
        moved("removed", 3),
    )
    assert calendar(ledger) == [
        (1, 3, model(1), "champion", "removed"),
        (2, 3, model(2), "champion", "removed"),
    ]


def test_environments_are_apart() -> None:
    staging = moved("deployed", 2, 2)
    subject = staging["subject"]
    assert isinstance(subject, dict)
    content = subject["content"]
    assert isinstance(content, dict)
    content["environment"] = {"id": "staging"}
    ledger = told(moved("deployed", 1, 1), staging, moved("removed", 3))
    assert calendar(ledger, ServingQuery(environment="production")) == [
        (1, 3, model(1), "champion", "removed")
    ]
    assert calendar(ledger, ServingQuery(environment="staging")) == [
        (2, None, model(2), "champion", None)
    ]


def test_what_is_packed_into_an_image_serves_with_it() -> None:
    content: Object = {**PRODUCTION, "artifactId": image(3)}
    ledger = told(cdevent("service.deployed", 2, "churn", content), packed(1, 3))
    assert calendar(ledger, ServingQuery(of=model(3))) == [(2, None, model(3), "champion", None)]
