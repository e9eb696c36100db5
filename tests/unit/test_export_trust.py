"""Whoever forges an export so that all of it fits is given away by the signature, or by nobody."""

from hashlib import sha256

import pytest
from msgspec import json

from erasing import OWNED, A, asked, said
from lineage.moving.checking import LogCheck
from lineage.moving.lines import decode_entry_line
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint, verifier_key_of
from lineage.proofs.tree import CompactRange, leaf_hash
from lineage.proofs.verifying import Checkpoint, parse_verifier_key
from lineage_schemas.errors import CorruptLogError, NewerStoreError, ProofError
from moving import Kept, another_key, live, memory_ledger, read, resealed


@pytest.fixture(scope="module")
def kept() -> Kept:
    kept = memory_ledger()
    live(kept.ledger)
    return kept


@pytest.fixture(scope="module")
def lines(kept: Kept) -> list[bytes]:
    return kept.export().splitlines(keepends=True)


def line_with(lines: list[bytes], mark: bytes) -> int:
    return next(at for at, line in enumerate(lines[1:], 1) if mark in line)


def changed(line: bytes, **fields: object) -> bytes:
    return json.encode(json.decode(line) | fields) + b"\n"


def forged(lines: list[bytes]) -> list[bytes]:
    """Return the lines with the root and the leaves that they really have."""
    tree = CompactRange()
    made = list(lines)
    for at, line in enumerate(lines[1:-1], 1):
        fields = json.decode(line)
        leaf = leaf_hash(fields["envelope"].encode())
        tree.append(leaf)
        made[at] = changed(line, leaf=leaf.hex())
    made[0] = changed(lines[0], root=tree.root().hex())
    made[-1] = changed(lines[-1], root=tree.root().hex())
    return made


def test_what_is_said_of_a_good_one(kept: Kept, lines: list[bytes]) -> None:
    verdict = read(b"".join(lines))
    head = kept.ledger.head()
    assert (verdict.origin, verdict.size, verdict.root) == (
        kept.ledger.origin,
        head.size,
        head.root.hex(),
    )
    assert verdict.signed_size == head.size
    assert verdict.signers == (kept.ledger.custody.keys()[-1].verifier,)
    assert (verdict.final, verdict.by_given_keys) == (False, False)


def test_the_present_key_may_be_given_and_the_first_one_vouches_for_it(
    kept: Kept, lines: list[bytes]
) -> None:
    body = b"".join(lines)
    named = kept.ledger.custody.keys()
    keys = [parse_verifier_key(one.verifier) for one in named]
    assert len(keys) == 2
    for key in keys:
        verdict = read(body, key)
        assert verdict.by_given_keys
        assert verdict.signers == (str_of(kept),)


def str_of(kept: Kept) -> str:
    return kept.ledger.custody.keys()[-1].verifier


@pytest.mark.parametrize("name", ["example.org/moving", "example.org/other"])
def test_a_key_that_did_not_sign_it_refuses_it(lines: list[bytes], name: str) -> None:
    with pytest.raises(ProofError, match="checkpoint"):
        read(b"".join(lines), verifier_key_of(another_key(name)))


def test_a_first_key_vouches_for_nobody_without_its_handover(
    kept: Kept, lines: list[bytes]
) -> None:
    """Another note in the place of the handover: signed by a key that nobody trusts."""
    at = line_with(lines, b"key_handover")
    fields = json.decode(lines[at])
    facts = json.decode(fields["facts"]["text"])
    note = facts["records"][0]["checkpoint"].encode()
    facts["records"][0]["checkpoint"] = sign_checkpoint(
        read_checkpoint(note), another_key()
    ).decode()
    body = json.encode(facts).decode()
    check = LogCheck(None)
    for number, line in enumerate(lines[1:-1], 1):
        stored = decode_entry_line(line, number + 1)
        if number == at:
            salt = fields["facts"]["salt"]
            promised = sha256(bytes.fromhex(salt) + body.encode()).hexdigest()
            envelope = json.decode(fields["envelope"])
            envelope["commitments"]["facts"] = promised
            text = json.encode(envelope)
            line = changed(  # noqa: PLW2901 - the forged one
                line,
                envelope=text.decode(),
                leaf=leaf_hash(text).hex(),
                facts={"salt": salt, "text": body},
            )
            stored = decode_entry_line(line, number + 1)
        check.take(stored)
    first = parse_verifier_key(kept.ledger.custody.keys()[0].verifier)
    assert check._vouched([first]) == [first]


def test_another_history_that_fits_is_given_away_by_the_signature(lines: list[bytes]) -> None:
    at = line_with(lines, b'\\"source\\":\\"ci\\"')
    made = list(lines)
    made[at] = made[at].replace(b'\\"source\\":\\"ci\\"', b'\\"source\\":\\"me\\"')
    with pytest.raises(ProofError, match="not of these entries") as caught:
        read(resealed(forged(made)))
    assert caught.value.where == "line 1"


def test_another_history_that_somebody_else_signed_is_given_away_by_the_log_s_keys(
    lines: list[bytes],
) -> None:
    at = line_with(lines, b'\\"source\\":\\"ci\\"')
    made = list(lines)
    made[at] = made[at].replace(b'\\"source\\":\\"ci\\"', b'\\"source\\":\\"me\\"')
    made = forged(made)
    header = json.decode(made[0])
    claim = Checkpoint(header["origin"], header["size"], bytes.fromhex(header["root"]))
    note = sign_checkpoint(claim, another_key()).decode()
    made[0] = changed(made[0], checkpoint=note)
    with pytest.raises(ProofError, match="checkpoint"):
        read(resealed(made))


def test_without_its_checkpoint_nobody_vouches_for_it_and_that_is_said(
    lines: list[bytes],
) -> None:
    body = resealed([changed(lines[0], checkpoint=None), *lines[1:]])
    verdict = read(body)
    assert (verdict.signed_size, verdict.signers) == (None, ())
    with pytest.raises(ProofError, match="no key vouches"):
        read(body, verifier_key_of(another_key()))


def test_keys_that_the_entries_do_not_introduce_are_found(lines: list[bytes]) -> None:
    header = json.decode(lines[0])
    header["keys"] = header["keys"][:1]
    with pytest.raises(ProofError, match="keys") as caught:
        read(resealed([json.encode(header) + b"\n", *lines[1:]]))
    assert caught.value.where == "line 1"


def test_one_that_only_calls_itself_final_must_at_least_be_signed_to_its_end(
    lines: list[bytes],
) -> None:
    body = resealed([changed(lines[0], final=True, checkpoint=None), *lines[1:]])
    with pytest.raises(ProofError, match="final"):
        read(body)


def test_a_part_that_was_taken_out_is_found(lines: list[bytes]) -> None:
    at = line_with(lines, b"train 0")
    fields = json.decode(lines[at])
    assert fields.pop("personal")
    made = [*lines[:at], json.encode(fields) + b"\n", *lines[at + 1 :]]
    with pytest.raises(ProofError, match="no entry says it was erased") as caught:
        read(resealed(made))
    assert caught.value.where == f"line {at + 1}"


def test_a_part_that_was_put_in_is_found(lines: list[bytes]) -> None:
    at = line_with(lines, b"train 1")
    fields = json.decode(lines[at])
    assert "personal" not in fields
    fields["personal"] = {"salt": "00" * 16, "text": '{"version":2,"values":[]}'}
    made = [*lines[:at], json.encode(fields) + b"\n", *lines[at + 1 :]]
    with pytest.raises(ProofError, match="personal part does not open") as caught:
        read(resealed(made))
    assert caught.value.where == f"line {at + 1}"


def test_a_part_that_is_there_again_after_its_erasure_is_found() -> None:
    kept = memory_ledger()
    kept.ledger.record([said("1", OWNED)])
    before = kept.export().splitlines(keepends=True)
    kept.ledger.erasures.erase(asked(A))
    lines = kept.export().splitlines(keepends=True)
    at = line_with(before, b"eve adams")
    assert b"eve adams" not in lines[at]
    with pytest.raises(ProofError, match="is there again") as caught:
        read(resealed([*lines[:at], before[at], *lines[at + 1 :]]))
    assert caught.value.where == f"line {at + 1}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"position":5,', b'{"position": 5,'),
        (b'"statement', b'"\\u0073tatement'),
        (b"}\n", b"} \n"),
        (b"}\n", b',"personal":null}\n'),
        (b'"position":5,', b'"position":5,"position":5,'),
        (b'"leaf":"', b'"leaf":"0'),
    ],
)
def test_a_line_is_written_in_one_way_only(lines: list[bytes], old: bytes, new: bytes) -> None:
    at = 6
    escaped = old.replace(b'"statement', b'\\"statement')
    found, put = (
        (escaped, new.replace(b'"\\u0073', b'\\"\\u0073')) if escaped != old else (old, new)
    )
    assert found in lines[at]
    made = [*lines[:at], lines[at].replace(found, put, 1), *lines[at + 1 :]]
    with pytest.raises(ProofError, match="damaged") as caught:
        read(resealed(made))
    assert caught.value.where == f"line {at + 1}"


@pytest.mark.parametrize("version", [2, 99])
def test_one_of_a_later_form_is_refused(lines: list[bytes], version: int) -> None:
    header = json.decode(lines[0])
    header = {"lineage_export": version, "new": [1], **header} | {"lineage_export": version}
    with pytest.raises(NewerStoreError):
        read(json.encode(header) + b"\n" + b"".join(lines[1:]))


@pytest.mark.parametrize("at", [0, 1, -1])
def test_a_line_that_is_nested_too_deeply_is_refused(lines: list[bytes], at: int) -> None:
    deep = b'"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
    made = list(lines)
    made[at] = made[at].removesuffix(b"}\n") + b"," + deep
    with pytest.raises(ProofError, match="damaged"):
        read(b"".join(made))


def test_a_log_that_does_not_hold_together_is_not_exported() -> None:
    kept = memory_ledger()
    live(kept.ledger)
    contents = kept.store._contents  # type: ignore[attr-defined]
    entry = contents.entries[6]
    contents.entries[6] = type(entry)(
        position=6, envelope=entry.envelope, leaf=b"\0" * 32, facts=entry.facts, personal=None
    )
    with pytest.raises(CorruptLogError, match="leaf"):
        kept.export()
