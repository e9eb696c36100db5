from collections.abc import Sequence
from datetime import datetime

import pytest

from doubles import NOON_US, FakeClock
from lineage.connectors.scanning import Look, Memory, subject_of
from lineage.erasures import ErasureRequest
from lineage.importing.importer import PAGE_DOCUMENTS_MAX, Source, Tally
from lineage.importing.looking import look_at
from lineage.service import Ledger
from lineage_schemas.instants import instant_of
from lineage_schemas.sources import SourceScan
from lineage_schemas.values import JsonValue
from toys import ShelfMapping, ShelfReader

SHELF = Source(name="shelf:one", mapping=ShelfMapping())
MINUTE_US = 60_000_000
ENTRIES_MAX = 100


def look(  # noqa: PLR0913 - one argument a circumstance
    ledger: Ledger,
    things: dict[str, str],
    *,
    at: int = 0,
    unreadable: Sequence[str] = (),
    whole: bool = True,
    due: int | None = None,
    shown_at: datetime | None = None,
) -> Tally:
    """Look at a shelf, ``at`` minutes past noon."""
    reader = ShelfReader(things, unreadable=unreadable, shown_at=shown_at)
    clock = FakeClock(NOON_US + at * MINUTE_US, step_us=0)
    return look_at(ledger, SHELF, reader, is_whole=whole, due_seconds=due, clock=clock)


def label_of(ledger: Ledger, name: str) -> object:
    return ledger.show(f"toy:thing/{name}")[0].node.custom_properties.get("label")


def last_scan(ledger: Ledger) -> SourceScan:
    scan = ledger.looks.scans(SHELF.name).last
    assert scan is not None
    return scan


def labellings(ledger: Ledger, name: str) -> list[tuple[str | None, str | None]]:
    """Return when each labelling of a thing was stated to have happened, oldest first."""
    page = ledger.entries(0, count=ENTRIES_MAX)
    return [
        (entry.stated_from, entry.stated_to)
        for entry in page.entries
        for record in entry.records or ()
        if isinstance(record, dict)
        and str(record.get("key", "")).startswith(f"toy:labelling/thing/{name}/")
    ]


def test_a_second_look_that_finds_the_same_appends_nothing(ledger: Ledger) -> None:
    things = {"a": "red", "b": "blue"}
    assert look(ledger, things).appended == 2
    size = ledger.head().size
    again = look(ledger, things, at=600)
    assert (again.appended, again.unchanged, again.entries) == (0, 2, 0)
    assert ledger.head().size == size


def test_what_changed_and_changed_back_is_told_both_times(ledger: Ledger) -> None:
    for at, label in enumerate(["red", "blue", "red"]):
        assert look(ledger, {"a": label}, at=at).appended == 1
    assert label_of(ledger, "a") == "red"
    answer = ledger.show("toy:thing/a")[0]
    assert len(answer.edges) == 3  # three turns, each an execution of its own


def test_a_change_is_stated_between_the_look_before_and_this_one(ledger: Ledger) -> None:
    look(ledger, {"a": "red"}, at=0)
    look(ledger, {"a": "red", "b": "new"}, at=10)  # a was still red then
    look(ledger, {"a": "blue", "b": "new"}, at=25)
    assert labellings(ledger, "a") == [
        (None, "2026-01-01T12:00:00.000000Z"),
        ("2026-01-01T12:10:00.000000Z", "2026-01-01T12:25:00.000000Z"),
    ]


def test_a_look_with_something_unread_does_not_narrow_the_time(ledger: Ledger) -> None:
    look(ledger, {"a": "red"}, at=0)
    look(ledger, {"a": "red"}, at=10, unreadable=["a"])
    look(ledger, {"a": "blue"}, at=25)
    assert labellings(ledger, "a")[-1] == (
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:25:00.000000Z",
    )


def test_what_is_shown_no_more_is_gone_and_may_come_back(ledger: Ledger) -> None:
    look(ledger, {"a": "red", "b": "blue"}, at=0)
    tally = look(ledger, {"b": "blue"}, at=1)
    assert (tally.appended, tally.gone) == (1, 1)
    assert ledger.show("toy:thing/a")[0].node.custom_properties["gone"] is True
    assert look(ledger, {"b": "blue"}, at=2).appended == 0
    assert look(ledger, {"a": "red", "b": "blue"}, at=3).appended == 1
    assert ledger.show("toy:thing/a")[0].node.custom_properties["gone"] is False


def test_a_look_at_what_is_new_takes_nothing_for_gone(ledger: Ledger) -> None:
    look(ledger, {"a": "red"}, at=0)
    assert look(ledger, {"b": "blue"}, at=1, whole=False).gone == 0


def test_what_cannot_be_read_is_named_and_the_rest_is_taken_in(ledger: Ledger) -> None:
    tally = look(ledger, {"a": "red", "b": "blue", "c": "unspeakable"}, unreadable=["b"])
    assert (tally.appended, tally.there, tally.here) == (1, {"thing": 3}, {"thing": 1})
    scan = last_scan(ledger)
    assert scan.unread_count == 2
    assert scan.unread[0] == "thing/b: the box is locked"
    assert scan.unread[1].startswith("thing/c: This label has no meaning")
    assert look(ledger, {"a": "red", "b": "blue", "c": "green"}, at=1).appended == 2
    assert last_scan(ledger).unread_count == 0


def test_an_older_copy_changes_nothing(ledger: Ledger) -> None:
    look(ledger, {"a": "new"}, at=60)
    old = look(ledger, {"a": "old"}, at=90, shown_at=instant_of(NOON_US))
    assert (old.appended, old.older) == (0, 1)
    assert label_of(ledger, "a") == "new"


def test_a_page_holds_no_more_than_its_limit(ledger: Ledger) -> None:
    things = {str(number): "red" for number in range(2 * PAGE_DOCUMENTS_MAX + 1)}
    assert look(ledger, things).appended == len(things)
    assert look(ledger, things, at=1).unchanged == len(things)
    assert ledger.looks.subjects(SHELF.name, "thing") == sorted(f"thing/{name}" for name in things)


def test_the_cursor_of_the_last_look_is_handed_to_the_next(ledger: Ledger) -> None:
    look(ledger, {"a": "red", "b": "blue"})
    reader = ShelfReader({"a": "red"})
    clock = FakeClock(NOON_US + MINUTE_US, step_us=0)
    look_at(ledger, SHELF, reader, is_whole=False, due_seconds=None, clock=clock)
    assert reader.asked == 2


@pytest.mark.parametrize(
    ("minutes", "is_stated"), [(14, False), (15, True)], ids=["before", "after"]
)
def test_a_sign_of_life_is_stated_in_a_quarter_of_what_was_promised(
    ledger: Ledger, minutes: int, *, is_stated: bool
) -> None:
    look(ledger, {"a": "red"}, due=3600)
    size = ledger.head().size
    look(ledger, {"a": "red"}, at=minutes, due=3600)
    assert (ledger.head().size > size) is is_stated


def test_what_was_told_while_a_look_went_on_is_not_overwritten_by_what_it_saw(
    ledger: Ledger,
) -> None:
    """Another look, or a webhook, may be newer than a page that was read before it."""
    told: list[Tally] = []

    class Slow(ShelfMapping):
        def carry(self, before: bytes | None, body: bytes) -> bytes:
            if not told:
                told.append(Tally())
                told.append(look(ledger, {"a": "red"}))
            return super().carry(before, body)

    slow = Source(name=SHELF.name, mapping=Slow())
    clock = FakeClock(NOON_US + MINUTE_US, step_us=0)
    tally = look_at(
        ledger, slow, ShelfReader({"a": "blue"}), is_whole=True, due_seconds=None, clock=clock
    )
    assert (told[1].appended, tally.appended, tally.older, tally.unread) == (1, 0, 1, [])
    assert label_of(ledger, "a") == "red"
    assert look(ledger, {"a": "blue"}, at=2).appended == 1
    assert label_of(ledger, "a") == "blue"


def test_what_came_while_a_look_went_on_is_not_gone(ledger: Ledger) -> None:
    look(ledger, {"a": "red"})

    class Reader(ShelfReader):
        def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:
            yield from ()
            look(ledger, {"a": "red", "b": "new"}, whole=False)
            yield from super().read(memory, cursor, is_whole=is_whole)

    clock = FakeClock(NOON_US + MINUTE_US, step_us=0)
    tally = look_at(
        ledger, SHELF, Reader({"a": "red"}), is_whole=True, due_seconds=None, clock=clock
    )
    assert (tally.gone, tally.older) == (0, 1)


def test_a_change_during_a_look_is_stated_to_be_before_it_was_shown(ledger: Ledger) -> None:
    """A look takes an hour here: what it shows last had the whole hour to change."""
    look(ledger, {"a": "red"})
    clock = FakeClock(NOON_US + 60 * MINUTE_US, step_us=60 * MINUTE_US)
    look_at(ledger, SHELF, ShelfReader({"a": "blue"}), is_whole=True, due_seconds=None, clock=clock)
    assert labellings(ledger, "a")[-1] == (
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T14:00:00.000000Z",
    )
    look(ledger, {"a": "green"}, at=300)
    assert labellings(ledger, "a")[-1] == (
        "2026-01-01T13:00:00.000000Z",  # when the hour began: it may have changed behind our back
        "2026-01-01T17:00:00.000000Z",
    )


def test_what_was_told_ahead_of_the_clock_is_named(ledger: Ledger) -> None:
    look(ledger, {"a": "red"}, at=600)
    tally = look(ledger, {"a": "blue"}, at=10)
    assert (tally.appended, tally.here) == (0, {})
    assert "ahead of this clock" in tally.unread[0].reason


def test_names_that_would_read_as_revisions_are_encoded() -> None:
    assert subject_of("thing", "a~2", "b@1/c%") == "thing/a%7E2/b%401%2Fc%25"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 64, 65])
def test_the_last_of_many_revisions_is_found(ledger: Ledger, count: int) -> None:
    for at in range(count):
        look(ledger, {"a": str(at)}, at=at)
    known = ledger.looks.known(SHELF.name, ["thing/a", "thing/unheard"])
    assert {subject: one.ordinal for subject, one in known.items()} == {"thing/a": count}


def test_what_was_erased_is_not_taken_in_again(ledger: Ledger) -> None:
    look(ledger, {"a": "red", "b": "blue"})
    position = ledger.looks.known(SHELF.name, ["thing/a"])["thing/a"].position
    ask = ErasureRequest(targets=(position,), legal_basis="a law", requester="Ada", approver="Bob")
    ledger.erasures.erase(ask)
    size = ledger.head().size
    tally = look(ledger, {"a": "red", "b": "blue"}, at=1)
    assert (tally.appended, tally.erased, tally.here) == (0, 1, {"thing": 2})
    assert look(ledger, {"a": "green", "b": "blue"}, at=2).erased == 1
    assert ledger.head().size == size
