"""Proofs that an entry is in the log (RFC 6962, section 2.1.1)."""

from __future__ import annotations

from lineage.proofs.climbing import climb
from lineage.proofs.tree import ReadHashes


def inclusion_proof(position: int, size: int, read_hashes: ReadHashes) -> list[bytes]:
    """Return the path of a leaf in the tree of the first ``size`` leaves, its sibling first.

    Reads at most two tiles a level, none twice.

    Raises:
        InvalidInputError: the tree has no such position.
    """
    steps = climb(position, size, read_hashes)
    return [step.sibling for step in steps if step.sibling is not None]
