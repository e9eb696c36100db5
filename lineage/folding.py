"""Fold stored entries into views again: what a rebuild and an audit share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from lineage.projections.catalog import Catalog
from lineage.projections.views import TABLES, Views, digest_views
from lineage.stores.base import Reader, Writer
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.entry import Entry, StoredEntry

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
    """Decode an entry as it is stored; an erased part stays away."""
    records = None
    if stored.facts is not None:
        personal = stored.personal.body if stored.personal else None
        records = decode_records(stored.facts.body, personal)
    return Entry(
        position=stored.position, envelope=decode_envelope(stored.envelope), records=records
    )


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
    writer.clear(TABLES)
    entries = fold_entries(writer, writer, progress)
    return RebuildReport(entries=entries, before=before, after=digest_views(writer))
