"""How two versions of one thing follow each other. Pure.

Versions stand in the order of their stated times, whatever order they came in. The later one takes
back what only the earlier one says, at its own stated time: so a version states the difference to
its neighbour before it, and of its neighbour after it the difference to itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from lineage.connectors.declarations.mapping import WITHDRAWN
from lineage_schemas.mlmd import Artifact, Context, Execution, NodeRecord
from lineage_schemas.records import AnyRecord, Claim, Retraction
from lineage_schemas.values import JsonValue

REASON: Final = "declared no more"

_Node = Artifact | Execution | Context


def take_back(earlier: Iterable[AnyRecord], later: Iterable[AnyRecord]) -> Iterator[AnyRecord]:
    """Yield what the later version takes back of what the earlier one says.

    Properties are cleared and claims retracted. An incident that is there no more stays as it was,
    and is said to be withdrawn: that it once was is part of the story.
    """
    kept = tuple(later)
    nodes = {_name(one): one for one in kept if isinstance(one, NodeRecord)}
    claims = {_claim(one) for one in kept if isinstance(one, Claim)}
    for one in earlier:
        match one:
            case Artifact() | Execution() | Context():
                cleared = _cleared(one, nodes.get(_name(one)))
                if cleared is not None:
                    yield cleared
            case Claim() if _claim(one) not in claims:
                yield Retraction(
                    kind=one.kind,
                    node=one.node,
                    identifier=one.identifier,
                    link_class=one.link_class,
                    reason=REASON,
                )
            case _:
                pass


def _cleared(one: _Node, later: NodeRecord | None) -> AnyRecord | None:
    if later is None and WITHDRAWN in one.custom_properties:
        custom: dict[str, JsonValue] = {WITHDRAWN: True}
        return replace(one, properties={}, custom_properties=custom, personal=())
    if later is None and one.type in _STEPS and "owner" not in one.personal:
        return None
    gone = _gone(one.properties, {} if later is None else later.properties)
    free = _gone(one.custom_properties, {} if later is None else later.custom_properties)
    if not gone and not free:
        return None
    personal = tuple(name for name in one.personal if name in gone or name in free)
    return replace(one, properties=gone, custom_properties=free, personal=personal)


_STEPS: Final = frozenset({"lineage.Approve", "lineage.Declare", "lineage.Monitor"})


def _gone(before: dict[str, JsonValue], after: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: None for name in before if name not in after}


def _name(record: NodeRecord) -> tuple[type[NodeRecord], str | None]:
    return type(record), record.key


def _claim(claim: Claim) -> tuple[str, object, str, str]:
    return claim.kind, claim.node, claim.identifier, claim.link_class
