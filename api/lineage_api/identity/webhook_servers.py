"""What servers that deliver by webhooks share, whatever they are: checked once at the start.

A server is believed by a secret that it shares with us. Where callers sign in, it may do what its
name ``webhook:TOOL/NAME`` was granted, as everybody else; else whatever comes from this machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from lineage.writing.submission import DEFAULT_NAMESPACE, Principal
from lineage_schemas.access import WEBHOOK_PREFIX
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.records import ActorOrigin

SERVERS_MAX: Final = 64
"""Of one tool."""

SECRET_FILES_MAX: Final = 2
"""The present secret, and the next or last one while it is changed."""


class Tool(Struct, frozen=True):
    """What servers of one kind are called: ``name`` in names, ``title`` by people.

    ``form`` is what a server's own name looks like, which ``form_shown`` says in words.
    """

    name: str
    title: str
    form: re.Pattern[str]
    form_shown: str


class WebhookServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server of a tool."""

    name: str
    secret_files: Annotated[
        tuple[str, ...],
        Meta(
            description="The file with the secret of its webhooks; a second one while the secret "
            "is changed. They are read with each delivery."
        ),
    ] = ()
    namespace: Annotated[str, Meta(description="The namespace it speaks in.")] = DEFAULT_NAMESPACE
    source: str = ""

    @property
    def tool(self) -> Tool:
        """What kind of server it is."""
        raise NotImplementedError

    @property
    def spoken_source(self) -> str:
        """The source of what it says."""
        return self.source or f"{self.tool.name}:{self.name}"

    def principal(self, *, is_local: bool) -> Principal:
        """Return who it is in the log: known by its signature."""
        name = f"{WEBHOOK_PREFIX}{self.tool.name}/{self.name}"
        return Principal(name, ActorOrigin.SIGNED, is_local=is_local)


def check_servers(servers: Sequence[WebhookServer]) -> None:
    """Refuse servers of one tool that cannot be, or could not be told apart.

    Raises:
        InvalidInputError: names the server and what is wrong with it.
    """
    if len(servers) > SERVERS_MAX:
        title = servers[0].tool.title
        raise InvalidInputError(
            f"There are {len(servers)} {title} servers; at most {SERVERS_MAX} may be"
        )
    names = [one.name for one in servers]
    sources = [(one.namespace, one.spoken_source) for one in servers]
    for server, source in zip(servers, sources, strict=True):
        if not server.tool.form.fullmatch(server.name):
            raise _wrong(server, "has no name of this form", server.tool.form_shown)
        if names.count(server.name) > 1 or sources.count(source) > 1:
            raise _wrong(server, "is there twice", "Give each name and each source once.")
        if len(server.secret_files) > SECRET_FILES_MAX:
            raise _wrong(server, "has too many secrets", f"At most {SECRET_FILES_MAX} files.")


def _wrong(server: WebhookServer, what: str, hint: str) -> InvalidInputError:
    # "An MLflow server", and "A GitHub server".
    article = "An" if server.tool.title[:1] in "AEIMO" else "A"
    return InvalidInputError(
        f"{article} {server.tool.title} server {what}", where=server.name[:256], hint=hint
    )
