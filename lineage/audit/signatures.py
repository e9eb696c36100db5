"""Level 0: what was signed, remembered and anchored, against the store and against one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lineage.anchoring.notary import Notary, keys_in_force, root_of_size
from lineage.anchoring.sidecar import Sidecar
from lineage.audit.reports import (
    UNREADABLE,
    AnchoredUpTo,
    AuditLevel,
    AuditRequest,
    Findings,
)
from lineage.audit.trees import Claim, misfit
from lineage.projections.governance import RECOVERY, KeyRow, read_keys
from lineage.projections.views import scan_rows
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tree import leaf_hash
from lineage.proofs.verifying import open_checkpoint, parse_verifier_key
from lineage.stores.base import Reader
from lineage.writing.sealing import commit
from lineage_schemas.codec import decode_envelope, decode_records
from lineage_schemas.errors import LedgerError, SidecarError
from lineage_schemas.governance import KeyIntroduction

_LEVEL: Final = AuditLevel.SIGNATURE
_STORED: Final = "the checkpoint in the ledger"
_REMEMBERED: Final = "the checkpoint in the sidecar"
_GIVEN: Final = "the given checkpoint"


class Signatures(NamedTuple):
    """What level 0 leaves behind: every claim on the tree, and what of it holds."""

    claims: list[Claim]
    sidecar: Sidecar | None


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
    try:
        return Memory(signs=True, sidecar=notary.remembered())
    except SidecarError as error:
        return Memory(signs=True, fault=str(error))


class Epoch(NamedTuple):
    """The log went by ``origin`` up to position ``end``; ``lost_from`` on, entries were lost."""

    origin: str
    end: int
    lost_from: int


def check_signatures(
    reader: Reader, request: AuditRequest, memory: Memory, found: Findings
) -> Signatures:
    """Check keys, signatures and claims, without reading the entries."""
    epochs = [Epoch(row[1], row[0], row[2]) for row in scan_rows(reader, RECOVERY)]
    rows = _check_keys(reader, epochs, found)
    sidecar = _remembered(reader, rows, memory, found)
    origin = reader.origin()
    signed: list[Claim] = []
    kept = reader.checkpoint()
    if kept is not None:
        signed += _open(_STORED, kept, origin, rows, request, found)
    if sidecar is not None and sidecar.checkpoint is not None:
        note = sidecar.checkpoint.encode()
        signed += _open(_REMEMBERED, note, origin, rows, request, found)
    outside: list[Claim] = []
    if request.checkpoint is not None:
        outside += _open_given(request.checkpoint, origin, epochs, rows, request, found)
    if sidecar is not None:
        outside += [
            Claim(one.target, one.size, bytes.fromhex(one.root), is_outside=True)
            for one in sidecar.anchors
        ]
    _check_same(signed, found)
    _check_claims(reader, [*signed, *outside], found)
    return Signatures([*signed, *outside], sidecar)


def settle(claims: Sequence[Claim], roots: Sequence[bytes | None]) -> Reach:
    """Say how far what holds reaches; ``roots`` are those of the tree at the claims' sizes."""
    good = [claim for claim, root in zip(claims, roots, strict=True) if claim.root == root]
    outside = [one for one in good if one.is_outside and one.size > 0]
    best = max(outside, key=lambda one: one.size, default=None)
    return Reach(
        max((one.size for one in good if one.is_signed), default=None),
        None if best is None else AnchoredUpTo(position=best.size - 1, target=best.who),
    )


def stored_roots(reader: Reader, claims: Sequence[Claim]) -> list[bytes | None]:
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
                and (one.verifier, one.replaces) == (row.verifier, row.replaces)
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
    request: AuditRequest,
    found: Findings,
) -> list[Claim]:
    """Verify a checkpoint; return what it claims, if it can be believed."""
    try:
        said = read_checkpoint(note)
        keys = request.keys or keys_in_force(rows, said.size)
        if said.origin != origin:
            found.add(_LEVEL, f"{_sentence(who)} is of another log: {said.origin}")
            return []
        open_checkpoint(note, keys)
    except LedgerError as error:
        found.add(_LEVEL, f"{_sentence(who)} does not verify: {error.what}")
        return []
    return [Claim(who, said.size, said.root, is_signed=True)]


def _open_given(
    note: bytes,
    origin: str,
    epochs: Sequence[Epoch],
    rows: Sequence[KeyRow],
    request: AuditRequest,
    found: Findings,
) -> list[Claim]:
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
    is_signed = bool(_open(_GIVEN, note, said.origin, rows, request, found))
    if former is not None and said.size > former.lost_from:
        found.add(
            _LEVEL,
            f"{_sentence(_GIVEN)} covers {said.size} entries, of which the log says that those "
            f"from {former.lost_from} on were lost",
            former.lost_from,
        )
        return []
    return [Claim(_GIVEN, said.size, said.root, is_signed=is_signed, is_outside=True)]


def _check_same(signed: Sequence[Claim], found: Findings) -> None:
    for one in signed[:1]:
        for other in signed[1:]:
            if one.size == other.size and one.root != other.root:
                found.add(_LEVEL, f"{_sentence(one.who)} contradicts {other.who}")


def _check_claims(reader: Reader, claims: Sequence[Claim], found: Findings) -> None:
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
