"""ML Metadata's words, kept exactly: kinds, states, types, nodes and what joins them.

The same records serve both ways of saying a thing. In an *observation* a node is named by its
key, an identifier such as ``mlflow:run/...``; in a *command* by the id the ledger assigned
(``id``), or, inside one statement, by ``#`` and the index of the record that makes it (``"#0"``).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from lineage_schemas.values import JsonValue, PropertyType

Ref = str | int
"""Names a node: a key, ``"#N"`` for record N of the same statement, or an assigned id."""


class Word(StrEnum):
    """One of a closed set of words, which hashes as the text it equals.

    An enumeration's own hash is a Python function; these words are keys on every path that writes.
    """

    __hash__ = str.__hash__


class Kind(Word):
    """The three kinds of node."""

    ARTIFACT = "artifact"
    EXECUTION = "execution"
    CONTEXT = "context"


class ArtifactState(Word):
    """States of an artifact, in ML Metadata's order."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    LIVE = "LIVE"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"
    ABANDONED = "ABANDONED"
    REFERENCE = "REFERENCE"


class ExecutionState(Word):
    """States of an execution, in ML Metadata's order."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CACHED = "CACHED"
    CANCELED = "CANCELED"


class EventKind(Word):
    """The seven kinds of Event. Data flows into an execution, or out of it."""

    DECLARED_OUTPUT = "DECLARED_OUTPUT"
    DECLARED_INPUT = "DECLARED_INPUT"
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    INTERNAL_INPUT = "INTERNAL_INPUT"
    INTERNAL_OUTPUT = "INTERNAL_OUTPUT"
    PENDING_OUTPUT = "PENDING_OUTPUT"

    @property
    def is_input(self) -> bool:
        """Tell whether data flows from the artifact into the execution."""
        return self in INPUT_KINDS


INPUT_KINDS = frozenset({EventKind.DECLARED_INPUT, EventKind.INPUT, EventKind.INTERNAL_INPUT})


class Record(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
    tag_field="record",
):
    """One thing that is stated. The ``record`` field of its JSON names which.

    Records hold plain JSON, which cannot point back at them, so the cyclic collector, which would
    look at each of the many that a batch holds, is told to leave them out.
    """


class TypeRecord(Record, frozen=True, kw_only=True):
    """What the three types share.

    A type is told by (kind, name, version). ``base_type`` names one of the nine system types.
    ``can_add_fields`` and ``can_omit_fields`` say how a second put may differ from the first.
    """

    name: str
    version: str | None = None
    description: str | None = None
    properties: dict[str, PropertyType] = {}
    base_type: str | None = None
    external_id: str | None = None
    can_add_fields: bool = False
    can_omit_fields: bool = False


class ArtifactType(TypeRecord, frozen=True, kw_only=True, tag="artifact_type"):
    """A type of artifacts."""


class ExecutionType(TypeRecord, frozen=True, kw_only=True, tag="execution_type"):
    """A type of executions. The two signatures are kept as they were given (ArtifactStructType)."""

    input_type: JsonValue = None
    output_type: JsonValue = None


class ContextType(TypeRecord, frozen=True, kw_only=True, tag="context_type"):
    """A type of contexts."""


class NodeRecord(Record, frozen=True, kw_only=True):
    """What is said of one node.

    An observation gives ``key`` and whatever it knows; what it leaves out it says nothing about,
    and a property given as null is cleared. A command gives ``id`` to replace that node whole, or
    no ``id`` to make a new one. ``properties`` are declared by the type; ``custom_properties`` are
    free. ``personal`` names the properties whose values go to the erasable personal part.
    """

    key: str | None = None
    id: int | None = None
    type: str | None = None
    type_version: str | None = None
    name: str | None = None
    external_id: str | None = None
    properties: dict[str, JsonValue] = {}
    custom_properties: dict[str, JsonValue] = {}
    personal: tuple[str, ...] = ()


class Artifact(NodeRecord, frozen=True, kw_only=True, tag="artifact"):
    """A thing that executions read or write: a data set, a model, a report."""

    uri: str | None = None
    state: ArtifactState | None = None


class Execution(NodeRecord, frozen=True, kw_only=True, tag="execution"):
    """A step that ran: a training, a deployment, an approval."""

    state: ExecutionState | None = None


class Context(NodeRecord, frozen=True, kw_only=True, tag="context"):
    """A group of artifacts and executions: an experiment, a pipeline run, an environment."""


class Event(Record, frozen=True, kw_only=True, tag="event"):
    """The link between an artifact and an execution. Never a message, never an entry of the log.

    ``path`` is where in the execution's signature the artifact stood: steps of keys and indexes.
    """

    artifact: Ref
    execution: Ref
    kind: EventKind
    path: tuple[str | int, ...] = ()
    time: datetime | None = None


class Attribution(Record, frozen=True, kw_only=True, tag="attribution"):
    """An artifact belongs to a context."""

    context: Ref
    artifact: Ref


class Association(Record, frozen=True, kw_only=True, tag="association"):
    """An execution belongs to a context."""

    context: Ref
    execution: Ref


class ParentContext(Record, frozen=True, kw_only=True, tag="parent_context"):
    """A context lies inside another."""

    child: Ref
    parent: Ref
