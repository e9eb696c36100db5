"""A git repository as it lies on the disk: its references, its history, its remotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from lineage.connectors.git.addresses import canonical_repository
from lineage.connectors.git.process import run_git
from lineage_schemas.errors import InvalidInputError

BRANCHES_AND_TAGS: Final = ("refs/heads", "refs/remotes", "refs/tags")
"""What is read where nothing else is asked for. In a clone, the others' branches are remotes'."""

_FORMAT: Final = "%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00%(refname)"
_PATTERN: Final = re.compile(r"refs(?:/[^\s\0~^:?\[\\-][^\s\0~^:?\[\\]*)*")
_ID_BYTES: Final = {"sha1": 20, "sha256": 32}


class Repository(Struct, frozen=True):
    """Where a repository is, and what kind: ``id_bytes`` is the length of its object ids."""

    path: Path
    is_bare: bool
    is_shallow: bool
    id_bytes: int


class Reference(Struct, frozen=True):
    """A branch or tag. ``commit`` is ``None`` where it leads to something else than a commit.

    ``tag`` is the tag object, of an annotated tag.
    """

    name: str
    commit: str | None
    tag: str | None = None


def open_repository(path: Path) -> Repository:
    """Look at the repository at, or around, a folder.

    Raises:
        InvalidInputError: there is none, git is missing, or it refuses.
    """
    if not path.exists():
        raise InvalidInputError("There is no such folder", where=str(path))
    told = run_git(
        path,
        "rev-parse",
        "--is-bare-repository",
        "--is-shallow-repository",
        "--show-object-format",
    )
    bare, shallow, form = told.decode().split()
    if form not in _ID_BYTES:
        raise InvalidInputError(
            f"The repository's object ids are of an unknown kind: {form}", where=str(path)
        )
    return Repository(path, bare == "true", shallow == "true", _ID_BYTES[form])


def read_references(
    repository: Repository, patterns: Sequence[str] = BRANCHES_AND_TAGS
) -> tuple[Reference, ...]:
    """Return the references below ``patterns``, such as ``refs/exps``, in bytewise order.

    Raises:
        InvalidInputError: a pattern is none, or git refuses.
    """
    for pattern in patterns:
        if _PATTERN.fullmatch(pattern) is None:
            raise InvalidInputError(
                "A reference is written in full",
                where=pattern[:128],
                hint="Write refs/heads/main, or a folder of them such as refs/exps.",
            )
    told = run_git(repository.path, "for-each-ref", f"--format={_FORMAT}", *patterns)
    return tuple(_reference(line) for line in sorted(told.splitlines(), key=_name))


def _name(line: bytes) -> bytes:
    return line.rpartition(b"\0")[2]


def _reference(line: bytes) -> Reference:
    own, kind, peeled, peeled_kind, name = line.split(b"\0")
    plain = name.decode("utf-8", "backslashreplace")
    if kind == b"commit":
        return Reference(plain, own.decode())
    tag = own.decode() if kind == b"tag" else None
    # A tag of a tag: only the inner one's target is told, and that may be a tag again.
    return Reference(plain, peeled.decode() if peeled_kind == b"commit" else None, tag)


def read_head(repository: Repository) -> str | None:
    """Return the commit that is checked out; ``None`` where nothing is committed yet."""
    try:
        told = run_git(repository.path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except InvalidInputError:
        return None
    return told.decode().strip()


def list_commits(repository: Repository, starts: Iterable[str]) -> tuple[str, ...]:
    """Return every commit that can be reached from ``starts``, parents before children.

    Raises:
        InvalidInputError: a commit or one of its ancestors is missing or damaged.
    """
    feed = "".join(f"{start}\n" for start in sorted(set(starts)))
    if not feed:
        return ()
    told = run_git(
        repository.path, "rev-list", "--topo-order", "--reverse", "--stdin", feed=feed.encode()
    )
    return tuple(told.decode().split())


def list_absent(repository: Repository, starts: Iterable[str]) -> frozenset[str]:
    """Return the objects below ``starts`` that a partial clone leaves out."""
    try:
        promised = run_git(
            repository.path,
            "config",
            "--get-regexp",
            r"^(remote\..*\.promisor|extensions\.partialclone)$",
        )
    except InvalidInputError:
        return frozenset()  # git's way to say that there is no such setting
    feed = "".join(f"{start}\n" for start in sorted(set(starts)))
    if not promised or not feed:
        return frozenset()
    told = run_git(
        repository.path, "rev-list", "--objects", "--missing=print", "--stdin", feed=feed.encode()
    )
    return frozenset(
        line[1:].decode("ascii", "replace") for line in told.splitlines() if line.startswith(b"?")
    )


def read_shallow(repository: Repository) -> frozenset[str]:
    """Return the commits whose parents a shallow clone leaves out."""
    if not repository.is_shallow:
        return frozenset()
    told = run_git(repository.path, "rev-parse", "--git-path", "shallow")
    place = repository.path / told.decode().rstrip("\n")
    try:
        return frozenset(place.read_text(encoding="ascii").split())
    except OSError:
        return frozenset()


def has_alternates(repository: Repository) -> bool:
    """Tell whether a repository takes objects from another, as a clone by reference does."""
    told = run_git(repository.path, "rev-parse", "--git-path", "objects/info/alternates")
    place = repository.path / told.decode(errors="surrogateescape").rstrip("\n")
    try:
        return bool(place.read_bytes().strip())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # git may be able to read it, or will say why it is not


def read_remote(repository: Repository) -> str | None:
    """Return the canonical address of ``origin``, or of the only remote; else ``None``."""
    try:
        told = run_git(
            repository.path, "config", "--null", "--local", "--get-regexp", r"^remote\..*\.url$"
        )
    except InvalidInputError:
        return None
    found: dict[str, str] = {}
    for item in told.decode(errors="replace").split("\0"):
        name, _, address = item.partition("\n")
        if address:
            found.setdefault(name.removeprefix("remote.").removesuffix(".url"), address)
    chosen = found.get("origin") or (next(iter(found.values())) if len(found) == 1 else None)
    return None if chosen is None else canonical_repository(chosen)
