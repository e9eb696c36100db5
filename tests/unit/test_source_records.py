"""Looks at sources and expectations of them, as statements: what is kept, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from lineage import open_ledger
from lineage_schemas.codec import decode_record, decode_records, encode_json, encode_parts
from lineage_schemas.errors import InvalidInputError, LedgerError, LimitExceededError
from lineage_schemas.limits import CURSOR_BYTES_MAX, DUE_SECONDS_MAX, SCAN_KINDS_MAX
from lineage_schemas.mlmd import Artifact
from lineage_schemas.records import Mode, Statement
from lineage_schemas.sources import SourceExpectation, SourceScan

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCAN = SourceScan(
    tool="mlflow",
    address="https://tracking.example.org",
    started=NOON,
    finished=NOON + timedelta(minutes=1),
    is_whole=True,
    there={"run": 3},
    here={"run": 2},
    unread=("run/0123: it is locked",),
    unread_count=1,
    cursor={"after": 7},
    due_seconds=3_600,
)
EXPECTATION = SourceExpectation(source="airflow", due_seconds=60)


def recorded(record: SourceScan | SourceExpectation, mode: Mode = Mode.OBSERVATION) -> object:
    statement = Statement(id="s", source="mlflow:tracking", records=(record,), mode=mode)
    with open_ledger("memory:") as ledger:
        ledger.record([statement])
        entries = ledger.entries(start=0, count=9).entries
    for entry in entries:
        if entry.source == statement.source and entry.records:
            return decode_record(encode_json(entry.records[0]))
    raise AssertionError


@pytest.mark.parametrize(
    "record",
    [SCAN, EXPECTATION, replace(EXPECTATION, due_seconds=None), replace(SCAN, cursor=None)],
    ids=["scan", "expectation", "expected no longer", "without a cursor"],
)
def test_what_was_said_of_a_source_is_kept_as_it_was_said(
    record: SourceScan | SourceExpectation,
) -> None:
    assert recorded(record) == record


@pytest.mark.parametrize("record", [SCAN, EXPECTATION], ids=["scan", "expectation"])
def test_parts_with_it_say_version_4_and_others_stay_as_they_were(
    record: SourceScan | SourceExpectation,
) -> None:
    assert encode_parts((record,)).facts.startswith(b'{"version":4,')
    assert encode_parts((Artifact(key="a:b"),)).facts.startswith(b'{"version":2,')


def test_parts_are_read_back_from_the_bytes_that_are_published() -> None:
    body = (
        b'{"version":4,"records":[{"record":"source_expectation","due_seconds":60,'
        b'"source":"airflow"}]}'
    )
    assert decode_records(body, None) == (EXPECTATION,)


LATE = NOON - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"finished": LATE}, InvalidInputError, "ends before it begins"),
        ({"started": datetime(2026, 1, 1, 12)}, InvalidInputError, "no time zone"),  # noqa: DTZ001
        ({"tool": ""}, InvalidInputError, "plain text"),
        ({"address": "x" * 2_049}, LimitExceededError, "IDENTIFIER_BYTES_MAX"),
        ({"there": {"run": -1}}, InvalidInputError, "counts from 0"),
        ({"here": {" ": 1}}, InvalidInputError, "plain text"),
        (
            {"there": dict.fromkeys(map(str, range(SCAN_KINDS_MAX + 1)), 1)},
            LimitExceededError,
            "SCAN_KINDS_MAX",
        ),
        ({"unread": ("x",) * 101, "unread_count": 101}, LimitExceededError, "UNREAD_NAMED_MAX"),
        ({"unread_count": 0}, InvalidInputError, "unread_count"),
        ({"cursor": {"x": "y" * CURSOR_BYTES_MAX}}, LimitExceededError, "CURSOR_BYTES_MAX"),
        ({"cursor": {"x": float("nan")}}, InvalidInputError, "NaN"),
        ({"due_seconds": 0}, LimitExceededError, "DUE_SECONDS_MAX"),
        ({"due_seconds": DUE_SECONDS_MAX + 1}, LimitExceededError, "DUE_SECONDS_MAX"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_look_that_cannot_be_is_refused(
    changes: dict[str, Any], error: type[LedgerError], words: str
) -> None:
    with pytest.raises(error, match=words):
        recorded(replace(SCAN, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"source": ""}, {"source": "http://ada:pw@host"}, {"due_seconds": 0}],
    ids=["no name", "a password", "due at once"],
)
def test_an_expectation_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        recorded(replace(EXPECTATION, **changes))


@pytest.mark.parametrize("record", [SCAN, EXPECTATION], ids=["scan", "expectation"])
def test_it_is_no_command(record: SourceScan | SourceExpectation) -> None:
    with pytest.raises(InvalidInputError, match="observed, not commanded"):
        recorded(record, Mode.COMMAND)


def test_a_password_in_an_address_never_reaches_the_log() -> None:
    kept = recorded(replace(SCAN, address="https://ada:hunter2@tracking.example.org"))
    assert isinstance(kept, SourceScan)
    assert kept.address == "https://ada:[filtered]@tracking.example.org"
