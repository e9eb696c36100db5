"""Whether the structure in an envelope is that of the records in its payload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lineage_schemas.entry import (
    EdgeItem,
    EraseItem,
    Item,
    KeyItem,
    LinkItem,
    MemberItem,
    NodeItem,
    PlainItem,
    SeriesItem,
    TypeItem,
    UnlinkItem,
)
from lineage_schemas.governance import GOVERNANCE_TYPES, Erasure
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactType,
    Association,
    Attribution,
    Context,
    ContextType,
    Event,
    Execution,
    ExecutionType,
    Kind,
    ParentContext,
    Record,
)
from lineage_schemas.records import Actor, Claim, Message, MetricSeries, Retraction
from lineage_schemas.sources import SourceExpectation, SourceScan


def fits(records: Sequence[Record], structure: Sequence[Item]) -> bool:
    """Tell whether there is one item a record, of its kind, and only key items behind them."""
    count = len(records)
    if len(structure) != count:
        if len(structure) < count or any(type(one) is not KeyItem for one in structure[count:]):
            return False
        structure = structure[:count]
    for record, item in zip(records, structure, strict=True):
        wanted, compares = _FORMS[type(record)]
        if type(item) is not wanted or (compares is not None and not compares(record, item)):
            return False
    return True


Compares = Callable[[Any, Any], bool]


def _is_of(kind: Kind) -> Compares:
    return lambda _, item: item.kind is kind


def _is_same_kind(record: Any, item: Any) -> bool:  # noqa: ANN401 - the table below pairs them
    return bool(record.kind is item.kind)


def _is_same_claim(record: Claim | Retraction, item: LinkItem | UnlinkItem) -> bool:
    return (record.kind, record.link_class) == (item.kind, item.link_class)


def _is_same_erasure(record: Erasure, item: EraseItem) -> bool:
    return (record.parts, record.positions) == (item.parts, item.positions)


_FORMS: Final[dict[type[Record], tuple[type[Item], Compares | None]]] = {
    Artifact: (NodeItem, _is_of(Kind.ARTIFACT)),
    Execution: (NodeItem, _is_of(Kind.EXECUTION)),
    Context: (NodeItem, _is_of(Kind.CONTEXT)),
    Event: (EdgeItem, _is_same_kind),
    Attribution: (MemberItem, _is_of(Kind.ARTIFACT)),
    Association: (MemberItem, _is_of(Kind.EXECUTION)),
    ParentContext: (MemberItem, _is_of(Kind.CONTEXT)),
    Claim: (LinkItem, _is_same_claim),
    Retraction: (UnlinkItem, _is_same_claim),
    MetricSeries: (SeriesItem, None),
    ArtifactType: (TypeItem, _is_of(Kind.ARTIFACT)),
    ExecutionType: (TypeItem, _is_of(Kind.EXECUTION)),
    ContextType: (TypeItem, _is_of(Kind.CONTEXT)),
    Message: (PlainItem, None),
    Actor: (PlainItem, None),
    SourceScan: (PlainItem, None),
    SourceExpectation: (PlainItem, None),
    **dict.fromkeys(GOVERNANCE_TYPES, (PlainItem, None)),
    Erasure: (EraseItem, _is_same_erasure),
}
