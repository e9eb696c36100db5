"""The GitHub servers that may deliver by webhooks: one struct for each that has secrets."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from lineage_api.identity.webhook_servers import Tool, WebhookServer

GITHUB: Final = Tool(
    "github",
    "GitHub",
    re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9_-]{1,64})?"),
    "The server's host, such as github.com, or that and an account, such as github.com/acme; "
    "small letters.",
)


class GithubServer(WebhookServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One GitHub server, or one account there."""

    name: Annotated[
        str,
        Meta(
            description="The server's host, as it is called in identifiers, such as github.com; or "
            "that and an account, such as github.com/acme, whose repositories alone it then speaks "
            "of."
        ),
    ]
    source: Annotated[str, Meta(description="Its source; empty: github: and its name.")] = ""

    @property
    def tool(self) -> Tool:
        """What kind of server it is."""
        return GITHUB

    @property
    def host(self) -> str:
        """What the server is called in identifiers."""
        return self.name.partition("/")[0]

    @property
    def owner(self) -> str:
        """The account whose repositories alone are spoken of; empty: any."""
        return self.name.partition("/")[2]
