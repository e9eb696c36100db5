"""What the ledger knows of a source that is looked at: asked by whoever looks at it for the ledger.

Whoever may speak for a source is told what it said last: without that nobody could tell what is
new. Nothing else is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.connectors.scanning import Known
from lineage.custody import Custody
from lineage.questions.revisions import (
    LastScans,
    find_known,
    find_revisions,
    find_scans,
    find_subjects_of,
)
from lineage.writing.governing import namespace_number
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal


class Looks:
    """What was said of the things of a source, and when it was looked at."""

    def __init__(self, custody: Custody, checks: Checks) -> None:
        self._custody = custody
        self._checks = checks

    def known(
        self,
        source: str,
        subjects: Iterable[str],
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> dict[str, Known]:
        """Return the last revision of each of these subjects that the source has spoken of.

        Raises:
            ForbiddenError: ``principal`` may not speak here.
        """
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.INGEST, namespace, source)
            return find_known(reader, namespace_number(reader, namespace), source, subjects)

    def revisions(
        self,
        source: str,
        subject: str,
        *,
        of_approval: bool = False,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[Known, ...]:
        """Return every revision of a subject that the source has spoken of, in their order.

        ``of_approval``: it is an approval, and asked by who may approve.

        Raises:
            ForbiddenError: ``principal`` may not speak here.
            LimitExceededError: there are more than ``REVISIONS_MAX``.
        """
        with self._custody.reading(principal) as reader:
            if of_approval:
                self._checks.check(reader, principal, Action.APPROVE, namespace)
            else:
                self._checks.check(reader, principal, Action.INGEST, namespace, source)
            number = namespace_number(reader, namespace)
            return find_revisions(reader, number, source, subject)

    def subjects(
        self,
        source: str,
        kind: str,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> list[str]:
        """Return every subject of a kind that the source has spoken of, in bytewise order.

        Raises:
            ForbiddenError: ``principal`` may not speak here.
        """
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.INGEST, namespace, source)
            number = namespace_number(reader, namespace)
            return list(find_subjects_of(reader, number, source, kind))

    def scans(
        self,
        source: str,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> LastScans:
        """Return what was said of the last look at a source, and of the last whole one.

        Raises:
            ForbiddenError: ``principal`` may not speak here.
        """
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.INGEST, namespace, source)
            return find_scans(reader, namespace_number(reader, namespace), source)
