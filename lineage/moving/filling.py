"""Fill an empty store with the entries of a log that is elsewhere.

Entries go in chunk by chunk, so that neither memory nor a transaction grows with the log. Until the
last step the store goes by a name that says so (``UNFINISHED``) and is frozen: no software takes it
for a ledger. That step is one transaction: the views are folded, everything is checked, and the log
gets its name. Interrupted before it, whoever tries again goes on where it stopped; after it, the
ledger is whole.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Final

import msgspec
from msgspec import Struct

from lineage.collector import paused_collector
from lineage.folding import Progress, fold_anew
from lineage.proofs.tree import Subtree
from lineage.stores.base import Store, StoredHead, Writer
from lineage_schemas.entry import StoredEntry
from lineage_schemas.errors import PreconditionError, StoreError

UNFINISHED: Final = "unfinished-import/"
"""How the name of a log begins whose store is being filled; its real name follows."""

CHUNK_ENTRIES_MAX: Final = 1_000
CHUNK_BYTES_MAX: Final = 16 * 1_048_576


class _Recorded(Struct, frozen=True):
    recorded_us: int


_RECORDED: Final = msgspec.json.Decoder(_Recorded)


def refuse_unfinished(store: Store) -> None:
    """Refuse to serve a store that is being filled.

    Raises:
        StoreError: it is; says how to go on.
    """
    origin = store.origin
    if origin.startswith(UNFINISHED):
        raise StoreError(
            "A ledger was to be moved here, and that was not finished: this is no ledger yet",
            where=origin.removeprefix(UNFINISHED),
            hint="Run the same `lineage import ledger` or `lineage restore` again, and it goes on; "
            "or remove this store.",
        )


def check_fillable(store: Store, origin: str, size: int) -> None:
    """Refuse a store that holds anything but the beginning of what is to be moved here.

    Raises:
        PreconditionError: it holds a ledger, or a part of another one.
    """
    with store.read() as reader:
        found, filled = reader.origin(), reader.head().size
    if found != UNFINISHED + origin or filled > size:
        raise PreconditionError(
            "There is another ledger here, or a part of one",
            where=found.removeprefix(UNFINISHED),
            hint="Name an empty place; none is written over.",
        )


def fill(
    store: Store, entries: Iterable[StoredEntry], size: int, progress: Progress | None
) -> None:
    """Append entries from position 0 on; those that an earlier attempt has left must be the same.

    Raises:
        PreconditionError: an earlier attempt has left other entries.
        StoreError: the store failed; what was filled stays, and trying again goes on from there.
    """
    waiting = iter(entries)
    with store.read() as reader:
        filled = reader.head().size
    _compare(store, waiting, filled)
    for chunk in _chunks(waiting):
        with paused_collector(), store.write() as writer:
            _append(writer, chunk)
        if progress is not None:
            progress(chunk[-1].position + 1, size)


@contextmanager
def finishing(
    store: Store, origin: str, note: bytes | None, progress: Progress | None
) -> Generator[Writer]:
    """Open the transaction that makes a ledger of what was filled; it is one when that is left.

    The block is given the writer, with the views folded and the log under its name. When an
    exception leaves it, the store is as unfinished as before.

    Raises:
        StoreError: the store failed; nothing of it was done.
    """
    with store.write() as writer:
        writer.freeze(frozen=False)
        writer.rename(origin)
        writer.keep_checkpoint(note)
        fold_anew(writer, progress)
        yield writer


def _compare(store: Store, waiting: Iterator[StoredEntry], filled: int) -> None:
    for start in range(0, filled, CHUNK_ENTRIES_MAX):
        with store.read() as reader:
            there = reader.entries(start, min(CHUNK_ENTRIES_MAX, filled - start))
        for stored in there:
            if next(waiting, None) != stored:
                raise PreconditionError(
                    "What an earlier attempt has left here is of another file",
                    where=f"position {stored.position}",
                    hint="Remove this store, or name another place.",
                )


def _chunks(waiting: Iterator[StoredEntry]) -> Iterator[list[StoredEntry]]:
    chunk: list[StoredEntry] = []
    held = 0
    for stored in waiting:
        chunk.append(stored)
        held += len(stored.envelope) + sum(
            len(part.body) for part in (stored.facts, stored.personal) if part is not None
        )
        if len(chunk) >= CHUNK_ENTRIES_MAX or held >= CHUNK_BYTES_MAX:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


def _append(writer: Writer, chunk: list[StoredEntry]) -> None:
    head = writer.head()
    tree = head.tree()
    subtrees: list[Subtree] = list(chain.from_iterable(tree.append(one.leaf) for one in chunk))
    recorded_us = _RECORDED.decode(chunk[-1].envelope).recorded_us
    writer.freeze(frozen=False)
    moved = StoredHead(tree.size, recorded_us, tree.to_bytes())
    writer.append(chunk[0].position, chunk, subtrees, moved)
    writer.freeze(frozen=True)
