"""Sources become one struct: the first that says a setting is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, get_args, get_origin

from msgspec import DecodeError as NotJsonError
from msgspec import Meta, Struct, ValidationError, convert, json, to_builtins

from lineage_api.configuration.marks import bare, metas_of, secrecy_of, types_of
from lineage_api.configuration.sources import Told
from lineage_schemas.errors import InvalidInputError

DEFAULT: Final = "default"
"""Where a setting comes from that no source names."""

_VALUE_TOLD_MAX: Final = 64

Kind = TypeVar("Kind", bound=Struct)


class Sourced(Struct, Generic[Kind], frozen=True):
    """Settings, and where each of them came from."""

    settings: Kind
    came_from: Mapping[str, str]


def as_struct(kind: type[Kind], sources: Sequence[Mapping[str, Told]]) -> Sourced[Kind]:
    """Return the settings that the first source which names them says; the rest are defaults.

    Raises:
        InvalidInputError: a value is of the wrong type or out of its bounds; names its source.
    """
    told: dict[str, Told] = {}
    for source in reversed(sources):
        told |= source
    values = {name: _read(kind, name, one) for name, one in told.items()}
    came_from = {name: told[name].came_from if name in told else DEFAULT for name in types_of(kind)}
    return Sourced(kind(**values), came_from)


def check_struct(settings: Struct) -> None:
    """Hold settings that were made by hand against their types and bounds.

    Raises:
        InvalidInputError: as ``as_struct``.
    """
    kind = type(settings)
    for name in types_of(kind):
        value = to_builtins(getattr(settings, name))
        _read(kind, name, Told(value, f"setting {name}"))


def _read(kind: type[Struct], name: str, told: Told) -> Any:  # noqa: ANN401 - as its type says
    annotation = types_of(kind)[name]
    value = told.value
    try:
        if told.is_text:
            value = _of_text(annotation, str(value))
        return convert(value, annotation, strict=not told.is_text)
    except (ValidationError, NotJsonError) as error:
        # What is wrong with a secret may quote it, and a table may hold one.
        is_secret = bool(secrecy_of(kind, name)) or _may_hold_tables(annotation)
        cause = None if is_secret else error
        shown = "" if is_secret else f" = {str(value)[:_VALUE_TOLD_MAX]}"
        where = f"{told.came_from}{shown}"
        raise InvalidInputError(
            f"The setting {name} {_wrong(annotation, error, is_secret=is_secret)}", where=where
        ) from cause


def _of_text(annotation: Any, text: str) -> object:  # noqa: ANN401 - an annotation may be anything
    """Return what an environment variable says: lists by commas, and lists of tables as JSON."""
    kind = bare(annotation)
    if not _may_hold_tables(kind):
        return text
    is_plain = get_origin(kind) in {tuple, list} and get_args(kind)[0] is str
    if is_plain and not text.lstrip().startswith("["):
        return [one.strip() for one in text.split(",") if one.strip()]
    return json.decode(text)


def _may_hold_tables(annotation: Any) -> bool:  # noqa: ANN401 - as above
    return get_origin(bare(annotation)) in {tuple, list, dict} or _is_struct(bare(annotation))


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _wrong(annotation: Any, error: Exception, *, is_secret: bool) -> str:  # noqa: ANN401 - as above
    bounds = " and ".join(filter(None, map(bounds_of, metas_of(annotation))))
    if bounds:
        return f"is {bounds}"
    if is_secret and not _may_hold_tables(annotation):
        return "is not of its type"
    if isinstance(error, NotJsonError) and not isinstance(error, ValidationError):
        return f"is no JSON: {error}"
    return f"is of the wrong type: {error}"


def bounds_of(meta: Meta) -> str:
    """Return in words what a number may be."""
    if meta.ge is not None and meta.le is not None:
        return f"from {meta.ge:,} to {meta.le:,}"
    return ""
