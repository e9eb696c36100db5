"""The program of docs/export-format.md, which knows nothing of ours, agrees with our verifier."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import json

import tree
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.verifying import format_verifier_key, parse_verifier_key
from lineage_schemas.errors import ProofError
from moving import another_key, live, memory_ledger, read, resealed


@pytest.fixture(scope="module")
def exported() -> tuple[bytes, str]:
    """Return an export and the present verifier key."""
    kept = memory_ledger()
    live(kept.ledger)
    return kept.export(), kept.ledger.custody.keys()[-1].verifier


def by_hand(folder: Path, body: bytes, key: str) -> tuple[int, str]:
    (block,) = re.findall(
        r"```python\n(.*?)```", tree.text("docs/export-format.md") or "", re.DOTALL
    )
    (folder / "check.py").write_text(block)
    (folder / "export").write_bytes(body)
    done = subprocess.run(
        [sys.executable, "check.py", "export", key],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_good_one_holds_by_hand_too(exported: tuple[bytes, str], tmp_path: Path) -> None:
    body, key = exported
    size = read(body, parse_verifier_key(key)).size
    code, printed = by_hand(tmp_path, body, key)
    assert (code, printed) == (0, f"signed: example.org/moving, {size} of {size} entries\n")


def test_what_we_refuse_is_refused_by_hand(exported: tuple[bytes, str], tmp_path: Path) -> None:
    body, key = exported
    lines = body.splitlines(keepends=True)
    with_personal = next(at for at, line in enumerate(lines) if b"train 0" in line)
    fields = json.decode(lines[with_personal])
    del fields["personal"]
    stolen = [*lines[:with_personal], json.encode(fields) + b"\n", *lines[with_personal + 1 :]]
    for changed, what in (
        (body.replace(b"lineage-ledger/", b"lineage-lodger/", 1), "the digest of the lines"),
        (resealed([*lines[:5], *lines[6:]]), "the order at 4"),
        (body[: body.rindex(b"\n", 0, -1) + 1], "the digest of the lines"),
        (resealed([one.replace(b"train 0", b"train 9") for one in lines]), "the facts part at"),
        (resealed([one.replace(b'\\"ci\\"', b'\\"me\\"') for one in lines]), "the leaf at"),
        (resealed(stolen), "no entry says were erased"),
        (
            resealed([lines[0].replace(b'root":"', b'root":"0', 1), *lines[1:]]),
            "the root",
        ),
    ):
        code, printed = by_hand(tmp_path, changed, key)
        assert code == 1, what
        assert what in printed or "Error" in printed, printed
        with pytest.raises(ProofError):
            read(changed)


@pytest.mark.parametrize("name", ["example.org/moving", "example.org/other"])
def test_another_key_is_refused_by_hand(
    exported: tuple[bytes, str], tmp_path: Path, name: str
) -> None:
    key = verifier_key_of(another_key(name))
    code, printed = by_hand(tmp_path, exported[0], format_verifier_key(key))
    assert code == 1
    assert "does not hold" in printed
    with pytest.raises(ProofError):
        read(exported[0], key)
