"""Say what an erasure does: to whoever asked for it, and in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lineage.erasure.erasing import Plan
from lineage.erasure.planning import Copy
from lineage.projections.governance import read_governance
from lineage.stores.base import Reader
from lineage_schemas.erasures import CopyView, ErasureAnswer, ObjectionView
from lineage_schemas.governance import Disclosure, Erasure, ErasureRefusal, PartsErased
from lineage_schemas.instants import format_instant
from lineage_schemas.limits import ERASURE_POSITIONS_MAX


class Saying(NamedTuple):
    """What the log is to say of an erasure: by what right, and whose word it is (pseudonyms)."""

    legal_basis: str
    reason: str
    requester: str
    approver: str
    proposal: int | None = None


def stated_records(
    plan: Plan, parts: PartsErased, saying: Saying
) -> Iterator[Erasure | ErasureRefusal]:
    """Yield what the log is to say: that it was done, or that it was refused."""
    because = tuple(sorted({one.restraint for one in plan.objections}))
    for start in range(0, len(plan.positions), ERASURE_POSITIONS_MAX):
        positions = plan.positions[start : start + ERASURE_POSITIONS_MAX]
        if because:
            yield ErasureRefusal(
                positions=positions, parts=parts, because=because, **saying._asdict()
            )
        else:
            yield Erasure(positions=positions, parts=parts, **saying._asdict())


def answer_of(reader: Reader, plan: Plan, namespace: str, parts: PartsErased) -> ErasureAnswer:
    """Return what whoever asked is told of a plan."""
    return ErasureAnswer(
        namespace=namespace,
        parts=parts,
        positions=plan.positions,
        nodes=plan.nodes,
        objections=tuple(
            ObjectionView(
                entry=one.entry,
                restraint=one.restraint,
                name=one.name,
                until=None if one.until_us is None else format_instant(one.until_us),
            )
            for one in plan.objections
        ),
        copies=tuple(_copy_view(reader, copy) for copy in plan.copies),
    )


def _copy_view(reader: Reader, copy: Copy) -> CopyView:
    stated = read_governance(reader.entries(copy.stated_at, 1)[0], Disclosure)
    return CopyView(
        entry=copy.entry,
        stated_at=copy.stated_at,
        facts=copy.facts,
        personal=copy.personal,
        form=stated.form,
        recipient=stated.recipient,
    )
