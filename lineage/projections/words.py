"""The views of words: which nodes and identifiers hold which word, and since when.

``WORD`` holds what a node is called: names, labels, keys, external ids and URIs.
``DETAIL_WORD`` holds what else finds it: values of its properties that are text, and, by their
hubs, the identifiers that somebody claims; so n nodes of one identifier hold its words once.

Rows are only ever added, each time a word comes to show; a search reads what shows of each
candidate as of its size and keeps those that really hold the word then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from lineage.stores.base import Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.graph import Node
from lineage_schemas.labels import ALIASES_MAX, labels_of

_COLUMNS: Final = (Column("word", str), Column("vertex", int), Column("since", int))
_KEY: Final = ("word", "vertex", "since")

WORD: Final = Table("word", _COLUMNS, key=_KEY, bound=(Bound.VERTEX, "vertex"))
DETAIL_WORD: Final = Table("detail_word", _COLUMNS, key=_KEY, bound=(Bound.VERTEX, "vertex"))
"""A word that also stands in ``WORD`` of the same node is not told twice."""

WORD_LENGTH_MAX: Final = 64
WORDS_PER_NODE_MAX: Final = 64
"""Beyond these a node is found by its other words only."""

LABEL_WORDS_PER_NODE_MAX: Final = 4 * ALIASES_MAX
"""The same for what people call it: a version has as many labels as aliases, and more."""

VALUE_WORDS_PER_NODE_MAX: Final = 32
"""The same for the values of its properties, in the order of their names."""

VALUE_LENGTH_MAX: Final = 1_024
"""Characters of a value whose words find a node."""

_WORD: Final = re.compile(rf"[^\W_]{{1,{WORD_LENGTH_MAX}}}")


class NodeWords(NamedTuple):
    """The words by which a node is found, by where they stand. One may stand in several places."""

    names: set[str]
    identifiers: set[str]
    values: set[str]

    @property
    def called(self) -> set[str]:
        """The words of ``WORD``."""
        return self.names | self.identifiers


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, case folded, each once, in order.

    A run of more than ``WORD_LENGTH_MAX`` is several words.
    """
    return list(dict.fromkeys(_WORD.findall(text.casefold())))


def words_of_identifier(identifier: str) -> list[str]:
    """Return the words by which an identifier or a URI is found.

    Its scheme is left out: all nodes of a tool share one, so it finds nothing in particular.
    """
    return words_of(identifier[identifier.find(":") + 1 :])[:WORDS_PER_NODE_MAX]


def words_of_node(key: str | None, node: Node | None) -> NodeWords:
    """Return the words by which a node is found, of which only the key may be known."""
    called = [] if node is None else list(labels_of(node).values())
    texts = [key[key.find(":") + 1 :]] if key else []
    if node is not None and node.uri:
        texts.append(node.uri[node.uri.find(":") + 1 :])
    if node is not None and node.external_id:
        texts.append(node.external_id)
    values = [] if node is None else _texts_told(node)
    return NodeWords(
        set(words_of("\n".join(called))[:LABEL_WORDS_PER_NODE_MAX]),
        set(words_of("\n".join(texts))[:WORDS_PER_NODE_MAX]),
        set(words_of("\n".join(values))[:VALUE_WORDS_PER_NODE_MAX]) if values else set(),
    )


def _texts_told(node: Node) -> list[str]:
    """Return the values that are text: first declared properties, then custom ones, by name."""
    found: list[str] = []
    for properties in (node.properties, node.custom_properties):
        if properties:
            texts = [item for item in properties.items() if isinstance(item[1], str)]
            if len(texts) > 1:
                texts.sort()
            found += [str(value)[:VALUE_LENGTH_MAX] for _, value in texts]
    return found


class Words:
    """The words that one run of folding adds."""

    def __init__(self) -> None:
        self._called: set[Row] = set()
        self._details: set[Row] = set()

    def fold_node(
        self, position: int, vertex: int, after: NodeWords, before: NodeWords | None = None
    ) -> None:
        """Add the words that a node has come to show."""
        called = after.called
        details = after.values - called
        if before is not None:
            known = before.called
            called -= known
            details -= before.values - known
        self._called.update([(word, vertex, position) for word in called])
        self._details.update([(word, vertex, position) for word in details])

    def fold_hubs(self, position: int, named: Iterable[tuple[int, str]]) -> None:
        """Add the words of hubs whose identifiers have come to be known."""
        for hub, identifier in named:
            words = words_of_identifier(identifier)
            self._details.update([(word, hub, position) for word in words])

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(WORD, list(self._called))
        writer.insert(DETAIL_WORD, list(self._details))
        self._called, self._details = set(), set()
