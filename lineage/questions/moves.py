"""Read the moves of places: what the executions that belong to a place say they did to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from lineage.projections.memberships import MEMBERSHIP
from lineage.projections.states import (
    STATE,
    STATE_PAST,
    custom_field,
    read_said,
    read_shown,
    read_source,
    read_stated,
)
from lineage.projections.values import Said
from lineage.questions.nodes import read_nodes
from lineage.serving.calendar import ToldMove
from lineage.stores.base import Reader
from lineage.stores.tables import Row
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.errors import LedgerError
from lineage_schemas.graph import Node, Truncation, TruncationReason
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.instants import instant_us
from lineage_schemas.labels import DISPLAY_NAME
from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import SERVING_PROPERTY, ServingMove

MOVES_MAX: Final = 100_000
"""Executions of places that are read for one answer."""

SERVICE: Final = "lineage.Service"
ENVIRONMENT: Final = "lineage.Environment"
MOVING_TYPES: Final = frozenset(
    {"lineage.Deploy", "lineage.RollBack", "lineage.Promote", "lineage.Retire"}
)
"""What an execution that says a move is; one of which nothing is left may have been of them."""

_SERVING: Final = custom_field(SERVING_PROPERTY)
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]


class Place(NamedTuple):
    """A place: its vertex and key, and the environment it is in, as its memberships say.

    Where all that named it was erased its key is empty: whatever it holds can be counted only.
    """

    vertex: int
    key: str
    environment: str | None = None
    environment_name: str | None = None


class ReadMoves(NamedTuple):
    """The moves of some places; ``executions`` are the vertices of all that were read for them.

    ``unplaced`` counts executions that belong to one of the places and say no move that can be
    read: what they said was erased, or it is in no form that is known.
    """

    told: tuple[ToldMove, ...]
    executions: frozenset[int]
    unplaced: int
    truncations: tuple[Truncation, ...] = ()


def read_places(reader: Reader, vertices: Iterable[int], size: int) -> list[Place]:
    """Return those of these contexts that may be places, by key, each with its environment."""
    found = sorted(set(vertices))
    parents: dict[int, list[int]] = {}
    for member, context, since in reader.find(MEMBERSHIP, "member", found):
        if since < size:
            parents.setdefault(int(member), []).append(int(context))
    named = read_nodes(reader, {*found, *(one for each in parents.values() for one in each)}, size)
    places: list[Place] = []
    for vertex in found:
        node = named.get(vertex)
        if node is None or node.type not in {SERVICE, None}:
            continue
        around = sorted(
            (named[one].key or "", name_of(named[one]))
            for one in parents.get(vertex, ())
            if one in named and named[one].type == ENVIRONMENT
        )
        key, name = around[0] if around else (None, None)
        places.append(Place(vertex, node.key or "", key or None, name))
    return sorted(places, key=lambda one: one.key)


def name_of(node: Node) -> str:
    """Return what people call a node; its key where nobody said."""
    shown = node.properties.get(DISPLAY_NAME)
    return shown if isinstance(shown, str) and shown else node.name or node.key or ""


def members_in(
    reader: Reader, contexts: Collection[int], code: int, size: int
) -> dict[int, list[int]]:
    """Return the members of one kind, and of which of these contexts each is one."""
    found: dict[int, list[int]] = {}
    for member, context, since in sorted(reader.find(MEMBERSHIP, "context", contexts)):
        if since < size and kind_code(member) == code:
            found.setdefault(int(member), []).append(int(context))
    return found


def read_moves(
    reader: Reader, places: Iterable[Place], size: int, moves_max: int = MOVES_MAX
) -> ReadMoves:
    """Return the moves of places as of a size.

    A place of which not all can be read is left out whole, and said to be cut: some of its moves
    would make intervals that never were.
    """
    keys = {place.vertex: place.key for place in places}
    belongs = members_in(reader, keys, _EXECUTION, size)
    of_place: dict[int, list[int]] = {}
    for execution, around in belongs.items():
        for place in around:
            of_place.setdefault(place, []).append(execution)
    taken: set[int] = set()
    for place in list(keys):
        if len(taken) + len(of_place.get(place, ())) > moves_max:
            del keys[place]
        else:
            taken.update(of_place.get(place, ()))
    executions = sorted(taken)
    truncations: tuple[Truncation, ...] = ()
    if hidden := len(belongs.keys() - taken):
        reason = TruncationReason.NODES
        truncations = (Truncation(reason=reason, limit=moves_max, hidden=hidden),)
    rows = _rows_of(reader, executions, size)
    nodes = read_nodes(reader, executions, size)
    told: list[ToldMove] = []
    strays: list[tuple[int, str]] = []
    unplaced = 0
    for vertex in executions:
        node, said = nodes[vertex], _said_of(rows.get(vertex, []))
        if said is None:
            is_gone = node.redacted and (node.type is None or node.type in MOVING_TYPES)
            unplaced += bool(is_gone)
            continue
        move = decode_move(said[0])
        if move is None or node.key is None:
            unplaced += 1
        elif move.place in {keys[one] for one in belongs[vertex] if one in keys}:
            told.append(ToldMove(move, node.key, said[0].source, (said[1],)))
        else:
            strays.append((vertex, move.place))
    unplaced += _count_astray(reader, strays, size)
    return ReadMoves(tuple(told), frozenset(executions), unplaced, truncations)


def decode_move(said: Said) -> ServingMove | None:
    """Read a move with its keys in their normal forms; ``None`` where it cannot be read."""
    try:
        move = msgspec.convert(said.value, ServingMove)
        keys = {
            name: normalise_identifier(text)
            for name in ("place", "environment", "deployment", "trigger")
            if (text := getattr(move, name)) is not None
        }
        for moment in filter(None, (move.at, move.after)):
            instant_us(moment)
    except (msgspec.ValidationError, LedgerError):
        return None  # counted by whoever asks
    return replace(move, **keys)


class Described(NamedTuple):
    """What shows of a node, who said it last, when that is stated to be, and in which entry."""

    vertex: int
    node: Node
    source: str
    stated_us: int | None
    position: int | None

    @property
    def positions(self) -> tuple[int, ...]:
        """The entry that it rests on."""
        return () if self.position is None else (self.position,)


def describe(reader: Reader, vertices: Iterable[int], size: int) -> dict[int, Described]:
    """Return what shows of these nodes, with where it stands."""
    wanted = sorted(set(vertices))
    rows = _rows_of(reader, wanted, size)
    found: dict[int, Described] = {}
    for vertex, node in read_nodes(reader, wanted, size).items():
        latest = rows[vertex][0] if vertex in rows else None
        found[vertex] = Described(
            vertex,
            node,
            "" if latest is None else read_source(latest),
            None if latest is None else read_stated(latest),
            None if latest is None else int(latest[1]),
        )
    return found


def _rows_of(reader: Reader, vertices: list[int], size: int) -> dict[int, list[Row]]:
    """Return what showed of each node up to a size, the latest first."""
    rows: dict[int, list[Row]] = {}
    for table in (STATE, STATE_PAST):
        for row in reader.find(table, "vertex", vertices):
            if row[1] < size:
                rows.setdefault(int(row[0]), []).append(row)
    for each in rows.values():
        each.sort(key=lambda row: row[1], reverse=True)
    return rows


def _said_of(rows: list[Row]) -> tuple[Said, int] | None:
    """Return the move that shows, and the position of the entry since which it does."""
    said = read_said(rows[0], _SERVING) if rows else None
    if said is None:
        return None
    position = int(rows[0][1])
    for row in rows[1:]:
        if read_shown(row).custom_properties.get(SERVING_PROPERTY) != said.value:
            break
        position = int(row[1])
    return said, position


def _count_astray(reader: Reader, strays: list[tuple[int, str]], size: int) -> int:
    """Count moves of a place that their executions do not belong to: nobody finds them there."""
    if not strays:
        return 0
    members = {vertex for vertex, _ in strays}
    rows = [row for row in reader.find(MEMBERSHIP, "member", members) if row[2] < size]
    contexts = read_nodes(reader, {int(row[1]) for row in rows}, size)
    at_home = {(int(row[0]), contexts[int(row[1])].key) for row in rows}
    return sum(stray not in at_home for stray in strays)
