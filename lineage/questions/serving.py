"""Ask who served where and when: of a thing, of a place, of an environment, or of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.graph.index import GraphSnapshot
from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.as_of import Valid, valid_of
from lineage.questions.entities import members_among
from lineage.questions.labels import find_labelled, resolve_name
from lineage.questions.moves import (
    ENVIRONMENT,
    MOVES_MAX,
    SERVICE,
    Place,
    members_in,
    name_of,
    read_moves,
    read_places,
)
from lineage.questions.nodes import find_by_key, find_identified, read_nodes
from lineage.questions.redactions import erased_contexts, with_redactions
from lineage.questions.search import Cursor, encode_cursor, question_of, vertices_of_type
from lineage.questions.served import Search
from lineage.serving.calendar import Interval, ToldMove, fold_moves, interval_order
from lineage.stores.base import Reader
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.basis import Basis
from lineage_schemas.errors import NotFoundError
from lineage_schemas.graph import ResolvedLabel, Truncation, TruncationReason
from lineage_schemas.instants import format_known_instant, parse_instant
from lineage_schemas.labels import is_identifier_shaped
from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import Served, ServingAnswer, ServingInterval

PLACES_MAX: Final = 10_000
"""Places whose calendars are made for one answer."""

_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


class ServingQuery(Struct, frozen=True, kw_only=True):
    """Of what: only what serves ``of``, only in places and environments of these names.

    ``of`` is anything that a deployment is made of, from a data set to the deployment itself; what
    is left out narrows nothing. An environment or a service that is named by a label is every one
    that goes by it: two tools' environments may be called alike.
    """

    of: str | None = None
    service: str | None = None
    environment: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What is asked, as text, for the cursor of its pages."""
        return tuple(
            "-" if one is None else f"={one}" for one in (self.of, self.service, self.environment)
        )


class ServingAsked(NamedTuple):
    """What a question of serving is answered from."""

    reader: Reader
    snapshot: GraphSnapshot
    namespace: int
    basis: Basis

    @property
    def size(self) -> int:
        """As of which size."""
        return self.basis.size


class FoundServing(NamedTuple):
    """The intervals that were found, by environment, place and start, and what was met."""

    intervals: tuple[Interval, ...]
    places: dict[str, Place]
    names: dict[str, str]
    moves: dict[str, ToldMove]
    vertices: frozenset[int] = frozenset()
    unplaced: int = 0
    truncations: tuple[Truncation, ...] = ()
    label: ResolvedLabel | None = None


class Subject(NamedTuple):
    """Where to look, and for which deployments, by key; ``None``: for any."""

    places: set[int]
    deployments: frozenset[str] | None = None
    truncations: tuple[Truncation, ...] = ()
    label: ResolvedLabel | None = None


def list_serving(
    asked: ServingAsked, query: ServingQuery, cursor: Cursor | None, count: int
) -> ServingAnswer:
    """Return one page of serving intervals; with a valid time in the basis, those of that time.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: a name that the log has not heard of.
    """
    reader, namespace, basis = asked.reader, asked.namespace, asked.basis
    found = find_serving(asked, query)
    valid = valid_of(basis)
    time = valid and valid.time
    shown = [
        one for one in found.intervals if time is None or one.certainty_during(time) is not None
    ]
    first = 0 if cursor is None else cursor.after
    page = shown[first : first + count]
    following = None
    if first + count < len(shown):
        question = question_of_serving(basis.namespace, valid, query)
        judged_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
        following = encode_cursor(Cursor(question, basis.size, 0, first + count, judged_us))
    showing = Showing(asked, found)
    intervals = tuple(showing.interval(one) for one in page)
    answer = ServingAnswer(
        basis=basis,
        valid_at=basis.valid_at,
        valid_during=basis.valid_during,
        intervals=intervals,
        cursor=following,
        unplaced=found.unplaced,
        truncations=tuple(dict.fromkeys((*found.truncations, *showing.truncations))),
        label=found.label,
    )
    return with_redactions(reader, answer, namespace, found.vertices | showing.erased)


def question_of_serving(namespace: str, valid: Valid | None, query: ServingQuery) -> int:
    """Return the checksum of a question, for the cursors of its pages."""
    words = "" if valid is None else valid.words
    return question_of(namespace, "serving", words, *query.words)


def find_serving(asked: ServingAsked, query: ServingQuery) -> FoundServing:
    """Return every interval that a question is about, whenever it was.

    Raises: as ``list_serving``.
    """
    found = read_calendars(asked, _subject_of(asked, query))
    if query.environment is None:
        return found
    wanted = _environments(asked, query.environment)[1]
    intervals = tuple(one for one in found.intervals if one.environment in wanted)
    return found._replace(intervals=intervals)


def read_calendars(asked: ServingAsked, subject: Subject) -> FoundServing:
    """Return the intervals of some places, by environment, place and start."""
    size = asked.size
    vertices = sorted(subject.places)
    truncations = list(subject.truncations)
    if len(vertices) > PLACES_MAX:
        reason, hidden = TruncationReason.NODES, len(vertices) - PLACES_MAX
        truncations.append(Truncation(reason=reason, limit=PLACES_MAX, hidden=hidden))
    places = read_places(asked.reader, vertices[:PLACES_MAX], size)
    moves = read_moves(asked.reader, places, size, MOVES_MAX)
    calendar = fold_moves(moves.told)
    by_key = {place.key: place for place in places}
    intervals = [
        replace(one, environment=one.environment or by_key[one.place].environment)
        for one in calendar.intervals
        if subject.deployments is None or one.deployment in subject.deployments
    ]
    names = _names_of(asked, intervals, by_key)
    intervals.sort(
        key=lambda one: (
            names.get(one.environment or "", ""),
            one.environment or "",
            one.place,
            interval_order(one),
        )
    )
    return FoundServing(
        tuple(intervals),
        by_key,
        names,
        {one.execution: one for one in moves.told},
        moves.executions | {place.vertex for place in places},
        moves.unplaced + len(calendar.unplaced),
        (*truncations, *moves.truncations),
        subject.label,
    )


class Showing:
    """Shows intervals, and finds once for each deployment what it serves."""

    def __init__(self, asked: ServingAsked, found: FoundServing) -> None:
        self._asked = asked
        self._found = found
        self._valid = valid_of(asked.basis)
        self._search = Search(asked.reader, asked.snapshot, asked.namespace, asked.size)
        self._served: dict[str, tuple[Served, ...]] = {}
        self.truncations: tuple[Truncation, ...] = ()

    @property
    def erased(self) -> set[int]:
        """What lies between deployments and what they serve, and was erased in part."""
        return self._search.erased

    def interval(self, one: Interval) -> ServingInterval:
        """Return an interval as answers show it."""
        environment = one.environment
        return ServingInterval(
            deployment=one.deployment,
            place=one.place,
            environment=environment,
            environment_name=None if environment is None else self._found.names.get(environment),
            role=one.role,
            traffic_ratio=one.traffic_ratio,
            start=format_known_instant(one.start_us),
            start_after=format_known_instant(one.start_after_us),
            end=format_known_instant(one.end_us),
            end_after=format_known_instant(one.end_after_us),
            ending=one.ending,
            is_rollback=one.is_rollback,
            trigger=one.trigger,
            opened_by=one.opened_by,
            closed_by=one.closed_by,
            source=one.source,
            serves=self.served_by(one.deployment),
            positions=one.positions,
            certainty=None if self._valid is None else one.certainty_during(self._valid.time),
        )

    def served_by(self, deployment: str) -> tuple[Served, ...]:
        """Return the model versions that a deployment serves."""
        if deployment not in self._served:
            asked = self._asked
            vertices = find_by_key(
                asked.reader, asked.namespace, deployment, (Kind.ARTIFACT,), asked.size
            )
            served: tuple[Served, ...] = ()
            for vertex in vertices:
                served, cut = self._search.served_by(vertex)
                self.truncations += cut
            self._served[deployment] = served
        return self._served[deployment]


def _subject_of(asked: ServingAsked, query: ServingQuery) -> Subject:
    """Return in which places to look, and for which deployments."""
    subject = Subject(set()) if query.of is None else _serving(asked, query.of)
    narrowed: set[int] | None = None if query.of is None else subject.places
    if query.service is not None:
        named = _named_contexts(asked, query.service, SERVICE)
        narrowed = named if narrowed is None else narrowed & named
    if query.environment is not None:
        inside = _places_in(asked, _environments(asked, query.environment)[0])
        narrowed = inside if narrowed is None else narrowed & inside
    if narrowed is None:
        # What a context was may have been erased: its memberships stay.
        narrowed = set(vertices_of_type(asked.reader, asked.namespace, SERVICE, asked.size))
        narrowed.update(erased_contexts(asked.reader, asked.size))
    return subject._replace(places=narrowed)


def _serving(asked: ServingAsked, name: str) -> Subject:
    """Return what serves the thing of a name, and where."""
    reader, snapshot, namespace, _ = asked
    key, label = resolve_name(reader, namespace, name, tuple(Kind), asked.size)
    starts = find_identified(reader, namespace, key, tuple(Kind), asked.size)
    if not starts:
        raise _unknown(asked, key)
    members = members_among(snapshot.links, starts, asked.size)
    contexts = {one for one in members if kind_code(one) == _CONTEXT}
    nodes = read_nodes(reader, contexts, asked.size)
    places = {one for one in contexts if nodes[one].type == SERVICE}
    environments = [one for one in contexts if nodes[one].type == ENVIRONMENT]
    if places or environments:
        return Subject(places | _places_in(asked, environments), label=label)
    contained = (members_in(reader, contexts, code, asked.size) for code in (_ARTIFACT, _EXECUTION))
    begin = (members - contexts).union(*contained)
    search = Search(reader, snapshot, namespace, asked.size)
    found = search.deployments_of(begin)
    rows = reader.find(MEMBERSHIP, "member", found.steps)
    around = {int(row[1]) for row in rows if row[2] < asked.size}
    keys = frozenset(search.node(vertex).key or "" for vertex in found.steps)
    return Subject(around, keys, found.truncations, label)


def _environments(asked: ServingAsked, name: str) -> tuple[set[int], frozenset[str | None]]:
    """Return the environments of a name, by vertex and by key."""
    vertices = _named_contexts(asked, name, ENVIRONMENT)
    nodes = read_nodes(asked.reader, vertices, asked.size)
    return vertices, frozenset(node.key for node in nodes.values())


def _named_contexts(asked: ServingAsked, name: str, type_name: str) -> set[int]:
    """Return the contexts that an identifier means, or all of a type that go by a label."""
    reader, snapshot, namespace, _ = asked
    kinds = (Kind.CONTEXT,)
    if is_identifier_shaped(name):
        found = set(find_identified(reader, namespace, name, kinds, asked.size))
    else:
        labelled = find_labelled(reader, namespace, name, kinds, asked.size)
        found = {vertex for vertex, node in labelled.items() if node.type == type_name}
    if not found:
        raise _unknown(asked, name)
    return members_among(snapshot.links, found, asked.size)


def _places_in(asked: ServingAsked, environments: Iterable[int]) -> set[int]:
    return set(members_in(asked.reader, set(environments), _CONTEXT, asked.size))


def _names_of(
    asked: ServingAsked, intervals: Iterable[Interval], places: dict[str, Place]
) -> dict[str, str]:
    """Return what people call each environment, by its key."""
    names = {
        place.environment: place.environment_name or place.environment
        for place in places.values()
        if place.environment is not None
    }
    for key in sorted({one.environment for one in intervals if one.environment} - names.keys()):
        names[key] = next(_called(asked, key), key)
    return names


def _called(asked: ServingAsked, key: str) -> Iterator[str]:
    vertices = find_by_key(asked.reader, asked.namespace, key, (Kind.CONTEXT,), asked.size)
    for node in read_nodes(asked.reader, vertices, asked.size).values():
        yield name_of(node)


def _unknown(asked: ServingAsked, name: str) -> NotFoundError:
    return NotFoundError(
        f"The log of size {asked.size} has never heard of this",
        where=name,
        hint="Look for it with `lineage find`, or list what there is with "
        "`lineage list lineage.Service` and `lineage list lineage.Environment`.",
    )
