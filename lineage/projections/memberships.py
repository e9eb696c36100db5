"""The view of memberships: which nodes belong to which contexts. Never part of lineage itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lineage.projections.retellings import Retellings
from lineage.projections.unfolding import Unfolded
from lineage.stores.base import Reader, Writer
from lineage.stores.tables import Bound, Column, Row, Table

MEMBERSHIP: Final = Table(
    "membership",
    (Column("member", int), Column("context", int), Column("since", int)),
    key=("member", "context"),
    indexes=(("context",),),
    bound=(Bound.VERTEX, "member"),
)
"""A member is an artifact, an execution, or a context inside its parent."""


class Memberships:
    """The memberships that one run of folding touches."""

    def __init__(self, retellings: Retellings) -> None:
        self._retellings = retellings
        self._contexts: dict[int, set[int]] = {}
        self._new: list[Row] = []

    def contexts_of(self, member: int) -> frozenset[int]:
        """Return the contexts that a loaded member belongs to."""
        return frozenset(self._contexts.get(member, ()))

    def load(self, reader: Reader, members: Iterable[int]) -> set[int]:
        """Load the memberships of members that were there before; return their contexts."""
        found: set[int] = set()
        for member, context, _ in reader.find(MEMBERSHIP, "member", members):
            self._contexts.setdefault(int(member), set()).add(int(context))
            found.add(int(context))
        return found

    def has(self, context: int, member: int) -> bool:
        """Tell whether there is such a membership among those loaded."""
        return context in self._contexts.get(member, ())

    def fold(self, said: Unfolded) -> None:
        """Add the memberships of one entry."""
        for context, member in said.members:
            contexts = self._contexts.setdefault(member, set())
            if context not in contexts:
                contexts.add(context)
                self._retellings.moved.update((context, member))
                self._new.append((member, context, said.entry.position))

    def flush(self, writer: Writer) -> None:
        """Write what was added."""
        writer.insert(MEMBERSHIP, self._new)
        self._new = []
