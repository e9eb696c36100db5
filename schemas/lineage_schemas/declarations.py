"""What a person declares of a thing: the form of a declaration file.

A declaration is told by its ``id``, which its author chooses, and is whole: said again with other
content, at a later ``stated`` time, it takes the place of what was said before, and what it leaves
out is declared no more. Said again unchanged, it says nothing new.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from lineage_schemas.mlmd import Kind
from lineage_schemas.serving import Role

DECLARATIONS_MAX: Final = 1_000
"""Declarations in one file."""

DECLARATION_ID_BYTES_MAX: Final = 256
"""What an author calls a declaration."""

LISTED_MAX: Final = 1_000
"""Items of one list: restrictions, evidence, criteria."""

KEPT_PROPERTY: Final = "declared.kept"
"""The custom property of an approval that keeps, whole, what was declared.

Whoever approves may say nothing else, so no message is kept of an approval."""

_Time = Annotated[datetime, Meta(tz=True)]
_Text = Annotated[str, Meta(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], Meta(max_length=LISTED_MAX)]


class Decision(StrEnum):
    """What somebody decided."""

    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ABSTAINED = "abstained"


class IncidentStatus(StrEnum):
    """How far an incident is dealt with."""

    OPEN = "open"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Comparison(StrEnum):
    """How a metric is held against a threshold."""

    LESS = "<"
    AT_MOST = "<="
    EQUAL = "=="
    AT_LEAST = ">="
    GREATER = ">"


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a declaration file: what is not known in it is an error."""


class Criterion(_Part, frozen=True, kw_only=True):
    """A measurable criterion: the metric must compare so to the threshold."""

    metric: _Text
    comparison: Comparison
    threshold: int | float


class DeclaredApproval(_Part, frozen=True, kw_only=True):
    """A person's decision about the subject, in a declaration of its own.

    Evidence are keys, reports or links. Without a ``decided_time`` it was decided when it was
    stated.
    """

    decision: Decision
    approver: _Text
    approver_role: str = ""
    meaning: str = ""
    evidence: _Texts = ()
    conditions: str = ""
    requested_by: str = ""
    requested_time: _Time | None = None
    decided_time: _Time | None = None
    valid_until_time: _Time | None = None


class DeclaredIncident(_Part, frozen=True, kw_only=True):
    """Something that went wrong with the subject. ``affected`` are keys of what it touched."""

    summary: _Text
    severity: str = ""
    status: IncidentStatus | None = None
    root_cause: str = ""
    corrective_action: str = ""
    started_time: _Time | None = None
    detected_time: _Time | None = None
    resolved_time: _Time | None = None
    reported_time: _Time | None = None
    authority: str = ""
    is_serious: bool | None = None
    affected: _Texts = ()
    affected_person_count: Annotated[int, Meta(ge=0)] | None = None
    reported_by: str = ""


class DeclaredServing(_Part, frozen=True, kw_only=True):
    """In what role the subject serves, and on what its promotion rested."""

    role: Role | None = None
    online_metrics: dict[str, int | float] = {}
    evidence: _Texts = ()


class SameAs(_Part, frozen=True, kw_only=True):
    """Another identifier of the subject, and why it is known to be the same thing."""

    identifier: _Text
    because: str = ""


class Declaration(_Part, frozen=True, kw_only=True):
    """What somebody declares of one subject.

    ``subject`` is an identifier (scheme:value) or a label that names one thing. ``kind`` is needed
    where nothing is known of the subject yet, and in a signed declaration. ``stated`` is when it
    was so; left out, it is when the declaration is received. ``signature`` is a signature line of a
    signed note over the declaration's canonical JSON without it. ``withdraw`` takes all of it back.
    Beside an ``approval`` nothing is declared: nobody approves what they have said themselves.
    """

    id: Annotated[str, Meta(min_length=1)]
    subject: _Text
    kind: Kind | None = None
    stated: _Time | None = None
    declared_by: str = ""
    title: str = ""
    description: str = ""
    owner: str = ""
    tier: str = ""
    purpose: str = ""
    legal_basis: str = ""
    restrictions: _Texts = ()
    validator: str = ""
    review_date: date | None = None
    vendor: str = ""
    data_categories: _Texts = ()
    retention: str = ""
    retention_until_time: _Time | None = None
    contact: str = ""
    approval: DeclaredApproval | None = None
    incident: DeclaredIncident | None = None
    success_criteria: Annotated[tuple[_Text | Criterion, ...], Meta(max_length=LISTED_MAX)] = ()
    baseline: dict[str, int | float] = {}
    serving: DeclaredServing | None = None
    same_as: Annotated[tuple[_Text | SameAs, ...], Meta(max_length=LISTED_MAX)] = ()
    withdraw: bool = False
    signature: str = ""


class DeclarationFile(_Part, frozen=True, kw_only=True):
    """Several declarations in one file."""

    declarations: Annotated[
        tuple[Declaration, ...], Meta(min_length=1, max_length=DECLARATIONS_MAX)
    ]


class TakenDeclaration(Struct, frozen=True, kw_only=True):
    """What became of one declaration or document: ``appended``, ``unchanged`` or ``erased``.

    ``revision`` counts from 1. ``position`` is where it stands, or stood before it was erased.
    ``key`` is that of what was declared; ``subject`` that of what it is about.
    """

    id: str
    subject: str
    key: str
    outcome: str
    revision: int
    position: int
    is_signed: bool = False
    secrets_filtered: int = 0
