"""What our convention reads of a deployment's ``payload``, which GitHub hands on as it came.

It is an object, or the text of one; its keys:

    lineage.model-version, ...    the model version that is deployed (``MODEL_LABELS``)
    image, images                 container images, by their digests: a reference or a package URL
    role                          champion, challenger, canary or shadow
    traffic_ratio                 share of the traffic, 0 to 1
    is_beside                     true: what served in that role goes on
    is_rollback                   true: an earlier version is put back
    trigger                       of a roll-back: the identifier of the incident that led to it
    version                       what is deployed, in its own version scheme

Whatever else is there is the tool's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.deployments.saying import MODEL_LABELS, referenced_models
from lineage_schemas.errors import LedgerError
from lineage_schemas.identifiers import is_content_digest, normalise_identifier
from lineage_schemas.image_names import ImageName, image_of_purl, image_of_reference
from lineage_schemas.serving import Role
from lineage_schemas.values import JsonValue

_OBJECT: Final = msgspec.json.Decoder(dict[str, JsonValue])


class Asked(Struct, frozen=True):
    """What the payload of a deployment asks for. ``misread`` names what cannot be read of it."""

    models: tuple[str, ...] = ()
    images: tuple[ImageName, ...] = ()
    role: Role | None = None
    traffic_ratio: float | None = None
    is_beside: bool = False
    is_rollback: bool = False
    trigger: str | None = None
    version: str | None = None
    misread: tuple[str, ...] = ()


def read_payload(payload: JsonValue) -> Asked:
    """Read a payload; what is neither an object nor the text of one is a tool's own."""
    given = _object(payload)
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    models = referenced_models(texts)
    images = {text: _image(text) for text in _images(given)}
    misread = [
        name for name, is_good in _FORMS.items() if name in given and not is_good(given[name])
    ]
    misread += (name for name in MODEL_LABELS if name in given and name not in dict(models))
    misread += ("image",) if None in images.values() else ()
    good = {name: value for name, value in given.items() if name not in misread}
    role, ratio, version = good.get("role"), good.get("traffic_ratio"), good.get("version")
    return Asked(
        models=tuple(dict.fromkeys(identifier for _, identifier in models)),
        images=tuple(one for one in images.values() if one is not None),
        role=Role(role) if isinstance(role, str) else None,
        traffic_ratio=float(ratio) if isinstance(ratio, int | float) else None,
        is_beside=good.get("is_beside") is True,
        is_rollback=good.get("is_rollback") is True,
        trigger=_identifier(good.get("trigger")),
        version=version if isinstance(version, str) else None,
        misread=tuple(misread),
    )


def _object(payload: JsonValue) -> dict[str, JsonValue]:
    if isinstance(payload, dict):
        return payload
    try:
        return _OBJECT.decode(payload) if isinstance(payload, str) and payload else {}
    except (msgspec.MsgspecError, RecursionError):
        return {}  # a text of the tool's own; the message keeps it


def _images(given: dict[str, JsonValue]) -> list[str]:
    several = given.get("images")
    found = [given.get("image"), *(several if isinstance(several, list) else ())]
    return [one for one in found if isinstance(one, str)]


def _image(text: str) -> ImageName | None:
    return image_of_purl(text) or image_of_reference(text)


def _identifier(value: JsonValue) -> str | None:
    try:
        found = normalise_identifier(value) if isinstance(value, str) else None
    except LedgerError:
        return None  # named as misread
    return None if found is None or is_content_digest(found) else found


def _is_ratio(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_flag(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _is_texts(value: JsonValue) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_FORMS: Final[dict[str, Callable[[JsonValue], bool]]] = {
    "image": lambda value: isinstance(value, str),
    "images": _is_texts,
    "role": lambda value: (
        value in {role.value for role in Role} if isinstance(value, str) else False
    ),
    "traffic_ratio": _is_ratio,
    "is_beside": _is_flag,
    "is_rollback": _is_flag,
    "trigger": lambda value: _identifier(value) is not None,
    "version": lambda value: isinstance(value, str) and bool(value.strip()),
}
