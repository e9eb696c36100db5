"""All that verifies a proof, to be read in one sitting: no files, no network, no clock.

The formats are C2SP's: signed notes (signed-note), checkpoints (tlog-checkpoint) and proof files
(tlog-proof), over the tree of RFC 6962, section 2.1. One idea runs through all of it: a text is
good only if what was read from it, written again, gives the same bytes. So base64 has no second
spelling, a number no leading zero, and no byte of a proof file goes unchecked.

A proof file holds, for each entry: the entry itself (its envelope, and the payload parts that
somebody chose to show, with the salts that open the envelope's commitments to them), its position,
the path of hashes up to the root, and the log's signed checkpoint with that root.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Final, NamedTuple

from lineage.proofs.signing import verify_signature
from lineage.proofs.tree import HASH_BYTES, leaf_hash, node_hash
from lineage_schemas.errors import InvalidInputError, ProofError

PROOF_HEADER: Final = b"c2sp.org/tlog-proof@v1"
NOTE_BYTES_MAX: Final = 65_536
SIGNATURES_MAX: Final = 100
SIZE_MAX: Final = 2**63 - 1
_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_SALT_BYTES: Final = 16
_EXTRA: Final = b"extra "
_INDEX: Final = b"index "
_DASH: Final = "\u2014 "
_NOTHING: Final = "null"
_COMMITMENT_LENGTHS: Final = {len(_NOTHING), 2 * HASH_BYTES + 2}
_QUOTED_MAX: Final = 60
_REMEMBERED_MAX: Final = 100_000


# --- keys ----------------------------------------------------------------------------------------


class VerifierKey(NamedTuple):
    """The public half of a log's key: whoever has it can check the log's signatures."""

    name: str
    key_id: bytes
    public: bytes

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}"


def key_id_of(name: str, public: bytes) -> bytes:
    """Return a key's id: the first four bytes of SHA-256(name || newline || 0x01 || public)."""
    return sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_KEY_ID_BYTES]


def format_verifier_key(key: VerifierKey) -> str:
    """Return ``<name>+<key id, 8 hex digits>+<base64 of 0x01 || public key>``."""
    return f"{key}+{b2a_base64(_ED25519 + key.public, newline=False).decode()}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read what ``format_verifier_key`` wrote, and check that its parts belong together.

    Raises:
        InvalidInputError: any other text, another algorithm than Ed25519, or a wrong key id.
    """
    name, _, rest = text.partition("+")
    try:
        public = a2b_base64(rest.partition("+")[2])[len(_ED25519) :]
        key = VerifierKey(name, key_id_of(name, public), public)
        if _is_name(name) and len(public) == HASH_BYTES and format_verifier_key(key) == text:
            return key
    except ValueError:
        pass
    raise InvalidInputError(
        f"This is no verifier key: {_quote(text)}",
        hint="It reads <name>+<8 hexadecimal digits>+<base64>, as the log's keeper published it.",
    )


def _is_name(name: str) -> bool:
    """Tell whether a key may be called so; what cannot be printed could fool a terminal."""
    return name.split() == [name] and "+" not in name and name.isprintable()


# --- checkpoints ---------------------------------------------------------------------------------


class Checkpoint(NamedTuple):
    """What a log says of itself: its name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes


class SignedCheckpoint(NamedTuple):
    """A checkpoint that was verified: the log's own key that signed it, and the note as given."""

    checkpoint: Checkpoint
    key: VerifierKey
    note: bytes


class Signature(NamedTuple):
    """One signature line of a note, taken apart; nothing is verified yet."""

    name: str
    key_id: bytes
    signature: bytes


def open_checkpoint(note: bytes, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
    """Verify a signed checkpoint: at least one of ``keys``, named as the log is, signed it.

    Signatures of keys that are not among ``keys`` are ignored, as signed-note demands.

    Raises:
        ProofError: malformed; or a given key's signature does not hold; or none of them signed.
    """
    return _open(note, _by_name_and_id(keys), 1, allow_unknown=True)


def parse_checkpoint(
    note: bytes, line: int = 1, origins: Collection[str] | None = None
) -> tuple[Checkpoint, list[Signature]]:
    """Take a signed checkpoint apart WITHOUT verifying any signature. ``line`` is its first line.

    Only logs called one of ``origins`` will do, where these are given.

    Raises:
        ProofError: it breaks a rule of signed-note or tlog-checkpoint.
    """
    lines = _note_lines(note, line)
    blank = lines.index("") if "" in lines else 0
    if blank < len(Checkpoint._fields) or not 0 < len(lines) - blank - 1 <= SIGNATURES_MAX:
        raise _misfit(
            "A checkpoint has an origin, a size, a root, an empty line and then "
            f"1 to {SIGNATURES_MAX} (SIGNATURES_MAX) signatures",
            *(line, line + len(lines) - 1),
        )
    if not lines[0].isprintable():
        raise _misfit(f"The origin is not printable: {_quote(lines[0])}", line)
    if origins is not None and lines[0] not in origins:
        what = f"No key of the log {_quote(lines[0])} was given"
        raise _misfit(what, line, hint=f"Given: {', '.join(sorted(origins)) or 'none'}.")
    size, root = _decimal(lines[1].encode(), line + 1), _hash(lines[2].encode(), line + 2)
    signatures = [_signature(text, line + at) for at, text in enumerate(lines) if at > blank]
    return Checkpoint(lines[0], size, root), signatures


def _note_lines(note: bytes, line: int) -> list[str]:
    """Check what holds for every signed note, and return its lines."""
    last = line + note[:-1].count(b"\n")
    if len(note) > NOTE_BYTES_MAX:
        raise _misfit(f"A note is longer than {NOTE_BYTES_MAX} (NOTE_BYTES_MAX)", line, last)
    try:
        lines = note.decode().split("\n")
    except UnicodeDecodeError as error:
        at = line + note.count(b"\n", 0, error.start)
        raise _misfit("A note is not UTF-8", at) from None
    for number, one in enumerate(lines, line):
        if any(mark < " " for mark in one):
            raise _misfit("A note has a control character", number)
    if lines.pop() or not lines:
        raise _misfit("The last line does not end", last)
    return lines


def _signature(text: str, line: int) -> Signature:
    name, _, signature = text.removeprefix(_DASH).partition(" ")
    body = _bytes_of(signature.encode()) or b""
    named = text.startswith(_DASH) and name.split() == [name] and "+" not in name
    if not named or len(body) <= _KEY_ID_BYTES:
        raise _misfit(f"This is no signature line: {_quote(text)}", line)
    return Signature(name, body[:_KEY_ID_BYTES], body[_KEY_ID_BYTES:])


_Known = Mapping[tuple[str, bytes], VerifierKey]


def _by_name_and_id(keys: Sequence[VerifierKey]) -> _Known:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise InvalidInputError(f"Two different keys go by {key}")
    return known


def _open(note: bytes, known: _Known, line: int, *, allow_unknown: bool) -> SignedCheckpoint:
    checkpoint, signatures = parse_checkpoint(note, line, {name for name, _ in known})
    text = note[: note.index(b"\n\n") + 1]
    first = line + text.count(b"\n") + 1
    signers: list[VerifierKey] = []
    for number, (name, key_id, signature) in enumerate(signatures, first):
        key = known.get((name, key_id))
        if key is None and not allow_unknown:
            what = f"A signature is of a key that was not given: {_quote(name)}+{key_id.hex()}"
            raise _misfit(what, number, hint="Give that key too, if you trust it.")
        if key is None:
            continue
        if not verify_signature(key.public, text, signature):
            raise _misfit(f"The signature of {key} is not of this checkpoint", line, number)
        if key in signers and not allow_unknown:
            raise _misfit(f"{key} signed twice", number)
        signers.append(key)
    for key in signers:
        if key.name == checkpoint.origin:
            return SignedCheckpoint(checkpoint, key, note)
    what = f"No key that was given for {_quote(checkpoint.origin)} signed this checkpoint"
    hint = "Another key of that log may have: ask its keeper which keys it has had."
    raise _misfit(what, line, first + len(signatures) - 1, hint)


# --- the tree ------------------------------------------------------------------------------------


def verify_inclusion(
    position: int, size: int, leaf: bytes, hashes: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` (a leaf's hash) stands at ``position`` of the tree with that root.

    The algorithm of RFC 9162, section 2.1.3.2; its tree is that of RFC 6962.

    Raises:
        ProofError: it does not, or the path is of another length than that place has.
    """
    _check_lengths(leaf, root, *hashes)
    _check_path(position, leaf, hashes, (size, root), _Joined())


class _Joined(dict[tuple[bytes, bytes], bytes]):
    """The hash over each two nodes, once computed: the paths of one tree meet soon."""

    def __missing__(self, pair: tuple[bytes, bytes]) -> bytes:
        return self.setdefault(pair, node_hash(*pair))


def _check_path(
    position: int, leaf: bytes, hashes: Sequence[bytes], tree: tuple[int, bytes], joined: _Joined
) -> None:
    size, root = tree
    if not 0 <= position < size:
        raise ProofError(f"There is no position {position} in a tree of {size} leaves")
    here, last, node = position, size - 1, leaf
    for sibling in hashes:
        if here & 1:
            node = joined[sibling, node]
        elif here < last:
            node = joined[node, sibling]
        elif last:  # the last node of an odd row rises until it is a right child
            node = joined[sibling, node]
            while here and not here & 1:
                here >>= 1
                last >>= 1
        else:
            raise ProofError("The path is longer than the way to the root")
        here >>= 1
        last >>= 1
    if last:
        raise ProofError("The path is shorter than the way to the root")
    if node != root:
        raise ProofError("The path does not lead from this entry, at this position, to the root")


def verify_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, hashes: Sequence[bytes]
) -> None:
    """Check that the tree of ``size2`` leaves begins with the tree of ``size1`` leaves.

    The algorithm of RFC 9162, section 2.1.4.2. An empty tree is refused: nothing follows from it.

    Raises:
        ProofError: it does not, or the proof is of another length than these sizes have.
    """
    if not 0 < size1 <= size2:
        raise ProofError(f"There is no proof from {size1} to {size2} leaves")
    if size1 == size2:
        if hashes or root1 != root2:
            raise ProofError("Two trees of one size have one root, and need no proof")
        return
    _check_lengths(root1, root2, *hashes)
    # It starts at the subtree that ends the smaller tree: of a power of two, the tree itself.
    path = list(hashes) if size1 & (size1 - 1) else [root1, *hashes]
    if not path:
        raise ProofError("The proof is shorter than the way to the root")
    old, new = _both_roots(size1 - 1, size2 - 1, path)
    if old != root1:
        raise ProofError("The proof does not lead to the root of the smaller tree")
    if new != root2:
        raise ProofError("The proof does not lead to the root of the larger tree")


def _both_roots(here: int, last: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the trees that end at leaf ``here``, and at leaf ``last``."""
    while here & 1:
        here >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            raise ProofError("The proof is longer than the way to the root")
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while here and not here & 1:
                here >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        here >>= 1
        last >>= 1
    if last:
        raise ProofError("The proof is shorter than the way to the root")
    return old, new


def _check_lengths(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError(f"A hash has {HASH_BYTES} bytes, and one given has not")


# --- proof files ---------------------------------------------------------------------------------


class ProvenEntry(NamedTuple):
    """An entry that is in the log, as the checkpoint's signer says.

    A part may be ``None`` because there is none, or because it is not shown here: where it is
    ``committed``, the entry has such a part. The bytes are proven, but they were written by
    whoever spoke to the log: escape them before a terminal sees them.
    """

    position: int
    checkpoint: SignedCheckpoint
    envelope: bytes
    facts: bytes | None
    personal: bytes | None
    facts_committed: bool
    personal_committed: bool


class ShownPart(NamedTuple):
    """A payload part in a proof file: its salt in hexadecimal, and itself, as text."""

    salt: str
    part: str


def verify_proof(
    body: bytes, keys: Sequence[VerifierKey], *, allow_unknown_signatures: bool = False
) -> ProvenEntry:
    """Verify a file of exactly one proof, as ``verify_proofs`` does.

    Raises:
        ProofError: it does not hold, or there is more than one.
    """
    found = verify_proofs(body, keys, allow_unknown_signatures=allow_unknown_signatures)
    if len(found) != 1:
        raise ProofError(f"There are {len(found)} proofs, one is wanted")
    return found[0]


def verify_proofs(
    body: bytes, keys: Sequence[VerifierKey], *, allow_unknown_signatures: bool = False
) -> list[ProvenEntry]:
    """Verify a file of one or more proofs, one after another; return what they prove, in order.

    Every signature must be of one of ``keys``: one that nobody checks could be altered unseen.
    ``allow_unknown_signatures`` lets the others pass, unchecked.

    Raises:
        ProofError: a proof does not hold. It names the proof and the line, or the lines of which
            at least one is wrong; lines are counted from 1, over the whole file.
    """
    reader = _Reader(body.split(b"\n"), _by_name_and_id(keys), allow_unknown_signatures)
    found: list[ProvenEntry] = []
    while not found or reader.more():
        try:
            found.append(reader.read())
        except ProofError as error:
            where = f"proof {len(found) + 1}, {error.where}"
            raise ProofError(error.what, where=where, hint=error.hint) from None
    return found


class _Reader:
    """Verifies one proof after another, and does not do again what many of them share."""

    def __init__(self, lines: list[bytes], known: _Known, allow_unknown: bool) -> None:  # noqa: FBT001 - one caller
        self.lines, self.known, self.allow_unknown = lines, known, allow_unknown
        self.at = 0
        self.opened: dict[bytes, SignedCheckpoint] = {}
        self.hashes = _Hashes()
        self.joined = _Joined()

    def more(self) -> bool:
        """Tell whether another proof begins here."""
        return self.at < len(self.lines)

    def read(self) -> ProvenEntry:
        """Verify the proof that begins here, and go on to the next.

        Line ``at`` of the file has the index ``at - 1``; the last is empty, after the last newline.
        """
        lines, line = self.lines, self.at + 1
        if lines[self.at] != PROOF_HEADER:
            raise _misfit(f"A proof begins with the line {PROOF_HEADER.decode()}", line)
        end = _find(lines, PROOF_HEADER, line, len(lines))
        blank = _find(lines, b"", line, end)
        self.at = end
        position, hashes = self.read_path(lines[line:blank], line)
        note = b"\n".join(lines[blank + 1 : end]) + (b"\n" if end < len(lines) else b"")
        checkpoint = self.opened.get(note)
        if checkpoint is None:
            checkpoint = _open(note, self.known, blank + 2, allow_unknown=self.allow_unknown)
            self.opened[note] = checkpoint
        envelope, facts, personal = _read_extra(lines[line][len(_EXTRA) :], line + 1)
        stored = envelope.encode()
        try:
            tree = checkpoint.checkpoint[1:]
            _check_path(position, leaf_hash(stored), hashes, tree, self.joined)
        except ProofError as error:
            raise _misfit(error.what, line + 1, blank) from None
        promised_facts, promised_personal = _commitments(envelope, line + 1)
        return ProvenEntry(
            position,
            checkpoint,
            stored,
            _open_part("facts", facts, promised_facts, line + 1),
            _open_part("personal", personal, promised_personal, line + 1),
            promised_facts is not None,
            promised_personal is not None,
        )

    def read_path(self, lines: list[bytes], line: int) -> tuple[int, list[bytes]]:
        """Read the position and the hashes, from the lines below the header, which is ``line``."""
        if not lines or not lines[0].startswith(_EXTRA):
            raise _misfit("The line `extra` with the entry is missing", line + 1)
        if len(lines) == 1 or not lines[1].startswith(_INDEX):
            raise _misfit("The line `index` with the position is missing", line + 1, line + 2)
        position = _decimal(lines[1][len(_INDEX) :], line + 2)
        if len(self.joined) + len(self.hashes) > _REMEMBERED_MAX:
            self.hashes.clear()
            self.joined.clear()
        try:
            return position, [self.hashes[text] for text in lines[2:]]
        except ValueError:
            return position, [_hash(text, at) for at, text in enumerate(lines[2:], line + 3)]


def _find(lines: list[bytes], wanted: bytes, start: int, end: int) -> int:
    try:
        return lines.index(wanted, start, end)
    except ValueError:
        return end


def _commitments(envelope: str, line: int) -> tuple[str | None, str | None]:
    """Return what the envelope commits to: a hash in hexadecimal, or nothing, for each part.

    The commitments are the envelope's last field, and inside a text every quote is escaped: what
    stands behind the last such name is no text of anybody's, but the end of the envelope.
    """
    tail = envelope.rpartition(',"commitments":')[2]
    facts, _, personal = tail.removeprefix('{"facts":').removesuffix("}}").partition(',"personal":')
    well_formed = f'{{"facts":{facts},"personal":{personal}}}}}' == tail
    if not well_formed or {len(facts), len(personal)} - _COMMITMENT_LENGTHS:
        raise _misfit("The entry has no commitments to its parts: it is no envelope", line)
    return (
        None if facts == _NOTHING else facts[1:-1],
        None if personal == _NOTHING else personal[1:-1],
    )


def _open_part(name: str, shown: ShownPart | None, promised: str | None, line: int) -> bytes | None:
    """Check that a part is the one that the envelope commits to: SHA-256(salt || part)."""
    if shown is None:
        return None
    part = shown.part.encode()
    if sha256(bytes.fromhex(shown.salt) + part).hexdigest() != promised:
        raise _misfit(f"The {name} part does not open the envelope's commitment to it", line)
    return part


def format_extra(envelope: str, facts: ShownPart | None, personal: ShownPart | None) -> str:
    """Return the one way to write an entry: JSON, the keys in this order, no white space."""
    return (
        f'{{"envelope":{encode_basestring(envelope)},'
        f'"facts":{_format_part(facts)},"personal":{_format_part(personal)}}}'
    )


def _format_part(shown: ShownPart | None) -> str:
    if shown is None:
        return _NOTHING
    return f'{{"salt":"{shown.salt}","part":{encode_basestring(shown.part)}}}'


def _read_extra(text: bytes, line: int) -> tuple[str, ShownPart | None, ShownPart | None]:
    """Read what ``format_extra`` wrote: written again, it must come out the same."""
    body = _bytes_of(text)
    if body is None:
        raise _misfit("What follows `extra` is not base64", line)
    try:
        written = body.decode()
        head, _, rest = written.partition(',"facts":')
        facts_text, _, personal_text = rest.partition(',"personal":')
        envelope = _text(head.removeprefix('{"envelope":'))
        facts, personal = _read_part(facts_text), _read_part(personal_text[:-1])
        if format_extra(envelope, facts, personal) == written:
            return envelope, facts, personal
    except (ValueError, TypeError, RecursionError):
        pass
    raise _misfit("What follows `extra` is not the canonical JSON of an entry", line)


def _read_part(written: str) -> ShownPart | None:
    if written == _NOTHING:
        return None
    head, _, part = written.partition(',"part":')
    salt = head.removeprefix('{"salt":').strip('"')
    # A salt of any other length could take bytes over from the part, and the hash would not tell.
    if len(salt) != 2 * _SALT_BYTES or bytes.fromhex(salt).hex() != salt:
        raise ValueError(salt)
    return ShownPart(salt, _text(part[:-1]))


def _text(written: str) -> str:
    """Read a JSON text. Mostly nothing but quotes is escaped in it, and that is quickly undone."""
    text = written[1:-1].replace('\\"', '"')
    if "\\" in text:
        text = json.loads(written)
    return text


# --- texts ---------------------------------------------------------------------------------------


class _Hashes(dict[bytes, bytes]):
    """The hash that each line says in base64; a ``ValueError`` where it says none."""

    def __missing__(self, text: bytes) -> bytes:
        body = _bytes_of(text)
        if body is None or len(body) != HASH_BYTES:
            raise ValueError(text)
        return self.setdefault(text, body)


def _hash(text: bytes, line: int) -> bytes:
    try:
        return _Hashes()[text]
    except ValueError:
        what = f"This is not the base64 of {HASH_BYTES} bytes: {_quote(text)}"
        raise _misfit(what, line) from None


def _bytes_of(text: bytes) -> bytes | None:
    """Return what the base64 says; nothing where it is not spelled as it should be."""
    try:
        body = a2b_base64(text)
    except ValueError:
        return None
    return body if b2a_base64(body, newline=False) == text else None


def _decimal(text: bytes, line: int) -> int:
    """Read a number that is written in the one right way: digits, no leading zero."""
    if text.isdigit() and len(text) <= len(str(SIZE_MAX)):
        number = int(text)
        if number <= SIZE_MAX and b"%d" % number == text:
            return number
    raise _misfit(f"This is no number in decimal digits: {_quote(text)}", line)


def _quote(text: str | bytes) -> str:
    """Return a piece of what was given, short, with everything escaped that is not printable."""
    return repr(text[:_QUOTED_MAX])


def _misfit(what: str, first: int, last: int = 0, hint: str = "") -> ProofError:
    where = f"lines {first} to {last}" if last > first else f"line {first}"
    return ProofError(what, where=where, hint=hint)
