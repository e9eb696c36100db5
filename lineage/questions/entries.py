"""Read the log itself, entry by entry."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from lineage.folding import decode_entry
from lineage.questions.redactions import counted, read_redactions
from lineage.stores.base import Reader
from lineage_schemas.basis import Basis
from lineage_schemas.entry import Entry, StoredEntry
from lineage_schemas.graph import EntryPage, EntryView
from lineage_schemas.instants import format_instant, format_known_instant

_RUN_ENTRIES: Final = 200


def read_entry_page(
    reader: Reader, number: int | None, start: int, count: int, basis: Basis
) -> EntryPage:
    """Return up to ``count`` entries of the namespace of a basis from position ``start`` on."""
    page = _read_page(reader, start, count, basis)
    erased = [view.position for view in page.entries if view.erased is not None]
    if not erased or number is None:
        return page
    total, redactions = read_redactions(reader, number, erased)
    return replace(page, basis=counted(basis, total), redactions=redactions)


def _read_page(reader: Reader, start: int, count: int, basis: Basis) -> EntryPage:
    found: list[EntryView] = []
    for first in range(start, basis.size, _RUN_ENTRIES):
        for stored in reader.entries(first, min(_RUN_ENTRIES, basis.size - first)):
            entry = decode_entry(stored)
            if entry.envelope.namespace != basis.namespace:
                continue
            if len(found) == count:
                return EntryPage(basis=basis, entries=tuple(found), next_position=stored.position)
            found.append(view_entry(stored, entry))
    return EntryPage(basis=basis, entries=tuple(found), next_position=None)


def view_entry(stored: StoredEntry, entry: Entry) -> EntryView:
    """Return an entry as a reader sees it."""
    envelope = entry.envelope
    stated = envelope.stated
    records = None
    if entry.records is not None:
        records = tuple(msgspec.json.decode(msgspec.json.encode(one)) for one in entry.records)
    return EntryView(
        position=entry.position,
        leaf=stored.leaf.hex(),
        statement=envelope.statement,
        source=envelope.source,
        namespace=envelope.namespace,
        actor=envelope.actor,
        mode=envelope.mode.value,
        batch_start=envelope.batch.start,
        batch_length=envelope.batch.length,
        recorded_at=format_instant(envelope.recorded_us),
        stated_from=format_known_instant(stated.start_us if stated else None),
        stated_to=format_known_instant(stated.end_us if stated else None),
        stated_precision=stated.precision.value if stated else None,
        message=envelope.message,
        mapping=envelope.mapping,
        records=records,
        erased=entry.erased,
    )
