"""Approvals: what was decided of models, by the steps that took them in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from lineage.questions.edge_lists import edges_at
from lineage.questions.graph_asked import GraphAsked
from lineage.questions.merged import Merged, read_merged

_APPROVE: Final = "lineage.Approve"


class Approvals(NamedTuple):
    """What was decided of which model, and of which an approval lost its decision.

    ``vertices`` are the steps that approve, or may have done so, and what they made.
    """

    decided: Mapping[Merged, set[str]]
    erased: Collection[Merged]
    vertices: Collection[int]


def read_approvals(asked: GraphAsked, models: Collection[Merged]) -> Approvals:
    """Return what was decided of models.

    A step of which the type was erased may have approved: so it counts as one without a decision.
    """
    owners = {vertex: model for model in models for vertex in model.members}
    taken = [(row[0], row[1]) for row in edges_at(asked, "tail", owners)]
    steps = read_merged(asked, {head for _, head in taken})
    approving = {vertex for vertex, one in steps.items() if _may_approve(one)}
    outputs: dict[int, list[int]] = {}
    for row in edges_at(asked, "tail", approving):
        outputs.setdefault(row[0], []).append(row[1])
    made = read_merged(asked, {output for some in outputs.values() for output in some})
    decided: dict[Merged, set[str]] = {}
    erased: set[Merged] = set()
    for vertex, head in taken:
        if head not in approving:
            continue
        step, model = steps[head], owners[vertex]
        approvals = [made[one] for member in step.members for one in outputs.get(member, ())]
        said = {text for one in (step, *approvals) if (text := one.text("decision")) is not None}
        decided.setdefault(model, set()).update(said)
        if not said and any(one.redacted for one in (step, *approvals)):
            erased.add(model)
    return Approvals(decided, erased, {*approving, *made})


def _may_approve(step: Merged) -> bool:
    return step.type == _APPROVE or (step.type is None and step.redacted > 0)
