"""Settings as they may be seen: without what opens a door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct, to_builtins

from lineage_api.configuration.marks import secrecy_of, types_of

NOT_SHOWN: Final = "(not shown)"

_OPENS: Final = re.compile(r"(?i)\b(\w*(?:password|secret|token)\w*)=[^&\s]+")


def shown(settings: Struct) -> dict[str, Any]:
    """Return each setting by name, without secrets, at any depth."""
    kind = type(settings)
    return {
        name: _shown(getattr(settings, name), secrecy_of(kind, name)) for name in types_of(kind)
    }


def without_password(text: str) -> str:
    """Return a URL, or the words of a connection, without its password."""
    text = _OPENS.sub(rf"\1={NOT_SHOWN}", text)
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return NOT_SHOWN
    who, at, place = parts.netloc.rpartition("@")
    user, colon, _ = who.partition(":")
    hidden = f"{user}:{NOT_SHOWN}{at}{place}" if colon else parts.netloc
    return urlunsplit(parts._replace(netloc=hidden))


def _shown(value: object, secrecy: str) -> Any:  # noqa: ANN401 - whatever a setting may be
    if secrecy == "whole":
        return NOT_SHOWN if value else ""
    if secrecy == "password" and isinstance(value, str):
        return without_password(value)
    if isinstance(value, Struct):
        return shown(value)
    if isinstance(value, list | tuple):
        return [_shown(one, "") for one in cast("Sequence[object]", value)]
    return to_builtins(value)
