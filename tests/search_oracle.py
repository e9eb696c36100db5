"""What a search should find, by plain lists: every node that shows, each looked at whole.

Nothing here is taken from the engine: it is told what shows of each node and what stands of claims.
"""

from __future__ import annotations

import re
from typing import NamedTuple

ORDER = ("artifact", "execution", "context")


class Shown(NamedTuple):
    """A node, with what is found of it: as people read it."""

    kind: str
    id: int
    names: tuple[str, ...] = ()
    """Names and labels."""
    identifiers: tuple[str, ...] = ()
    """Its key and URI, and what it is claimed to go by."""
    values: tuple[str, ...] = ()
    type: str = ""


def words(text: str) -> list[str]:
    """Return the words of a short text."""
    return re.findall(r"[^\W_]+", text.casefold())


def found(nodes: list[Shown], text: str) -> list[tuple[str, int]]:
    """Return (kind, id) of the nodes that show every word of a text, the best first."""
    ranked = [
        (rank, ORDER.index(node.kind), node.id)
        for node in nodes
        if (rank := _rank(node, text)) is not None
    ]
    return [(ORDER[kind], number) for _, kind, number in sorted(ranked)]


def _rank(node: Shown, text: str) -> tuple[int, bool] | None:
    if text.casefold() in {one.casefold() for one in (*node.names, *node.identifiers)}:
        return 0, False
    if _plain(text) in map(_plain, node.names):
        return 0, False
    asked = words(text)
    if re.match(r"[a-z]+:\S", text):
        told = (*node.names, *node.identifiers, node.type)
        if not any(word.startswith(asked[0]) for one in told for word in words(one)):
            return None
        asked = asked[1:]
    humps = re.sub("([a-z])([A-Z])", r"\1 \2", node.type.split(".")[-1])
    places = (
        [word for name in node.names for word in words(name)],
        [word for one in node.identifiers for word in words(one.split(":", 1)[-1])],
        [word for value in (*node.values, humps, humps.replace(" ", "")) for word in words(value)],
    )
    shown: list[str] = []
    for tier, place in enumerate(places, start=1):
        shown += place
        if all(any(one.startswith(word) for one in shown) for word in asked):
            return tier, not all(word in shown for word in asked)
    return None


def _plain(name: str) -> str:
    """People write blanks, underscores and dashes alike."""
    return re.sub(r"[\s_-]+", " ", name.casefold())
