"""The one place that asks the machine for the time and for an id that nobody else has."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timezone


def now_ns() -> int:
    """Return nanoseconds since the epoch."""
    return time.time_ns()  # noqa: TID251 - scripts have no clock of ours


def now_text() -> str:
    """Return the time as RFC 3339 has it, in UTC with microseconds."""
    now = datetime.now(timezone.utc)  # noqa: TID251 - as above
    return now.isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Return an id that is random."""
    return str(uuid.uuid4())  # noqa: TID251 - as above
