"""What serves where, from when to when: moves as they are said, and intervals as they are answered.

A *move* is one change to a *place* (a ``lineage.Service``: one service in one environment): a
deployment began to serve there, changed its share or role, or stopped. Whoever knows of a change
says an execution (``lineage.Deploy``, ``lineage.RollBack``, ``lineage.Promote``,
``lineage.Retire``) and, as its custom property ``SERVING_PROPERTY``, the move:

    INPUT events    what is deployed: images, model versions, models (and a trigger: an incident)
    OUTPUT event    the ``lineage.Deployment``: one revision in one place
    memberships     the execution and the deployment belong to the place, the place to its
                    environment (``ParentContext``)

Intervals are folded from moves, whatever order they came in: by their times alone.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, ResolvedLabel, Truncation

SERVING_PROPERTY: Final = "serving"
"""The custom property of an execution that says what it did to a place: a ``ServingMove``."""


class ServingAction(StrEnum):
    """What a move does."""

    DEPLOY = "deploy"
    """The deployment serves from then on. It takes the place of what served there in its role,
    unless ``is_beside``."""
    CHANGE = "change"
    """The deployment goes on with another share or role."""
    REMOVE = "remove"
    """The deployment stops; without one, everything in the place does."""


class Role(StrEnum):
    """What a deployment is there for, beside others in its place."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    CANARY = "canary"
    SHADOW = "shadow"


class ServingMove(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change to a place.

    ``at`` is when it was so at the latest, and ``after`` when it was not yet so, where that is not
    the same moment. ``place``, ``environment``, ``deployment`` and ``trigger`` are keys. A ``role``
    or ``traffic_ratio`` of ``None`` is not known, or stays as it was; without a role a deployment
    is taken for the champion.
    """

    action: ServingAction
    at: datetime
    place: str
    after: datetime | None = None
    environment: str | None = None
    deployment: str | None = None
    role: Role | None = None
    traffic_ratio: float | None = None
    is_beside: bool = False
    is_rollback: bool = False
    trigger: str | None = None


class Ending(StrEnum):
    """Why an interval ended."""

    REMOVED = "removed"
    REPLACED = "replaced"
    ROLLED_BACK = "rolled_back"
    CHANGED = "changed"
    """It goes on as the next interval, with another share or role."""


class Certainty(StrEnum):
    """Whether an interval contains the moment, or meets the interval, that was asked about."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    """The moment lies between the bounds of its start or of its end, or nobody told its start."""


class Served(Struct, frozen=True, kw_only=True):
    """A model version that a deployment serves.

    ``path`` are the keys from the deployment back to it; ``link_class`` the weakest link that was
    crossed on the way, ``None`` where every step is a lineage edge. ``is_described`` is false where
    the deployment or its image names the version, and nobody described it, or that was erased.
    """

    key: str
    label: str
    path: tuple[str, ...]
    link_class: str | None = None
    is_described: bool = True


class ServingInterval(Struct, frozen=True, kw_only=True):
    """A deployment served in a place from ``start`` to before ``end``, in one role and share.

    Times are RFC 3339. ``start`` is ``None`` where an end was told and no beginning; ``end`` where
    it serves still, as far as is known. ``start_after`` and ``end_after`` are there where a time is
    only known to lie after them, and no later than ``start`` and ``end``. ``opened_by`` and
    ``closed_by`` are the keys of the executions, ``positions`` the entries that this rests on.
    ``certainty`` is there where a valid time was asked about.
    """

    deployment: str
    place: str
    environment: str | None
    environment_name: str | None
    role: Role
    traffic_ratio: float | None
    start: str | None
    start_after: str | None
    end: str | None
    end_after: str | None
    ending: Ending | None
    is_rollback: bool
    trigger: str | None
    opened_by: str | None
    closed_by: str | None
    source: str
    serves: tuple[Served, ...] = ()
    positions: tuple[int, ...] = ()
    certainty: Certainty | None = None


class ServingAnswer(Struct, frozen=True, kw_only=True):
    """Who served where and when, by environment, place and start.

    ``valid_at`` or ``valid_during`` is the stated time that was asked about: then only intervals
    that contain the one or overlap the other, or may, are here, and each says which. ``unplaced``
    counts moves that could not be read. ``label`` is what was asked for, where that was no
    identifier.
    """

    basis: Basis
    valid_at: str | None
    intervals: tuple[ServingInterval, ...]
    cursor: str | None = None
    unplaced: int = 0
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    label: ResolvedLabel | None = None
    valid_during: tuple[str, str] | None = None

    @property
    def complete(self) -> bool:
        """Tell whether nothing was cut, and nothing is known to be missing."""
        return not self.truncations and not self.unplaced and self.basis.complete
