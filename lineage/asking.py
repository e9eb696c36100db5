"""Ask: one snapshot, one basis, one namespace, by somebody who may.

Every question of a ledger is opened here, so here it is checked, bound, and accounted for.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.anchoring.snapshots import Snapshots
from lineage.projections.catalog import SOURCE
from lineage.questions.as_of import AsOf, FoundNamespace, resolve_as_of, state_basis
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader
from lineage.stores.bound import BoundReader
from lineage.writing.governing import namespace_number
from lineage.writing.submission import Principal
from lineage_schemas.basis import Basis
from lineage_schemas.errors import ForbiddenError, LedgerError, StoreError

_ACTIONS: Final = {"entries": Action.READ_ENTRIES}
"""What a question takes that is not a plain reading."""


class Asked:
    """What a question is answered from: a snapshot that shows its namespace and nothing else.

    ``unbound`` is for what keeps its own namespaces apart: the index of the graph. Whoever answers
    says by ``count`` how many things the answer holds.
    """

    def __init__(self, reader: Reader, number: int | None, basis: Basis, unbound: Reader) -> None:
        self.reader = reader
        self.number = number
        self.basis = basis
        self.unbound = unbound
        self.count: int | None = None


class Asking:
    """Opens questions on one store."""

    def __init__(self, snapshots: Snapshots, checks: Checks) -> None:
        self._snapshots = snapshots
        self._checks = checks

    @contextmanager
    def question(
        self, where: tuple[str, Principal, AsOf], call: str, *question: object
    ) -> Generator[Asked]:
        """Open one snapshot, fix its basis, and bind it to the namespace.

        What is given to an auditor is stated in the access log before the block is left, and so is
        that it was an error.

        Raises:
            ForbiddenError: ``principal`` may not ask this.
            StoreBehindError: the store is not what was signed, so that a grant may hold here which
                was revoked; the local principal is answered, and told what is missing.
        """
        namespace, principal, as_of = where
        told = Told(call, namespace, (*question, as_of))
        must_account = False
        try:
            with self._snapshots.opened(principal) as snapshot:
                reader, recalled = snapshot.reader, snapshot.recalled
                if recalled is not None and recalled.fault is not None:
                    raise recalled.fault
                must_account = self._checks.check(
                    reader, principal, _ACTIONS.get(call, Action.READ), namespace
                )
                fault = snapshot.fault() if principal.is_local else None
                asked = self._asked(reader, namespace, as_of, fault)
                basis = asked.basis
                told = replace(told, size=basis.size, root=basis.root, origin=basis.origin)
                yield asked
        except ForbiddenError:
            self._checks.settle()
            raise
        except StoreError:
            raise
        except LedgerError as error:
            if must_account:
                self._checks.tell(principal, replace(told, error=error.code))
            raise
        if must_account:
            self._checks.tell(principal, replace(told, count=asked.count))

    def _asked(
        self, reader: Reader, namespace: str, as_of: AsOf, fault: StoreError | None
    ) -> Asked:
        origin = reader.origin()
        resolved = resolve_as_of(reader, origin, namespace, as_of)
        number = namespace_number(reader, namespace, resolved.size)
        own = namespace_number(reader, LEDGER_NAMESPACE, resolved.size)
        found = FoundNamespace(
            numbers=tuple(one for one in (number, own) if one is not None),
            sources=() if number is None else _sources_of(reader, number, resolved.size),
            missing=() if fault is None else (fault.what,),
        )
        basis = state_basis(reader, origin, namespace, resolved, found)
        return Asked(bound_to(reader, namespace, number), number, basis, reader)


def bound_to(reader: Reader, namespace: str, number: int | None) -> Reader:
    """Return a reader that shows a namespace, by its name and number, and nothing else."""
    return BoundReader(reader, namespace, number, LEDGER_NAMESPACE)


def _sources_of(reader: Reader, namespace: int, size: int) -> tuple[str, ...]:
    rows = reader.find(SOURCE, "namespace", [namespace])
    return tuple(sorted(row[1] for row in rows if row[2] < size))
