"""The notary: signs the checkpoints of one log, and never two that contradict each other.

Before it signs, and before the log takes anything, it compares the store with the last checkpoint
that the sidecar remembers. A store that is behind it was put back; one with another root at that
size has another history. Either way nothing is signed and nothing is taken until a recovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from lineage.anchoring.behind import lift_behind, mark_behind, signed_elsewhere
from lineage.anchoring.sidecar import Anchor, Frozen, Mark, Sidecar, SidecarStore
from lineage.projections.governance import RECOVERY, KeyRow, read_keys
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint, verifier_key_of
from lineage.proofs.signing import SigningKey
from lineage.proofs.tree import root_at
from lineage.proofs.verifying import (
    Checkpoint,
    VerifierKey,
    format_verifier_key,
    parse_verifier_key,
)
from lineage.stores.base import Reader, Store, frozen_error
from lineage.stores.scanning import scan_rows
from lineage_schemas.errors import (
    CorruptLogError,
    SidecarError,
    StoreBehindError,
    StoreError,
)

RECOVERED_MARK: Final = "/recovered-"
"""What stands between the first name of a log and what tells a recovered one from it."""


class SigningKeys(Protocol):
    """Where the signing key is kept: a file, or memory."""

    def current(self) -> SigningKey | None:
        """Return the key; ``None`` where there is none."""
        ...

    def make(self, name: str) -> SigningKey:
        """Make a key of this name where there is none, and return the one that is there."""
        ...

    def keep(self, key: SigningKey) -> None:
        """Let this be the key where there is none; the very one that is there stays."""
        ...

    def pending(self) -> SigningKey | None:
        """Return the key of a rotation that was begun and not finished."""
        ...

    def stage(self, key: SigningKey) -> None:
        """Begin a rotation to this key: keep it beside the current one."""
        ...

    def discard(self) -> None:
        """Give up a rotation that was begun."""
        ...

    def promote(self, key: SigningKey) -> None:
        """Let the next key be the current one, if it is still this one; the one before is gone."""
        ...


class Signed(NamedTuple):
    """A checkpoint with its note, which this notary or another process has signed."""

    checkpoint: Checkpoint
    note: bytes


class Recalled(NamedTuple):
    """What is remembered beside the store, as of a mark; or why it cannot be believed."""

    mark: Mark | None
    sidecar: Sidecar | None
    fault: SidecarError | None


class Notary:
    """Signs for one ledger. Safe to use from many threads and, by the sidecar's lock, processes."""

    def __init__(self, sidecar: SidecarStore, keys: SigningKeys) -> None:
        self.sidecar = sidecar
        self.keys = keys
        self._recalled: Recalled | None = None
        self._agreed: tuple[Recalled, Checkpoint] | None = None
        """What the store was last found to agree with, and the checkpoint in it."""

    # --- judging ---------------------------------------------------------------------------------

    def recall(self) -> Recalled:
        """Return what is remembered; costs a look at the sidecar's file where it did not change.

        Before a snapshot of the store is opened: what is signed is in the store before it is in the
        sidecar, so a sidecar that is read later could be ahead of a snapshot that lost nothing.
        """
        known = self._recalled
        if known is not None and not self.sidecar.changed_since(known.mark):
            return known
        mark = self.sidecar.mark()
        try:
            recalled = Recalled(mark, self.sidecar.read(), None)
        except SidecarError as error:
            recalled = Recalled(mark, None, error)
        self._recalled = recalled
        return recalled

    def verdict(self, reader: Reader, recalled: Recalled) -> StoreError | None:
        """Return what is wrong with a store by what is remembered of it; ``None``: nothing."""
        try:
            self._compare(reader, recalled)
        except (StoreBehindError, SidecarError) as error:
            return error
        return None

    def check(self, reader: Reader, recalled: Recalled | None = None) -> None:
        """Refuse a store that is not what was signed.

        Inside a writing transaction nobody else writes, and what is remembered is recalled here.

        Raises:
            StoreBehindError: entries are missing, others are there, or nobody can tell any more.
            FrozenStoreError: so it is, of a ledger that was exported for good: nothing is lost.
            SidecarError: the sidecar cannot be believed.
        """
        recalled = recalled or self.recall()
        try:
            self._compare(reader, recalled)
        except StoreBehindError as error:
            _refuse_frozen(recalled, error)
            raise

    def _compare(self, reader: Reader, recalled: Recalled) -> None:
        if recalled.fault is not None:
            raise recalled.fault
        agreed = self._agreed
        if agreed is None or agreed[0] is not recalled:
            self._agreed = recalled, compare(reader, recalled.sidecar)
        elif reader.head().size < agreed[1].size:
            raise _behind(reader.head().size, agreed[1].size)

    def guard(self, reader: Reader) -> None:
        """Refuse whatever would be written into a store that is frozen, or not what was signed.

        Raises:
            FrozenStoreError: the ledger was exported for good; a store from before that too.
            StoreBehindError, SidecarError: as ``check``.
        """
        recalled = self.recall()
        _refuse_frozen(recalled)
        self.check(reader, recalled)

    def mark(self, store: Store) -> None:
        """Mark a store that is behind what is remembered, so that nobody else goes on with it.

        One that agrees with it again is let go. Nothing is done where nothing is remembered, where
        it is of another ledger, or of this one before a recovery that the store knows of, and where
        the ledger was exported for good.

        Raises:
            StoreError: the sidecar or the store failed.
        """
        with self.sidecar.locked():
            sidecar = self.sidecar.read()
            if sidecar is None or sidecar.checkpoint is None or isinstance(sidecar.frozen, Frozen):
                return
            signed = read_checkpoint(sidecar.checkpoint.encode())
            with store.write() as writer:
                if not _may_judge(writer, sidecar.origin):
                    return
                try:
                    compare(writer, sidecar)
                except StoreBehindError:
                    # Also one that is frozen: by a mark of which other software dropped the row.
                    if signed_elsewhere(writer) is None:
                        mark_behind(writer, signed.size)
                else:
                    lift_behind(writer)

    # --- signing ---------------------------------------------------------------------------------

    def sign_head(
        self, store: Store, *, key: SigningKey | None = None, size: int | None = None
    ) -> Signed:
        """Sign the store's head, remember it, and keep it in the store for others to serve.

        What is remembered is on the disk before anybody is given the signature. A head that was
        signed before by the same key is signed with the same words. With ``size``, an earlier size
        is signed instead, if no later one was signed yet.

        Raises:
            StoreBehindError: as ``check``.
            StoreError: there is no key, or it is not the log's; or the sidecar or the store failed.
        """
        key = self.signing_key() if key is None else key
        with self.sidecar.locked():
            sidecar = self.sidecar.read()
            with store.read() as reader:
                # Whatever it agreed with before: another history may have grown beyond that size.
                self._agreed = None
                last = compare(reader, sidecar)
                head = checkpoint_at(reader, reader.head().size if size is None else size)
                _check_head(reader, head)
                if head.size < last.size and sidecar is not None and sidecar.checkpoint:
                    return Signed(last, sidecar.checkpoint.encode())
                check_key(reader, key, head.size)
                recorded_us = reader.head().recorded_us
                kept = reader.checkpoint()
            note = sign_checkpoint(head, key)
            if sidecar is None:
                sidecar = Sidecar(origin=head.origin)
            if sidecar.checkpoint != note.decode():
                self.sidecar.write(
                    replace(sidecar, checkpoint=note.decode(), recorded_us=recorded_us)
                )
            if kept != note:
                # Under the lock, so that an older checkpoint never takes the place of a newer one.
                with store.write() as writer:
                    writer.keep_checkpoint(note)
        return Signed(head, note)

    def signing_key(self) -> SigningKey:
        """Return the key.

        Raises:
            StoreError: there is none, or its file cannot be used.
        """
        key = self.keys.current()
        if key is None:
            raise StoreError(
                "There is no signing key here, so no checkpoint can be signed",
                hint="Put the key's file back, or change the key with `lineage key rotate --lost`.",
            )
        return key


def _refuse_frozen(recalled: Recalled, cause: StoreBehindError | None = None) -> None:
    frozen = None if recalled.sidecar is None else recalled.sidecar.frozen
    if isinstance(frozen, Frozen):
        raise frozen_error(frozen.to) from cause


def _may_judge(reader: Reader, remembered: str) -> bool:
    """Tell whether what is remembered of an origin can show that the store was put back.

    Of the same log, before and after a recovery; but where the store has gone on from that origin,
    what is remembered is old, and not the store.
    """
    first, other = (name.partition(RECOVERED_MARK)[0] for name in (reader.origin(), remembered))
    return first == other and remembered not in {row[1] for row in scan_rows(reader, RECOVERY)}


def compare(reader: Reader, sidecar: Sidecar | None) -> Checkpoint:
    """Compare a store with what is remembered of it; return the checkpoint they agree on.

    Raises:
        StoreBehindError: they contradict each other.
    """
    origin, size = reader.origin(), reader.head().size
    if sidecar is None or sidecar.checkpoint is None:
        # The sidecar is begun before the log names its first key, so a log with one has one.
        if reader.checkpoint() is not None or (sidecar is None and read_keys(reader)):
            raise StoreBehindError(
                "This ledger was signed before, and what was remembered of it is not here: nobody "
                "can tell whether entries are missing",
                where=origin,
                hint="Put the sidecar's file back beside the ledger, or see `lineage recover`.",
            )
        return Checkpoint(origin, 0, b"")
    signed = read_checkpoint(sidecar.checkpoint.encode())
    if sidecar.origin != origin or signed.origin != origin:
        raise StoreBehindError(
            "What is remembered here is of another ledger",
            where=f"here {origin}, remembered {sidecar.origin}",
            hint="Name the right ledger; to begin a new one here, remove the old one's sidecar.",
        )
    if size < signed.size:
        raise _behind(size, signed.size)
    if root_of_size(reader, signed.size) != signed.root:
        raise StoreBehindError(
            f"The first {signed.size} entries are not those that were signed",
            where=origin,
            hint="Somebody changed the past, or two copies were written to. Run `lineage audit`, "
            "and put back the store that was signed.",
        )
    return signed


def head_of(reader: Reader) -> Checkpoint:
    """Return what a checkpoint of the reader's snapshot would say."""
    head = reader.head()
    return Checkpoint(reader.origin(), head.size, head.tree().root())


def root_of_size(reader: Reader, size: int) -> bytes:
    """Return the root over the first ``size`` entries, from the stored hashes."""
    return root_at(size, reader.hashes)


def checkpoint_at(reader: Reader, size: int) -> Checkpoint:
    """Return what a checkpoint of that size would say."""
    return Checkpoint(reader.origin(), size, root_of_size(reader, size))


def _check_head(reader: Reader, head: Checkpoint) -> None:
    """Refuse to sign where the head that is stored is not that of the stored leaves."""
    stored = head_of(reader)
    if head.size == stored.size and head.root != stored.root:
        raise CorruptLogError(
            "The stored head is not that of the stored leaves, so nothing is signed",
            where=f"size {head.size}",
            hint="Run `lineage audit`.",
        )


def check_key(reader: Reader, key: SigningKey, size: int) -> None:
    """Refuse a key that the log does not say may sign at this size.

    Raises:
        StoreError: names both keys.
    """
    mine = format_verifier_key(verifier_key_of(key))
    allowed = [format_verifier_key(one) for one in keys_in_force(read_keys(reader), size)]
    if mine not in allowed:
        raise StoreError(
            "This signing key is not the one that the log names",
            where=f"here {mine}, in the log {', '.join(allowed) or 'none'}",
            hint="Use the log's key, or change it with `lineage key rotate`.",
        )


def keys_in_force(rows: Sequence[KeyRow], size: int) -> list[VerifierKey]:
    """Return the keys that may sign a checkpoint of this size, by what the log says.

    A key is in force from the first size that covers its introduction, up to the one that covers
    the introduction of its successor under the same origin: what was signed before a recovery
    stays signed, also of entries that were lost.
    """
    found: list[VerifierKey] = []
    for index, row in enumerate(rows):
        key = parse_verifier_key(row.verifier)
        following = next(
            (one for one in rows[index + 1 :] if parse_verifier_key(one.verifier).name == key.name),
            None,
        )
        if row.position < size and (following is None or size <= following.covered_size):
            found.append(key)
    return found


def anchored(sidecar: Sidecar | None) -> Anchor | None:
    """Return the anchor of the largest size: how far the log is in somebody else's hands."""
    if sidecar is None or not sidecar.anchors:
        return None
    return max(sidecar.anchors, key=lambda anchor: (anchor.size, -anchor.at_us))


def _behind(size: int, signed: int) -> StoreBehindError:
    return StoreBehindError(
        f"The ledger has {size} entries, and {signed} were signed: at least {signed - size} are "
        "missing. It can be read by the local principal alone, and takes nothing",
        hint="Put the newer store back. If it is lost, see `lineage recover --declare-loss`.",
    )
