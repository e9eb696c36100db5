"""Find nodes by words, list them by type: one page at a time, all pages of one size."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Final, NamedTuple
from zlib import crc32

from lineage.projections.catalog import type_key, types_as_of
from lineage.projections.nodes import NODE
from lineage.projections.states import STATE, STATE_PAST, read_shown
from lineage.projections.words import WORD, words_of, words_of_node
from lineage.questions.as_of import AsOf, Present
from lineage.questions.nodes import complete_nodes, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.stores.base import Reader
from lineage.vertices import HUB_CODE, ID_MAX, KIND_CODES, namespace_of, vertex_of
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import Node, NodePage
from lineage_schemas.instants import parse_instant
from lineage_schemas.limits import INT_MAX
from lineage_schemas.mlmd import Kind

PAGE_NODES_MAX: Final = 1_000
PAGE_NODES_DEFAULT: Final = 100
_CURSOR_VERSION: Final = 3
QUERY_WORDS_MAX: Final = 16


class Cursor(NamedTuple):
    """Where a page ended: the size all pages are of, the part of the list, and its last node.

    ``question`` is a checksum of what was asked, so that a cursor serves no other question.
    ``after`` is counted from the first vertex of the namespace, whose number tells how many there
    were before it. ``judged_us`` is when the sources of the first page were judged, if any were.
    """

    question: int
    size: int
    part: int
    after: int
    judged_us: int = 0

    @property
    def as_of(self) -> AsOf:
        """As of when the next page is asked: of what the first one was."""
        return Present(self.size, self.judged_us) if self.judged_us else self.size


_Found = tuple[int, int, Node]
"""(part of the list, vertex, node)."""


def encode_cursor(cursor: Cursor) -> str:
    """Return the opaque text of a cursor."""
    return urlsafe_b64encode(b"%d.%d.%d.%d.%d.%d" % (_CURSOR_VERSION, *cursor)).decode().rstrip("=")


def question_of(*asked: str) -> int:
    """Return the checksum of what is asked."""
    return crc32("\n".join(asked).encode())


def decode_cursor(text: str, question: int) -> Cursor:
    """Read back a cursor of a question.

    Raises:
        InvalidInputError: the text is not one of our cursors, or is one of another question.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        version, *rest = map(int, urlsafe_b64decode(padded.encode()).split(b"."))
        cursor = Cursor(*rest)
    except (ValueError, TypeError, Base64Error) as error:
        raise InvalidInputError("This is not a cursor of ours", where=text[:64]) from error
    if version != _CURSOR_VERSION or not all(0 <= number <= INT_MAX for number in cursor):
        raise InvalidInputError("This is not a cursor of ours", where=text[:64])
    if cursor.question != question:
        raise InvalidInputError(
            "This cursor is of another question",
            where=text[:64],
            hint="Ask for the next page with the same words, type and namespace.",
        )
    return cursor


def check_page(count: int) -> None:
    """Refuse a page size out of range."""
    if not 1 <= count <= PAGE_NODES_MAX:
        raise InvalidInputError(f"A page has 1 to {PAGE_NODES_MAX} nodes", where=str(count))


def find_words(
    reader: Reader,
    namespace: int | None,
    text: str,
    cursor: Cursor | None,
    count: int,
    basis: Basis,
) -> NodePage:
    """Find the nodes that show every word of ``text``, each word as the beginning of one.

    Raises:
        InvalidInputError: no word, or more than ``QUERY_WORDS_MAX``.
    """
    words = list(dict.fromkeys(words_of(text)))
    if not 1 <= len(words) <= QUERY_WORDS_MAX:
        raise InvalidInputError(
            f"A search needs 1 to {QUERY_WORDS_MAX} words of letters or digits", where=text[:64]
        )
    after = _after(namespace, cursor)
    candidates = _candidates(reader, namespace, words, basis.size)
    waiting = [vertex for vertex in candidates if vertex > after]
    found: list[_Found] = []
    for start in range(0, len(waiting), PAGE_NODES_MAX):
        chunk = waiting[start : start + PAGE_NODES_MAX]
        nodes = read_nodes(reader, chunk, basis.size)
        found += [(0, v, nodes[v]) for v in chunk if v in nodes and _shows(nodes[v], words)]
        if len(found) > count:
            break
    page = _page(basis, question_of(basis.namespace, "find", text), count, found)
    return with_redactions(reader, page, namespace, [v for _, v, _ in found[:count]])


def list_type(
    reader: Reader,
    namespace: int | None,
    name: str,
    cursor: Cursor | None,
    count: int,
    basis: Basis,
) -> NodePage:
    """List the nodes of a type, or of every type based on it, or of a kind, by kind and id.

    Raises:
        NotFoundError: there is no kind and no type of that name.
    """
    question = question_of(basis.namespace, "list", name)
    part, after = 0 if cursor is None else cursor.part, _after(namespace, cursor)
    if name in {kind.value for kind in Kind}:
        of_kind = _of_kind(reader, namespace, Kind(name), after, count + 1, basis.size)
        page = _page(basis, question, count, of_kind)
        return with_redactions(reader, page, namespace, [v for _, v, _ in of_kind[:count]])
    keys = _type_keys(reader, namespace, name, basis.size)
    found: list[_Found] = []
    while part < len(keys) and len(found) <= count:
        limit = count + 1 - len(found)
        index = ("type_key", "vertex")
        rows = [
            row
            for table in (STATE, STATE_PAST)
            for row in reader.page(table, index, keys[part], after, limit, basis.size)
        ]
        rows.sort(key=lambda row: row[0])
        nodes = {row[0]: read_shown(row) for row in rows[:limit]}
        found += [(part, v, node) for v, node in complete_nodes(reader, nodes, basis.size).items()]
        part, after = part + 1, -1
    page = _page(basis, question, count, found)
    return with_redactions(reader, page, namespace, [v for _, v, _ in found[:count]])


def vertices_of_type(reader: Reader, namespace: int, name: str, size: int) -> list[int]:
    """Return every node of a type as of a size, by vertex; of an unknown type, none."""
    keys = [
        type_key(row.namespace, row.id)
        for row in types_as_of(reader, namespace, size)
        if row.definition.name == name
    ]
    found: list[int] = []
    for key in keys:
        for table in (STATE, STATE_PAST):
            after: int | None = None
            index = ("type_key", "vertex")
            while rows := reader.page(table, index, key, after, PAGE_NODES_MAX, size):
                found += [int(row[0]) for row in rows]
                after = found[-1]
    return sorted(found)


def _after(namespace: int | None, cursor: Cursor | None) -> int:
    """Return the vertex that a page begins behind."""
    if namespace is None or cursor is None:
        return -1
    return min(vertex_of(namespace, HUB_CODE, 0) + cursor.after, INT_MAX)


def _page(basis: Basis, question: int, count: int, found: list[_Found]) -> NodePage:
    """Return the first ``count`` of what was found; one more than that means another page."""
    cursor = None
    if len(found) > count:
        part, vertex, _ = found[count - 1]
        after = vertex - vertex_of(namespace_of(vertex), HUB_CODE, 0)
        judged_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
        cursor = encode_cursor(Cursor(question, basis.size, part, after, judged_us))
    return NodePage(basis=basis, nodes=tuple(node for _, _, node in found[:count]), cursor=cursor)


def _candidates(reader: Reader, namespace: int | None, words: list[str], size: int) -> list[int]:
    common: set[int] | None = None
    for word in words:
        vertices = {
            vertex
            for _, vertex, since in reader.find_prefix(WORD, "word", word)
            if namespace_of(vertex) == namespace and since < size
        }
        common = vertices if common is None else common & vertices
    return sorted(common or ())


def _shows(node: Node, words: list[str]) -> bool:
    shown = words_of_node(node.key, node)
    return all(any(one.startswith(word) for one in shown) for word in words)


def _type_keys(reader: Reader, namespace: int | None, name: str, size: int) -> list[int]:
    types = [] if namespace is None else types_as_of(reader, namespace, size)
    found = [
        type_key(row.namespace, row.id)
        for row in types
        if name in {row.definition.name, row.definition.base_type}
    ]
    if not found:
        raise NotFoundError(
            "There is no kind and no type of this name",
            where=name[:64],
            hint="Try artifact, execution, context, or a type such as lineage.DataSet.",
        )
    return found


def _of_kind(
    reader: Reader, namespace: int | None, kind: Kind, after: int, count: int, size: int
) -> list[_Found]:
    if namespace is None:
        return []
    first = vertex_of(namespace, KIND_CODES[kind], 0)
    last = first + ID_MAX
    rows = reader.scan(NODE, (max(first, after),), count)
    vertices = [row[0] for row in rows if row[1] < size and row[0] <= last]
    nodes = read_nodes(reader, vertices, size)
    return [(0, vertex, nodes[vertex]) for vertex in vertices]
