"""Further pages: every list goes on in the past of its first page, judged at the same moment."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, Protocol

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.ledger import (
    Artifact,
    BetweenQuery,
    Claim,
    Event,
    EventKind,
    HistoryQuery,
    LateQuery,
    LinkClass,
    Mode,
    OrphansQuery,
    StatedTime,
    Statement,
)
from lineage.questions.as_of import AsOf, Present
from lineage.service import Ledger
from lineage.stores.memory import MemoryStore
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import AnyRecord

HOUR: Final = 3_600
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Page(Protocol):
    """What every page has."""

    @property
    def basis(self) -> Basis: ...

    @property
    def cursor(self) -> str | None: ...


Ask = Callable[[Ledger, str | None, AsOf], Page]
"""Asks a ledger for one page: behind a cursor, and as of a past."""


def find(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.find("deposit", cursor=cursor, count=1, as_of=as_of)


def list_nodes(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.list_nodes("artifact", cursor=cursor, count=1, as_of=as_of)


def orphans(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.graph.orphans(OrphansQuery(cursor=cursor, count=1), as_of=as_of)


def history(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    query = HistoryQuery(node="acme:deposit/1", cursor=cursor, count=1)
    return ledger.graph.history(query, as_of=as_of)


def late(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.graph.late(LateQuery(cursor=cursor, count=1), as_of=as_of)


def links(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.linking.links(cursor=cursor, count=1, as_of=as_of)


def unresolved(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.linking.unresolved(cursor=cursor, count=1, as_of=as_of)


def conflicts(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.linking.conflicts(cursor=cursor, count=1, as_of=as_of)


def between(ledger: Ledger, cursor: str | None, as_of: AsOf = None) -> Page:
    return ledger.graph.between(BetweenQuery(first=0, last=as_of), cursor=cursor, count=1)


OF_A_PAST: Final[tuple[Ask, ...]] = (
    find,
    list_nodes,
    orphans,
    history,
    late,
    links,
    unresolved,
    conflicts,
)


def things(number: int) -> list[AnyRecord]:
    """Return two things that are one by what is claimed and two by their digests, and a stub."""
    key, twin = f"acme:deposit/{number}", f"acme:twin/{number}"
    claims = [
        Claim(kind=Kind.ARTIFACT, node=node, identifier=identifier, link_class=link_class)
        for node, digest in ((key, "a"), (twin, "b"))
        for identifier, link_class in (
            (f"acme:both/{number}", LinkClass.ASSERTED),
            (f"md5:{number}{digest * 31}", LinkClass.CONTENT),
        )
    ]
    return [
        Artifact(key=key),
        Artifact(key=twin),
        Artifact(key=f"acme:deposit/alone-{number}"),
        *claims,
        Event(artifact=f"acme:stub/{number}", execution="acme:run/1", kind=EventKind.INPUT),
    ]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(step_us=0)


@pytest.fixture
def ledger(clock: FakeClock) -> Iterator[Ledger]:
    """A ledger in which a source is overdue."""
    with Ledger(MemoryStore("here"), clock, SeededRandomness()) as made:
        for number in range(3):
            said = Statement(
                id=f"s-{number}",
                source="ci",
                mode=Mode.OBSERVATION,
                records=(*things(number), Artifact(key="acme:deposit/1")),
                stated=StatedTime(start=LONG_AGO),
            )
            made.record([said])
        made.watching.expect("ci", HOUR)
        clock.now_us += 2 * HOUR * 1_000_000
        yield made


@pytest.mark.parametrize("ask", [*OF_A_PAST, between])
def test_a_further_page_rests_on_the_basis_of_the_first(
    ledger: Ledger, clock: FakeClock, ask: Ask
) -> None:
    first = ask(ledger, None, None)
    assert first.cursor is not None
    assert not first.basis.complete
    clock.now_us += 2 * HOUR * 1_000_000
    ledger.record([Statement(id="later", source="ci", records=(Artifact(key="acme:x/1"),))])
    assert ask(ledger, first.cursor, None).basis == first.basis


@pytest.mark.parametrize("ask", OF_A_PAST)
def test_a_past_beside_a_cursor_is_refused(ledger: Ledger, ask: Ask) -> None:
    first = ask(ledger, None, None)
    for past in (1, LONG_AGO, first.basis):
        with pytest.raises(InvalidInputError, match="already says as of when"):
            ask(ledger, first.cursor, past)


@pytest.mark.parametrize("ask", OF_A_PAST)
def test_a_present_that_a_door_fixed_stands_beside_a_cursor(
    ledger: Ledger, clock: FakeClock, ask: Ask
) -> None:
    first = ask(ledger, None, None)
    present = Present(ledger.head().size, clock.now_us)
    assert ask(ledger, first.cursor, present).basis == first.basis
