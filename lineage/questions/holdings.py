"""Read which version had which stage or alias: from what MLflow's changes and GTO's tags say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from lineage.connectors.dvc.intervals import Move, current_intervals, moves_of, stage_intervals
from lineage.questions.moves import Described
from lineage.questions.served import MODEL_VERSION, Search
from lineage.serving.holdings import Held, HoldingMove, fold_holdings
from lineage_schemas.errors import LedgerError
from lineage_schemas.graph import Node
from lineage_schemas.instants import instant_us, parse_instant
from lineage_schemas.registry_views import FindingKind, HoldingKind, RegistryFinding
from lineage_schemas.serving import SERVING_PROPERTY
from lineage_schemas.values import JsonValue

PROMOTE: Final = "lineage.Promote"
RETIRE: Final = "lineage.Retire"

DELETION: Final = "deletion"
"""The source type of what says that a thing was deleted, or is back."""

_NO_STAGE: Final = frozenset({"", "None"})
_PEOPLE: Final = ("promoted_by", "retired_by", "registered_by")


class ReadHoldings(NamedTuple):
    """Stages and aliases of a model's versions, and what does not fit."""

    held: tuple[Held, ...]
    findings: tuple[RegistryFinding, ...]


def read_holdings(executions: Iterable[Described], search: Search) -> ReadHoldings:
    """Return who held what, given the executions of a registered model and of its versions."""
    moves: list[HoldingMove] = []
    tags: list[tuple[Move, Described]] = []
    findings: list[RegistryFinding] = []
    for one in executions:
        try:
            tag = _tag_of(one)
        except (msgspec.ValidationError, LedgerError):
            what = "What a tag did to a stage is in no form that is known"
            findings.append(_finding(FindingKind.UNREADABLE_MOVE, what, one))
            continue
        if tag is not None:
            tags.append((tag, one))
        elif is_holding_move(one):
            found = list(_moves(one, search))
            if found and found[0].at_us is None:
                what = "A stage or an alias moved, and nobody said when"
                findings.append(_finding(FindingKind.UNDATED_MOVE, what, one))
                continue
            moves += [move.told for move in found if move.told is not None]
    held = (*fold_holdings(moves), *_of_tags(tags, search))
    ordered = sorted(held, key=lambda one: (one.kind, one.name, one.start_us or 0, one.version))
    return ReadHoldings(tuple(ordered), tuple(findings))


def _tag_of(one: Described) -> Move | None:
    tag = next(moves_of([one.node.custom_properties]), None)
    if tag is not None:
        instant_us(tag.time)
    return tag


def _finding(kind: FindingKind, what: str, one: Described) -> RegistryFinding:
    return RegistryFinding(kind=kind, what=what, where=one.node.key or "")


def is_holding_move(one: Described) -> bool:
    """Tell whether an execution moves a stage or an alias, rather than deploys or deletes."""
    node = one.node
    return (
        node.type in {PROMOTE, RETIRE}
        and SERVING_PROPERTY not in node.custom_properties
        and node.properties.get("source_type") != DELETION
    )


def said_at(one: Described) -> tuple[int | None, int | None]:
    """Return when an execution was so at the latest, and when it was not yet so."""
    node = one.node
    at = _instant(node.custom_properties.get("observed_at"))
    if at is not None:
        after = _instant(node.custom_properties.get("observed_after"))
        return at, None if after is None or after >= at else after
    for name in ("ended_time", "started_time"):
        at = _instant(node.properties.get(name))
        if at is not None:
            return at, None
    return one.stated_us, None


def who_did(one: Described) -> str | None:
    """Return the person that an execution names."""
    values = (one.node.properties.get(name) for name in _PEOPLE)
    return next((value for value in values if isinstance(value, str) and value), None)


class _Dated(NamedTuple):
    at_us: int | None
    told: HoldingMove | None


def _moves(one: Described, search: Search) -> Iterator[_Dated]:
    """Yield what an execution did to stages and aliases."""
    node, (at, after) = one.node, said_at(one)
    custom, properties = node.custom_properties, node.properties
    version = _version_of(one, search)
    subject = None if version is None else version.key
    if version is not None and "observed_at" in custom and "observed_after" not in custom:
        # No look before it saw anything: it may have been so from when the version was registered.
        registered = _instant(version.properties.get("registered_time"))
        after = (
            registered if registered is not None and at is not None and registered < at else None
        )
    changes: list[tuple[HoldingKind, JsonValue, str | None, str | None]] = []
    alias = properties.get("alias") or custom.get("mlflow.alias")
    if alias:
        given, taken = (
            _text(custom.get("mlflow.to_version")),
            _text(custom.get("mlflow.from_version")),
        )
        if given is None and taken is None:
            given, taken = (subject, None) if node.type == PROMOTE else (None, subject)
        changes.append((HoldingKind.ALIAS, alias, given, taken))
    else:
        before = custom.get("mlflow.from_stage") or properties.get("from_stage")
        after_it = custom.get("mlflow.to_stage") or properties.get("to_stage")
        changes.append((HoldingKind.STAGE, before, None, subject))
        changes.append((HoldingKind.STAGE, after_it, subject, None))
    for kind, name, given, taken in changes:
        if not isinstance(name, str) or name in _NO_STAGE or (given is None and taken is None):
            continue
        if at is None:
            yield _Dated(None, None)
            return
        yield _Dated(
            at,
            HoldingMove(
                kind=kind,
                name=name,
                given=given,
                taken=taken,
                at_us=at,
                after_us=after,
                execution=node.key or "",
                source=one.source,
                by=who_did(one),
                positions=one.positions,
            ),
        )


def _version_of(one: Described, search: Search) -> Node | None:
    """Return the version that an execution is about: the first that goes in or comes out."""
    around = map(search.node, (*search.into(one.vertex), *search.out_of(one.vertex)))
    return next((node for node in around if node.type == MODEL_VERSION and node.key), None)


def _of_tags(tags: list[tuple[Move, Described]], search: Search) -> Iterator[Held]:
    """Yield the stages that tags gave, by their own rules."""
    said_by = {move.tag: one for move, one in tags}
    versions = {
        (move.model, move.version or move.commit): node.key or ""
        for move, one in tags
        if (node := _version_of(one, search)) is not None
    }
    currents: dict[tuple[str, str, str], list[tuple[int, int | None]]] = {}
    for found in current_intervals(move for move, _ in tags):
        end_us = None if found.end is None else instant_us(found.end)
        key = found.model, found.stage, found.version
        currents.setdefault(key, []).append((instant_us(found.start), end_us))
    for found in stage_intervals(move for move, _ in tags):
        opened = said_by[found.opened_by]
        closed = None if found.closed_by is None else said_by[found.closed_by]
        positions = {*opened.positions, *(closed.positions if closed else ())}
        yield Held(
            kind=HoldingKind.STAGE,
            name=found.stage,
            version=versions.get((found.model, found.version), found.version),
            start_us=instant_us(found.start),
            end_us=None if found.end is None else instant_us(found.end),
            opened_by=opened.node.key,
            closed_by=None if closed is None else closed.node.key,
            given_by=who_did(opened),
            taken_by=None if closed is None else who_did(closed),
            source=opened.source,
            positions=tuple(sorted(positions)),
            current_us=tuple(currents.get((found.model, found.stage, found.version), ())),
        )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _instant(value: JsonValue) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_instant(value)
    except LedgerError:
        return None  # it is no time: whoever needs one says that there is none
