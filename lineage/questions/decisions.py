"""Read what people decided of a version, and what was measured of it before it was promoted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from lineage.connectors.declarations.mapping import KEPT
from lineage.projections.memberships import MEMBERSHIP
from lineage.proofs.notes import verify_line
from lineage.proofs.verifying import parse_verifier_key
from lineage.questions.holdings import said_at
from lineage.questions.moves import Described, describe, members_in
from lineage.questions.nodes import read_nodes
from lineage.questions.served import Search
from lineage.questions.serving import ServingAsked
from lineage.vertices import KIND_CODES
from lineage_schemas.declarations import KEPT_PROPERTY, Decision
from lineage_schemas.errors import LedgerError
from lineage_schemas.graph import Node
from lineage_schemas.instants import format_known_instant, instant_us
from lineage_schemas.mlmd import Kind
from lineage_schemas.registry_views import (
    ApprovalOf,
    ApprovalView,
    Attestation,
    OnlineEvidence,
)
from lineage_schemas.values import JsonValue

APPROVE: Final = "lineage.Approve"
APPROVAL: Final = "lineage.Approval"
MONITOR: Final = "lineage.Monitor"
PIPELINE_RUN: Final = "lineage.PipelineRun"

_NEVER: Final = -(1 << 63)
"""Where measurements without a time that can be read stand: before all others."""
_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


def text_of(node: Node | None, *names: str) -> str | None:
    """Return the first of these properties that is a text."""
    values = (None if node is None else node.properties.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), None)


class Decisions:
    """The decisions around versions of one answer; each is shown once a version."""

    def __init__(self, asked: ServingAsked, search: Search) -> None:
        self._asked = asked
        self._search = search

    def of_version(
        self, version: str, about: Mapping[int, ApprovalOf], deployments: Iterable[int]
    ) -> tuple[ApprovalView, ...]:
        """Return what was decided: about these artifacts, or in the runs that deployed them."""
        found: dict[tuple[int, int | None], ApprovalView] = {}
        for vertex, kind in about.items():
            key = self._search.node(vertex).key or ""
            for execution in self._search.out_of(vertex):
                if self._search.node(execution).type == APPROVE:
                    for approval, view in self._views(version, execution, key, kind):
                        found.setdefault((execution, approval), view)
        for execution, run in self._in_runs(deployments):
            views = self._views(version, execution, run, ApprovalOf.PIPELINE_RUN)
            for approval, view in views:
                found.setdefault((execution, approval), view)
        return tuple(
            sorted(
                found.values(),
                key=lambda one: (one.decided_time or "", one.approval or one.execution),
            )
        )

    def of_contexts(self, contexts: Mapping[int, tuple[str, ApprovalOf]]) -> list[ApprovalView]:
        """Return what was decided about these registered models and places, given by vertex."""
        reader, size = self._asked.reader, self._asked.size
        inside = members_in(reader, contexts, _EXECUTION, size)
        nodes = read_nodes(reader, inside, size)
        found: list[ApprovalView] = []
        for execution in sorted(inside):
            if nodes[execution].type == APPROVE:
                for context in inside[execution]:
                    views = self._views(None, execution, *contexts[context])
                    found += (view for _, view in views)
        return found

    def _in_runs(self, deployments: Iterable[int]) -> Iterator[tuple[int, str]]:
        """Yield each deciding in a pipeline run that a deployment belongs to, with that run."""
        reader, size = self._asked.reader, self._asked.size
        acting = {one for vertex in deployments for one in (vertex, *self._search.into(vertex))}
        rows = reader.find(MEMBERSHIP, "member", acting)
        contexts = read_nodes(reader, {int(row[1]) for row in rows if row[2] < size}, size)
        runs = {v: node.key or "" for v, node in contexts.items() if node.type == PIPELINE_RUN}
        for execution, around in members_in(reader, runs, _EXECUTION, size).items():
            if self._search.node(execution).type == APPROVE:
                yield execution, runs[around[0]]

    def _views(
        self, version: str | None, execution: int, about: str, kind: ApprovalOf
    ) -> Iterator[tuple[int | None, ApprovalView]]:
        """Yield what one deciding decided: one approval each, or itself where it names none."""
        search = self._search
        made: list[int | None] = [
            one for one in search.out_of(execution) if search.node(one).type == APPROVAL
        ]
        vertices = {execution, *(one for one in made if one is not None)}
        told = describe(self._asked.reader, vertices, self._asked.size)
        subjects = {about, *(search.node(one).key or "" for one in search.into(execution))}
        for one in made or [None]:
            approval = None if one is None else told[one]
            yield one, _view(version, told[execution], approval, (about, kind), subjects)

    def evidence_before(self, subjects: Iterable[int], at_us: int | None) -> list[OnlineEvidence]:
        """Return what was measured of these while they served, in the last window by then."""
        found: list[OnlineEvidence] = []
        last: tuple[int, OnlineEvidence] | None = None
        for vertex in sorted(set(subjects)):
            node = self._search.node(vertex)
            if node.properties.get("online_metrics") and is_by(text_of(node, "to_time"), at_us):
                found.append(_evidence(node))
            for monitor in self._search.out_of(vertex):
                seen = self._search.node(monitor)
                if seen.type != MONITOR or not seen.properties.get("online_metrics"):
                    continue
                until = text_of(seen, "window_to_time", "ended_time")
                if is_by(until, at_us):
                    until_us = None if until is None else _read_moment(until)
                    measured = (_NEVER if until_us is None else until_us, _evidence(seen))
                    last = measured if last is None or measured[0] > last[0] else last
        return found if last is None else [*found, last[1]]


def is_by(text: str | None, at_us: int | None) -> bool:
    """Tell whether a stated time is no later than a moment; without a time it is taken to be."""
    stated_us = None if text is None else _read_moment(text)
    # No time that can be read is shown as it stands, for a person to judge.
    return stated_us is None or at_us is None or stated_us <= at_us


def _read_moment(text: str) -> int | None:
    """Read a stated time; of a day, or without a zone, as UTC. ``None`` where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return instant_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, LedgerError):
        return None


def _evidence(node: Node) -> OnlineEvidence:
    return OnlineEvidence(
        key=node.key or "",
        window_from_time=text_of(node, "window_from_time", "from_time"),
        window_to_time=text_of(node, "window_to_time", "to_time"),
        metrics=node.properties.get("online_metrics"),
    )


def _signed_with(approval: Node, subjects: Collection[str]) -> str | None:
    """Return the verifier key of the approver's signature, if that holds for what is shown.

    That somebody states it to be signed is not enough: the signature is kept, and is verified here,
    and so is that it was made for one of these subjects.
    """
    kept = approval.custom_properties.get(KEPT_PROPERTY)
    if not isinstance(kept, str):
        return None
    try:
        found = KEPT.decode(kept)
        declared, signed = found.read(), found.signed
        if signed is None or declared.approval is None or declared.subject not in subjects:
            return None
        key = parse_verifier_key(signed.verifier)
        verify_line(signed.signature, bytes(found.declaration) + b"\n", [key])
    except (msgspec.DecodeError, LedgerError):
        return None  # not a signature that holds: it is a report then
    decision = Decision.WITHDRAWN if declared.withdraw else declared.approval.decision
    says = text_of(approval, "approver"), text_of(approval, "decision")
    is_own = signed.name == declared.approval.approver
    return signed.verifier if is_own and says == (signed.name, decision.value) else None


def _view(
    version: str | None,
    deciding: Described,
    approval: Described | None,
    about: tuple[str, ApprovalOf],
    subjects: Collection[str],
) -> ApprovalView:
    """Show a decision: what the approval says counts before what the deciding says."""
    made = None if approval is None else approval.node

    def said(*names: str) -> str | None:
        return text_of(made, *names) or text_of(deciding.node, *names)

    subjects = {key for key in subjects if about[1] is ApprovalOf.PIPELINE_RUN or key == about[0]}
    verifier = None if made is None else _signed_with(made, subjects)
    decision = said("decision")
    evidence: JsonValue = None if made is None else made.properties.get("evidence")
    positions = {*deciding.positions, *(() if approval is None else approval.positions)}
    return ApprovalView(
        version=version,
        approval=None if made is None else made.key,
        execution=deciding.node.key or "",
        about=about[0],
        about_kind=about[1],
        decision=decision,
        approver=said("approver"),
        approver_role=said("approver_role"),
        meaning=said("meaning"),
        conditions=said("conditions"),
        # What was only asked for has a time, and is not decided at it.
        decided_time=said("decided_time") or (_at(deciding) if decision is not None else None),
        valid_until_time=said("valid_until_time"),
        evidence=evidence,
        attestation=Attestation.REPORTED if verifier is None else Attestation.SIGNED,
        verifier_key=verifier,
        positions=tuple(sorted(positions)),
    )


def _at(deciding: Described) -> str | None:
    at = text_of(deciding.node, "ended_time", "started_time")
    if at is not None:
        return at
    return format_known_instant(said_at(deciding)[0])
