"""The checker: derive everything again from the stored bytes, and compare.

It trusts nothing that can be computed: signatures from keys, the tree from leaves, leaves from
envelopes, commitments from payloads, views from entries. Findings are data; it raises only when the
store cannot be read.
"""

from lineage.audit.reports import (
    AnchoredUpTo,
    AuditFinding,
    AuditLevel,
    AuditReport,
    AuditRequest,
    LevelReport,
    with_differing_graphs,
)
from lineage.audit.running import audit_log
from lineage.audit.signatures import Memory, recall

__all__ = [
    "AnchoredUpTo",
    "AuditFinding",
    "AuditLevel",
    "AuditReport",
    "AuditRequest",
    "LevelReport",
    "Memory",
    "audit_log",
    "recall",
    "with_differing_graphs",
]
