"""Entries for tests of stores, which do not care what an entry says."""

from lineage.proofs.tree import CompactRange, Subtree, leaf_hash
from lineage.stores.base import Reader, StoredHead, Writer
from lineage_schemas.entry import PayloadPart, StoredEntry


def made_entry(position: int, label: str) -> StoredEntry:
    """Return an entry whose bytes say its position and its label."""
    envelope = f"{label}/{position}".encode()
    return StoredEntry(
        position=position,
        envelope=envelope,
        leaf=leaf_hash(envelope),
        facts=PayloadPart(b"salt" * 4, b"facts of " + envelope),
        personal=PayloadPart(b"\0" * 16, b"\xff") if position % 2 else None,
    )


def append_made(writer: Writer, label: str, count: int) -> list[StoredEntry]:
    """Append ``count`` entries to the head as it is, as the engine would."""
    head = writer.head()
    tree = CompactRange.from_bytes(head.size, head.compact_range)
    entries = [made_entry(head.size + offset, label) for offset in range(count)]
    subtrees: list[Subtree] = []
    for entry in entries:
        subtrees += tree.append(entry.leaf)
    moved = StoredHead(tree.size, head.recorded_us + 1, tree.to_bytes())
    writer.append(head.size, entries, subtrees, moved)
    return entries


def labels(reader: Reader) -> list[str]:
    """Return the labels of all entries, in order."""
    entries = reader.entries(0, reader.head().size)
    return [entry.envelope.decode().partition("/")[0] for entry in entries]
