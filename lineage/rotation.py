"""Name the keys of a ledger in its log: the first, and each that replaces the one before.

A rotation is four durable steps, and whoever opens the ledger after a crash goes on from any: the
new key is on the disk, the log introduces it, the old key signs that, the new key takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from lineage.anchoring.notary import Notary, Signed
from lineage.anchoring.sidecar import Sidecar
from lineage.clock import Randomness
from lineage.intake import Append, Intake, allow_all
from lineage.projections.governance import KeyRow, read_handover, read_keys
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.verifying import format_verifier_key
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.governing import governance_batch
from lineage.writing.submission import Principal
from lineage_schemas.errors import StoreError
from lineage_schemas.governance import KeyHandover, KeyIntroduction

LEDGER_PRINCIPAL: Final = Principal("ledger", is_local=True)
"""Who acts where nobody asked: the ledger itself, naming its first key."""


class Acting(NamedTuple):
    """Who rotates a key, and what refuses it where that is not theirs to do."""

    principal: Principal
    admit: Callable[[Reader], None] = allow_all


class Rotation:
    """Introduces the keys of one ledger, and finishes what a crash interrupted."""

    def __init__(self, store: Store, intake: Intake, randomness: Randomness) -> None:
        self._store = store
        self._intake = intake
        self._randomness = randomness

    def introduce_first(self, notary: Notary, origin: str) -> None:
        """Have the log name its first key, made now where there is none.

        Raises:
            StoreError: the key is of another ledger, or cannot be made.
        """
        with notary.sidecar.locked():
            if notary.sidecar.read() is None:
                notary.sidecar.write(Sidecar(origin=origin))
        key = notary.keys.make(origin)
        if key.name != origin:
            raise StoreError(
                "This signing key is of another ledger",
                where=f"the key's name is {key.name}, the ledger's {origin}",
                hint="A key's name is the origin of its ledger.",
            )
        self._introduce(key, replaces=None, lost=False, reason="", acting=Acting(LEDGER_PRINCIPAL))

    def rotate(self, notary: Notary, reason: str, acting: Acting, *, lost: bool) -> None:
        """Replace the key, or go on with a replacement that was begun.

        Raises:
            ForbiddenError: whoever acts may not.
            StoreError: the old key is not there and not said to be lost; or a file failed, and
                trying again goes on from there.
        """
        with self._store.read() as reader:
            acting.admit(reader)
            origin, last = reader.origin(), read_keys(reader)[-1]
        old = None if lost else notary.signing_key()
        new = self._next_key(notary, origin)
        notary.keys.stage(new)
        self._introduce(new, replaces=last.verifier, lost=lost, reason=reason, acting=acting)
        self.finish(notary, old)

    def finish(self, notary: Notary, old: SigningKey | None = None) -> None:
        """Go on with a rotation that the log knows of: the old key signs last, and goes.

        Raises:
            StoreError: a file failed, or the store is not what was signed.
        """
        pending = notary.keys.pending()
        if pending is None:
            return
        with self._store.read() as reader:
            last = read_keys(reader)[-1]
        if _verifier(pending) != last.verifier:
            return
        old = old or notary.keys.current()
        # A key that was said to be lost may be in other hands: it vouches for nobody.
        if old is not None and not last.lost and _verifier(old) == last.replaces:
            signed = notary.sign_head(self._store, key=old, size=last.covered_size)
            self._hand_over(last, signed)
        notary.keys.promote(pending)

    def _next_key(self, notary: Notary, origin: str) -> SigningKey:
        """Return the key of a rotation that was begun, or a new one."""
        pending = notary.keys.pending()
        if pending is not None and pending.name != origin:
            # Left by a recovery that came to nothing: of this origin it could sign nothing.
            notary.keys.discard()
            pending = None
        return pending or new_signing_key(origin, self._randomness)

    def _introduce(
        self,
        key: SigningKey,
        *,
        replaces: str | None,
        lost: bool,
        reason: str,
        acting: Acting,
    ) -> None:
        verifier = _verifier(key)

        def work(writer: Writer, append: Append, _: int) -> None:
            acting.admit(writer)
            known = [row.verifier for row in read_keys(writer)]
            # Another process may have introduced it since, or a first key of its own.
            if verifier in known or (replaces is None and known):
                return
            record = KeyIntroduction(
                verifier=verifier,
                replaces=None if replaces is None else known[-1],
                lost=lost,
                reason=reason,
            )
            batch = governance_batch(
                LEDGER_NAMESPACE, acting.principal, record, randomness=self._randomness
            )
            append(batch)

        self._intake.govern(work)

    def _hand_over(self, introduced: KeyRow, signed: Signed) -> None:
        """Keep in the log what the replaced key signed last: its owner's word for the next."""
        record = KeyHandover(introduction=introduced.position, checkpoint=signed.note.decode())
        batch = governance_batch(
            LEDGER_NAMESPACE, LEDGER_PRINCIPAL, record, randomness=self._randomness
        )

        def work(writer: Writer, append: Append, _: int) -> None:
            if read_handover(writer, introduced.position) is None:
                append(batch)

        self._intake.govern(work)


def _verifier(key: SigningKey) -> str:
    return format_verifier_key(verifier_key_of(key))
