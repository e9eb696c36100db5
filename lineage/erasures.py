"""Erasures, holds and retentions of one ledger, as calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.clock import Clock, Randomness
from lineage.erasure.erasing import Plan, make_plan, plan_of, scrub
from lineage.erasure.judging import check_keep_days, check_requesters
from lineage.erasure.planning import Copy, Target, check_targets
from lineage.erasure.proposing import (
    carried_out_by,
    check_second,
    proposal_at,
    view_proposals,
)
from lineage.folding import fold_anew
from lineage.intake import Append, Intake
from lineage.projections.governance import RESTRAINT, RestraintRow, read_governance
from lineage.projections.nodes import NODE
from lineage.questions.nodes import find_identified
from lineage.rules.secrets import clean_identifier
from lineage.stores.base import Reader, Store, Writer
from lineage.vertices import node_name
from lineage.writing.governing import Pseudonyms, governance_batch, namespace_number
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.codec import decode_envelope
from lineage_schemas.erasures import (
    CopyView,
    ErasureAnswer,
    ObjectionView,
    ProposalView,
    RestraintView,
)
from lineage_schemas.errors import (
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.governance import (
    Disclosure,
    Erasure,
    ErasureProposal,
    ErasureRefusal,
    Hold,
    PartsErased,
    Release,
    Retention,
)
from lineage_schemas.instants import format_instant
from lineage_schemas.limits import ERASURE_POSITIONS_MAX
from lineage_schemas.mlmd import Kind

_Scoped = TypeVar("_Scoped", Hold, Retention)
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


class Custodian(Protocol):
    """What erasures want of whoever keeps the log's checkpoints: ``lineage.custody`` is one."""

    def begin(self) -> None:
        """Have the log name its key before it takes anything."""

    def remember_erasures(self) -> None:
        """Have it remembered beside the store what was erased."""

    def sign_now(self) -> None:
        """Sign at once what was just stated."""


class Erasures:
    """Erases, and keeps from being erased. Everything it does is stated in the log."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        custody: Custodian,
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
        with self._store.read() as reader:
            self._checks.check(reader, principal, Action.PLAN_ERASURE, namespace)
            now_us = max(reader.head().recorded_us, self._clock())
            plan = make_plan(reader, namespace, wanted, parts, now_us)
            answer = _answer(reader, plan, namespace, parts)
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
            saying = _Saying(ask.legal_basis, ask.reason, *people)
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
        answer is that of a plan, and its ``position`` is what ``approve`` is given.

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
            _check_proposable(plan)
            record = ErasureProposal(
                positions=plan.positions, parts=parts, legal_basis=legal_basis, reason=reason
            )
            batch = governance_batch(namespace, principal, record, randomness=self._randomness)
            answer = _answer(writer, plan, namespace, parts)
            return replace(answer, position=append(batch)[-1].position)

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

        Whoever has carried it out and asks again gets the same answer, and what was left to do of
        it is done: it may have been interrupted after the entries were erased.

        Raises:
            ForbiddenError: ``principal`` is no privacy officer there, or is who proposed it.
            NotFoundError: no erasure is proposed there in this namespace.
            PreconditionError: somebody else decided it before, or it was refused; or nobody can
                tell any more who proposed it.
            StoreError: as ``erase``.
        """

        def work(writer: Writer, append: Append, now_us: int) -> ErasureAnswer:
            self._checks.check(writer, principal, Action.APPROVE_ERASURE, namespace)
            proposed = proposal_at(writer, namespace, position)
            names = Pseudonyms(writer, namespace, self._randomness)
            approver = names.of(principal.name, principal.origin)
            done = carried_out_by(writer, proposed, approver)
            if done is not None:
                plan = plan_of(writer, namespace, done)
                answer = _answer(writer, plan, namespace, done.parts)
                return replace(answer, position=proposed.decided_by)
            check_second(proposed, approver)
            record = proposed.record
            plan = make_plan(writer, namespace, record.positions, record.parts, now_us)
            saying = _Saying(
                record.legal_basis, record.reason, proposed.requester, approver, position
            )
            told = namespace, record.parts, principal
            return self._erase(writer, append, plan, saying, names, told)

        answer = self._carry_out(work)
        self._told(principal, "approve", namespace, (position,), answer)
        return answer

    def proposals(
        self, namespace: str = DEFAULT_NAMESPACE, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> tuple[ProposalView, ...]:
        """Return every erasure that was proposed in a namespace, decided ones too, by position.

        Raises:
            ForbiddenError: ``principal`` may not see them.
        """
        with self._store.read() as reader:
            self._checks.check(reader, principal, Action.SEE_RESTRAINTS, namespace)
            found = tuple(view_proposals(reader, namespace))
        self._checks.tell(principal, Told("proposals", namespace, (), count=len(found)))
        return found

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
            StoreError: the sidecar cannot be written, or scrubbing failed.
        """
        self._custody.remember_erasures()
        scrub(self._store, wait_seconds=0)

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
            row = _restraint_at(writer, namespace, position)
            if row.released_by is not None:
                raise PreconditionError(
                    "This was released before", where=f"by position {row.released_by}"
                )
            record = Release(position=position, reason=reason)
            append(governance_batch(namespace, principal, record, randomness=self._randomness))
            return _restraint_view(writer, _restraint_at(writer, namespace, position))

        view = self._state(work)
        self._checks.tell(principal, Told("release", namespace, (position,), count=1))
        return view

    def restraints(
        self, namespace: str = DEFAULT_NAMESPACE, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> tuple[RestraintView, ...]:
        """Return every hold and retention of a namespace, released ones too, by position.

        Raises:
            ForbiddenError: ``principal`` may not see them.
        """
        with self._store.read() as reader:
            self._checks.check(reader, principal, Action.SEE_RESTRAINTS, namespace)
            number = namespace_number(reader, namespace)
            rows = [] if number is None else reader.find(RESTRAINT, "namespace", [number])
            found = tuple(
                _restraint_view(reader, row) for row in map(RestraintRow._make, sorted(rows))
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
        saying: _Saying,
        names: Pseudonyms,
        told: tuple[str, PartsErased, Principal],
    ) -> ErasureAnswer:
        namespace, parts, principal = told
        answer = _answer(writer, plan, namespace, parts)
        if not plan.candidates:
            return answer
        receipts = append(
            governance_batch(
                namespace,
                principal,
                *names.new,
                *_stated(plan, parts, saying),
                randomness=self._randomness,
            )
        )
        if not plan.objections:
            writer.erase(plan.positions, parts)
            fold_anew(writer)
        return replace(answer, position=receipts[-1].position, refused=bool(plan.objections))

    def _restrain(
        self, record: _Scoped, target: Target | None, namespace: str, principal: Principal
    ) -> RestraintView:
        def work(writer: Writer, append: Append, _: int) -> RestraintView:
            self._checks.check(writer, principal, Action.RESTRAIN, namespace)
            scoped = _with_scope(writer, record, target, namespace)
            receipts = append(
                governance_batch(namespace, principal, scoped, randomness=self._randomness)
            )
            position = receipts[-1].position
            assert position is not None
            return _restraint_view(writer, _restraint_at(writer, namespace, position))

        view = self._state(work)
        self._checks.tell(
            principal, Told(type(record).__name__.lower(), namespace, (target,), count=1)
        )
        return view


class _Saying(NamedTuple):
    """What the log is to say of an erasure: by what right, and whose word it is (pseudonyms)."""

    legal_basis: str
    reason: str
    requester: str
    approver: str
    proposal: int | None = None


def _stated(plan: Plan, parts: PartsErased, saying: _Saying) -> Iterator[Erasure | ErasureRefusal]:
    """Yield what the log is to say: that it was done, or that it was refused."""
    because = tuple(sorted({one.restraint for one in plan.objections}))
    for start in range(0, len(plan.positions), ERASURE_POSITIONS_MAX):
        positions = plan.positions[start : start + ERASURE_POSITIONS_MAX]
        if because:
            yield ErasureRefusal(
                positions=positions, parts=parts, because=because, **saying._asdict()
            )
        else:
            yield Erasure(positions=positions, parts=parts, **saying._asdict())


def _check_proposable(plan: Plan) -> None:
    if not plan.candidates:
        raise PreconditionError("There is nothing left to erase")
    if len(plan.positions) > ERASURE_POSITIONS_MAX:
        raise LimitExceededError(
            f"A proposal of {len(plan.positions)} entries is over the limit of "
            f"{ERASURE_POSITIONS_MAX} (ERASURE_POSITIONS_MAX)",
            hint="Propose by positions, several times.",
        )


def _answer(reader: Reader, plan: Plan, namespace: str, parts: PartsErased) -> ErasureAnswer:
    return ErasureAnswer(
        namespace=namespace,
        parts=parts,
        positions=plan.positions,
        nodes=plan.nodes,
        objections=tuple(
            ObjectionView(
                entry=one.entry,
                restraint=one.restraint,
                name=one.name,
                until=None if one.until_us is None else format_instant(one.until_us),
            )
            for one in plan.objections
        ),
        copies=tuple(_copy_view(reader, copy) for copy in plan.copies),
    )


def _copy_view(reader: Reader, copy: Copy) -> CopyView:
    stated = read_governance(reader.entries(copy.stated_at, 1)[0], Disclosure)
    return CopyView(
        entry=copy.entry,
        stated_at=copy.stated_at,
        facts=copy.facts,
        personal=copy.personal,
        form=stated.form,
        recipient=stated.recipient,
    )


def _with_scope(reader: Reader, record: _Scoped, target: Target | None, namespace: str) -> _Scoped:
    number = namespace_number(reader, namespace)
    if number is None:
        raise NotFoundError("Nothing was ever said in this namespace", where=namespace[:64])
    match target:
        case None:
            return record
        case int():
            _check_entry(reader, target, namespace)
            return replace(record, position=target)
        case str():
            size = reader.head().size
            found = find_identified(reader, number, clean_identifier(target), tuple(Kind), size)
            if len(found) != 1:
                raise NotFoundError(
                    f"{len(found) or 'No'} nodes go by this identifier, and one is wanted",
                    where=target[:128],
                )
            name = node_name(found[0])
            return replace(record, kind=name.kind, node=name.id)


def _check_entry(reader: Reader, position: int, namespace: str) -> None:
    envelopes = reader.envelopes(position, 1) if position >= 0 else []
    if not envelopes or decode_envelope(envelopes[0]).namespace != namespace:
        raise NotFoundError(
            "There is no such entry in this namespace", where=f"position {position}"
        )


def _restraint_at(reader: Reader, namespace: str, position: int) -> RestraintRow:
    number = namespace_number(reader, namespace)
    for row in map(RestraintRow._make, reader.find(RESTRAINT, "position", [position])):
        if row.namespace == number:
            return row
    raise NotFoundError(
        "This entry states no hold and no retention of this namespace",
        where=f"position {position}",
    )


def _restraint_view(reader: Reader, row: RestraintRow) -> RestraintView:
    name = None if row.vertex is None else node_name(row.vertex)
    rows = [] if row.vertex is None else reader.find(NODE, "vertex", [row.vertex])
    return RestraintView(
        position=row.position,
        name=row.name,
        keep_days=row.keep_days,
        entry=row.entry,
        node_kind=None if name is None else name.kind.value,
        node_id=None if name is None else name.id,
        node_key=rows[0][3] if rows else None,
        released_by=row.released_by,
    )


def _cleaned(target: Target) -> Target:
    """Return a target in the form that the log knows it by."""
    return clean_identifier(target) if isinstance(target, str) else target


def _check_given(what: str, text: str) -> None:
    if not text.strip():
        raise InvalidInputError(f"The {what} is missing")
