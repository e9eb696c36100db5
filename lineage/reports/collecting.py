"""Collect what a dossier tells: from one snapshot, as of one size, within named limits."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from msgspec.structs import replace

from lineage.graph.adjacency import row_of
from lineage.graph.links import CROSSED_BY_DEFAULT, Crossing
from lineage.graph.walk import Bounds, Walked, found_nodes, walk_lineage
from lineage.projections.edges import EDGE
from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.labels import resolve_name
from lineage.questions.moves import members_in
from lineage.questions.nodes import find_by_key, find_identified, read_nodes
from lineage.questions.redactions import with_redactions
from lineage.questions.served import Search
from lineage.questions.serving import (
    FoundServing,
    ServingAsked,
    ServingQuery,
    Showing,
    find_serving,
)
from lineage.questions.sources import view_sources
from lineage.questions.trace import DEPTH_MAX
from lineage.reports.belonging import CODE, REGISTERED_MODEL, SAID, prune
from lineage.reports.deciding import Told, tell_of_version
from lineage.reports.gathered import Crossed, Gathered, Joint, ThingId
from lineage.reports.joining import (
    CLAIMS_PAIRED_MAX,
    find_crossings,
    list_corrections,
    positions_of,
    read_belongings,
    read_crossed,
    read_entries,
    read_joints,
)
from lineage.reports.learning import DATA
from lineage.reports.things import Things
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.graph import (
    Direction,
    LineageAnswer,
    Redaction,
    Truncation,
    TruncationReason,
)
from lineage_schemas.instants import parse_instant
from lineage_schemas.mlmd import INPUT_KINDS, EventKind, Kind
from lineage_schemas.reports import ScopedSource
from lineage_schemas.serving import ServingInterval

ORIGINS_MAX: Final = 20_000
"""Nodes upstream of its subject that a dossier takes in."""
AROUND_MAX: Final = 10_000
"""Nodes beside them: who measured, approved, declared, watched and deployed."""
OTHERS_MAX: Final = 20_000
"""Nodes downstream of the subject's data that are looked at."""
VERSIONS_MAX: Final = 1_000
"""Versions of its registered model that a subject is compared with."""

SUBJECTS: Final = frozenset({"lineage.ModelVersion", "lineage.Model"})
_MODELS: Final = SUBJECTS | {"lineage.Deployment", "lineage.ContainerImage"}
_JUDGING: Final = frozenset({"lineage.Approve", "lineage.Declare"})
_WATCHING: Final = _JUDGING | {
    *("lineage.Evaluate", "lineage.Monitor", "lineage.Promote", "lineage.Retire"),
    *("lineage.Deploy", "lineage.RollBack"),
}
_REACHED: Final = frozenset({*DATA, *SUBJECTS})
_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]


def gather(asked: ServingAsked, name: str) -> Gathered:
    """Collect what there is to tell of a model version, as of the basis.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: the log has not heard of it.
        InvalidInputError: it is something else.
    """
    return _Collecting(asked).gather(name)


class _Collecting:
    """Collects for one dossier. Works on nodes by vertex, and makes things of them at the end."""

    def __init__(self, asked: ServingAsked) -> None:
        self._asked = asked
        self._reader = asked.reader
        self._size = asked.size
        valid_at = asked.basis.valid_at
        self._valid_us = None if valid_at is None else parse_instant(valid_at)
        self._things = Things(asked.reader, asked.snapshot.links, asked.size, self._valid_us)
        self._truncations: list[Truncation] = []

    def gather(self, name: str) -> Gathered:
        """Collect all of it."""
        things, size = self._things, self._size
        subject = self._subject(name)
        own = things.members([subject])
        walked = self._walk(own, Direction.UPSTREAM, ORIGINS_MAX)
        origins = set(found_nodes(self._asked.namespace, walked)[0]) | own
        found = find_serving(self._asked, ServingQuery(of=subject[1]))
        self._truncations += found.truncations
        intervals = self._intervals(found)
        deployed, places, moves = self._deployed(intervals, subject)
        commits = self._commits(deployed | moves)
        around = self._around(origins | deployed | commits)
        contexts = self._contexts(origins | deployed | moves) | places
        versions = self._versions(own)
        told = self._told_of(own, deployed, versions)
        said = self._said_in(own, places) | self._named(told.keys) | told.executions
        reached = self._reached(origins)
        scope = origins | deployed | moves | commits | around | contexts | said
        foreign = self._of_others(said | around, scope)
        met = things.add(scope)
        kept = {one for one in met if things.stands(one)} | {subject}
        joints = read_joints(self._reader, things, kept, size)
        crossed = read_crossed(self._reader, things, kept, self._crossings(walked), self._valid_us)
        upstream = _upstream_of(subject, kept & things.ids(origins), joints, crossed)
        dropped = things.ids(origins) - upstream
        kept -= dropped - things.ids(deployed | moves | commits | around | said)
        crossed = tuple(one for one in crossed if {one.near, one.far} <= kept)
        shown = {one: things.thing(one) for one in sorted(kept)}
        others = things.add(reached) - kept - dropped
        same_run = self._of_the_same_run(upstream, joints, reached)
        more = [things.thing(one) for one in sorted(others) if things.stands(one)]
        belongings = read_belongings(self._reader, things, kept, size)
        joints = tuple(one for one in joints if {one.artifact, one.execution} <= kept)
        things.add(versions)
        registered = [things.thing(one) for one in sorted(things.ids(versions))]
        rough = Gathered(
            basis=self._asked.basis,
            valid_at=self._asked.basis.valid_at,
            subject=subject,
            things=shown,
            origins=upstream,
            carriers=frozenset(things.ids(deployed)),
            commits=frozenset(things.ids(commits)),
            foreign=frozenset(things.ids(foreign)),
            joints=joints,
            belongings=belongings,
            crossed=crossed,
            intervals=intervals,
            others=tuple(more),
            same_run=same_run,
            versions=tuple(one for one in registered if things.stands(one.id)),
            held=told.held,
            decided=told.decided,
            left_out=0,
            unplaced=found.unplaced,
            truncations=(),
            redactions=(),
            corrections=(),
            corrections_hidden=0,
            entries={},
        )
        return self._completed(prune(rough), frozenset(found.vertices))

    def _completed(self, pruned: Gathered, moved: frozenset[int]) -> Gathered:
        """Return what is kept with all that depends on what that is."""
        things, kept = self._things, pruned.things.keys()
        vertices = things.members(kept)
        basis, redactions = self._redactions({*vertices, *moved})
        corrections, hidden = list_corrections(things, kept)
        positions = positions_of(
            [*pruned.things.values(), *pruned.others, *pruned.versions],
            [*pruned.joints, *pruned.belongings],
            pruned.crossed,
            pruned.intervals,
        )
        positions.update(p for one in pruned.held for p in one.positions)
        positions.update(p for one in pruned.decided for p in one.positions)
        return pruned._replace(
            basis=basis,
            left_out=things.left_out(kept),
            truncations=tuple(dict.fromkeys(self._truncations)),
            redactions=redactions,
            corrections=corrections,
            corrections_hidden=hidden,
            entries=read_entries(self._reader, positions),
            sources=self._sources(basis),
        )

    def _sources(self, basis: Basis) -> tuple[ScopedSource, ...]:
        """Return the sources in scope as they stood when they were judged."""
        # Without a moment none is judged, and what it would be judged at is no matter.
        at_us = 0 if basis.sources_at is None else parse_instant(basis.sources_at)
        where = basis.namespace, self._asked.namespace
        return tuple(
            ScopedSource(
                name=one.name,
                heard=one.last_heard,
                is_judged=one.is_reconciled is not None or one.expected_seconds is not None,
                is_overdue=one.is_overdue,
                is_reconciled=one.is_reconciled,
            )
            for one in view_sources(self._reader, where, self._size, at_us)
            if one.name in basis.sources
        )

    def _subject(self, name: str) -> ThingId:
        kinds, size = (Kind.ARTIFACT,), self._size
        key, _ = resolve_name(self._reader, self._asked.namespace, name, kinds, size)
        found = find_identified(self._reader, self._asked.namespace, key, kinds, size)
        ids = sorted(self._things.add(found))
        hint = "List what there is with `lineage list lineage.ModelVersion`."
        if not ids and find_identified(
            self._reader, self._asked.namespace, key, (Kind.EXECUTION, Kind.CONTEXT), size
        ):
            what = "A dossier is about a model version, and this is what versions or runs belong to"
            raise InvalidInputError(what, where=name, hint=hint)
        if not ids:
            what = f"The log of size {size} has never heard of this model version"
            raise NotFoundError(what, where=name, hint=hint)
        if len(ids) > 1:
            raise InvalidInputError(
                f"Several things go by this: {', '.join(key for _, key in ids)}",
                where=name,
                hint="Name one of them by its own key.",
            )
        type_name = self._things.type_of(ids[0])
        if type_name is not None and type_name not in SUBJECTS:
            what = f"A dossier is about a model version, and this is a {type_name}"
            raise InvalidInputError(what, where=name, hint=hint)
        return ids[0]

    def _walk(self, vertices: Iterable[int], direction: Direction, nodes_max: int) -> Walked:
        bounds = Bounds(self._size, DEPTH_MAX, nodes_max, CROSSED_BY_DEFAULT)
        rows = [row_of(vertex) for vertex in vertices]
        namespace, snapshot = self._asked.namespace, self._asked.snapshot
        walked = walk_lineage(namespace, snapshot, rows, direction, bounds)
        self._truncations += walked.truncations
        return walked

    def _crossings(self, walked: Walked) -> list[Crossing]:
        links = self._asked.snapshot.links
        found, hidden = find_crossings(links, walked.links, self._size)
        if hidden:
            reason = TruncationReason.NEIGHBOURS
            self._truncations.append(
                Truncation(reason=reason, limit=CLAIMS_PAIRED_MAX, hidden=hidden)
            )
        return found

    def _intervals(self, found: FoundServing) -> tuple[ServingInterval, ...]:
        """Return the intervals that had begun; what ended after the stated time had not ended."""
        showing = Showing(self._asked, found)
        shown: list[ServingInterval] = []
        for one in found.intervals:
            begun_us = one.start_us if one.start_us is not None else one.end_us
            if self._valid_us is None or (begun_us or 0) <= self._valid_us:
                interval = showing.interval(one)
                is_open = one.end_us is not None and (
                    self._valid_us is not None and one.end_us > self._valid_us
                )
                shown.append(self._still_open(interval) if is_open else interval)
        self._truncations += showing.truncations
        return tuple(shown)

    def _still_open(self, one: ServingInterval) -> ServingInterval:
        """Return an interval as it was told of while it went on, with the entries of that time."""
        entries = read_entries(self._reader, one.positions)
        by_then = tuple(
            position
            for position, entry in entries.items()
            if entry.stated_from is None
            or self._valid_us is None
            or parse_instant(entry.stated_from) <= self._valid_us
        )
        positions = by_then or one.positions
        return replace(
            one, end=None, end_after=None, ending=None, closed_by=None, positions=positions
        )

    def _deployed(
        self, intervals: Iterable[ServingInterval], subject: ThingId
    ) -> tuple[set[int], set[int], set[int]]:
        """Return what lies between the subject and its deployments, their places, their moves."""
        own = set(self._things.thing(subject).keys)
        artifacts: set[str] = set()
        contexts: set[str] = set()
        executions: set[str] = set()
        for one in intervals:
            artifacts.update(filter(None, (one.deployment,)))
            contexts.update(filter(None, (one.place, one.environment)))
            executions.update(filter(None, (one.opened_by, one.closed_by)))
            for served in one.serves:
                if served.key in own:
                    artifacts.update(served.path)
                    executions.update(served.path)
        return (
            self._named(artifacts),
            self._named(contexts, Kind.CONTEXT),
            self._named(executions, Kind.EXECUTION),
        )

    def _commits(self, vertices: Collection[int]) -> set[int]:
        """Return the commits that deployments and images were made of."""
        artifacts = [vertex for vertex in vertices if kind_code(vertex) == _ARTIFACT]
        makers = {tail for tail, _ in self._edges("head", artifacts)}
        makers |= {vertex for vertex in vertices if kind_code(vertex) != _ARTIFACT}
        taken = {tail for tail, _ in self._edges("head", makers)}
        nodes = read_nodes(self._reader, taken, self._size)
        return {vertex for vertex, node in nodes.items() if node.type == CODE}

    def _versions(self, own: Collection[int]) -> set[int]:
        """Return the versions of the registered models that the subject belongs to."""
        rows = self._reader.find(MEMBERSHIP, "member", own)
        contexts = {int(row[1]) for row in rows if row[2] < self._size}
        nodes = read_nodes(self._reader, contexts, self._size)
        models = {vertex for vertex, node in nodes.items() if node.type == REGISTERED_MODEL}
        inside = set(members_in(self._reader, models, _ARTIFACT, self._size))
        told = read_nodes(self._reader, inside, self._size)
        found = {vertex for vertex, node in told.items() if node.type == "lineage.ModelVersion"}
        return self._bounded(found, VERSIONS_MAX)

    def _told_of(
        self, own: Collection[int], deployed: Collection[int], versions: Collection[int]
    ) -> Told:
        return tell_of_version(
            self._asked, own, self._things.members(self._things.add(deployed)), versions
        )

    def _of_the_same_run(
        self, upstream: frozenset[ThingId], joints: Iterable[Joint], reached: Collection[int]
    ) -> frozenset[ThingId]:
        """Return what else came of the runs that made the subject, and of what they made."""
        made = {
            one.execution
            for one in joints
            if not one.is_input
            and {one.artifact, one.execution} <= upstream
            and self._things.type_of(one.artifact) in SUBJECTS
        }
        if not made:
            return frozenset()
        walked = self._walk(self._things.members(made), Direction.DOWNSTREAM, OTHERS_MAX)
        vertices = set(found_nodes(self._asked.namespace, walked)[0]) & set(reached)
        nodes = read_nodes(self._reader, vertices, self._size)
        return frozenset(self._things.ids(v for v, node in nodes.items() if node.type in _REACHED))

    def _named(self, keys: Iterable[str], kind: Kind = Kind.ARTIFACT) -> set[int]:
        namespace, size = self._asked.namespace, self._size
        return {
            vertex
            for key in sorted(keys)
            for vertex in find_by_key(self._reader, namespace, key, (kind,), size)
        }

    def _around(self, vertices: Collection[int]) -> set[int]:
        """Return who measured, approved, declared or watched these, and what they made of it."""
        artifacts = [vertex for vertex in sorted(vertices) if kind_code(vertex) == _ARTIFACT]
        nodes = read_nodes(self._reader, artifacts, self._size)
        takers: dict[int, set[int]] = {}
        for tail, head in self._edges("tail", artifacts):
            takers.setdefault(head, set()).add(tail)
        types = read_nodes(self._reader, takers.keys(), self._size)
        executions = {
            head
            for head, tails in takers.items()
            if types[head].type in _JUDGING
            or (types[head].type in _WATCHING and any(nodes[one].type in _MODELS for one in tails))
        }
        executions = self._bounded(executions, AROUND_MAX)
        measured = {head for head in executions if types[head].type == "lineage.Evaluate"}
        taken = read_nodes(self._reader, {t for t, _ in self._edges("head", measured)}, self._size)
        tested = {vertex for vertex, node in taken.items() if node.type in DATA}
        made = {head for _, head in self._edges("tail", executions)}
        told = read_nodes(self._reader, made, self._size)
        return (
            executions
            | tested
            | self._bounded({vertex for vertex in made if told[vertex].type in SAID}, AROUND_MAX)
        )

    def _edges(self, column: str, vertices: Collection[int]) -> list[tuple[int, int]]:
        rows = self._reader.find(EDGE, column, vertices)
        return [
            (int(row[0]), int(row[1]))
            for row in rows
            if row[3] < self._size
            and (EventKind(row[2]) in INPUT_KINDS) == (kind_code(row[0]) == _ARTIFACT)
        ]

    def _of_others(self, said: Collection[int], scope: Collection[int]) -> set[int]:
        """Return what was said, by its own step, of something that is not in scope."""
        artifacts = [vertex for vertex in said if kind_code(vertex) == _ARTIFACT]
        made = self._edges("head", artifacts)
        taken = self._edges("head", {execution for execution, _ in made})
        strange = {execution for artifact, execution in taken if artifact not in scope}
        return {artifact for execution, artifact in made if execution in strange}

    def _contexts(self, vertices: Collection[int]) -> set[int]:
        """Return what these belong to, and what that belongs to."""
        found: set[int] = set()
        level = set(vertices)
        while level:
            rows = self._reader.find(MEMBERSHIP, "member", level)
            level = {int(row[1]) for row in rows if row[2] < self._size} - found
            found |= level
        return found

    def _said_in(self, own: Collection[int], places: Collection[int]) -> set[int]:
        """Return what was said of the contexts of the subject, and of where it served."""
        contexts = self._contexts(own) | set(places)
        rows = self._reader.find(MEMBERSHIP, "context", contexts)
        members = {
            int(row[0]) for row in rows if row[2] < self._size and kind_code(row[0]) == _ARTIFACT
        }
        nodes = read_nodes(self._reader, members, self._size)
        said = {vertex for vertex, node in nodes.items() if node.type in SAID}
        return self._bounded(said, AROUND_MAX)

    def _reached(self, origins: Collection[int]) -> set[int]:
        """Return the data, models and deployments that came of the subject's data."""
        nodes = read_nodes(self._reader, origins, self._size)
        data = [vertex for vertex, node in nodes.items() if node.type in DATA]
        if not data:
            return set()
        walked = self._walk(data, Direction.DOWNSTREAM, OTHERS_MAX)
        vertices = set(found_nodes(self._asked.namespace, walked)[0]) - set(origins)
        reached = read_nodes(self._reader, vertices, self._size)
        models = [vertex for vertex, node in reached.items() if node.type in SUBJECTS]
        search = Search(self._reader, self._asked.snapshot, self._asked.namespace, self._size)
        # What an incident set off is downstream of the data too, and is not made of it.
        serving = search.deployments_of(models)
        self._truncations += serving.truncations
        return {vertex for vertex, node in reached.items() if node.type in _REACHED} | (
            vertices & serving.steps.keys()
        )

    def _bounded(self, vertices: set[int], limit: int) -> set[int]:
        if len(vertices) <= limit:
            return vertices
        hidden = len(vertices) - limit
        cut = Truncation(reason=TruncationReason.NODES, limit=limit, hidden=hidden)
        self._truncations.append(cut)
        return set(sorted(vertices)[:limit])

    def _redactions(self, vertices: set[int]) -> tuple[Basis, tuple[Redaction, ...]]:
        answer = LineageAnswer(
            basis=self._asked.basis, direction=Direction.UPSTREAM, start=(), nodes=(), edges=()
        )
        told = with_redactions(self._reader, answer, self._asked.namespace, vertices)
        return told.basis, told.redactions


def _upstream_of(
    subject: ThingId,
    kept: Collection[ThingId],
    joints: Iterable[Joint],
    crossed: Iterable[Crossed],
) -> frozenset[ThingId]:
    """Return what is still upstream where things that came later are left out."""
    behind: dict[ThingId, set[ThingId]] = {}
    for one in joints:
        near, far = (one.execution, one.artifact) if one.is_input else (one.artifact, one.execution)
        behind.setdefault(near, set()).add(far)
    for link in crossed:
        behind.setdefault(link.near, set()).add(link.far)
        behind.setdefault(link.far, set()).add(link.near)
    found, waiting = {subject}, [subject]
    while waiting:
        for far in behind.get(waiting.pop(), set()) & set(kept):
            if far not in found:
                found.add(far)
                waiting.append(far)
    return frozenset(found)
