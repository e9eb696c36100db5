"""The envelope of CloudEvents 1.0, in its JSON format.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md, read tolerantly:
attributes that are not named here are passed over (whoever keeps the message keeps them), and
``null`` means absent. What CloudEvents calls an *event* is a *message* here.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct

from lineage_schemas.errors import DecodeError

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
SPECVERSION: Final = "1.0"

_ABSENT: Final = Raw(b"")
_NOTHING: Final = frozenset({b"", b"null"})

Text = Annotated[str, Meta(min_length=1)]
"""An attribute that must not be empty."""


class CloudEvent(Struct, frozen=True):
    """One message: who says it, how it is called, and its data, still encoded."""

    specversion: str
    id: Text
    source: Text
    type: Text
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Raw = _ABSENT
    data_base64: str | None = None

    def json_data(self) -> bytes | None:
        """Return the data where it is JSON; ``None`` where it is something else, or is not there.

        Raises:
            DecodeError: it is said to be in Base64, and is not.
        """
        if not is_json(self.datacontenttype):
            return None
        if self.data_base64 is not None:
            return _decoded(self.data_base64)
        return None if bytes(self.data) in _NOTHING else bytes(self.data)


_EVENT: Final = msgspec.json.Decoder(CloudEvent)


def decode_cloud_event(body: bytes) -> CloudEvent:
    """Read one message in the JSON format.

    Raises:
        DecodeError: not JSON in UTF-8, no message of version 1.0, a required attribute that is
            missing or empty, or data that is there twice; ``where`` is the JSON path.
    """
    try:
        body.decode()  # the decoder does not look into the texts that it passes over
        event = _EVENT.decode(body)
    except UnicodeDecodeError as error:
        raise DecodeError(f"The message is not UTF-8: {error}", where="$") from error
    except RecursionError as error:
        raise DecodeError("The message is nested too deep", where="$") from error
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at ")
        raise DecodeError(
            what,
            where=path.strip("`") or "$",
            hint="A CloudEvent has the texts specversion, id, source and type.",
        ) from error
    except msgspec.MsgspecError as error:
        raise DecodeError(f"The message is not JSON: {error}", where="$") from error
    if event.specversion != SPECVERSION:
        raise DecodeError(
            f"This version of CloudEvents is not read here: {event.specversion[:16]}",
            where="$.specversion",
            hint=f"Send version {SPECVERSION}.",
        )
    if event.data_base64 is not None:
        if bytes(event.data) not in _NOTHING:
            raise DecodeError(
                "A message has both data and data_base64", where="$.data", hint="Send one of them."
            )
        _decoded(event.data_base64)
    return event


def is_json(media_type: str | None) -> bool:
    """Tell whether data of a media type is JSON, as it is where none is given."""
    if media_type is None:
        return True
    subtype = media_type.partition(";")[0].strip().lower().rpartition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"This is not Base64: {error}", where="$.data_base64") from error
