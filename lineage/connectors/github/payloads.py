"""What we read of a deployment's ``payload``, which GitHub hands on as it came.

It is an object, or the text of one. Besides the keys that all connectors read
(``lineage.connectors.deployments.convention``), these:

    image, images                 container images, by their digests: a reference or a package URL
    is_rollback                   true: an earlier version is put back
    trigger                       of a roll-back: the identifier of the incident that led to it
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.deployments.convention import Convention, Form, is_flag, read_convention
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.image_names import ImageName, image_of_purl, image_of_reference
from lineage_schemas.values import JsonValue

_OBJECT: Final = msgspec.json.Decoder(dict[str, JsonValue])


class Asked(Struct, frozen=True):
    """What the payload of a deployment asks for. ``misread`` names what cannot be read of it."""

    said: Convention
    images: tuple[ImageName, ...] = ()
    is_rollback: bool = False
    trigger: str | None = None
    misread: tuple[str, ...] = ()


def read_payload(payload: JsonValue) -> Asked:
    """Read a payload; what is neither an object nor the text of one is a tool's own."""
    said = read_convention(_object(payload), _FORMS)
    several = said.own.get("images")
    listed = [_image(one) for one in several] if isinstance(several, list) else []
    images = dict.fromkeys(one for one in (_image(said.own.get("image")), *listed) if one)
    return Asked(
        said=said,
        images=tuple(images),
        is_rollback=said.own.get("is_rollback") is True,
        trigger=_identifier(said.own.get("trigger")),
        misread=(*said.misread, *(("images",) if None in listed else ())),
    )


def _object(payload: JsonValue) -> dict[str, JsonValue]:
    if isinstance(payload, dict):
        return payload
    try:
        return _OBJECT.decode(payload) if isinstance(payload, str) and payload else {}
    except (msgspec.MsgspecError, RecursionError):
        return {}  # a text of the tool's own; the message keeps it


def _image(text: JsonValue) -> ImageName | None:
    if not isinstance(text, str):
        return None
    return image_of_purl(text) or image_of_reference(text)


def _identifier(value: JsonValue) -> str | None:
    try:
        found = normalise_identifier(value) if isinstance(value, str) else None
    except LedgerError:
        return None  # named as misread
    return None if found is None or is_content_digest(found) else found


_FORMS: Final[dict[str, Form]] = {
    "image": lambda value: _image(value) is not None,
    "images": lambda value: isinstance(value, list),
    "is_rollback": is_flag,
    "trigger": lambda value: _identifier(value) is not None,
}
