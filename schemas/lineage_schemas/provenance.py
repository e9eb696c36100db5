"""Provenance: the steps by which something came to be, in order, and what is not known of them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, ResolvedLabel, Truncation
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue


class GapCode(StrEnum):
    """What is not known."""

    UNKNOWN = "unknown"
    NOT_BEGUN = "not_begun"
    STUB = "stub"
    NO_PRODUCER = "no_producer"
    NO_INPUTS = "no_inputs"
    NO_CODE = "no_code_version"
    NO_VERSION = "no_data_version"
    NO_APPROVAL = "no_approval"
    APPROVAL_ERASED = "approval_erased"
    REDACTED = "redacted"
    CUT = "cut"


class ThingRef(Struct, frozen=True, kw_only=True):
    """A thing by the nodes it consists of, all of one kind, and by its key."""

    kind: Kind
    ids: tuple[int, ...]
    key: str
    type: str | None = None
    label: str | None = None


class Gap(Struct, frozen=True, kw_only=True):
    """Something that is not known: of which thing, in a sentence, and what to do about it.

    ``thing`` is ``None`` where it is of the answer as a whole; ``key`` is then what was asked.
    """

    code: GapCode
    key: str
    thing: ThingRef | None
    what: str
    hint: str


class StepEnd(Struct, frozen=True, kw_only=True):
    """What went into an execution, or came out of it; ``position`` is the entry that says so.

    ``made_by`` are the steps by number that made it, or made what has the same content, which is
    named by ``same_content``; of very many the last, and a truncation (``neighbours``) counts the
    others.
    """

    thing: ThingRef
    event: str
    path: tuple[str | int, ...] = ()
    position: int | None = None
    versions: tuple[str, ...] = ()
    made_by: tuple[int, ...] = ()
    same_content: tuple[str, ...] = ()


class SaidBy(Struct, frozen=True, kw_only=True):
    """Who told of an execution first, of each node of it: the entry, its source, and its actor.

    The actor is a pseudonym: names are for those who may read the entries.
    """

    position: int
    source: str
    actor: str
    recorded_at: str
    stated_at: str | None


class StepExecution(Struct, frozen=True, kw_only=True):
    """An execution with what went in and came out: when, by whom, with which code and parameters.

    What nobody said is ``None``, and never made up.
    """

    thing: ThingRef
    state: str | None
    started: str | None
    ended: str | None
    started_by: str | None
    told: tuple[SaidBy, ...]
    code_repository: str | None
    code_commit: str | None
    code_is_dirty: bool | None
    parameters: dict[str, JsonValue] | None
    inputs: tuple[StepEnd, ...]
    outputs: tuple[StepEnd, ...]


class ProvenanceStep(Struct, frozen=True, kw_only=True):
    """One step: an execution; or the several of a knot, of which none came first.

    ``is_knot``: data flows in a circle here, such as by a job that reads the table it writes.
    """

    number: int
    is_knot: bool
    executions: tuple[StepExecution, ...]


class ProvenanceAnswer(Struct, frozen=True, kw_only=True):
    """How a subject came to be: steps from its sources on, and the gaps.

    A step comes after every step that made an input of it, but for those of its own knot.
    ``sources`` are inputs that no step made. ``subject`` is ``None`` where the log has never heard
    of it, which ``unknown`` then names, or where it had not begun at the valid time. ``redactions``
    are also of the approvals of what was made. ``undated`` is as in ``LineageAnswer``.
    """

    basis: Basis
    asked: str
    subject: ThingRef | None
    steps: tuple[ProvenanceStep, ...] = ()
    sources: tuple[ThingRef, ...] = ()
    gaps: tuple[Gap, ...] = ()
    unknown: tuple[str, ...] = ()
    truncations: tuple[Truncation, ...] = ()
    undated: int = 0
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        return not self.unknown and not self.truncations and self.basis.complete
