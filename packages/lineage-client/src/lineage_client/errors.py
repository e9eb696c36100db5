"""What can go wrong here, for whoever wants to hear of it."""

from __future__ import annotations


class ClientError(Exception):
    """Something that was to be said could not be: what, and what to try."""


class SpoolFullError(ClientError):
    """The folder of what waits has no room, so this statement would be lost."""


class NotSentError(ClientError):
    """A ledger did not take something, and why; ``is_refused`` where it never will."""

    def __init__(self, what: str, *, is_refused: bool, wait_seconds: float = 0.0) -> None:
        super().__init__(what)
        self.is_refused = is_refused
        self.wait_seconds = wait_seconds
        """How long the ledger asks to be left alone, where it said so."""
