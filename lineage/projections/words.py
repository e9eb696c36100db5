"""The view of words: which nodes' names, labels, keys and URIs hold which word, and since when.

Rows are only ever added, each time a word comes to show; a search reads what shows of each
candidate as of its size and keeps those that really hold the word then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lineage.stores.base import Writer
from lineage.stores.tables import Bound, Column, Row, Table
from lineage_schemas.graph import Node
from lineage_schemas.labels import ALIASES_MAX, labels_of

WORD: Final = Table(
    "word",
    (Column("word", str), Column("vertex", int), Column("since", int)),
    key=("word", "vertex", "since"),
    bound=(Bound.VERTEX, "vertex"),
)

WORD_LENGTH_MAX: Final = 64
WORDS_PER_NODE_MAX: Final = 64
"""Beyond these a node is found by its other words only."""

LABEL_WORDS_PER_NODE_MAX: Final = 4 * ALIASES_MAX
"""The same for what people call it: a version has as many labels as aliases, and more."""

_WORD: Final = re.compile(rf"[^\W_]{{1,{WORD_LENGTH_MAX}}}")


def words_of(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, case folded, each once, in order.

    A run of more than ``WORD_LENGTH_MAX`` is several words.
    """
    return list(dict.fromkeys(_WORD.findall(text.casefold())))


def words_of_node(key: str | None, node: Node | None) -> set[str]:
    """Return the words by which a node is found.

    Schemes are left out: all nodes of a tool share one, so it finds nothing in particular.
    """
    called = [] if node is None else list(labels_of(node).values())
    texts = [key[key.find(":") + 1 :]] if key else []
    if node is not None and node.uri:
        texts.append(node.uri[node.uri.find(":") + 1 :])
    return {
        *words_of("\n".join(called))[:LABEL_WORDS_PER_NODE_MAX],
        *words_of("\n".join(texts))[:WORDS_PER_NODE_MAX],
    }


class Words:
    """The words that one run of folding adds."""

    def __init__(self) -> None:
        self._new: set[Row] = set()

    def add(self, position: int, vertex: int, words: Iterable[str]) -> None:
        """Add words that a node has come to show."""
        self._new.update([(word, vertex, position) for word in words])

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(WORD, list(self._new))
        self._new = set()
