"""Tell the types of many nodes at once, without reading all that shows of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct, json

from lineage.projections.catalog import types_as_of
from lineage.projections.states import STATE, STATE_PAST, node_of
from lineage.questions.graph_asked import Then
from lineage.questions.showing import read_overruled
from lineage.stores.base import Reader

_CHUNK: Final = 20_000


class _Typed(Struct, gc=False):
    type: str | None = None


_MANY: Final = json.Decoder(list[_Typed])
_VERTICES: Final = json.Decoder(list[int])


def read_types(reader: Reader, vertices: Sequence[int], then: Then) -> dict[int, str | None]:
    """Return the type of each of these nodes that somebody had described by then."""
    found: dict[int, str | None] = {}
    names: dict[str, str] = {}
    for start in range(0, len(vertices), _CHUNK):
        chunk = vertices[start : start + _CHUNK]
        for table in (STATE, STATE_PAST):
            missing = [vertex for vertex in chunk if vertex not in found]
            if not missing:
                break
            for keys, documents in reader.find_documents(table, missing, "shown", then.size):
                typed = _MANY.decode(b"[%b]" % documents)
                for vertex, one in zip(_VERTICES.decode(b"[%b]" % keys), typed, strict=True):
                    # Thousands of nodes share one text for the name of their type.
                    found[vertex] = one.type and names.setdefault(one.type, one.type)
        for vertex, told in read_overruled(reader, chunk, then).items():
            if told:
                found[vertex] = node_of(vertex, None, told).type
            else:
                del found[vertex]
    return found


def base_types(reader: Reader, namespace: int, size: int) -> dict[str, str | None]:
    """Return the base type of each type that a namespace has, by name."""
    return {
        row.definition.name: row.definition.base_type
        for row in types_as_of(reader, namespace, size)
    }
