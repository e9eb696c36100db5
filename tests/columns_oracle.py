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
from oracle import Graph, Name

Place = tuple[str, str | None]
"""(least key of the data set's nodes, field); no field: all of it."""

Arrow = tuple[Place, Place, str, tuple[str, ...]]
"""(from, to, key of the execution, its transformations' subtypes)."""


_Value = tuple[float | None, tuple[object, ...], object]
"""When a value was so, what it is ordered by, and the value."""


class Reached(NamedTuple):
    """Places with their distances, and the arrows between them."""

    depths: dict[Place, int]
    arrows: set[Arrow]


class ColumnsOracle:
    """What some statements tell of columns: all of it, or what was so before a stated time."""

    def __init__(self, statements: Iterable[Statement], before: float | None = None) -> None:
        statements = list(statements)
        self._before = before
        self._begun: dict[tuple[str, str], list[float | None]] = {}
        self._mentions: dict[Name, list[float | None]] = {}
        self._values: dict[tuple[str, str], list[_Value]] = {}
        for statement in statements:
            for record in statement.records:
                self._tell(statement, record)
        # A claim that is stated later said nothing then, and nor did what took one back.
        by_then = Graph(one for one in statements if self._is_before(_stated(one)))
        keys = Graph(statements).standing
        standing = {one for one in by_then.standing if one.source} | {
            one for one in keys if not one.source
        }
        self._nodes = {node[1] for node in self._mentions if node[0] is Kind.ARTIFACT}
        self._names: dict[str, set[str]] = {}
        for one in standing:
            is_asserted = one.link_class is LinkClass.ASSERTED and one.node[0] is Kind.ARTIFACT
            if is_asserted and self._is_before(_earliest(self._mentions[one.node])):
                self._names.setdefault(one.node[1], set()).add(one.identifier)

    def _is_before(self, stated: float | None) -> bool:
        return self._before is None or stated is None or stated < self._before

    def _tell(self, statement: Statement, record: AnyRecord) -> None:
        stated = _stated(statement)
        match record:
            case Event():
                ends = str(record.execution), str(record.artifact)
                self._begun.setdefault(ends, []).append(stated)
                self._mention((Kind.EXECUTION, ends[0]), stated)
                self._mention((Kind.ARTIFACT, ends[1]), stated)
            case Execution():
                self._mention((Kind.EXECUTION, str(record.key)), stated)
                for name, value in record.custom_properties.items():
                    said = b"" if value is None else encode_json(value)
                    order = stated is not None, stated or 0, statement.source, value is not None
                    place = str(record.key), name
                    self._values.setdefault(place, []).append((stated, (*order, said), value))
            case Claim() | Retraction():
                self._mention((record.kind, str(record.node)), stated)
            case _:
                pass

    def _mention(self, node: Name, stated: float | None) -> None:
        self._mentions.setdefault(node, []).append(stated)

    def members(self, key: str) -> set[str]:
        """Return the nodes that a name means, and all that shared names join to them."""
        found = {key} if key in self._nodes else self._called({key})
        while True:
            names = set().union(*(self._names.get(one, set()) for one in found))
            more = found | self._called(names)
            if more == found:
                return found
            found = more

    def _called(self, names: set[str]) -> set[str]:
        return {node for node, called in self._names.items() if called & names}

    def dataset(self, key: str) -> str:
        """Return the name that a data set has in answers."""
        return min(self.members(key), default=key)

    def arrows(self) -> set[Arrow]:
        """Return all that executions say, between the data sets that they mean."""
        found: set[Arrow] = set()
        for (execution, name), told in self._values.items():
            by_then = [said for said in told if self._is_before(said[0])]
            _, _, value = max(by_then, key=lambda said: said[1], default=(None, (), None))
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
        return all(map(self._is_before, self.dates(execution, key)))

    def dates(self, execution: str, key: str) -> list[float | None]:
        """Return when an execution began, and when it met a data set, if an Event says it did."""
        members = self.members(key)
        met = [
            stated
            for (other, artifact), times in self._begun.items()
            if other == execution and artifact in members
            for stated in times
        ]
        start = _earliest(self._mentions[Kind.EXECUTION, execution])
        return [start, _earliest(met)] if met else [start]

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
        while True:
            before = len(depths), len(used)
            for arrow in self.arrows():
                near, far = arrow[1::-1] if upstream else arrow[:2]
                for (dataset, column), distance in distances.items():
                    touches = column is None or near[1] is None or column == near[1]
                    is_last = dataset == near[0] and touches and distance == depth_max
                    if is_last and far in depths:
                        used.add(arrow)
                        depths[near] = min(distance, depths.get(near, distance))
            if before == (len(depths), len(used)):
                return Reached(depths, used)


def _stated(statement: Statement) -> float | None:
    start = None if statement.stated is None else statement.stated.start
    return None if start is None else start.timestamp()


def _earliest(told: Iterable[float | None]) -> float | None:
    return min((one for one in told if one is not None), default=None)
