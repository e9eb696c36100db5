"""The access log of a ledger in PostgreSQL: for every process, and signed by the signer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import fresh_schema
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, A, said
from lineage.anchoring.keys import make_signing_key
from lineage.ledger import Principal, Role, TraceQuery, open_ledger
from lineage.service import Ledger
from lineage.stores.opening import access_location, open_store

CYD = Principal("cyd")
QUERY = TraceQuery(start=(A,))


@pytest.fixture
def location() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


def opened(location: str, seed: str, signing: Path | None = None) -> Ledger:
    files = (None, None) if signing is None else (signing / "a.key", signing / "a.sidecar")
    return open_ledger(
        location,
        clock=FakeClock(),
        randomness=SeededRandomness(seed),
        key=files[0],
        sidecar=files[1],
    )


def test_what_one_process_gave_an_auditor_is_there_for_the_next(location: str) -> None:
    with opened(location, "first") as first:
        first.record([said("1", OWNED)])
        first.access.grant("cyd", Role.AUDITOR, ["*"])
        first.trace(QUERY, principal=CYD)
    with opened(location, "second") as second:
        second.trace(QUERY, principal=CYD)
        told = second.access.log().records
    assert [(one.who, one.access.operation) for one in told] == [("cyd", "trace")] * 2


def test_whoever_signs_the_ledger_signs_its_access_log(location: str, tmp_path: Path) -> None:
    make_signing_key(tmp_path / "a.key", "example.org/ledger", SeededRandomness())
    with opened(location, "signer", tmp_path) as ledger:
        ledger.record([said("1", OWNED)])
        ledger.access.grant("cyd", Role.AUDITOR, ["*"])
        ledger.trace(QUERY, principal=CYD)
    assert {one.name for one in tmp_path.iterdir()} >= {"a.key.access", "a.sidecar.access"}
    beside = open_store(access_location(location), (), "never used")
    with beside.read() as reader:
        assert reader.checkpoint() is not None
    beside.close()
