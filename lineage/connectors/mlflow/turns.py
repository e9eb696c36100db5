"""Turns: how often a thing has changed its state, as far as was seen.

MLflow keeps no history of aliases, stages and deletions, so the changes are counted here, in the
document, when it is taken in: ``{"turns": {"alias/champion": 2, "stage": 1, "state": 1}}``. A turn
is part of the key of what records the change, so two moves of one alias stay two.

    alias/NAME     each time the alias points elsewhere or nowhere
    stage          each time a version is in another stage
    state          each time a thing is deleted, or is back

What is as it was when it was first seen is turn 0, but an alias or a stage that is set then, is its
first turn. A deleted thing keeps its turns.
"""

from __future__ import annotations

from typing import Final

import msgspec

from lineage.connectors.mlflow.documents import encode
from lineage.connectors.scanning import GONE
from lineage_schemas.values import JsonValue

TURNS: Final = "turns"
STATE: Final = "state"
STAGE: Final = "stage"
ALIAS: Final = "alias/"

NO_STAGE: Final = frozenset({None, "", "None"})

_DECODER: Final = msgspec.json.Decoder(dict[str, JsonValue])

Body = dict[str, JsonValue]


def decode(body: bytes) -> Body:
    """Return a document that was kept as an object."""
    return _DECODER.decode(body)


def carry_turns(before: bytes | None, body: bytes) -> bytes:
    """Return the document with its turns: those of the one before it, and those that came now."""
    now = decode(body)
    was = {} if before is None else decode(before)
    turns = {**turns_of(was)}
    for name in _changed(was, now):
        turns[name] = turns.get(name, 0) + 1
    return encode({**now, TURNS: dict(turns)}) if turns else body


def turns_of(document: Body) -> dict[str, int]:
    """Return the turns that a document carries."""
    turns = document.get(TURNS)
    if not isinstance(turns, dict):
        return {}
    return {name: count for name, count in turns.items() if isinstance(count, int)}


def without_turns(body: bytes) -> bytes:
    """Return the document as the source shows it."""
    if TURNS.encode() not in body:
        return body
    document = decode(body)
    document.pop(TURNS, None)
    return encode(document)


def is_gone(document: Body) -> bool:
    """Tell whether the source does not show the thing any more."""
    return document.get("gone") is True


def is_deleted(document: Body) -> bool:
    """Tell whether the thing is deleted, so that it can come back, or gone."""
    return is_gone(document) or document.get("lifecycle_stage") == "deleted"


def aliases_of(document: Body) -> dict[str, str]:
    """Return the numbers of the versions that the aliases point to."""
    aliases = document.get("aliases")
    if not isinstance(aliases, dict):
        return {}
    return {name: str(number) for name, number in aliases.items()}


def stage_of(document: Body) -> str | None:
    """Return the stage a version is in, if it is in any."""
    stage = document.get("current_stage")
    return stage if isinstance(stage, str) and stage not in NO_STAGE else None


def moved_aliases(was: Body, now: Body) -> list[tuple[str, str | None, str | None]]:
    """Return (alias, from which version, to which) of each alias that moved, by name."""
    old, new = aliases_of(was), aliases_of(now)
    return [
        (name, old.get(name), new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _changed(was: Body, now: Body) -> list[str]:
    changed = [f"{ALIAS}{name}" for name, _, _ in moved_aliases(was, now)]
    if not is_gone(now) and not is_gone(was) and stage_of(was) != stage_of(now):
        changed.append(STAGE)
    if is_deleted(now) if not was else is_deleted(was) != is_deleted(now):
        changed.append(STATE)
    return changed


GONE_BODY: Final = decode(GONE)
