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

from lineage.clock import Clock
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
from lineage.importing.revising import Kept, Looking, Shown, keep, revise
from lineage.intake import Delivery
from lineage.questions.revisions import LastScans
from lineage.service import Ledger
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Outcome, Principal
from lineage_schemas.errors import ConflictError, LedgerError, StoreError
from lineage_schemas.instants import instant_of

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

    def __init__(
        self, ledger: Ledger, source: Source, looking: Looking, clock: Clock | None = None
    ) -> None:
        """Take in a look. Without a ``clock`` all is shown as of when it began: of a copy."""
        self.tally = Tally()
        self.memory: Memory = LedgerMemory(ledger, source)
        self._ledger = ledger
        self._source = source
        self._looking = looking
        self._clock = clock
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
        page: list[Shown] = []
        size = 0
        for shown in look:
            match shown:
                case Document():
                    self._count(self.tally.there, shown.kind)
                    self._remember(shown.kind, shown.subject)
                    page.append(self._shown(shown))
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
            self._take_page([self._shown(Document(kind, one, GONE)) for one in subjects])

    def _shown(self, document: Document) -> Shown:
        at = self._looking.began if self._clock is None else instant_of(self._clock())
        return Shown(document, at)

    def _take_page(self, page: list[Shown]) -> None:
        waiting = page
        for _ in range(ATTEMPTS_MAX):
            if not waiting:
                return
            with paused_collector():
                waiting = self._try_page(waiting)
        for shown in waiting:
            self._tell_unread(shown.document, "others keep revising it; the next look tries again")

    def _try_page(self, page: list[Shown]) -> list[Shown]:
        """Append the next revisions of a page; return what somebody else revised meanwhile."""
        known = self.memory.known(shown.document.subject for shown in page)
        revised: list[Shown] = []
        deliveries: list[Delivery] = []
        for shown in page:
            delivery = self._delivery(shown, known.get(shown.document.subject))
            if delivery is not None:
                revised.append(shown)
                deliveries.append(delivery)
        conflicts: list[Shown] = []
        outcomes = self._ledger.commit(deliveries) if deliveries else []
        for shown, outcome in zip(revised, outcomes, strict=True):
            if isinstance(outcome, ConflictError):
                conflicts.append(shown)
            elif isinstance(outcome, LedgerError):
                self._tell_unread(shown.document, str(outcome))
            else:
                self._hold(shown.document)
                self.tally.appended += 1
                self.tally.gone += shown.document.body == GONE
                self.tally.entries += sum(one.outcome is Outcome.APPENDED for one in outcome)
        return conflicts

    def _delivery(self, shown: Shown, known: Known | None) -> Delivery | None:
        """Return the next revision, to be appended; ``None`` where there is nothing new."""
        source, document = self._source, shown.document
        if known is not None and document.is_fixed and known.body != GONE:
            self.tally.unchanged += 1
            self._hold(document)
            return None
        try:
            kept = keep(shown, known, source.mapping)
            if known is not None and self._is_known(kept, known):
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
        document = kept.shown.document
        if known.body is None:
            self.tally.erased += 1
        elif known.body == kept.body:
            self.tally.unchanged += 1
        elif known.at is not None and known.at > kept.shown.at and self._clock is not None:
            self._tell_unread(
                document,
                f"it was told as of {known.at.isoformat()}, which is ahead of this clock: until "
                "then it is passed over",
            )
            return True
        elif self._is_older(document, known):
            self.tally.older += 1
        else:
            return False
        self._hold(document)
        return True

    def _is_older(self, document: Document, known: Known) -> bool:
        """Tell whether something newer is known: by its time, or since it was told meanwhile.

        A copy from last week was looked at today; or a webhook came while pages were being read.
        """
        looking = self._looking
        if document.changed is None and looking.size is not None and known.position >= looking.size:
            return True
        return known.at is not None and (document.changed or looking.began) < known.at

    def _hold(self, document: Document) -> None:
        # What is gone is not there, so it does not count as here either.
        if document.body != GONE:
            self._count(self.tally.here, document.kind)

    def _tell_unread(self, document: Document, reason: str) -> None:
        self.tally.unread.append(Unread(document.kind, document.subject, reason))

    @staticmethod
    def _count(counts: dict[str, int], kind: str) -> None:
        counts[kind] = counts.get(kind, 0) + 1


def looking_at(scans: LastScans, began: datetime) -> Looking:
    """Return when a source is looked at, and what is known of the looks before.

    A look in which something could not be read does not tell that nothing had changed by then.
    """
    last = scans.last
    return Looking(
        began=began,
        clean=None if scans.clean is None else scans.clean.started,
        last=None if last is None else (last.started, last.finished),
        size=scans.size,
    )
