"""Cite: which entry says the value that is shown of a field.

A version of a node's state begins with the entry that changed it. The value that shows of a field
was brought by the first of the last versions in a row that show it as it is: of one stated time,
one source and one value. What was shown before and hidden by a later stated value does not come
back, since the latest value of each source only ever moves on; a command that replaces a node whole
says all of it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from lineage.projections.states import STATE, STATE_PAST, told_fields
from lineage.projections.values import Said, order_of
from lineage.stores.base import Reader
from lineage_schemas.codec import decode_envelope
from lineage_schemas.records import COMMAND
from lineage_schemas.values import JsonValue

_KEPT_BY_COMMANDS: Final = frozenset({"type", "name"})
"""Fields that a command may leave as they were, whatever it says itself."""


class Cited(NamedTuple):
    """A shown value: whose word it is, of when, and the entry that says it."""

    value: JsonValue
    stated_us: int | None
    source: str
    position: int


class History(NamedTuple):
    """What a field of a node showed, one value after the other: the last is the shown one."""

    values: tuple[Cited, ...]

    def at(self, valid_us: int | None) -> Cited | None:
        """Return the value of a stated time; of ``None`` the one that shows.

        Values that nobody dated are of any time, and count as earlier than any dated one.
        """
        if valid_us is None:
            return self.values[-1]
        so = [one for one in self.values if one.stated_us is None or one.stated_us <= valid_us]
        return so[-1] if so else None


def cite_nodes(
    reader: Reader, vertices: Collection[int], size: int
) -> dict[int, dict[str, History]]:
    """Return what each field of each of these nodes showed up to a size; stubs have none."""
    versions: dict[int, list[tuple[int, Mapping[str, Said]]]] = {}
    for table in (STATE_PAST, STATE):
        for row in reader.find(table, "vertex", vertices):
            if row[1] < size:
                versions.setdefault(row[0], []).append((row[1], told_fields(row)))
    modes = _Modes(reader)
    return {vertex: _histories(told, modes) for vertex, told in sorted(versions.items())}


def cite_entity(
    members: Collection[Mapping[str, History]], valid_us: int | None
) -> dict[str, Cited]:
    """Return the values of an entity as of a stated time, merged by the rule of observations.

    A field that was cleared last is not there.
    """
    merged: dict[str, Cited] = {}
    for fields in members:
        for field, history in fields.items():
            cited = history.at(valid_us)
            if cited is None:
                continue
            other = merged.get(field)
            if other is None or _order(field, cited) > _order(field, other):
                merged[field] = cited
    return {field: cited for field, cited in sorted(merged.items()) if cited.value is not None}


class _Modes:
    """Tells which entries are commands; reads each envelope once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[int, bool] = {}

    def is_command(self, position: int) -> bool:
        if position not in self._known:
            (envelope,) = self._reader.envelopes(position, 1)
            self._known[position] = decode_envelope(envelope).mode is COMMAND
        return self._known[position]


def _histories(versions: list[tuple[int, Mapping[str, Said]]], modes: _Modes) -> dict[str, History]:
    ordered = sorted(versions, key=lambda version: version[0])
    fields = {field for _, told in ordered for field in told}
    return {field: _history(field, ordered, modes) for field in sorted(fields)}


def _history(field: str, versions: list[tuple[int, Mapping[str, Said]]], modes: _Modes) -> History:
    shown = [(since, told.get(field)) for since, told in versions]
    values: list[Cited] = []
    for said, run in groupby(shown, key=lambda version: version[1]):
        if said is None:
            continue
        position = next(run)[0]
        last = values[-1] if values else None
        if (
            field in _KEPT_BY_COMMANDS
            and last is not None
            and last.value == said.value
            and modes.is_command(position)
        ):
            position = last.position
        values.append(Cited(said.value, said.stated_us, said.source, position))
    return History(tuple(values))


def _order(field: str, cited: Cited) -> tuple[bool, int, str, int, bytes]:
    return order_of(field, Said(cited.stated_us, cited.source, cited.value))
