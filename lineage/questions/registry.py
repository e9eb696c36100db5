"""Show a registered model: its versions with all that became of them, at a valid time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.decisions import Decisions, is_by, text_of
from lineage.questions.entities import members_among, members_of
from lineage.questions.holdings import (
    PROMOTE,
    RETIRE,
    ReadHoldings,
    is_holding_move,
    read_holdings,
    said_at,
    who_did,
)
from lineage.questions.labels import resolve_name
from lineage.questions.moves import Described, describe, members_in, name_of
from lineage.questions.nodes import find_identified, read_nodes
from lineage.questions.previous_good import Previous
from lineage.questions.redactions import with_redactions
from lineage.questions.served import MODEL_VERSION, Search
from lineage.questions.serving import (
    FoundServing,
    ServingAsked,
    Showing,
    Subject,
    read_calendars,
)
from lineage.serving.calendar import Interval
from lineage.serving.holdings import Held
from lineage.vertices import KIND_CODES, kind_code
from lineage_schemas.errors import NotFoundError
from lineage_schemas.graph import Node, ResolvedLabel, Truncation, TruncationReason
from lineage_schemas.instants import format_instant, format_known_instant, parse_instant
from lineage_schemas.labels import DISPLAY_NAME
from lineage_schemas.mlmd import Kind
from lineage_schemas.registry_views import (
    ApprovalOf,
    ApprovalView,
    FindingKind,
    Holding,
    HoldingKind,
    PromotionView,
    RegistryAnswer,
    RegistryFinding,
    RollBackView,
    VersionView,
)
from lineage_schemas.semantic_versions import (
    SemanticVersion,
    change_class,
    parse_semantic_version,
    versions_before,
)
from lineage_schemas.serving import Ending, Role, ServingAction
from lineage_schemas.values import JsonValue

VERSIONS_MAX: Final = 1_000
"""Versions of a registered model that one answer shows."""

REGISTERED_MODEL: Final = "lineage.RegisteredModel"

_ARTIFACT: Final = KIND_CODES[Kind.ARTIFACT]
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]
_CONTEXT: Final = KIND_CODES[Kind.CONTEXT]


class _Version(NamedTuple):
    """A version, the nodes it is known by, and the deployments that serve it, by vertex."""

    told: Described
    members: frozenset[int]
    deployments: frozenset[int]
    semantic: SemanticVersion | None

    @property
    def key(self) -> str:
        return self.told.node.key or ""


def show_registered_model(asked: ServingAsked, name: str) -> RegistryAnswer:
    """Show the registered model that a name means, or that the version of that name belongs to.

    Raises:
        AmbiguousLabelError: a label of several things.
        NotFoundError: nothing goes by the name, or nothing that a registry holds.
    """
    models, label = _models_named(asked, name)
    return _Registry(asked, models, label).answer()


class _Registry:
    """What is read once for one answer."""

    def __init__(self, asked: ServingAsked, models: list[int], label: ResolvedLabel | None) -> None:
        self._asked = asked
        self._models = models
        self._label = label
        valid_at = asked.basis.valid_at
        self._valid_us = None if valid_at is None else parse_instant(valid_at)
        self._search = Search(asked.reader, asked.snapshot, asked.namespace, asked.size)
        self._truncations: list[Truncation] = []
        self._versions = self._read_versions()
        self._written: dict[SemanticVersion, str] = {}
        for one in self._versions:
            if one.semantic is not None:
                text = text_of(one.told.node, "semantic_version") or ""
                self._written.setdefault(one.semantic, text)
        self._befores = versions_before(self._written)
        self._found = self._read_calendars()
        self._places_of: dict[str, list[int]] = {}
        for place, interval in enumerate(self._found.intervals):
            self._places_of.setdefault(interval.deployment, []).append(place)
        self._showing = Showing(asked, self._found)
        self._moving = self._read_executions()

    def answer(self) -> RegistryAnswer:
        """Put the answer together."""
        asked = self._asked
        holdings = read_holdings(self._moving.values(), self._search)
        named = read_nodes(asked.reader, self._models, asked.size)
        previous = Previous(asked, self._search, self._found, self._showing)
        versions = tuple(self._version_view(one, holdings, previous) for one in self._versions)
        answer = RegistryAnswer(
            basis=asked.basis,
            valid_at=asked.basis.valid_at,
            models=tuple(named[one].key or "" for one in self._models),
            name=name_of(named[self._models[0]]),
            versions=versions,
            holdings=tuple(self._holdings(holdings)),
            approvals=(
                *self._approvals_around(named),
                *(one for each in self._versions for one in self._approvals(each)),
            ),
            promotions=tuple(self._promotions()),
            rollbacks=tuple(self._rollbacks()),
            previous_good=tuple(previous.of_places(self._own, self._valid_us)),
            findings=(*self._version_findings(), *holdings.findings),
            unplaced=self._found.unplaced,
            label=self._label,
        )
        cut = (*self._truncations, *self._found.truncations, *self._showing.truncations)
        answer = replace(answer, truncations=tuple(dict.fromkeys(cut)))
        spoken_of = {
            *self._models,
            *self._moving,
            *self._found.vertices,
            *self._showing.erased,
            *(one.told.vertex for one in self._versions),
        }
        return with_redactions(asked.reader, answer, asked.namespace, spoken_of)

    # --- reading ---------------------------------------------------------------------------------

    def _read_versions(self) -> list[_Version]:
        asked, search = self._asked, self._search
        inside = members_in(asked.reader, self._models, _ARTIFACT, asked.size)
        told = describe(asked.reader, inside, asked.size)
        # What was erased may have been a version: it is shown by its key, or by nothing.
        versions = [one for one in told.values() if one.node.type in {MODEL_VERSION, None}]
        versions.sort(key=_version_order)
        if len(versions) > VERSIONS_MAX:
            hidden = len(versions) - VERSIONS_MAX
            reason = TruncationReason.NODES
            self._truncations.append(Truncation(reason=reason, limit=VERSIONS_MAX, hidden=hidden))
        found: list[_Version] = []
        for one in versions[:VERSIONS_MAX]:
            members = frozenset(members_of(asked.snapshot.links, one.vertex, asked.size))
            reached = search.deployments_of(members)
            self._truncations += reached.truncations
            found.append(_Version(one, members, frozenset(reached.steps), _semantic(one)))
        return found

    def _read_calendars(self) -> FoundServing:
        asked = self._asked
        deployments = {vertex for one in self._versions for vertex in one.deployments}
        rows = asked.reader.find(MEMBERSHIP, "member", deployments)
        around = {int(row[1]) for row in rows if row[2] < asked.size}
        self._own = frozenset(self._search.node(one).key or "" for one in deployments)
        return read_calendars(asked, Subject(around))

    def _read_executions(self) -> dict[int, Described]:
        """Return what moved stages and aliases: in the model, or of one of its versions."""
        asked, search = self._asked, self._search
        inside = set(members_in(asked.reader, self._models, _EXECUTION, asked.size))
        for one in self._versions:
            inside.update(
                vertex
                for vertex in search.out_of(one.told.vertex)
                if search.node(vertex).type in {PROMOTE, RETIRE}
            )
        return describe(asked.reader, inside, asked.size)

    def _intervals_of(self, one: _Version) -> list[Interval]:
        """Return the intervals of the deployments of a version, in the order of all."""
        keys = sorted({self._search.node(vertex).key or "" for vertex in one.deployments})
        places = sorted(place for key in keys for place in self._places_of.get(key, ()))
        return [self._found.intervals[place] for place in places]

    # --- versions --------------------------------------------------------------------------------

    def _version_view(
        self, one: _Version, holdings: ReadHoldings, previous: Previous
    ) -> VersionView:
        node = one.told.node
        keys = {self._search.node(vertex).key for vertex in one.members}
        held = [each for each in holdings.held if each.version in keys and self._is_held(each)]
        before = self._before(one)
        semantic = one.semantic
        number = node.properties.get("number")
        return VersionView(
            key=one.key,
            label=name_of(node),
            number=number if isinstance(number, int) else None,
            semantic_version=text_of(node, "semantic_version"),
            change_class=(
                None if semantic is None or before is None else change_class(semantic, before[0])
            ),
            changed_from=None if before is None else before[1],
            stated_change_class=text_of(node, "change_class"),
            stages=_names(held, HoldingKind.STAGE),
            aliases=_names(held, HoldingKind.ALIAS),
            registered_time=text_of(node, "registered_time"),
            registered_by=text_of(node, "registered_by"),
            exists=previous.still_there([one.key])[0],
            serving=tuple(
                self._showing.interval(each)
                for each in self._intervals_of(one)
                if self._isformat_known_instant(each)
            ),
        )

    def _before(self, one: _Version) -> tuple[SemanticVersion, str] | None:
        """Return the semantic version before one, parsed and as it is written."""
        before = None if one.semantic is None else self._befores.get(one.semantic)
        return None if before is None else (before, self._written[before])

    def _version_findings(self) -> Iterator[RegistryFinding]:
        for one in self._versions:
            text = text_of(one.told.node, "semantic_version")
            if text is not None and one.semantic is None:
                yield RegistryFinding(
                    kind=FindingKind.NOT_A_SEMANTIC_VERSION,
                    what=f"{text} is no version of SemVer 2.0.0",
                    where=one.key,
                )
            stated, before = text_of(one.told.node, "change_class"), self._before(one)
            if one.semantic is None or before is None or stated is None:
                continue
            computed = change_class(one.semantic, before[0]).value
            if computed != stated.lower().replace("-", "_"):
                yield RegistryFinding(
                    kind=FindingKind.CHANGE_CLASS_CONTRADICTED,
                    what=f"{text} after {before[1]} is {computed}, and was stated to be {stated}",
                    where=one.key,
                )

    # --- stages, aliases and what serves ---------------------------------------------------------

    def _holdings(self, holdings: ReadHoldings) -> Iterator[Holding]:
        for one in holdings.held:
            certainty = None if self._valid_us is None else one.certainty_at(self._valid_us)
            if self._valid_us is not None and certainty is None:
                continue
            yield Holding(
                kind=one.kind,
                name=one.name,
                version=one.version,
                start=format_known_instant(one.start_us),
                start_after=format_known_instant(one.start_after_us),
                end=format_known_instant(one.end_us),
                end_after=format_known_instant(one.end_after_us),
                opened_by=one.opened_by,
                closed_by=one.closed_by,
                given_by=one.given_by,
                taken_by=one.taken_by,
                source=one.source,
                positions=one.positions,
                certainty=certainty,
                is_current=one.is_current(self._valid_us),
            )

    def _is_held(self, one: Held) -> bool:
        if self._valid_us is None:
            return one.end_us is None
        return one.certainty_at(self._valid_us) is not None

    def _isformat_known_instant(self, one: Interval) -> bool:
        return self._valid_us is None or one.certainty_at(self._valid_us) is not None

    # --- what was decided, promoted and rolled back ----------------------------------------------

    def _approvals(self, one: _Version) -> Iterator[ApprovalView]:
        about = dict.fromkeys(one.members, ApprovalOf.VERSION)
        for vertex in self._carriers(one):
            about.setdefault(vertex, ApprovalOf.DEPLOYMENT)
        decisions = Decisions(self._asked, self._search)
        for view in decisions.of_version(one.key, about, one.deployments):
            if is_by(view.decided_time, self._valid_us):
                yield view

    def _approvals_around(self, models: dict[int, Node]) -> Iterator[ApprovalView]:
        """Yield what was decided about the registered model, and where it was deployed."""
        own = {one.place for one in self._found.intervals if one.deployment in self._own}
        contexts = {
            **{
                place.vertex: (key, ApprovalOf.PLACE)
                for key, place in self._found.places.items()
                if key in own
            },
            **{one: (node.key or "", ApprovalOf.REGISTERED_MODEL) for one, node in models.items()},
        }
        for view in Decisions(self._asked, self._search).of_contexts(contexts):
            if is_by(view.decided_time, self._valid_us):
                yield view

    def _carriers(self, one: _Version) -> Iterator[int]:
        """Yield the deployments of a version, and what lies between them and it."""
        keys = {self._search.node(vertex).key for vertex in one.members}
        for vertex in sorted(one.deployments):
            yield vertex
            for served in self._showing.served_by(self._search.node(vertex).key or ""):
                if served.key in keys:
                    yield from self._artifacts(served.path)

    def _artifacts(self, path: Iterable[str]) -> Iterator[int]:
        asked = self._asked
        for key in path:
            yield from find_identified(
                asked.reader, asked.namespace, key, (Kind.ARTIFACT,), asked.size
            )

    def _promotions(self) -> Iterator[PromotionView]:
        found = [*self._moved_promotions(), *self._crowned_promotions()]
        found.sort(key=lambda one: (one.at or "", one.execution, one.version))
        for one in found:
            if is_by(one.at, self._valid_us):
                yield one

    def _moved_promotions(self) -> Iterator[PromotionView]:
        """Yield the promotions to stages and aliases."""
        by_vertex = {one.told.vertex: one for one in self._versions}
        for told in self._moving.values():
            custom, properties = told.node.custom_properties, told.node.properties
            to = (
                properties.get("alias")
                or custom.get("mlflow.to_stage")
                or properties.get("to_stage")
            )
            if told.node.type != PROMOTE or not is_holding_move(told) or not isinstance(to, str):
                continue
            for vertex in self._search.into(told.vertex):
                if vertex in by_vertex:
                    yield self._promotion(by_vertex[vertex], told, to, None)

    def _crowned_promotions(self) -> Iterator[PromotionView]:
        """Yield what made a deployment of a version the champion of its place."""
        champions = [one for one in self._found.intervals if one.role is Role.CHAMPION]
        # Who was champion before and goes on with another share was not promoted by that.
        going_on = {
            (one.deployment, one.closed_by) for one in champions if one.ending is Ending.CHANGED
        }
        crowned = {id(one) for one in champions if (one.deployment, one.opened_by) not in going_on}
        for one in self._versions:
            for each in self._intervals_of(one):
                if id(each) in crowned and each.opened_by is not None:
                    told = self._execution(each.opened_by)
                    if told is not None:
                        yield self._promotion(one, told, each.role.value, each)

    def _promotion(
        self, one: _Version, told: Described, to: str, each: Interval | None
    ) -> PromotionView:
        custom = told.node.custom_properties
        at = said_at(told)[0] if each is None else each.start_us
        subjects = set(one.members)
        if each is not None:
            subjects.update(self._artifacts([each.deployment]))
        else:
            subjects |= one.deployments
        decisions = Decisions(self._asked, self._search)
        return PromotionView(
            version=one.key,
            execution=told.node.key or "",
            to=to,
            place=None if each is None else each.place,
            at=format_known_instant(at),
            promoted_by=who_did(told) or text_of(told.node, "deployed_by", "rolled_back_by"),
            criterion=custom.get("criterion"),
            stated_evidence=custom.get("online_evidence"),
            online_evidence=tuple(decisions.evidence_before(subjects, at)),
            positions=told.positions,
        )

    def _rollbacks(self) -> Iterator[RollBackView]:
        by_execution: dict[str, list[Interval]] = {}
        for one in self._found.intervals:
            if one.ending is Ending.ROLLED_BACK and one.closed_by is not None:
                by_execution.setdefault(one.closed_by, []).append(one)
            if one.is_rollback and one.opened_by is not None:
                by_execution.setdefault(one.opened_by, []).append(one)
        found: list[RollBackView] = []
        for execution, intervals in by_execution.items():
            if any(one.deployment in self._own for one in intervals):
                found.append(self._rollback(execution, intervals))
        for view in sorted(found, key=lambda one: (one.at, one.execution)):
            if is_by(view.at, self._valid_us):
                yield view

    def _rollback(self, execution: str, intervals: list[Interval]) -> RollBackView:
        move = self._found.moves[execution]
        told = self._execution(execution)
        node = None if told is None else told.node
        out = {one.deployment for one in intervals if one.closed_by == execution}
        trigger = move.move.trigger
        cause = None if trigger is None else self._node(trigger)
        automatic: JsonValue = None if node is None else node.properties.get("is_automatic")
        return RollBackView(
            execution=execution,
            place=move.move.place,
            at=format_instant(move.at_us),
            taken_out=tuple(sorted(out)),
            brought_back=next(
                (one.deployment for one in intervals if one.opened_by == execution),
                # What served beside what is taken out was there all along, and goes on.
                move.move.deployment if move.move.action is ServingAction.DEPLOY else None,
            ),
            trigger=trigger,
            trigger_summary=text_of(cause, "summary", DISPLAY_NAME),
            reason=text_of(node, "reason"),
            is_automatic=automatic if isinstance(automatic, bool) else None,
            rolled_back_by=text_of(node, "rolled_back_by", "deployed_by"),
            source=move.source,
            positions=move.positions,
        )

    def _node(self, key: str) -> Node | None:
        found = next(self._artifacts([key]), None)
        return None if found is None else self._search.node(found)

    def _execution(self, key: str) -> Described | None:
        asked = self._asked
        kinds = (Kind.EXECUTION,)
        vertices = find_identified(asked.reader, asked.namespace, key, kinds, asked.size)
        return next(iter(describe(asked.reader, vertices, asked.size).values()), None)


def _semantic(one: Described) -> SemanticVersion | None:
    text = text_of(one.node, "semantic_version")
    return None if text is None else parse_semantic_version(text)


def _version_order(one: Described) -> tuple[bool, int, tuple[object, ...], str]:
    """Order versions by number, then by semantic version, then by key."""
    number, parsed = one.node.properties.get("number"), _semantic(one)
    order = () if parsed is None else parsed.order
    return (
        not isinstance(number, int),
        number if isinstance(number, int) else 0,
        (parsed is None, order),
        one.node.key or "",
    )


def _names(held: Iterable[Held], kind: HoldingKind) -> tuple[str, ...]:
    return tuple(sorted({one.name for one in held if one.kind is kind}))


def _models_named(asked: ServingAsked, name: str) -> tuple[list[int], ResolvedLabel | None]:
    """Return the registered models of a name, and what it resolved to if it is a label."""
    reader, links, namespace, size = (
        asked.reader,
        asked.snapshot.links,
        asked.namespace,
        asked.size,
    )
    key, label = resolve_name(reader, namespace, name, tuple(Kind), size, REGISTERED_MODEL)
    found = find_identified(reader, namespace, key, tuple(Kind), size)
    members = members_among(links, found, size)
    artifacts = [one for one in members if kind_code(one) == _ARTIFACT]
    rows = reader.find(MEMBERSHIP, "member", artifacts)
    around = {int(row[1]) for row in rows if row[2] < size}
    contexts = {one for one in members if kind_code(one) == _CONTEXT} | around
    nodes = read_nodes(reader, contexts, size)
    models = sorted(one for one in contexts if nodes[one].type == REGISTERED_MODEL)
    if not models:
        raise NotFoundError(
            f"The log of size {size} knows no registered model by this name",
            where=name,
            hint=f"List what there is with `lineage list {REGISTERED_MODEL}`.",
        )
    return models, label
