"""The last line of most tests: everything is derived again from the stored bytes."""

from lineage.service import Ledger


def check_ledger(ledger: Ledger) -> None:
    """Demand a clean audit, and views that a rebuild reaches again, row by row."""
    report = ledger.audit()
    assert report.findings == ()
    assert report.size == ledger.head().size
    assert bytes.fromhex(report.root) == ledger.head().root
    rebuilt = ledger.rebuild()
    assert rebuilt.before == rebuilt.after
    assert ledger.audit().findings == ()
