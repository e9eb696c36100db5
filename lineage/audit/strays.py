"""What lies in the store beside the log and its views: nothing else of an audit would read it."""

from __future__ import annotations

from lineage.audit.reports import AuditLevel, Findings
from lineage.projections.views import TABLES
from lineage.stores.base import Reader


def check_strays(reader: Reader, level: AuditLevel, found: Findings) -> list[str]:
    """Find what belongs to no entry; return remarks on what does not belong here at all.

    A table of somebody else's makes no answer wrong, so it is no finding; but it may hold what was
    erased from the log, and no erasure reaches it.
    """
    strays = reader.strays(TABLES)
    for position in strays.entries:
        found.add(AuditLevel.TREE, "There is an entry before the first position", position)
    if level >= AuditLevel.PAYLOAD:
        _check_parts(reader, found)
    remarks = [f"The store holds what is not the ledger's: {thing}" for thing in strays.things]
    return [*remarks, *(f"Of the ledger's own the store lacks: {thing}" for thing in strays.gone)]


def _check_parts(reader: Reader, found: Findings) -> None:
    strays = reader.stray_parts()
    for position, part, there in strays.halves:
        what = f"Of the {part} part only the {there} is there"
        found.add(AuditLevel.PAYLOAD, what, position)
    for position in strays.orphans:
        found.add(AuditLevel.PAYLOAD, "There is payload that belongs to no entry", position)
