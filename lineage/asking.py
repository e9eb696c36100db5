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
from lineage.clock import Clock
from lineage.projections.catalog import SOURCE
from lineage.questions.as_of import (
    AsOf,
    FoundNamespace,
    Present,
    resolve_as_of,
    state_basis,
)
from lineage.questions.sources import Watched, find_missing, read_watched, recorded_at
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader
from lineage.stores.bound import BoundReader
from lineage.writing.governing import namespace_number
from lineage.writing.submission import Principal
from lineage_schemas.basis import Basis
from lineage_schemas.errors import ForbiddenError, LedgerError, StoreError
from lineage_schemas.instants import format_instant, parse_instant

_ACTIONS: Final[dict[str, Action]] = dict.fromkeys(
    ("between", "entries", "history", "late"), Action.READ_ENTRIES
)
"""What a question takes that is not a plain reading: these show the entries themselves."""


class Asked:
    """What a question is answered from: a snapshot that shows its namespace and nothing else.

    ``unbound`` is for what keeps its own namespaces apart: the index of the graph. Whoever answers
    says by ``count`` how many things the answer holds. ``fault`` is what is missing in the store.
    """

    def __init__(
        self,
        reader: Reader,
        number: int | None,
        basis: Basis,
        unbound: Reader,
        fault: StoreError | None,
    ) -> None:
        self.reader = reader
        self.number = number
        self.basis = basis
        self.unbound = unbound
        self.fault = fault
        self.count: int | None = None


class Asking:
    """Opens questions on one store."""

    def __init__(self, snapshots: Snapshots, checks: Checks, clock: Clock) -> None:
        self._snapshots = snapshots
        self._checks = checks
        self._clock = clock

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

    def at(self, asked: Asked, as_of: AsOf) -> Asked:
        """Return the same snapshot as of another past, for a question about two of them.

        Raises:
            UnknownBasisError: that past cannot be had.
        """
        return self._asked(asked.unbound, asked.basis.namespace, as_of, asked.fault)

    def _asked(
        self, reader: Reader, namespace: str, as_of: AsOf, fault: StoreError | None
    ) -> Asked:
        origin = reader.origin()
        resolved = resolve_as_of(reader, origin, namespace, as_of)
        number = namespace_number(reader, namespace, resolved.size)
        own = namespace_number(reader, LEDGER_NAMESPACE, resolved.size)
        watched = [] if number is None else read_watched(reader, (namespace, number), resolved.size)
        moment_us = self._moment(reader, as_of, resolved.size) if watched else 0
        found = FoundNamespace(
            numbers=tuple(one for one in (number, own) if one is not None),
            sources=() if number is None else _sources_of(reader, number, resolved.size, watched),
            missing=(
                *(() if fault is None else (fault.what,)),
                *find_missing(watched, moment_us),
            ),
            judged_at=format_instant(moment_us) if watched else None,
        )
        basis = state_basis(reader, origin, namespace, resolved, found)
        return Asked(bound_to(reader, namespace, number), number, basis, reader, fault)

    def _moment(self, reader: Reader, as_of: AsOf, size: int) -> int:
        """Return the moment at which sources are judged.

        Of a size or a time it is when the last entry was recorded: the same answer for ever. A
        basis that is handed back was judged before, and is judged at that moment again.
        """
        if as_of is None:
            return max(self._clock(), reader.head().recorded_us)
        if isinstance(as_of, Basis) and as_of.sources_at is not None:
            return parse_instant(as_of.sources_at)
        recorded_us = recorded_at(reader, size - 1)
        return max(as_of.asked_us, recorded_us) if isinstance(as_of, Present) else recorded_us


def bound_to(reader: Reader, namespace: str, number: int | None) -> Reader:
    """Return a reader that shows a namespace, by its name and number, and nothing else."""
    return BoundReader(reader, namespace, number, LEDGER_NAMESPACE)


def _sources_of(
    reader: Reader, namespace: int, size: int, watched: list[Watched]
) -> tuple[str, ...]:
    """Return who spoke by then, and of whom it was expected."""
    rows = reader.find(SOURCE, "namespace", [namespace])
    spoke = {row[1] for row in rows if row[2] < size}
    return tuple(sorted(spoke.union(one.name for one in watched)))
