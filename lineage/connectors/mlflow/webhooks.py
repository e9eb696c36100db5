"""What MLflow's webhooks tell, applied to what is known. Pure.

A webhook tells one change and its time; a scan tells what is so. So a message is applied to the
last known document of its subject, and gives the document that a scan would show then, as far as
that is known. It goes the way of every document: what is older than what is known is passed over,
and the next scan puts right what was lost or came out of order.

MLflow tells of the registry only, and not of all that happens there: no deletion of a model or a
version, no stage, no description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.mlflow.documents import (
    MODEL_VERSION,
    PROMPT_TAG,
    REGISTERED_MODEL,
    encode,
    registered_model_document,
    registered_model_subject,
    version_document,
    version_subject,
)
from lineage.connectors.mlflow.turns import Body, decode, is_gone, without_turns
from lineage.connectors.scanning import Document
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.outside.mlflow import WebhookMessage, decode_webhook
from lineage_schemas.values import JsonValue

EXAMPLE: Final = "example_message"
"""The flag of a message that MLflow sends when somebody tests a webhook. It is signed and nothing
marks it, so it is told by its data, which are always the same."""

UNKNOWN: Final = "unknown_message"
"""The flag of a message that no version of MLflow that we know sends."""

NO_LINEAGE: Final = "no_lineage"
"""The flag of a message that is known and says nothing of lineage: a budget that is spent."""

PROMPT_TEXT_TAG: Final = "mlflow.prompt.text"

_TAG: Final[Body] = {"key": "example_key", "value": "example_value"}
_TAGS: Final[Body] = {"example_key": "example_value"}
_MODEL: Final[Body] = {"name": "example_model"}
_PROMPT: Final[Body] = {"name": "example_prompt"}
_NUMBER: Final[Body] = {"version": "1"}
_ALIAS: Final[Body] = {"alias": "example_alias"}

EXAMPLES: Final[Mapping[str, Body]] = {
    "registered_model.created": {
        **_MODEL,
        "tags": _TAGS,
        "description": "An example registered model",
    },
    "model_version.created": {
        **_MODEL,
        **_NUMBER,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": _TAGS,
        "description": "An example model version",
    },
    "model_version_tag.set": {**_MODEL, **_NUMBER, **_TAG},
    "model_version_tag.deleted": {**_MODEL, **_NUMBER, "key": "example_key"},
    "model_version_alias.created": {**_MODEL, **_ALIAS, **_NUMBER},
    "model_version_alias.deleted": {**_MODEL, **_ALIAS},
    "prompt.created": {**_PROMPT, "tags": _TAGS, "description": "An example prompt"},
    "prompt_version.created": {
        **_PROMPT,
        **_NUMBER,
        "template": "Hello {{name}}!",
        "tags": _TAGS,
        "description": "An example prompt version",
    },
    "prompt_tag.set": {**_PROMPT, **_TAG},
    "prompt_tag.deleted": {**_PROMPT, "key": "example_key"},
    "prompt_version_tag.set": {**_PROMPT, **_NUMBER, **_TAG},
    "prompt_version_tag.deleted": {**_PROMPT, **_NUMBER, "key": "example_key"},
    "prompt_alias.created": {**_PROMPT, **_ALIAS, **_NUMBER},
    "prompt_alias.deleted": {**_PROMPT, **_ALIAS},
    "budget_policy.exceeded": {
        "budget_policy_id": "bp-abc123",
        "budget_unit": "USD",
        "budget_amount": 100.0,
        "current_spend": 105.5,
        "duration_unit": "MONTHS",
        "duration_value": 1,
        "target_scope": "ENDPOINT",
        "workspace": "default",
        "target_value": "ep-abc123",
        "window_start": 1_704_067_200_000,
    },
}
"""By name, what MLflow sends to test a webhook; the names are all it sends at all."""


class Webhook(Struct, frozen=True, kw_only=True):
    """What a webhook told: ``name`` is ``entity.action``, ``at`` when it was so.

    ``flag`` says why it changes nothing, where that is known without looking at what is known.
    """

    name: str
    at: datetime
    data: dict[str, JsonValue]
    flag: str | None = None


def read_webhook(body: bytes) -> Webhook:
    """Read what a webhook delivered.

    Raises:
        DecodeError: not JSON, or no message of MLflow's; names the JSON path.
        InvalidInputError: its time is none.
    """
    message = decode_webhook(body)
    try:
        at = instant_of(parse_instant(message.timestamp))
    except InvalidInputError as error:
        raise error.at("$.timestamp") from error
    name = f"{message.entity}.{message.action}"
    webhook = Webhook(name=name, at=at, data=message.data, flag=_flag(name, message))
    if webhook.flag is None:
        _check_names(webhook)
    return webhook


def subjects_of(webhook: Webhook) -> tuple[str, ...]:
    """Return the subjects whose last known documents a message is applied to."""
    if webhook.flag is not None:
        return ()
    name = str(webhook.data["name"])
    if _is_of_version(webhook):
        return (version_subject(name, str(webhook.data["version"])),)
    return (registered_model_subject(name),)


def apply_webhook(webhook: Webhook, known: Mapping[str, bytes | None]) -> tuple[Document, ...]:
    """Return the documents that a scan would show after what a message tells, as far as is known.

    ``known`` holds the last document of each of ``subjects_of``; what was never heard of is not in
    it. Nothing is returned where nothing changes.
    """
    if webhook.flag is not None:
        return ()
    (subject,) = subjects_of(webhook)
    body = known.get(subject)
    if subject in known and body is None:
        return ()  # erased: it is not taken in again
    shown = None if body is None else decode(without_turns(body))
    before = None if shown is None or is_gone(shown) else shown
    after = _CHANGES[webhook.name](webhook.data, before)
    if after is None or after == before:
        return ()
    kind = MODEL_VERSION if _is_of_version(webhook) else REGISTERED_MODEL
    return (Document(kind, subject, encode(after), changed=webhook.at),)


def _flag(name: str, message: WebhookMessage) -> str | None:
    if name not in EXAMPLES:
        return UNKNOWN
    # Later versions of MLflow add fields, to examples too.
    if all(message.data.get(field) == value for field, value in EXAMPLES[name].items()):
        return EXAMPLE
    return None if name in _CHANGES else NO_LINEAGE


def _check_names(webhook: Webhook) -> None:
    needed = EXAMPLES[webhook.name].keys() & {"name", "version", "alias", "key"}
    for field in sorted(needed):
        if not isinstance(webhook.data.get(field), str) or not webhook.data[field]:
            raise DecodeError(
                f"A {webhook.name} of MLflow's names its {field}", where=f"$.data.{field}"
            )


def _is_of_version(webhook: Webhook) -> bool:
    return webhook.name.partition(".")[0] in {
        "model_version",
        "model_version_tag",
        "prompt_version",
        "prompt_version_tag",
    }


def _model_created(data: Body, before: Body | None) -> Body | None:
    if before is not None:
        return None
    return decode(registered_model_document({**data, "tags": _pairs(data.get("tags"))}).body)


def _prompt_created(data: Body, before: Body | None) -> Body | None:
    return _model_created(
        {**data, "tags": {**_table(data.get("tags")), PROMPT_TAG: "true"}}, before
    )


def _version_created(data: Body, before: Body | None) -> Body | None:
    if before is not None:
        return None
    shown = {**data, "tags": _pairs(data.get("tags")), "current_stage": "None"}
    return decode(version_document(shown).body)


def _prompt_version_created(data: Body, before: Body | None) -> Body | None:
    tags = {**_table(data.get("tags")), PROMPT_TAG: "true"}
    template = data.get("template")
    if isinstance(template, str):
        tags[PROMPT_TEXT_TAG] = template
    rest = {name: value for name, value in data.items() if name != "template"}
    return _version_created({**rest, "tags": tags}, before)


def _tag_set(data: Body, before: Body | None) -> Body | None:
    if before is None:
        return None
    value = data.get("value")
    return {**before, "tags": {**_table(before.get("tags")), str(data["key"]): value or ""}}


def _tag_deleted(data: Body, before: Body | None) -> Body | None:
    return None if before is None else _without(before, "tags", str(data["key"]))


def _alias_set(data: Body, before: Body | None) -> Body | None:
    shown = before or {"name": data["name"]}
    aliases = {**_table(shown.get("aliases")), str(data["alias"]): str(data["version"])}
    return {**shown, "aliases": aliases}


def _alias_deleted(data: Body, before: Body | None) -> Body | None:
    return None if before is None else _without(before, "aliases", str(data["alias"]))


def _without(before: Body, field: str, name: str) -> Body:
    """Return a document without one item of a table; an empty table is left out, as in a scan."""
    table = {key: value for key, value in _table(before.get(field)).items() if key != name}
    rest = {key: value for key, value in before.items() if key != field}
    return {**rest, field: table} if table else rest


def _table(value: JsonValue) -> Body:
    return value if isinstance(value, dict) else {}


def _pairs(value: JsonValue) -> list[JsonValue]:
    return [{"key": key, "value": text} for key, text in _table(value).items()]


_CHANGES: Final[Mapping[str, Callable[[Body, Body | None], Body | None]]] = {
    "registered_model.created": _model_created,
    "model_version.created": _version_created,
    "model_version_tag.set": _tag_set,
    "model_version_tag.deleted": _tag_deleted,
    "model_version_alias.created": _alias_set,
    "model_version_alias.deleted": _alias_deleted,
    "prompt.created": _prompt_created,
    "prompt_version.created": _prompt_version_created,
    "prompt_tag.set": _tag_set,
    "prompt_tag.deleted": _tag_deleted,
    "prompt_version_tag.set": _tag_set,
    "prompt_version_tag.deleted": _tag_deleted,
    "prompt_alias.created": _alias_set,
    "prompt_alias.deleted": _alias_deleted,
}
