"""Run inside MLflow's own environment: does to a registry what its webhooks tell of.

``python deliveries.py URL CHAPTER [HOOK SECRET]``
"""

from __future__ import annotations

import sys

from mlflow import MlflowClient  # type: ignore[import-not-found,unused-ignore]  # the peer's own

EVENTS = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
]


def hook(client: MlflowClient, url: str, secret: str) -> None:
    """Make the webhook, and test it."""
    made = client.create_webhook("ledger", url, EVENTS, secret=secret)
    result = client.test_webhook(made.webhook_id)
    assert result.success, result


def begin(client: MlflowClient) -> None:
    """Register two versions, and move an alias between them."""
    client.create_registered_model("fraud", tags={"team": "risk"}, description="Finds fraud.")
    for _ in range(2):
        client.create_model_version("fraud", "s3://bucket/fraud", tags={"kind": "tree"})
    client.set_registered_model_alias("fraud", "champion", "1")
    client.set_registered_model_alias("fraud", "champion", "2")
    client.set_registered_model_alias("fraud", "old", "1")
    client.delete_registered_model_alias("fraud", "old")
    client.set_model_version_tag("fraud", "1", "checked", "yes")
    client.set_model_version_tag("fraud", "2", "checked", "no")
    client.delete_model_version_tag("fraud", "2", "checked")


def go_on(client: MlflowClient) -> None:
    """Do what nobody will hear of."""
    client.create_model_version("fraud", "s3://bucket/fraud")
    client.set_registered_model_alias("fraud", "champion", "3")


if __name__ == "__main__":
    uri, chapter, *rest = sys.argv[1:]
    client = MlflowClient(uri, uri)
    {"hook": hook, "begin": begin, "go_on": go_on}[chapter](client, *rest)
