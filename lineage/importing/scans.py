"""State that a source was looked at, where the look says something new.

Looking again and finding nothing new appends nothing, unless a promise would otherwise seem broken:
of a source that is due within an hour, a whole look is stated every quarter of an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.connectors.base import with_ordinal
from lineage.importing.importer import Source, Tally
from lineage.questions.revisions import SCAN_SUBJECT, LastScans
from lineage.service import Ledger
from lineage_schemas.errors import ConflictError
from lineage_schemas.limits import UNREAD_NAMED_MAX
from lineage_schemas.records import StatedTime, Statement
from lineage_schemas.sources import SourceScan
from lineage_schemas.values import JsonValue

PROMISE_PARTS: Final = 4
"""A look that found nothing new is stated this often in the time within which one was promised."""

_ATTEMPTS_MAX: Final = 3


NO_PROMISE: Final = 0
"""In the place of ``due_seconds``: what was promised before holds no longer."""


class LookedAt(Struct, frozen=True, kw_only=True):
    """How a source was looked at: what it is, where it was read, when, and how far.

    ``due_seconds`` is within how long a whole look is promised again; ``None``: as before.
    """

    tool: str
    address: str
    started: datetime
    finished: datetime
    is_whole: bool
    cursor: JsonValue = None
    due_seconds: int | None = None


def state_scan(ledger: Ledger, source: Source, looked: LookedAt, tally: Tally) -> SourceScan | None:
    """State a look, where it says something new; return what was stated.

    Raises:
        ConflictError: others keep looking at the source at the same time.
        StoreError: the store failed.
    """
    for attempt in range(1, _ATTEMPTS_MAX + 1):
        before = ledger.looks.scans(
            source.name, namespace=source.namespace, principal=source.principal
        )
        scan = replace(_scan(looked, tally), due_seconds=_due_seconds(looked, before.last))
        if not _is_news(scan, before, tally):
            return None
        said = Statement(
            id=with_ordinal(SCAN_SUBJECT, before.ordinal + 1),
            source=source.name,
            records=(scan,),
            stated=StatedTime(start=scan.finished),
        )
        try:
            ledger.record([said], namespace=source.namespace, principal=source.principal)
        except ConflictError:
            if attempt == _ATTEMPTS_MAX:
                raise
        else:
            return scan
    raise AssertionError("the loop returns or raises")


def _due_seconds(looked: LookedAt, last: SourceScan | None) -> int | None:
    """Return what is promised: who looks by hand does not end what another keeps up."""
    if looked.due_seconds is None:
        return None if last is None else last.due_seconds
    return None if looked.due_seconds == NO_PROMISE else looked.due_seconds


def _scan(looked: LookedAt, tally: Tally) -> SourceScan:
    unread = [f"{one.subject}: {one.reason}" for one in tally.unread[:UNREAD_NAMED_MAX]]
    return SourceScan(
        tool=looked.tool,
        address=looked.address,
        started=looked.started,
        finished=looked.finished,
        is_whole=looked.is_whole,
        there=tally.there,
        here=tally.here,
        unread=tuple(unread),
        unread_count=len(tally.unread),
        cursor=looked.cursor,
    )


def _is_news(scan: SourceScan, before: LastScans, tally: Tally) -> bool:
    """Tell whether a look found what is not known, or is the sign of life that was promised."""
    alike = before.whole if scan.is_whole else before.last
    if before.last is None or alike is None or tally.appended:
        return True
    if any(_findings(scan) != _findings(one) for one in (alike, before.last)):
        return True
    if scan.is_whole and (scan.there, scan.here) != (alike.there, alike.here):
        return True
    if not scan.is_whole or scan.due_seconds is None:
        return False
    return scan.finished - alike.finished >= timedelta(seconds=scan.due_seconds) / PROMISE_PARTS


def _findings(scan: SourceScan) -> tuple[object, ...]:
    return scan.tool, scan.address, scan.due_seconds, scan.unread, scan.unread_count
