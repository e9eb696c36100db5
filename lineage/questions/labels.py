"""Resolve what people call a thing to the key of that thing, as of a size.

What a node is called is read from what shows of it, so a label that was erased resolves to nothing,
and one that was given later does not resolve as of an earlier size.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from lineage.projections.links import LINK, LinkRow
from lineage.projections.states import STATE, STATE_PAST, read_stated
from lineage.projections.words import WORD, words_of
from lineage.questions.nodes import ASSERTED_CLASSES, read_nodes
from lineage.rules.secrets import clean_identifier
from lineage.stores.base import Reader
from lineage.stores.tables import is_visible
from lineage.vertices import namespace_of, node_name
from lineage_schemas.errors import AmbiguousLabelError, LabelCandidate, NotFoundError
from lineage_schemas.graph import Node, ResolvedLabel
from lineage_schemas.instants import format_instant
from lineage_schemas.labels import (
    clean_label,
    is_cut_label,
    is_identifier_shaped,
    label_form,
    labels_of,
)
from lineage_schemas.mlmd import Kind

CANDIDATES_MAX: Final = 20
"""Candidates of an ambiguous label that are listed; the rest are counted."""

MATCHES_MAX: Final = 1_000
"""Nodes of one label that are looked at; what a thousand nodes are called tells none of them."""

MEMBERS_MAX: Final = 10_000
"""Members of an entity that are gathered to tell whether two nodes are one thing."""

_WORDS_MAX: Final = 16
_CHUNK: Final = 1_000
_RUN: Final = "run"


def clean_name(text: str) -> str:
    """Return an identifier in its normal form, or a label as it was written, without secrets.

    Raises:
        InvalidIdentifierError: an identifier that its scheme does not allow, or neither of the two.
        LimitExceededError: longer than ``IDENTIFIER_BYTES_MAX``.
    """
    return clean_identifier(text) if is_identifier_shaped(text) else clean_label(text)


def resolve_name(
    reader: Reader,
    namespace: int | None,
    text: str,
    kinds: Iterable[Kind],
    size: int,
    preferred: str | None = None,
) -> tuple[str, ResolvedLabel | None]:
    """Return the identifier that a clean name stands for, and what it resolved to if it is a label.

    An identifier stands for itself, whether anybody has heard of it or not. Where anything of the
    ``preferred`` type goes by a label, nothing else is meant.

    Raises:
        AmbiguousLabelError: a label of several things; lists them.
        NotFoundError: a label of nothing.
    """
    if is_identifier_shaped(text):
        return text, None
    resolved = resolve_label(reader, namespace, text, kinds, size, preferred)
    return resolved.key, resolved


def resolve_label(
    reader: Reader,
    namespace: int | None,
    text: str,
    kinds: Iterable[Kind],
    size: int,
    preferred: str | None = None,
) -> ResolvedLabel:
    """Return the one thing that goes by a label; the members of an entity are one thing.

    Nodes of several kinds that share a key are one thing too: the key names them all. Those of the
    ``preferred`` type go first.

    Raises:
        AmbiguousLabelError: several things do.
        NotFoundError: nothing does.
    """
    form, wanted = label_form(text), frozenset(kinds)
    called = _called(reader, namespace, form, wanted, size)
    exactly = {vertex: node for vertex, node in called.items() if not is_cut_label(node, form)}
    called = exactly or called
    if preferred is not None:
        called = {v: node for v, node in called.items() if node.type == preferred} or called
    if not called:
        raise NotFoundError(
            f"Nothing goes by this label as of size {size}, or whatever did was erased",
            where=text,
            hint="Look for it with `lineage find`, or name it by an identifier, scheme:value.",
        )
    things = _things(reader, called, size)
    if len(things) > 1:
        raise _ambiguous(text, things, _Called(form, called, _stated_of(reader, things, size)))
    return _resolved(text, form, called[things[0][0]])


def find_labelled(
    reader: Reader, namespace: int | None, text: str, kinds: Iterable[Kind], size: int
) -> dict[int, Node]:
    """Return every node that goes by a label, by vertex: at most ``MATCHES_MAX`` and a chunk."""
    return _called(reader, namespace, label_form(text), frozenset(kinds), size)


def _called(
    reader: Reader, namespace: int | None, form: str, kinds: frozenset[Kind], size: int
) -> dict[int, Node]:
    """Return the first nodes of those that go by a label, by vertex."""
    candidates = _candidates(reader, namespace, form, kinds, size)
    found: dict[int, Node] = {}
    for start in range(0, len(candidates), _CHUNK):
        nodes = read_nodes(reader, candidates[start : start + _CHUNK], size)
        for vertex in sorted(nodes):
            node = nodes[vertex]
            if node.key is not None and form in labels_of(node):
                found[vertex] = node
        if len(found) >= MATCHES_MAX:
            break
    return found


def _candidates(
    reader: Reader, namespace: int | None, form: str, kinds: frozenset[Kind], size: int
) -> list[int]:
    """Return the nodes that ever showed the words of a label, by vertex."""
    words = words_of(form)
    # "run 847" may stand for a number alone, which no word "run" stands beside.
    words = [word for word in words if word != _RUN][:_WORDS_MAX] or words
    common: set[int] | None = None
    for word in words:
        spelt = [word, f"v{word}"] if word[0].isdigit() else [word]
        vertices = {
            vertex
            for _, vertex, since in reader.find(WORD, "word", spelt)
            if since < size and namespace_of(vertex) == namespace
        }
        common = vertices if common is None else common & vertices
    return sorted(v for v in common or () if node_name(v).kind in kinds)


def _things(reader: Reader, called: dict[int, Node], size: int) -> list[list[int]]:
    """Group nodes by the thing they are: one key, or one entity."""
    groups: dict[int, list[int]] = {}
    of_key: dict[str, int] = {}
    owner: dict[int, int] = {}
    for vertex, node in called.items():
        same = of_key.get(node.key or "", owner.get(vertex))
        if same is None:
            same = vertex
            owner.update(dict.fromkeys(_entity_of(reader, vertex, size), vertex))
        elif vertex not in owner:
            owner.update(dict.fromkeys(_entity_of(reader, vertex, size), same))
        of_key[node.key or ""] = same
        groups.setdefault(same, []).append(vertex)
    return list(groups.values())


def _entity_of(reader: Reader, vertex: int, size: int) -> set[int]:
    """Return the nodes that asserted links join to one, itself included."""
    found, waiting = {vertex}, {vertex}
    while waiting and len(found) < MEMBERS_MAX:
        hubs = {row.hub for row in _asserted(reader, "vertex", waiting, size)}
        waiting = {row.vertex for row in _asserted(reader, "hub", hubs, size)} - found
        found |= waiting
    return found


def _asserted(reader: Reader, column: str, values: Iterable[int], size: int) -> list[LinkRow]:
    return [
        row
        for row in map(LinkRow._make, reader.find(LINK, column, values))
        if row.active
        and row.link_class in ASSERTED_CLASSES
        and is_visible(row.since, row.until, size)
    ]


def _resolved(text: str, form: str, node: Node) -> ResolvedLabel:
    assert node.kind is not None
    return ResolvedLabel(
        text=text,
        key=node.key or "",
        kind=node.kind,
        type=node.type,
        label=labels_of(node)[form],
    )


def _stated_of(reader: Reader, things: list[list[int]], size: int) -> dict[int, int | None]:
    vertices = {vertex for one in things[:CANDIDATES_MAX] for vertex in one}
    return {
        row[0]: read_stated(row)
        for table in (STATE, STATE_PAST)
        for row in reader.find(table, "vertex", vertices, size)
    }


class _Called(NamedTuple):
    """The nodes that go by a label, and when what was said of each last was stated."""

    form: str
    nodes: dict[int, Node]
    stated: dict[int, int | None]


def _ambiguous(text: str, things: list[list[int]], called: _Called) -> AmbiguousLabelError:
    told = tuple(_candidate(one, called) for one in things[:CANDIDATES_MAX])
    more = len(things) - len(told)
    listed = "; ".join(f"{one.key} ({one.type or one.kind})" for one in told)
    rest = f"; and {more} more" if more else ""
    return AmbiguousLabelError(
        f"{len(things)} things go by this label",
        where=text,
        hint=f"Name one by its key: {listed}{rest}.",
        candidates=told,
        more=more,
    )


def _candidate(thing: list[int], called: _Called) -> LabelCandidate:
    node = called.nodes[thing[0]]
    assert node.kind is not None
    stated = max((at for one in thing if (at := called.stated.get(one)) is not None), default=None)
    return LabelCandidate(
        key=node.key or "",
        kind=node.kind.value,
        type=node.type,
        label=labels_of(node)[called.form],
        stated_at=None if stated is None else format_instant(stated),
        members=len(thing),
    )
