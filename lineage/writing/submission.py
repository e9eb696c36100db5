"""What is handed to the log, and what it hands back."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from lineage_schemas.records import ActorOrigin, Statement


class Principal(Struct, frozen=True):
    """Who acts. The name is personal: the log's envelopes hold a pseudonym for it.

    ``is_local``: the person at this machine, who has the files anyway and may do everything. All
    others may do what they, or one of their ``groups``, were granted, and through an API ``key``
    (its public id) only what it was made for.
    """

    name: str
    origin: ActorOrigin = ActorOrigin.AUTHENTICATED
    groups: frozenset[str] = frozenset()
    is_local: bool = False
    key: str = ""


DEFAULT_NAMESPACE: Final = "default"
LOCAL_PRINCIPAL: Final = Principal("local", is_local=True)
"""Who acts where nobody has set up who may: the person at this machine."""


class Submission(Struct, frozen=True, kw_only=True):
    """One batch: statements of one namespace that enter the log together or not at all.

    ``is_report``: the first keeps a message, and a mapping of this program made the others of it.
    No field of a statement says so, for whoever sends statements could write it.
    """

    namespace: str
    principal: Principal
    statements: tuple[Statement, ...]
    is_report: bool = False


class Outcome(StrEnum):
    """What became of a statement."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"
    UNCHANGED = "unchanged"


class Receipt(Struct, frozen=True):
    """What became of one statement, and where it stands.

    ``position`` is ``None`` only for a command that would have changed nothing.
    ``secrets_filtered`` counts what was replaced before the log, because it looked like a secret.
    """

    statement: str
    position: int | None
    outcome: Outcome
    secrets_filtered: int = 0
