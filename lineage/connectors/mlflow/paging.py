"""Pages of a tracking server, read so that nothing which moves meanwhile is missed.

MLflow's page tokens are offsets: where a row before them is deleted, the next page skips one. So
where a server can filter by what it sorts by, each page begins anew at the value the last one ended
with, and what both show is passed over; the token is used only inside one such value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from lineage.connectors.mlflow.documents import Shown
from lineage.connectors.transport import SourceAnswerError, SourceSlowError

PAGES_MAX: Final = 1_000_000
"""Of one question. A server that always shows one more page would never let a reader end."""

_BAD_REQUEST: Final = 400


class Page(Struct, frozen=True):
    """What one answer shows, and the token of the next page (empty: this was the last)."""

    items: list[Shown]
    token: str


class Place(Struct, frozen=True):
    """Where a page begins: at what value (``None``: at the first), how long it is, which token."""

    start: int | None
    token: str
    size: int


def pages_by_token(ask: Callable[[str], Page]) -> Iterator[list[Shown]]:
    """Yield the items of page after page.

    Raises:
        SourceError: as ``ask``, or the server repeats itself.
    """
    token = ""
    for _ in range(PAGES_MAX):
        page = ask(token)
        yield page.items
        if not page.token:
            return
        if page.token == token:
            break
        token = page.token
    raise SourceAnswerError("A list has no end: the server names the same next page again")


def pages_by_value(
    ask: Callable[[Place], Page],
    value_of: Callable[[Shown], int | None],
    id_of: Callable[[Shown], str],
    size: int,
) -> Iterator[list[Shown]]:
    """Yield the items in the order of their values, each once.

    ``ask`` answers with items whose value is at least ``start`` (or at most, the greatest first),
    sorted by it. An answer that does not come, or comes cut, is asked for again in smaller pages.

    Raises:
        SourceError: as ``ask``.
    """
    place = Place(None, "", size)
    seen: set[str] = set()
    for _ in range(PAGES_MAX):
        try:
            page = ask(place)
        except (SourceAnswerError, SourceSlowError) as error:
            if place.size == 1 or error.status == _BAD_REQUEST:
                raise
            place = Place(place.start, place.token, max(1, place.size // 10))
            continue
        yield [item for item in page.items if id_of(item) not in seen]
        if not page.token or not page.items:
            return
        last = value_of(page.items[-1])
        at_last = {id_of(item) for item in page.items if value_of(item) == last}
        if last is None or last == place.start:
            if page.token == place.token:
                break
            seen |= at_last
            place = Place(place.start, page.token, place.size)
        else:
            seen = at_last
            place = Place(last, "", place.size)
    raise SourceAnswerError("A list has no end: the server shows the same page again")
