"""Readers that somebody watches: their documents are counted, or stopped in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Event

from lineage.connectors.scanning import Look, Memory, SourceReader
from lineage.folding import Progress
from lineage_api.looking import StoppedError
from lineage_schemas.values import JsonValue


class _Through:
    """Reads what another reader reads, and calls ``each`` with the count before each thing."""

    def __init__(self, reader: SourceReader, each: Callable[[int], None]) -> None:
        self.tool = reader.tool
        self.address = reader.address
        self.listed = reader.listed
        self._reader = reader
        self._each = each

    @property
    def shown_at(self) -> datetime | None:
        """The time that the source shows."""
        return self._reader.shown_at

    @property
    def cursor(self) -> JsonValue:
        """From where the next look may go on."""
        return self._reader.cursor

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:
        """Yield what the source shows."""
        for count, shown in enumerate(self._reader.read(memory, cursor, is_whole=is_whole), 1):
            self._each(count)
            yield shown


class Counted(_Through):
    """Counts what it yields for whoever watches."""

    def __init__(self, reader: SourceReader, progress: Progress) -> None:
        super().__init__(reader, lambda count: progress(count, 0))


class Stoppable(_Through):
    """Stops in the middle when it is told to, by ``StoppedError``."""

    def __init__(self, reader: SourceReader, stopping: Event) -> None:
        def each(_count: int) -> None:
            if stopping.is_set():
                raise StoppedError

        super().__init__(reader, each)
