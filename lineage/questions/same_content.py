"""What has the same content as what, by the links that an answer crossed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.questions.merged import Merged
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.graph import Link
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass

_CONTENT = LinkClass.CONTENT.value


def same_content(
    links: Iterable[Link], number: int | None, things: Mapping[int, Merged]
) -> dict[Merged, tuple[Merged, ...]]:
    """Return for each thing the others that a link of equal content joins to it.

    Such links do not chain, and one source that claims equal contents twice says nothing of
    identity: as in a walk.
    """
    hubs: dict[tuple[Kind, str], list[tuple[Merged, str, str]]] = {}
    for link in links:
        if number is not None and link.identifier is not None:
            thing = things[vertex_of(number, KIND_CODES[link.kind], link.node)]
            told = hubs.setdefault((link.kind, link.identifier), [])
            told.append((thing, link.link_class, link.source))
    found: dict[Merged, dict[Merged, None]] = {}
    for told in hubs.values():
        for near, near_class, near_source in told:
            for far, far_class, far_source in told:
                is_own = near_class == far_class == _CONTENT and near_source == far_source
                if near is not far and _CONTENT in {near_class, far_class} and not is_own:
                    found.setdefault(near, {})[far] = None
    return {thing: tuple(others) for thing, others in found.items()}
