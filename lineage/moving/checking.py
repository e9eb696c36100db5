"""Check an export as it is read: its entries against themselves, its claims against the entries.

What an audit checks of a store up to level 3 is checked of the file, by the same code, in one pass
and in little memory: a byte or two an entry. No store is needed, and nobody's word.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from hashlib import sha256
from typing import BinaryIO, Final

from msgspec import Struct

from lineage.anchoring.notary import keys_in_force
from lineage.audit.entries import Followed, Follower
from lineage.audit.payloads import FACTS, PERSONAL, PayloadCheck
from lineage.audit.reports import UNREADABLE, Findings
from lineage.moving.lines import (
    HEADER_LINE,
    LINE_BYTES_MAX,
    Header,
    damaged,
    decode_entry_line,
    decode_header,
    decode_trailer,
    exported_key,
)
from lineage.projections.governance import KeyRow
from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.tree import CompactRange, leaf_hash
from lineage.proofs.verifying import (
    VerifierKey,
    format_verifier_key,
    open_checkpoint,
    parse_verifier_key,
)
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Entry, Envelope, PayloadPart, StoredEntry
from lineage_schemas.errors import LedgerError, ProofError
from lineage_schemas.governance import KeyHandover, KeyIntroduction

_THERE: Final = PayloadPart(b"", b"")
LINES_BEFORE: Final = 2
"""The entry at position 0 stands on line 2."""


class ExportVerdict(Struct, frozen=True, kw_only=True):
    """What an export was found to be; it is only given where everything in it holds.

    ``signed_size`` is up to which size a signature covers it (``None``: nobody has signed it), by
    ``signers``; ``by_given_keys`` says whether that rests on keys that the reader brought, and not
    only on those that the log itself names. ``erased_parts`` counts payload parts that are not
    there, each stated to be erased by an entry.
    """

    origin: str
    size: int
    root: str
    final: bool
    signed_size: int | None
    signers: tuple[str, ...]
    by_given_keys: bool
    erased_parts: int


class ExportReader:
    """Reads an export and checks it on the way. Read ``entries`` to the end, then ask ``judge``."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the header.

        Raises:
            DecodeError: the file is no export.
            NewerStoreError: a later version of this software wrote it.
            ProofError: its first line is damaged.
        """
        self._stream = stream
        self._digest = sha256()
        line = self._line(HEADER_LINE)
        self.header: Final = decode_header(line)
        self._digest.update(line)
        self._check = LogCheck(claimed_size(self.header))

    @property
    def is_read(self) -> bool:
        """Whether every entry was read, and the trailer fits."""
        return self._check.is_whole

    def entries(self) -> Generator[StoredEntry]:
        """Yield the entries; each was checked, and after the last one the whole.

        Raises:
            ProofError: something does not hold; names the line.
            OSError: the file cannot be read.
        """
        for position in range(self.header.size):
            number = position + LINES_BEFORE
            line = self._line(number)
            stored = decode_entry_line(line, number)
            self._digest.update(line)
            self._check.take(stored)
            yield stored
        self._end(self.header.size + LINES_BEFORE)

    def judge(self, trusted: Sequence[VerifierKey] = ()) -> ExportVerdict:
        """Return what the export is, by the keys that are trusted, or else by the log's own.

        Raises:
            ProofError: its checkpoint is not signed by one of them, or not of these entries.
        """
        assert self.is_read, "the entries come first"
        try:
            return self._check.judge(self.header, trusted)
        except ProofError as error:
            raise ProofError(
                f"The checkpoint in the header does not hold: {error.what}",
                where=f"line {HEADER_LINE}",
                hint=error.hint,
            ) from error

    @property
    def keys(self) -> list[KeyRow]:
        """Every verifier key that the entries introduce."""
        return self._check.keys

    def _end(self, number: int) -> None:
        line = self._line(number)
        trailer = decode_trailer(line, number)
        header, root = self.header, self._check.root.hex()
        self._check.end(number)
        if self._digest.hexdigest() != trailer.sha256:
            raise damaged(number, "the digest is not that of the lines before it")
        if (trailer.entries, trailer.root) != (header.size, root):
            raise damaged(number, f"there are {header.size} entries, of root {root}")
        if header.root != root:
            raise damaged(HEADER_LINE, f"the entries have the root {root}")
        if header.keys != tuple(map(exported_key, self._check.keys)):
            raise damaged(HEADER_LINE, "the keys are not those that the entries introduce")
        if self._stream.read(1):
            raise damaged(number + 1, "there is something behind the end")

    def _line(self, number: int) -> bytes:
        line = self._stream.readline(LINE_BYTES_MAX + 1)
        if not line.endswith(b"\n"):
            if len(line) > LINE_BYTES_MAX:
                raise damaged(number, f"it is longer than {LINE_BYTES_MAX} (LINE_BYTES_MAX)")
            raise ProofError(
                "The export is cut off",
                where=f"line {number}",
                hint="Copy it again, or export again.",
            )
        return line


class LogCheck:
    """Checks entries in the order of the log, and remembers what claims on them need.

    ``signed_size`` is the size that the checkpoint covers, if there is one.
    """

    def __init__(self, signed_size: int | None) -> None:
        self.keys: list[KeyRow] = []
        self.is_whole = False
        self.erased_parts = 0
        self._tree = CompactRange()
        self._found = Findings()
        self._follower = Follower(self._found, Followed())
        self._there = _Presence()
        self._payload = PayloadCheck(self._there, self._found, {})
        self._handovers: dict[int, bytes] = {}
        self._wanted = {0, *(() if signed_size is None else (signed_size,))}
        self._roots: dict[int, bytes] = {0: self._tree.root()}

    @property
    def root(self) -> bytes:
        """The root over the entries so far."""
        return self._tree.root()

    def take(self, stored: StoredEntry) -> None:
        """Check the next entry.

        Raises:
            ProofError: it does not hold; names its line in an export.
        """
        position = self._tree.size
        number = position + LINES_BEFORE
        if stored.position != position:
            raise damaged(number, f"position {position} is wanted here, this is {stored.position}")
        if stored.leaf != leaf_hash(stored.envelope):
            raise damaged(number, "the leaf is not the hash of the envelope")
        try:
            envelope = decode_envelope(stored.envelope)
        except UNREADABLE as error:
            raise damaged(number, f"the envelope cannot be read: {error}") from error
        self._follower.check(position, envelope)
        entry = self._payload.check(stored, envelope)
        self._refuse_found(number)
        self._tree.append(stored.leaf)
        self._there.add(stored)
        self.erased_parts += _absent(stored, envelope)
        if entry is not None and entry.records is not None:
            self._note_keys(entry)
        if position + 1 in self._wanted:
            self._roots[position + 1] = self._tree.root()

    def end(self, number: int) -> None:
        """Check that nothing is missing; ``number`` is the line behind the last entry.

        Raises:
            ProofError: as ``take``.
        """
        self._follower.end(self._tree.size)
        self._payload.end(None)
        self._refuse_found(number)
        self.is_whole = True

    def judge(self, header: Header, trusted: Sequence[VerifierKey]) -> ExportVerdict:
        """Return what is said of the log, once its checkpoint holds.

        Raises:
            ProofError: no trusted key has signed it, or it is not of these entries.
        """
        signed_size, signers = self._signed(header, trusted)
        if header.final and signed_size != header.size:
            raise ProofError("A final export is signed up to its end, and this one is not")
        return ExportVerdict(
            origin=header.origin,
            size=header.size,
            root=header.root,
            final=header.final,
            signed_size=signed_size,
            signers=signers,
            by_given_keys=bool(trusted),
            erased_parts=self.erased_parts,
        )

    def _signed(
        self, header: Header, trusted: Sequence[VerifierKey]
    ) -> tuple[int | None, tuple[str, ...]]:
        if header.checkpoint is None:
            if trusted:
                raise ProofError("There is none, so no key vouches for these entries")
            return None, ()
        note = header.checkpoint.encode()
        said = read_checkpoint(note)
        keys = self._vouched(trusted) if trusted else keys_in_force(self.keys, said.size)
        signed = open_checkpoint(note, keys)
        if said.origin != header.origin or self._roots.get(said.size) != said.root:
            raise ProofError("It is not of these entries")
        return said.size, (format_verifier_key(signed.key),)

    def _vouched(self, given: Sequence[VerifierKey]) -> list[VerifierKey]:
        """Return the given keys, and those that they vouch for, one after another."""
        trusted = list(given)
        for row in self.keys:
            note = self._handovers.get(row.position)
            if note is None or row.replaces not in set(map(format_verifier_key, trusted)):
                continue
            try:
                said = open_checkpoint(note, trusted).checkpoint
                successor = parse_verifier_key(row.verifier)
            except LedgerError:
                # Whoever signs in the place of a key that is trusted vouches for nobody.
                continue
            if row.position < said.size and self._roots.get(said.size) == said.root:
                trusted.append(successor)
        return trusted

    def _note_keys(self, entry: Entry) -> None:
        position, batch = entry.position, entry.envelope.batch
        for record in entry.records or ():
            if isinstance(record, KeyIntroduction):
                covered = batch.start + batch.length
                said = record.verifier, record.replaces, int(record.lost)
                self.keys.append(KeyRow(position, covered, *said))
                # What the key it replaces has signed last is of one of these sizes.
                self._wanted.update(range(position + 1, covered + 1))
            elif isinstance(record, KeyHandover):
                self._handovers.setdefault(record.introduction, record.checkpoint.encode())

    def _refuse_found(self, number: int) -> None:
        if self._found.kept:
            first = self._found.in_order()[0]
            at = number if first.position is None else first.position + LINES_BEFORE
            raise ProofError(first.what, where=f"line {at}")


class _Presence:
    """Which parts each entry so far has: all that is asked of it again, a byte each."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def add(self, stored: StoredEntry) -> None:
        there = FACTS * (stored.facts is not None) | PERSONAL * (stored.personal is not None)
        self._parts.append(there)

    def entries(self, start: int, count: int) -> list[StoredEntry]:
        return [
            StoredEntry(
                position=start + offset,
                envelope=b"",
                leaf=b"",
                facts=_THERE if parts & FACTS else None,
                personal=_THERE if parts & PERSONAL else None,
            )
            for offset, parts in enumerate(self._parts[start : start + count])
        ]

    def hashes(self, level: int, first: int, count: int) -> list[bytes]:
        raise AssertionError(f"no sidecar is compared with an export ({level}, {first}, {count})")


def _absent(stored: StoredEntry, envelope: Envelope) -> int:
    promised = envelope.commitments
    return (promised.facts is not None and stored.facts is None) + (
        promised.personal is not None and stored.personal is None
    )


def claimed_size(header: Header) -> int | None:
    """Return the size that the header's checkpoint covers; ``None`` where there is none.

    Raises:
        ProofError: what stands there is no checkpoint.
    """
    if header.checkpoint is None:
        return None
    try:
        return read_checkpoint(header.checkpoint.encode()).size
    except ProofError as error:
        raise damaged(HEADER_LINE, f"its checkpoint is none: {error.what}") from error
