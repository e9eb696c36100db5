"""Guess what a thing may be the same as: by the name of its file, in another source.

A guess is only ever listed. It is made when somebody asks, from what shows as of a size, and it is
kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final, NamedTuple
from urllib.parse import unquote

from lineage.graph.links import LinkIndex
from lineage.projections.catalog import types_as_of
from lineage.projections.links import read_evidence
from lineage.projections.states import STATE, STATE_PAST, read_sources
from lineage.projections.words import WORD, words_of
from lineage.questions.nodes import read_identifiers, read_nodes
from lineage.stores.base import Reader
from lineage.vertices import node_name, realm
from lineage_schemas.graph import Node
from lineage_schemas.labels import DISPLAY_NAME
from lineage_schemas.linking import Guess
from lineage_schemas.records import LinkClass
from lineage_schemas.values import JsonValue

GUESSES_SHOWN_MAX: Final = 10
GUESSES_READ_MAX: Final = 200
"""Nodes of one file name that are compared with a thing; the rest are counted as they are."""

NAME_LENGTH_MIN: Final = 3
"""Shorter names are of too many things."""

Path = tuple[str, ...]

_NO_NAMES: Final = re.compile(r"(?:sha256|md5|dvc-md5|dvc-dir|git|mlmd|mlflow-[a-z-]+|ol:run|ci):")
_DVC: Final = re.compile(r"dvc:data/[^/]+/(.+)@[^@]*", re.DOTALL)
_MLFLOW: Final = re.compile(
    r"mlflow:(?:dataset|registered-model)/[^/]+/([^/]+)(?:/.*)?|mlflow:artifact/[^/]+/[^/]+/(.+)",
    re.DOTALL,
)
_OPENLINEAGE: Final = re.compile(r"ol:(?:dataset|job)/[^/]+/(.+)", re.DOTALL)
_WITHIN_TOOLS: Final = (_DVC, _MLFLOW, _OPENLINEAGE)
_TOOLS: Final = re.compile(r"(?:dvc|mlflow|ol):")
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGITS_ALONE: Final = re.compile(r"[0-9a-f\-]{8,}")


class Compared(NamedTuple):
    """A node, with what it is compared by."""

    vertex: int
    node: Node
    sources: frozenset[str]


class Guesses:
    """Looks for candidates; what is read for one thing of a page serves the others."""

    def __init__(self, reader: Reader, links: LinkIndex, namespace: int, size: int) -> None:
        self._reader = reader
        self._links = links
        self._size = size
        self._of_word: dict[str, frozenset[int]] = {}
        self._compared: dict[int, tuple[Compared, set[Path]] | None] = {}
        self._bases = {
            row.definition.name: row.definition.base_type
            for row in types_as_of(reader, namespace, size)
        }

    def base_of(self, node: Node) -> str | None:
        """Return the system type that a node's type is based on."""
        return None if node.type is None else self._bases.get(node.type)

    def of(self, mine: Compared) -> tuple[tuple[Guess, ...], int]:
        """Return the first guesses, those that somebody stated before ours, and how many more."""
        stated = self._stated(mine)
        known = {mine.vertex, *(guess.id for guess in stated)}
        named, more = self._named(mine, known)
        guesses = [*stated, *named]
        return tuple(guesses[:GUESSES_SHOWN_MAX]), max(0, len(guesses) - GUESSES_SHOWN_MAX) + more

    def same_name(self, mine: Compared, other: Compared) -> str | None:
        """Return the end that the paths of two nodes share, if that would make one a guess."""
        same = _longest_common(paths_of(mine.node), paths_of(other.node))
        alike = realm(mine.vertex) == realm(other.vertex) and self._may_be(mine, other)
        return "/".join(same) if same and alike else None

    def _stated(self, mine: Compared) -> list[Guess]:
        """Return what somebody claimed to be a guess."""
        crossings = self._links.crossings(mine.vertex, self._size, [LinkClass.GUESSED])
        nodes = read_nodes(self._reader, {one.far.vertex for one in crossings}, self._size)
        identifiers = read_identifiers(self._reader, {one.near.hub for one in crossings})
        guesses: list[Guess] = []
        for crossing in crossings:
            row = max(crossing[:2], key=lambda row: row.link_class == LinkClass.GUESSED.value)
            evidence: dict[str, JsonValue] = {
                "claimed_by": row.source,
                "identifier": identifiers.get(row.hub),
                **read_evidence(row),
            }
            guesses.append(_guess(crossing.far.vertex, nodes[crossing.far.vertex], evidence))
        return guesses

    def _named(self, mine: Compared, known: set[int]) -> tuple[list[Guess], int]:
        """Return the nodes of another source whose file has the same name, longest path first."""
        paths = paths_of(mine.node)
        candidates = self._candidates({path[-1] for path in paths})
        of_kind = realm(mine.vertex)
        others = [vertex for vertex in candidates - known if realm(vertex) == of_kind]
        read = nsmallest(GUESSES_READ_MAX, others)
        ranked: list[tuple[int, int, Guess]] = []
        for other, theirs in self._read(read):
            same = _longest_common(paths, theirs)
            if same and self._may_be(mine, other):
                evidence: dict[str, JsonValue] = {"same_name": "/".join(same)}
                ranked.append(
                    (-len(same), other.vertex, _guess(other.vertex, other.node, evidence))
                )
        return [guess for _, _, guess in sorted(ranked, key=lambda one: one[:2])], len(
            others
        ) - len(read)

    def _read(self, vertices: Sequence[int]) -> Iterator[tuple[Compared, set[Path]]]:
        """Yield the described ones of some nodes, with their paths; each is read once a page."""
        new = [vertex for vertex in vertices if vertex not in self._compared]
        if new:
            self._compared.update(dict.fromkeys(new))
            for one in compared(self._reader, new, self._size):
                self._compared[one.vertex] = one, paths_of(one.node)
        for vertex in vertices:
            known = self._compared[vertex]
            if known is not None:
                yield known

    def _may_be(self, mine: Compared, other: Compared) -> bool:
        """Tell whether two nodes are of different sources, and of types that agree."""
        if mine.sources & other.sources or not other.sources:
            return False
        if mine.node.type is None or other.node.type is None:
            return True
        base = self.base_of(mine.node)
        return mine.node.type == other.node.type or (
            base is not None and base == self.base_of(other.node)
        )

    def _candidates(self, names: Iterable[str]) -> set[int]:
        found: set[int] = set()
        for name in names:
            first, *others = map(self._vertices, words_of(name))
            for other in others:
                first &= other
            found |= first
        return found

    def _vertices(self, word: str) -> frozenset[int]:
        if word not in self._of_word:
            rows = self._reader.find(WORD, "word", [word])
            self._of_word[word] = frozenset(row[1] for row in rows if row[2] < self._size)
        return self._of_word[word]


def compared(reader: Reader, vertices: Sequence[int], size: int) -> list[Compared]:
    """Return the described ones of these nodes, with their sources."""
    sources = {
        row[0]: frozenset(read_sources(row))
        for table in (STATE, STATE_PAST)
        for row in reader.find(table, "vertex", vertices, size)
    }
    nodes = read_nodes(reader, list(sources), size)
    return [Compared(vertex, nodes[vertex], sources[vertex]) for vertex in sorted(sources)]


def paths_of(node: Node) -> set[Path]:
    """Return the paths by which people may know a node, case folded; most have one."""
    label = node.properties.get(DISPLAY_NAME)
    texts = [
        _path_in(node.key),
        _path_in(node.uri),
        None if node.name == node.key else node.name,
        label if isinstance(label, str) else None,
    ]
    paths = (tuple(part for part in text.casefold().split("/") if part) for text in texts if text)
    return {path for path in paths if path and _tells(path[-1])}


def _path_in(identifier: str | None) -> str | None:
    """Return the path in an identifier or URI; ``None``: it names no file."""
    if identifier is None or _NO_NAMES.match(identifier) is not None:
        return None
    for form in _WITHIN_TOOLS:
        found = form.fullmatch(identifier)
        if found is not None:
            return unquote(next(group for group in found.groups() if group is not None))
    if _TOOLS.match(identifier) is not None:
        return None
    # What a tool was given on its own machine ("features.csv") is a path without a scheme.
    return unquote(_QUERY.sub("", identifier[identifier.find(":") + 1 :]))


def _tells(name: str) -> bool:
    """Tell whether a name says anything: neither short, nor a number, nor a digest."""
    return (
        len(name) >= NAME_LENGTH_MIN
        and _LETTER.search(name) is not None
        and _DIGITS_ALONE.fullmatch(name) is None
    )


def _longest_common(some: Iterable[Path], others: Iterable[Path]) -> Path:
    theirs = list(others)
    ends = (_common(one, other) for one in some for other in theirs)
    return max(ends, key=lambda end: (len(end), end), default=())


def _common(one: Path, other: Path) -> Path:
    """Return the path that both end with."""
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        length += 1
    return one[len(one) - length :]


def _guess(vertex: int, node: Node, evidence: dict[str, JsonValue]) -> Guess:
    name = node_name(vertex)
    return Guess(kind=name.kind, id=name.id, key=node.key, type=node.type, evidence=evidence)
