"""Find nodes by words, the best first: one page at a time, all pages of one size.

A node is found if it shows every word that is asked for. Where those stand ranks it:

- before all others, a node whose name, label, key or URI, or an identifier of which somebody claims
  that it goes by it, is just what is asked for;
- then one that shows every word in its names and labels;
- then with its key, URI and identifiers taken in;
- then with the values of its properties and the name of its type taken in.

Among equals, those that show every word whole go before those that show one only as the beginning
of a longer one, and then they go by kind and id.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from heapq import nsmallest
from itertools import islice
from typing import Final, NamedTuple

from lineage.projections.catalog import KnownTypeRow, type_key, types_as_of
from lineage.projections.links import LINK, LinkRow
from lineage.projections.words import (
    DETAIL_WORD,
    WORD,
    words_of,
    words_of_identifier,
    words_of_node,
)
from lineage.questions.filtering import matching
from lineage.questions.graph_asked import Then
from lineage.questions.nodes import find_by_key, read_identifiers, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.search import Found, PageAsked, after_cursor, page_of, vertices_of_key
from lineage.stores.base import Reader
from lineage.stores.tables import Row, Table
from lineage.vertices import HUB_CODE, kind_code, namespace_of
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import Node, NodePage, Truncation, TruncationReason
from lineage_schemas.labels import is_identifier_shaped, label_form, labels_of
from lineage_schemas.mlmd import Kind

QUERY_WORDS_MAX: Final = 16
SEARCH_CANDIDATES_MAX: Final = 10_000
"""Nodes that one search looks at; the rest are counted, and never ranked."""

WORD_HOLDERS_MAX: Final = 100_000
"""Nodes that are gathered for one word; a word of more narrows nothing."""

_FEW: Final = 1_000
"""So few candidates are looked at, rather than narrowed by another word."""

_CHUNK: Final = 1_000
_ROWS: Final = 10_000
_RUN: Final = "run"
_NUMBERED: Final = re.compile(r"v?([0-9].*)")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_EXACT: Final = 0
_NAMES: Final = 1
_IDENTIFIERS: Final = 2
_DETAILS: Final = 3


class Sought(NamedTuple):
    """What is looked for. A search for a bare identifier or type need not show what is in front.

    ``front`` are the words of a scheme, or of what stands before the last dot of a type's name.
    """

    text: str
    form: str
    words: tuple[str, ...]
    front: frozenset[str]


class _Gathered(NamedTuple):
    """Nodes that may hold a word, each with where: called so (0) or not (1); and if that is all."""

    places: dict[int, int]
    is_all: bool


class _Candidates(NamedTuple):
    """The nodes to look at, and how many more there are, at least."""

    vertices: list[int]
    hidden: int


def find_words(
    reader: Reader, namespace: int | None, text: str, asked: PageAsked, basis: Basis
) -> NodePage:
    """Find the nodes that show every word of ``text``, each word as the beginning of one.

    At most ``SEARCH_CANDIDATES_MAX`` nodes are looked at, first those that are called so; every
    page says if there were more.

    Raises:
        InvalidInputError: no word, or more than ``QUERY_WORDS_MAX``.
    """
    types = [] if namespace is None else types_as_of(reader, namespace, basis.size)
    sought = _sought(text, types)
    candidates = _Candidates([], 0)
    if namespace is not None:
        candidates = _candidates(reader, namespace, sought, types, basis.size)
    cursor = asked.cursor
    behind = (-1 if cursor is None else cursor.part, after_cursor(namespace, cursor))
    found: list[Found] = []
    for start in range(0, len(candidates.vertices), _CHUNK):
        chunk = candidates.vertices[start : start + _CHUNK]
        ranked = _ranked(reader, sought, chunk, basis.size)
        if asked.prepared is not None:
            kept = matching(reader, asked.prepared, {one[1] for one in ranked}, Then(basis.size))
            ranked = [one for one in ranked if one[1] in kept]
        found += [one for one in ranked if one[:2] > behind]
    found = nsmallest(asked.length + 1, found, key=lambda one: one[:2])
    page = page_of(basis, asked, found, _cut(candidates))
    return with_redactions(reader, page, namespace, [v for _, v, _ in found[: asked.length]])


def _sought(text: str, types: Sequence[KnownTypeRow]) -> Sought:
    words = words_of(text)
    if not 1 <= len(words) <= QUERY_WORDS_MAX:
        raise InvalidInputError(
            f"A search needs 1 to {QUERY_WORDS_MAX} words of letters or digits", where=text[:64]
        )
    asked = text.strip().casefold()
    front: list[str] = []
    if is_identifier_shaped(text):
        front = words_of(asked.partition(":")[0])
    elif any(row.definition.name.casefold() == asked for row in types):
        front = words_of(asked.rpartition(".")[0])
    rest = [word for word in words if word not in front]
    return Sought(asked, label_form(text), tuple(rest or words), frozenset(front if rest else ()))


# --- gathering -----------------------------------------------------------------------------------


def _candidates(
    reader: Reader, namespace: int, sought: Sought, types: Sequence[KnownTypeRow], size: int
) -> _Candidates:
    """Return the nodes that may be found, those that are called so first, then by vertex.

    What is gathered for a word never lacks a node that shows it, unless it is cut; so a word need
    not be gathered where others leave few candidates, each of which is looked at.
    """
    keys = {word: _keys_of_types(types, word) for word in sought.words}
    # "run 847" may stand for a number alone, which no word "run" stands beside.
    words = [word for word in sought.words if word != _RUN] or list(sought.words)
    words.sort(key=lambda word: (bool(keys[word]), -len(word), word))
    common: dict[int, int] | None = None
    partial: dict[int, int] = {}
    for word in words:
        if common is not None and len(common) <= _FEW:
            break
        places, is_all = _gathered(reader, namespace, word, keys[word], size)
        if not is_all:
            partial = partial or places
        elif common is None:
            common = places
        else:
            common = {
                vertex: max(place, places[vertex])
                for vertex, place in common.items()
                if vertex in places
            }
    found = partial if common is None else common
    if is_identifier_shaped(sought.text):
        named = find_by_key(reader, namespace, sought.text, tuple(Kind), size)
        found = {**found, **dict.fromkeys(named, -1)}
    ordered = sorted(found, key=lambda vertex: (found[vertex], vertex))
    hidden = max(len(ordered) - SEARCH_CANDIDATES_MAX, 0)
    return _Candidates(ordered[:SEARCH_CANDIDATES_MAX], hidden)


def _gathered(
    reader: Reader, namespace: int, word: str, keys: Sequence[int], size: int
) -> _Gathered:
    """Gather the nodes that ever came to show a word by then, and those of its types."""
    places: dict[int, int] = {}
    for table, place in ((WORD, 0), (DETAIL_WORD, 1)):
        vertices = _vertices(reader, table, namespace, word, size)
        hubs = [vertex for vertex in vertices if kind_code(vertex) == HUB_CODE]
        nodes = [vertex for vertex in vertices if kind_code(vertex) != HUB_CODE]
        for vertex in (*nodes, *_linked(reader, hubs, size)):
            places.setdefault(vertex, place)
        if len(places) > WORD_HOLDERS_MAX or len(vertices) > WORD_HOLDERS_MAX:
            return _Gathered(places, is_all=False)
    for key in keys:
        room = WORD_HOLDERS_MAX + 1 - len(places)
        for vertex in islice(vertices_of_key(reader, key, size), room):
            places.setdefault(vertex, 1)
        if len(places) > WORD_HOLDERS_MAX:
            return _Gathered(places, is_all=False)
    return _Gathered(places, is_all=True)


def _vertices(
    reader: Reader, table: Table, namespace: int, word: str, size: int
) -> dict[int, None]:
    """Return what holds a word, as the beginning of one, one more than is gathered at most."""
    found: dict[int, None] = {}
    for beginning, is_whole in ((word, False), *((one, True) for one in _respelt(word))):
        after: Row | None = None
        while len(found) <= WORD_HOLDERS_MAX:
            rows = reader.find_prefix(table, "word", beginning, after, _ROWS)
            for held, vertex, since in rows:
                is_held = not is_whole or held == beginning
                if is_held and since < size and namespace_of(vertex) == namespace:
                    found[vertex] = None
            if len(rows) < _ROWS or (is_whole and rows[-1][0] != beginning):
                break
            after = table.key_of(rows[-1])
    return dict.fromkeys(islice(found, WORD_HOLDERS_MAX + 1))


def _linked(reader: Reader, hubs: Collection[int], size: int) -> list[int]:
    """Return the nodes of which somebody claims that they go by these identifiers."""
    rows = map(LinkRow._make, reader.find(LINK, "hub", hubs, size)) if hubs else ()
    return sorted({row.vertex for row in rows if row.active})


def _keys_of_types(types: Sequence[KnownTypeRow], word: str) -> list[int]:
    return [
        type_key(row.namespace, row.id)
        for row in types
        if any(one.startswith(word) for one in _words_of_type(row.definition.name))
    ]


def _cut(candidates: _Candidates) -> tuple[Truncation, ...]:
    if not candidates.hidden:
        return ()
    return (
        Truncation(
            reason=TruncationReason.CANDIDATES,
            limit=SEARCH_CANDIDATES_MAX,
            hidden=candidates.hidden,
        ),
    )


# --- ranking -------------------------------------------------------------------------------------


def _ranked(reader: Reader, sought: Sought, vertices: Sequence[int], size: int) -> list[Found]:
    """Return (rank, vertex, node) of those that show what is sought."""
    nodes = read_nodes(reader, vertices, size)
    identifiers = _identifiers_of(reader, vertices, size)
    found: list[Found] = []
    for vertex in vertices:
        node = nodes.get(vertex)
        rank = None if node is None else _rank(sought, node, identifiers.get(vertex, ()))
        if node is not None and rank is not None:
            found.append((rank, vertex, node))
    return found


def _identifiers_of(reader: Reader, vertices: Collection[int], size: int) -> dict[int, list[str]]:
    """Return the identifiers that somebody claims of these nodes, as of a size."""
    rows = [
        row for row in map(LinkRow._make, reader.find(LINK, "vertex", vertices, size)) if row.active
    ]
    texts = read_identifiers(reader, {row.hub for row in rows}) if rows else {}
    found: dict[int, list[str]] = {}
    for row in rows:
        if (text := texts.get(row.hub)) is not None:
            found.setdefault(row.vertex, []).append(text)
    return found


def _rank(sought: Sought, node: Node, claimed: Sequence[str]) -> int | None:
    """Return where a node stands among what is found; ``None``: it does not show every word."""
    told = [text for text in (node.name, node.key, node.uri, node.external_id, *claimed) if text]
    if any(text.casefold() == sought.text for text in told) or sought.form in labels_of(node):
        return _EXACT
    if sought.front and not _has_front(sought, node, told):
        return None
    words = words_of_node(node.key, node)
    pool = set(words.names)
    if (is_whole := _shows(sought, pool)) is not None:
        return 2 * _NAMES + (not is_whole)
    pool |= words.identifiers
    pool.update(word for text in claimed for word in words_of_identifier(text))
    if (is_whole := _shows(sought, pool)) is not None:
        return 2 * _IDENTIFIERS + (not is_whole)
    pool |= words.values
    pool |= _words_of_type(node.type or "")
    if (is_whole := _shows(sought, pool)) is not None:
        return 2 * _DETAILS + (not is_whole)
    return None


def _shows(sought: Sought, pool: Collection[str]) -> bool | None:
    """Tell whether every word is shown whole; ``None``: one is not shown at all."""
    is_whole = True
    for word in sought.words:
        if word in pool or any(one in pool for one in _respelt(word)):
            continue
        if not any(one.startswith(word) for one in pool):
            return None
        is_whole = False
    return is_whole


def _has_front(sought: Sought, node: Node, told: Iterable[str]) -> bool:
    """Tell whether a node shows the words of a scheme or of the front of a type's name."""
    shown = set(words_of("\n".join((*told, node.type or ""))))
    return all(any(one.startswith(word) for one in shown) for word in sought.front)


def _respelt(word: str) -> list[str]:
    """Return how else people write a word, whole: ``v3`` is ``3``."""
    numbered = _NUMBERED.fullmatch(word)
    if numbered is None:
        return []
    return [numbered[1] if word[0] == "v" else f"v{word}"]


def _words_of_type(name: str) -> set[str]:
    """Return the words of a type's name after its last dot: ``dataset``, ``data`` and ``set``."""
    last = name.rpartition(".")[2]
    return {*words_of(last), *words_of(_HUMP.sub(" ", last))}
