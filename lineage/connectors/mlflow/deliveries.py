"""What an MLflow server delivers by its webhooks: kept as it came, and told apart. Pure.

The bodies are ``entity``, ``action``, ``timestamp`` and ``data``. Whoever tests a webhook there
sends an example that looks like any other delivery, signature and all; what is in it gives it away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Raw, Struct

from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import DecodeError
from lineage_schemas.records import Message, StatedTime, Statement
from lineage_schemas.values import JsonValue

MEDIA_TYPE: Final = "application/json"

TEST_EVENT: Final = "test_event"
UNKNOWN_EVENT: Final = "unknown_event"
NO_TIME: Final = "no_time"
"""Flags of deliveries: an example, an event that nobody knows here, one that does not say when."""

EVENTS: Final = frozenset(
    {
        ("registered_model", "created"),
        ("model_version", "created"),
        ("model_version_tag", "set"),
        ("model_version_tag", "deleted"),
        ("model_version_alias", "created"),
        ("model_version_alias", "deleted"),
        ("prompt", "created"),
        ("prompt_version", "created"),
        ("prompt_tag", "set"),
        ("prompt_tag", "deleted"),
        ("prompt_version_tag", "set"),
        ("prompt_version_tag", "deleted"),
        ("prompt_alias", "created"),
        ("prompt_alias", "deleted"),
        ("budget_policy", "exceeded"),
    }
)
"""Entities and actions that are known."""

_TAGS: Final[JsonValue] = {"example_key": "example_value"}
_EXAMPLE_VALUES: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "name": ("example_model", "example_prompt"),
    "version": ("1",),
    "tags": (_TAGS,),
    "key": ("example_key",),
    "value": ("example_value",),
    "alias": ("example_alias",),
    "source": ("models:/123",),
    "run_id": ("abcd1234abcd5678",),
    "template": ("Hello {{name}}!",),
    "description": (
        "An example registered model",
        "An example model version",
        "An example prompt",
        "An example prompt version",
    ),
}
"""What MLflow's own examples hold, field by field."""

_EXAMPLE_POLICY: Final = "bp-abc123"


class Delivered(Struct, frozen=True):
    """The body of a delivery. ``flags`` say what is irregular about it."""

    entity: str
    action: str
    at: datetime | None
    data: dict[str, JsonValue]
    flags: tuple[str, ...]


class _Body(Struct, frozen=True):
    entity: str = ""
    action: str = ""
    timestamp: str = ""
    data: dict[str, JsonValue] | None = None


def read_delivery(body: bytes) -> Delivered:
    """Read the body of a delivery, and tell what kind it is.

    Raises:
        DecodeError: it is no JSON object, or its fields are of other types.
    """
    try:
        read = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(
            f"This is no delivery of MLflow: {error}",
            hint="Look into the server's version; what it sends may have changed.",
        ) from error
    data = read.data or {}
    at = _moment(read.timestamp)
    is_known = (read.entity, read.action) in EVENTS
    found = {
        TEST_EVENT: _is_example(data),
        UNKNOWN_EVENT: not is_known,
        NO_TIME: at is None,
    }
    flags = tuple(flag for flag, holds in found.items() if holds)
    return Delivered(read.entity, read.action, at, data, flags)


def keep_delivery(body: bytes, delivery_id: str, source: str) -> Statement:
    """Return the statement that keeps a delivery as it came, with its flags and without secrets.

    The same delivery gives the same statement, so that one that is sent again is no second one.

    Raises:
        DecodeError: as ``read_delivery``.
    """
    delivered = read_delivery(body)
    kept, filtered = filter_secrets(body.strip())
    return Statement(
        id=f"webhook/{delivery_id}",
        source=source,
        records=(
            Message(
                media_type=MEDIA_TYPE,
                body=Raw(kept),
                secrets_filtered=filtered,
                flags=delivered.flags,
            ),
        ),
        stated=None if delivered.at is None else StatedTime(start=delivered.at),
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        # Without a zone it is UTC: the server's own clock has no other.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is_example(data: Mapping[str, JsonValue]) -> bool:
    """Tell whether all of this is from one of MLflow's examples, and it names an example's thing.

    A real model may be called so; that everything else of it is an example's too, it will not be.
    """
    if data.get("budget_policy_id") == _EXAMPLE_POLICY:
        return True
    if data.get("name") not in _EXAMPLE_VALUES["name"]:
        return False
    return all(value in _EXAMPLE_VALUES.get(field, ()) for field, value in data.items())
