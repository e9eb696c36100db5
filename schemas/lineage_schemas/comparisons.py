"""Comparisons: two runs side by side, aspect by aspect, with what nobody said left unknown."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from lineage_schemas.basis import Basis
from lineage_schemas.graph import Redaction, ResolvedLabel, Truncation
from lineage_schemas.provenance import ThingRef
from lineage_schemas.values import JsonValue


class Verdict(StrEnum):
    """How two sides compare. ``partly_known``: nothing differs of what is known of both."""

    SAME = "same"
    DIFFERS = "differs"
    PARTLY_KNOWN = "partly_known"
    ONLY_ONE = "only_one"
    ONLY_OTHER = "only_other"
    UNKNOWN = "unknown"


class AspectName(StrEnum):
    """What of two runs is compared."""

    CODE = "code"
    DATA = "data"
    PARAMETERS = "parameters"
    ENVIRONMENT = "environment"
    METRICS = "metrics"
    OUTPUTS = "outputs"


class Compared(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value, or one input or output, of both sides; ``None``: nobody said one.

    ``difference`` is the other number less the one, and ``ratio`` that over the size of the one;
    only finite numbers have them. The positions are the entries that say the values. ``note`` says
    why nothing can be said.
    """

    name: str
    verdict: Verdict
    one: JsonValue = None
    other: JsonValue = None
    difference: JsonValue = None
    ratio: float | None = None
    position_one: int | None = None
    position_other: int | None = None
    note: str = ""


class Aspect(Struct, frozen=True, kw_only=True):
    """One aspect as a whole, and value by value.

    Parameters, inputs and outputs that only one side has make it differ where both sides tell of
    any; elsewhere a value that only one side tells leaves the other unknown.
    """

    name: AspectName
    verdict: Verdict
    items: tuple[Compared, ...]


class ComparedSide(Struct, frozen=True, kw_only=True):
    """One side: what was asked, what that is, and the run it is compared by.

    ``subject`` is ``None`` where the log has never heard of it, and ``run`` where no run is known.
    """

    asked: str
    subject: ThingRef | None
    run: ThingRef | None


class ComparisonAnswer(Struct, frozen=True, kw_only=True):
    """Two runs, or the runs that made two things, compared.

    ``not_begun`` are those that are only stated to have been there after the valid time, and
    ``undated`` counts the nodes and edges that count for it though nobody dated them.
    """

    basis: Basis
    one: ComparedSide
    other: ComparedSide
    aspects: tuple[Aspect, ...]
    unknown: tuple[str, ...] = ()
    not_begun: tuple[str, ...] = ()
    undated: int = 0
    truncations: tuple[Truncation, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    labels: tuple[ResolvedLabel, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing is unknown or was cut, and nothing is known to be missing."""
        return not self.unknown and not self.truncations and self.basis.complete
