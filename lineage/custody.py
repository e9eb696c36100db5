"""Custody: what lets others check the log without trusting whoever keeps it.

Checkpoints, the keys that sign them, anchors outside, tiles, and what to do after a loss. A ledger
without a notary signs nothing, and serves the checkpoint that another process kept in the store.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from lineage.anchoring.exports import export_checkpoint
from lineage.anchoring.notary import (
    Notary,
    Signed,
    anchored,
    keys_in_force,
    root_of_size,
)
from lineage.anchoring.sidecar import Anchor, Sidecar, with_anchor
from lineage.clock import Clock, Randomness
from lineage.erasure.erasing import remember
from lineage.intake import Append, Intake
from lineage.projections.governance import KeyRow, read_keys
from lineage.proofs.checkpoints import read_checkpoint, verifier_key_of
from lineage.proofs.consistency import consistency_proof
from lineage.proofs.growth import format_growth
from lineage.proofs.signing import SigningKey, new_signing_key
from lineage.proofs.tiles import (
    ENTRIES,
    Tile,
    encode_bundle,
    tile_path,
    width_at,
)
from lineage.proofs.tree import TILE_WIDTH
from lineage.proofs.verifying import format_verifier_key, open_checkpoint
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Reader, Store, Writer
from lineage.writing.governing import governance_batch
from lineage.writing.submission import Principal
from lineage_schemas.errors import (
    LedgerError,
    NotFoundError,
    PreconditionError,
    ProofError,
    StoreBehindError,
    StoreError,
)
from lineage_schemas.governance import KeyIntroduction
from lineage_schemas.instants import format_instant
from lineage_schemas.integrity import AnchorView, CheckpointAnswer, KeyView

PUBLISH_EVERY_US: Final = 1_000_000
"""While entries are written, a checkpoint is signed when the last is this old."""

DIRECTORY: Final = "directory:"
LEDGER_PRINCIPAL: Final = Principal("ledger")
"""Who acts where nobody asked: the ledger itself, naming its first key."""

_LOG: Final = logging.getLogger(__name__)


class Custody:
    """The checkpoints, keys and anchors of one ledger."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        notary: Notary | None,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._intake = intake
        self._notary = notary
        self._clock = clock
        self._randomness = randomness
        self._has_begun = notary is None
        self._signed_us = 0
        self._has_news = False
        self.fault: LedgerError | None = None
        """Why the last attempt to sign failed; ``None`` when it did not."""

    @property
    def signs(self) -> bool:
        """Tell whether this process signs checkpoints."""
        return self._notary is not None

    # --- signing ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Have the log name its key before it takes anything: once in the life of a ledger.

        Raises:
            StoreBehindError: the store is not what was signed.
            StoreError: the key or the sidecar cannot be used.
        """
        if self._has_begun or self._notary is None:
            return
        with self._store.read() as reader:
            self._notary.check(reader)
            origin, is_new = reader.origin(), not read_keys(reader)
        if is_new:
            self._introduce_first(self._notary, origin)
        self._has_begun = True

    def follow(self) -> None:
        """Sign, when it is time, what was just written. Never fails what is durable already."""
        self._has_news = True
        if self._intake.recorded_us - self._signed_us >= PUBLISH_EVERY_US:
            self.catch_up()

    def sign_now(self) -> None:
        """Sign at once what was just stated; as ``catch_up``, never fails what is durable.

        For what a store that is put back to just before would forget, and nobody else knows:
        erasures, holds, disclosures.
        """
        self._has_news = True
        self.catch_up()

    def catch_up(self) -> None:
        """Sign what was written and not signed yet. A failure is logged and kept as ``fault``."""
        if self._notary is None or not self._has_news:
            return
        try:
            self._sign(self._notary)
        except LedgerError as error:
            self.fault = error
            self._signed_us = self._intake.recorded_us
            _LOG.error("The checkpoint could not be signed: %s", error)

    def checkpoint(self) -> CheckpointAnswer:
        """Return the checkpoint of the log's head, signed now where this process signs.

        Raises:
            NotFoundError: this process does not sign, and nobody has signed yet.
            StoreError: the store is not what was signed, or cannot be signed.
        """
        if self._notary is not None:
            self.begin()
            self._sign(self._notary)
        return self.last_checkpoint()

    def last_checkpoint(self) -> CheckpointAnswer:
        """Return the last checkpoint that was signed, without signing.

        Raises:
            NotFoundError: there is none.
        """
        sidecar = None if self._notary is None else self._notary.remembered()
        with self._store.read() as reader:
            note = _kept(reader)
            signed = read_checkpoint(note)
            keys = keys_in_force(read_keys(reader), signed.size)
            unsigned = max(0, reader.head().size - signed.size)
        best = anchored(sidecar)
        return CheckpointAnswer(
            origin=signed.origin,
            size=signed.size,
            root=signed.root.hex(),
            note=note.decode(),
            verifiers=tuple(map(format_verifier_key, keys)),
            unsigned=unsigned,
            anchored_size=None if best is None else best.size,
            anchors=tuple(map(_view, sidecar.anchors if sidecar else ())),
        )

    def prove_growth(self, old_note: bytes) -> bytes:
        """Prove that the log of an old checkpoint is the beginning of the present one's.

        Return the text of the proof: ``lineage.proofs.growth`` says what it looks like.

        Raises:
            ProofError: no key of this log signed the old checkpoint, or nothing follows from it.
            StoreBehindError: this log does not hold what the old checkpoint covers.
        """
        old = read_checkpoint(old_note)
        answer = self.checkpoint()
        with self._store.read() as reader:
            open_checkpoint(old_note, keys_in_force(read_keys(reader), old.size))
            if old.origin != answer.origin:
                raise ProofError(
                    "That checkpoint is of another origin",
                    where=old.origin,
                    hint="After a recovery the log goes on under a new one, and says so itself.",
                )
            if old.size == 0:
                raise ProofError("Nothing follows from the checkpoint of an empty log")
            if old.size > answer.size or root_of_size(reader, old.size) != old.root:
                raise StoreBehindError(
                    "This log does not continue the one of that checkpoint",
                    where=f"size {old.size}",
                    hint="Keep the checkpoint: it shows that the past was changed. "
                    "Run `lineage audit --checkpoint` with it.",
                )
            hashes = consistency_proof(old.size, answer.size, reader.hashes)
        return format_growth(old.size, hashes, answer.note.encode())

    def _sign(self, notary: Notary) -> Signed:
        # Before signing, so that what is written meanwhile counts as news again.
        self._has_news = False
        try:
            # A rotation that was interrupted, here or in another process, is finished first.
            self._finish_rotation(notary)
            signed = notary.sign_head(self._store)
        except BaseException:
            self._has_news = True
            raise
        self.fault = None
        self._signed_us = self._intake.recorded_us
        return signed

    # --- keys ------------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyView, ...]:
        """Return every verifier key the log names, in its order."""
        with self._store.read() as reader:
            rows = read_keys(reader)
        following = [*rows[1:], None][: len(rows)]
        return tuple(
            KeyView(
                verifier=row.verifier,
                position=row.position,
                signs_from=row.position + 1,
                signs_to=None if after is None else after.covered_size,
                is_current=after is None,
            )
            for row, after in zip(rows, following, strict=True)
        )

    def rotate_key(
        self, reason: str, *, lost: bool = False, principal: Principal = LEDGER_PRINCIPAL
    ) -> KeyView:
        """Let the log be signed by a new key from now on; the log says so.

        The old key signs the checkpoint that covers the introduction of the new one, and is then
        removed. A key that is ``lost`` cannot: whoever trusts it must be given the new one.

        Raises:
            PreconditionError: this process does not sign.
            StoreError: the old key is not there and not said to be lost; or a file failed, and
                trying again goes on from there.
        """
        notary = self._signing()
        self.begin()
        with self._store.read() as reader:
            origin, last = reader.origin(), read_keys(reader)[-1]
        old = None if lost else notary.signing_key()
        new = self._next_key(notary, origin)
        notary.keys.stage(new)
        self._introduce(new, replaces=last.verifier, lost=lost, reason=reason, principal=principal)
        self._finish_rotation(notary, old)
        self._sign(notary)
        return self.keys()[-1]

    def _next_key(self, notary: Notary, origin: str) -> SigningKey:
        """Return the key of a rotation that was begun, or a new one."""
        pending = notary.keys.pending()
        if pending is not None and pending.name != origin:
            # Left by a recovery that came to nothing: of this origin it could sign nothing.
            notary.keys.discard()
            pending = None
        return pending or new_signing_key(origin, self._randomness)

    def _introduce_first(self, notary: Notary, origin: str) -> None:
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
        self._introduce(key, replaces=None, lost=False, reason="", principal=LEDGER_PRINCIPAL)

    def _introduce(
        self,
        key: SigningKey,
        *,
        replaces: str | None,
        lost: bool,
        reason: str,
        principal: Principal,
    ) -> None:
        verifier = format_verifier_key(verifier_key_of(key))
        record = KeyIntroduction(verifier=verifier, replaces=replaces, lost=lost, reason=reason)
        batch = governance_batch(LEDGER_NAMESPACE, principal, record, randomness=self._randomness)

        def work(writer: Writer, append: Append, _: int) -> None:
            # Another process may have introduced it since.
            if verifier not in {row.verifier for row in read_keys(writer)}:
                append(batch)

        self._intake.govern(work)

    def _finish_rotation(self, notary: Notary, old: SigningKey | None = None) -> None:
        """Go on with a rotation that the log knows of: the old key signs last, and goes."""
        pending = notary.keys.pending()
        if pending is None:
            return
        with self._store.read() as reader:
            last = read_keys(reader)[-1]
        if format_verifier_key(verifier_key_of(pending)) != last.verifier:
            return
        old = old or notary.keys.current()
        if old is not None and _is_replaced(old, last):
            notary.sign_head(self._store, key=old, size=last.covered_size)
        notary.keys.replace(pending)

    def _signing(self) -> Notary:
        if self._notary is None:
            raise PreconditionError(
                "This process does not sign for the ledger",
                hint="Only the one that has the signing key and the sidecar does.",
            )
        return self._notary

    # --- erasures --------------------------------------------------------------------------------

    def remember_erasures(self) -> None:
        """Have the sidecar know what the log says was erased, for backups that bring it back.

        Raises:
            StoreError: the sidecar cannot be written; opening the ledger again tries again.
        """
        if self._notary is not None:
            remember(self._notary, self._store)

    # --- anchors ---------------------------------------------------------------------------------

    def anchor_in_directory(self, directory: Path) -> AnchorView:
        """Write the present checkpoint into a folder, and remember that it is there.

        Raises:
            CorruptLogError: the folder has another history under this origin.
            StoreError: the folder cannot be written, or nothing can be signed.
        """
        answer = self.checkpoint()
        export_checkpoint(directory, answer.origin, answer.size, answer.note.encode())
        return self.note_anchor(f"{DIRECTORY}{directory}", answer)

    def note_anchor(
        self, target: str, answer: CheckpointAnswer, *, token: str | None = None
    ) -> AnchorView:
        """Remember that somebody outside has a checkpoint.

        Raises:
            PreconditionError: this process does not sign.
            StoreError: the sidecar cannot be written.
        """
        notary = self._signing()
        anchor = Anchor(
            target=target, size=answer.size, root=answer.root, at_us=self._clock(), token=token
        )
        with notary.sidecar.locked():
            sidecar = notary.sidecar.read() or Sidecar(origin=answer.origin)
            notary.sidecar.write(with_anchor(sidecar, anchor))
        return _view(anchor)

    # --- tiles -----------------------------------------------------------------------------------

    def tile(self, tile: Tile) -> bytes:
        """Return a tile of hashes or a bundle of entries, as C2SP tlog-tiles has them.

        Only what a checkpoint covers is served, so that what was served never changes.

        Raises:
            NotFoundError: no checkpoint covers that tile at that width.
        """
        level = 0 if tile.level == ENTRIES else tile.level
        with self._store.read() as reader:
            size = read_checkpoint(_kept(reader)).size
            if not 0 < tile.width <= width_at(level, tile.index, size):
                raise NotFoundError(
                    f"The log has no such tile at size {size}",
                    where=tile_path(tile),
                    hint="Read the checkpoint first: tiles are those of its size.",
                )
            first = tile.index * TILE_WIDTH
            if tile.level == ENTRIES:
                return encode_bundle(reader.envelopes(first, tile.width))
            return b"".join(reader.hashes(level, first, tile.width))


def _kept(reader: Reader) -> bytes:
    note = reader.checkpoint()
    if note is None:
        raise NotFoundError(
            "No checkpoint of this ledger was signed yet",
            hint="`lineage checkpoint` signs one, where the signing key is.",
        )
    return note


def _view(anchor: Anchor) -> AnchorView:
    return AnchorView(
        target=anchor.target,
        size=anchor.size,
        root=anchor.root,
        at=format_instant(anchor.at_us),
        token=anchor.token,
    )


def _is_replaced(key: SigningKey, row: KeyRow) -> bool:
    return format_verifier_key(verifier_key_of(key)) == row.replaces
