"""What the file of the graph holds, as far as a process knows, and what it is to hold.

Several processes may keep the graph of one ledger in one file. What is ahead of a snapshot (the
views were folded anew since, or the log has gone on) is left for those who are as far; only what
can be of no use to anybody any more is thrown away.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import Final, NamedTuple

from lineage.graph.keeping import (
    NO_CONTENTS,
    Contents,
    Filed,
    GraphFile,
    Packed,
    decode_graphs,
    encode_graphs,
    filed,
    is_of_log,
)
from lineage.projections.views import read_bookmark
from lineage.stores.base import Reader

KEPT_BEHIND_MAX: Final = 10_000
"""So many entries a namespace may be behind in the file before it is written again."""

_LOG: Final = logging.getLogger(__name__)


class _Mark(NamedTuple):
    """As of what a namespace stands in the file."""

    turn: int
    size: int


class GraphFiling:
    """Takes namespaces from a file, each once, and keeps them there. Safe to use from threads."""

    def __init__(self, file: GraphFile | None) -> None:
        """Keep what is given in ``file``; ``None``: keep nothing."""
        self._file = file
        self._lock = Lock()
        self._waiting: Contents | None = None
        """What the file held when it was asked first, and nobody has taken yet."""
        self._marks: dict[int, _Mark] = {}

    def waiting(self, reader: Reader) -> list[int]:
        """Return the namespaces of the file that nobody has taken yet, in order."""
        with self._lock:
            return sorted(self._opened(reader).graphs)

    def take(self, reader: Reader, namespace: int) -> Packed | None:
        """Return a namespace as the file holds it; ``None``: it does not, or not for this snapshot.

        Whoever has taken it keeps it up to date, so it is given once.
        """
        with self._lock:
            waiting = self._opened(reader)
            turn = read_bookmark(reader).turn
            kept = waiting.graphs.get(namespace)
            if kept is None or waiting.turn > turn or kept.packed.size > reader.head().size:
                return None
            if why := _unfit(reader, turn, waiting.turn, kept):
                self._discard(why)
                return None
            del waiting.graphs[namespace]
            return kept.packed

    def is_stale(self, namespace: int, turn: int, size: int) -> bool:
        """Tell whether a namespace does not stand in the file, or far behind this size."""
        if self._file is None:
            return False
        mark = self._marks.get(namespace)
        return mark is None or mark.turn != turn or size - mark.size > KEPT_BEHIND_MAX

    def save(self, reader: Reader, graphs: dict[int, Packed]) -> None:
        """Keep namespaces beside what the file holds of others, or holds of a later size."""
        if self._file is None:
            return
        turn = read_bookmark(reader).turn
        with self._lock:
            there = self._read(reader)
            if there.turn > turn:
                return
            kept = {number: filed(reader, packed) for number, packed in graphs.items()}
            for number, one in there.graphs.items() if there.turn == turn else ():
                is_newer = number not in kept or one.packed.size > kept[number].packed.size
                if is_newer and (one.packed.size > reader.head().size or is_of_log(reader, one)):
                    kept[number] = one
            self._file.write(encode_graphs(reader.origin(), Contents(turn, kept)))
            self._marks = _marks_of(Contents(turn, kept))

    def discard(self, why: str) -> None:
        """Throw the file away, and with it what nobody has taken yet."""
        with self._lock:
            self._discard(why)

    def _opened(self, reader: Reader) -> Contents:
        if self._waiting is None:
            self._waiting = self._read(reader)
            self._marks = _marks_of(self._waiting)
        return self._waiting

    def _read(self, reader: Reader) -> Contents:
        """Return what the file holds; where that can be of no use, it is thrown away."""
        body = None if self._file is None else self._file.read()
        if body is None:
            return NO_CONTENTS
        found = decode_graphs(body, reader.origin())
        if isinstance(found, str):
            self._discard(found)
            return NO_CONTENTS
        return found

    def _discard(self, why: str) -> None:
        self._waiting = NO_CONTENTS
        self._marks = {}
        if self._file is not None:
            _LOG.warning("The kept graph is thrown away and made again: %s", why)
            self._file.discard()


def _unfit(reader: Reader, turn: int, filed_turn: int, kept: Filed) -> str:
    """Return why no snapshot as late as this one can use a namespace of the file."""
    if filed_turn < turn:
        return "the views were folded anew since"
    if not is_of_log(reader, kept):
        return f"the log has another root at size {kept.packed.size}"
    return ""


def _marks_of(contents: Contents) -> dict[int, _Mark]:
    return {
        number: _Mark(contents.turn, one.packed.size) for number, one in contents.graphs.items()
    }
