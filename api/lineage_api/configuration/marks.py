"""What a setting says about itself, beside its type: that it is secret."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

SECRET: Final[dict[str, Any]] = {"secret": "whole"}
"""Marks a setting that is shown nowhere, and may be given as a file."""

HOLDS_PASSWORD: Final[dict[str, Any]] = {"secret": "password"}
"""Marks a URL that is shown without its password, and may be given as a file."""


@cache
def types_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the type of each setting by its name, in their order, with what is said of it."""
    return get_type_hints(kind, include_extras=True)


def secrecy_of(kind: type[Struct], name: str) -> str:
    """Return ``whole``, ``password``, or nothing."""
    found = (one.extra or {} for one in metas_of(types_of(kind)[name]))
    return next((str(one["secret"]) for one in found if "secret" in one), "")


def metas_of(annotation: Any) -> Iterator[Meta]:  # noqa: ANN401 - an annotation may be anything
    """Yield what an annotation says beside the type."""
    if get_origin(annotation) is Annotated:
        yield from (one for one in get_args(annotation)[1:] if isinstance(one, Meta))


def bare(annotation: Any) -> Any:  # noqa: ANN401 - as above
    """Return the type alone."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
