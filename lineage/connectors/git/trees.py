"""Finds files in the trees of many commits, reading each distinct tree once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from lineage.connectors.git.objects import FILE, TREE, TreeEntry, parse_tree
from lineage.connectors.git.process import ObjectReader
from lineage_schemas.errors import DecodeError, LimitExceededError

TREE_DEPTH_MAX: Final = 200
"""Folders within folders."""

_TREES_KEPT: Final = 200_000

Wanted = Callable[[str, bytes], bool]
"""Tells from the kind and name of an entry whether it is looked for."""


class FoundFile(Struct, frozen=True):
    """A file that was looked for: its path from the top, and what stands there."""

    path: str
    entry: TreeEntry


def path_text(path: bytes) -> str:
    """Return a path as text; bytes that are no UTF-8 are written in hexadecimal."""
    return path.decode("utf-8", "backslashreplace")


class Trees:
    """The trees of one repository. What was read is kept, up to a bound."""

    def __init__(self, objects: ObjectReader, id_bytes: int, wanted: Wanted) -> None:
        """Look for what ``wanted`` names."""
        self._objects = objects
        self._id_bytes = id_bytes
        self._wanted = wanted
        self._trees: dict[str, dict[bytes, TreeEntry]] = {}
        self._found: dict[str, tuple[FoundFile, ...]] = {}
        self.missing: set[str] = set()
        """Trees that are not in the repository; they count as empty."""

    def load(self, roots: Iterable[str]) -> None:
        """Read these trees and all below them, level by level."""
        if len(self._trees) > _TREES_KEPT:
            self._trees.clear()
            self._found.clear()
        level = [root for root in dict.fromkeys(roots) if root not in self._trees]
        depth = 0
        while level:
            if depth > TREE_DEPTH_MAX:
                raise LimitExceededError(
                    f"Folders lie deeper than {TREE_DEPTH_MAX} (TREE_DEPTH_MAX)", where=level[0]
                )
            below: dict[str, None] = {}
            for tree_id, found in zip(level, self._objects.read(level), strict=True):
                if found is None:
                    self.missing.add(tree_id)
                entries = self._parsed(tree_id, b"" if found is None else found.body)
                below |= dict.fromkeys(
                    one.id
                    for one in entries.values()
                    if one.kind == TREE and one.id not in self._trees
                )
            level = list(below)
            depth += 1

    def _parsed(self, tree_id: str, body: bytes) -> dict[bytes, TreeEntry]:
        try:
            entries = parse_tree(body, self._id_bytes)
        except DecodeError as error:
            raise error.at(f"tree {tree_id}") from error
        self._trees[tree_id] = entries
        return entries

    def files(self, root: str) -> tuple[FoundFile, ...]:
        """Return what is looked for in a tree that was loaded, by path."""
        known = self._found.get(root)
        if known is not None:
            return known
        found: list[FoundFile] = []
        for name, entry in self._trees[root].items():
            if self._wanted(entry.kind, name):
                found.append(FoundFile(path_text(name), entry))
            elif entry.kind == TREE:
                found += [
                    FoundFile(f"{path_text(name)}/{one.path}", one.entry)
                    for one in self.files(entry.id)
                ]
        self._found[root] = tuple(found)
        return self._found[root]

    def entry(self, root: str, path: str) -> TreeEntry | None:
        """Return what stands at a path of a tree that was loaded; ``None`` where nothing does."""
        at: TreeEntry | None = TreeEntry(TREE, root)
        for name in path.split("/"):
            if at is None or at.kind != TREE:
                return None
            at = self._trees[at.id].get(name.encode("utf-8", "surrogateescape"))
        return at

    def file(self, root: str, path: str) -> TreeEntry | None:
        """Return the file at a path, symbolic links and submodules left out."""
        found = self.entry(root, path)
        return found if found is not None and found.kind == FILE else None
