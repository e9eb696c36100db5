"""Finds files in the trees of many commits, reading each distinct tree once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from lineage.connectors.git.objects import FILE, TREE, TreeEntry, parse_tree
from lineage.connectors.git.process import GitObject, ObjectReader, body_of
from lineage_schemas.errors import DecodeError

TREE_DEPTH_MAX: Final = 200
"""Folders within folders."""

FOUND_FILES_MAX: Final = 50_000
"""Files that are looked for in one folder and below. A tree that names one tree again and again
has a file for every way that leads to it."""

PATH_CHARS_MAX: Final = 4_096
"""A path from the top of the repository."""

_TREES_KEPT: Final = 200_000
_FOUND_KEPT: Final = 1_000_000
_UNREAD_MAX: Final = 100

Wanted = Callable[[str, bytes], bool]
"""Tells from the kind and name of an entry whether it is looked for."""


class FoundFile(Struct, frozen=True):
    """A file that was looked for: its path from the top, and what stands there."""

    path: str
    entry: TreeEntry


_LITERAL: Final = re.compile(rb"\\(?=x[0-9a-f]{2})")
_ESCAPED: Final = re.compile(rb"\\x([0-9a-f]{2})")


def path_text(path: bytes) -> str:
    r"""Return a path as text, so that ``path_bytes`` finds the way back.

    A byte that is no UTF-8 becomes ``\xff``, and the backslash of a name that reads so ``\x5c``;
    any other backslash stays.
    """
    if b"\\x" in path:
        # Each piece by itself: what decoding writes must not be escaped again.
        return r"\x5c".join(
            piece.decode("utf-8", "backslashreplace") for piece in _LITERAL.split(path)
        )
    return path.decode("utf-8", "backslashreplace")


def path_bytes(text: str) -> bytes:
    """Return the path that a text stands for."""
    whole = text.encode("utf-8", "surrogateescape")
    if b"\\x" not in whole:
        return whole
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), whole)


class UnreadFolder(Struct, frozen=True):
    """A folder that is there and counts as empty: its path from the top, its tree, and why."""

    path: str
    id: str
    reason: str


class _Found(Struct, frozen=True):
    """What is in a tree, how deep that lies, and the characters of its longest path."""

    files: tuple[FoundFile, ...] = ()
    unread: tuple[UnreadFolder, ...] = ()
    depth: int = 0
    longest: int = 0


_NOTHING: Final = _Found()


class Trees:
    """The trees of one repository. What was read is kept, up to a bound."""

    def __init__(self, objects: ObjectReader, id_bytes: int, wanted: Wanted) -> None:
        """Look for what ``wanted`` names."""
        self._objects = objects
        self._id_bytes = id_bytes
        self._wanted = wanted
        self._trees: dict[str, dict[bytes, TreeEntry]] = {}
        self._unreadable: dict[str, str] = {}
        self._found: dict[str, _Found] = {}
        self._found_count = 0
        self.missing: set[str] = set()
        """Trees that are not in the repository; they count as empty."""

    def load(self, roots: Iterable[str]) -> None:
        """Read these trees and all below them, level by level."""
        if len(self._trees) > _TREES_KEPT:
            self._trees.clear()
            self._found.clear()
        if self._found_count > _FOUND_KEPT:
            self._found.clear()
            self._found_count = 0
        level = [root for root in dict.fromkeys(roots) if root not in self._trees]
        while level:
            below: dict[str, None] = {}
            for tree_id, found in zip(level, self._objects.read(level), strict=True):
                if found is None:
                    self.missing.add(tree_id)
                entries = self._parsed(tree_id, found)
                below |= dict.fromkeys(
                    one.id
                    for one in entries.values()
                    if one.kind == TREE and one.id not in self._trees
                )
            level = list(below)

    def _parsed(self, tree_id: str, found: GitObject | None) -> dict[bytes, TreeEntry]:
        entries: dict[bytes, TreeEntry] = {}
        if found is not None:
            try:
                entries = parse_tree(body_of(found, TREE), self._id_bytes)
            except DecodeError as error:
                self._unreadable[tree_id] = str(error)
        self._trees[tree_id] = entries
        return entries

    def files(self, root: str) -> tuple[FoundFile, ...]:
        """Return what is looked for in a tree that was loaded, by path."""
        return self._below(root).files

    def unread(self, root: str) -> tuple[UnreadFolder, ...]:
        """Return the folders of a tree that count as empty, since they cannot be read."""
        return self._below(root).unread

    def _below(self, root: str) -> _Found:
        """Go through a tree from its deepest folders up, through each distinct one once.

        Whether a folder counts as empty follows from what is in it, and not from where it stands.
        """
        waiting = [root]
        while waiting:
            tree_id = waiting[-1]
            if tree_id in self._found:
                waiting.pop()
                continue
            fresh = {
                one.id
                for one in self._trees[tree_id].values()
                if one.kind == TREE and one.id not in self._found
            }
            if fresh:
                waiting += fresh
                continue
            found = self._gathered(tree_id)
            self._found[tree_id] = found
            self._found_count += len(found.files)
            waiting.pop()
        return self._found[root]

    def _gathered(self, tree_id: str) -> _Found:
        """Return what is in a tree whose folders were gone through."""
        reason = self._unreadable.get(tree_id)
        files: list[FoundFile] = []
        unread: list[UnreadFolder] = []
        depth = longest = 0
        for name, entry in self._trees[tree_id].items():
            if self._wanted(entry.kind, name):
                path = path_text(name)
                longest = max(longest, len(path))
                files.append(FoundFile(path, entry))
            elif entry.kind == TREE:
                below = self._found[entry.id]
                if below.files or below.unread:
                    depth = max(depth, below.depth + 1)
                    start = f"{path_text(name)}/"
                    longest = max(longest, len(start) + below.longest)
                    reason = reason or _excess(len(files) + len(below.files), depth, longest)
                    if reason is not None:
                        break
                    files += [FoundFile(start + one.path, one.entry) for one in below.files]
                    unread += [
                        UnreadFolder(start + one.path, one.id, one.reason)
                        for one in below.unread[: _UNREAD_MAX - len(unread)]
                    ]
        reason = reason or _excess(len(files), depth, longest)
        if reason is not None:
            return _Found(unread=(UnreadFolder("", tree_id, reason),))
        if not files and not unread:
            return _NOTHING
        return _Found(tuple(files), tuple(unread), depth, longest)

    def entry(self, root: str, path: str) -> TreeEntry | None:
        """Return what stands at a path of a tree that was loaded; ``None`` where nothing does."""
        at: TreeEntry | None = TreeEntry(TREE, root)
        for name in path.split("/"):
            if at is None or at.kind != TREE:
                return None
            at = self._trees[at.id].get(path_bytes(name))
        return at

    def file(self, root: str, path: str) -> TreeEntry | None:
        """Return the file at a path, symbolic links and submodules left out."""
        found = self.entry(root, path)
        return found if found is not None and found.kind == FILE else None


def _excess(files: int, depth: int, longest: int) -> str | None:
    """Return which limit a folder exceeds; ``None`` where none."""
    if files > FOUND_FILES_MAX:
        return f"A folder has more than {FOUND_FILES_MAX} files of DVC (FOUND_FILES_MAX)"
    if depth > TREE_DEPTH_MAX:
        return f"Folders lie deeper than {TREE_DEPTH_MAX} (TREE_DEPTH_MAX)"
    if longest > PATH_CHARS_MAX:
        return f"A path is longer than {PATH_CHARS_MAX} characters (PATH_CHARS_MAX)"
    return None
