"""What an MLflow server delivers, kept as it came and then taken for an early look. Pure.

Whatever is signed is kept, also what says nothing that is understood: its flags say why.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, Struct

from lineage.connectors.mlflow.webhooks import Webhook, read_webhook
from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.records import Message, StatedTime, Statement
from lineage_schemas.values import JsonValue

MEDIA_TYPE: Final = "application/json"

UNREADABLE: Final = "unreadable_message"
"""The flag of a message that is a JSON object, and no message of MLflow's as it is known here."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, JsonValue])


class Kept(Struct, frozen=True):
    """A delivery as it is kept, and what it tells: ``None`` where that is nothing."""

    statement: Statement
    webhook: Webhook | None
    flags: tuple[str, ...]


def keep_delivery(body: bytes, delivery_id: str, source: str) -> Kept:
    """Return what keeps a delivery as it came, with its flags and without secrets.

    The same delivery gives the same statement, so that one that is sent again is no second one.

    Raises:
        DecodeError: it is no JSON object.
    """
    kept, filtered = filter_secrets(body.strip())
    webhook = _read(kept)
    flag = UNREADABLE if webhook is None else webhook.flag
    flags = () if flag is None else (flag,)
    message = Message(media_type=MEDIA_TYPE, body=Raw(kept), secrets_filtered=filtered, flags=flags)
    statement = Statement(
        id=f"webhook/{delivery_id}",
        source=source,
        records=(message,),
        stated=None if webhook is None else StatedTime(start=webhook.at),
    )
    return Kept(statement, webhook if flag is None else None, flags)


def _read(body: bytes) -> Webhook | None:
    try:
        _OBJECT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(
            "What was delivered is no JSON object",
            hint="Look into the server's version; what it sends may have changed.",
        ) from error
    try:
        return read_webhook(body)
    except InvalidInputError:
        # It is kept all the same: a later mapping may understand it.
        return None
