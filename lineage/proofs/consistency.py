"""Proofs that the log only grew (RFC 6962, section 2.1.2)."""

from __future__ import annotations

from lineage.proofs.climbing import climb
from lineage.proofs.tree import ReadHashes
from lineage_schemas.errors import InvalidInputError


def consistency_proof(size1: int, size2: int, read_hashes: ReadHashes) -> list[bytes]:
    """Return the proof that the tree of ``size2`` leaves begins with that of ``size1``.

    It is the path of the complete subtree that ends the smaller tree, with that subtree's root
    in front, unless it is the whole smaller tree. Of two equal sizes, the proof is empty.

    Raises:
        InvalidInputError: ``size1`` is 0 or larger than ``size2``.
    """
    if not 0 < size1 <= size2:
        raise InvalidInputError(f"There is no proof from {size1} to {size2} leaves")
    if size1 == size2:
        return []
    lowest = (size1 & -size1).bit_length() - 1
    steps = list(climb(size1 - 1, size2, read_hashes, lowest))
    path = [step.sibling for step in steps if step.sibling is not None]
    return path if size1 == 1 << lowest else [steps[0].node, *path]
