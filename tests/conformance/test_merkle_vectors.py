"""The proof vectors of transparency-dev/merkle: 98 of inclusion and 98 of consistency."""

import json
from base64 import b64decode
from pathlib import Path
from typing import TypedDict

import pytest

from lineage.proofs.verifying import verify_consistency, verify_inclusion
from lineage_schemas.errors import ProofError

pytestmark = pytest.mark.needs_data


class InclusionVector(TypedDict):
    leafIdx: int
    treeSize: int
    root: str
    leafHash: str
    proof: list[str] | None
    wantErr: bool


class ConsistencyVector(TypedDict):
    size1: int
    size2: int
    root1: str
    root2: str
    proof: list[str] | None
    wantErr: bool


def files(shared_data: Path, kind: str) -> list[Path]:
    found = sorted((shared_data / "merkle" / kind).rglob("*.json"))
    assert len(found) == 98
    return found


def hashes(proof: list[str] | None) -> list[bytes]:
    return [b64decode(one) for one in proof or ()]


def includes(vector: InclusionVector) -> bool:
    try:
        verify_inclusion(
            vector["leafIdx"],
            vector["treeSize"],
            b64decode(vector["leafHash"]),
            hashes(vector["proof"]),
            b64decode(vector["root"]),
        )
    except ProofError:
        return False
    return True


def is_consistent(vector: ConsistencyVector) -> bool:
    try:
        verify_consistency(
            vector["size1"],
            vector["size2"],
            b64decode(vector["root1"]),
            b64decode(vector["root2"]),
            hashes(vector["proof"]),
        )
    except ProofError:
        return False
    return True


def test_every_vector_of_inclusion_is_judged_as_it_says(shared_data: Path) -> None:
    judged = {True: 0, False: 0}
    for file in files(shared_data, "inclusion"):
        vector: InclusionVector = json.loads(file.read_text())
        assert includes(vector) is not vector["wantErr"], file
        judged[vector["wantErr"]] += 1
    assert judged[True] > 0
    assert judged[False] > 0


def test_every_vector_of_consistency_is_judged_as_it_says(shared_data: Path) -> None:
    judged = {True: 0, False: 0}
    for file in files(shared_data, "consistency"):
        vector: ConsistencyVector = json.loads(file.read_text())
        # Nothing is consistent with an empty tree, whatever a vector says of it.
        wanted = not vector["wantErr"] and vector["size1"] != 0
        assert is_consistent(vector) is wanted, file
        judged[vector["wantErr"]] += 1
    assert judged[True] > 0
    assert judged[False] > 0


def test_every_vector_from_an_empty_tree_is_refused(shared_data: Path) -> None:
    vectors: list[ConsistencyVector] = [
        json.loads(file.read_text()) for file in files(shared_data, "consistency")
    ]
    empty = [vector for vector in vectors if vector["size1"] == 0]
    assert len(empty) == 9
    assert not any(is_consistent(vector) for vector in empty)
