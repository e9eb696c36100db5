"""What a declaration, or an attached document, states: pure, and of one version alone.

A message is what was declared, whole, beside what was found out when it came in: whose signature
holds, and of what type the subject was. How two versions of one declaration follow each other is
written in ``superseding``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from lineage.connectors.declarations.reading import Tree, canonical
from lineage_schemas.declarations import (
    KEPT_PROPERTY,
    Decision,
    Declaration,
    DeclaredApproval,
    DeclaredIncident,
    SameAs,
)
from lineage_schemas.identifiers import normalise_identifier
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.known_types.registry import KNOWN_TYPES
from lineage_schemas.mlmd import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
)
from lineage_schemas.records import AnyRecord, Claim, LinkClass
from lineage_schemas.values import JsonValue

VERSION: Final = "declarations/1"

WITHDRAWN: Final = "declared.is_withdrawn"
"""The custom property that tells whether a declaration, approval or incident was taken back."""

_OWNED: Final = frozenset(
    (one.kind, one.name)
    for one in KNOWN_TYPES
    if any(spec.name == "owner" for spec in one.properties)
)
_NODES: Final[dict[Kind, type[Artifact | Execution | Context]]] = {
    Kind.ARTIFACT: Artifact,
    Kind.EXECUTION: Execution,
    Kind.CONTEXT: Context,
}


class Signed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose signature holds: who that is, by which verifier key, and the signature line."""

    name: str
    verifier: str
    signature: str


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A declaration as it is kept: as its author wrote it, with the subject's key and kind.

    ``declaration`` is canonical JSON: with a line feed behind it, it is what was signed.
    """

    declaration: msgspec.Raw
    subject_type: str | None = None
    signed: Signed | None = None

    def read(self) -> Declaration:
        """Return what was declared."""
        return _DECLARATION.decode(self.declaration)


_DECLARATION: Final = msgspec.json.Decoder(Declaration)
KEPT: Final = msgspec.json.Decoder(Kept)


def kept_body(tree: Tree, subject_type: str | None, signed: Signed | None) -> bytes:
    """Return the message that keeps a declaration."""
    raw = msgspec.Raw(canonical(tree))
    return msgspec.json.encode(Kept(declaration=raw, subject_type=subject_type, signed=signed))


def declaration_key(source: str, name: str, kind: str = "declaration") -> str:
    """Return the key of what a source declares under an id."""
    return normalise_identifier(f"{kind}:{quote(source, safe=':')}/{quote(name, safe=':.@')}")


def say_declaration(body: bytes, source: str, at: datetime) -> tuple[AnyRecord, ...]:
    """Return what one version of a declaration states of the time ``at``."""
    kept = KEPT.decode(body)
    said = _Saying(kept.read(), kept, source, _moment(at))
    return tuple(said.records())


def say_approval(body: bytes, source: str, at: datetime) -> tuple[AnyRecord, ...]:
    """Return what one version of an approval states: of the approval alone, which keeps ``body``.

    It is the first record.
    """
    kept = KEPT.decode(body)
    declared = kept.read()
    if declared.approval is None:
        return ()
    said = _Saying(declared, kept, source, _moment(at))
    return tuple(said.approval(declared.approval, body))


class _Saying:
    """One version of one declaration, being said."""

    def __init__(self, declared: Declaration, kept: Kept, source: str, at: str) -> None:
        self._declared = declared
        self._kept = kept
        self._source = source
        self._at = at
        self._subject = declared.subject
        self._kind = declared.kind or Kind.ARTIFACT

    def records(self) -> Iterator[AnyRecord]:
        """Yield the declaration, and with it what else was declared."""
        yield from self._declaration()
        if self._declared.withdraw:
            return
        if self._declared.owner:
            yield self._owned(self._declared.owner)
        yield from self._same()
        if self._declared.incident is not None:
            yield from self._incident(self._declared.incident)

    def _declaration(self) -> Iterator[AnyRecord]:
        declared = self._declared
        author = declared.declared_by or (self._kept.signed.name if self._kept.signed else "")
        is_withdrawn = declared.withdraw
        facts = {} if is_withdrawn else _facts(declared)
        custom = {} if is_withdrawn else _free_facts(declared)
        custom |= {WITHDRAWN: is_withdrawn} | self._signature()
        title = declared.title or f"declaration {declared.id}"
        key, step = self._key("declaration"), self._key("declare")
        yield _node(
            Artifact,
            key,
            "lineage.Declaration",
            facts
            | {
                "display_name": title,
                "description": declared.description,
                "subject": self._subject,
                "declared_by": author,
                "declared_time": self._at,
            },
            custom,
        )
        declaring: Tree = {
            "display_name": f"declaring of {declared.id}",
            "declared_by": author,
            "declared_time": self._at,
        }
        yield _node(Execution, step, "lineage.Declare", declaring, {})
        yield from join(self._kind, self._subject, step, key, "declaration")

    def _owned(self, owner: str) -> AnyRecord:
        known = self._kept.subject_type
        is_declared = known is not None and (self._kind, known) in _OWNED
        said: dict[str, JsonValue] = {"owner": owner}
        return _NODES[self._kind](
            key=self._subject,
            type=known if is_declared else None,
            properties=said if is_declared else {},
            # A type of one's own declares no owner, and a stub has no type.
            custom_properties={} if is_declared else said,
            personal=("owner",),
        )

    def _same(self) -> Iterator[AnyRecord]:
        for one in self._declared.same_as:
            same = one if isinstance(one, SameAs) else SameAs(identifier=one)
            evidence: Tree = {"declaration": self._declared.id}
            if same.because:
                evidence["because"] = same.because
            yield Claim(
                kind=self._kind,
                node=self._subject,
                identifier=normalise_identifier(same.identifier),
                link_class=LinkClass.ASSERTED,
                evidence=evidence,
            )

    def _signature(self) -> Tree:
        signed = self._kept.signed
        if signed is None:
            return {"declared.is_signed": False}
        return {
            "declared.is_signed": True,
            "declared.signature": signed.signature,
            "declared.verifier_key": signed.verifier,
            "declared.signed_digest": _signed_digest(self._kept),
        }

    def approval(self, approval: DeclaredApproval, body: bytes) -> Iterator[AnyRecord]:
        """Yield an approval."""
        key, step = self._key("approval"), self._key("approve")
        signed, declared = self._kept.signed, self._declared
        decision = Decision.WITHDRAWN if declared.withdraw else approval.decision
        properties: Tree = {
            "display_name": declared.title or f"approval {declared.id}",
            "description": declared.description,
            "approver": approval.approver,
            "approver_role": approval.approver_role,
            "decision": decision.value,
            "meaning": approval.meaning,
            "evidence": _items(approval.evidence),
            "conditions": approval.conditions,
            "requested_by": approval.requested_by,
            "requested_time": _moment(approval.requested_time),
            "decided_time": _moment(approval.decided_time) or self._at,
            "valid_until_time": _moment(approval.valid_until_time),
            # Whoever signs for somebody else has not made that one's signature.
            "is_signed": signed is not None and signed.name == approval.approver,
        }
        custom: Tree = {
            "declared.id": declared.id,
            "declared.by": declared.declared_by or ("" if signed is None else signed.name),
            KEPT_PROPERTY: body.decode(),
            WITHDRAWN: declared.withdraw,
        }
        yield _node(Artifact, key, "lineage.Approval", properties, custom | self._signature())
        name: Tree = {"display_name": f"decision {declared.id}"}
        yield _node(Execution, step, "lineage.Approve", name, {})
        yield from join(self._kind, self._subject, step, key, "approval")

    def _incident(self, incident: DeclaredIncident) -> Iterator[AnyRecord]:
        key, step = self._key("incident"), self._key("monitor")
        properties: Tree = {
            "display_name": self._declared.title or f"incident {self._declared.id}",
            "severity": incident.severity,
            "status": "" if incident.status is None else incident.status.value,
            "summary": incident.summary,
            "root_cause": incident.root_cause,
            "corrective_action": incident.corrective_action,
            "started_time": _moment(incident.started_time),
            "detected_time": _moment(incident.detected_time),
            "resolved_time": _moment(incident.resolved_time),
            "reported_time": _moment(incident.reported_time),
            "authority": incident.authority,
            "is_serious": incident.is_serious,
            "affected": _items(incident.affected),
            "affected_person_count": incident.affected_person_count,
            "reported_by": incident.reported_by,
        }
        custom: Tree = {WITHDRAWN: False, "declared.id": self._declared.id}
        yield _node(Artifact, key, "lineage.Incident", properties, custom)
        name: Tree = {"display_name": f"report of incident {self._declared.id}"}
        yield _node(Execution, step, "lineage.Monitor", name, {})
        yield from join(self._kind, self._subject, step, key, "incident")

    def _key(self, kind: str) -> str:
        return declaration_key(self._source, self._declared.id, kind)


def join(kind: Kind, subject: str, step: str, made: str, word: str) -> Iterator[AnyRecord]:
    """Yield how a step and what it made hang together with what they are about.

    An artifact is the step's input; to a context both belong. An execution reads no execution: what
    was declared of it is declared as an input of it.
    """
    yield Event(artifact=made, execution=step, kind=EventKind.OUTPUT, path=(word,))
    match kind:
        case Kind.ARTIFACT:
            yield Event(artifact=subject, execution=step, kind=EventKind.INPUT, path=("subject",))
        case Kind.CONTEXT:
            yield Association(context=subject, execution=step)
            yield Attribution(context=subject, artifact=made)
        case Kind.EXECUTION:
            yield Event(
                artifact=made, execution=subject, kind=EventKind.DECLARED_INPUT, path=(word,)
            )


def _facts(declared: Declaration) -> Tree:
    day = declared.review_date
    return {
        "owner": declared.owner,
        "tier": declared.tier,
        "purpose": declared.purpose,
        "legal_basis": declared.legal_basis,
        "restrictions": _items(declared.restrictions),
        "review_date": "" if day is None else day.isoformat(),
        "vendor": declared.vendor,
        "data_categories": _items(declared.data_categories),
        "retention_until_time": _moment(declared.retention_until_time),
        "contact": declared.contact,
    }


def _free_facts(declared: Declaration) -> Tree:
    """Return what the type of declarations declares no property for."""
    serving = declared.serving
    criteria: list[JsonValue] = [
        one if isinstance(one, str) else msgspec.to_builtins(one)
        for one in declared.success_criteria
    ]
    return {
        "declared.validator": declared.validator,
        "declared.retention": declared.retention,
        "declared.success_criteria": {"items": criteria} if criteria else None,
        "declared.baseline": _table(declared.baseline),
        "declared.serving_role": "" if serving is None or serving.role is None else serving.role,
        "declared.online_metrics": None if serving is None else _table(serving.online_metrics),
        "declared.online_evidence": None if serving is None else _items(serving.evidence),
    }


_PERSONAL: Final = frozenset(
    {
        KEPT_PROPERTY,
        "declared.by",
        "declared.validator",
        "declared.signature",
        "declared.verifier_key",
        "declared.signed_digest",
    }
)


def _node(
    node: type[Artifact | Execution], key: str, type_name: str, properties: Tree, custom: Tree
) -> AnyRecord:
    free = _present(custom)
    return node(
        key=key,
        type=type_name,
        properties=_present(properties),
        custom_properties=free,
        personal=tuple(sorted(_PERSONAL.intersection(free))),
    )


def _present(values: Tree) -> Tree:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _items(texts: tuple[str, ...]) -> JsonValue:
    return {"items": list(texts)} if texts else None


def _table(numbers: dict[str, int | float]) -> JsonValue:
    """Return a table by name as a value, whose keys may not begin with ``$``."""
    return {
        f"%24{name[1:]}" if name.startswith("$") else name: number
        for name, number in numbers.items()
    } or None


def _moment(at: datetime | None) -> str:
    return "" if at is None else format_instant(instant_us(at))


def _signed_digest(kept: Kept) -> str:
    digest = sha256(bytes(kept.declaration) + b"\n").hexdigest()
    return f"sha256:{digest}"
