"""Read what proves the integrity of a log: its keys, its tiles, how it grew, who hands over."""

from __future__ import annotations

from lineage.anchoring.notary import keys_in_force, root_of_size
from lineage.projections.governance import RECOVERY, read_handover, read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.consistency import consistency_proof
from lineage.proofs.growth import format_growth
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.proofs.tiles import ENTRIES, Tile, encode_bundle, tile_path, width_at
from lineage.proofs.tree import TILE_WIDTH
from lineage.proofs.verifying import open_checkpoint
from lineage.stores.base import Reader
from lineage.stores.scanning import scan_rows
from lineage_schemas.errors import NotFoundError, ProofError, StoreBehindError
from lineage_schemas.integrity import KeyView


def kept_checkpoint(reader: Reader) -> bytes:
    """Return the checkpoint that the store keeps, as a signed note.

    Raises:
        NotFoundError: nobody has signed this log yet.
    """
    note = reader.checkpoint()
    if note is None:
        raise NotFoundError(
            "No checkpoint of this ledger was signed yet",
            hint="`lineage checkpoint` signs one, where the signing key is.",
        )
    return note


def list_keys(reader: Reader) -> tuple[KeyView, ...]:
    """Return every verifier key the log names, in its order."""
    rows = read_keys(reader)
    lost_from = [row[2] for row in scan_rows(reader, RECOVERY)]
    views: list[KeyView] = []
    for row, after in zip(rows, [*rows[1:], None][: len(rows)], strict=True):
        signs_to = None if after is None else after.covered_size
        if after is not None and after.replaces is None:
            # The first key of a new origin: what the one before has signed of lost entries covers
            # nothing here.
            signs_to = lost_from.pop(0)
        views.append(
            KeyView(
                verifier=row.verifier,
                position=row.position,
                signs_from=row.position + 1,
                signs_to=signs_to,
                is_current=after is None,
            )
        )
    return tuple(views)


def prove_growth(reader: Reader, old_note: bytes, note: bytes) -> bytes:
    """Prove that the log of an old checkpoint is the beginning of that of a newer one, ``note``.

    Return the text of the proof: ``lineage.proofs.growth`` says what it looks like.

    Raises:
        ProofError: no key of this log signed the old checkpoint, or nothing follows from it.
        StoreBehindError: this log does not hold what the old checkpoint covers.
    """
    old, new = read_checkpoint(old_note), read_checkpoint(note)
    open_checkpoint(old_note, keys_in_force(read_keys(reader), old.size))
    if old.origin != new.origin:
        raise ProofError(
            "That checkpoint is of another origin",
            where=old.origin,
            hint="After a recovery the log goes on under a new one, and says so itself.",
        )
    if old.size == 0:
        raise ProofError("Nothing follows from the checkpoint of an empty log")
    if old.size > new.size or root_of_size(reader, old.size) != old.root:
        raise StoreBehindError(
            "This log does not continue the one of that checkpoint",
            where=f"size {old.size}",
            hint="Keep the checkpoint: it shows that the past was changed. "
            "Run `lineage audit --checkpoint` with it.",
        )
    hashes = consistency_proof(old.size, new.size, reader.hashes)
    return format_growth(old.size, hashes, note)


def prove_handover(reader: Reader, position: int | None) -> bytes:
    """Prove to whoever trusts only a replaced key that it named its successor.

    Return a proof file of the entry that introduces the successor, at ``position`` (``None``: the
    present key's), under the last checkpoint that the replaced key signed.

    Raises:
        NotFoundError: no key is introduced there, or none before has vouched for it.
    """
    rows = [row for row in read_keys(reader) if position in {None, row.position}]
    note = read_handover(reader, rows[-1].position) if rows else None
    if note is None:
        raise NotFoundError(
            "No key before it has vouched for this one",
            where="" if position is None else f"position {position}",
            hint="The first key and the one after a lost key come without: give them to whoever "
            "trusts you by another way.",
        )
    stored = reader.entries(rows[-1].position, 1)[0]
    hashes = inclusion_proof(stored.position, read_checkpoint(note).size, reader.hashes)
    return format_proof(
        stored.position, hashes, note, envelope=stored.envelope, facts=stored.facts, personal=None
    )


def read_tile(reader: Reader, tile: Tile) -> bytes:
    """Return a tile of hashes or a bundle of entries, as C2SP tlog-tiles has them.

    Only what a checkpoint covers is given, so that what was given never changes.

    Raises:
        NotFoundError: no checkpoint covers that tile at that width.
    """
    level = 0 if tile.level == ENTRIES else tile.level
    size = read_checkpoint(kept_checkpoint(reader)).size
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
