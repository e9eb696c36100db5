"""Fold stored entries into views again: what a rebuild and an audit share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from lineage.projections.catalog import Catalog
from lineage.projections.views import (
    BEHIND_ID,
    BOOKMARK,
    PROJECTION_VERSION,
    TABLES,
    Views,
    begin_turn,
    digest_views,
    read_bookmark,
)
from lineage.stores.base import Reader, Store, Writer
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.entry import Commitments, Entry, StoredEntry
from lineage_schemas.governance import PartsErased
from lineage_schemas.redactions import with_redactions

Progress = Callable[[int, int], None]
"""Called with (done, all) while long work goes on."""

_RUN_ENTRIES: Final = 1_000


class RebuildReport(Struct, frozen=True, kw_only=True):
    """What a rebuild found: the digests of all views before and after."""

    entries: int
    before: str
    after: str

    @property
    def identical(self) -> bool:
        """Tell whether folding again reached the same views."""
        return self.before == self.after


def decode_entry(stored: StoredEntry) -> Entry:
    """Decode an entry as it is stored; what was erased shows as redacted."""
    envelope = decode_envelope(stored.envelope)
    erased = erased_parts(stored, envelope.commitments)
    records = None
    if stored.facts is not None:
        personal = stored.personal.body if stored.personal else None
        records = decode_records(stored.facts.body, personal)
        if erased is not None:
            records = with_redactions(records, stored.position)
    return Entry(position=stored.position, envelope=envelope, records=records, erased=erased)


def erased_parts(stored: StoredEntry, commitments: Commitments) -> PartsErased | None:
    """Return which parts that the envelope commits to are not there any more."""
    if stored.facts is None and commitments.facts is not None:
        return PartsErased.ALL
    if stored.personal is None and commitments.personal is not None:
        return PartsErased.PERSONAL
    return None


def fold_entries(source: Reader, target: Writer, progress: Progress | None = None) -> int:
    """Fold every entry of ``source`` into the views of ``target``, which are empty."""
    size = source.head().size
    catalog = Catalog()
    for start in range(0, size, _RUN_ENTRIES):
        views = Views(catalog)
        said = [
            views.unfold(decode_entry(stored))
            for stored in source.entries(start, min(_RUN_ENTRIES, size - start))
        ]
        views.load(target, said)
        for one in said:
            views.fold(one)
        views.flush(target, start + len(said))
        if progress is not None:
            progress(start + len(said), size)
    return size


def rebuild_views(writer: Writer, progress: Progress | None = None) -> RebuildReport:
    """Drop every view and fold the log again, in the transaction of ``writer``."""
    before = digest_views(writer)
    fold_anew(writer, progress)
    return RebuildReport(entries=writer.head().size, before=before, after=digest_views(writer))


def bring_views_up(store: Store, progress: Progress | None = None) -> None:
    """Fold the log again where the views are of another version, or not of the whole log."""
    with store.read() as reader:
        current = read_bookmark(reader)[:2] == (PROJECTION_VERSION, reader.head().size)
    if not current:
        with store.write() as writer:
            fold_anew(writer, progress)


def fold_anew(writer: Writer, progress: Progress | None = None) -> None:
    """Drop every view and fold the log again, without comparing."""
    turn = read_bookmark(writer).turn + 1
    behind = writer.find(BOOKMARK, "id", [BEHIND_ID])
    writer.clear(TABLES)
    begin_turn(writer, turn)
    writer.insert(BOOKMARK, behind)
    fold_entries(writer, writer, progress)
