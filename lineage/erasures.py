"""Erasures, holds and retentions of one ledger, as calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.control import Custodian
from lineage.access.roles import Action
from lineage.clock import Clock, Randomness
from lineage.erasure.answering import Saying, answer_of, stated_records
from lineage.erasure.erasing import Plan, make_plan, plan_again, scrub
from lineage.erasure.judging import check_keep_days, check_requesters
from lineage.erasure.planning import Target, check_targets
from lineage.erasure.proposing import (
    Proposed,
    check_proposable,
    check_second,
    check_undecided,
    proposal_at,
    same_proposal,
    view_proposal,
    view_proposals,
)
from lineage.erasure.restraining import Scoped, restraint_at, restraint_view, with_scope
from lineage.folding import fold_anew
from lineage.intake import Append, Intake
from lineage.projections.governance import RESTRAINT, RestraintRow
from lineage.rules.secrets import clean_identifier
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.governing import Pseudonyms, governance_batch, namespace_number
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.erasures import ErasureAnswer, ProposalPage, ProposalView, RestraintView
from lineage_schemas.errors import InvalidInputError, PreconditionError
from lineage_schemas.governance import (
    ErasureProposal,
    ErasureRefusal,
    Hold,
    PartsErased,
    Release,
    Retention,
)

_T = TypeVar("_T")


class ErasureRequest(Struct, frozen=True, kw_only=True):
    """What somebody asks to be erased: of which entries, which parts, by what right, and who.

    ``requester`` and ``approver`` are two different people; their names lie in erasable parts.
    """

    targets: tuple[Target, ...]
    parts: PartsErased = PartsErased.PERSONAL
    legal_basis: str
    requester: str
    approver: str
    reason: str = ""


class ErasingCustodian(Custodian, Protocol):
    """What erasures want of whoever keeps the log's checkpoints: ``lineage.custody`` is one."""

    def remember_erasures(self) -> None:
        """Have it remembered beside the store what was erased."""


class Erasures:
    """Erases, and keeps from being erased. Everything it does is stated in the log."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        custody: ErasingCustodian,
        checks: Checks,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._intake = intake
        self._custody = custody
        self._checks = checks
        self._clock = clock
        self._randomness = randomness

    def plan(
        self,
        targets: Sequence[Target],
        parts: PartsErased = PartsErased.PERSONAL,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ErasureAnswer:
        """Say what an erasure would erase, what forbids it, and which copies it does not reach.

        Raises:
            ForbiddenError: ``principal`` is no privacy officer there.
            NotFoundError: a position or identifier that is not there.
            PreconditionError: an entry that cannot lose those parts.
        """
        check_targets(targets)
        wanted = tuple(map(_cleaned, targets))
        told = Told("plan", namespace, wanted)
        with self._checks.accounting(principal, told), self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.PLAN_ERASURE, namespace)
            now_us = max(reader.head().recorded_us, self._clock())
            plan = make_plan(reader, namespace, wanted, parts, now_us)
            answer = answer_of(reader, plan, namespace, parts)
        self._told(principal, "plan", namespace, wanted, answer)
        return answer

    def erase(
        self,
        ask: ErasureRequest,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ErasureAnswer:
        """Erase payload parts with their salts, and whatever views and files hold of them.

        Either all the targets are erased, or, where a hold or retention forbids one of them, none,
        and the log states the refusal. Returns once it is durable.

        Who asked and who approved stands on the word of the local principal, so nobody else may:
        those who sign in ``propose`` and ``approve``, which takes two of them.

        Raises:
            ForbiddenError: ``principal`` is not the local one.
            InvalidInputError: no target, no legal basis, or not two different people.
            NotFoundError, PreconditionError: as ``plan``.
            StoreError: the store failed, and nothing was erased; or scrubbing it or the sidecar
                did, after it was. Asked again, this does what is left to do.
        """
        check_targets(ask.targets)
        check_requesters(ask.requester, ask.approver)
        _check_given("legal basis", ask.legal_basis)
        if not principal.is_local:
            raise self._checks.refusal(principal, Action.APPROVE_ERASURE, namespace)
        ask = replace(ask, targets=tuple(map(_cleaned, ask.targets)))

        def work(writer: Writer, append: Append, now_us: int) -> ErasureAnswer:
            plan = make_plan(writer, namespace, ask.targets, ask.parts, now_us)
            names = Pseudonyms(writer, namespace, self._randomness)
            people = names.of(ask.requester), names.of(ask.approver)
            saying = Saying(ask.legal_basis, ask.reason, *people)
            return self._erase(
                writer, append, plan, saying, names, (namespace, ask.parts, principal)
            )

        return self._carry_out(work)

    def propose(
        self,
        targets: Sequence[Target],
        parts: PartsErased = PartsErased.PERSONAL,
        *,
        legal_basis: str,
        reason: str = "",
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ErasureAnswer:
        """Ask for an erasure; nothing is erased until somebody else approves it.

        What the targets mean now is what is proposed: entries that come later are not in it. The
        answer is that of a plan, and its ``position`` is what ``approve`` is given. Asked again
        while nobody has decided it, the answer is the same, and nothing is stated.

        Raises:
            ForbiddenError: as ``plan``.
            InvalidInputError: no target, or no legal basis.
            LimitExceededError: more than ``ERASURE_POSITIONS_MAX`` entries.
            NotFoundError, PreconditionError: as ``plan``; or there is nothing left to erase.
        """
        check_targets(targets)
        _check_given("legal basis", legal_basis)
        wanted = tuple(map(_cleaned, targets))

        def work(writer: Writer, append: Append, now_us: int) -> ErasureAnswer:
            self._checks.check(writer, principal, Action.PROPOSE_ERASURE, namespace)
            plan = make_plan(writer, namespace, wanted, parts, now_us)
            check_proposable(plan)
            record = ErasureProposal(
                positions=plan.positions, parts=parts, legal_basis=legal_basis, reason=reason
            )
            answer = answer_of(writer, plan, namespace, parts)
            names = Pseudonyms(writer, namespace, self._randomness)
            requester = names.of(principal.name, principal.origin)
            position = same_proposal(writer, namespace, requester, record, now_us)
            if position is None:
                batch = governance_batch(namespace, principal, record, randomness=self._randomness)
                position = append(batch)[-1].position
            return replace(answer, position=position)

        with self._checks.accounting(principal, Told("propose", namespace, wanted)):
            answer = self._state(work)
        self._told(principal, "propose", namespace, wanted, answer)
        return answer

    def approve(
        self,
        position: int,
        *,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ErasureAnswer:
        """Approve the erasure proposed at ``position`` and carry it out, as ``erase`` does.

        Whoever has approved it may ask again: the answer says what was erased, and whatever failed
        after that is done. Where another erasure has taken all of it, nothing is stated.

        Raises:
            ForbiddenError: ``principal`` is no privacy officer there, or is who proposed it.
            NotFoundError: no erasure is proposed there in this namespace.
            PreconditionError: somebody decided it before, it has expired, or nobody can tell any
                more who proposed it.
            StoreError: as ``erase``.
        """

        def work(writer: Writer, append: Append, now_us: int) -> ErasureAnswer:
            self._checks.check(writer, principal, Action.APPROVE_ERASURE, namespace)
            proposed = proposal_at(writer, namespace, position)
            names = Pseudonyms(writer, namespace, self._randomness)
            approver = names.of(principal.name, principal.origin)
            record = proposed.record
            told = namespace, record.parts, principal
            decision = proposed.decision
            if decision is not None and decision.is_approval_of == approver:
                return self._approved(writer, proposed, namespace, now_us)
            check_second(proposed, approver, now_us, is_local=principal.is_local)
            plan = make_plan(writer, namespace, record.positions, record.parts, now_us)
            saying = Saying(
                record.legal_basis, record.reason, proposed.requester, approver, position
            )
            return self._erase(writer, append, plan, saying, names, told)

        with self._checks.accounting(principal, Told("approve", namespace, (position,))):
            answer = self._carry_out(work)
        self._told(principal, "approve", namespace, (position,), answer)
        return answer

    def refuse(
        self,
        position: int,
        *,
        reason: str,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ProposalView:
        """Refuse the erasure proposed at ``position``, so that nobody can approve it any more.

        Whoever proposed it may: so one takes a proposal back. Asked again by the same, nothing is
        stated.

        Raises:
            ForbiddenError: ``principal`` is no privacy officer there.
            InvalidInputError: no reason.
            NotFoundError: no erasure is proposed there in this namespace.
            PreconditionError: somebody decided it before.
        """
        _check_given("reason", reason)

        def work(writer: Writer, append: Append, now_us: int) -> ProposalView:
            self._checks.check(writer, principal, Action.APPROVE_ERASURE, namespace)
            proposed = proposal_at(writer, namespace, position)
            names = Pseudonyms(writer, namespace, self._randomness)
            refuser = names.of(principal.name, principal.origin)
            decision = proposed.decision
            if decision is None or decision.is_refusal_of != refuser:
                check_undecided(proposed)
                record = ErasureRefusal(
                    positions=proposed.record.positions,
                    parts=proposed.record.parts,
                    legal_basis=proposed.record.legal_basis,
                    requester=proposed.requester,
                    approver=refuser,
                    because=(),
                    reason=reason,
                    proposal=position,
                )
                append(
                    governance_batch(
                        namespace, principal, *names.new, record, randomness=self._randomness
                    )
                )
            return view_proposal(writer, namespace, position, now_us)

        told = Told("refuse", namespace, (position,))
        with self._checks.accounting(principal, told):
            view = self._state(work)
        self._checks.tell(principal, replace(told, count=1))
        return view

    def proposal(
        self,
        position: int,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ProposalView:
        """Return the erasure that was proposed at ``position``, and what became of it.

        Raises:
            ForbiddenError: ``principal`` may not see it.
            NotFoundError: no erasure is proposed there in this namespace.
        """
        told = Told("proposal", namespace, (position,))
        with self._checks.accounting(principal, told), self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_RESTRAINTS, namespace)
            now_us = self._checks.now_us(reader)
            found = view_proposal(reader, namespace, position, now_us)
        self._checks.tell(principal, replace(told, count=1))
        return found

    def proposals(
        self,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        undecided: bool = False,
        start: int = 0,
        count: int | None = None,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> tuple[ProposalView, ...]:
        """Return the erasures that were proposed in a namespace, decided ones too, by position.

        Raises: as ``proposal_page``.
        """
        page = self.proposal_page(
            namespace, undecided=undecided, start=start, count=count, principal=principal
        )
        return page.proposals

    def proposal_page(
        self,
        namespace: str = DEFAULT_NAMESPACE,
        *,
        undecided: bool = False,
        start: int = 0,
        count: int | None = None,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ProposalPage:
        """Return the erasures that were proposed in a namespace, decided ones too, by position.

        From position ``start`` on, and ``count`` of them at most; or only those that are
        ``undecided``, be they open, expired, or about what is gone already.

        Raises:
            ForbiddenError: ``principal`` may not see them.
            InvalidInputError: a start or count below 0.
        """
        if start < 0 or (count is not None and count < 0):
            raise InvalidInputError("A list begins at position 0 or later, and has no less than 0")
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_RESTRAINTS, namespace)
            now_us = self._checks.now_us(reader)
            views = view_proposals(reader, namespace, now_us, start, undecided=undecided)
            found = tuple(islice(views, count))
            following = next(views, None)
        question = undecided, start, count
        self._checks.tell(principal, Told("proposals", namespace, question, count=len(found)))
        return ProposalPage(found, None if following is None else following.position)

    def _approved(
        self, reader: Reader, proposed: Proposed, namespace: str, now_us: int
    ) -> ErasureAnswer:
        """Return what came of an approval, to whoever gave it."""
        assert proposed.decision is not None
        record = proposed.decision.record
        is_refused = isinstance(record, ErasureRefusal)
        plan = plan_again(reader, namespace, record.positions, record.parts, now_us)
        answer = answer_of(reader, plan, namespace, record.parts)
        return replace(
            answer,
            objections=answer.objections if is_refused else (),
            position=proposed.decision.position,
            refused=is_refused,
        )

    def _told(
        self,
        principal: Principal,
        call: str,
        namespace: str,
        targets: Sequence[Target],
        answer: ErasureAnswer,
    ) -> None:
        """State in the access log what a privacy officer saw of entries that are to be erased."""
        count = len(answer.positions)
        self._checks.tell(principal, Told(call, namespace, tuple(targets), count=count))

    def finish(self) -> None:
        """Do what erasures have left to do, if anything; for whoever looks after it now and then.

        Raises:
            StoreError: the sidecar cannot be written; or what was erased cannot be scrubbed now.
        """
        self._custody.remember_erasures()
        if not self._store.is_scrubbed:
            self._store.scrub(wait_seconds=0)

    def _carry_out(self, work: Callable[[Writer, Append, int], ErasureAnswer]) -> ErasureAnswer:
        self._custody.begin()
        answer = self._intake.govern(work)
        if not answer.refused:
            # Also where nothing was left to erase: what an earlier call could not do is due.
            self._custody.remember_erasures()
        self._custody.sign_now()
        if not answer.refused:
            # Last, for it is long: killed in it, the erasure is remembered, and signed.
            answer = replace(answer, scrubbed=scrub(self._store))
        return answer

    def hold(
        self,
        target: Target | None,
        *,
        authority: str,
        reason: str = "",
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> RestraintView:
        """Forbid erasures of one entry, of what is said of one node, or of the whole namespace.

        Raises:
            ForbiddenError: ``principal`` is no privacy officer there.
            InvalidInputError: nobody orders it.
            NotFoundError: a position or identifier that is not there.
        """
        _check_given("authority", authority)
        record = Hold(authority=authority, reason=reason)
        return self._restrain(record, target, namespace, principal)

    def retain(
        self,
        target: Target | None,
        *,
        retention_class: str,
        keep_days: int,
        legal_basis: str,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> RestraintView:
        """Forbid erasures before so many days after an entry was recorded; scopes as of ``hold``.

        Raises:
            ForbiddenError: as ``hold``.
            InvalidInputError: no class, no legal basis, or a time out of range.
            NotFoundError: as ``hold``.
        """
        _check_given("retention class", retention_class)
        _check_given("legal basis", legal_basis)
        check_keep_days(keep_days)
        record = Retention(
            retention_class=retention_class, keep_days=keep_days, legal_basis=legal_basis
        )
        return self._restrain(record, target, namespace, principal)

    def release(
        self,
        position: int,
        *,
        reason: str,
        namespace: str = DEFAULT_NAMESPACE,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> RestraintView:
        """Let a hold or retention hold no longer.

        Raises:
            ForbiddenError: as ``hold``.
            InvalidInputError: no reason.
            NotFoundError: nothing is held by the entry at ``position`` in this namespace.
            PreconditionError: it was released before.
        """
        _check_given("reason", reason)

        def work(writer: Writer, append: Append, _: int) -> RestraintView:
            self._checks.check(writer, principal, Action.RESTRAIN, namespace)
            row = restraint_at(writer, namespace, position)
            if row.released_by is not None:
                raise PreconditionError(
                    "This was released before", where=f"by position {row.released_by}"
                )
            record = Release(position=position, reason=reason)
            append(governance_batch(namespace, principal, record, randomness=self._randomness))
            return restraint_view(writer, restraint_at(writer, namespace, position))

        told = Told("release", namespace, (position,))
        with self._checks.accounting(principal, told):
            view = self._state(work)
        self._checks.tell(principal, replace(told, count=1))
        return view

    def restraints(
        self, namespace: str = DEFAULT_NAMESPACE, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> tuple[RestraintView, ...]:
        """Return every hold and retention of a namespace, released ones too, by position.

        Raises:
            ForbiddenError: ``principal`` may not see them.
        """
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, Action.SEE_RESTRAINTS, namespace)
            number = namespace_number(reader, namespace)
            rows = [] if number is None else reader.find(RESTRAINT, "namespace", [number])
            found = tuple(
                restraint_view(reader, row) for row in map(RestraintRow._make, sorted(rows))
            )
        self._checks.tell(principal, Told("restraints", namespace, (), count=len(found)))
        return found

    def _state(self, work: Callable[[Writer, Append, int], _T]) -> _T:
        self._custody.begin()
        stated = self._intake.govern(work)
        self._custody.sign_now()
        return stated

    def _erase(
        self,
        writer: Writer,
        append: Append,
        plan: Plan,
        saying: Saying,
        names: Pseudonyms,
        told: tuple[str, PartsErased, Principal],
    ) -> ErasureAnswer:
        namespace, parts, principal = told
        answer = answer_of(writer, plan, namespace, parts)
        if not plan.candidates:
            return answer
        receipts = append(
            governance_batch(
                namespace,
                principal,
                *names.new,
                *stated_records(plan, parts, saying),
                randomness=self._randomness,
            )
        )
        if not plan.objections:
            writer.erase(plan.positions, parts)
            fold_anew(writer)
        return replace(answer, position=receipts[-1].position, refused=bool(plan.objections))

    def _restrain(
        self, record: Scoped, target: Target | None, namespace: str, principal: Principal
    ) -> RestraintView:
        def work(writer: Writer, append: Append, _: int) -> RestraintView:
            self._checks.check(writer, principal, Action.RESTRAIN, namespace)
            scoped = with_scope(writer, record, target, namespace)
            receipts = append(
                governance_batch(namespace, principal, scoped, randomness=self._randomness)
            )
            position = receipts[-1].position
            assert position is not None
            return restraint_view(writer, restraint_at(writer, namespace, position))

        told = Told(type(record).__name__.lower(), namespace, (target,))
        with self._checks.accounting(principal, told):
            view = self._state(work)
        self._checks.tell(principal, replace(told, count=1))
        return view


def _cleaned(target: Target) -> Target:
    """Return a target in the form that the log knows it by."""
    return clean_identifier(target) if isinstance(target, str) else target


def _check_given(what: str, text: str) -> None:
    if not text.strip():
        raise InvalidInputError(f"The {what} is missing")
