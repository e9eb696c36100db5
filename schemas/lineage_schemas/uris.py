"""URIs in their normal form (RFC 3986, section 6.2.2 and parts of 6.2.3), without passwords.

Two spellings of one URI must become one identifier, and a credential must never become part of
one. Only the syntax is looked at: nothing is resolved, and nothing is fetched.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from lineage_schemas.errors import InvalidIdentifierError

DEFAULT_PORTS: Final = {
    "ftp": "21",
    "git": "9418",
    "http": "80",
    "https": "443",
    "sftp": "22",
    "ssh": "22",
    "ws": "80",
    "wss": "443",
}

# RFC 9110, section 4.2.4: userinfo has no place in a web address, and what stands there is a
# secret even without a colon (a bare access token). Elsewhere the user is part of the name.
_WEB_USERINFO: Final = re.compile(r"(\bhttps?://)[^/?#]*@", re.ASCII | re.IGNORECASE)
_USERINFO: Final = re.compile(r"(?<=://)([^/?#:]*):[^/?#]*(?=@)")
_BEFORE_AT: Final = re.compile(r"//.*@", re.DOTALL)

# RFC 3986, appendix B, with the scheme required.
_PARTS: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.\-]*):(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)
_AUTHORITY: Final = re.compile(
    r"(?:(?P<user>.*)@)?(?P<host>\[[^\[\]]*\]|[^\[\]:@]*)(?::(?P<port>[0-9]*))?", re.DOTALL
)
_IP_LITERAL: Final = re.compile(
    r"\[(?:[0-9a-f:.]+(?:%25[a-z0-9._~\-]+)?|v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:\-]+)\]"
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@/?]*")
_ODD: Final = re.compile(r"%(?:[0-9A-Fa-f]{2})?|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]", re.DOTALL)
_ODD_IN_AUTHORITY: Final = re.compile(
    r"%(?:[0-9A-Fa-f]{2})?|[^A-Za-z0-9\-._~!$&'()*+,;=]", re.DOTALL
)
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9\-._~]")
_TRIPLET: Final = re.compile(r"%[0-9a-f]{2}")
_DOT_SEGMENT: Final = re.compile(r"/\.\.?(?:/|\Z)")
_UPPER_TO_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """Lower A to Z only, so that no table of a Unicode version decides what an identifier is."""
    return text.lower() if text.isascii() else text.translate(_UPPER_TO_LOWER)


def without_passwords(text: str) -> str:
    """Return ``text`` without the passwords of the URIs in it, wherever they stand.

    Of ``http`` and ``https`` all userinfo goes, of other schemes what follows its first colon.
    """
    if "@" not in text or "://" not in text:
        return text
    return _USERINFO.sub(r"\1", _WEB_USERINFO.sub(r"\1", text))


def shown(text: str) -> str:
    """Return the beginning of ``text`` for an error: no passwords, no raw control characters."""
    return repr(_BEFORE_AT.sub("//...@", text))[:80]


def normalise_uri(text: str) -> str:
    """Return the normal form of an absolute URI; it is its own normal form.

    Scheme and host are lower case, the scheme's default port is gone, percent-encoding is upper
    case and only where it is needed, dot segments are resolved (in paths that begin with a slash),
    an empty path of http(s) is ``/``, and a local file has an empty host (RFC 8089). Characters
    that no URI may hold are percent-encoded as UTF-8 (RFC 3987, section 3.1).

    Raises:
        InvalidIdentifierError: no scheme, a broken percent-encoding, host or port.
    """
    result = _normalised(without_passwords(text))
    # Resolving dot segments can lay bare a URI inside the path, as in /http:/.//user:password@host.
    while (bare := without_passwords(result)) != result:
        result = _normalised(bare)
    return result


def _normalised(text: str) -> str:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise InvalidIdentifierError(
            "A URI has no scheme",
            where=shown(text),
            hint="Write it in full, such as uri:https://example.org/data.",
        )
    scheme = parts[1].lower()
    authority = None if parts[2] is None else _authority(scheme, parts[2])
    path = parts[3] if _PLAIN.fullmatch(parts[3]) else _percent(parts[3], _ODD)
    if path.startswith("/") and _DOT_SEGMENT.search(path):
        path = _without_dots(path)
    if scheme in {"http", "https"}:
        if not authority or authority.startswith(":"):
            raise InvalidIdentifierError("A web address has no host", where=shown(text))
        path = path or "/"
    elif scheme == "file" and (
        authority == "localhost" or (authority is None and path.startswith("/"))
    ):
        authority = ""
    if authority is None:
        start = f"{scheme}:/." if path.startswith("//") else f"{scheme}:"
    else:
        start = f"{scheme}://{authority}"
    return start + path + _tail(parts[4], "?") + _tail(parts[5], "#")


def _tail(part: str | None, mark: str) -> str:
    """Return a query or fragment, its mark included, or nothing."""
    if part is None:
        return ""
    body = part[1:]
    return mark + (body if _PLAIN.fullmatch(body) else _percent(body, _ODD))


def _authority(scheme: str, text: str) -> str:
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise InvalidIdentifierError(
            "A URI's host or port is none",
            where=shown(text.rpartition("@")[2].partition(":")[0]),
            hint="An IPv6 address stands in brackets, a port is digits, and there is one host.",
        )
    host = _host(parts["host"])
    user = _percent(parts["user"] or "", _ODD_IN_AUTHORITY)
    digits = parts["port"] or ""
    port = digits.lstrip("0") or digits[:1]
    if port == DEFAULT_PORTS.get(scheme):
        port = ""
    return (f"{user}@" if user else "") + host + (f":{port}" if port else "")


def _host(text: str) -> str:
    if text.startswith("["):
        host = text.lower()
        if _IP_LITERAL.fullmatch(host) is None:
            raise InvalidIdentifierError("A URI's address in brackets is none", where=shown(text))
        return host
    host = _percent(text, _ODD_IN_AUTHORITY).lower()
    return _TRIPLET.sub(lambda found: found[0].upper(), host) if "%" in host else host


def _percent(text: str, odd: re.Pattern[str]) -> str:
    """Encode what must be encoded, and decode what need not be (RFC 3986, section 6.2.2.2)."""
    return odd.sub(_one_percent, text)


def _one_percent(found: re.Match[str]) -> str:
    piece = found[0]
    if piece == "%":
        raise InvalidIdentifierError(
            "A percent sign is not followed by two hexadecimal digits",
            where=shown(found.string[found.start() : found.start() + 8]),
            hint="Write a percent sign itself as %25.",
        )
    if not piece.startswith("%"):
        return quote(piece, safe="")
    char = chr(int(piece[1:], 16))
    return char if _UNRESERVED.fullmatch(char) else piece.upper()


def _without_dots(path: str) -> str:
    """Resolve ``.`` and ``..`` of a path that begins with a slash (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
