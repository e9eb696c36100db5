"""The mark of a store that is behind what was signed: for processes that have no sidecar to tell.

Whoever signs puts it there. The store is frozen, so that nobody's entries get in, whatever software
has it open; and a row beside the bookmark says why. Where a process of another version drops that
row with the views, the store stays frozen, and is marked again at the next turn of whoever signs.
"""

from __future__ import annotations

from typing import Final

from lineage.projections.views import BEHIND_ID, BOOKMARK
from lineage.stores.base import Reader, Writer
from lineage_schemas.errors import StoreBehindError

_BEHIND: Final = "behind"
_LIFTED: Final = ""


def mark_behind(writer: Writer, signed_size: int) -> None:
    """Let the log take nothing from here on, because so many other entries were signed."""
    _write(writer, _BEHIND, signed_size)
    writer.freeze(frozen=True)


def lift_behind(writer: Writer) -> None:
    """Let the log take entries again, if it was marked."""
    if signed_elsewhere(writer) is not None:
        _write(writer, _LIFTED, 0)
        writer.freeze(frozen=False)


def signed_elsewhere(reader: Reader) -> int | None:
    """Return the size that was signed of what is not here; ``None`` where nothing is marked."""
    if not reader.is_frozen():
        return None
    for _, said, size, _ in reader.find(BOOKMARK, "id", [BEHIND_ID]):
        return int(size) if said == _BEHIND else None
    return None


def marked_fault(reader: Reader) -> StoreBehindError | None:
    """Return what is wrong with a store by its mark; ``None`` where it has none."""
    signed = signed_elsewhere(reader)
    if signed is None:
        return None
    return StoreBehindError(
        f"The ledger has {reader.head().size} entries and is not what was signed, which is "
        f"{signed}: so the process that signs has found. It can be read by the local principal "
        "alone, and takes nothing",
        where=reader.origin(),
        hint="Put the newer store back. If it is lost, see `lineage recover --declare-loss`.",
    )


def refuse_behind(reader: Reader) -> None:
    """Guard the log in a process that does not sign.

    Raises:
        StoreBehindError: whoever signs has marked the store.
    """
    fault = marked_fault(reader)
    if fault is not None:
        raise fault


def _write(writer: Writer, said: str, size: int) -> None:
    row = (BEHIND_ID, said, size, 0)
    if writer.find(BOOKMARK, "id", [BEHIND_ID]):
        writer.replace(BOOKMARK, [row])
    else:
        writer.insert(BOOKMARK, [row])
