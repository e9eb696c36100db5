"""Values that the log could not keep, compare or order are refused before they reach it."""

from datetime import datetime, timedelta, timezone

import pytest

from lineage.ledger import (
    Artifact,
    Claim,
    Event,
    EventKind,
    Kind,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.service import Ledger
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.identifiers import EMPTY_DIGESTS
from lineage_schemas.mlmd import ExecutionType
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue
from strategies import DAWN

A, RUN = "acme:a", "acme:run"
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001
HUGE = 2**70

Point = tuple[int, JsonValue, datetime | None]


def refuse(ledger: Ledger, statement: Statement, says: str = ".") -> InvalidInputError:
    """Expect a statement to be refused, its good neighbour with it."""
    before = ledger.head()
    good = Statement(id="good", source="ci", records=(Artifact(key=A),))
    with pytest.raises(InvalidInputError, match=says) as caught:
        ledger.record([good, statement])
    assert ledger.head() == before
    return caught.value


def observed(record: AnyRecord) -> Statement:
    return Statement(id="bad", source="ci", records=(record,))


def command(record: AnyRecord) -> Statement:
    return Statement(id="bad", source="client", mode=Mode.COMMAND, records=(record,))


# --- metrics -------------------------------------------------------------------------------------


def series(chunk: int, *points: Point) -> MetricSeries:
    return MetricSeries(execution=RUN, metric="loss", chunk=chunk, points=points)


@pytest.mark.parametrize(
    "record",
    [
        series(-1),
        series(HUGE),
        series(2**63),
        series(0, (HUGE, 0.5, None)),
        series(0, (-(2**63) - 1, 0.5, None)),
        series(0, (0, "0.5", None)),
        series(0, (0, True, None)),
        series(0, (0, None, None)),
        series(0, (0, {"mean": 0.5}, None)),
        series(0, (0, [0.5], None)),
        series(0, (0, float("nan"), None)),
        series(0, (0, HUGE, None)),
        series(0, (0, 0.5, DAWN), (1, 0.5, NAIVE)),
    ],
    ids=repr,
)
def test_a_metric_that_cannot_be_is_refused_either_way(ledger: Ledger, record: AnyRecord) -> None:
    refuse(ledger, observed(record))
    refuse(ledger, command(record))


def test_a_metric_may_be_any_number(ledger: Ledger) -> None:
    points: tuple[Point, ...] = (
        (-(2**63), 1, None),
        (0, 0.5, DAWN),
        (2**63 - 1, {"$float": "NaN"}, None),
    )
    ledger.record([observed(series(2**63 - 1, *points))])
    (metric,) = ledger.show(RUN)[0].series
    assert [value for _, value, _ in metric.points] == [1, 0.5, {"$float": "NaN"}]
    assert ledger.audit().findings == ()


# --- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [HUGE, 2**63, -(2**63) - 1])
def test_a_step_of_a_path_has_64_bits(ledger: Ledger, step: int) -> None:
    record = Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=("in", step))
    refuse(ledger, observed(record), "64 bits")
    refuse(ledger, command(record), "64 bits")


def test_the_largest_step_of_a_path_is_kept(ledger: Ledger) -> None:
    path = ("in", 2**63 - 1, -(2**63))
    ledger.record([observed(Event(artifact=A, execution=RUN, kind=EventKind.INPUT, path=path))])
    assert ledger.show(RUN)[0].edges[0].path == path
    assert ledger.audit().findings == ()


# --- types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [float("nan"), float("inf"), 2**63, {"rows": float("nan")}, {"rows": [2**63]}, "\0", [1]],
    ids=repr,
)
def test_a_signature_that_json_cannot_say_is_refused(ledger: Ledger, signature: JsonValue) -> None:
    refuse(ledger, command(ExecutionType(name="Step", input_type=signature)))
    refuse(ledger, command(ExecutionType(name="Step", output_type=signature)))


def test_a_signature_is_kept_as_it_was_given(ledger: Ledger) -> None:
    signature: JsonValue = {"rows": {"artifact": "Data", "at_least": 2**63 - 1}}
    ledger.record([command(ExecutionType(name="Step", input_type=signature))])
    step = next(one.type for one in ledger.types().types if one.type.name == "Step")
    assert isinstance(step, ExecutionType)
    assert step.input_type == signature


# --- stated time ---------------------------------------------------------------------------------


def during(start: datetime, end: datetime) -> Statement:
    stated = StatedTime(start=start, end=end)
    return Statement(id="the-one", source="ci", records=(Artifact(key=A),), stated=stated)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (DAWN, DAWN - timedelta(microseconds=1)),
        (DAWN, (DAWN - timedelta(hours=1)).astimezone(timezone(timedelta(hours=9)))),
    ],
)
def test_an_interval_that_ends_before_it_begins_is_refused(
    ledger: Ledger, start: datetime, end: datetime
) -> None:
    error = refuse(ledger, during(start, end), "ends before it begins")
    assert "the-one" in error.where


def test_an_interval_may_be_a_moment(ledger: Ledger) -> None:
    ledger.record([during(DAWN, DAWN.astimezone(timezone(timedelta(hours=9))))])
    assert ledger.audit().findings == ()


# --- the digest of nothing -----------------------------------------------------------------------


@pytest.mark.parametrize("link_class", LinkClass)
@pytest.mark.parametrize("digest", sorted(EMPTY_DIGESTS))
def test_the_digest_of_nothing_is_claimed_in_no_class(
    ledger: Ledger, digest: str, link_class: LinkClass
) -> None:
    for spelling in (digest, digest.upper()):
        for make in (Claim, Retraction):
            record = make(kind=Kind.ARTIFACT, node=A, identifier=spelling, link_class=link_class)
            refuse(ledger, observed(record), "digest of nothing")
            refuse(ledger, command(record), "digest of nothing")
