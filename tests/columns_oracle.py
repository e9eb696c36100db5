"""What an answer about columns should be, by plain dictionaries and the slowest obvious way.

Takes the form of what is said from the schemas, and nothing from the engine: a history is told
anew for each size, and every field of every data set is looked at for each step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lineage_schemas.codec import encode_json
from lineage_schemas.columns import COLUMNS_PREFIX
from lineage_schemas.mlmd import Event, Execution, Kind
from lineage_schemas.records import AnyRecord, Claim, LinkClass, Retraction, Statement
from oracle import Graph, Standing

Place = tuple[str, str | None]
"""(least key of the data set's nodes, field); no field: all of it."""

Arrow = tuple[Place, Place, str, tuple[str, ...]]
"""(from, to, key of the execution, its transformations' subtypes)."""


class Reached(NamedTuple):
    """Places with their distances, and the arrows between them."""

    depths: dict[Place, int]
    arrows: set[Arrow]


class ColumnsOracle:
    """What some statements tell of columns: all of it, or what was so before a stated time."""

    def __init__(self, statements: Iterable[Statement], before: float | None = None) -> None:
        statements = list(statements)
        self._before = before
        self.graph = Graph(statements)
        self._begun: dict[tuple[str, str], list[float | None]] = {}
        self._values: dict[tuple[str, str], list[tuple[tuple[object, ...], object]]] = {}
        self._claimed: dict[tuple[object, ...], list[tuple[tuple[object, ...], float | None]]] = {}
        for statement in statements:
            for record in statement.records:
                self._tell(statement, record)
        self._standing = [one for one in self.graph.standing if self._had_begun(one)]

    def _tell(self, statement: Statement, record: AnyRecord) -> None:
        stated = statement.stated.start.timestamp() if statement.stated else None  # type: ignore[union-attr]
        match record:
            case Event():
                ends = str(record.execution), str(record.artifact)
                self._begun.setdefault(ends, []).append(stated)
            case Execution():
                for name, value in record.custom_properties.items():
                    said = b"" if value is None else encode_json(value)
                    order = stated is not None, stated or 0, statement.source, value is not None
                    place = str(record.key), name
                    self._values.setdefault(place, []).append(((*order, said), value))
            case Claim() | Retraction():
                register = record.kind, str(record.node), record.identifier, record.link_class
                claimed = stated is not None, stated or 0, isinstance(record, Retraction)
                said_by = (*register, statement.source)
                self._claimed.setdefault(said_by, []).append((claimed, stated))
            case _:
                pass

    def _had_begun(self, one: Standing) -> bool:
        """Tell whether the claim that stands was made by the stated time."""
        if self._before is None or one.source is None:
            return True
        register = (*one.node, one.identifier, one.link_class, one.source)
        stated = max(self._claimed[register], key=lambda said: said[0])[1]
        return stated is None or stated < self._before

    def names(self, key: str) -> frozenset[str]:
        """Return all that a data set goes by: what is claimed of its nodes, without end."""
        of_node: dict[str, set[str]] = {}
        for one in self._standing:
            if one.node[0] is Kind.ARTIFACT and one.link_class is LinkClass.ASSERTED:
                of_node.setdefault(one.node[1], {one.node[1]}).add(one.identifier)
        names = {key}
        while True:
            more = set(names).union(*(known for known in of_node.values() if known & names))
            if more == names:
                return frozenset(names)
            names = more

    def dataset(self, key: str) -> str:
        """Return the name that a data set has in answers."""
        nodes = {key for kind, key in self.graph.nodes if kind is Kind.ARTIFACT}
        return min(self.names(key) & nodes, default=key)

    def arrows(self) -> set[Arrow]:
        """Return all that executions say, between the data sets that they mean."""
        found: set[Arrow] = set()
        for (execution, name), told in self._values.items():
            value = max(told, key=lambda said: said[0])[1]
            if not name.startswith(COLUMNS_PREFIX) or not isinstance(value, dict):
                continue
            output = value["output"]
            made = [(one["field"], one["inputs"]) for one in value.get("fields", [])]
            for field, inputs in (*made, (None, value.get("dataset", []))):
                for one in inputs:
                    ends = (one["dataset"], one.get("field")), (output, field)
                    if all(self._was_so(execution, key) for key, _ in ends):
                        hows = tuple(how["subtype"] for how in one.get("transformations", []))
                        source, target = ((self.dataset(key), column) for key, column in ends)
                        found.add((source, target, execution, hows))
        return found

    def _was_so(self, execution: str, key: str) -> bool:
        if self._before is None:
            return True
        date = self.date(execution, key)
        return date is None or date < self._before

    def date(self, execution: str, key: str) -> float | None:
        """Return when an execution first met a data set, as far as anybody says."""
        names = self.names(key)
        told = [
            stated
            for (other, artifact), times in self._begun.items()
            if other == execution and artifact in names
            for stated in times
            if stated is not None
        ]
        return min(told, default=None)

    def walk(self, key: str, field: str | None, depth_max: float, *, upstream: bool) -> Reached:
        """Return what can be reached from a field, each with its distance in steps."""
        every = self.arrows()
        start = self.dataset(key), field
        distances: dict[Place, int] = {start: 0}
        shown: dict[Place, int] = {start: 0}
        used: set[Arrow] = set()
        changed = True
        while changed:
            changed = False
            for arrow in every:
                near, far = arrow[1::-1] if upstream else arrow[:2]
                for (dataset, column), distance in list(distances.items()):
                    if dataset != near[0] or not (
                        column is None or near[1] is None or column == near[1]
                    ):
                        continue
                    # The last step only joins what is reached already: see `_closed`.
                    if distance + 1 > depth_max:
                        continue
                    used.add(arrow)
                    shown[near] = min(distance, shown.get(near, distance))
                    shown[far] = min(distance + 1, shown.get(far, distance + 1))
                    if distances.get(far, distance + 2) > distance + 1:
                        distances[far] = distance + 1
                        changed = True
        return self._closed(Reached(shown, used), distances, depth_max, upstream=upstream)

    def _closed(
        self, reached: Reached, distances: dict[Place, int], depth_max: float, *, upstream: bool
    ) -> Reached:
        """Add the steps of the last places that lead to what is there anyway."""
        depths, used = dict(reached.depths), set(reached.arrows)
        for arrow in self.arrows():
            near, far = arrow[1::-1] if upstream else arrow[:2]
            for (dataset, column), distance in distances.items():
                touches = column is None or near[1] is None or column == near[1]
                is_last = dataset == near[0] and touches and distance == depth_max
                if is_last and far in reached.depths:
                    used.add(arrow)
                    depths[near] = min(distance, depths.get(near, distance))
        return Reached(depths, used)
