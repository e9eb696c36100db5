"""Which of several values is shown: the rule of observations.

Of every field of a node the latest value of each source is kept, and the one shown is the latest by
(stated time, source, value). A statement without a stated time loses to any with one. The value
itself decides last, not the statement's id: two statements of one source may carry the same stated
time (a run that starts and ends within its clock's tick), and what is shown must not depend on
which came first. States are ordered as ML Metadata numbers them, so an end wins over a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from lineage.projections.retellings import is_overtaken
from lineage_schemas.codec import encode_json
from lineage_schemas.mlmd import ArtifactState, ExecutionState
from lineage_schemas.values import JsonValue

STATE_FIELD: Final = "state"
_STATE_ORDER: Final = {
    state.value: number
    for states in (ArtifactState, ExecutionState)
    for number, state in enumerate(states)
}


class Said(NamedTuple):
    """One value of one field, by one source. ``None`` as a value: the source cleared it."""

    stated_us: int | None
    source: str
    value: JsonValue


Order = tuple[bool, int, str, int, bytes]


def order_of(field: str, said: Said) -> Order:
    """Return what values of a field are compared by; the greatest is shown."""
    stated, source, value = said
    if field == STATE_FIELD:
        return stated is not None, stated or 0, source, _STATE_ORDER.get(str(value), -1), b""
    if value is None:
        return stated is not None, stated or 0, source, -1, b""
    return stated is not None, stated or 0, source, 0, encode_json(value)


def keep(field: str, kept: list[Said], said: Said) -> bool:
    """Put ``said`` among the latest values of each source; tell whether it is the latest of its."""
    for index, old in enumerate(kept):
        if old.source == said.source:
            if order_of(field, said) <= order_of(field, old):
                return False
            kept[index] = said
            return True
    kept.append(said)
    return True


def any_later(said: Said, kept: Iterable[Said]) -> bool:
    """Tell whether the source of a value has said something later stated in its place."""
    return any(
        old.source == said.source and is_overtaken(said.stated_us, old.stated_us) for old in kept
    )


def shown(field: str, kept: Sequence[Said]) -> Said:
    """Return the one that is shown. ``kept`` is not empty."""
    if len(kept) == 1:
        return kept[0]
    return max(kept, key=lambda said: order_of(field, said))
