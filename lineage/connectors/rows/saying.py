"""What one row says by a mapping: records, each with the time at which it was so. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Final

from msgspec import Struct

from lineage.connectors.deployments.saying import move_property
from lineage.connectors.rows.checking import STATES, forms_of
from lineage.connectors.rows.columns import Row, parse_column, parse_template
from lineage.connectors.rows.values import holds, list_of, stated_of, time_of, value_of
from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import AnyRecord, Claim, StatedTime
from lineage_schemas.row_mappings import (
    ITEM,
    ClaimMapping,
    EventMapping,
    NodeMapping,
    RowMapping,
    ServingMapping,
    Value,
    ValueForm,
)
from lineage_schemas.serving import Role, ServingAction, ServingMove
from lineage_schemas.values import JsonValue

ROW_RECORDS_MAX: Final = 10_000
"""Records that one row makes."""

_STEPS: Final = {
    ServingAction.DEPLOY: "lineage.Deploy",
    ServingAction.CHANGE: "lineage.Promote",
    ServingAction.REMOVE: "lineage.Retire",
}
_FILTERED: Final = ("[filtered]", "%5Bfiltered%5D")


class Told(Struct, frozen=True):
    """A record, and when it was so: ``None`` where the row does not say.

    ``is_dated``: the record itself has its time in it, as a move has.
    """

    record: AnyRecord
    stated: StatedTime | None
    is_dated: bool = False


class RowSaid(Struct, frozen=True):
    """What a row says. ``own`` are the nodes that stand and fall with it, ``ending`` the moves."""

    told: tuple[Told, ...]
    own: tuple[Artifact | Execution | Context, ...]
    ending: tuple[ServingMove, ...]


class _Made(Struct, frozen=True):
    """A node of the mapping, as one row has it."""

    key: str
    kind: Kind
    row: Row


def say_row(mapping: RowMapping, row: Row) -> RowSaid:
    """Return what a row says.

    Raises:
        InvalidInputError: a column holds something else than the mapping says; names it.
        LimitExceededError: more than ``ROW_RECORDS_MAX`` records.
    """
    saying = _Saying(mapping, row)
    told: list[Told] = []
    for one in saying.all():
        told.append(one)
        if len(told) > ROW_RECORDS_MAX:
            raise LimitExceededError(
                f"A row makes more than {ROW_RECORDS_MAX} records (ROW_RECORDS_MAX)"
            )
    return RowSaid(tuple(told), tuple(saying.own), tuple(saying.ending))


def identifier_of(template: str, row: Row) -> str:
    """Return the identifier that a template makes of a row, in its normal form.

    Raises:
        InvalidInputError: a column is empty or held a secret, or the scheme refuses it.
    """
    return normalise_identifier(name_of(template, row))


def name_of(template: str, row: Row) -> str:
    """Return the name that a template makes of a row, from which secrets were filtered.

    Raises:
        InvalidInputError: a column is empty or held a secret.
    """
    text = parse_template(template).fill_identifier(row)
    if any(mark in text for mark in _FILTERED):
        raise InvalidInputError(
            "A secret was filtered out of a column, so no identifier can be made of it",
            where=template,
        )
    return text


class _Saying:
    """One row, while it is read."""

    def __init__(self, mapping: RowMapping, row: Row) -> None:
        self._mapping = mapping
        self._row = row
        self._stated = None if mapping.stated is None else stated_of(mapping.stated, row)
        self._made: dict[str, list[_Made]] = {}
        self.own: list[Artifact | Execution | Context] = []
        self.ending: list[ServingMove] = []

    def all(self) -> Iterator[Told]:
        """Yield nodes before what joins them."""
        for node in self._mapping.nodes:
            yield from self._node(node)
        yield from self._ties()
        for claim in self._mapping.claims:
            yield from self._claims(claim)
        for serving in self._mapping.serving:
            if holds(serving.when, self._row):
                yield from self._serving(serving)

    def _ties(self) -> Iterator[Told]:
        for event in self._mapping.events:
            if holds(event.when, self._row):
                pairs = product(self._made[event.artifact], self._made[event.execution])
                for artifact, execution in pairs:
                    yield Told(_event(event, artifact, execution), self._stated)
        for membership in self._mapping.memberships:
            if holds(membership.when, self._row):
                pairs = product(self._made[membership.member], self._made[membership.context])
                for member, context in pairs:
                    yield Told(_membership(member, context.key), self._stated)

    def _node(self, node: NodeMapping) -> Iterator[Told]:
        made = self._made.setdefault(node.node, [])
        for row in self._rows_of(node):
            if not holds(node.when, row):
                continue
            key = identifier_of(node.key, row)
            if is_content_digest(key):
                raise InvalidInputError(
                    "A digest of content is no key",
                    where=key,
                    hint="Give the node the tool's own name as its key, and claim the digest.",
                )
            made.append(_Made(key, node.kind, row))
            if node.type is None:
                continue
            record = self._described(node, key, row)
            if node.own:
                self.own.append(record)
            stated = self._stated if node.stated is None else stated_of(node.stated, row)
            yield Told(record, stated)

    def _rows_of(self, node: NodeMapping) -> Iterator[Row]:
        """Yield the row, or the row with each item of a column."""
        if node.each is None:
            yield self._row
            return
        column = parse_column(node.each)
        found = column.of(self._row)
        for item in [] if found is None else list_of(column, found, node.separator):
            yield {**self._row, ITEM: item}

    def _described(self, node: NodeMapping, key: str, row: Row) -> Artifact | Execution | Context:
        forms = forms_of(node)
        properties = self._values(node.properties, forms, row)
        custom = self._values(node.custom, {}, row)
        personal = tuple(name for name in node.personal if name in custom)
        state = self._state(node, row)
        match node.kind:
            case Kind.ARTIFACT:
                uri = None if node.uri is None else parse_template(node.uri).fill(row)
                return Artifact(
                    key=key,
                    type=node.type,
                    uri=uri,
                    state=None if state is None else ArtifactState(state),
                    properties=properties,
                    custom_properties=custom,
                    personal=personal,
                )
            case Kind.EXECUTION:
                return Execution(
                    key=key,
                    type=node.type,
                    state=None if state is None else ExecutionState(state),
                    properties=properties,
                    custom_properties=custom,
                    personal=personal,
                )
            case Kind.CONTEXT:
                return Context(
                    key=key,
                    type=node.type,
                    properties=properties,
                    custom_properties=custom,
                    personal=personal,
                )

    def _values(
        self, values: dict[str, str | Value], forms: Mapping[str, ValueForm], row: Row
    ) -> dict[str, JsonValue]:
        said: dict[str, JsonValue] = {}
        for name, value in values.items():
            if isinstance(value, str):
                found: JsonValue = parse_template(value).fill(row)
            else:
                form = value.form or forms.get(name, ValueForm.TEXT)
                found = value_of(value, form, row, self._mapping.tables)
            if found is not None:
                said[name] = found
        return said

    def _state(self, node: NodeMapping, row: Row) -> str | None:
        if node.state is None or isinstance(node.state, str):
            return node.state
        found = value_of(node.state, ValueForm.TEXT, row, self._mapping.tables)
        if found is not None and found not in STATES[node.kind]:
            raise InvalidInputError(
                f"{str(found)[:64]!r} is no {node.kind} state",
                where=f"column {node.state.column}",
            )
        return None if found is None else str(found)

    def _claims(self, claim: ClaimMapping) -> Iterator[Told]:
        for made in self._made[claim.node]:
            if holds(claim.when, made.row):
                yield Told(
                    Claim(
                        kind=made.kind,
                        node=made.key,
                        identifier=identifier_of(claim.identifier, made.row),
                        link_class=claim.link_class,
                        evidence={"mapping": self._mapping.mapping},
                    ),
                    self._stated,
                )

    def _serving(self, serving: ServingMapping) -> Iterator[Told]:
        at = time_of(serving.at, self._row)
        if at is None:
            raise InvalidInputError(
                "The column is empty, and a move needs its time",
                where=f"column {serving.at.column}",
                hint="Say it of rows that have it only: when: {column: ..., present: true}.",
            )
        for place in self._made[serving.place]:
            for deployment in self._made[serving.deployment]:
                yield from self._move(serving, at, place.key, deployment.key)

    def _move(
        self, serving: ServingMapping, at: datetime, place: str, deployment: str
    ) -> Iterator[Told]:
        execution = identifier_of(serving.execution, self._row)
        environment = self._one(serving.environment)
        trigger = self._one(serving.trigger)
        move = ServingMove(
            action=serving.action,
            at=at,
            after=None if serving.after is None else time_of(serving.after, self._row),
            place=place,
            environment=environment,
            deployment=deployment,
            role=self._role(serving),
            traffic_ratio=self._traffic(serving),
            is_beside=serving.beside,
            is_rollback=serving.rollback,
            trigger=trigger,
        )
        if serving.ends_with_row:
            self.ending.append(move)
        records = [
            *say_move(execution, move),
            *(
                Event(artifact=made.key, execution=execution, kind=EventKind.INPUT, path=(name,))
                for name in serving.inputs
                for made in self._made[name]
            ),
        ]
        stated = StatedTime(start=at)
        yield from (Told(record, stated, is_dated=True) for record in records)

    def _one(self, name: str | None) -> str | None:
        made = [] if name is None else self._made[name]
        return made[0].key if made else None

    def _role(self, serving: ServingMapping) -> Role | None:
        if not isinstance(serving.role, Value):
            return serving.role
        found = value_of(serving.role, ValueForm.TEXT, self._row, self._mapping.tables)
        try:
            return None if found is None else Role(str(found))
        except ValueError as error:
            raise InvalidInputError(
                f"{str(found)[:64]!r} is none of {', '.join(Role)}",
                where=f"column {serving.role.column}",
            ) from error

    def _traffic(self, serving: ServingMapping) -> float | None:
        if not isinstance(serving.traffic, Value):
            return serving.traffic
        found = value_of(serving.traffic, ValueForm.FLOAT, self._row, self._mapping.tables)
        if found is None:
            return None
        if not isinstance(found, int | float) or not 0 <= found <= 1:
            raise InvalidInputError(
                "A share of the traffic is from 0 to 1", where=f"column {serving.traffic.column}"
            )
        return float(found)


def say_move(execution: str, move: ServingMove) -> Iterator[AnyRecord]:
    """Yield the step that made a move, and what it joins."""
    step = "lineage.RollBack" if move.is_rollback else _STEPS[move.action]
    is_removal = move.action is ServingAction.REMOVE
    yield Execution(
        key=execution,
        type=step,
        state=ExecutionState.COMPLETE,
        custom_properties=move_property(move),
    )
    if move.deployment is not None:
        kind = EventKind.INPUT if is_removal else EventKind.OUTPUT
        yield Event(artifact=move.deployment, execution=execution, kind=kind, path=("deployment",))
        yield Attribution(context=move.place, artifact=move.deployment)
    if move.trigger is not None:
        yield Event(
            artifact=move.trigger, execution=execution, kind=EventKind.INPUT, path=("trigger",)
        )
    yield Association(context=move.place, execution=execution)
    if move.environment is not None:
        yield ParentContext(child=move.place, parent=move.environment)


def _event(event: EventMapping, artifact: _Made, execution: _Made) -> Event:
    return Event(artifact=artifact.key, execution=execution.key, kind=event.kind, path=event.path)


def _membership(member: _Made, context: str) -> AnyRecord:
    match member.kind:
        case Kind.ARTIFACT:
            return Attribution(context=context, artifact=member.key)
        case Kind.EXECUTION:
            return Association(context=context, execution=member.key)
        case Kind.CONTEXT:
            return ParentContext(child=member.key, parent=context)
