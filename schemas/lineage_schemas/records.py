"""The closed union of what may be stated, and the statement that carries it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Raw, Struct, field

from lineage_schemas.access import (
    Access,
    ApiKeyIssue,
    ApiKeyRevocation,
    Grant,
    GrantRevocation,
)
from lineage_schemas.governance import (
    Disclosure,
    Erasure,
    ErasureProposal,
    ErasureRefusal,
    Hold,
    KeyHandover,
    KeyIntroduction,
    Recovery,
    Release,
    Retention,
)
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
    Ref,
    Word,
)
from lineage_schemas.sources import SourceExpectation, SourceScan
from lineage_schemas.values import JsonValue


class LinkClass(Word):
    """How strong a claim is, strongest first."""

    ASSERTED = "asserted"
    CONTENT = "content"
    DERIVED = "derived"
    GUESSED = "guessed"


class Claim(Record, frozen=True, kw_only=True, tag="claim"):
    """A node also goes by this identifier. Claims only link; they never rename and never merge."""

    kind: Kind
    node: Ref
    identifier: str
    link_class: LinkClass = field(name="class")
    evidence: dict[str, JsonValue] = {}  # noqa: RUF012 - msgspec makes a new one each time


class Retraction(Record, frozen=True, kw_only=True, tag="retraction"):
    """The same source takes its claim back, from the stated time on."""

    kind: Kind
    node: Ref
    identifier: str
    link_class: LinkClass = field(name="class")
    reason: str = ""


class MetricSeries(Record, frozen=True, kw_only=True, tag="metric_series"):
    """One chunk of a metric's values by step, of at most ``METRIC_SERIES_POINTS_MAX`` points.

    A point is (step, value, time); the value may be a tagged NaN or infinity, the time may be null.
    """

    execution: Ref
    metric: str
    chunk: int
    points: tuple[tuple[int, JsonValue, datetime | None], ...]


class Message(Record, frozen=True, kw_only=True, tag="message"):
    """What a tool sent: its JSON, byte for byte, but for the secrets that were filtered out.

    It may name people, so all of it lies in the erasable personal part. ``flags`` name what was
    irregular and yet kept, at most ``MESSAGE_FLAGS_MAX``: such a message may have no records.
    """

    media_type: str
    body: Raw
    secrets_filtered: int = 0
    flags: tuple[str, ...] = ()


class ActorOrigin(StrEnum):
    """How we know who acted."""

    AUTHENTICATED = "authenticated"
    SIGNED = "signed"
    REPORTED = "reported"


class Actor(Record, frozen=True, kw_only=True, tag="actor"):
    """Who stands behind a pseudonym; the name lies in the erasable personal part."""

    pseudonym: str
    origin: ActorOrigin
    name: str = ""


AnyRecord = (
    ArtifactType
    | ExecutionType
    | ContextType
    | Artifact
    | Execution
    | Context
    | Event
    | Attribution
    | Association
    | ParentContext
    | Claim
    | Retraction
    | MetricSeries
    | Message
    | Actor
    | KeyIntroduction
    | KeyHandover
    | Recovery
    | Erasure
    | ErasureRefusal
    | Hold
    | Retention
    | Release
    | Disclosure
    | Grant
    | GrantRevocation
    | ApiKeyIssue
    | ApiKeyRevocation
    | ErasureProposal
    | Access
    | SourceScan
    | SourceExpectation
)


class Mode(StrEnum):
    """The two ways to say a thing: observations commute, commands follow the log's order."""

    OBSERVATION = "observation"
    COMMAND = "command"


COMMAND: Final = Mode.COMMAND
"""For what asks it of every record: up to Python 3.11 looking a member up on its class runs code of
the enumeration."""


class Precision(StrEnum):
    """How exactly a stated time is known."""

    EXACT = "exact"
    UPPER_BOUND = "upper_bound"
    INTERVAL = "interval"
    UNKNOWN = "unknown"


class StatedTime(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When the source says it was so: a half-open interval, and how exactly that is known."""

    start: datetime | None = field(default=None, name="from")
    end: datetime | None = field(default=None, name="to")
    precision: Precision = Precision.EXACT


class Statement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An ordered list of records that somebody says at once.

    ``id`` is the producer's own and is unique within (namespace, source): the same id with the
    same content is the same statement. ``message`` is the id of the statement (of the same source)
    that keeps the message this one was made from, and ``mapping`` the version of the mapping.
    """

    id: str
    source: str
    records: tuple[AnyRecord, ...]
    mode: Mode = Mode.OBSERVATION
    stated: StatedTime | None = None
    message: str | None = None
    mapping: str | None = None
