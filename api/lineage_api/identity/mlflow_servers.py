"""The MLflow servers that may deliver by webhooks: one struct a server."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from lineage_api.identity.webhook_servers import Tool, WebhookServer

MLFLOW: Final = Tool(
    "mlflow",
    "MLflow",
    re.compile(r"[][a-z0-9._:%+-]{1,256}"),
    "Small letters, digits and . _ : % + - [ ]",
)


class MlflowServer(WebhookServer, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One MLflow server."""

    name: Annotated[
        str,
        Meta(
            description="What it is called in identifiers, such as tracking.example.org:5000: as "
            "in `lineage import mlflow`."
        ),
    ]
    source: Annotated[str, Meta(description="Its source; empty: mlflow: and its name.")] = ""

    @property
    def tool(self) -> Tool:
        """What kind of server it is."""
        return MLFLOW
