"""The last line of most tests: everything is derived again from the stored bytes."""

from lineage.audit import AuditLevel
from lineage.service import Ledger


def check_ledger(ledger: Ledger) -> None:
    """Demand a clean audit, and views that a rebuild reaches again, row by row."""
    report = ledger.audit(level=AuditLevel.VIEWS)
    assert report.findings == ()
    assert all(one.skipped == "" for one in report.levels)
    assert report.size == ledger.head().size
    assert bytes.fromhex(report.root) == ledger.head().root
    rebuilt = ledger.rebuild()
    assert rebuilt.before == rebuilt.after
    assert ledger.audit().findings == ()
