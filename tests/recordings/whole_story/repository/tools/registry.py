"""Run inside MLflow's own environment: one thing that somebody does in the registry.

``python registry.py TRACKING_URI VERB WORD...``
"""

from __future__ import annotations

import sys

from mlflow import MlflowClient

EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)


def main(uri: str, verb: str, *words: str) -> None:
    """Do it."""
    client = MlflowClient(uri, uri)
    if verb == "hook":
        url, secret = words
        client.create_webhook("ledger", url, list(EVENTS), secret=secret)
    elif verb == "alias":
        client.set_registered_model_alias(*words)
    elif verb == "no-alias":
        client.delete_registered_model_alias(*words)
    elif verb == "tag":
        client.set_model_version_tag(*words)
    elif verb == "stage":
        client.transition_model_version_stage(*words)
    else:
        sys.exit(f"no such verb: {verb}")


if __name__ == "__main__":
    main(*sys.argv[1:])
