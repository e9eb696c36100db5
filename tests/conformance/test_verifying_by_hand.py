"""The procedure of docs/verifying.md, with OpenSSL and sha256sum, agrees with our own verifier."""

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

import tree
from lineage.proofs.checkpoints import sign_checkpoint, verifier_key_of
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.proofs.signing import SigningKey
from lineage.proofs.tree import leaf_hash, root_at
from lineage.proofs.verifying import Checkpoint, format_verifier_key, verify_proof
from lineage_schemas.entry import PayloadPart
from lineage_schemas.errors import ProofError

TOOLS = ("bash", "awk", "base64", "jq", "openssl", "sha256sum", "xxd")
KEY = SigningKey("example.org/ledger", bytes(range(32)))
VKEY = verifier_key_of(KEY)
FACTS = PayloadPart(b"0123456789abcdef", '{"said":"\u00e9 \\"quoted\\" \\\\"}'.encode())
PERSONAL = PayloadPart(b"fedcba9876543210", b'{"name":"Ada"}')


def envelope(at: int) -> bytes:
    facts, personal = (sha256(one.salt + one.body).hexdigest() for one in (FACTS, PERSONAL))
    ends = f'"facts":"{facts}","personal":' + (f'"{personal}"' if at % 2 else "null")
    return f'{{"version":2,"statement":"run-{at}","commitments":{{{ends}}}}}'.encode()


def proof(at: int, size: int, *, facts: bool = True) -> bytes:
    leaves = [leaf_hash(envelope(one)) for one in range(size)]

    def read(level: int, first: int, count: int) -> list[bytes]:
        assert level == 0
        return leaves[first : first + count]

    return format_proof(
        at,
        inclusion_proof(at, size, read),
        sign_checkpoint(Checkpoint(KEY.name, size, root_at(size, read)), KEY),
        envelope=envelope(at),
        facts=FACTS if facts else None,
        personal=PERSONAL if at % 2 else None,
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not on this machine")
    (block,) = re.findall(r"```bash\n(.*?)```", tree.text("docs/verifying.md") or "", re.DOTALL)
    path = tmp_path / "verify.sh"
    path.write_text(block)
    return path


def by_hand(script: Path, body: bytes, key: str = format_verifier_key(VKEY)) -> tuple[int, str]:
    (script.parent / "file").write_bytes(body)
    done = subprocess.run(
        ["bash", script.name, "file", key],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("at", "size"), [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5), (4, 7), (6, 7), (3, 8), (12, 13)]
)
def test_a_proof_holds_by_hand_too(at: int, size: int, script: Path) -> None:
    body = proof(at, size)
    assert verify_proof(body, [VKEY]).position == at
    code, printed = by_hand(script, body)
    assert code == 0, printed
    assert printed.splitlines() == [
        f"signed: example.org/ledger, {size} entries",
        f"in the log: position {at}",
        'facts: {"said":"\u00e9 \\"quoted\\" \\\\"}',
        'personal: {"name":"Ada"}' if at % 2 else "personal: there is none",
    ]


def test_a_part_that_is_not_shown_is_named(script: Path) -> None:
    code, printed = by_hand(script, proof(1, 3, facts=False))
    assert code == 0
    assert "facts: not shown" in printed.splitlines()


def test_what_we_refuse_is_refused_by_hand(script: Path) -> None:
    body = proof(2, 7)
    other = proof(2, 6)
    lines, others = body.split(b"\n"), other.split(b"\n")
    for changed, what in (
        (body.replace(b"index 2", b"index 3"), "the path does not lead to the root"),
        (body.replace(b"index 2", b"index 7"), "the log has no such position"),
        (body.replace(b"\n7\n", b"\n8\n"), "the signature does not hold"),
        (b"\n".join([*lines[:3], *lines[4:]]), "the path is too short"),
        (b"\n".join([*lines[:3], lines[3], *lines[3:]]), "the path is too long"),
        (b"\n".join([*lines[:6], *others[6:]]), "the path does not lead to the root"),
        (body.replace(lines[1], proof(4, 7).split(b"\n")[1]), "the path does not lead"),
    ):
        code, printed = by_hand(script, changed)
        assert code == 1
        assert what in printed
        with pytest.raises(ProofError):
            verify_proof(changed, [VKEY])


def test_another_key_is_refused_by_hand(script: Path) -> None:
    for key, what in (
        (SigningKey(KEY.name, bytes(32)), "the signature does not hold"),
        (SigningKey("example.org/other", bytes(range(32))), "this is another log"),
    ):
        code, printed = by_hand(script, proof(2, 7), format_verifier_key(verifier_key_of(key)))
        assert code == 1
        assert what in printed
