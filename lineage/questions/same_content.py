"""What has the same content as what, by the links that an answer crossed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from lineage.graph.alike import Alike, AlikeClaim
from lineage.graph.links import source_number
from lineage.questions.merged import Merged
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.graph import Link
from lineage_schemas.mlmd import Kind
from lineage_schemas.records import LinkClass


class SameContent:
    """Which things a link of equal content joins.

    Such links do not chain, and one source that claims equal contents twice says nothing of
    identity: as in a walk.
    """

    def __init__(
        self, links: Iterable[Link], number: int | None, things: Mapping[int, Merged]
    ) -> None:
        """Take the links of an answer in a namespace, and the things of its nodes."""
        self.things = sorted(set(things.values()), key=lambda one: (one.key, one.members))
        self._numbers = {thing: place for place, thing in enumerate(self.things)}
        identifiers: dict[tuple[Kind, str], int] = {}
        claims: list[AlikeClaim] = []
        for link in links:
            if number is not None and link.identifier is not None:
                thing = things[vertex_of(number, KIND_CODES[link.kind], link.node)]
                name = link.kind, link.identifier
                identifier = identifiers.setdefault(name, len(identifiers))
                by_content = link.link_class == LinkClass.CONTENT.value
                source = source_number(link.source)
                claims.append(AlikeClaim(self._numbers[thing], identifier, by_content, source))
        self._alike = Alike(claims)

    def first(self, thing: Merged, count: int) -> tuple[Merged, ...]:
        """Return the first so many things that have the same content as one, by key."""
        return tuple(self.things[one] for one in self._alike.first(self._numbers[thing], count))

    def to(self, things: Iterable[Merged]) -> set[Merged]:
        """Return which things have the same content as another one of these."""
        found = self._alike.to([self._numbers[thing] for thing in things])
        return {self.things[one] for one in found}

    def runs_in_circles(
        self,
        taken: Collection[tuple[int, Merged]],
        made: Collection[tuple[int, Merged]],
    ) -> set[int]:
        """Return which executions, given by number, took what has the content of what they made."""
        pairs = ([(one, self._numbers[thing]) for one, thing in some] for some in (taken, made))
        return self._alike.groups_of(*pairs)

    def flows(
        self,
        made: Iterable[tuple[int, Merged]],
        taken: Iterable[tuple[int, Merged]],
        executions: int,
    ) -> Iterator[tuple[int, int]]:
        """Yield steps from who made something to who took it in, or what has the same content.

        Executions are numbers below ``executions``; they lead to each other through points beyond.
        """
        count = len(self.things)
        as_made, as_taken = executions, executions + count
        arcs = self._alike.arcs(count)
        for execution, thing in made:
            yield execution, as_made + self._numbers[thing]
        for execution, thing in taken:
            yield as_taken + self._numbers[thing], execution
        for one in range(count):
            yield as_made + one, as_taken + one
        for tail, head in zip(arcs.tail.tolist(), arcs.head.tolist(), strict=True):
            # A thing is left as it was made, and come to as it is taken in; points lie beyond both.
            yield (
                as_made + tail if tail < count else as_taken + tail,
                as_taken + head,
            )
