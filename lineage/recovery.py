"""Recovery: how a ledger goes on when its store is not what was signed.

Entries that were signed and are lost cannot come back, and the old origin has promised them. So the
log goes on under a new origin, with a new key; its next entry cites the old checkpoint and names
the lost range. Old proofs of what is still there stay good under the old origin's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from lineage.access.checking import Checks
from lineage.access.ending import key_endings
from lineage.access.roles import Action
from lineage.anchoring.behind import lift_behind, marked_fault, refuse_behind
from lineage.anchoring.notary import (
    RECOVERED_MARK,
    Notary,
    compare,
    keys_in_force,
    root_of_size,
)
from lineage.anchoring.sidecar import ErasedParts, Frozen, Sidecar, with_erased
from lineage.clock import Randomness
from lineage.erasure.erasing import believable, erase_parts, erased_in_log, scrub
from lineage.folding import fold_anew
from lineage.intake import Append, Intake
from lineage.projections.governance import RECOVERY, KeyRow, read_keys
from lineage.proofs.checkpoints import read_checkpoint, verifier_key_of
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.verifying import Checkpoint, format_verifier_key, open_checkpoint
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader, Store, Writer, frozen_error
from lineage.stores.scanning import scan_rows
from lineage.writing.governing import governance_batch
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_schemas.access import EVERY
from lineage_schemas.errors import PreconditionError, ProofError, StaleHeadError, StoreBehindError
from lineage_schemas.governance import (
    Erasure,
    GovernanceRecord,
    KeyIntroduction,
    PartsErased,
    Recovery,
)
from lineage_schemas.integrity import RecoveryAnswer
from lineage_schemas.limits import ERASURE_POSITIONS_MAX

RESTATED: Final = "restated after a loss: the entry that stated it is among those lost"
"""The legal basis of an erasure that only the sidecar remembered."""

_ORIGIN_BYTES: Final = 8


class _Loss(NamedTuple):
    """What is known to be lost: from which position, up to which (``None``: nobody knows)."""

    start: int
    end: int | None
    checkpoint: str | None


class Recoverer:
    """Brings one ledger back into service."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        notary: Notary,
        checks: Checks,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._intake = intake
        self._notary = notary
        self._checks = checks
        self._randomness = randomness

    def adopt(self, note: bytes, *, principal: Principal = LOCAL_PRINCIPAL) -> RecoveryAnswer:
        """Begin the sidecar anew from a checkpoint that was kept elsewhere; nothing is lost.

        Only where the sidecar itself is lost: one that remembers a later checkpoint is not put
        back to an earlier one, for the log would then contradict what was signed.

        Raises:
            ForbiddenError: ``principal`` is no key custodian.
            ProofError: no key of the log signed that checkpoint.
            PreconditionError: the sidecar is there: either it agrees, so that nothing needs to be
                recovered, or it contradicts the store, which is a loss.
            StoreBehindError: the store does not hold what that checkpoint covers.
        """
        with self._notary.sidecar.locked(), self._store.read() as reader:
            self._checks.check(reader, principal, Action.RECOVER, EVERY)
            self._refuse_without_need(reader)
            refuse_behind(reader)
            origin, rows = reader.origin(), read_keys(reader)
            sidecar = _believable(self._notary.recall().sidecar, rows)
            _refuse_remembered(origin, sidecar)
            outside = read_checkpoint(note)
            open_checkpoint(note, keys_in_force(rows, outside.size))
            given = Sidecar(origin=origin, checkpoint=note.decode())
            compare(reader, given)
            given = _later(reader, given, rows)
            known = () if sidecar is None else sidecar.erased
            self._notary.sidecar.write(with_erased(given, *known, *erased_in_log(reader)))
            return RecoveryAnswer(origin=origin, former=origin, size=reader.head().size)

    def declare_loss(
        self, reason: str, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> RecoveryAnswer:
        """Go on under a new origin, and say in the log what is lost.

        Erasures that only the sidecar remembers are stated again in the same transaction, and every
        API key is revoked: among what is lost may be that one was.
        Interrupted, it goes on where it stopped when it is called again.

        Raises:
            ForbiddenError: as ``adopt``.
            PreconditionError: the store is what was signed, so nothing is lost.
            FrozenStoreError: the ledger was exported for good; nothing of it is lost here.
            StoreError: the store, the key's file or the sidecar failed.
        """
        remembered = self._notary.recall().sidecar
        if remembered is not None and isinstance(remembered.frozen, Frozen):
            raise frozen_error(remembered.frozen.to)
        with self._store.read() as reader:
            self._checks.check(reader, principal, Action.RECOVER, EVERY)
            begun_from = _begun_from(reader, remembered)
            if begun_from is None:
                self._refuse_without_need(reader)
            former, loss = reader.origin(), _loss(reader, remembered)
        if begun_from is not None:
            return self._finish(begun_from)
        key = self._new_key(former)
        self._go_on(key, former, loss, reason, principal)
        return self._finish(former)

    def _refuse_without_need(self, reader: Reader) -> None:
        fault = marked_fault(reader) or self._notary.verdict(reader, self._notary.recall())
        if fault is not None:
            return
        raise PreconditionError(
            "The ledger is what was signed: there is nothing to recover", where=reader.origin()
        )

    def _new_key(self, former: str) -> SigningKey:
        keys = self._notary.keys
        pending = keys.pending()
        if pending is not None and RECOVERED_MARK in pending.name and pending.name != former:
            return pending
        stem = former.partition(RECOVERED_MARK)[0]
        return new_signing_key(
            f"{stem}{RECOVERED_MARK}{self._randomness(_ORIGIN_BYTES).hex()}", self._randomness
        )

    def _go_on(
        self, key: SigningKey, former: str, loss: _Loss, reason: str, principal: Principal
    ) -> None:
        recovery = Recovery(
            former=former,
            checkpoint=loss.checkpoint,
            lost_from=loss.start,
            lost_to=loss.end,
            reason=reason,
        )
        introduction = KeyIntroduction(verifier=format_verifier_key(verifier_key_of(key)))
        remembered = self._notary.recall().sidecar

        def work(writer: Writer, append: Append, _: int) -> None:
            self._checks.check(writer, principal, Action.RECOVER, EVERY)
            if writer.origin() != former:
                raise StaleHeadError(
                    "Somebody else has recovered this ledger meanwhile", where=writer.origin()
                )
            unstated = _unstated(writer, remembered)
            lift_behind(writer)
            if remembered is not None:
                # It knows of no export for good, so this was a mark, of which the row may be gone.
                writer.freeze(frozen=False)
            writer.rename(key.name)
            writer.keep_checkpoint(None)
            records: list[GovernanceRecord] = [recovery, *_erasures(unstated), introduction]
            append(
                governance_batch(LEDGER_NAMESPACE, principal, *records, randomness=self._randomness)
            )
            for ending in key_endings(writer, principal, self._randomness):
                append(ending)
            if erase_parts(writer, unstated):
                fold_anew(writer)
            # Last, so that hardly any failure leaves a key behind that the log does not name; and
            # before the commit, for without the key nobody could go on.
            self._make_way(key, read_keys(writer))
            self._notary.keys.stage(key)

        self._intake.govern(work, guarded=False)

    def _make_way(self, key: SigningKey, rows: Sequence[KeyRow]) -> None:
        """Let go of a change of the former log's key that was begun and not finished.

        Where the log names that key it takes its place, should this recovery come to nothing; where
        it does not, the present one stays.
        """
        keys = self._notary.keys
        pending = keys.pending()
        if pending is None or pending.public == key.public:
            return
        if format_verifier_key(verifier_key_of(pending)) in {row.verifier for row in rows}:
            keys.promote(pending)
        else:
            keys.discard()

    def _finish(self, former: str) -> RecoveryAnswer:
        """Bring the sidecar and the key after the log, which has gone on already."""
        notary = self._notary
        with self._store.read() as reader:
            origin, size = reader.origin(), reader.head().size
            last = list(scan_rows(reader, RECOVERY))[-1]
            stated = erased_in_log(reader)
        with notary.sidecar.locked():
            # Those of lost entries too: they may come back with a store that is put back.
            remembered = notary.recall().sidecar
            known = () if remembered is None else remembered.erased
            notary.sidecar.write(with_erased(Sidecar(origin=origin), *known, *stated))
        pending = notary.keys.pending()
        if pending is not None and pending.name == origin:
            notary.keys.promote(pending)
        notary.sign_head(self._store)
        scrub(self._store)
        return RecoveryAnswer(
            origin=origin, former=former, size=size, lost_from=last[2], lost_to=last[3]
        )


def _refuse_remembered(origin: str, sidecar: Sidecar | None) -> None:
    if sidecar is not None and (sidecar.checkpoint is not None or sidecar.origin != origin):
        raise PreconditionError(
            "The sidecar is here, and remembers another checkpoint than the store has",
            where=f"of {sidecar.origin}, here {origin}",
            hint="Put back the store that was signed. If it is lost, declare the loss.",
        )


def _later(reader: Reader, given: Sidecar, rows: Sequence[KeyRow]) -> Sidecar:
    """Return the checkpoint that the store keeps, where it is good and later than the given one."""
    note = reader.checkpoint()
    if note is None or given.checkpoint is None:
        return given
    kept = replace(given, checkpoint=note.decode())
    try:
        size = read_checkpoint(note).size
        open_checkpoint(note, keys_in_force(rows, size))
        compare(reader, kept)
    except (ProofError, StoreBehindError):
        return given
    return kept if size > read_checkpoint(given.checkpoint.encode()).size else given


def _believable(sidecar: Sidecar | None, rows: Sequence[KeyRow]) -> Sidecar | None:
    """Return what is remembered, without a checkpoint that no key of the log has signed.

    Such a one was put there by somebody else: it keeps nobody from beginning the sidecar anew.
    """
    if sidecar is None or sidecar.checkpoint is None:
        return sidecar
    note = sidecar.checkpoint.encode()
    try:
        open_checkpoint(note, keys_in_force(rows, read_checkpoint(note).size))
    except ProofError:
        return replace(sidecar, checkpoint=None)
    return sidecar


def _begun_from(reader: Reader, sidecar: Sidecar | None) -> str | None:
    """Return the former origin, where a recovery was begun and not finished.

    The log has gone on, and nothing was signed under its new origin yet: neither does the store
    keep a checkpoint, nor does the sidecar remember one.
    """
    rows = list(scan_rows(reader, RECOVERY))
    if not rows or reader.checkpoint() is not None:
        return None
    former, origin = str(rows[-1][1]), reader.origin()
    if sidecar is None or sidecar.origin == former:
        return former
    return former if sidecar.origin == origin and sidecar.checkpoint is None else None


def _unstated(reader: Reader, sidecar: Sidecar | None) -> list[ErasedParts]:
    """Return the erasures of entries here that the sidecar remembers and the log does not state."""
    if sidecar is None:
        return []
    stated: dict[int, bool] = {}
    for one in erased_in_log(reader):
        stated[one.position] = stated.get(one.position, False) or one.facts
    return [
        one
        for one in believable(reader, sidecar.erased)
        if one.position not in stated or (one.facts and not stated[one.position])
    ]


def _erasures(unstated: Sequence[ErasedParts]) -> list[Erasure]:
    """State erasures again. Who asked for them and why is lost."""
    by_parts = {
        PartsErased.ALL: [one.position for one in unstated if one.facts],
        PartsErased.PERSONAL: [one.position for one in unstated if not one.facts],
    }
    return [
        Erasure(
            positions=tuple(positions[start : start + ERASURE_POSITIONS_MAX]),
            parts=parts,
            legal_basis=RESTATED,
            requester="",
            approver="",
        )
        for parts, positions in by_parts.items()
        for start in range(0, len(positions), ERASURE_POSITIONS_MAX)
    ]


def _loss(reader: Reader, sidecar: Sidecar | None) -> _Loss:
    """Return what is missing, as far as what is remembered can tell."""
    size = reader.head().size
    if sidecar is None or sidecar.checkpoint is None:
        note = reader.checkpoint()
        return _Loss(size, None, None if note is None else note.decode())
    signed = read_checkpoint(sidecar.checkpoint.encode())
    if sidecar.origin != reader.origin():
        return _Loss(size, None, sidecar.checkpoint)
    if size < signed.size:
        return _Loss(_agreed(reader, sidecar, size), signed.size, sidecar.checkpoint)
    # As long as what was signed, but not the same: only what an anchor still vouches for is sure.
    return _Loss(_agreed(reader, sidecar, 0), signed.size, sidecar.checkpoint)


def _agreed(reader: Reader, sidecar: Sidecar, otherwise: int) -> int:
    """Return up to which size the anchors vouch for the store; ``otherwise`` if none can tell."""
    size = reader.head().size
    known = [
        Checkpoint(sidecar.origin, one.size, bytes.fromhex(one.root))
        for one in sidecar.anchors
        if one.size <= size
    ]
    good = [one.size for one in known if root_of_size(reader, one.size) == one.root]
    if len(good) == len(known):
        # Nothing contradicts the store up to its end.
        return max([otherwise, *good])
    return max(good, default=0)
