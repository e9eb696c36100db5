"""Proof files: what they prove, and that not one byte of them goes unchecked."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest

from lineage.proofs.checkpoints import sign_checkpoint, verifier_key_of
from lineage.proofs.inclusion import inclusion_proof
from lineage.proofs.proof_files import format_proof
from lineage.proofs.signing import SigningKey
from lineage.proofs.tree import leaf_hash, root_at
from lineage.proofs.verifying import (
    Checkpoint,
    ProvenEntry,
    VerifierKey,
    open_checkpoint,
    verify_proof,
    verify_proofs,
)
from lineage_schemas.codec import encode_envelope
from lineage_schemas.entry import SALT_BYTES, Batch, Commitments, Envelope, PayloadPart
from lineage_schemas.errors import InvalidInputError, ProofError
from lineage_schemas.records import Mode

LOG = "example.org/ledger"
KEY = SigningKey(LOG, bytes(range(32)))
NEXT_KEY = SigningKey(LOG, bytes(range(1, 33)))
OTHER_LOG = SigningKey("example.org/other", bytes(range(32)))
WITNESS = SigningKey("witness.example", bytes(range(2, 34)))
KEYS = [verifier_key_of(KEY)]
HEADER = b"c2sp.org/tlog-proof@v1\n"

Part = PayloadPart | None


def part(text: str) -> PayloadPart:
    return PayloadPart(sha256(text.encode()).digest()[:SALT_BYTES], text.encode())


def envelope(statement: str, facts: Part, personal: Part) -> bytes:
    """Write an envelope as the ledger does, as far as a proof needs to know."""
    commitments = {
        name: None if one is None else sha256(one.salt + one.body).hexdigest()
        for name, one in (("facts", facts), ("personal", personal))
    }
    fields = {"version": 2, "statement": statement, "commitments": commitments}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


class Log:
    """A small log and all that it can prove. Entry 0 says nothing personal."""

    def __init__(self, size: int = 3, *keys: SigningKey) -> None:
        self.facts = [part(f'{{"n":{at},"said":"\u00e9 \\"quoted\\""}}') for at in range(size)]
        self.personal = [part(f'{{"ada":{at}}}') if at else None for at in range(size)]
        self.envelopes = [
            envelope(f"run-{at}", self.facts[at], self.personal[at]) for at in range(size)
        ]
        self.leaves = [leaf_hash(one) for one in self.envelopes]
        self.size = size
        self.root = root_at(size, self.read)
        self.note = sign_checkpoint(Checkpoint(LOG, size, self.root), *(keys or (KEY,)))

    def read(self, level: int, first: int, count: int) -> list[bytes]:
        assert level == 0
        return self.leaves[first : first + count]

    def proof(self, at: int, *, facts: bool = True, personal: bool = False) -> bytes:
        return format_proof(
            at,
            inclusion_proof(at, self.size, self.read),
            self.note,
            envelope=self.envelopes[at],
            facts=self.facts[at] if facts else None,
            personal=self.personal[at] if personal else None,
        )


TWO = Log(6).proof(5, personal=True) + Log(6).proof(0)
"""Positions 5 (its path is two hashes) and 0 (three hashes) of six."""


# --- what holds ----------------------------------------------------------------------------------


def test_a_file_is_as_the_specification_describes() -> None:
    log = Log()
    lines = log.proof(1).split(b"\n")
    assert lines[:1] == [HEADER.strip()]
    extra = json.loads(b64decode(lines[1].removeprefix(b"extra ")))
    facts = log.facts[1]
    assert extra == {
        "envelope": log.envelopes[1].decode(),
        "facts": {"salt": facts.salt.hex(), "part": facts.body.decode()},
        "personal": None,
    }
    assert list(extra) == ["envelope", "facts", "personal"]
    assert lines[2] == b"index 1"
    assert lines[3:5] == [b64encode(log.leaves[0]), b64encode(log.leaves[2])]
    assert b"\n".join(lines[5:]) == b"\n" + log.note


def test_a_file_proves_what_it_shows() -> None:
    log = Log(6)
    last, first = verify_proofs(TWO, KEYS)
    assert (last.position, first.position) == (5, 0)
    assert last.checkpoint == first.checkpoint == open_checkpoint(log.note, KEYS)
    assert last.checkpoint.checkpoint == Checkpoint(LOG, 6, log.root)
    assert (last.envelope, first.envelope) == (log.envelopes[5], log.envelopes[0])
    assert (last.facts, first.facts) == (log.facts[5].body, log.facts[0].body)
    assert (last.personal, first.personal) == (b'{"ada":5}', None)


@pytest.mark.parametrize("size", range(1, 40))
def test_every_entry_of_every_small_log_can_be_proven(size: int) -> None:
    log = Log(size)
    body = b"".join(log.proof(at) for at in range(size))
    assert [one.position for one in verify_proofs(body, KEYS)] == list(range(size))
    assert [one.envelope for one in verify_proofs(body, KEYS)] == log.envelopes


def test_proofs_over_several_checkpoints_may_stand_in_one_file() -> None:
    body = Log(2).proof(1) + Log(5).proof(1) + Log(2).proof(0)
    sizes = [one.checkpoint.checkpoint.size for one in verify_proofs(body, KEYS)]
    assert sizes == [2, 5, 2]


def test_what_is_not_shown_is_told_from_what_was_never_there() -> None:
    log = Log()

    def shown(one: ProvenEntry) -> tuple[bool, bool, bool, bool]:
        there = one.facts is not None, one.personal is not None
        return (*there, one.facts_committed, one.personal_committed)

    withheld = verify_proof(log.proof(1, facts=False), KEYS)
    assert shown(withheld) == (False, False, True, True)
    assert shown(verify_proof(log.proof(1, personal=True), KEYS)) == (True, True, True, True)
    assert shown(verify_proof(log.proof(0, personal=True), KEYS)) == (True, False, True, False)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "plain",
            "\u00e9\u8a18\U0001f4a1",
            '"',
            "\\",
            '\\"',
            "\\\\",
            '"\\',
            "\\n",
            "\n\t\r\b\f",
        ),
        *("\x00\x01\x1f\x7f\x9b", "\u2028\ufeff", ',"facts":', ',"personal":null}', ',"part":"'),
        *('"},"personal":null}', '\\",\\"facts\\":', "\\u0041", '{"envelope":"x"}'),
    ],
)
def test_any_text_comes_through_unchanged(text: str) -> None:
    shown, hidden = part(text), part(text + "!")
    stored = envelope(text + ',"commitments":{"facts":null,"personal":null}}', shown, hidden)
    note = sign_checkpoint(Checkpoint(LOG, 1, leaf_hash(stored)), KEY)
    for personal in (hidden, None):
        body = format_proof(0, [], note, envelope=stored, facts=shown, personal=personal)
        proven = verify_proof(body, KEYS)
        assert (proven.envelope, proven.facts) == (stored, text.encode())
        assert proven.personal == (personal and personal.body)
        assert (proven.facts_committed, proven.personal_committed) == (True, True)


def test_an_envelope_of_the_ledger_is_one_to_the_verifier() -> None:
    """Its commitments are its last field, which the verifier relies on."""
    facts = part("facts")
    digest = sha256(facts.salt + facts.body).hexdigest()
    for promised in (Commitments(digest, digest), Commitments(digest, None)):
        stored = encode_envelope(
            Envelope(
                version=2,
                statement='tricky,"commitments":{"facts":null,"personal":null}}',
                source="test",
                namespace="default",
                actor="actor:1",
                mode=Mode.OBSERVATION,
                batch=Batch(0, 1),
                recorded_us=0,
                stated=None,
                message=None,
                mapping=None,
                structure=(),
                commitments=promised,
            )
        )
        note = sign_checkpoint(Checkpoint(LOG, 1, leaf_hash(stored)), KEY)
        body = format_proof(0, [], note, envelope=stored, facts=facts, personal=None)
        proven = verify_proof(body, KEYS)
        assert (proven.envelope, proven.facts) == (stored, b"facts")
        assert proven.facts_committed
        assert proven.personal_committed is (promised.personal is not None)


def test_bytes_that_are_no_text_have_no_proof_file() -> None:
    with pytest.raises(InvalidInputError, match="position 0"):
        format_proof(0, [], b"", envelope=b"\xff", facts=None, personal=None)


# --- no byte goes unchecked ----------------------------------------------------------------------


def variants(body: bytes, at: int) -> Iterator[tuple[bytes, bool]]:
    """Yield the file with one byte changed, removed, inserted; and whether a line end changed."""
    old = body[at : at + 1]
    new = {bytes([body[at] ^ 1 << bit]) for bit in range(8)} | {b"\n", b"A", b"=", b" "}
    for one in sorted(new - {old}):
        yield body[:at] + one + body[at + 1 :], b"\n" in (old, one)
    yield body[:at] + body[at + 1 :], old == b"\n"
    for one in (b"\n", b"A", b"0", b"=", b" ", b"\r", b"\x00", old):
        yield body[:at] + one + body[at:], b"\n" in (old, one)


def named_lines(error: ProofError) -> range:
    place = re.fullmatch(r"proof \d+, lines? (\d+)(?: to (\d+))?", error.where)
    assert place, error.where
    first = int(place[1])
    return range(first, int(place[2] or first) + 1)


@pytest.mark.parametrize("start", range(0, len(TWO), 100))
def test_a_file_with_any_byte_changed_is_refused_and_the_line_is_named(start: int) -> None:
    for at in range(start, min(start + 100, len(TWO))):
        line = 1 + TWO.count(b"\n", 0, at)
        for changed, line_end in variants(TWO, at):
            with pytest.raises(ProofError) as refused:
                verify_proofs(changed, KEYS)
            lines = named_lines(refused.value)
            # Of two line ends in a row, nobody can say which is new: the change is in two lines.
            near = range(lines[0] - 2 * line_end, lines[-1] + line_end + 1)
            assert line in near, (changed, refused.value)
            assert str(refused.value).isprintable()


def test_a_byte_at_the_end_is_refused() -> None:
    for more in (b"\n", b"x", b" ", b"\x00", TWO[:1], HEADER):
        with pytest.raises(ProofError):
            verify_proofs(TWO + more, KEYS)


def test_a_file_that_was_cut_is_refused_unless_a_whole_proof_is_left() -> None:
    whole = len(Log(6).proof(5, personal=True))
    assert len(verify_proofs(TWO[:whole], KEYS)) == 1
    for end in set(range(len(TWO))) - {whole}:
        with pytest.raises(ProofError, match="line"):
            verify_proofs(TWO[:end], KEYS)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, len(TWO), 100))
def test_every_other_byte_at_every_place_is_refused(start: int) -> None:
    for at in range(start, min(start + 100, len(TWO))):
        for one in range(256):
            before, byte = TWO[:at], bytes([one])
            with pytest.raises(ProofError):
                verify_proofs(before + byte + TWO[at:], KEYS)
            if TWO[at] != one:
                with pytest.raises(ProofError):
                    verify_proofs(before + byte + TWO[at + 1 :], KEYS)


def test_the_place_is_counted_over_the_whole_file() -> None:
    body = Log().proof(2) + Log().proof(0)
    lines = body.split(b"\n")
    # The second proof begins in line 11: header, extra, index, two hashes, then the checkpoint.
    assert lines[9:11] == [lines[9], HEADER.strip()]
    assert lines[12] == b"index 0"
    for number, line, where in (
        (13, b"index 00", "proof 2, line 13"),
        (13, b"index 1", "proof 2, lines 12 to 15"),
        (14, lines[14], "proof 2, lines 12 to 15"),
        (3, b"index 9", "proof 1, lines 2 to 4"),
        (18, b"4", "proof 2, lines 17 to 21"),
    ):
        changed = b"\n".join([*lines[: number - 1], line, *lines[number:]])
        with pytest.raises(ProofError) as refused:
            verify_proofs(changed, KEYS)
        assert refused.value.where == where


# --- what is well formed, and still does not hold ------------------------------------------------


def forged(**changes: str) -> bytes:
    """Return a proof of entry 1 with another ``extra``: the JSON text with pieces replaced."""
    lines = Log().proof(1, personal=True).split(b"\n")
    text = b64decode(lines[1].removeprefix(b"extra ")).decode()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    lines[1] = b"extra " + b64encode(text.encode(errors="surrogatepass"))
    return b"\n".join(lines)


def test_an_untouched_forgery_holds() -> None:
    assert verify_proof(forged(), KEYS).position == 1


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("run-1", "run-2", "does not lead from this entry"),
        ('{"envelope"', '{ "envelope"', "canonical"),
        ('"facts":{"salt"', '"facts":null,"facts":{"salt"', "canonical"),
        ('"personal":{', '"more":1,"personal":{', "canonical"),
        ("\u00e9", "\\u00e9", "canonical"),
        ("\u00e9", "\\ud800", "canonical"),
        ("\u00e9", "\ud800", "canonical"),
        ("\u00e9", "e", "facts part does not open"),
        ('{\\"ada\\":1}', '{\\"ada\\":2}', "personal part does not open"),
        ('{"envelope":"', '{"envelope":5,"x":"', "canonical"),
        ('{"envelope":"', '{"envelope":["', "canonical"),
        ('"salt":"', '"salt":"00', "canonical"),
        ('"salt":"', '"salt": "', "canonical"),
    ],
)
def test_a_forged_entry_is_refused(old: str, new: str, what: str) -> None:
    with pytest.raises(ProofError, match=what):
        verify_proof(forged(**{old: new}), KEYS)


def test_a_salt_cannot_take_bytes_over_from_its_part() -> None:
    """SHA-256(salt || part) is the same wherever one says that the salt ends."""
    log = Log()
    salt, body = log.facts[1].salt, log.facts[1].body
    for moved in (1, 5):
        for cut in (
            PayloadPart(salt + body[:moved], body[moved:]),
            PayloadPart(salt[:-moved], salt[-moved:] + body),
        ):
            try:
                log.facts[1] = cut
                forgery = log.proof(1)
            except (InvalidInputError, UnicodeDecodeError):
                continue
            with pytest.raises(ProofError, match="canonical"):
                verify_proof(forgery, KEYS)


def test_a_salt_in_capitals_is_refused() -> None:
    salt = Log().facts[1].salt.hex()
    assert salt != salt.upper()
    with pytest.raises(ProofError, match="canonical"):
        verify_proof(forged(**{salt: salt.upper()}), KEYS)


@pytest.mark.parametrize(
    "stored",
    [
        *(b"", b"{}", b"null", b"[" * 10_000, b'{"v":1,"commitments":{}}'),
        *(b'{"v":1,"commitments":null,"personal":null}}', b'{"v":1,"commitments":{"facts":null}}'),
        b'{"v":1,"commitments":{"facts":null,"personal":null},"more":1}',
        b'{"v":1,"commitments":{"facts":null,"personal":null,"more":null}}',
        b'{"v":1,"commitments":{"facts":null,"personal":"5f5b716d"}}',
        b'{"v":1,"commitments":{"facts": null,"personal":null}}',
    ],
)
def test_an_entry_that_is_no_envelope_is_refused(stored: bytes) -> None:
    note = sign_checkpoint(Checkpoint(LOG, 1, leaf_hash(stored)), KEY)
    body = format_proof(0, [], note, envelope=stored, facts=None, personal=None)
    with pytest.raises(ProofError, match=r"no envelope.*line 2"):
        verify_proofs(body, KEYS)


def test_a_part_that_the_envelope_does_not_commit_to_is_refused() -> None:
    log = Log()
    log.personal[0] = part("made up")
    with pytest.raises(ProofError, match="personal part does not open"):
        verify_proof(log.proof(0, personal=True), KEYS)


def test_parts_cannot_be_swapped() -> None:
    log = Log()
    log.facts[1], log.personal[1] = log.personal[1] or log.facts[1], log.facts[1]
    with pytest.raises(ProofError, match="facts part does not open"):
        verify_proof(log.proof(1), KEYS)


def test_the_path_of_another_entry_is_refused() -> None:
    log = Log(7)
    path = inclusion_proof(3, 7, log.read)
    for hashes in (path[:-1], [*path, path[0]], [path[1], path[0], *path[2:]], [], path * 30):
        body = format_proof(
            *(3, hashes, log.note), envelope=log.envelopes[3], facts=None, personal=None
        )
        with pytest.raises(ProofError, match=r"path.*lines 2 to"):
            verify_proofs(body, KEYS)


def test_nothing_is_no_proof() -> None:
    for body in (b"", b"\n", HEADER, HEADER + b"\n", HEADER * 2, Log().note, HEADER + Log().note):
        with pytest.raises(ProofError, match="proof 1, line"):
            verify_proofs(body, KEYS)


def test_one_proof_means_one() -> None:
    assert verify_proof(Log().proof(0), KEYS).position == 0
    with pytest.raises(ProofError, match="2 proofs"):
        verify_proof(TWO, KEYS)


def test_a_file_without_its_entry_is_refused() -> None:
    lines = Log().proof(0).split(b"\n")
    with pytest.raises(ProofError, match=r"`extra`.*line 2"):
        verify_proofs(b"\n".join(lines[:1] + lines[2:]), KEYS)


# --- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ([], "No key of the log 'example.org/ledger' was given"),
        ([verifier_key_of(OTHER_LOG)], "No key of the log 'example.org/ledger' was given"),
        ([verifier_key_of(NEXT_KEY)], "a key that was not given: 'example.org/ledger'"),
    ],
)
def test_another_key_opens_nothing(keys: list[VerifierKey], what: str) -> None:
    with pytest.raises(ProofError, match=what):
        verify_proofs(Log().proof(0), keys)


def test_a_signature_that_nobody_checks_is_refused_unless_it_is_allowed() -> None:
    for signers in ((KEY, WITNESS), (WITNESS, KEY), (KEY, NEXT_KEY)):
        body = Log(3, *signers).proof(0)
        with pytest.raises(ProofError, match=r"not given: '(witness|example).*line"):
            verify_proofs(body, KEYS)
        proven = verify_proofs(body, KEYS, allow_unknown_signatures=True)
        assert proven[0].checkpoint.key == KEYS[0]
        everyone = [verifier_key_of(key) for key in signers]
        assert verify_proofs(body, everyone)[0].checkpoint.key.name == LOG


def test_a_key_that_signs_twice_is_refused() -> None:
    body = Log(3, KEY, KEY).proof(0)
    with pytest.raises(ProofError, match=r"signed twice.*line 12"):
        verify_proofs(body, KEYS)


def test_a_signature_of_another_checkpoint_is_refused() -> None:
    body = Log(3).proof(0).replace(Log(3).note.split(b"\n")[-2], Log(4).note.split(b"\n")[-2])
    with pytest.raises(ProofError, match=r"is not of this checkpoint.*lines 7 to 11"):
        verify_proofs(body, KEYS)
