"""Reads declaration files, YAML or JSON: form only. What is wrong is told with line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec import inspect as forms
from msgspec.structs import astuple

from lineage.connectors.yaml_documents import Places, read_places, read_yaml
from lineage_schemas.declarations import (
    DECLARATION_ID_BYTES_MAX,
    DECLARATIONS_MAX,
    Declaration,
)
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError, LimitExceededError
from lineage_schemas.instants import instant_us
from lineage_schemas.values import JsonValue, check_value

Tree = dict[str, JsonValue]
Path = tuple[str | int, ...]

SIGNATURE: Final = "signature"
BESIDE_APPROVAL: Final = frozenset(
    {
        *("id", "subject", "kind", "stated", "declared_by", "title", "description"),
        *("approval", "withdraw", SIGNATURE),
    }
)
"""What an approval's declaration may say."""

FILE_KEY: Final = "declarations"

_AT: Final = re.compile(r" - at `\$(?P<path>.*)`\Z", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`\Z", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`\Z", re.DOTALL)
_NO_MEMBER: Final = re.compile(r"Invalid enum value '(.*)'\Z", re.DOTALL)


class Declared(Struct, frozen=True):
    """One declaration: as it is understood, as it was written, and where in its file."""

    declaration: Declaration
    tree: Tree
    where: str


def canonical(tree: Mapping[str, JsonValue]) -> bytes:
    """Return what is signed of a declaration, without the line feed behind it.

    Its JSON without ``signature``: keys in the order of their code points, no blanks, nothing
    escaped that need not be.
    """
    bare = {name: value for name, value in tree.items() if name != SIGNATURE}
    return msgspec.json.encode(bare, order="sorted")


def read_declarations(body: bytes) -> tuple[Declared, ...]:
    """Return the declarations of a file: one, a list of them, or ``{declarations: [...]}``.

    Raises:
        DecodeError: not YAML or JSON in UTF-8, or another form than declarations have; names line,
            column and JSON path, what is allowed there, and the nearest right word.
        LimitExceededError: larger than a named limit.
        InvalidInputError: one id twice, or a value that the log cannot keep.
    """
    document = read_yaml(body)
    places = read_places(body)
    items, before = _items(document, places)
    if len(items) > DECLARATIONS_MAX:
        raise LimitExceededError(
            f"A file of {len(items)} declarations is over the limit of {DECLARATIONS_MAX} "
            "(DECLARATIONS_MAX)"
        )
    found: dict[str, Declared] = {}
    for number, item in enumerate(items):
        path = before if isinstance(document, dict) and not before else (*before, number)
        one = _read_one(item, path, places)
        if one.declaration.id in found:
            raise InvalidInputError(
                f"The id {one.declaration.id[:64]!r} stands twice in this file",
                where=_where((*path, "id"), places),
                hint="Each declaration has an id of its own; a correction is a file of its own.",
            )
        found[one.declaration.id] = one
    return tuple(found.values())


def _items(document: JsonValue, places: Mapping[Path, Places]) -> tuple[list[JsonValue], Path]:
    if isinstance(document, dict) and FILE_KEY in document:
        others = [name for name in document if name != FILE_KEY]
        if others:
            raise DecodeError(
                f"Beside `{FILE_KEY}` nothing else may stand: {others[0][:64]!r}",
                where=_where((others[0],), places, key=True),
                hint=f"Move it into one of the {FILE_KEY}.",
            )
        listed = document[FILE_KEY]
        if isinstance(listed, list) and listed:
            return listed, (FILE_KEY,)
        raise DecodeError(
            f"`{FILE_KEY}` is no list with something in it",
            where=_where((FILE_KEY,), places),
            hint="Write each declaration behind a dash.",
        )
    if isinstance(document, list) and document:
        return document, ()
    if isinstance(document, dict):
        return [document], ()
    raise DecodeError(
        "There is no declaration here",
        where=_where((), places),
        hint="Write an object with at least `id` and `subject`, or a list of them.",
    )


def _read_one(item: JsonValue, path: Path, places: Mapping[Path, Places]) -> Declared:
    try:
        declaration = msgspec.convert(item, Declaration, strict=True)
    except msgspec.ValidationError as error:
        raise _told(str(error), path, places) from error
    tree = cast("Tree", item)
    where = _where(path, places)
    others = sorted(tree.keys() - BESIDE_APPROVAL)
    if declaration.approval is not None and others:
        raise DecodeError(
            f"Beside an approval nothing else is declared: {others[0]!r}",
            where=_where((*path, others[0]), places, key=True),
            hint="Put the approval into a declaration of its own, with an id of its own.",
        )
    size = len(declaration.id.encode())
    if size > DECLARATION_ID_BYTES_MAX:
        raise LimitExceededError(
            f"An id of {size} bytes is over the limit of {DECLARATION_ID_BYTES_MAX} "
            "(DECLARATION_ID_BYTES_MAX)",
            where=_where((*path, "id"), places),
        )
    try:
        check_value(tree)
        canonical(tree)
        _check_times(declaration)
    except LedgerError as error:
        raise error.at(where) from error
    except UnicodeEncodeError as error:
        raise InvalidInputError("A text holds a lone surrogate", where=where) from error
    return Declared(declaration, tree, where)


def _check_times(part: Struct) -> None:
    """Refuse a time that is within the years 1 to 9999 in its own zone, and not in UTC."""
    for one in astuple(part):
        if isinstance(one, Struct):
            _check_times(one)
        elif isinstance(one, datetime):
            instant_us(one)


def _told(message: str, path: Path, places: Mapping[Path, Places]) -> DecodeError:
    """Say what msgspec found in our words: where it stands, and what may stand there."""
    found = _AT.search(message)
    what = message if found is None else message[: found.start()]
    inner: Path = ()
    if found is not None:
        # Of a value in a table msgspec tells that it is one, and not which.
        named = found["path"].partition("[...]")[0]
        inner = tuple(
            step[1] if step[1] is not None else int(step[2]) for step in _STEP.finditer(named)
        )
    whole = (*path, *inner)
    if (unknown := _UNKNOWN.fullmatch(what)) is not None:
        name = unknown[1]
        return DecodeError(
            f"There is no key {name[:64]!r} here",
            where=_where((*whole, name), places, key=True),
            hint=_allowed(_fields(inner), name),
        )
    if (missing := _MISSING.fullmatch(what)) is not None:
        return DecodeError(
            f"The key {missing[1]!r} is missing", where=_where(whole, places), hint="Add it."
        )
    if (other := _NO_MEMBER.fullmatch(what)) is not None:
        return DecodeError(
            f"{other[1][:64]!r} is none of the words that may stand here",
            where=_where(whole, places),
            hint=_allowed(_members(inner), other[1]),
        )
    return DecodeError(what, where=_where(whole, places), hint=_TIMES if "RFC3339" in what else "")


_TIMES: Final = "Write a time as 2026-01-31T12:00:00Z, with its zone."


def _where(path: Path, places: Mapping[Path, Places], *, key: bool = False) -> str:
    """Return line, column and JSON path; of what is not in the file, those of what it is in."""
    known = path
    while known and known not in places:
        known = known[:-1]
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in path)
    place = places.get(known)
    if place is None:
        return f"${steps}"
    return f"{place.key if key else place.value}: ${steps}"


def _allowed(words: list[str], given: str) -> str:
    near = get_close_matches(given.lower(), words, n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    return f"{meant}There may be {', '.join(words)}." if words else meant.strip()


def _fields(path: Path) -> list[str]:
    return [field.encode_name for form in _forms_at(path) for field in _fields_of(form)]


def _members(path: Path) -> list[str]:
    return [
        str(member.value)
        for form in _forms_at(path)
        if isinstance(form, forms.EnumType)
        for member in form.cls
    ]


def _fields_of(form: forms.Type) -> tuple[forms.Field, ...]:
    return form.fields if isinstance(form, forms.StructType) else ()


def _forms_at(path: Path) -> list[forms.Type]:
    """Return what may stand at a path inside a declaration."""
    here = [forms.type_info(Declaration)]
    for step in path:
        here = [inner for form in here for inner in _step_into(form, step)]
    return here


def _step_into(form: forms.Type, step: str | int) -> list[forms.Type]:
    if isinstance(form, forms.DictType):
        return _alternatives(form.value_type)
    if isinstance(form, forms.VarTupleType) and isinstance(step, int):
        return _alternatives(form.item_type)
    return [
        inner
        for field in _fields_of(form)
        if field.encode_name == step
        for inner in _alternatives(field.type)
    ]


def _alternatives(form: forms.Type) -> list[forms.Type]:
    if isinstance(form, forms.Metadata):
        return _alternatives(form.type)
    if isinstance(form, forms.UnionType):
        return [inner for one in form.types for inner in _alternatives(one)]
    return [form]
