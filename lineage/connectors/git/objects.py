"""What git's objects say, taken from their bytes: commits, annotated tags, trees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from lineage_schemas.errors import DecodeError

TREE: Final = "tree"
FILE: Final = "file"
SYMLINK: Final = "symlink"
SUBMODULE: Final = "submodule"

_MODES: Final = {b"40000": TREE, b"120000": SYMLINK, b"160000": SUBMODULE}
_SIGNATURES: Final = (b"gpgsig", b"gpgsig-sha256")
_SIGNATURE_STARTS: Final = (
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
)
_LINE_CHARS_MAX: Final = 512
_DATE_MAX_S: Final = 253_402_300_799  # the end of the year 9999


class Person(Struct, frozen=True, omit_defaults=True):
    """Who wrote, committed or tagged, as git keeps it: a name, an address, a time."""

    name: str
    email: str
    time: datetime | None = None


class Commit(Struct, frozen=True, omit_defaults=True):
    """A commit: the tree it fixed, its parents, who made it, the first line of its message.

    ``time`` is the committer's; nobody else's clock has seen it.
    """

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person | None
    committer: Person | None
    subject: str
    is_signed: bool = False

    @property
    def time(self) -> datetime | None:
        """When it was committed, as it says itself."""
        return None if self.committer is None else self.committer.time


class Tag(Struct, frozen=True, omit_defaults=True):
    """An annotated tag: an object of its own that points to another."""

    id: str
    target: str
    target_kind: str
    name: str
    tagger: Person | None
    message: str
    is_signed: bool = False


class TreeEntry(Struct, frozen=True):
    """What stands under one name in a tree. A name's bytes need not be UTF-8."""

    kind: str
    id: str


def parse_commit(sha: str, body: bytes) -> Commit:
    """Read a commit object.

    Raises:
        DecodeError: it names no tree.
    """
    fields, message = _parted(body)
    one = dict(reversed(fields))
    if b"tree" not in one:
        raise DecodeError("A commit names no tree", where=sha)
    encoding = one.get(b"encoding", b"utf-8").decode("ascii", "replace")
    return Commit(
        sha=sha,
        tree=one[b"tree"].decode("ascii", "replace"),
        parents=tuple(
            value.decode("ascii", "replace") for name, value in fields if name == b"parent"
        ),
        author=_person(one.get(b"author"), encoding),
        committer=_person(one.get(b"committer"), encoding),
        subject=_first_line(message, encoding),
        is_signed=any(name in one for name in _SIGNATURES),
    )


def parse_tag(tag_id: str, body: bytes) -> Tag:
    """Read a tag object.

    Raises:
        DecodeError: it points to nothing.
    """
    fields, message = _parted(body)
    one = dict(reversed(fields))
    if b"object" not in one:
        raise DecodeError("A tag points to nothing", where=tag_id)
    starts = [at for start in _SIGNATURE_STARTS if (at := message.find(start)) >= 0]
    said = message[: min(starts)] if starts else message
    return Tag(
        id=tag_id,
        target=one[b"object"].decode("ascii", "replace"),
        target_kind=one.get(b"type", b"").decode("ascii", "replace"),
        name=_text(one.get(b"tag", b""), "utf-8"),
        tagger=_person(one.get(b"tagger"), "utf-8"),
        message=_text(said.strip(), "utf-8"),
        is_signed=bool(starts),
    )


def parse_tree(body: bytes, id_bytes: int) -> dict[bytes, TreeEntry]:
    """Read a tree object, whose entries hold ids of so many bytes.

    Raises:
        DecodeError: it ends in the middle of an entry.
    """
    entries: dict[bytes, TreeEntry] = {}
    at = 0
    while at < len(body):
        space = body.find(b" ", at)
        end = body.find(b"\0", space)
        stop = end + 1 + id_bytes
        if space < 0 or end < 0 or stop > len(body):
            raise DecodeError("A tree ends in the middle of an entry")
        kind = _MODES.get(body[at:space], FILE)
        entries[body[space + 1 : end]] = TreeEntry(kind, body[end + 1 : stop].hex())
        at = stop
    return entries


def _parted(body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Part an object into its fields and its message. A field goes on in lines that begin blank."""
    head, _, message = body.partition(b"\n\n")
    fields: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and fields:
            name, value = fields[-1]
            fields[-1] = (name, value + b"\n" + line[1:])
        else:
            name, _, value = line.partition(b" ")
            fields.append((name, value))
    return fields, message


def _person(value: bytes | None, encoding: str) -> Person | None:
    if value is None:
        return None
    who, _, when = value.rpartition(b">")
    name, _, email = who.partition(b"<")
    return Person(_text(name.strip(), encoding), _text(email.strip(), encoding), _time(when))


def _time(when: bytes) -> datetime | None:
    parts = when.split()
    try:
        seconds = int(parts[0])
    except (IndexError, ValueError):
        return None
    if not 0 <= seconds <= _DATE_MAX_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _first_line(message: bytes, encoding: str) -> str:
    lines = message.strip().splitlines()
    return _text(lines[0], encoding)[:_LINE_CHARS_MAX] if lines else ""


def _text(value: bytes, encoding: str) -> str:
    try:
        text = value.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        text = value.decode("utf-8", "replace")
    # The log takes no U+0000, and an encoding of one's own may yield lone surrogates.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
