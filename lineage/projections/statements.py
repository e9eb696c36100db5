"""The views of who said what: statements by their ids, actors by their names, metric series."""

from __future__ import annotations

from typing import Final

from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table

STATEMENT: Final = Table(
    "statement",
    (Column("handle", str), Column("position", int)),
    key=("handle",),
    bound=(Bound.HANDLE, "handle"),
)
"""``handle`` is what ``statement_handle`` makes of (namespace, source, statement id)."""

ACTOR: Final = Table(
    "actor",
    (
        Column("namespace", int),
        Column("pseudonym", str),
        Column("since", int),
        Column("origin", str),
        Column("name", str),
    ),
    key=("namespace", "pseudonym"),
    bound=(Bound.NUMBER, "namespace"),
)

SERIES: Final = Table(
    "series",
    (
        Column("execution", int),
        Column("metric", str),
        Column("chunk", int),
        Column("position", int),
        Column("record", int),
        Column("stated_us", int, optional=True),
        Column("source", str),
    ),
    key=("execution", "metric", "chunk", "position", "record"),
    bound=(Bound.VERTEX, "execution"),
)
"""Where the points of a chunk are: record number ``record`` of the entry at ``position``."""


class Statements:
    """The statements, actors and series that one run of folding adds."""

    def __init__(self) -> None:
        self._new: dict[Table, list[Row]] = {STATEMENT: [], ACTOR: [], SERIES: []}

    def fold(self, said: Unfolded) -> None:
        """Add what one entry says."""
        envelope, position = said.entry.envelope, said.entry.position
        handle = statement_handle(said.namespace, envelope.source, envelope.statement)
        self._new[STATEMENT].append((handle, position))
        for actor in said.actors:
            self._new[ACTOR].append(
                (said.namespace, actor.pseudonym, position, actor.origin.value, actor.name)
            )
        stated_us = envelope.stated.start_us if envelope.stated else None
        for execution, index, series in said.series:
            if series is not None:
                self._new[SERIES].append(
                    (
                        execution,
                        series.metric,
                        series.chunk,
                        position,
                        index,
                        stated_us,
                        envelope.source,
                    )
                )

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        for table, rows in self._new.items():
            writer.insert(table, rows)
        self._new = {table: [] for table in self._new}


def statement_handle(namespace: int, source: str, statement_id: str) -> str:
    """Return the one text under which a statement is looked up.

    The length of the source tells the two texts apart, whatever characters they hold.
    """
    return f"{namespace}:{len(source)}:{source}{statement_id}"


def pseudonym_of(reader: Reader, namespace: int, origin: str, name: str) -> str | None:
    """Return the pseudonym under which an actor of a namespace already stands in the log."""
    for row in reader.find(ACTOR, "namespace", [namespace]):
        if row[3] == origin and row[4] == name:
            return str(row[1])
    return None
