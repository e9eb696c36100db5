"""Prove what is in the log, and state what was shown with it."""

from __future__ import annotations

from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.control import AccessControl
from lineage.access.roles import Action
from lineage.asking import bound_to
from lineage.clock import Randomness
from lineage.custody import Custody
from lineage.intake import Append, Intake
from lineage.questions.proving import (
    ProofQuery,
    SignedSize,
    disclosures,
    proof_answer,
    prove,
)
from lineage.stores.base import Writer
from lineage.writing.governing import governance_batch, namespace_number
from lineage.writing.submission import Principal
from lineage_schemas.integrity import ProofAnswer


class Proving:
    """The proofs of one ledger."""

    def __init__(
        self,
        intake: Intake,
        custody: Custody,
        access: AccessControl,
        checks: Checks,
        randomness: Randomness,
    ) -> None:
        self._intake = intake
        self._custody = custody
        self._access = access
        self._checks = checks
        self._randomness = randomness

    def prove(self, query: ProofQuery, namespace: str, principal: Principal) -> ProofAnswer:
        """Prove that entries are in the log, as ``Ledger.prove`` promises."""
        # Before anything is signed for whoever may have nothing proved; and again with the reading.
        self._access.check(principal, Action.PROVE, namespace)
        checkpoint = self._custody.checkpoint()
        signed = SignedSize(checkpoint.size, checkpoint.note.encode())
        told = Told("prove", namespace, (query,))
        if not any(query.shown):
            with (
                self._checks.accounting(principal, told),
                self._custody.reading(principal) as reader,
            ):
                self._checks.check(reader, principal, Action.PROVE, namespace)
                own = bound_to(reader, namespace, namespace_number(reader, namespace))
                answer = proof_answer(prove(own, namespace, query, signed), signed, None)
            self._tell(principal, told, answer)
            return answer

        def work(writer: Writer, append: Append, _: int) -> ProofAnswer:
            self._checks.check(writer, principal, Action.PROVE, namespace)
            # Read and stated in one transaction, so that no erasure comes between the two.
            own = bound_to(writer, namespace, namespace_number(writer, namespace))
            proofs = prove(own, namespace, query, signed)
            records = disclosures(proofs, query, principal.name)
            if not records:
                return proof_answer(proofs, signed, None)
            batch = governance_batch(namespace, principal, *records, randomness=self._randomness)
            return proof_answer(proofs, signed, append(batch)[-1].position)

        with self._checks.accounting(principal, told):
            answer = self._intake.govern(work)
        if answer.disclosure is not None:
            self._custody.sign_now()
        self._tell(principal, told, answer)
        return answer

    def _tell(self, principal: Principal, told: Told, answer: ProofAnswer) -> None:
        count = len(answer.positions)
        self._checks.tell(principal, replace(told, size=answer.size, count=count))
