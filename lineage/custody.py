"""Custody: what lets others check the log without trusting whoever keeps it.

Checkpoints, the keys that sign them, anchors outside, tiles, and what to do after a loss. A ledger
without a notary signs nothing, and serves the checkpoint that another process kept in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.anchoring.behind import marked_fault, refuse_behind
from lineage.anchoring.exports import export_checkpoint
from lineage.anchoring.notary import Notary, Recalled, Signed, anchored, keys_in_force
from lineage.anchoring.sidecar import DIRECTORY_TARGET, Anchor, Sidecar, with_anchor
from lineage.anchoring.snapshots import Snapshots
from lineage.clock import Clock, Randomness
from lineage.erasure.erasing import remember
from lineage.intake import Intake
from lineage.projections.erasures import ERASING
from lineage.projections.governance import read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tiles import ENTRIES, Tile
from lineage.proofs.verifying import format_verifier_key
from lineage.questions.integrity import (
    kept_checkpoint,
    list_keys,
    prove_growth,
    prove_handover,
    read_tile,
)
from lineage.questions.state import LedgerState, read_state
from lineage.rotation import LEDGER_PRINCIPAL, Acting, Rotation
from lineage.stores.base import Reader, Store
from lineage.stores.scanning import scan_rows
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_schemas.access import EVERY
from lineage_schemas.errors import (
    LedgerError,
    NotFoundError,
    PreconditionError,
    StoreBehindError,
    StoreError,
)
from lineage_schemas.instants import format_instant
from lineage_schemas.integrity import AnchorView, CheckpointAnswer, KeyView

PUBLISH_EVERY_US: Final = 1_000_000
"""While entries are written, a checkpoint is signed when the last is this old."""

PUBLISH_EVERY_COMMITS: Final = 1_000
"""And after so many commits, whatever the clock says."""

_LOG: Final = logging.getLogger(__name__)


class CustodyState(NamedTuple):
    """Where a ledger stands, at which time, and what is wrong with it by what is remembered.

    ``memory`` is ``none`` (this process signs nothing), ``new`` (nothing was remembered yet),
    ``agrees``, or ``fault``: then ``fault`` says what is wrong, by what is remembered here, or by
    the mark that whoever signs has put into the store. ``is_scrubbed`` tells whether what
    was erased is gone from every file.
    """

    ledger: LedgerState
    now_us: int
    memory: str
    fault: StoreError | None
    anchored: Anchor | None
    is_scrubbed: bool


class Custody:
    """The checkpoints, keys and anchors of one ledger."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        notary: Notary | None,
        checks: Checks,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._snapshots = Snapshots(store, notary)
        self._intake = intake
        self._notary = notary
        self._checks = checks
        self._clock = clock
        self._rotation = Rotation(store, intake, randomness)
        self._has_begun = notary is None
        self._signed_us = 0
        self._has_news = False
        self._commits = 0
        self._remembered: tuple[str, int] | None = None
        """Of which origin, and up to which stating entry, the sidecar knows what was erased."""
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
        recalled = self._notary.recall()
        with self._store.read() as reader:
            fault = self._notary.verdict(reader, recalled)
            origin, is_new = reader.origin(), not read_keys(reader)
            is_marked = marked_fault(reader) is not None
        if fault is not None or is_marked:
            self.tell_others()
            with self._store.read() as reader:
                self._notary.check(reader, recalled)
        if is_new:
            self._rotation.introduce_first(self._notary, origin)
        self._has_begun = True

    def follow(self) -> None:
        """Sign, when it is time, what was just written. Never fails what is durable already."""
        self._has_news = True
        self._commits += 1
        # While the machine's clock is behind it, recorded time stands still: commits count too.
        if (
            self._intake.recorded_us - self._signed_us >= PUBLISH_EVERY_US
            or self._commits >= PUBLISH_EVERY_COMMITS
        ):
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
            self._commits = 0
            _LOG.error("The checkpoint could not be signed: %s", error)

    def sign_rest(self, *, thorough: bool = False) -> None:
        """Sign what is not signed yet, whoever wrote it; nothing where this process does not sign.

        A store that is not what was signed is marked for the others. ``thorough``: sign also where
        all seems to be signed, which finishes a change of the key that was interrupted.

        Raises:
            StoreError: the store is not what was signed, or cannot be signed.
        """
        if self._notary is None:
            return
        try:
            if self._is_signing_due(thorough=thorough):
                self.checkpoint()
        except StoreBehindError:
            self.tell_others()
            raise

    def _is_signing_due(self, *, thorough: bool) -> bool:
        if not thorough and self.fault is None:
            try:
                return self.last_checkpoint().unsigned > 0
            except NotFoundError:
                pass
        with self._store.read() as reader:
            return reader.head().size > 0

    def tell_others(self) -> None:
        """Where the store is not what was signed, have those know who do not sign; never fails.

        They have no sidecar, and would go on with a store that was put back.
        """
        if self._notary is None:
            return
        try:
            recalled = self._notary.recall()
            with self._store.read() as reader:
                is_wrong = self._notary.verdict(reader, recalled) is not None
                is_told = marked_fault(reader) is not None
            if is_wrong != is_told and recalled.fault is None:
                self._notary.mark(self._store)
        except LedgerError as error:
            _LOG.error("The store is not what was signed, and could not be marked: %s", error)

    def checkpoint(self, *, principal: Principal = LOCAL_PRINCIPAL) -> CheckpointAnswer:
        """Return the checkpoint of the log's head, signed now where this process signs.

        Raises:
            ForbiddenError: ``principal`` may not verify here.
            NotFoundError: this process does not sign, and nobody has signed yet.
            StoreError: the store is not what was signed, or cannot be signed.
        """
        self._admit(principal, Action.VERIFY)
        if self._notary is not None:
            self.begin()
            self._sign(self._notary)
        return self.last_checkpoint()

    def last_checkpoint(self, *, principal: Principal = LOCAL_PRINCIPAL) -> CheckpointAnswer:
        """Return the last checkpoint that was signed, without signing.

        Raises:
            ForbiddenError: as ``checkpoint``.
            NotFoundError: there is none.
            StoreBehindError: a later one was signed, and the store does not hold what it covers.
        """
        with self._snapshots.opened(principal) as snapshot:
            reader, recalled = snapshot.reader, snapshot.recalled
            self._checks.check(reader, principal, Action.VERIFY, EVERY)
            if self._notary is not None and recalled is not None:
                self._notary.check(reader, recalled)
            refuse_behind(reader)
            note = kept_checkpoint(reader)
            signed = read_checkpoint(note)
            keys = keys_in_force(read_keys(reader), signed.size)
            unsigned = max(0, reader.head().size - signed.size)
        sidecar = None if recalled is None else recalled.sidecar
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

    def state(self, *, principal: Principal = LOCAL_PRINCIPAL) -> CustodyState:
        """Return where the ledger stands. Waits for no writer.

        Raises:
            StoreError: the store cannot be read.
            ForbiddenError: ``principal`` is no operator.
        """
        self._admit(principal, Action.OPERATE)
        with self._snapshots.opened(LOCAL_PRINCIPAL) as snapshot:
            recalled = snapshot.recalled
            fault = snapshot.fault() or marked_fault(snapshot.reader)
            ledger = read_state(snapshot.reader)
        sidecar = None if recalled is None else recalled.sidecar
        return CustodyState(
            ledger=ledger,
            now_us=self._clock(),
            memory=_memory_of(recalled, fault),
            fault=fault,
            anchored=anchored(sidecar),
            is_scrubbed=self._store.is_scrubbed,
        )

    def prove_growth(self, old_note: bytes, *, principal: Principal = LOCAL_PRINCIPAL) -> bytes:
        """Prove that the log of an old checkpoint is the beginning of the present one's.

        Raises: as ``lineage.questions.integrity.prove_growth``, and as ``checkpoint``.
        """
        note = self.checkpoint(principal=principal).note.encode()
        with self.reading(principal) as reader:
            return prove_growth(reader, old_note, note)

    def tile(self, tile: Tile, *, principal: Principal = LOCAL_PRINCIPAL) -> bytes:
        """Return a tile of hashes or a bundle of entries, as C2SP tlog-tiles has them.

        Hashes are for whoever may verify; a bundle holds the envelopes of every namespace.

        Raises:
            ForbiddenError: ``principal`` may not read it.
            NotFoundError: no checkpoint covers that tile at that width.
            StoreBehindError: the store is not what was signed: a grant may hold here which was
                revoked, so that nobody is served but the local principal.
        """
        if tile.level != ENTRIES:
            with self.reading(principal) as reader:
                self._checks.check(reader, principal, Action.VERIFY, EVERY)
                return read_tile(reader, tile)
        told = Told("tile", EVERY, (tile,))
        with self._checks.accounting(principal, told), self.reading(principal) as reader:
            self._checks.check(reader, principal, Action.READ_BUNDLES, EVERY)
            body = read_tile(reader, tile)
        self._checks.tell(principal, replace(told, count=tile.width))
        return body

    @contextmanager
    def reading(self, principal: Principal) -> Generator[Reader]:
        """Open a snapshot for somebody.

        Raises:
            StoreBehindError: the store is not what was signed: a grant may hold here which was
                revoked, so that nobody is served but the local principal.
        """
        with self._snapshots.opened(principal) as snapshot:
            yield snapshot.reader

    def judging(self, principal: Principal, action: Action) -> AbstractContextManager[Reader]:
        """Open a snapshot to judge in whether somebody may do something.

        Raises:
            StoreBehindError: as ``reading``, but for an operator.
        """
        # Else nobody who signs in could be told that this is why the server is not ready. It shows
        # sizes and counts, and nobody's data.
        return self._store.read() if action is Action.OPERATE else self.reading(principal)

    def _sign(self, notary: Notary) -> Signed:
        # Before signing, so that what is written meanwhile counts as news again.
        self._has_news = False
        try:
            # A rotation that was interrupted, here or in another process, is finished first.
            self._rotation.finish(notary)
            # Also what another process has erased, which has no sidecar.
            self.remember_erasures()
            signed = notary.sign_head(self._store)
        except BaseException as error:
            self._has_news = True
            self._remembered = None
            if isinstance(error, StoreBehindError):
                self.tell_others()
            raise
        self.fault = None
        self._signed_us = self._intake.recorded_us
        self._commits = 0
        return signed

    # --- keys ------------------------------------------------------------------------------------

    def keys(self, *, principal: Principal = LOCAL_PRINCIPAL) -> tuple[KeyView, ...]:
        """Return every verifier key the log names, in its order.

        Raises:
            ForbiddenError: as ``checkpoint``.
        """
        with self.reading(principal) as reader:
            self._checks.check(reader, principal, Action.VERIFY, EVERY)
            return list_keys(reader)

    def rotate_key(
        self, reason: str, *, lost: bool = False, principal: Principal = LEDGER_PRINCIPAL
    ) -> KeyView:
        """Let the log be signed by a new key from now on; the log says so.

        The old key signs the checkpoint that covers the introduction of the new one, and is then
        removed. A key that is ``lost`` cannot: whoever trusts it must be given the new one.

        Raises:
            ForbiddenError: ``principal`` is no key custodian.
            PreconditionError: this process does not sign.
            StoreError: the old key is not there and not said to be lost; or a file failed, and
                trying again goes on from there.
        """
        self._admit(principal, Action.ROTATE_KEY)
        notary = self._signing()
        self.begin()

        def admit(reader: Reader) -> None:
            self._checks.check(reader, principal, Action.ROTATE_KEY, EVERY)

        self._rotation.rotate(notary, reason, Acting(principal, admit), lost=lost)
        self._sign(notary)
        return self.keys()[-1]

    def prove_handover(
        self, position: int | None = None, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> bytes:
        """Prove to whoever trusts only a replaced key that it named its successor.

        ``position`` is where the successor is introduced (left out: the present key).

        Raises:
            ForbiddenError: as ``checkpoint``.
            NotFoundError: no key is introduced there, or none before has vouched for it.
        """
        with self.reading(principal) as reader:
            self._checks.check(reader, principal, Action.VERIFY, EVERY)
            return prove_handover(reader, position)

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
        if self._notary is None:
            return
        with self._store.read() as reader:
            origin, known = reader.origin(), self._remembered
            after = (known[1],) if known is not None and known[0] == origin else None
            news = list(scan_rows(reader, ERASING, after))
        if news:
            remember(self._notary, self._store)
            self._remembered = origin, news[-1][0]

    # --- anchors ---------------------------------------------------------------------------------

    def anchor_in_directory(
        self, directory: Path, *, principal: Principal = LOCAL_PRINCIPAL
    ) -> AnchorView:
        """Write the present checkpoint into a folder, and remember that it is there.

        Raises:
            ForbiddenError: ``principal`` is no key custodian.
            CorruptLogError: the folder has another history under this origin.
            StoreError: the folder cannot be written, or nothing can be signed.
        """
        self._admit(principal, Action.ANCHOR)
        answer = self.checkpoint()
        export_checkpoint(directory, answer.origin, answer.size, answer.note.encode())
        return self.note_anchor(f"{DIRECTORY_TARGET}{directory}", answer)

    def note_anchor(
        self,
        target: str,
        answer: CheckpointAnswer,
        *,
        token: str | None = None,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> AnchorView:
        """Remember that somebody outside has a checkpoint.

        Raises:
            ForbiddenError: as ``anchor_in_directory``.
            PreconditionError: this process does not sign.
            StoreError: the sidecar cannot be written.
        """
        self._admit(principal, Action.ANCHOR)
        notary = self._signing()
        anchor = Anchor(
            target=target, size=answer.size, root=answer.root, at_us=self._clock(), token=token
        )
        with notary.sidecar.locked():
            sidecar = notary.sidecar.read() or Sidecar(origin=answer.origin)
            notary.sidecar.write(with_anchor(sidecar, anchor))
        return _view(anchor)

    def _admit(self, principal: Principal, action: Action) -> None:
        """Refuse what somebody may not do to the ledger as a whole."""
        if not principal.is_local:
            with self.judging(principal, action) as reader:
                self._checks.check(reader, principal, action, EVERY)


def _memory_of(recalled: Recalled | None, fault: StoreError | None) -> str:
    if fault is not None:
        return "fault"
    if recalled is None:
        return "none"
    return "new" if recalled.sidecar is None else "agrees"


def _view(anchor: Anchor) -> AnchorView:
    return AnchorView(
        target=anchor.target,
        size=anchor.size,
        root=anchor.root,
        at=format_instant(anchor.at_us),
        token=anchor.token,
    )
