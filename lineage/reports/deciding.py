"""Read what was decided about a version, and which stages and aliases it had."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from lineage.projections.memberships import MEMBERSHIP
from lineage.questions.decisions import Decisions, is_by
from lineage.questions.holdings import PROMOTE, RETIRE, read_holdings
from lineage.questions.moves import describe, members_in
from lineage.questions.nodes import find_by_key, read_nodes
from lineage.questions.served import DEPLOYMENT, Search
from lineage.questions.serving import ServingAsked
from lineage.reports.belonging import REGISTERED_MODEL
from lineage.serving.holdings import Held
from lineage.vertices import KIND_CODES
from lineage_schemas.instants import parse_instant
from lineage_schemas.mlmd import Kind
from lineage_schemas.registry_views import ApprovalOf, ApprovalView

_EXECUTION: Final = KIND_CODES[Kind.EXECUTION]


class Told(NamedTuple):
    """What was decided about a version and which stages and aliases it had, by the valid time.

    ``keys`` are the approvals, ``executions`` the nodes that decided.
    """

    decided: tuple[ApprovalView, ...]
    held: tuple[Held, ...]
    keys: tuple[str, ...]
    executions: frozenset[int]


def tell_of_version(
    asked: ServingAsked, own: Collection[int], carriers: Collection[int], versions: Collection[int]
) -> Told:
    """Return what the registry says of a version: by the same paths as its own question."""
    search = Search(asked.reader, asked.snapshot, asked.namespace, asked.size)
    valid_at = asked.basis.valid_at
    valid_us = None if valid_at is None else parse_instant(valid_at)
    about = dict.fromkeys(sorted(own), ApprovalOf.VERSION)
    for vertex in sorted(carriers):
        about.setdefault(vertex, ApprovalOf.DEPLOYMENT)
    deployments = [one for one in sorted(carriers) if search.node(one).type == DEPLOYMENT]
    key = min((search.node(one).key or "" for one in own), default="")
    views = Decisions(asked, search).of_version(key, about, deployments)
    decided = tuple(view for view in views if is_by(view.decided_time, valid_us))
    executions = {
        vertex
        for view in decided
        for vertex in find_by_key(
            asked.reader, asked.namespace, view.execution, (Kind.EXECUTION,), asked.size
        )
    }
    return Told(
        decided=decided,
        held=_held(asked, search, own, versions, valid_us),
        keys=tuple(sorted({view.approval for view in decided if view.approval is not None})),
        executions=frozenset(executions),
    )


def _held(
    asked: ServingAsked,
    search: Search,
    own: Collection[int],
    versions: Collection[int],
    valid_us: int | None,
) -> tuple[Held, ...]:
    """Return the stages and aliases that a version has had by the valid time."""
    reader, size = asked.reader, asked.size
    rows = reader.find(MEMBERSHIP, "member", own)
    contexts = read_nodes(reader, {int(row[1]) for row in rows if row[2] < size}, size)
    models = {vertex for vertex, node in contexts.items() if node.type == REGISTERED_MODEL}
    moving = set(members_in(reader, models, _EXECUTION, size))
    moving.update(
        vertex
        for version in versions
        for vertex in search.out_of(version)
        if search.node(vertex).type in {PROMOTE, RETIRE}
    )
    keys = {search.node(vertex).key for vertex in own}
    held = read_holdings(describe(reader, moving, size).values(), search).held
    return tuple(one for one in held if one.version in keys and _has_begun(one, valid_us))


def _has_begun(one: Held, valid_us: int | None) -> bool:
    return valid_us is None or one.start_us is None or one.start_us <= valid_us
