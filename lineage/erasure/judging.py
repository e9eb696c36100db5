"""Judge an erasure: which holds and retentions forbid it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lineage.erasure.planning import Candidate
from lineage.projections.governance import RESTRAINT, RestraintRow
from lineage.rules.form import check_principal
from lineage.rules.restraints import covers, kept_until
from lineage.stores.base import Reader
from lineage_schemas.errors import InvalidInputError

KEEP_DAYS_MAX: Final = 36_525
"""A hundred years."""


class Objection(NamedTuple):
    """A hold or retention forbids that an entry is erased; ``until`` is ``None`` for a hold."""

    entry: int
    restraint: int
    name: str
    until_us: int | None


def find_objections(
    reader: Reader, namespace: int, candidates: Sequence[Candidate], now_us: int
) -> list[Objection]:
    """Return what forbids erasing these entries now, by entry."""
    rows = map(RestraintRow._make, reader.find(RESTRAINT, "namespace", [namespace]))
    in_force = sorted(row for row in rows if row.released_by is None)
    if not in_force:
        return []
    return [
        objection
        for candidate in candidates
        for row in in_force
        if (objection := _objection(row, candidate, now_us)) is not None
    ]


def check_requesters(requester: str, approver: str) -> None:
    """Demand two different people.

    Raises:
        InvalidInputError: one is missing, or is no name that the log keeps, or both are the same.
    """
    for who, name in (("requester", requester), ("approver", approver)):
        if name.strip():
            _check_name(who, name)
    names = [" ".join(name.split()).casefold() for name in (requester, approver)]
    if not all(names):
        raise InvalidInputError("An erasure needs who asks for it, and who approves it")
    if names[0] == names[1]:
        raise InvalidInputError(
            "Whoever asks for an erasure cannot approve it", where=requester[:64]
        )


def _check_name(who: str, name: str) -> None:
    try:
        check_principal(name)
    except InvalidInputError as error:
        raise error.at(who) from error


def check_keep_days(keep_days: int) -> None:
    """Refuse a retention that is no time at all, or longer than anybody can promise."""
    if not 1 <= keep_days <= KEEP_DAYS_MAX:
        raise InvalidInputError(
            f"A retention is from 1 to {KEEP_DAYS_MAX} days", where=str(keep_days)
        )


def _objection(row: RestraintRow, candidate: Candidate, now_us: int) -> Objection | None:
    position, envelope, vertices = candidate
    if not covers(row, position, vertices):
        return None
    until_us = kept_until(row, envelope.recorded_us)
    if until_us is not None and until_us <= now_us:
        return None
    return Objection(position, row.position, row.name, until_us)
