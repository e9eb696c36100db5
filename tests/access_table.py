"""Which role may do what, as it was decided: written out here, and not taken from the code."""

# One line a role; a letter a column: `+` may, `.` may not.
COLUMNS = [
    "verify",
    "ingest",
    "approve",
    "read",
    "read-entries",
    "read-bundles",
    "prove",
    "audit",
    "export",
    "read-access-log",
    "issue-report",
    "see-restraints",
    "restrain",
    "plan-erasure",
    "propose-erasure",
    "approve-erasure",
    "see-grants",
    "grant",
    "operate",
    "backup",
    "rebuild",
    "rotate-key",
    "recover",
    "anchor",
]
TABLE = {
    # .                v i a r e b p a x l i s r p p a s g o b r k r a
    "ingest":         ". + . . . . . . . . . . . . . . . . . . . . . .",
    "reader":         ". . . + . . . . . . . . . . . . . . . . . . . .",
    "auditor":        ". . . + + + + + + + . + . . . . + . . . . . . .",
    "report-issuer":  ". . . + . . . . . . + . . . . . . . . . . . . .",
    "approver":       ". . + + . . . . . . . . . . . . . . . . . . . .",
    "privacy-officer": ". . . . . . . . . . . + + + + + . . . . . . . .",
    "namespace-admin": ". . . . . . . . . . . . . . . . + + . . . . . .",
    "operator":       ". . . . . . . . . . . . . . . . . . + + + . . .",
    "key-custodian":  ". . . . . . . . . . . . . . . . . . . . . + + +",
}  # fmt: skip
"""The first column is left out of the rows: whoever is signed in may verify."""

LEDGER_WIDE = {
    "read-bundles",
    "audit",
    "export",
    "read-access-log",
    "operate",
    "backup",
    "rebuild",
    "rotate-key",
    "recover",
    "anchor",
}


APART = [{"ingest", "approver"}, {"operator", "key-custodian"}]


def may(role: str, action: str) -> bool:
    """Read a cell."""
    return action == "verify" or TABLE[role].split()[COLUMNS.index(action)] == "+"
