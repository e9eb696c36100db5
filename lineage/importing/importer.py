"""The driver of a look: what a reader shows goes into the ledger, page by page.

A page is looked up, mapped and appended at once: each thing is all or nothing, all of a page become
durable together, and an interruption loses no more than the page at hand. The next look finds what
is there already and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from lineage.collector import paused_collector
from lineage.connectors.scanning import (
    GONE,
    Document,
    Known,
    Listed,
    Memory,
    ScanMapping,
    Unread,
)
from lineage.importing.revising import Kept, Looking, keep, revise
from lineage.intake import Delivery
from lineage.questions.revisions import LastScans
from lineage.service import Ledger
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Outcome, Principal
from lineage_schemas.errors import ConflictError, LedgerError, StoreError

PAGE_DOCUMENTS_MAX: Final = 500
PAGE_BYTES_MAX: Final = 4 * 1_048_576
"""What is held in memory of a look at once."""

ATTEMPTS_MAX: Final = 3
"""How often a thing is tried that somebody else revised meanwhile."""


class Source(Struct, frozen=True, kw_only=True):
    """A source that is looked at: what it is called, what reads it, and for whom it is read."""

    name: str
    mapping: ScanMapping
    namespace: str = DEFAULT_NAMESPACE
    principal: Principal = LOCAL_PRINCIPAL


class Tally(Struct):
    """What became of the things a look showed.

    ``there`` and ``here`` count by kind what the source showed and what of it the ledger holds.
    ``appended`` are new revisions; ``older`` were shown as they were before something newer that
    is known; ``erased`` were erased here and are not taken in again.
    """

    there: dict[str, int] = {}
    here: dict[str, int] = {}
    appended: int = 0
    unchanged: int = 0
    gone: int = 0
    older: int = 0
    erased: int = 0
    entries: int = 0
    unread: list[Unread] = []


class LedgerMemory:
    """What the ledger knows of a source, for its reader."""

    def __init__(self, ledger: Ledger, source: Source) -> None:
        self._ledger = ledger
        self._source = source

    def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
        """Return the last revision of each of these subjects that the ledger has heard of."""
        return self._ledger.looks.known(
            self._source.name,
            subjects,
            namespace=self._source.namespace,
            principal=self._source.principal,
        )

    def subjects(self, kind: str) -> Iterator[str]:
        """Yield every subject of a kind that the ledger has heard of, in bytewise order."""
        return iter(
            self._ledger.looks.subjects(
                self._source.name,
                kind,
                namespace=self._source.namespace,
                principal=self._source.principal,
            )
        )


class Importer:
    """Takes in one look at a source. ``tally`` grows while it does."""

    def __init__(self, ledger: Ledger, source: Source, looking: Looking) -> None:
        self.tally = Tally()
        self.memory: Memory = LedgerMemory(ledger, source)
        self._ledger = ledger
        self._source = source
        self._looking = looking
        self._seen: dict[str, set[str]] = {}

    def take(self, look: Iterable[Document | Unread | Listed], listed: Iterable[str] = ()) -> None:
        """Take in what a reader yields.

        ``listed`` are the kinds of which it may say that all were shown: their subjects are
        remembered until then.

        Raises:
            StoreError: the store failed; what was taken in before stays.
            ForbiddenError: the principal may not speak for the source.
        """
        self._seen = {kind: set() for kind in listed}
        page: list[Document] = []
        size = 0
        for shown in look:
            match shown:
                case Document():
                    self._count(self.tally.there, shown.kind)
                    self._remember(shown.kind, shown.subject)
                    page.append(shown)
                    size += len(shown.body)
                case Unread():
                    self._count(self.tally.there, shown.kind)
                    self._remember(shown.kind, shown.subject)
                    self.tally.unread.append(shown)
                case Listed():
                    self._take_page(page)
                    page, size = [], 0
                    self._take_gone(shown.kind)
            if len(page) >= PAGE_DOCUMENTS_MAX or size >= PAGE_BYTES_MAX:
                self._take_page(page)
                page, size = [], 0
        self._take_page(page)

    def _remember(self, kind: str, subject: str) -> None:
        if kind in self._seen:
            self._seen[kind].add(subject)

    def _take_gone(self, kind: str) -> None:
        """Take in that the ledger knows of things which are shown no more."""
        shown = self._seen.pop(kind)
        missing = [one for one in self.memory.subjects(kind) if one not in shown]
        for start in range(0, len(missing), PAGE_DOCUMENTS_MAX):
            subjects = missing[start : start + PAGE_DOCUMENTS_MAX]
            self._take_page([Document(kind, subject, GONE) for subject in subjects])

    def _take_page(self, page: list[Document]) -> None:
        waiting = page
        for _ in range(ATTEMPTS_MAX):
            if not waiting:
                return
            with paused_collector():
                waiting = self._try_page(waiting)
        for document in waiting:
            self._tell_unread(document, "others keep revising it; the next look tries again")

    def _try_page(self, page: list[Document]) -> list[Document]:
        """Append the next revisions of a page; return what somebody else revised meanwhile."""
        known = self.memory.known(document.subject for document in page)
        revised: list[Document] = []
        deliveries: list[Delivery] = []
        for document in page:
            before = known.get(document.subject)
            if document.is_fixed and before is not None and before.body != GONE:
                self.tally.unchanged += 1
                self._hold(document)
                continue
            delivery = self._delivery(document, before)
            if delivery is not None:
                revised.append(document)
                deliveries.append(delivery)
        conflicts: list[Document] = []
        outcomes = self._ledger.commit(deliveries) if deliveries else []
        for document, outcome in zip(revised, outcomes, strict=True):
            if isinstance(outcome, ConflictError):
                conflicts.append(document)
            elif isinstance(outcome, LedgerError):
                self._tell_unread(document, str(outcome))
            else:
                self._hold(document)
                self.tally.appended += 1
                self.tally.gone += document.body == GONE
                self.tally.entries += sum(one.outcome is Outcome.APPENDED for one in outcome)
        return conflicts

    def _delivery(self, document: Document, known: Known | None) -> Delivery | None:
        """Return the next revision, to be appended; ``None`` where there is nothing new."""
        source = self._source
        try:
            kept = keep(document, known, source.mapping)
            if known is not None and self._is_known(kept, known):
                self._hold(document)
                return None
            said = revise(kept, known, source.mapping, source.name, self._looking)
            return self._ledger.prepare(
                said, namespace=source.namespace, principal=source.principal
            )
        except StoreError:
            raise
        except LedgerError as error:
            self._tell_unread(document, str(error))
            return None

    def _is_known(self, kept: Kept, known: Known) -> bool:
        """Tell whether a document says nothing that is to be appended; count why."""
        if known.body is None:
            self.tally.erased += 1
        elif known.body == kept.body:
            self.tally.unchanged += 1
        elif self._is_older(kept.document, known):
            self.tally.older += 1
        else:
            return False
        return True

    def _is_older(self, document: Document, known: Known) -> bool:
        """Tell whether something newer is known: a copy from last week was looked at today."""
        at = document.changed or self._looking.at
        return known.at is not None and at < known.at

    def _hold(self, document: Document) -> None:
        # What is gone is not there, so it does not count as here either.
        if document.body != GONE:
            self._count(self.tally.here, document.kind)

    def _tell_unread(self, document: Document, reason: str) -> None:
        self.tally.unread.append(Unread(document.kind, document.subject, reason))

    @staticmethod
    def _count(counts: dict[str, int], kind: str) -> None:
        counts[kind] = counts.get(kind, 0) + 1


def looking_at(scans: LastScans, at: datetime) -> Looking:
    """Return when a source is looked at, and when it was looked at as a whole before.

    A look in which something could not be read does not tell that nothing had changed by then.
    """
    whole = scans.whole
    return Looking(at, whole.started if whole is not None and not whole.unread_count else None)
