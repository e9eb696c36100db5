"""Hand the present checkpoint to somebody outside, and remember that they have it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lineage.anchoring.sidecar import DIRECTORY_TARGET
from lineage.custody import Custody
from lineage_api.webhooks import place_of, post_checkpoint
from lineage_schemas.integrity import AnchorView, CheckpointAnswer

WEBHOOK: Final = "webhook:"
TIMESTAMP: Final = "timestamp:"
WEBHOOK_SECONDS: Final = 5.0
"""How long a receiver may take for a step before it counts as failed."""


def directory_target(directory: Path) -> str:
    """Return what an anchor in a folder goes by."""
    return f"{DIRECTORY_TARGET}{directory}"


def webhook_target(url: str) -> str:
    """Return what an anchor at a webhook goes by: no more of the URL than is no secret.

    Raises:
        WebhookError: no URL that could be posted to.
    """
    return f"{WEBHOOK}{place_of(url)}"


def hand_to_webhook(
    custody: Custody, answer: CheckpointAnswer, url: str, secret: bytes | None, at_us: int
) -> AnchorView:
    """Post a checkpoint to a webhook, and remember that it was taken.

    Raises:
        WebhookError: it was not taken; nothing is remembered.
        StoreError: it was taken, and could not be remembered.
    """
    post_checkpoint(
        url,
        answer.note.encode(),
        message_id=f"checkpoint/{answer.size}/{answer.root}",
        at_us=at_us,
        secret=secret,
        timeout_seconds=WEBHOOK_SECONDS,
    )
    return custody.note_anchor(webhook_target(url), answer)
