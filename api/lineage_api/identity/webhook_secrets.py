"""Finds the server that a delivery names, and the secrets that it is to be signed with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from lineage_api.identity.webhook_servers import Tool, WebhookServer
from lineage_api.problems import NotReadyError
from lineage_schemas.errors import NotFoundError, PreconditionError

SECRET_LENGTH_MIN: Final = 16
SECRET_BYTES_MAX: Final = 4_096

SERVER: Final = "server"
"""The query parameter that names the server."""

_LOG: Final = logging.getLogger(__name__)

_Server = TypeVar("_Server", bound=WebhookServer)


def find_server(servers: Sequence[_Server], name: str | None, tool: Tool, path: str) -> _Server:
    """Return the server that a delivery names, or the only one there is.

    Raises:
        NotFoundError: there is none, or none was named where there are several.
    """
    found = [one for one in servers if name is None or one.name == name]
    if len(found) != 1:
        raise NotFoundError(
            f"There is no such {tool.title} server here"
            if name is not None or not servers
            else f"There are several {tool.title} servers here, and none was named",
            where=(name or "")[:64],
            hint=f"Name one of those in the settings ({tool.name}): {path}?{SERVER}=NAME",
        )
    return found[0]


def read_secrets(server: WebhookServer) -> tuple[bytes, ...]:
    """Return the secrets of a server's webhooks. Blocks for as long as a small file takes.

    Raises:
        PreconditionError: none is set; what to set.
        NotReadyError: one cannot be read, or is too short; the log says which.
    """
    if not server.secret_files:
        tool = server.tool
        raise PreconditionError(
            f"Nothing is taken from this {tool.title} server, for its webhooks have no secret here",
            where=server.name,
            hint=f"Give the webhook a secret in {tool.title}, and name the file of it in the "
            f"settings ({tool.name}, secret_files).",
        )
    return tuple(_secret_in(Path(file), server) for file in server.secret_files)


def _secret_in(path: Path, server: WebhookServer) -> bytes:
    try:
        with path.open("rb") as stream:
            secret = stream.read(SECRET_BYTES_MAX + 1).rstrip(b"\r\n")
        what = "" if SECRET_LENGTH_MIN <= len(secret) <= SECRET_BYTES_MAX else "its length"
    except OSError as error:
        secret, what = b"", error.strerror or type(error).__name__
    if what:
        _LOG.error(
            "The secret of the webhooks of %s cannot be used: %s, %s", server.name, path, what
        )
        raise NotReadyError(
            "The secret of this server's webhooks cannot be used",
            where=server.name,
            hint="The log of this server says why.",
        )
    return secret
