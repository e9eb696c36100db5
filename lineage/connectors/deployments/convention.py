"""What our convention reads of the room that tools leave for words of one's own. Pure.

CDEvents has ``customData``, a deployment of GitHub its ``payload``: an object each, whose keys say
what the tool has no word for. Every connector reads these alike:

    lineage.model-version, ...    the model version inside (``MODEL_LABELS``)
    role                          champion, challenger, canary or shadow
    traffic_ratio                 share of the traffic, 0 to 1
    is_beside                     true: what served in that role goes on
    version                       what is deployed, in its own version scheme

A connector adds keys of its own. What is null is not said; whatever else is there is the tool's
own, and what is there and cannot be read is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from lineage.connectors.deployments.saying import MODEL_LABELS, referenced_models
from lineage_schemas.serving import Role
from lineage_schemas.values import JsonValue

Form = Callable[[JsonValue], bool]
"""Tells whether a value has the form that its key takes."""


class Convention(Struct, frozen=True):
    """What was read. ``own``: the connector's own keys; ``misread`` names what cannot be read."""

    models: tuple[str, ...] = ()
    role: Role | None = None
    traffic_ratio: float | None = None
    is_beside: bool = False
    version: str | None = None
    own: dict[str, JsonValue] = {}
    misread: tuple[str, ...] = ()

    def text(self, name: str) -> str | None:
        """Return the text under one of the connector's own keys."""
        value = self.own.get(name)
        return value if isinstance(value, str) else None


def is_text(value: JsonValue) -> bool:
    """Tell whether a value is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def is_flag(value: JsonValue) -> bool:
    """Tell whether a value is true or false."""
    return isinstance(value, bool)


def read_convention(given: Mapping[str, JsonValue], own: Mapping[str, Form]) -> Convention:
    """Read an object by the keys that all connectors share, and by a connector's ``own``."""
    said = {name: value for name, value in given.items() if value is not None}
    forms = {**_FORMS, **own}
    misread = [name for name, fits in forms.items() if name in said and not fits(said[name])]
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    models = dict(referenced_models(texts))
    misread += (name for name in MODEL_LABELS if name in said and name not in models)
    good = {name: said[name] for name in forms if name in said and name not in misread}
    role, ratio, version = good.get("role"), good.get("traffic_ratio"), good.get("version")
    return Convention(
        models=tuple(dict.fromkeys(models.values())),
        role=Role(role) if isinstance(role, str) else None,
        traffic_ratio=float(ratio) if isinstance(ratio, int | float) else None,
        is_beside=good.get("is_beside") is True,
        version=version if isinstance(version, str) else None,
        own={name: good[name] for name in own if name in good},
        misread=tuple(misread),
    )


def _is_role(value: JsonValue) -> bool:
    # Not every value can be looked for in a set.
    return isinstance(value, str) and value in {role.value for role in Role}


def _is_ratio(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_FORMS: Final[dict[str, Form]] = {
    "role": _is_role,
    "traffic_ratio": _is_ratio,
    "is_beside": is_flag,
    "version": is_text,
}
