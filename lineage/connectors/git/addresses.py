"""Addresses of repositories in one spelling, so that two clones of one repository agree.

``git@github.com:org/model.git``, ``ssh://git@github.com/org/model`` and
``https://USER:TOKEN@GitHub.com/org/model.git/`` are one repository: ``github.com/org/model``. How
it is reached, and as whom, does not belong to what it is.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from lineage_schemas.uris import ascii_lower

_SCHEME: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:[?#].*)?"
)
_SCP: Final = re.compile(
    r"(?:[^@/:]+@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^/:@\\]{2,}):(?P<path>[^/].*|/.+)"
)
_HOST: Final = re.compile(r"(?:.*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:]*)(?::(?P<port>[0-9]*))?")
_HERE: Final = re.compile(r"[./]|[A-Za-z]:/")
_PORTS: Final = {"git": "9418", "http": "80", "https": "443", "ssh": "22"}
_SLASHES: Final = re.compile(r"/{2,}")


def canonical_repository(address: str) -> str:
    """Return the one spelling of a repository's address: ``HOST/PATH``, or a local path.

    Scheme, credentials, default port, ``.git`` and slashes at the end are dropped, and the host is
    lower case; a path keeps its case, since servers may tell cases apart. With another port than
    the scheme's own, scheme and port stay. Of a malformed address only what follows its last ``@``
    is kept, since what stands before may be a password. A local folder is ``file:///PATH``. What
    is no address (a name of one's own) is returned as it is.
    """
    text = address.strip().replace("\\", "/") if ":\\" in address else address.strip()
    parts = _SCHEME.fullmatch(text)
    if parts is not None:
        scheme = ascii_lower(parts["scheme"]).removeprefix("git+")
        if scheme == "file":
            return _local(unquote(parts["path"]))
        authority, path = without_user(parts["authority"], text.partition("://")[2])
        return _remote(scheme, authority, unquote(path))
    if text.startswith("/"):
        return _local(text)
    user, at, rest = text.rpartition("@")
    if at and ":" in user and _HERE.match(text) is None and _goes_on(user, rest):
        return canonical_repository(rest)
    scp = _SCP.fullmatch(text)
    if scp is not None:
        return _remote("ssh", scp["host"], scp["path"])
    return text


def without_user(authority: str, rest: str) -> tuple[str, str]:
    """Return the authority and the path of what follows ``://``, without user and password.

    A password that holds a slash ends the authority too early, and its end would be taken for a
    part of the path. So the path is looked through as well.
    """
    path = re.split("[?#]", rest, maxsplit=1)[0][len(authority) :]
    is_whole = has_host(authority) and bool(path)
    user, at, tail = (path if is_whole else rest).rpartition("@")
    if not at or (is_whole and not _goes_on(user, tail)):
        return authority, path
    host, slash, path = re.split("[?#]", tail, maxsplit=1)[0].partition("/")
    return host, slash + path


def has_host(authority: str) -> bool:
    """Tell whether an authority is one: a host, and a port that is a number if there is one."""
    found = _HOST.fullmatch(authority)
    return found is not None and bool(found["host"])


def _goes_on(user: str, rest: str) -> bool:
    """Tell whether what follows an ``@`` is an address again: ``@scope/NAME`` in a path is none."""
    if user.endswith(":"):
        return False
    return ":" in rest or ("/" in rest and not user.endswith("/"))


def _remote(scheme: str, authority: str, path: str) -> str:
    found = _HOST.fullmatch(authority)
    host = ascii_lower(found["host"]) if found else ascii_lower(authority.rpartition("@")[2])
    port = (found["port"] or "") if found else ""
    if port and port != _PORTS.get(scheme):
        # HOST:PORT/PATH alone would be read as the folder PORT of HOST.
        return f"{scheme}://{host}:{port}/{_bare(path)}"
    return f"{host}/{_bare(path)}"


def _local(path: str) -> str:
    return f"file:///{_bare(path)}"


def _bare(path: str) -> str:
    plain = _SLASHES.sub("/", path).strip("/")
    return plain.removesuffix("/.git").removesuffix(".git").rstrip("/")
