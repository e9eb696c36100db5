"""Provenance: the steps from the sources to a subject, in order, each with what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from lineage.graph.links import CROSSED_BY_DEFAULT
from lineage.graph.ordering import order_steps
from lineage.projections.states import STATE, STATE_PAST
from lineage.questions.approvals import read_approvals
from lineage.questions.as_of import envelope_at
from lineage.questions.edge_lists import EdgeTold, read_told_edges
from lineage.questions.gaps import Made, find_gaps, models_to_approve
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.merged import (
    Merged,
    Versions,
    is_code_file,
    read_merged,
    read_versions,
    thing_ref,
)
from lineage.questions.named import begun_among
from lineage.questions.nodes import find_identified
from lineage.questions.redactions import with_redactions
from lineage.questions.runs import SUBJECT_KINDS, refuse_several
from lineage.questions.same_content import SameContent
from lineage.questions.trace import DEPTH_MAX, TraceQuery, check_bounds, trace
from lineage.vertices import KIND_CODES, vertex_of
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import LineageAnswer, Truncation, TruncationReason
from lineage_schemas.instants import format_instant, format_known_instant
from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.provenance import (
    ProvenanceAnswer,
    ProvenanceStep,
    SaidBy,
    StepEnd,
    StepExecution,
)
from lineage_schemas.records import LinkClass

PROVENANCE_NODES_MAX: Final = 100_000
PROVENANCE_NODES_DEFAULT: Final = 10_000

SAME_CONTENT_MAX: Final = 100
"""Things of the same content that are shown of one, with who made them."""

MAKERS_MAX: Final = 100
"""Steps that are shown as having made one input, the last of them; the others are counted."""

CODE_REVISION: Final = "lineage.CodeRevision"
_DECLARED: Final = frozenset({EventKind.DECLARED_INPUT, EventKind.DECLARED_OUTPUT})


class ProvenanceQuery(Struct, frozen=True, kw_only=True):
    """Of what to tell how it came to be, and how far back: as a trace upstream."""

    subject: str
    depth: int = DEPTH_MAX
    nodes: int = PROVENANCE_NODES_DEFAULT
    cross: tuple[LinkClass, ...] = CROSSED_BY_DEFAULT


class _Code(NamedTuple):
    repository: str | None
    commit: str | None
    is_dirty: bool | None


def check_provenance(query: ProvenanceQuery) -> None:
    """Refuse a query outside the limits.

    Raises:
        InvalidInputError: a depth or node limit out of range, or guesses to be crossed.
    """
    if not 1 <= query.nodes <= PROVENANCE_NODES_MAX:
        what = f"The node limit is from 1 to {PROVENANCE_NODES_MAX}"
        raise InvalidInputError(what, where=str(query.nodes))
    check_bounds(query.depth, query.nodes, query.cross)


def tell_provenance(asked: GraphAsked, query: ProvenanceQuery) -> ProvenanceAnswer:
    """Answer a checked query.

    Raises:
        InvalidInputError: the subject is a context, through which no data flows, or several things.
        AmbiguousLabelError, NotFoundError: as a trace, for a label.
    """
    walk = TraceQuery(
        start=(query.subject,), depth=query.depth, nodes=query.nodes, cross=query.cross
    )
    answer = trace(asked, walk)
    if any(node.kind is Kind.CONTEXT for node in answer.nodes):
        raise InvalidInputError(
            "A context groups things, and no data flows through it",
            where=query.subject,
            hint="Ask of one of its members, which `lineage show` lists.",
        )
    if asked.number is not None:
        (name,) = answer.start
        found = find_identified(asked.reader, asked.number, name, SUBJECT_KINDS, asked.size)
        begun = begun_among(asked, found)
        refuse_several(query.subject, dict.fromkeys(read_merged(asked, begun).values()))
    return _Telling(asked, query, answer).answer()


class _Telling:
    """Makes steps of one bounded answer."""

    def __init__(self, asked: GraphAsked, query: ProvenanceQuery, answer: LineageAnswer) -> None:
        self._asked = asked
        self._query = query
        self._answer = answer
        vertices = _vertices(asked.number, answer)
        self._things = read_merged(asked, vertices)
        self._subject = next((self._things[vertex] for vertex in vertices), None)
        self._depths = _depths(self._things, vertices)
        self._edges = _distinct(read_told_edges(asked, answer.edges), self._things)
        self._same = SameContent(answer.links, asked.number, self._things)
        self._versions = read_versions(asked, self._artifacts())
        self._made: dict[Merged, list[EdgeTold]] = {}
        self._taken: dict[Merged, list[EdgeTold]] = {}
        self._ends: dict[Merged, list[EdgeTold]] = {}
        for edge in self._edges:
            artifact, execution = self._things[edge.artifact], self._things[edge.execution]
            self._ends.setdefault(execution, []).append(edge)
            by = self._taken if edge.kind.is_input else self._made
            by.setdefault(artifact, []).append(edge)
        self._told = self._first_told()
        self._made_by: dict[Merged, tuple[int, ...]] = {}
        """The numbers of the steps that made an input, so that n readers of one look once."""
        self._makers_hidden = 0

    def answer(self) -> ProvenanceAnswer:
        """Return the steps and the gaps."""
        executions = self._executions()
        places = {thing: index for index, thing in enumerate(executions)}
        outputs, inputs = (self._at(places, some) for some in (self._made, self._taken))
        pairs = self._same.flows(outputs, inputs, len(executions))
        groups = order_steps(range(len(executions)), pairs)
        circles = self._same.runs_in_circles(inputs, outputs) | {
            one for one, _ in set(inputs) & set(outputs)
        }
        numbers = {
            executions[one]: number for number, group in enumerate(groups, 1) for one in group
        }
        steps = tuple(
            ProvenanceStep(
                number=number,
                is_knot=len(group) > 1 or group[0] in circles,
                executions=tuple(self._execution(executions[one], numbers) for one in group),
            )
            for number, group in enumerate(groups, 1)
        )
        # What only has the same bytes as an input was taken in by nobody here.
        artifacts = [
            one
            for one in self._artifacts()
            if one in self._taken or one in self._made or one is self._subject
        ]
        models = models_to_approve(artifacts, self._subject)
        approvals = read_approvals(self._asked, models)
        made_too = self._same.to(self._made)
        unmade = [one for one in artifacts if one not in self._made and one not in made_too]
        ordered = [executions[one] for group in groups for one in group]
        made = Made(
            subject=self._subject,
            asked=self._query.subject,
            executions=ordered,
            artifacts=artifacts,
            sourceless={
                one for one in ordered if not any(e.kind.is_input for e in self._ends.get(one, ()))
            },
            unmade=set(unmade),
            same=self._same,
            coded={one for one in ordered if self._is_code_known(one)},
            versions=self._versions,
            models=models,
            approvals=approvals,
            truncations=self._answer.truncations,
            is_begun=not self._answer.not_begun,
        )
        answer = ProvenanceAnswer(
            basis=self._answer.basis,
            asked=self._query.subject,
            subject=None if self._subject is None else thing_ref(self._subject),
            steps=steps,
            sources=tuple(thing_ref(one) for one in unmade if one in self._taken),
            gaps=tuple(find_gaps(self._asked, made)),
            unknown=self._answer.unknown,
            truncations=self._cuts(artifacts),
            undated=self._answer.undated,
            redactions=self._answer.redactions,
            labels=self._answer.labels,
        )
        met = {*_vertices(self._asked.number, self._answer), *approvals.vertices}
        return with_redactions(self._asked.reader, answer, self._asked.number, met)

    def _executions(self) -> list[Merged]:
        """Return the executions, furthest first."""
        found = {one for one in self._things.values() if one.kind is Kind.EXECUTION}
        return sorted(found, key=lambda one: (-self._depths[one], one.key, one.members))

    def _artifacts(self) -> list[Merged]:
        found = {one for one in self._things.values() if one.kind is Kind.ARTIFACT}
        return sorted(found, key=lambda one: (-self._depths[one], one.key, one.members))

    def _makers(self, artifact: Merged) -> list[Merged]:
        """Return the executions that made an artifact, or what is shown of the same content."""
        alike = (artifact, *self._alike(artifact))
        made = (edge.execution for one in alike for edge in self._made.get(one, ()))
        return list(dict.fromkeys(self._things[execution] for execution in made))

    def _made_by_steps(self, artifact: Merged, numbers: dict[Merged, int]) -> tuple[int, ...]:
        """Return the numbers of the steps that made an artifact, the last so many."""
        known = self._made_by.get(artifact)
        if known is None:
            every = sorted({numbers[one] for one in self._makers(artifact)})
            known = self._made_by[artifact] = tuple(every[-MAKERS_MAX:])
            self._makers_hidden += len(every) - len(known)
        return known

    def _alike(self, artifact: Merged) -> tuple[Merged, ...]:
        """Return what is shown of the same content."""
        return self._same.first(artifact, SAME_CONTENT_MAX + 1)[:SAME_CONTENT_MAX]

    def _at(
        self, places: dict[Merged, int], edges: dict[Merged, list[EdgeTold]]
    ) -> list[tuple[int, Merged]]:
        """Return (place of an execution, artifact) of some edges."""
        return [
            (places[self._things[edge.execution]], artifact)
            for artifact, some in edges.items()
            for edge in some
        ]

    def _cuts(self, artifacts: Iterable[Merged]) -> tuple[Truncation, ...]:
        """Return what cut the answer; of what is too often the same, at least one is hidden."""
        more = sum(
            len(self._same.first(one, SAME_CONTENT_MAX + 1)) > SAME_CONTENT_MAX for one in artifacts
        )
        limits = (SAME_CONTENT_MAX, more), (MAKERS_MAX, self._makers_hidden)
        cuts = (
            Truncation(reason=TruncationReason.NEIGHBOURS, limit=limit, hidden=hidden)
            for limit, hidden in limits
            if hidden
        )
        return (*self._answer.truncations, *cuts)

    def _execution(self, thing: Merged, numbers: dict[Merged, int]) -> StepExecution:
        code, parameters = self._code(thing), thing.value("hyperparameters")
        ends = self._ends.get(thing, [])
        state = thing.fields.get("state")
        return StepExecution(
            thing=thing_ref(thing),
            state=None if state is None else str(state.value),
            started=thing.text("started_time"),
            ended=thing.text("ended_time"),
            started_by=thing.text("started_by"),
            told=tuple(self._told[one] for one in thing.members if one in self._told),
            code_repository=code.repository,
            code_commit=code.commit,
            code_is_dirty=code.is_dirty,
            parameters=parameters if isinstance(parameters, dict) else None,
            inputs=tuple(self._end(edge, numbers) for edge in ends if edge.kind.is_input),
            outputs=tuple(self._end(edge, {}) for edge in ends if not edge.kind.is_input),
        )

    def _end(self, edge: EdgeTold, numbers: dict[Merged, int]) -> StepEnd:
        thing = self._things[edge.artifact]
        versions = self._versions.get(thing, Versions(frozenset(), None))
        return StepEnd(
            thing=thing_ref(thing),
            event=edge.kind.value,
            path=edge.path,
            position=edge.position,
            versions=versions.texts,
            made_by=self._made_by_steps(thing, numbers) if numbers else (),
            same_content=tuple(one.key for one in self._alike(thing)),
        )

    def _is_code_known(self, thing: Merged) -> bool:
        """Tell whether the commit is known, or the bytes of a file of code that went in."""
        return self._code(thing).commit is not None or any(
            is_code_file(one) and self._versions[one].digests
            for edge in self._ends.get(thing, ())
            if edge.kind.is_input
            for one in (self._things[edge.artifact],)
        )

    def _code(self, thing: Merged) -> _Code:
        """Return the code that an execution names, or the one commit that it took in."""
        dirty = thing.value("code_is_dirty")
        is_dirty = dirty if isinstance(dirty, bool) else None
        revisions = {
            one
            for edge in self._ends.get(thing, ())
            if edge.kind.is_input and (one := self._things[edge.artifact]).type == CODE_REVISION
        }
        repository, commit = thing.text("code_repository"), thing.text("code_commit")
        if commit is None and len(revisions) == 1:
            (revision,) = revisions
            commit = revision.text("commit")
            repository = repository or revision.text("repository")
        return _Code(repository, commit, is_dirty)

    def _first_told(self) -> dict[int, SaidBy]:
        """Return for each node of an execution who described it first."""
        executions = [v for v, one in self._things.items() if one.kind is Kind.EXECUTION]
        first: dict[int, int] = {}
        for table in (STATE, STATE_PAST):
            for row in self._asked.reader.find(table, "vertex", executions):
                if row[1] < self._asked.size:
                    first[row[0]] = min(row[1], first.get(row[0], row[1]))
        return {vertex: self._said_by(position) for vertex, position in first.items()}

    def _said_by(self, position: int) -> SaidBy:
        envelope = envelope_at(self._asked.reader, position)
        stated = envelope.stated
        return SaidBy(
            position=position,
            source=envelope.source,
            actor=envelope.actor,
            recorded_at=format_instant(envelope.recorded_us),
            stated_at=None if stated is None else format_known_instant(stated.start_us),
        )


def _vertices(number: int | None, answer: LineageAnswer) -> dict[int, int]:
    """Return the nodes of an answer, nearest first, with their depths."""
    return {
        vertex_of(number, KIND_CODES[node.kind], node.id): node.depth
        for node in answer.nodes
        if number is not None and node.kind is not None and node.id is not None
    }


def _depths(things: dict[int, Merged], vertices: dict[int, int]) -> dict[Merged, int]:
    """Return how far away each thing is at the furthest of its nodes."""
    depths: dict[Merged, int] = {}
    for vertex, thing in things.items():
        depths[thing] = max(vertices.get(vertex, 0), depths.get(thing, 0))
    return depths


def _distinct(edges: Iterable[EdgeTold], things: dict[int, Merged]) -> list[EdgeTold]:
    """Return each edge between two things once: what happened before what was declared."""
    found: dict[tuple[Merged, Merged, bool, tuple[str | int, ...]], EdgeTold] = {}
    ordered = sorted(edges, key=lambda edge: (edge.kind in _DECLARED, edge.position or 0))
    for edge in ordered:
        name = things[edge.artifact], things[edge.execution], edge.kind.is_input, edge.path
        found.setdefault(name, edge)
    return sorted(found.values(), key=lambda edge: edge[:3])
