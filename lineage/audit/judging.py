"""Level 4: whether each erasure that the log states was one that it should have refused.

Whoever writes to the store can state anything. What was held, for how long, and who asked stands in
the log too, so every erasure can be judged again as of its own position.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from lineage.audit.reports import AuditLevel, Findings
from lineage.projections.catalog import NAMESPACE
from lineage.projections.governance import RESTRAINT, RestraintRow
from lineage.questions.subjects import find_subjects
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.rules.restraints import are_two_people, covers, kept_until
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Entry, Envelope, EraseItem
from lineage_schemas.governance import Erasure, Recovery

_LEVEL: Final = AuditLevel.VIEWS


class _Stated(NamedTuple):
    """What the entry at ``by`` says of an erasure; ``batch`` is where its batch begins."""

    by: int
    namespace: str
    batch: int
    recorded_us: int
    positions: tuple[int, ...]
    people: tuple[str, str]


class _Erased(NamedTuple):
    """An entry that was erased, and what must have let it go."""

    position: int
    envelope: Envelope
    stated: _Stated
    rows: list[RestraintRow]


class ErasureCheck:
    """Collects the erasures that entries state, and judges them once all are known."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._stated: list[_Stated] = []
        self._recoveries: set[int] = set()

    def take(self, entries: Sequence[Entry]) -> None:
        """Note what these entries say of erasures."""
        for entry in entries:
            for index, item in enumerate(entry.envelope.structure):
                if type(item) is EraseItem:
                    self._note(entry, item, index)
            if entry.envelope.namespace == LEDGER_NAMESPACE and any(
                isinstance(record, Recovery) for record in entry.records or ()
            ):
                self._recoveries.add(entry.envelope.batch.start)

    def _note(self, entry: Entry, item: EraseItem, index: int) -> None:
        envelope, people = entry.envelope, ("", "")
        record = entry.records[index] if entry.records else None
        if isinstance(record, Erasure):
            people = record.requester, record.approver
        batch, recorded_us = envelope.batch.start, envelope.recorded_us
        self._stated.append(
            _Stated(entry.position, envelope.namespace, batch, recorded_us, item.positions, people)
        )

    def end(self, reader: Reader, replayed: Reader) -> None:
        """Judge them, by what the replay says was held when."""
        stated = [one for one in self._stated if not self._is_restated(one)]
        for one in stated:
            if not are_two_people(*one.people):
                what = "It was not asked for by one person and approved by another"
                self._found.add(_LEVEL, what, one.by)
        rows: dict[int, list[RestraintRow]] = {}
        for row in map(RestraintRow._make, scan_rows(replayed, RESTRAINT)):
            rows.setdefault(row.namespace, []).append(row)
        if rows:
            numbers = {row[2]: row[0] for row in scan_rows(replayed, NAMESPACE)}
            restrained = list(_restrained(reader, stated, rows, numbers))
            of_nodes = {
                one.position: one.envelope
                for one in restrained
                if any(row.vertex is not None for row in one.rows)
            }
            about = find_subjects(reader, of_nodes, numbers)
            for erased in restrained:
                self._judge(erased, about.get(erased.position, set()))

    def _is_restated(self, stated: _Stated) -> bool:
        """Tell whether a recovery says it again: who asked, and when, was lost with the entry."""
        return (
            stated.namespace == LEDGER_NAMESPACE
            and stated.batch in self._recoveries
            and stated.people == ("", "")
        )

    def _judge(self, erased: _Erased, vertices: set[int]) -> None:
        position, envelope, stated, rows = erased
        for row in rows:
            if not covers(row, position, vertices):
                continue
            until_us = kept_until(row, envelope.recorded_us)
            if until_us is None or stated.recorded_us < until_us:
                what = f"It says that position {position} was erased, which position {row.position}"
                why = "held" if until_us is None else "kept for longer"
                self._found.add(_LEVEL, f"{what} {why}", stated.by)


def _restrained(
    reader: Reader,
    stated: Iterable[_Stated],
    rows: dict[int, list[RestraintRow]],
    numbers: dict[str, int],
) -> Iterator[_Erased]:
    """Yield the erased entries in whose namespace anything was held when they were erased."""
    for one in stated:
        in_force = {
            number: [row for row in some if _is_in_force(row, one.by)]
            for number, some in rows.items()
        }
        if not any(in_force.values()):
            continue
        for position in one.positions:
            for body in reader.envelopes(position, 1):
                envelope = decode_envelope(body)
                if held := in_force.get(numbers[envelope.namespace]):
                    yield _Erased(position, envelope, one, held)


def _is_in_force(row: RestraintRow, position: int) -> bool:
    return row.position < position and (row.released_by is None or position < row.released_by)
