"""What our convention reads of ``customData``, the room that CDEvents leaves for one's own.

Its keys, in the object at the top of a message or in the one of its context:

    lineage.model-version, ...    the model version inside (``MODEL_LABELS``)
    commit                        the commit that was built or run, all of its digits
    role                          champion, challenger, canary or shadow
    traffic_ratio                 share of the traffic, 0 to 1
    is_beside                     true: what served in that role goes on
    revision                      the deployment's own name in its place
    version                       what is deployed, in its own version scheme
    approver_role, meaning        of an approval: in what role, and what the decision means

Whatever else is there is the tool's own.
"""

from __future__ import annotations

import re
from typing import Final

from lineage.connectors.cdevents.telling import CustomData
from lineage.connectors.deployments.saying import MODEL_LABELS, referenced_models
from lineage_schemas.serving import Role
from lineage_schemas.values import JsonValue

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_NAMES: Final = ("revision", "version", "approver_role", "meaning")
_ROLES: Final = frozenset(role.value for role in Role)


def read_custom_data(*given: JsonValue) -> CustomData:
    """Read what is there, the later object first where two say the same; name what is misread.

    What is no object is a tool's own and is passed over: the message keeps it.
    """
    found: dict[str, JsonValue] = {}
    for one in given:
        if isinstance(one, dict):
            found |= one
    labels = {name: value for name, value in found.items() if isinstance(value, str)}
    misread = [
        name
        for name, is_read in (
            ("commit", _is_commit(found.get("commit"))),
            ("role", found.get("role") in {None, *_ROLES}),
            ("traffic_ratio", _is_ratio(found.get("traffic_ratio"))),
            ("is_beside", isinstance(found.get("is_beside", False), bool)),
            *((name, _is_name(found.get(name))) for name in _NAMES),
        )
        if not is_read
    ]
    named = {name for name, _ in referenced_models(labels)}
    misread += (name for name in MODEL_LABELS if name in found and name not in named)
    good = {name: value for name, value in found.items() if name not in misread}
    role, ratio = good.get("role"), good.get("traffic_ratio")
    return CustomData(
        labels=labels,
        commit=_text(good, "commit"),
        role=None if not isinstance(role, str) else Role(role),
        traffic_ratio=None if not isinstance(ratio, int | float) else float(ratio),
        is_beside=good.get("is_beside") is True,
        revision=_text(good, "revision"),
        version=_text(good, "version"),
        approver_role=_text(good, "approver_role"),
        meaning=_text(good, "meaning"),
        misread=tuple(misread),
    )


def _text(found: dict[str, JsonValue], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


def _is_name(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _is_commit(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and _COMMIT.fullmatch(value) is not None)


def _is_ratio(value: JsonValue) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
