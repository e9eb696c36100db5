"""GTO's registry as it lies in git: the names of annotated tags.

    NAME@v1.2.0      a version is registered       NAME@v1.2.0!     it is deregistered
    NAME#STAGE       a stage is assigned           NAME#STAGE!      it is unassigned
    NAME@deprecated  the model is deprecated       NAME@created     it was made known

Each may end in ``#N``, a counter over all tags of the model. A model in a folder is ``DIR:NAME``,
and ``DIR=NAME`` in a tag, since no reference may hold a colon.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

_DIR: Final = r"[a-zA-Z0-9-_./]+"
_NAME: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-/_]*[a-zA-Z0-9])?"
_LABEL: Final = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION: Final = (
    r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    rf"(?:-{_LABEL}(?:\.{_LABEL})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_TAG: Final = re.compile(
    rf"(?P<model>(?:{_DIR}=)?{_NAME})"
    rf"(?:(?:#(?P<stage>{_NAME})|@(?P<version>{_VERSION}))(?P<cancel>!?)"
    r"|@(?P<deprecated>deprecated)|@(?P<created>created))"
    r"(?:#(?P<counter>[0-9]+))?",
    re.ASCII,
)


class Action(StrEnum):
    """What a tag does."""

    CREATION = "creation"
    DEPRECATION = "deprecation"
    REGISTRATION = "registration"
    DEREGISTRATION = "deregistration"
    ASSIGNMENT = "assignment"
    UNASSIGNMENT = "unassignment"


class RegistryTag(Struct, frozen=True, omit_defaults=True):
    """What the name of a tag says. ``model`` is ``NAME`` or ``DIR:NAME``."""

    action: Action
    model: str
    version: str | None = None
    stage: str | None = None
    counter: int | None = None


def parse_registry_tag(name: str) -> RegistryTag | None:
    """Read the name of a tag; ``None`` for one that is not the registry's."""
    found = _TAG.fullmatch(name)
    if found is None:
        return None
    is_cancel = found["cancel"] == "!"
    if found["version"]:
        action = Action.DEREGISTRATION if is_cancel else Action.REGISTRATION
    elif found["stage"]:
        action = Action.UNASSIGNMENT if is_cancel else Action.ASSIGNMENT
    else:
        action = Action.DEPRECATION if found["deprecated"] else Action.CREATION
    return RegistryTag(
        action=action,
        model=found["model"].replace("=", ":"),
        version=found["version"],
        stage=found["stage"],
        counter=int(found["counter"]) if found["counter"] else None,
    )
