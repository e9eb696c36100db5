"""Cite: which entry says the value that is shown of a field, now or of a stated time.

A version of a node's state begins with the entry that changed it, and keeps the latest value of
each source. What a source had overtaken before it came is in no version: it is read from the
entries that say it. Of a stated time shows what would, had nothing been said that is stated later.
A command counts by its place in the log: it forgets what came before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from lineage.folding import decode_entry
from lineage.projections.retellings import RETOLD
from lineage.projections.states import STATE, STATE_PAST, kept_values, said_fields
from lineage.projections.unfolding import unfold
from lineage.projections.values import Said, order_of
from lineage.stores.base import Reader
from lineage.vertices import namespace_of
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

    @property
    def said(self) -> Said:
        """The value without the entry that says it."""
        return Said(self.stated_us, self.source, self.value)


class Step(NamedTuple):
    """What shows of a field since an entry."""

    position: int
    shown: Cited


class History(NamedTuple):
    """What was said of a field of a node.

    ``values`` is what it showed, one value after the other; the last is the shown one. ``kept`` is
    the latest value of each source, of the stated time that is asked about; nothing had been said
    by then where there is none. ``steps`` is what showed of a stated time since each entry that
    said the latest value of its source; without a stated time there are none.
    """

    values: tuple[Cited, ...]
    kept: tuple[Cited, ...]
    steps: tuple[Step, ...] = ()

    def shown(self, field: str) -> Cited | None:
        """Return what shows of the stated time that is asked about."""
        return max(self.kept, key=lambda cited: order_of(field, cited.said), default=None)


Histories = dict[int, dict[str, History]]
"""By node and by field."""


def cite_nodes(
    reader: Reader, vertices: Collection[int], size: int, valid_us: int | None
) -> Histories:
    """Return what was said of each field of each of these nodes up to a size; stubs have none.

    ``valid_us`` is the stated time that is asked about: values that nobody dated are of any time,
    and count as earlier than any dated one. Reads a row for each version of a node; with a stated
    time also one for each entry that only said again what was known, and each entry that says what
    its source had overtaken.
    """
    versions: dict[int, list[_Version]] = {}
    for table in (STATE_PAST, STATE):
        for row in reader.find(table, "vertex", vertices):
            if row[1] < size:
                versions.setdefault(row[0], []).append(_Version(row[1], kept_values(row)))
    modes = _Modes(reader)
    overtaken = {} if valid_us is None else _read_overtaken(reader, versions, size)
    return {
        vertex: _histories(told, overtaken.get(vertex, {}), modes, valid_us)
        for vertex, told in sorted(versions.items())
    }


def cite_entity(members: Collection[Mapping[str, History]]) -> dict[str, Cited]:
    """Return the values of an entity, merged by the rule of observations.

    A field that was cleared last is not there.
    """
    merged: dict[str, Cited] = {}
    for fields in members:
        for field, history in fields.items():
            cited = history.shown(field)
            if cited is None:
                continue
            other = merged.get(field)
            if other is None or order_of(field, cited.said) > order_of(field, other.said):
                merged[field] = cited
    return {field: cited for field, cited in sorted(merged.items()) if cited.value is not None}


class _Version(NamedTuple):
    """Since which entry of each field which values are kept."""

    since: int
    kept: Mapping[str, Sequence[Said]]


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


def _read_overtaken(
    reader: Reader, vertices: Collection[int], size: int
) -> dict[int, dict[str, list[Cited]]]:
    """Return, by node and by field, the values that their sources had overtaken."""
    found: dict[int, dict[str, list[Cited]]] = {}
    about: dict[int, set[int]] = {}
    for since, vertex, is_overtaken in reader.find(RETOLD, "vertex", vertices):
        if is_overtaken and since < size:
            about.setdefault(since, set()).add(vertex)
    for position, wanted in sorted(about.items()):
        (stored,) = reader.entries(position, 1)
        said = unfold(decode_entry(stored), namespace_of(min(wanted)))
        for vertex, record in said.described:
            if vertex in wanted and said.entry.envelope.mode is not COMMAND:
                fields = found.setdefault(vertex, {})
                for field, one in said_fields(said, record):
                    cited = Cited(one.value, one.stated_us, one.source, position)
                    fields.setdefault(field, []).append(cited)
    return found


def _histories(
    versions: list[_Version],
    overtaken: Mapping[str, Sequence[Cited]],
    modes: _Modes,
    valid_us: int | None,
) -> dict[str, History]:
    ordered = sorted(versions, key=lambda version: version.since)
    fields = {field for version in ordered for field in version.kept}
    found: dict[str, History] = {}
    for field in sorted(fields):
        telling = _Telling(field, modes)
        for version in ordered:
            telling.tell(version.since, version.kept.get(field, ()))
        late = overtaken.get(field, ())
        values = tuple(telling.values)
        if valid_us is None:
            found[field] = History(values, telling.kept())
        else:
            found[field] = History(values, *telling.kept_at(valid_us, late))
    return found


class _Telling:
    """What was said of one field, version by version."""

    def __init__(self, field: str, modes: _Modes) -> None:
        self._field = field
        self._modes = modes
        self._latest: dict[str, Cited] = {}
        self._said: list[tuple[int, Cited]] = []
        """Every value that was the latest of its source, with the version that it came in."""
        self._forgot: list[tuple[int, int | None]] = []
        """Versions whose command forgot what was said before, and when that was."""
        self.values: list[Cited] = []

    def tell(self, since: int, kept: Sequence[Said]) -> None:
        """Go on to a version."""
        shown = self.values[-1] if self.values else None
        if self._forgets(since, kept):
            self._forgot.append((since, kept[0].stated_us))
            self._latest = {}
        for said in kept:
            old = self._latest.get(said.source)
            if old is None or old.said != said:
                position = since
                if self._is_left(shown, said, since):
                    position = shown.position if shown else since
                cited = Cited(said.value, said.stated_us, said.source, position)
                self._latest[said.source] = cited
                self._said.append((since, cited))
        if kept:
            now = max(self._latest.values(), key=self._order)
            if shown is None or now.said != shown.said:
                self.values.append(now)

    def kept(self) -> tuple[Cited, ...]:
        """Return the latest value of each source."""
        return tuple(self._latest.values())

    def kept_at(
        self, valid_us: int, overtaken: Sequence[Cited]
    ) -> tuple[tuple[Cited, ...], tuple[Step, ...]]:
        """Return the latest value of each source of a stated time, and the steps up to there."""
        told = [*self._said, *((cited.position, cited) for cited in overtaken)]
        forgot = {since for since, at_us in self._forgot if _is_by(valid_us, at_us)}
        latest: dict[str, Cited] = {}
        steps: list[Step] = []
        for since, some in groupby(sorted(told, key=itemgetter(0)), itemgetter(0)):
            before = latest
            latest = {} if since in forgot else dict(before)
            for _, cited in some:
                old = latest.get(cited.source)
                is_later = old is None or self._order(cited) > self._order(old)
                if is_later and _is_by(valid_us, cited.stated_us):
                    latest[cited.source] = cited
            if latest != before:
                steps.append(Step(since, max(latest.values(), key=self._order)))
        return tuple(latest.values()), tuple(steps)

    def _forgets(self, since: int, kept: Sequence[Said]) -> bool:
        """Tell whether a command brought a version: a source says nothing more, or less late."""
        now = {said.source: order_of(self._field, said) for said in kept}
        is_less = any(
            source not in now or now[source] < self._order(cited)
            for source, cited in self._latest.items()
        )
        return is_less and bool(kept) and self._modes.is_command(since)

    def _is_left(self, shown: Cited | None, said: Said, since: int) -> bool:
        """Tell whether a command left a value as it was shown."""
        return (
            self._field in _KEPT_BY_COMMANDS
            and shown is not None
            and shown.value == said.value
            and self._modes.is_command(since)
        )

    def _order(self, cited: Cited) -> tuple[bool, int, str, int, bytes]:
        return order_of(self._field, cited.said)


def _is_by(valid_us: int, stated_us: int | None) -> bool:
    return stated_us is None or stated_us <= valid_us
