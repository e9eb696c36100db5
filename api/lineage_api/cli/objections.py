"""What forbids an erasure, as text: one line a hold or retention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lineage_api.cli.printing import counted, printable
from lineage_schemas.erasures import ObjectionView

RESTRAINTS_SHOWN_MAX: Final = 20
"""Holds and retentions that are told one by one; the others are counted."""

POSITIONS_SHOWN_MAX: Final = 8
"""Positions that are named of each; the others are counted."""


def objection_lines(objections: Sequence[ObjectionView]) -> Iterator[str]:
    """Yield what forbids an erasure: each hold or retention, and the first entries it keeps."""
    by_restraint: dict[int, list[ObjectionView]] = {}
    for one in objections:
        by_restraint.setdefault(one.restraint, []).append(one)
    groups = list(by_restraint.values())
    for group in groups[:RESTRAINTS_SHOWN_MAX]:
        yield printable(f"objection {_told(group)}")
    hidden = len(groups) - RESTRAINTS_SHOWN_MAX
    if hidden > 0:
        yield f"objection {counted(hidden, 'more hold or retention', 'more holds and retentions')}"


def _told(group: Sequence[ObjectionView]) -> str:
    first = group[0]
    where = f"(position {first.restraint})"
    are = "is" if len(group) == 1 else "are"
    until = max((one.until for one in group if one.until is not None), default=None)
    if until is None:
        return f"{_entries(group)} {are} under the hold of {first.name} {where}"
    last = "" if len(group) == 1 else ", the last of them,"
    return f"{_entries(group)} {are} kept until {until}{last} as {first.name} {where}"


def _entries(group: Sequence[ObjectionView]) -> str:
    if len(group) == 1:
        return f"position {group[0].entry}"
    shown = ", ".join(str(one.entry) for one in group[:POSITIONS_SHOWN_MAX])
    hidden = len(group) - POSITIONS_SHOWN_MAX
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return f"{len(group):,} entries (positions {shown}{more})"
