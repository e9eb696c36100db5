"""Check that somebody may do something, in the snapshot or transaction it is done in.

What was granted is read when it last changed and then judged in memory, so that a check of
somebody who was seen before costs two look-ups.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

from msgspec.structs import replace

from lineage.access.accounts import AccessLog, Told
from lineage.access.approvals import (
    is_approval,
    oversteps,
    speaks_of_approvals,
    takes_over,
    touches_approvals,
)
from lineage.access.roles import ACCOUNTED, ACTIONS, Action
from lineage.access.state import NOBODY, AccessState, Rights, permits, read_access, rights_of
from lineage.clock import Clock
from lineage.intake import Delivery, Outcomes
from lineage.projections.access import last_change
from lineage.projections.views import read_bookmark
from lineage.stores.base import Reader
from lineage.writing.governing import namespace_number
from lineage.writing.preparing import PreparedBatch
from lineage.writing.submission import Principal
from lineage_schemas.errors import ForbiddenError, LedgerError, PreconditionError, StoreError
from lineage_schemas.records import Statement
from lineage_schemas.sources import SourceExpectation

RIGHTS_REMEMBERED_MAX: Final = 10_000
"""Principals whose rights are kept in memory; beyond that they are worked out anew."""

_Refusal = TypeVar("_Refusal", bound=ForbiddenError)


class RefusedBatchError(ForbiddenError):
    """A batch is not its principal's to have recorded: it takes ``action``. Not counted yet."""

    action = Action.INGEST


class Checks:
    """Knows who may do what in one ledger. Safe to use from many threads."""

    def __init__(self, clock: Clock, accounts: AccessLog | None = None) -> None:
        """Check by a clock, and keep an access log of what must be accounted for.

        Without one, what must be stated there is given to nobody.
        """
        self.accounts = accounts
        self._clock = clock
        self._lock = Lock()
        self._read_at: tuple[int, int | None] | None = None
        self._state = NOBODY
        self._rights: dict[Principal, Rights] = {}

    def check(
        self,
        reader: Reader,
        principal: Principal,
        action: Action,
        namespace: str,
        source: str | None = None,
    ) -> bool:
        """Refuse what somebody may not do now; tell whether it belongs into the access log.

        Whatever is given to an auditor or a privacy officer of the namespace does. Whoever works
        in a transaction checks before anything is appended in it: what was granted is kept in
        memory, and must not be what is undone a moment later.

        Raises:
            ForbiddenError: and names the action and the namespace.
        """
        if principal.is_local:
            return False
        rights = self.rights(reader, principal)
        if not permits(rights, action, namespace, source):
            raise self.refusal(principal, action, namespace)
        return any(one.role in ACCOUNTED and one.holds_in(namespace) for one in rights.used or ())

    def allows(
        self,
        reader: Reader,
        principal: Principal,
        action: Action,
        namespace: str,
        source: str | None = None,
    ) -> bool:
        """Tell whether somebody may do something now, by what ``reader`` sees."""
        if principal.is_local:
            return True
        return permits(self.rights(reader, principal), action, namespace, source)

    def tell(self, principal: Principal, told: Told) -> None:
        """State in the access log what somebody is about to be given; of the local one nothing.

        Raises:
            StoreError: it cannot be stated, so nothing may be handed out.
            PreconditionError: there is no access log here.
        """
        if principal.is_local:
            return
        if self.accounts is None:
            raise PreconditionError(
                "This ledger has no access log, and what this would give must be stated in one",
                hint="Open it with open_ledger, which keeps one beside it.",
            )
        self.accounts.tell(principal, told)

    @contextmanager
    def accounting(self, principal: Principal, told: Told) -> Generator[None]:
        """State also that what is asked in the block ended in an error: that too is an answer.

        For what only those may ask who are accounted for. A refusal is counted elsewhere, and where
        the store failed nothing was learned.
        """
        try:
            yield
        except (ForbiddenError, StoreError):
            raise
        except LedgerError as error:
            self.tell(principal, replace(told, error=error.code))
            raise

    def settle(self) -> None:
        """Write the refusals that were counted, where it is time. Not while the log is locked."""
        if self.accounts is not None:
            self.accounts.write_due_denials()

    def check_batch(self, reader: Reader, batch: PreparedBatch) -> bool:
        """Refuse a batch that its principal may not have recorded, or that nobody may.

        Returns whether it speaks of approvals: what may be said of a thing depends on whether it is
        one. The transaction may be made again, so ``count_refused`` counts what became of it.

        Raises:
            RefusedBatchError: one of its statements is not the principal's to make.
        """
        principal, namespace = batch.principal, batch.namespace
        if principal.is_local:
            return any(speaks_of_approvals(one.statement) for one in batch.statements)
        rights = self.rights(reader, principal)
        if batch.is_report:
            return _check_report(reader, batch, rights)
        plain: list[Statement] = []
        approvals: list[Statement] = []
        for prepared in batch.statements:
            statement = prepared.statement
            if speaks_of_approvals(statement):
                action = Action.APPROVE
                fits = is_approval(statement) and permits(rights, action, namespace)
                approvals.append(statement)
            else:
                action = Action.INGEST
                fits = all(
                    permits(rights, action, namespace, source) for source in spoken_for(statement)
                )
                plain.append(statement)
            if not fits:
                raise _refused_batch(action, namespace, statement)
        number = namespace_number(reader, namespace)
        if plain and touches_approvals(reader, number, plain):
            raise _refused_batch(Action.APPROVE, namespace)
        if approvals and takes_over(reader, number, approvals):
            raise _refused_batch(Action.INGEST, namespace)
        return bool(approvals)

    def count_refused(self, deliveries: Sequence[Delivery], outcomes: Outcomes) -> None:
        """Tell whoever counts refusals of the batches that were refused, each by its own door."""
        for delivery, outcome in zip(deliveries, outcomes, strict=True):
            if isinstance(outcome, RefusedBatchError):
                batch = delivery.batch
                delivery.context.run(self._count, batch.principal, outcome.action, batch.namespace)

    def state(self, reader: Reader) -> AccessState:
        """Return what is granted, as ``reader`` sees it."""
        with self._lock:
            return self._current(reader)

    def rights(self, reader: Reader, principal: Principal) -> Rights:
        """Return what somebody may do now, as ``reader`` sees it."""
        with self._lock:
            state = self._current(reader)
            known = self._rights.get(principal)
            if known is not None and known.expires_us is None:
                return known
            now_us = self.now_us(reader)
            if known is None or known.is_over(now_us):
                if len(self._rights) >= RIGHTS_REMEMBERED_MAX:
                    self._rights.clear()
                known = self._rights[principal] = rights_of(state, principal, now_us)
            return known

    def now_us(self, reader: Reader) -> int:
        """Return the time by which grants and keys expire: it never runs behind the log's."""
        return max(reader.head().recorded_us, self._clock())

    def refusal(self, principal: Principal, action: Action, namespace: str) -> ForbiddenError:
        """Return the error of a refusal, having told whoever counts them."""
        self._count(principal, action, namespace)
        return _error(ForbiddenError, action, f"namespace {namespace[:64]}")

    def _count(self, principal: Principal, action: Action, namespace: str) -> None:
        if self.accounts is not None:
            self.accounts.count_denial(principal, action.value, namespace)

    def _current(self, reader: Reader) -> AccessState:
        at = read_bookmark(reader).turn, last_change(reader)
        if at != self._read_at:
            self._state = NOBODY if at[1] is None else read_access(reader)
            self._rights.clear()
            self._read_at = at
        return self._state


def _check_report(reader: Reader, batch: PreparedBatch, rights: Rights) -> bool:
    """Refuse what a message tells where its principal may not tell it, or nobody may.

    Decisions that it tells of take no more than everything else: they were taken elsewhere.
    """
    namespace = batch.namespace
    statements = [one.statement for one in batch.statements]
    for statement in statements:
        sources = spoken_for(statement)
        if not all(permits(rights, Action.INGEST, namespace, one) for one in sources):
            raise _refused_batch(Action.INGEST, namespace, statement)
    told = [one for one in statements if speaks_of_approvals(one)]
    number = namespace_number(reader, namespace)
    if oversteps(reader, number, statements):
        raise _refused_batch(Action.APPROVE, namespace)
    if told and takes_over(reader, number, told):
        raise _refused_batch(Action.INGEST, namespace)
    return bool(told)


def spoken_for(statement: Statement) -> set[str]:
    """Return the sources that a statement speaks for: whoever makes it, and any it promises for.

    Somebody who may speak for one source could otherwise end the promise of another, unseen.
    """
    records = (one for one in statement.records if isinstance(one, SourceExpectation))
    return {statement.source, *(one.source for one in records)}


def _refused_batch(
    action: Action, namespace: str, statement: Statement | None = None
) -> RefusedBatchError:
    what = "" if statement is None else f", statement {statement.id[:64]}"
    error = _error(RefusedBatchError, action, f"namespace {namespace[:64]}{what}")
    error.action = action
    return error


def _error(kind: type[_Refusal], action: Action, where: str) -> _Refusal:
    return kind(
        f"Whoever asks may not {action.replace('-', ' ')} here",
        where=where,
        hint=f"It takes the role {_roles_with(action)}, and none that is kept apart from it.",
    )


def _roles_with(action: Action) -> str:
    return " or ".join(sorted(role for role, actions in ACTIONS.items() if action in actions))
