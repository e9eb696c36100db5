"""Send messages with the SDK of CloudEvents, in one of its ways, and print what is answered.

``python send.py WAY URL MESSAGES``

WAY is ``structured``, ``binary`` or ``batch``. A line of the file is the data of a message, in the
vocabulary of CDEvents; one of the output is the status of an answer and its body.
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def event_of(data: dict) -> CloudEvent:
    """Put data into the envelope that CDEvents' binding to CloudEvents says."""
    context = data["context"]
    attributes = {
        "id": context["id"],
        "source": context["source"],
        "type": context["type"],
        "time": datetime.fromisoformat(context["timestamp"]),
        "subject": data["subject"]["id"],
        "datacontenttype": "application/json",
        "team": 'Z\u00fcrich "100 %"',
    }
    return CloudEvent(attributes, data)


def post(url: str, headers: dict[str, str], body: bytes) -> str:
    """Send a request, and return how it was answered."""
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return json.dumps([answer.status, json.load(answer)])
    except urllib.error.HTTPError as error:
        return json.dumps([error.code, json.load(error)])


way, address, messages = sys.argv[1:]
events = [event_of(json.loads(line)) for line in Path(messages).read_text().splitlines()]
if way == "batch":
    whole = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
    print(post(address, {"content-type": "application/cloudevents-batch+json"}, whole))  # noqa: T201
else:
    make = to_binary_event if way == "binary" else to_structured_event
    for event in events:
        message = make(event)
        print(post(address, message.headers, message.body))  # noqa: T201 - its answer
