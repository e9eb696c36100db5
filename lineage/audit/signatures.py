"""Level 0: what was signed, remembered and anchored, against the store and against one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from lineage.anchoring.exports import read_exported
from lineage.anchoring.notary import Notary, keys_in_force, root_of_size
from lineage.anchoring.sidecar import DIRECTORY_TARGET, Sidecar
from lineage.audit.reports import (
    UNREADABLE,
    AnchoredUpTo,
    AuditLevel,
    AuditRequest,
    Findings,
)
from lineage.audit.trees import StatedRoot, misfit
from lineage.projections.governance import RECOVERY, KeyRow, read_handover, read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tree import leaf_hash
from lineage.proofs.verifying import (
    VerifierKey,
    format_verifier_key,
    open_checkpoint,
    parse_verifier_key,
)
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage.writing.sealing import commit
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.errors import LedgerError
from lineage_schemas.governance import KeyIntroduction

_LEVEL: Final = AuditLevel.SIGNATURE
_STORED: Final = "the checkpoint in the ledger"
_REMEMBERED: Final = "the checkpoint in the sidecar"
_GIVEN: Final = "the given checkpoint"


class Signatures(NamedTuple):
    """What level 0 leaves behind: every claim on the tree, and what of it holds."""

    claims: list[StatedRoot]
    sidecar: Sidecar | None
    remarks: list[str]


class Reach(NamedTuple):
    """Up to which size a signature covers the log, and up to which position an anchor does."""

    signed_size: int | None = None
    anchored: AnchoredUpTo | None = None


class Memory(NamedTuple):
    """What is remembered beside the store: nothing where nobody signs; or why it is unusable."""

    signs: bool = False
    sidecar: Sidecar | None = None
    fault: str = ""


def recall(notary: Notary | None) -> Memory:
    """Read what is remembered: before the snapshot of the store is opened.

    What is signed is in the store before it is in the sidecar. Read later, the sidecar of a ledger
    that others write to could be ahead of the snapshot, and look like a loss.
    """
    if notary is None:
        return Memory()
    _, sidecar, fault = notary.recall()
    return Memory(signs=True, sidecar=sidecar, fault="" if fault is None else str(fault))


class Epoch(NamedTuple):
    """The log went by ``origin`` up to position ``end``; ``lost_from`` on, entries were lost."""

    origin: str
    end: int
    lost_from: int


def check_signatures(
    reader: Reader, request: AuditRequest, memory: Memory, found: Findings
) -> Signatures:
    """Check keys, signatures and claims, without reading the entries."""
    remarks: list[str] = []
    epochs: list[Epoch] = []
    for position, former, lost_from, lost_to in scan_rows(reader, RECOVERY):
        epochs.append(Epoch(former, position, lost_from))
        remarks.append(_told_loss(position, former, lost_from, lost_to))
    rows = _check_keys(reader, epochs, found)
    trusted = trusted_keys(reader, request.keys, rows)
    sidecar = _remembered(reader, rows, memory, found)
    origin = reader.origin()
    signed: list[StatedRoot] = []
    kept = reader.checkpoint()
    if kept is not None:
        signed += _open(_STORED, kept, origin, rows, trusted, found)
    if sidecar is not None and sidecar.checkpoint is not None:
        note = sidecar.checkpoint.encode()
        signed += _open(_REMEMBERED, note, origin, rows, trusted, found)
    outside: list[StatedRoot] = []
    if request.checkpoint is not None:
        outside += _open_given(request.checkpoint, origin, epochs, rows, trusted, found)
    if sidecar is not None:
        outside += _anchors(sidecar, remarks)
    _check_same(signed, found)
    _check_claims(reader, [*signed, *outside], found)
    return Signatures([*signed, *outside], sidecar, remarks)


def _told_loss(position: int, former: str, lost_from: int, lost_to: int | None) -> str:
    end = "an unknown one" if lost_to is None else str(lost_to - 1)
    lost = (
        "nothing"
        if lost_to is not None and lost_to <= lost_from
        else (f"positions {lost_from} to {end}")
    )
    return f"Went by {former} up to position {position}, which states the loss of {lost} of then"


def _anchors(sidecar: Sidecar, remarks: list[str]) -> list[StatedRoot]:
    """Return what is kept outside: read again where it is a folder, else as it is remembered."""
    found: list[StatedRoot] = []
    for one in sidecar.anchors:
        stated = StatedRoot(one.target, one.size, bytes.fromhex(one.root), is_outside=True)
        folder = one.target.removeprefix(DIRECTORY_TARGET)
        if folder == one.target:
            found.append(stated)
        elif _is_kept(Path(folder), sidecar.origin, stated):
            found.append(stated._replace(is_seen=True))
        else:
            # Compared all the same, but nobody outside is known to hold it.
            found.append(stated._replace(is_outside=False))
            remarks.append(f"The checkpoint of size {one.size} is not in {one.target} any more")
    return found


def _is_kept(folder: Path, origin: str, stated: StatedRoot) -> bool:
    """Tell whether a folder still holds a checkpoint of that size and root."""
    try:
        kept = [read_checkpoint(note) for note in read_exported(folder, origin)]
    except LedgerError:
        return False
    return any((one.size, one.root) == (stated.size, stated.root) for one in kept)


def trusted_keys(
    reader: Reader, given: Sequence[VerifierKey], rows: Sequence[KeyRow]
) -> list[VerifierKey]:
    """Return the given keys, and those that they vouch for, one after another.

    A key vouches for its successor by the last checkpoint it signed, which covers the entry that
    introduces it; the log keeps that checkpoint.
    """
    trusted = list(given)
    for row in rows:
        if row.replaces not in {format_verifier_key(key) for key in trusted}:
            continue
        try:
            note = read_handover(reader, row.position)
            said = None if note is None else open_checkpoint(note, trusted).checkpoint
        except LedgerError:
            continue
        if (
            said is not None
            and row.position < said.size <= reader.head().size
            and root_of_size(reader, said.size) == said.root
        ):
            trusted.append(parse_verifier_key(row.verifier))
    return trusted


def settle(claims: Sequence[StatedRoot], roots: Sequence[bytes | None]) -> Reach:
    """Say how far what holds reaches; ``roots`` are those of the tree at the claims' sizes."""
    good = [claim for claim, root in zip(claims, roots, strict=True) if claim.root == root]
    outside = [one for one in good if one.is_outside and one.size > 0]
    best = max(outside, key=lambda one: one.size, default=None)
    return Reach(
        max((one.size for one in good if one.is_signed), default=None),
        None
        if best is None
        else AnchoredUpTo(position=best.size - 1, target=best.who, is_seen=best.is_seen),
    )


def stored_roots(reader: Reader, claims: Sequence[StatedRoot]) -> list[bytes | None]:
    """Return the roots at the claims' sizes by the stored hashes; ``None`` beyond the head."""
    size = reader.head().size
    return [root_of_size(reader, one.size) if one.size <= size else None for one in claims]


# --- keys ----------------------------------------------------------------------------------------


def _check_keys(reader: Reader, epochs: Sequence[Epoch], found: Findings) -> list[KeyRow]:
    """Return the keys that the log names, having looked each up where it was introduced."""
    good: list[KeyRow] = []
    before: KeyRow | None = None
    for row in read_keys(reader):
        if not _is_introduced(reader, row):
            found.add(_LEVEL, "A key is listed that this entry does not introduce", row.position)
            continue
        begins = before is None or _origin_at(reader, epochs, before.position) != _origin_at(
            reader, epochs, row.position
        )
        replaces = None if begins or before is None else before.verifier
        if row.replaces != replaces:
            what = "The key does not say that it replaces the one before"
            found.add(_LEVEL, what, row.position)
        try:
            name = parse_verifier_key(row.verifier).name
        except LedgerError as error:
            found.add(_LEVEL, str(error), row.position)
            continue
        if name != _origin_at(reader, epochs, row.position):
            found.add(_LEVEL, "The key is of another log", row.position)
        good.append(row)
        before = row
    return good


def _origin_at(reader: Reader, epochs: Sequence[Epoch], position: int) -> str:
    """Return what the log was called when it took the entry at ``position``."""
    return next((one.origin for one in epochs if position < one.end), reader.origin())


def _is_introduced(reader: Reader, row: KeyRow) -> bool:
    """Tell whether the entry itself, by its own hashes, says what the view of keys says."""
    for stored in reader.entries(row.position, 1):
        try:
            envelope = decode_envelope(stored.envelope)
            records = () if stored.facts is None else decode_records(stored.facts.body, None)
        except UNREADABLE:
            return False
        covered = envelope.batch.start + envelope.batch.length
        return (
            (stored.position, covered) == (row.position, row.covered_size)
            and stored.leaf == leaf_hash(stored.envelope)
            and commit(stored.facts) == envelope.commitments.facts
            and any(
                isinstance(one, KeyIntroduction)
                and (one.verifier, one.replaces, one.lost)
                == (row.verifier, row.replaces, bool(row.lost))
                for one in records
            )
        )
    return False


# --- checkpoints ---------------------------------------------------------------------------------


def _remembered(
    reader: Reader, rows: Sequence[KeyRow], memory: Memory, found: Findings
) -> Sidecar | None:
    """Return what the sidecar remembers of this log."""
    sidecar = memory.sidecar
    if memory.fault:
        found.add(_LEVEL, memory.fault)
    elif memory.signs and (sidecar is None or sidecar.checkpoint is None):
        if reader.checkpoint() is not None or (sidecar is None and rows):
            found.add(_LEVEL, "The log was signed, and what was remembered of it is not here")
    elif sidecar is not None and sidecar.origin != reader.origin():
        found.add(_LEVEL, f"The sidecar is of another ledger: {sidecar.origin}")
        return None
    return sidecar


def _open(
    who: str,
    note: bytes,
    origin: str,
    rows: Sequence[KeyRow],
    trusted: Sequence[VerifierKey],
    found: Findings,
) -> list[StatedRoot]:
    """Verify a checkpoint; return what it claims, if it can be believed."""
    try:
        said = read_checkpoint(note)
        # Between the keys of two origins nobody vouches: of a former one the log's word is taken.
        keys = trusted or keys_in_force(rows, said.size)
        if said.origin != origin:
            found.add(_LEVEL, f"{_sentence(who)} is of another log: {said.origin}")
            return []
        open_checkpoint(note, keys)
    except LedgerError as error:
        found.add(_LEVEL, f"{_sentence(who)} does not verify: {error.what}")
        return []
    return [StatedRoot(who, said.size, said.root, is_signed=True)]


def _open_given(
    note: bytes,
    origin: str,
    epochs: Sequence[Epoch],
    rows: Sequence[KeyRow],
    trusted: Sequence[VerifierKey],
    found: Findings,
) -> list[StatedRoot]:
    """Verify the checkpoint that the auditor brought; it may be of an origin before a recovery.

    What it says is compared with the tree even where its signature cannot be verified: whoever
    replaces the key replaces what the log says of keys too.
    """
    try:
        said = read_checkpoint(note)
    except LedgerError as error:
        found.add(_LEVEL, f"{_sentence(_GIVEN)} is none: {error.what}")
        return []
    former = next((one for one in epochs if one.origin == said.origin), None)
    if former is None and said.origin != origin:
        found.add(_LEVEL, f"{_sentence(_GIVEN)} is of another log: {said.origin}")
        return []
    is_signed = bool(_open(_GIVEN, note, said.origin, rows, trusted, found))
    if former is not None and said.size > former.lost_from:
        found.add(
            _LEVEL,
            f"{_sentence(_GIVEN)} covers {said.size} entries, of which the log says that those "
            f"from {former.lost_from} on were lost",
            former.lost_from,
        )
        return []
    return [
        StatedRoot(_GIVEN, said.size, said.root, is_signed=is_signed, is_outside=True, is_seen=True)
    ]


def _check_same(signed: Sequence[StatedRoot], found: Findings) -> None:
    for one in signed[:1]:
        for other in signed[1:]:
            if one.size == other.size and one.root != other.root:
                found.add(_LEVEL, f"{_sentence(one.who)} contradicts {other.who}")


def _check_claims(reader: Reader, claims: Sequence[StatedRoot], found: Findings) -> None:
    """Compare claims with the stored hashes, the smallest first."""
    size, agreed = reader.head().size, [0]
    ordered = sorted(claims, key=lambda one: one.size)
    for claim, root in zip(ordered, stored_roots(reader, ordered), strict=True):
        if root is None:
            what = (
                f"There are {size} entries, and {claim.who} covers {claim.size}: those from "
                f"position {size} on are missing"
            )
            found.add(_LEVEL, what, size)
        elif root == claim.root:
            agreed.append(claim.size)
        else:
            start = max((one for one in agreed if one < claim.size), default=0)
            found.add(_LEVEL, misfit(claim), start, max(start, claim.size - 1))


def _sentence(who: str) -> str:
    return who[0].upper() + who[1:]
