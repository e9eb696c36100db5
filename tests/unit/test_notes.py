"""Keys and signed notes: what others published, and every rule of C2SP signed-note."""

import pickle
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest

from doubles import SeededRandomness
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint, verifier_key_of
from lineage.proofs.signing import (
    SigningKey,
    format_signing_key,
    new_signing_key,
    parse_signing_key,
    verify_signature,
)
from lineage.proofs.verifying import (
    Checkpoint,
    VerifierKey,
    format_verifier_key,
    key_id_of,
    open_checkpoint,
    parse_verifier_key,
)
from lineage_schemas.errors import InvalidInputError, ProofError

# Published in the tests of Go's note package (golang.org/x/mod/sumdb/note).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER_TEXT = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
)
PETER_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
ENOCH_SIGNATURE = (
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ="
)
# A key of another length, and one of another algorithm, each with the id that belongs to it.
LONG_KEY = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="
OTHER_ALGORITHM = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

# The example of C2SP tlog-checkpoint, whose key is not published.
SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
    "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()

LOG = "example.org/ledger"
KEY = SigningKey(LOG, bytes(range(32)))
NEXT_KEY = SigningKey(LOG, bytes(range(1, 33)))
WITNESS = SigningKey("witness.example", bytes(range(2, 34)))
VKEY, NEXT_VKEY, WITNESS_VKEY = (verifier_key_of(key) for key in (KEY, NEXT_KEY, WITNESS))
CHECKPOINT = Checkpoint(LOG, 4_711, sha256(b"root").digest())


def substrings(text: str) -> list[str]:
    return [
        text[start:end]
        for start in range(len(text))
        for end in range(start, len(text) + 1)
        if text[start:end] != text
    ]


def mangled(text: str) -> list[str]:
    """Change one character to its neighbours, drop it, double it; add white space around."""
    changed = [f"{text}\n", f" {text}", f"{text}=", f"{text} ", text.upper(), text.lower()]
    for at, mark in enumerate(text):
        before, after = text[:at], text[at + 1 :]
        others = {chr(ord(mark) + 1), chr(ord(mark) - 1), "", mark * 2, mark.swapcase()} - {mark}
        changed += [f"{before}{other}{after}" for other in others]
    return changed


def line(key: SigningKey, text: bytes) -> bytes:
    """Write a signature line by its definition."""
    key_id = sha256(key.name.encode() + b"\n\x01" + key.public).digest()[:4]
    return f"\u2014 {key.name} ".encode() + b64encode(key_id + key.sign(text)) + b"\n"


def signed(text: bytes, *keys: SigningKey) -> bytes:
    return text + b"\n" + b"".join(line(key, text) for key in keys)


TEXT = b"%s\n4711\n%s\n" % (LOG.encode(), b64encode(CHECKPOINT.root))


# --- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [PETER, ENOCH])
def test_a_published_key_is_read_and_written(text: str) -> None:
    key = parse_verifier_key(text)
    name, key_id, body = text.split("+", 2)
    assert key == VerifierKey(name, bytes.fromhex(key_id), b64decode(body)[1:])
    assert key_id_of(key.name, key.public).hex() == key_id
    assert format_verifier_key(key) == text


def test_nothing_but_the_whole_key_is_a_key() -> None:
    for text in [*substrings(PETER), *mangled(PETER), LONG_KEY, OTHER_ALGORITHM]:
        with pytest.raises(InvalidInputError):
            parse_verifier_key(text)


def named(name: str) -> str:
    """Write a verifier key of any name, with the id that belongs to it."""
    public = KEY.public
    key_id = sha256(name.encode(errors="surrogatepass") + b"\n\x01" + public).hexdigest()[:8]
    return f"{name}+{key_id}+{b64encode(bytes([1]) + public).decode()}"


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a\u00a0b", "a\u2003b", "a\nb", "a\x1b[31m", "a\x9b1m", "\ud800", "a\tb"],
)
def test_a_name_that_no_signature_line_can_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_verifier_key(named(name))
    assert str(refused.value).isprintable()
    with pytest.raises(InvalidInputError):
        SigningKey(name, bytes(32))
    with pytest.raises(InvalidInputError):
        SigningKey(f"{name}+", bytes(32))


def test_names_may_be_of_any_script() -> None:
    name = "b\u00fccher.example/\u8a18\u9332"
    key = SigningKey(name, bytes(32))
    assert parse_verifier_key(named(name)).name == name
    assert parse_signing_key(format_signing_key(key)).public == key.public


def test_two_different_keys_under_one_name_and_id_are_refused() -> None:
    twin = VKEY._replace(public=NEXT_KEY.public)
    note = sign_checkpoint(CHECKPOINT, KEY)
    assert open_checkpoint(note, [VKEY, VKEY]).key == VKEY
    with pytest.raises(InvalidInputError, match="Two different keys"):
        open_checkpoint(note, [VKEY, twin])


def test_a_published_secret_key_is_read_and_signs_as_published() -> None:
    key = parse_signing_key(PETER_SECRET)
    assert format_signing_key(key) == PETER_SECRET
    assert format_verifier_key(verifier_key_of(key)) == PETER
    key_id, signature = b64decode(PETER_SIGNATURE)[:4], b64decode(PETER_SIGNATURE)[4:]
    assert verifier_key_of(key).key_id == key_id
    assert key.sign(PETER_TEXT) == signature


@pytest.mark.parametrize(
    ("text", "signature"), [(PETER, PETER_SIGNATURE), (ENOCH, ENOCH_SIGNATURE)]
)
def test_a_published_signature_is_verified(text: str, signature: str) -> None:
    public = parse_verifier_key(text).public
    body = b64decode(signature)[4:]
    assert verify_signature(public, PETER_TEXT, body)
    assert not verify_signature(public, PETER_TEXT + b"\n", body)
    assert not verify_signature(public, PETER_TEXT, body[:-1])
    assert not verify_signature(public, PETER_TEXT, b"")
    assert not verify_signature(public[:-1], PETER_TEXT, body)
    for bit in range(8 * len(body)):
        flipped = (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(len(body), "big")
        assert not verify_signature(public, PETER_TEXT, flipped)


def test_nothing_but_the_whole_secret_key_is_one_and_no_message_repeats_it() -> None:
    for text in [*substrings(PETER_SECRET), *mangled(PETER_SECRET), PETER]:
        with pytest.raises(InvalidInputError) as refused:
            parse_signing_key(text)
        assert "AYEK" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_new_key_is_made_of_the_randomness_that_was_given() -> None:
    drawn: list[int] = []
    source = SeededRandomness()

    def randomness(count: int) -> bytes:
        drawn.append(count)
        return source(count)

    key = new_signing_key(LOG, randomness)
    assert drawn == [32]
    assert key.secret_seed() == SeededRandomness()(32)
    assert key.public == SigningKey(LOG, SeededRandomness()(32)).public
    assert parse_signing_key(format_signing_key(key)).public == key.public


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        SigningKey(LOG, bytes(length))


def test_a_key_does_not_show_its_secret() -> None:
    shown = f"{KEY!r} {KEY} {[KEY]} {KEY.name}"
    assert b64encode(KEY.secret_seed()).decode()[:8] not in shown
    assert KEY.secret_seed().hex()[:8] not in shown
    assert LOG in repr(KEY)
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(KEY)


# --- checkpoints ---------------------------------------------------------------------------------


def test_a_signed_checkpoint_is_the_note_that_the_specification_describes() -> None:
    note = sign_checkpoint(CHECKPOINT, KEY, NEXT_KEY)
    assert note == signed(TEXT, KEY, NEXT_KEY)
    assert sign_checkpoint(CHECKPOINT, KEY) == sign_checkpoint(CHECKPOINT, KEY)
    assert open_checkpoint(note, [VKEY]) == (CHECKPOINT, VKEY, note)
    assert read_checkpoint(note) == CHECKPOINT


def test_the_example_of_the_specification_is_read() -> None:
    root = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert read_checkpoint(SOFA) == Checkpoint("example.com/behind-the-sofa", 20_852_163, root)
    with pytest.raises(ProofError, match=r"No key of the log .*behind-the-sofa"):
        open_checkpoint(SOFA, [VKEY])


def test_any_key_that_the_log_has_had_opens_what_it_signed() -> None:
    old, both = signed(TEXT, KEY), signed(TEXT, NEXT_KEY, KEY)
    assert open_checkpoint(old, [NEXT_VKEY, VKEY]).key == VKEY
    assert open_checkpoint(both, [VKEY]).key == VKEY
    assert open_checkpoint(both, [VKEY, NEXT_VKEY]).key == NEXT_VKEY
    with pytest.raises(ProofError, match="Another key of that log"):
        open_checkpoint(old, [NEXT_VKEY])


def test_signatures_of_unknown_keys_are_ignored() -> None:
    rubbish = "\u2014 somebody.example ABCDEFGH\n".encode()
    # The same name with another id, and the same id with another name, are other keys.
    renamed = line(KEY, TEXT).replace(LOG.encode(), b"example.org/other")
    other_id = line(NEXT_KEY, b"something else\n")
    note = signed(TEXT, WITNESS) + rubbish + renamed + other_id + line(KEY, TEXT)
    assert open_checkpoint(note, [VKEY]).key == VKEY
    with pytest.raises(ProofError, match="signed this checkpoint"):
        open_checkpoint(signed(TEXT, WITNESS) + rubbish + renamed + other_id, [VKEY])


def test_a_known_keys_failing_signature_rejects_the_note() -> None:
    wrong = line(WITNESS, b"something else\n")
    with pytest.raises(
        ProofError, match=r"witness.example.*is not of this checkpoint.*lines 1 to 6"
    ):
        open_checkpoint(signed(TEXT, KEY) + wrong, [VKEY, WITNESS_VKEY])
    assert open_checkpoint(signed(TEXT, KEY) + wrong, [VKEY]).key == VKEY


def test_a_key_of_another_log_is_not_believed() -> None:
    with pytest.raises(ProofError, match="No key of the log"):
        open_checkpoint(signed(TEXT, WITNESS), [WITNESS_VKEY])
    with pytest.raises(ProofError, match="No key that was given for"):
        open_checkpoint(signed(TEXT, WITNESS), [WITNESS_VKEY, VKEY])
    with pytest.raises(ProofError, match="Given: none"):
        open_checkpoint(signed(TEXT, KEY), [])
    with pytest.raises(InvalidInputError, match="No signing key is named"):
        sign_checkpoint(CHECKPOINT, WITNESS)
    with pytest.raises(InvalidInputError):
        sign_checkpoint(CHECKPOINT)


def test_extension_lines_are_signed_and_passed_over() -> None:
    text = TEXT + "extension 1\nausw\u00e4rts\n".encode()
    assert open_checkpoint(signed(text, KEY), [VKEY]).checkpoint == CHECKPOINT
    with pytest.raises(ProofError, match="not of this checkpoint"):
        open_checkpoint(signed(text, KEY).replace(b"extension 1", b"extension 2"), [VKEY])


@pytest.mark.parametrize(("count", "fits"), [(16, True), (100, True), (101, False)])
def test_so_many_signatures_may_a_note_have(count: int, fits: bool) -> None:  # noqa: FBT001 - a parameter of the test
    others = b"".join(b"\xe2\x80\x94 w%d.example ABCDEFGH\n" % at for at in range(count - 1))
    note = signed(TEXT, KEY) + others
    if fits:
        assert open_checkpoint(note, [VKEY]).key == VKEY
    else:
        with pytest.raises(ProofError, match="SIGNATURES_MAX"):
            open_checkpoint(note, [VKEY])


def test_a_note_has_a_largest_size() -> None:
    def padded(size: int) -> bytes:
        text = TEXT + b"x" * (size - len(signed(TEXT, KEY)) - 1) + b"\n"
        return signed(text, KEY)

    assert len(padded(65_536)) == 65_536
    assert open_checkpoint(padded(65_536), [VKEY]).checkpoint == CHECKPOINT
    with pytest.raises(ProofError, match="NOTE_BYTES_MAX"):
        open_checkpoint(padded(65_537), [VKEY])


@pytest.mark.parametrize("size", ["0", "1", "9223372036854775807"])
def test_sizes_are_decimal(size: str) -> None:
    text = TEXT.replace(b"4711", size.encode())
    assert open_checkpoint(signed(text, KEY), [VKEY]).checkpoint.size == int(size)


@pytest.mark.parametrize(
    "size",
    [
        *("", "00", "04711", "+1", "-1", " 1", "1 ", "1_000", "1.0", "1e3", "0x10", "\u0661", "x"),
        *("9223372036854775808", "1" * 5_000),
    ],
)
def test_another_size_is_refused(size: str) -> None:
    with pytest.raises(ProofError, match="line"):
        open_checkpoint(signed(TEXT.replace(b"4711", size.encode()), KEY), [VKEY])


ROOT = b64encode(CHECKPOINT.root)


@pytest.mark.parametrize(
    "root",
    [
        *(b"", ROOT[:-1], ROOT + b"=", ROOT[:-4], ROOT + ROOT, ROOT.replace(b"=", b"")),
        *(b" " + ROOT, b"=" + ROOT, ROOT[:20] + b" " + ROOT[20:], b"/" * 43 + b"="),
        ROOT[:-2] + bytes([ROOT[-2] + 1]) + b"=",
        *(b64encode(bytes(31)), b64encode(bytes(33)), CHECKPOINT.root.hex().encode()),
    ],
)
def test_another_root_is_refused(root: bytes) -> None:
    with pytest.raises(ProofError, match="line"):
        open_checkpoint(signed(TEXT.replace(ROOT, root), KEY), [VKEY])


@pytest.mark.parametrize(
    ("what", "note"),
    [
        ("no signature", TEXT),
        ("no signature line", TEXT + b"\n"),
        ("nothing", b""),
        ("a newline", b"\n"),
        ("no end", signed(TEXT, KEY)[:-1]),
        ("too much end", signed(TEXT, KEY) + b"\n"),
        ("no text", signed(b"", KEY)),
        ("two lines", signed(TEXT[: TEXT.index(ROOT)], KEY)),
        ("an empty line in the text", signed(TEXT + b"\nmore\n", KEY)),
        ("no origin", signed(TEXT[len(LOG) :], KEY)),
        ("carriage returns", signed(TEXT, KEY).replace(b"\n", b"\r\n")),
        ("a control character", signed(TEXT + b"\x1b[31m\n", KEY)),
        ("a null", signed(TEXT + b"x\x00\n", KEY)),
        ("a tab", signed(TEXT + b"x\ty\n", KEY)),
        ("not UTF-8", signed(TEXT + b"\xff\n", KEY)),
        ("half a surrogate", signed(TEXT + b"\xed\xa0\x80\n", KEY)),
        ("an unexpected line", signed(TEXT, KEY) + b"Unexpected line.\n"),
        ("a hyphen", signed(TEXT, KEY).replace("\u2014".encode(), b"-")),
        ("no signature in the line", signed(TEXT, KEY) + "\u2014 name\n".encode()),
        ("no name in the line", signed(TEXT, KEY) + "\u2014  ABCDEFGH\n".encode()),
        ("a name with a space", signed(TEXT, KEY) + "\u2014 a b ABCDEFGH\n".encode()),
        ("a name with another space", signed(TEXT, KEY) + "\u2014 a\u2003b ABCDEFGH\n".encode()),
        ("a name with a plus", signed(TEXT, KEY) + "\u2014 a+b ABCDEFGH\n".encode()),
        ("only a key id", signed(TEXT, KEY) + "\u2014 a AAAAAA==\n".encode()),
        ("base64 of another spelling", signed(TEXT, KEY) + "\u2014 a ABCDEFH=\n".encode()),
    ],
)
def test_a_malformed_note_is_refused(what: str, note: bytes) -> None:
    for read in (read_checkpoint, opened):
        with pytest.raises(ProofError) as refused:
            read(note)
        assert "line" in refused.value.where, what
        assert str(refused.value).isprintable()


def opened(note: bytes) -> Checkpoint:
    return open_checkpoint(note, [VKEY]).checkpoint


@pytest.mark.parametrize("origin", ["ansi\x9b31m", "del\x7f", "bidi\u202e"])
def test_an_origin_that_could_fool_a_terminal_is_refused(origin: str) -> None:
    text = TEXT.replace(LOG.encode(), origin.encode())
    with pytest.raises(ProofError, match="not printable") as refused:
        read_checkpoint(signed(text, KEY))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one._replace(origin="two\nlines"),
        lambda one: one._replace(size=-1),
        lambda one: one._replace(size=2**63),
        lambda one: one._replace(root=b"short"),
    ],
)
def test_what_makes_no_checkpoint_is_not_signed(spoil: Callable[[Checkpoint], Checkpoint]) -> None:
    with pytest.raises((ProofError, InvalidInputError)):
        sign_checkpoint(spoil(CHECKPOINT), KEY)


def test_a_checkpoint_with_any_byte_changed_removed_or_added_is_refused() -> None:
    note = sign_checkpoint(CHECKPOINT, KEY)
    for at in range(len(note)):
        variants = [note[:at] + bytes([note[at] ^ 1 << bit]) + note[at + 1 :] for bit in range(8)]
        variants += [note[:at] + note[at + 1 :], note[:at] + b"\n" + note[at:]]
        variants += [note[:at] + b"A" + note[at:], note[:at] + b" " + note[at:]]
        for changed in variants:
            with pytest.raises(ProofError):
                open_checkpoint(changed, [VKEY])
