"""The MLflow servers that may deliver by webhooks: one struct a server, checked once at the start.

A server is believed by a secret that it shares with us. Where callers sign in, it may do what its
name ``webhook:mlflow/NAME`` was granted, as everybody else; else whatever comes from this machine.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from lineage.writing.submission import DEFAULT_NAMESPACE, Principal
from lineage_schemas.access import WEBHOOK_PREFIX
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.records import ActorOrigin

SERVERS_MAX: Final = 64
SECRET_FILES_MAX: Final = 2
"""The present secret, and the next or last one while it is changed."""

_NAME: Final = re.compile(r"[][a-z0-9._:%+-]{1,256}")


class MlflowServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MLflow server."""

    name: Annotated[
        str,
        Meta(
            description="What it is called in identifiers, such as tracking.example.org:5000: as "
            "in `lineage import mlflow`."
        ),
    ]
    secret_files: Annotated[
        tuple[str, ...],
        Meta(
            description="The file with the secret of its webhooks; a second one while the secret "
            "is changed. They are read with each delivery."
        ),
    ] = ()
    namespace: Annotated[str, Meta(description="The namespace it speaks in.")] = DEFAULT_NAMESPACE
    source: Annotated[str, Meta(description="Its source; empty: mlflow: and its name.")] = ""

    @property
    def spoken_source(self) -> str:
        """The source of what it says."""
        return self.source or f"mlflow:{self.name}"

    def principal(self, *, is_local: bool) -> Principal:
        """Return who it is in the log: known by its signature."""
        name = f"{WEBHOOK_PREFIX}mlflow/{self.name}"
        return Principal(name, ActorOrigin.SIGNED, is_local=is_local)


def check_mlflow_servers(servers: tuple[MlflowServer, ...]) -> None:
    """Refuse servers that cannot be, or could not be told apart.

    Raises:
        InvalidInputError: names the server and what is wrong with it.
    """
    if len(servers) > SERVERS_MAX:
        raise InvalidInputError(
            f"There are {len(servers)} MLflow servers; at most {SERVERS_MAX} may be"
        )
    names = [one.name for one in servers]
    sources = [(one.namespace, one.spoken_source) for one in servers]
    for server, source in zip(servers, sources, strict=True):
        if not _NAME.fullmatch(server.name):
            raise _wrong(
                server, "has no name of this form", "Small letters, digits and . _ : % + - [ ]"
            )
        if names.count(server.name) > 1 or sources.count(source) > 1:
            raise _wrong(server, "is there twice", "Give each name and each source once.")
        if len(server.secret_files) > SECRET_FILES_MAX:
            raise _wrong(server, "has too many secrets", f"At most {SECRET_FILES_MAX} files.")


def _wrong(server: MlflowServer, what: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"An MLflow server {what}", where=server.name[:256], hint=hint)
