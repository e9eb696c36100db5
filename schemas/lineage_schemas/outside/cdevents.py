"""CDEvents, from version 0.3 to the draft of 0.6: one form for all of them, read tolerantly.

https://github.com/cdevents/spec. The versions differ in names (``version`` became ``specversion``,
``url`` became ``uri``) and in which fields a subject has, so that one form holds all there are, and
those of other subjects are absent. Unknown fields are passed over, ``null`` means absent. What
CDEvents calls an *event* is a *message* here.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, field

from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue

PREFIX: Final = "dev.cdevents."
CUSTOM_PREFIX: Final = "dev.cdeventsx."
"""Of types that tools define for themselves."""

_TYPE: Final = re.compile(
    r"dev\.cdevents\.(?P<subject>[a-z0-9_\-]+)\.(?P<predicate>[a-z0-9_\-]+)\.[0-9]+\.[0-9]+\..+",
    re.IGNORECASE,
)
_OLD_SUBJECTS: Final = {"testcase": "testcaserun", "testsuite": "testsuiterun"}
"""What 0.1 and 0.2 called the runs of tests."""

Text = Annotated[str, Meta(min_length=1)]


class Reference(Struct, frozen=True):
    """Another thing, by its id; without a source, the message's own is meant."""

    id: Text
    source: str | None = None


class Described(Struct, frozen=True):
    """A test case or test suite, as the run of it describes it."""

    id: str | None = None
    version: str | None = None
    name: str | None = None
    type: str | None = None
    uri: str | None = None


class Trigger(Struct, frozen=True):
    """What started a run of tests."""

    type: str | None = None
    uri: str | None = None


class Sbom(Struct, frozen=True):
    """Where the list of an artifact's parts is."""

    uri: str | None = None


class LinkEnd(Struct, frozen=True, rename="camel"):
    """The other message of a link, by its id alone: links do not name its source."""

    context_id: Text


class Link(Struct, frozen=True, rename="camel"):
    """How a message follows from another: ``PATH`` and ``END`` from it, ``RELATION`` to it."""

    link_type: str
    link_kind: str | None = None
    origin: LinkEnd | None = field(default=None, name="from")
    target: LinkEnd | None = None


class MessageContext(Struct, frozen=True, rename="camel"):
    """What every message says of itself."""

    id: Text
    source: Text
    type: Text
    timestamp: str
    version: str | None = None
    specversion: str | None = None
    chain_id: str | None = None
    links: list[Link] | None = None
    custom_data: JsonValue = None


class Content(Struct, frozen=True, rename="camel"):
    """What a message says of its subject: the fields of all subjects in one."""

    # runs, of pipelines, tasks, builds and tests
    pipeline_name: str | None = None
    task_name: str | None = None
    pipeline_run: Reference | None = None
    outcome: str | None = None
    errors: str | None = None
    test_case: Described | None = None
    test_suite: Described | None = None
    test_suite_run: Reference | None = None
    test_case_run: Reference | None = None
    trigger: Trigger | None = None
    severity: str | None = None
    reason: str | None = None
    output_type: str | None = None
    format: str | None = None
    # artifacts, and where they are put to work
    artifact_id: str | None = None
    change: Reference | None = None
    sbom: Sbom | None = None
    signature: str | None = None
    user: str | None = None
    environment: Reference | None = None
    service: Reference | None = None
    # what code and work are kept in
    repository: Reference | None = None
    name: str | None = None
    owner: str | None = None
    uri: str | None = None
    url: str | None = None
    view_url: str | None = None
    description: str | None = None
    ticket_uri: str | None = field(default=None, name="ticketURI")
    summary: str | None = None
    ticket_type: str | None = None
    group: str | None = None
    creator: str | None = None
    assignees: list[str] | None = None
    priority: str | None = None
    labels: list[str] | None = None
    milestone: str | None = None
    resolution: str | None = None
    updated_by: str | None = None
    # approvals, which are a draft
    approval_details_url: str | None = None
    resource_target_url: str | None = None
    requestor: str | None = None
    responder: str | None = None
    decision: str | None = None
    status: str | None = None


class Subject(Struct, frozen=True):
    """What a message is about; without a source, the message's own is meant."""

    id: Text
    source: str | None = None
    content: Content | None = None


class CDEvent(Struct, frozen=True, rename="camel"):
    """One message."""

    context: MessageContext
    subject: Subject
    custom_data: JsonValue = None


_MESSAGE: Final = msgspec.json.Decoder(CDEvent)


def subject_and_predicate(event_type: str) -> tuple[str, str] | None:
    """Return what a type is about and what became of it; ``None`` where it is none of CDEvents'.

    The version at its end decides nothing: a later one adds fields.
    """
    parts = _TYPE.fullmatch(event_type)
    if parts is None:
        return None
    subject = parts["subject"].lower()
    return _OLD_SUBJECTS.get(subject, subject), parts["predicate"].lower()


def decode_cdevent(body: bytes) -> CDEvent:
    """Read one message.

    Raises:
        DecodeError: not JSON in UTF-8, or a field that is missing or of a wrong type; ``where`` is
            its JSON path.
    """
    try:
        body.decode()
        return _MESSAGE.decode(body)
    except UnicodeDecodeError as error:
        raise DecodeError(f"The message is not UTF-8: {error}", where="$") from error
    except RecursionError as error:
        raise DecodeError("The message is nested too deep", where="$") from error
    except msgspec.MsgspecError as error:
        what, _, path = str(error).partition(" - at ")
        raise DecodeError(what, where=path.strip("`") or "$") from error
