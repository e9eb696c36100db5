"""The roles, and what each may do: one table, which docs/access.md shows.

What two roles must not be held together is here too; both are asked when a grant is made and
again when somebody acts, for groups and times may have brought together what no grant did.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lineage_schemas.access import Role
from lineage_schemas.mlmd import Word


class Action(Word):
    """What may be done. Each call of a ledger names one."""

    VERIFY = "verify"
    INGEST = "ingest"
    APPROVE = "approve"
    READ = "read"
    READ_ENTRIES = "read-entries"
    READ_BUNDLES = "read-bundles"
    PROVE = "prove"
    AUDIT = "audit"
    EXPORT = "export"
    READ_ACCESS_LOG = "read-access-log"
    ISSUE_REPORT = "issue-report"
    SEE_RESTRAINTS = "see-restraints"
    RESTRAIN = "restrain"
    PLAN_ERASURE = "plan-erasure"
    PROPOSE_ERASURE = "propose-erasure"
    APPROVE_ERASURE = "approve-erasure"
    SEE_GRANTS = "see-grants"
    GRANT = "grant"
    OPERATE = "operate"
    BACKUP = "backup"
    REBUILD = "rebuild"
    ROTATE_KEY = "rotate-key"
    RECOVER = "recover"
    ANCHOR = "anchor"


ACTIONS: Final[dict[Role, frozenset[Action]]] = {
    Role.INGEST: frozenset({Action.VERIFY, Action.INGEST}),
    Role.READER: frozenset({Action.VERIFY, Action.READ}),
    Role.AUDITOR: frozenset(
        {
            Action.VERIFY,
            Action.READ,
            Action.READ_ENTRIES,
            Action.READ_BUNDLES,
            Action.PROVE,
            Action.AUDIT,
            Action.EXPORT,
            Action.READ_ACCESS_LOG,
            Action.SEE_RESTRAINTS,
            Action.SEE_GRANTS,
        }
    ),
    Role.REPORT_ISSUER: frozenset({Action.VERIFY, Action.READ, Action.ISSUE_REPORT}),
    Role.APPROVER: frozenset({Action.VERIFY, Action.READ, Action.APPROVE}),
    Role.PRIVACY_OFFICER: frozenset(
        {
            Action.VERIFY,
            Action.SEE_RESTRAINTS,
            Action.RESTRAIN,
            Action.PLAN_ERASURE,
            Action.PROPOSE_ERASURE,
            Action.APPROVE_ERASURE,
        }
    ),
    Role.NAMESPACE_ADMIN: frozenset({Action.VERIFY, Action.SEE_GRANTS, Action.GRANT}),
    Role.OPERATOR: frozenset({Action.VERIFY, Action.OPERATE, Action.BACKUP, Action.REBUILD}),
    Role.KEY_CUSTODIAN: frozenset(
        {Action.VERIFY, Action.ROTATE_KEY, Action.RECOVER, Action.ANCHOR}
    ),
}

LEDGER_WIDE: Final = frozenset(
    {
        Action.READ_BUNDLES,
        Action.AUDIT,
        Action.EXPORT,
        Action.READ_ACCESS_LOG,
        Action.OPERATE,
        Action.BACKUP,
        Action.REBUILD,
        Action.ROTATE_KEY,
        Action.RECOVER,
        Action.ANCHOR,
    }
)
"""What concerns the ledger as a whole, and so needs the role in every namespace."""

WHOLE_LEDGER_ROLES: Final = frozenset({Role.OPERATOR, Role.KEY_CUSTODIAN})
"""Roles that nobody can have in one namespace alone."""

ACCOUNTED: Final = frozenset({Role.AUDITOR, Role.PRIVACY_OFFICER})
"""Roles whose every reading is stated in the access log."""

APART: Final = (
    frozenset({Role.INGEST, Role.APPROVER}),
    frozenset({Role.OPERATOR, Role.KEY_CUSTODIAN}),
)
"""Pairs of roles that nobody has in one namespace: what one says or does, the other checks."""


def kept_apart(role: Role, others: Collection[Role]) -> Role | None:
    """Return one of ``others`` that nobody may have who has ``role`` in the same namespace."""
    for pair in APART:
        if role in pair:
            for other in pair - {role}:
                if other in others:
                    return other
    return None
