"""The reference of settings, made from what each says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from msgspec import NODEFAULT, Struct, structs

from lineage_api.configuration.marks import bare, metas_of, secrecy_of, types_of
from lineage_api.configuration.reading import bounds_of
from lineage_api.configuration.sources import FILE_SUFFIX


def settings_rows(kind: type[Struct], prefix: str) -> Iterator[str]:
    """Yield the lines of a Markdown table: each setting's names, default, bounds and meaning."""
    yield "| setting | in the environment | what it may be | default | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for field in types_of(kind):
        yield _row(kind, field, prefix)


def nested_kinds(kind: type[Struct]) -> Iterator[tuple[str, type[Struct]]]:
    """Yield the settings that are lists of tables, and what such a table is."""
    for name, annotation in types_of(kind).items():
        inner: tuple[object, ...] = get_args(bare(annotation))
        if inner and isinstance(inner[0], type) and issubclass(inner[0], Struct):
            yield name, inner[0]


def meaning_of(kind: type[Struct], name: str) -> str:
    """Return what a setting says it means."""
    return next((one.description for one in metas_of(types_of(kind)[name]) if one.description), "")


def _row(kind: type[Struct], name: str, prefix: str) -> str:
    secrecy = secrecy_of(kind, name)
    variable = f"{prefix}{name.upper()}"
    names = f"`{variable}`" + (f", `{variable}{FILE_SUFFIX.upper()}`" if secrecy else "")
    default = _default(kind, name)
    what = _what(types_of(kind)[name])
    meaning = meaning_of(kind, name) + (" Secret." if secrecy == "whole" else "")
    return f"| `{name}` | {names} | {what} | {default} | {meaning} |"


def _default(kind: type[Struct], name: str) -> str:
    field = next(one for one in structs.fields(kind) if one.name == name)
    if field.required:
        return "must be given"
    value: object = field.default
    return "none" if value in {"", (), NODEFAULT} else f"`{value}`"


def _what(annotation: Any) -> str:  # noqa: ANN401 - an annotation may be anything
    bounds = " ".join(filter(None, map(bounds_of, metas_of(annotation))))
    kind = bare(annotation)
    if str(get_origin(kind)) == "typing.Literal":
        return " or ".join(f"`{one}`" for one in get_args(kind))
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    word = words.get(kind, "a list")
    return f"{word} {bounds}".strip()
