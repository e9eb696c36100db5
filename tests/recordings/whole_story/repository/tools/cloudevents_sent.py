"""Run inside the environment of the CloudEvents SDK: makes events of it, one a line.

``python cloudevents_sent.py PLAN`` prints, for each item of the plan, the event in the structured
form that the SDK would send over HTTP.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

for item in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    context = item["context"]
    attributes = {
        "id": context["id"],
        "source": context["source"],
        "type": context["type"],
        "subject": item["subject"]["id"],
        "time": datetime.fromisoformat(context["timestamp"]),
        "datacontenttype": "application/json",
    }
    print(to_structured_event(CloudEvent(attributes, item)).body.decode())  # noqa: T201
