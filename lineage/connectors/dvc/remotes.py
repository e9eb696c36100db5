"""Where DVC keeps bytes: the remotes of a project's configuration, without credentials."""

from __future__ import annotations

import configparser
import posixpath
import re
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from lineage.connectors.git.addresses import has_host, without_user
from lineage_schemas.errors import DecodeError
from lineage_schemas.outside.dvc import DVC_MD5, MD5, is_digest
from lineage_schemas.uris import without_passwords

_REMOTE: Final = re.compile(r"'?remote \"(?P<name>.+)\"'?")
_TRUE: Final = frozenset({"true", "yes", "on", "1"})


class Remote(Struct, frozen=True):
    """One remote. Where ``is_by_path``, files lie under their own paths and not their digests."""

    url: str
    is_by_path: bool = False


class Remotes(Struct, frozen=True):
    """The remotes of a project, by name, and which of them is meant where none is named."""

    by_name: dict[str, Remote] = {}
    default: str | None = None

    def uri(self, state: str | None, remote: str | None = None) -> str | None:
        """Return where content in a state lies; ``None`` where the configuration does not tell."""
        found = self.by_name.get(remote or self.default or "")
        algorithm, _, value = (state or "").partition(":")
        if found is None or found.is_by_path or not is_digest(value):
            return None
        if algorithm == MD5:
            return f"{found.url}/files/md5/{value[:2]}/{value[2:]}"
        if algorithm == DVC_MD5:
            return f"{found.url}/{value[:2]}/{value[2:]}"
        return None


def read_remotes(body: bytes) -> Remotes:
    """Read a ``.dvc/config``.

    Raises:
        DecodeError: it is no such file.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(body.decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        raise DecodeError(f"The configuration of DVC cannot be read: {error}") from error
    found: dict[str, Remote] = {}
    for section in parser.sections():
        name = _REMOTE.fullmatch(section)
        url = parser.get(section, "url", fallback="")
        place = public_address(url)
        if name is not None and place is not None:
            is_by_path = any(
                parser.get(section, option, fallback="").lower() in _TRUE
                for option in ("version_aware", "worktree")
            )
            found[name["name"]] = Remote(place, is_by_path)
    return Remotes(found, parser.get("core", "remote", fallback=None))


def public_address(url: str) -> str | None:
    """Return a remote's address without user, password and query; ``None`` for a folder here.

    A path that begins with a slash is a place on somebody's machine, and is told as such.
    """
    if url.startswith("/"):
        return f"file://{posixpath.normpath(url)}"
    if "://" not in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host, path = parts.netloc.rpartition("@")[2], parts.path
    if not has_host(parts.netloc):  # a password with a slash in it
        host, path = without_user(parts.netloc, url.partition("://")[2])
    if parts.scheme in {"azure", "abfs", "abfss", "wasbs"}:
        host = without_passwords(url).split("://", 1)[1].partition("/")[0]  # CONTAINER@ACCOUNT
    return f"{parts.scheme.lower()}://{host}{path}".rstrip("/")
