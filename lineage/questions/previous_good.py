"""Find to what a place can be rolled back: the previous good version, and what is left of it.

Of the champions that served in the place before the one that serves, the last counts that served
another version, was not itself rolled back from there, and about which no incident is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from lineage.connectors.declarations.mapping import WITHDRAWN
from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.decisions import MONITOR, is_by, text_of
from lineage.questions.moves import Described, describe
from lineage.questions.nodes import find_by_key
from lineage.questions.served import NOT_PACKED, Search
from lineage.questions.serving import FoundServing, ServingAsked, Showing
from lineage.serving.calendar import Interval
from lineage_schemas.graph import Node
from lineage_schemas.instants import format_instant
from lineage_schemas.mlmd import ArtifactState, Kind
from lineage_schemas.registry_views import Existence, PreviousGood, StillThere
from lineage_schemas.serving import Certainty, Ending, Role

INCIDENT: Final = "lineage.Incident"

_OVER: Final = frozenset({"resolved", "closed"})
_GONE: Final = frozenset({"deleted", "gone"})


class Previous:
    """Looks for previous good versions in the calendars of one answer."""

    def __init__(
        self, asked: ServingAsked, search: Search, found: FoundServing, showing: Showing
    ) -> None:
        self._asked = asked
        self._search = search
        self._found = found
        self._showing = showing

    def of_places(
        self, deployments: frozenset[str], valid_us: int | None
    ) -> Iterator[PreviousGood]:
        """Yield one for each place in which one of these deployments is the champion."""
        for place in sorted({one.place for one in self._found.intervals}):
            champions = [
                one
                for one in self._found.intervals
                if one.place == place and one.role is Role.CHAMPION and one.start_us is not None
            ]
            for serving in champions:
                if serving.deployment in deployments and _serves(serving, valid_us):
                    yield self._before(serving, champions, valid_us)

    def still_there(self, keys: Iterable[str]) -> tuple[StillThere, ...]:
        """Tell of each of these artifacts whether it still exists, as far as sources told."""
        vertices = {key: self._vertex(key) for key in keys}
        known = [vertex for vertex in vertices.values() if vertex is not None]
        told = describe(self._asked.reader, known, self._asked.size)
        return tuple(
            StillThere(key=key, type=None, exists=Existence.UNKNOWN, position=None)
            if vertex is None
            else _still_there(key, told[vertex])
            for key, vertex in vertices.items()
        )

    def _before(
        self, serving: Interval, champions: Sequence[Interval], valid_us: int | None
    ) -> PreviousGood:
        versions = self._versions(serving.deployment)
        passed: list[str] = []
        good: Interval | None = None
        for one in sorted(champions, key=_begun, reverse=True):
            if _begun(one) >= _begun(serving) or self._is_same(one, serving):
                continue
            fault = self._fault_of(one, champions, valid_us)
            if fault is None:
                good = one
                break
            if fault not in passed:
                passed.append(fault)
        needs = () if good is None else self._needs(good.deployment)
        positions = {*serving.positions, *(() if good is None else good.positions)}
        return PreviousGood(
            place=serving.place,
            environment=serving.environment,
            serving=serving.deployment,
            serving_versions=versions,
            deployment=None if good is None else good.deployment,
            versions=() if good is None else self._versions(good.deployment),
            served_until=(
                None if good is None or good.end_us is None else format_instant(good.end_us)
            ),
            needs=needs,
            passed_over=tuple(passed),
            positions=tuple(sorted(positions)),
        )

    def _is_same(self, one: Interval, serving: Interval) -> bool:
        """Tell whether two intervals are of one version; where none is known, of one deployment."""
        if one.deployment == serving.deployment:
            return True
        versions = self._versions(one.deployment)
        return bool(versions) and set(versions) == set(self._versions(serving.deployment))

    def _fault_of(
        self, one: Interval, champions: Sequence[Interval], valid_us: int | None
    ) -> str | None:
        for other in champions:
            # What was rolled back after the valid time was not known to be bad at it.
            is_past = valid_us is None or (other.end_us is not None and other.end_us <= valid_us)
            if other.ending is Ending.ROLLED_BACK and is_past and self._is_same(other, one):
                return f"{one.deployment} was rolled back by {other.closed_by}"
        incident = next(self._open_incidents(one.deployment, valid_us), None)
        return None if incident is None else f"{one.deployment} has the open incident {incident}"

    def _open_incidents(self, deployment: str, valid_us: int | None) -> Iterator[str]:
        """Yield the open incidents that are about a deployment or a version that it serves."""
        keys = (deployment, *self._versions(deployment))
        vertices = {vertex for key in keys if (vertex := self._vertex(key)) is not None}
        about = {
            incident
            for vertex in vertices
            for monitor in self._search.out_of(vertex)
            if self._search.node(monitor).type == MONITOR
            for incident in self._search.out_of(monitor)
        }
        about |= self._affecting(deployment, frozenset(keys))
        nodes = map(self._search.node, about)
        yield from sorted(node.key or "" for node in nodes if _is_open(node, valid_us))

    def _affecting(self, deployment: str, keys: frozenset[str]) -> set[int]:
        """Return the incidents of the deployment's places that name one of these as affected."""
        reader, size = self._asked.reader, self._asked.size
        own = {one.place for one in self._found.intervals if one.deployment == deployment}
        places = [self._found.places[key].vertex for key in own if key in self._found.places]
        rows = reader.find(MEMBERSHIP, "context", places)
        return {
            int(row[0])
            for row in rows
            if row[2] < size and keys.intersection(_affected(self._search.node(int(row[0]))))
        }

    def _versions(self, deployment: str) -> tuple[str, ...]:
        return tuple(one.key for one in self._showing.served_by(deployment))

    def _needs(self, deployment: str) -> tuple[StillThere, ...]:
        """Tell what a deployment is made of: itself, all on the ways to what it serves, and that.

        A version may be named beside the image that holds it, and both are needed. A version is
        what it was registered of: without its model there is nothing to serve.
        """
        keys = [deployment, *self._put_into(deployment)]
        for served in self._showing.served_by(deployment):
            keys += served.path
            version = self._vertex(served.key)
            models: set[int] = set() if version is None else self._search.registered_as([version])
            keys += sorted(self._search.node(one).key or "" for one in models)
        artifacts = [key for key in dict.fromkeys(keys) if self._vertex(key) is not None]
        return self.still_there(artifacts)

    def _put_into(self, deployment: str) -> Iterator[str]:
        """Yield what was put into a deployment, by key: images, models."""
        vertex = self._vertex(deployment)
        steps = [] if vertex is None else self._search.into(vertex)
        for one in sorted({one for step in steps for one in self._search.into(step)}):
            node = self._search.node(one)
            if node.type not in NOT_PACKED and node.key:
                yield node.key

    def _vertex(self, key: str) -> int | None:
        asked = self._asked
        kinds = (Kind.ARTIFACT,)
        return next(iter(find_by_key(asked.reader, asked.namespace, key, kinds, asked.size)), None)


def _serves(one: Interval, valid_us: int | None) -> bool:
    """Tell whether an interval surely contains the valid time; without one, is not over."""
    if valid_us is None:
        return one.end_us is None
    return one.certainty_at(valid_us) is Certainty.CERTAIN


def _is_open(node: Node, valid_us: int | None) -> bool:
    """Tell whether a node is an incident that was noticed by the valid time, and not over.

    One that was taken back never was.
    """
    if node.type != INCIDENT or node.custom_properties.get(WITHDRAWN) is True:
        return False
    noticed = text_of(node, "detected_time", "started_time")
    resolved = text_of(node, "resolved_time")
    if valid_us is not None and not is_by(noticed, valid_us):
        return False
    if resolved is not None:
        return valid_us is not None and not is_by(resolved, valid_us)
    return (text_of(node, "status") or "").lower() not in _OVER


def _begun(one: Interval) -> tuple[int, str]:
    return one.start_us or 0, one.deployment


def _affected(node: Node) -> list[str]:
    affected = node.properties.get("affected") if node.type == INCIDENT else None
    items = affected.get("items") if isinstance(affected, dict) else None
    return [one for one in items if isinstance(one, str)] if isinstance(items, list) else []


def _still_there(key: str, told: Described) -> StillThere:
    node = told.node
    source_state = text_of(node, "source_state")
    is_gone = node.state == ArtifactState.DELETED.value or source_state in _GONE
    exists = Existence.NO if is_gone else Existence.YES
    if node.stub or (node.redacted and node.type is None):
        exists = Existence.UNKNOWN
    return StillThere(key=key, type=node.type, exists=exists, position=told.position)
