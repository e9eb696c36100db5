"""There is no room left, at any moment: nothing acknowledged is lost, and room makes it whole."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from checks import check_ledger
from lineage.ledger import ErasureRequest
from lineage.service import Ledger
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import StoreFullError
from signing_children import personal_statement, personal_value, signed_ledger

ROOM = range(0, 24, 2)
"""Pages that are left: each stops the work at another place."""

UNLIMITED = 4_294_967_294


@contextmanager
def room_for(ledger: Ledger, pages: int) -> Iterator[None]:
    """Let the file grow by so many pages and no more, as a disk does that is about to be full."""
    store = ledger._store
    assert isinstance(store, SqliteStore)
    connection = store._writing.conn
    used = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {used + pages}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA max_page_count = {UNLIMITED}")


def erasure_of(run: int, number: int) -> ErasureRequest:
    return ErasureRequest(
        targets=(f"acme:p/{run}-{number}",), legal_basis="a test", requester="A", approver="B"
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = signed_ledger(tmp_path / "ledger.db")
    ledger.record([personal_statement(0, number) for number in range(20)])
    ledger.custody.checkpoint()
    yield ledger
    ledger.close()


@pytest.mark.parametrize("pages", ROOM)
def test_writing_and_signing_stop_and_go_on(ledger: Ledger, pages: int) -> None:
    acknowledged = 0
    with room_for(ledger, pages), suppress(StoreFullError):
        for acknowledged in range(200):
            ledger.record([personal_statement(1, acknowledged)])
            ledger.custody.checkpoint()
    assert acknowledged < 199, "the disk was never full"
    ledger.record([personal_statement(2, 0)])
    assert ledger.custody.checkpoint().unsigned == 0
    for number in range(acknowledged):
        (receipt,) = ledger.record([personal_statement(1, number)])
        assert receipt.outcome == "duplicate"
    check_ledger(ledger)


@pytest.mark.parametrize("pages", ROOM)
def test_an_erasure_happens_whole_or_not_at_all(ledger: Ledger, tmp_path: Path, pages: int) -> None:
    value = personal_value(0, 7).encode()
    before = ledger.head()
    with room_for(ledger, pages):
        try:
            answer = ledger.erasures.erase(erasure_of(0, 7))
        except StoreFullError:
            answer = None
    if answer is None:
        assert ledger.head() == before
        assert ledger.show("acme:p/0-7")[0].redactions == ()
        ledger.erasures.erase(erasure_of(0, 7))
    check_ledger(ledger)
    ledger.close()
    with signed_ledger(tmp_path / "ledger.db") as again:
        assert again.show("acme:p/0-7")[0].redactions != ()
        check_ledger(again)
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert [name for name, body in files.items() if value in body] == []
