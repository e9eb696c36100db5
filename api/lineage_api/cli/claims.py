"""Claims on a line: which node goes by what, by whom, since when, on what evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lineage_api.cli.printing import printable
from lineage_schemas.codec import encode_json
from lineage_schemas.identity import JoinStep, NamedNode, SaidClaim
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

OWN_KEY = "key"
"""The class of what nobody claims: that a node goes by its own key."""


def named(kind: Kind, number: int, key: str | None) -> str:
    """Return a node by its kind and key."""
    return f"{kind.value} {key or f'{kind.value}/{number}'}"


def node_name(node: NamedNode) -> str:
    """Return a node by its kind and key, and its type."""
    name = named(node.kind, node.id, node.key)
    return name if node.type is None else f"{name}  {node.type}"


def evidence_text(evidence: dict[str, JsonValue]) -> str:
    """Return evidence as words."""
    told = {name: value for name, value in evidence.items() if value is not None}
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in told.items())


def claim_line(claim: SaidClaim) -> str:
    """Return a claim on one line."""
    node = claim.node
    name = named(node.kind, node.id, node.key)
    identifier = claim.identifier or "(erased)"
    if claim.link_class == OWN_KEY:
        return printable(f"{name}  goes by {identifier}, its own key")
    parts = [
        name,
        f"goes by {identifier}",
        f"{claim.link_class} by {claim.source}" + ("" if claim.stands else ", taken back"),
        f"entry {claim.position} of {claim.recorded_at}",
    ]
    if claim.stated_at is not None:
        parts.append(f"stated {claim.stated_at}")
    if claim.evidence:
        parts.append(evidence_text(claim.evidence))
    return printable("  ".join(parts))


def claim_lines(claims: Iterable[SaidClaim], indent: str) -> Iterator[str]:
    """Yield claims, each on a line."""
    for claim in claims:
        yield indent + claim_line(claim)


def step_lines(steps: Iterable[JoinStep], indent: str) -> Iterator[str]:
    """Yield a chain of links: each step with its two claims."""
    for step in steps:
        ends = (named(one.node.kind, one.node.id, one.node.key) for one in (step.near, step.far))
        yield indent + printable(f"{' = '.join(ends)}  {step.link_class}")
        yield from claim_lines((step.near, step.far), indent + "    ")


def _value(value: JsonValue) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()
