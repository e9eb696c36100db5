"""Messages of CDEvents as tests send them: in the envelope that its binding to CloudEvents says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from doubles import FakeClock, SeededRandomness
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.cdevents.mapping import CDEventsMapping
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.values import JsonValue

Object = dict[str, JsonValue]

SOURCE = "/ci"
CAUSE = "5328c37f-bb7e-4bb7-84ea-9f5f85e4a7ce"
"""The message that all examples of the specification say they follow from."""


def files(folder: Path) -> dict[str, Object]:
    """Return the specification's examples, by name."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def enveloped(event: Object, **more: JsonValue) -> Object:
    """Put a message into its envelope."""
    context = event["context"]
    assert isinstance(context, dict)
    return {
        "specversion": "1.0",
        "id": context["id"],
        "source": context["source"],
        "type": context["type"],
        "time": context["timestamp"],
        "datacontenttype": "application/json",
        "data": event,
        **more,
    }


def cdevent(
    kind: str,
    number: int,
    subject: str = "thing",
    content: Object | None = None,
    **more: JsonValue,
) -> Object:
    """Return a message of a kind such as ``service.deployed``, told in minute ``number``."""
    links = more.pop("links", None)
    context: Object = {
        "specversion": "0.5.0",
        "id": message_id(number),
        "source": SOURCE,
        "type": f"dev.cdevents.{kind}.0.3.0",
        "timestamp": f"2026-01-31T12:{number:02}:00Z",
    }
    if links is not None:
        context["links"] = links
    return {"context": context, "subject": {"id": subject, "content": content or {}}, **more}


def message_id(number: int) -> str:
    """Return the id of a message, which is a UUID."""
    return f"00000000-0000-4000-8000-{number:012}"


def message_key(number: int) -> str:
    """Return the key of a message."""
    return f"cdevents:message/{message_id(number)}"


def path_from(number: int) -> Object:
    """Return a link that says which message came before."""
    return {"linkType": "PATH", "from": {"contextId": message_id(number)}}


def trigger(number: int) -> Object:
    """Return a link that says which message set this one off."""
    target: JsonValue = {"contextId": message_id(number)}
    return {"linkType": "RELATION", "linkKind": "TRIGGER", "target": target}


def new_ledger() -> Ledger:
    """Return an empty ledger in memory."""
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


def receive(ledger: Ledger, *events: Object) -> None:
    """Take in messages, one after the other."""
    receive_bodies(ledger, (json.dumps(enveloped(event)).encode() for event in events))


def receive_bodies(ledger: Ledger, bodies: Iterable[bytes]) -> None:
    """Take in envelopes as they stand."""
    for body in bodies:
        message = ReceivedMessage(body, "application/cloudevents+json")
        ledger.receive(message, CDEventsMapping(), source="cdevents")


def told(*events: Object) -> Ledger:
    """Return a ledger that was told these messages."""
    ledger = new_ledger()
    receive(ledger, *events)
    return ledger
