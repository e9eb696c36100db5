"""The contract of a source that is looked at, and does not tell by itself.

A *look* at a source yields documents: what it shows of each of its things (a run, a registered
model, a commit) just then. A document that shows a thing as it was shown before says nothing new,
and nothing is appended; one that shows it otherwise is the next *revision* of its subject. What a
source no longer shows is a revision too: ``GONE``.

A mapping reads a revision beside the one before it, so that what changed becomes history: when it
changed is known only as the time between two looks. It is pure: without clock, randomness and I/O.

The statements of one revision, appended as one batch:

1. ``<subject>`` (then ``<subject>~2``, ``<subject>~3``, ...): the document, as a message, stated
   between the look before and this one;
2. ``<subject>~2@<n>``, ``<subject>~2@<n>.2``, ...: what the mapping made of it; n is the number in
   the mapping's version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import quote

from msgspec import Struct

from lineage_schemas.records import AnyRecord, StatedTime
from lineage_schemas.values import JsonValue

GONE: Final = b'{"gone":true}'
"""The document of a thing that the source does not show any more."""

_SAFE: Final = " !#$&'()*+,:;=?[]"
"""What stands in a subject as it is, beside letters and digits: all but ``/``, ``@``, ``~``, ``%``.
"""


class Document(Struct, frozen=True):
    """What a source shows of one thing.

    ``kind`` is what is counted (``run``, ``commit``); ``subject`` is what the source calls the
    thing and begins with the kind (``run/0123``). It holds no digest of the body, and neither ``~``
    nor ``@``, which stand for revisions and mappings (``subject_of`` encodes them). ``body`` is
    JSON in one spelling: the same thing shown again is the same bytes, so nothing in it may depend
    on when it was looked at. ``changed`` is when the thing came to be as it is shown, where the
    source says so. ``is_fixed``: the thing never changes, so one that is known, and not
    as gone, needs no second look.
    """

    kind: str
    subject: str
    body: bytes
    changed: datetime | None = None
    is_fixed: bool = False


def subject_of(kind: str, *names: str) -> str:
    """Return the subject of a thing by the names that its source has for it."""
    return "/".join((kind, *(quote(name, safe=_SAFE).replace("~", "%7E") for name in names)))


class Unread(Struct, frozen=True):
    """A thing that is there and could not be read: what, and why, for people."""

    kind: str
    subject: str
    reason: str


class Listed(Struct, frozen=True):
    """Every thing of a kind has been shown, or told as unread: what was not is gone.

    A reader that could not list all of a kind leaves this out, and nothing is taken for gone.
    """

    kind: str


Look = Iterator[Document | Unread | Listed]
"""What a reader yields. Each subject comes once at most, and what others refer to comes first."""


class Revision(Struct, frozen=True, kw_only=True):
    """A document beside the one before it: what a mapping reads.

    ``before`` is ``None`` for the first of its subject, or where that was erased. ``after`` is the
    last time at which the thing is known to have been as it was before (``None``: not known), and
    ``at`` the time by which it was as it is now. Where the source said when it changed, both are
    that time.
    """

    subject: str
    body: bytes
    before: bytes | None
    after: datetime | None
    at: datetime


class Said(Struct, frozen=True):
    """Records that hold from one stated time. The records of a revision may have several."""

    stated: StatedTime
    records: tuple[AnyRecord, ...]


class ScanMapping(Protocol):
    """One version of how a source's documents are understood."""

    @property
    def version(self) -> str:
        """The mapping's name and number, such as ``mlflow/1``."""
        ...

    def carry(self, before: bytes | None, body: bytes) -> bytes:
        """Return the document with what must be carried over from the one before it.

        What it returns is compared with ``before`` and is kept. A source that keeps no count of its
        changes is counted here, for one. Most documents are returned as they are. ``body`` may be
        ``GONE``.
        """
        ...

    def map(self, revision: Revision) -> tuple[Said, ...]:
        """Say what a revision states. Pure: nothing but the revision decides.

        Raises:
            InvalidInputError: the document cannot be understood; names the JSON path.
        """
        ...


class Known(Struct, frozen=True):
    """The last revision of a subject that the ledger has.

    ``ordinal`` counts from 1. ``body`` is ``None`` where it was erased: such a thing is not taken
    in again. By ``at`` it was so, and it came to be so after ``after``; where the source said when,
    both are that time.
    """

    ordinal: int
    position: int
    body: bytes | None
    at: datetime | None
    after: datetime | None = None


class Memory(Protocol):
    """What the ledger knows of a source: what a reader may ask while it reads."""

    def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
        """Return the last revision of each of these subjects that the ledger has heard of."""
        ...

    def subjects(self, kind: str) -> Iterator[str]:
        """Yield every subject of a kind that the ledger has heard of, in bytewise order."""
        ...


class SourceReader(Protocol):
    """Reads one source, and never changes it. One look; make another reader for the next."""

    @property
    def tool(self) -> str:
        """What the source is: ``mlflow``, ``dvc``."""
        ...

    @property
    def address(self) -> str:
        """Where it is read, without credentials."""
        ...

    @property
    def listed(self) -> tuple[str, ...]:
        """The kinds of which ``read`` may yield ``Listed``."""
        ...

    @property
    def shown_at(self) -> datetime | None:
        """The time that the source shows, where that is not now: of a copy, when it was made."""
        ...

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:
        """Yield what the source shows: all of it, or what may be new since ``cursor``.

        Raises:
            LedgerError: the source cannot be read at all. Where a part of it cannot be read, that
                part is yielded as ``Unread``.
        """
        ...

    @property
    def cursor(self) -> JsonValue:
        """From where the next look may go on; asked once ``read`` has come to its end."""
        ...
