"""What messages in CDEvents' vocabulary state. Pure: no clock, no randomness, no I/O.

    pipelinerun, taskrun, build,
    testsuiterun, testcaserun      Execution lineage.Run, of the run itself
    artifact                       Execution of the message; the image or package as its output
                                   (packaged, published, signed) or input (downloaded, deleted)
    service                        Execution lineage.Deploy, RollBack or Retire of the message, with
                                   a move; output lineage.Deployment in Context lineage.Service
    incident                       Artifact lineage.Incident, output of lineage.Monitor
    approval                       Artifact lineage.Approval, output of lineage.Approve
    change, ticket                 Artifact lineage.WorkItem
    testoutput                     Artifact lineage.Document, output of its run
    environment, repository,
    branch                         Contexts

Each message is an Artifact lineage.Signal besides: the output of the step that it tells of, and the
input of steps that say they were set off by it. So the edge is there whichever of them came first,
and leads to a stub where the other never came. A message that tells how a step goes on or ends
(``finished``) says by ``PATH`` what came before it, which is not what set off the step: that order
is kept on the signal. ``RELATION`` with the kind ``TRIGGER`` is always a cause.

Everything is an observation at the message's own time. A message that is none of CDEvents', is of a
type that is not known here, or cannot be read, is kept and states nothing; its flag says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

from lineage.connectors.base import Mapped, check_keepable
from lineage.connectors.cdevents.artifacts import say_artifact
from lineage.connectors.cdevents.custom_data import read_custom_data
from lineage.connectors.cdevents.facts import say_approval, say_incident, say_work_item
from lineage.connectors.cdevents.runs import say_run, say_test_output
from lineage.connectors.cdevents.services import say_service
from lineage.connectors.cdevents.surroundings import say_surroundings
from lineage.connectors.cdevents.telling import Step, Telling, without_none
from lineage.connectors.parcels import distinct
from lineage.connectors.scanning import subject_of
from lineage_schemas.cdevents_names import cdevents_message
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_of, parse_instant
from lineage_schemas.limits import STATEMENT_ID_BYTES_MAX
from lineage_schemas.mlmd import Artifact, Event, EventKind, Kind
from lineage_schemas.outside.cdevents import (
    CUSTOM_PREFIX,
    PREFIX,
    MessageContext,
    decode_cdevent,
    subject_and_predicate,
)
from lineage_schemas.outside.cloudevents import CloudEvent, decode_cloud_event
from lineage_schemas.records import AnyRecord, Claim, LinkClass, StatedTime

VERSION: Final = "cdevents/1"

NOT_CDEVENTS: Final = "not_cdevents"
UNKNOWN_TYPE: Final = "unknown_type"
UNREADABLE: Final = "unreadable_message"
"""Flags of a message that is kept and states nothing."""

MISREAD: Final = "cdevents.custom_data_misread"

_SIGNAL: Final = "lineage.Signal"
_NAMES: Final = uuid5(NAMESPACE_URL, "https://cdevents.dev")
"""The namespace of our version 5 UUIDs. It is part of statement ids: it never changes."""

_ROOM_BYTES: Final = 32  # for an ordinal, the mapping's number and a part's
_RUNS: Final = ("pipelinerun", "taskrun", "build", "testsuiterun", "testcaserun")

_SAYING: Final[dict[str, tuple[Callable[[Telling], Step], frozenset[str]]]] = {
    **dict.fromkeys(_RUNS, (say_run, frozenset({"queued", "started", "finished", "skipped"}))),
    "artifact": (
        say_artifact,
        frozenset({"packaged", "published", "signed", "downloaded", "deleted"}),
    ),
    "service": (
        say_service,
        frozenset({"deployed", "upgraded", "rolledback", "removed", "published"}),
    ),
    "incident": (say_incident, frozenset({"detected", "reported", "resolved"})),
    "approval": (say_approval, frozenset({"created", "updated", "closed"})),
    "change": (
        say_work_item,
        frozenset({"created", "updated", "reviewed", "merged", "abandoned"}),
    ),
    "ticket": (say_work_item, frozenset({"created", "updated", "closed"})),
    "testoutput": (say_test_output, frozenset({"published"})),
    **dict.fromkeys(
        ("environment", "repository", "branch"),
        (say_surroundings, frozenset({"created", "modified", "deleted"})),
    ),
}
"""By subject: what says it, and the predicates that it knows."""


class CDEventsMapping(Struct, frozen=True):
    """The first mapping of CDEvents, which come as CloudEvents."""

    version: str = VERSION

    def map(self, body: bytes) -> Mapped:
        """Say what one message states.

        Raises:
            DecodeError: no CloudEvent in JSON, or a text in it has U+0000, which the log refuses.
            InvalidInputError: a ``time`` that is no time or has no time zone.
        """
        check_keepable(body)
        envelope = decode_cloud_event(body)
        moment = None if envelope.time is None else _instant(envelope.time, "$.time")
        statement_id = _statement_id(envelope)
        sent = None if moment is None else StatedTime(start=instant_of(moment))
        if not envelope.type.startswith(PREFIX):
            flag = UNKNOWN_TYPE if envelope.type.startswith(CUSTOM_PREFIX) else NOT_CDEVENTS
            return Mapped(statement_id, sent, (), message_flags=(flag,))
        if _known(envelope.type) is None:
            return Mapped(statement_id, sent, (), message_flags=(UNKNOWN_TYPE,))
        try:
            return _mapped(statement_id, envelope)
        except InvalidInputError:
            # It is kept all the same: a later mapping may understand it.
            return Mapped(statement_id, sent, (), message_flags=(UNREADABLE,))


def _mapped(statement_id: str, envelope: CloudEvent) -> Mapped:
    """Say what a message of a known type states.

    Raises:
        InvalidInputError: it cannot be read.
    """
    telling = _read(envelope)
    say, _ = _SAYING[telling.subject]
    step = say(telling)
    flags: tuple[str, ...] = ()
    if telling.data.misread:
        step.custom[MISREAD] = {"items": list(telling.data.misread)}
        flags = (MISREAD,)
    records = (
        step.execution(),
        *step.records,
        *_used(telling, step),
        *_signals(telling, step),
    )
    return Mapped(statement_id, StatedTime(start=telling.at), distinct(records), flags)


def _read(envelope: CloudEvent) -> Telling:
    data = envelope.json_data()
    if data is None:
        raise InvalidInputError("The message has no data in JSON", where="$.data")
    event = decode_cdevent(data)
    known = _known(event.context.type)
    if known is None or known != _known(envelope.type):
        raise InvalidInputError(
            "The message and its envelope are of different types", where="$.data.context.type"
        )
    at = _instant(event.context.timestamp, "$.data.context.timestamp")
    return Telling(
        event=event,
        subject=known[0],
        predicate=known[1],
        at=instant_of(at),
        moment=format_instant(at),
        data=read_custom_data(event.context.custom_data, event.custom_data),
        triggers=_triggers(event.context, known[1]),
    )


def _triggers(context: MessageContext, predicate: str) -> tuple[str, ...]:
    """Return the messages that set a message off. Of a roll-back, that is what it follows."""
    named = tuple(
        cdevents_message(link.target.context_id, context.source)
        for link in context.links or ()
        if link.target is not None
        and (link.link_type.upper(), (link.link_kind or "").upper()) == ("RELATION", "TRIGGER")
    )
    return named or (_before(context) if predicate == "rolledback" else ())


def _before(context: MessageContext) -> tuple[str, ...]:
    """Return the messages that a message comes after."""
    return tuple(
        cdevents_message(link.origin.context_id, context.source)
        for link in context.links or ()
        if link.origin is not None and link.link_type.upper() in {"PATH", "END"}
    )


def _known(event_type: str) -> tuple[str, str] | None:
    found = subject_and_predicate(event_type)
    if found is None or found[0] not in _SAYING or found[1] not in _SAYING[found[0]][1]:
        return None
    return found


def _used(telling: Telling, step: Step) -> Iterator[AnyRecord]:
    """Yield the model versions and the commit that a message names by our convention."""
    for model in telling.data.models:
        yield Event(artifact=model, execution=step.key, kind=EventKind.INPUT, path=("model",))
    commit = telling.data.text("commit")
    if commit is not None:
        key = f"git:commit/{commit.lower()}"
        yield Artifact(key=key, type="lineage.CodeRevision", properties={"commit": commit.lower()})
        yield Event(artifact=key, execution=step.key, kind=EventKind.INPUT, path=("code",))


def _signals(telling: Telling, step: Step) -> Iterator[AnyRecord]:
    """Yield the message as what it may set off, and the messages that set off its step."""
    context = telling.event.context
    own = cdevents_message(context.id, context.source)
    before = _before(context)
    causes = {} if step.is_later else dict.fromkeys(before, "cause")
    causes |= dict.fromkeys(telling.triggers, "trigger")
    causes.pop(own, None)
    order = [key for key in dict.fromkeys(before) if key not in causes and key != own]
    yield Artifact(
        key=own,
        type=_SIGNAL,
        properties=without_none(
            {
                "display_name": f"{telling.subject} {telling.predicate}: {telling.id}",
                "source_type": context.type,
                "message_id": context.id,
                "chain": context.chain_id,
                "sent_time": telling.moment,
            }
        ),
        custom_properties={"cdevents.after": {"items": list(order)}} if order else {},
    )
    yield Event(artifact=own, execution=step.key, kind=EventKind.OUTPUT, path=("signal",))
    for key, way in causes.items():
        yield Event(artifact=key, execution=step.key, kind=EventKind.INPUT, path=(way,))
    if step.names_signal is not None:
        yield Claim(
            kind=Kind.ARTIFACT,
            node=step.names_signal,
            identifier=own,
            link_class=LinkClass.ASSERTED,
            evidence={"cdevents": "the message that tells of it"},
        )


def _statement_id(envelope: CloudEvent) -> str:
    """Name a message by its source and id; by a UUID of both where they are too long."""
    plain = subject_of("event", envelope.source, envelope.id)
    if len(plain.encode()) <= STATEMENT_ID_BYTES_MAX - _ROOM_BYTES:
        return plain
    return f"event/{uuid5(_NAMES, plain)}"


def _instant(text: str, path: str) -> int:
    try:
        return parse_instant(text)
    except InvalidInputError as error:
        raise error.at(path) from error
