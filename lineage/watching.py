"""Watch sources: show what each owes and has said, and say what is expected of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.asking import Asking
from lineage.clock import Clock, Randomness
from lineage.custody import Custody
from lineage.questions.as_of import AsOf
from lineage.questions.sources import SourceFaults, count_faults, view_sources
from lineage.writing.submission import (
    DEFAULT_NAMESPACE,
    LOCAL_PRINCIPAL,
    Principal,
    Receipt,
)
from lineage_schemas.access import EVERY
from lineage_schemas.instants import format_instant, instant_of, parse_instant
from lineage_schemas.records import StatedTime, Statement
from lineage_schemas.sources import SourceExpectation, SourcesAnswer

EXPECTING_SOURCE: Final = "expectations"
"""The source of what is expected of others: no statement of it counts as a word of theirs."""

_ID_BYTES: Final = 8


class Watching:
    """The sources of one ledger."""

    def __init__(
        self,
        asking: Asking,
        custody: Custody,
        checks: Checks,
        record: Callable[..., list[Receipt]],
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._asking = asking
        self._custody = custody
        self._checks = checks
        self._record = record
        self._clock = clock
        self._randomness = randomness

    def sources(
        self,
        as_of: AsOf = None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> SourcesAnswer:
        """Show every source of a namespace, and what is wrong with those that are judged.

        Raises:
            UnknownBasisError: a size the log has not reached, or another log's basis.
        """
        with self._asking.question((namespace, principal, as_of), "sources") as asked:
            basis = asked.basis
            moment_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
            sources = (
                ()
                if asked.number is None
                else view_sources(asked.reader, (namespace, asked.number), basis.size, moment_us)
            )
            asked.count = len(sources)
            return SourcesAnswer(basis=basis, sources=sources)

    def faults(self, *, principal: Principal = LOCAL_PRINCIPAL) -> SourceFaults:
        """Count the sources of all namespaces that are overdue now, and that are unreconciled.

        Raises:
            ForbiddenError: ``principal`` is no operator.
            StoreBehindError: the store is not what was signed, and ``principal`` signs in.
        """
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.OPERATE, EVERY)
            return count_faults(reader, self._clock())

    def expect(
        self,
        source: str,
        due_seconds: int | None,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> Receipt:
        """State, from now on, within how long a source is to be heard again; ``None``: no longer.

        Raises:
            InvalidInputError: what is named can be no source.
            LimitExceededError: no time, or one of more than ``DUE_SECONDS_MAX``.
            ForbiddenError: ``principal`` may not speak for it here.
        """
        now = self._clock()
        statement = Statement(
            id=f"expect/{format_instant(now)}/{self._randomness(_ID_BYTES).hex()}",
            source=EXPECTING_SOURCE,
            stated=StatedTime(start=instant_of(now)),
            records=(SourceExpectation(source=source, due_seconds=due_seconds),),
        )
        return self._record([statement], namespace=namespace, principal=principal)[0]
