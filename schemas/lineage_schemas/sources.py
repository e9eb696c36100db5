"""What is said and answered of sources: when they were looked at, and what of them is here."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.mlmd import Record
from lineage_schemas.values import JsonValue


class SourceScan(Record, frozen=True, kw_only=True, tag="source_scan"):
    """A source was looked at. The source is the one that states this.

    ``tool`` is what it is (``mlflow``, ``dvc``) and ``address`` where it was read, without
    credentials. ``is_whole``: everything it shows was looked at, not only what is new. ``there``
    counts what it showed, by kind, and ``here`` what of that the ledger holds. ``unread`` names
    what could not be read, at most ``UNREAD_NAMED_MAX``, of ``unread_count``. ``cursor`` is from
    where the next look may go on. ``due_seconds``: a whole look is promised again within so long.
    """

    tool: str
    address: str
    started: datetime
    finished: datetime
    is_whole: bool
    there: dict[str, int]
    here: dict[str, int]
    unread: tuple[str, ...] = ()
    unread_count: int = 0
    cursor: JsonValue = None
    due_seconds: int | None = None


class SourceExpectation(Record, frozen=True, kw_only=True, tag="source_expectation"):
    """A source is expected to be heard again within so long; ``None``: it no longer is.

    Somebody declares it of ``source``, which tells by itself (OpenLineage, webhooks).
    """

    source: str
    due_seconds: int | None


class SourceView(Struct, frozen=True, kw_only=True):
    """A source, as of a size, judged at a moment.

    ``last_heard`` is the recorded time of the last thing it said, ``None`` where it is expected and
    never spoke. ``due_seconds`` is within how long a whole look is promised again, and
    ``expected_seconds`` within how long it is expected to be heard again. ``there`` and ``here``
    are of the last whole look, if any was, and the rest is of the last one.
    ``findings`` say, in words that name it, why answers that rest on it are not complete.
    """

    name: str
    first_position: int
    last_heard: str | None
    tool: str | None = None
    address: str | None = None
    last_scan: str | None = None
    last_whole_scan: str | None = None
    cursor: JsonValue = None
    there: dict[str, int] = {}
    here: dict[str, int] = {}
    unread: tuple[str, ...] = ()
    unread_count: int = 0
    due_seconds: int | None = None
    expected_seconds: int | None = None
    is_overdue: bool = False
    is_reconciled: bool | None = None
    findings: tuple[str, ...] = ()


class SourcesAnswer(Struct, frozen=True, kw_only=True):
    """The sources of a namespace, by name."""

    basis: Basis
    sources: tuple[SourceView, ...]
