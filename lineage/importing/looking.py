"""Look at a source once: read it, take in what is new, and state that it was looked at."""

from __future__ import annotations

from lineage.clock import Clock
from lineage.connectors.scanning import SourceReader
from lineage.importing.importer import Importer, Source, Tally, looking_at
from lineage.importing.scans import LookedAt, state_scan
from lineage.service import Ledger
from lineage_schemas.instants import instant_of


def look_at(
    ledger: Ledger,
    source: Source,
    reader: SourceReader,
    *,
    is_whole: bool,
    due_seconds: int | None,
    clock: Clock,
) -> Tally:
    """Look at a source, and return what became of what it showed.

    A whole look is promised again within ``due_seconds`` (``NO_PROMISE``: not any more; ``None``:
    as was promised before).

    What was taken in before an error or an interruption stays, and the next look goes on from
    there. A look that could not read the source at all is not stated.

    Raises:
        LedgerError: the source cannot be read at all, or the principal may not speak for it.
        StoreError: the store failed.
    """
    started = instant_of(clock())
    scans = ledger.looks.scans(source.name, namespace=source.namespace, principal=source.principal)
    cursor = None if scans.last is None else scans.last.cursor
    looking = looking_at(scans, reader.shown_at or started)
    importer = Importer(ledger, source, looking, clock if reader.shown_at is None else None)
    importer.take(reader.read(importer.memory, cursor, is_whole=is_whole), reader.listed)
    looked = LookedAt(
        tool=reader.tool,
        address=reader.address,
        started=reader.shown_at or started,
        finished=reader.shown_at or instant_of(clock()),
        is_whole=is_whole,
        cursor=reader.cursor,
        due_seconds=due_seconds,
    )
    state_scan(ledger, source, looked, importer.tally)
    return importer.tally
