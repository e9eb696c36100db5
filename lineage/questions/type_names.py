"""What the name of a type means, in filters and in lists: one grammar for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.projections.catalog import KnownTypeRow
from lineage_schemas.errors import NotFoundError


def types_named(known: Sequence[KnownTypeRow], asked: str) -> list[KnownTypeRow]:
    """Return the types of a name, and those that are based on a type of that name.

    Without what is before its last dot, a name means every type that has it.

    Raises:
        NotFoundError: there is none.
    """
    names = {
        name for row in known for name in (row.definition.name, row.definition.base_type) if name
    }
    meant = {asked} & names or {name for name in names if name.rpartition(".")[2] == asked}
    if not meant:
        raise NotFoundError(
            "There is no type of this name",
            where=asked[:64],
            hint="Write it as it is stored, such as lineage.Model, or without what is before its "
            "last dot. The kinds are artifact, execution and context.",
        )
    return [
        row
        for row in known
        if not meant.isdisjoint({row.definition.name, row.definition.base_type})
    ]
