"""URLs as they may be shown to everybody."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_OPEN_QUERY: Final = re.compile(r"buildId=[0-9]+")
"""The one query that names a run; any other may open a door."""


def public_url(url: str) -> str:
    """Return an http URL without user, query and fragment; nothing where it is none."""
    try:
        parts = urlsplit(url.strip())
        place = place_of(url)
    except ValueError:
        return ""
    if not place or parts.scheme not in ("http", "https"):
        return ""
    query = parts.query if _OPEN_QUERY.fullmatch(parts.query) else ""
    return urlunsplit((parts.scheme, place, parts.path, query, ""))


def place_of(url: str) -> str:
    """Return host and port of a URL, in lower case; nothing where it names none."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    named = f"[{host}]" if ":" in host else host
    return f"{named}:{port}" if host and port is not None else named


def path_of(url: str) -> str:
    """Return the path of a URL without slashes around it."""
    try:
        return urlsplit(url.strip()).path.strip("/")
    except ValueError:
        return ""
