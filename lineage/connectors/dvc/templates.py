"""Resolves the templates of a dvc.yaml as far as needed: where a stage works, and what it writes.

A lock names each path relative to its stage's working folder, and that folder may be a template
(``wdir: models/${item}``). Which outputs are metrics stands only in dvc.yaml.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Final

from msgspec import Struct

from lineage.connectors.dvc.values import step_into
from lineage.connectors.git.trees import PATH_CHARS_MAX
from lineage_schemas.errors import DecodeError, LedgerError, LimitExceededError
from lineage_schemas.outside.dvc import Pipeline
from lineage_schemas.values import JsonValue

DEFAULT_PARAMS: Final = "params.yaml"
_MATRIX_MAX: Final = 100_000
_ITEMS_CHARS_MAX: Final = 16 * 1_048_576
_TEMPLATE: Final = re.compile(r"(?<!\\)\$\{([^}]*)\}")
_STEP: Final = re.compile(r"\[([^\[\]]*)\]|([^.\[\]]+)")

ReadValues = Callable[[str], JsonValue]
"""Returns what a file of values (YAML, JSON, TOML) holds; ``None`` where there is none."""


class Declared(Struct, frozen=True):
    """What dvc.yaml says of one stage. Paths are relative to ``wdir``."""

    wdir: str
    roles: dict[str, str]
    uncached: frozenset[str]
    desc: str | None
    is_frozen: bool


class Templates:
    """A dvc.yaml with the values that its templates name."""

    def __init__(self, pipeline: Pipeline, folder: str, read_values: ReadValues) -> None:
        """Take the values from the files beside it, which ``read_values`` reads."""
        self._pipeline = pipeline
        self._folder = folder
        self._read_values = read_values
        self._globals: dict[str, JsonValue] | None = None
        self._groups: dict[str, dict[str, dict[str, JsonValue]] | LedgerError] = {}
        self._items_chars = 0

    @property
    def values(self) -> dict[str, JsonValue]:
        """What every stage's templates may name."""
        if self._globals is None:
            loaded: dict[str, JsonValue] = {}
            default = self._read_values(posixpath.join(self._folder, DEFAULT_PARAMS))
            _merge(loaded, default if isinstance(default, dict) else {})
            self._load(loaded, self._pipeline.variables)
            self._globals = loaded
        return self._globals

    def stage(self, name: str) -> Declared | None:
        """Return what is declared of a stage; ``None`` where it is not there.

        Raises:
            DecodeError: a template names a value that is not there.
        """
        definition, extra = self._definition(name)
        if definition is None:
            return None
        values = _Values(self, extra, definition.get("vars"))
        wdir = definition.get("wdir")
        place = values.text(wdir) if isinstance(wdir, str) and wdir else "."
        roles: dict[str, str] = {}
        uncached: set[str] = set()
        for role in ("outs", "plots", "metrics"):
            for path, options in _paths(definition.get(role)):
                plain = values.text(path)
                if role != "outs":
                    roles[plain] = role
                if options.get("cache") is False:
                    uncached.add(plain)
        desc = definition.get("desc")
        return Declared(
            wdir=place,
            roles=roles,
            uncached=frozenset(uncached),
            desc=desc if isinstance(desc, str) else None,
            is_frozen=definition.get("frozen") is True,
        )

    def text(self, template: str, values: Mapping[str, JsonValue] | None = None) -> str:
        """Return a template with its values filled in: a path or a name.

        Raises:
            DecodeError: it names a value that is not there, or one that is no scalar.
            LimitExceededError: it, or its values, are longer than ``PATH_CHARS_MAX``.
        """
        if "${" not in template:
            return template
        known = self.values if values is None else values
        _bounded(0, template)
        count = 0

        def fill(found: re.Match[str]) -> str:
            nonlocal count
            value = _looked_up(found[1], known)
            if isinstance(value, dict | list):
                raise DecodeError(
                    "A template names a value that is no scalar", where=found[1][:128]
                )
            text = _shown(value)
            count = _bounded(count, text)
            return text

        return _TEMPLATE.sub(fill, template)

    def with_local(self, extra: Mapping[str, JsonValue], local: JsonValue) -> dict[str, JsonValue]:
        """Return the values of one stage: those of all, its own variables, its item."""
        values = {**self.values, **extra}
        if isinstance(local, list):
            self._load(values, local)
        return values

    def _definition(self, name: str) -> tuple[dict[str, JsonValue] | None, dict[str, JsonValue]]:
        whole = self._pipeline.stages.get(name)
        if whole is not None and "foreach" not in whole and "matrix" not in whole:
            return whole, {}
        group, at, key = name.rpartition("@")
        whole = self._pipeline.stages.get(group) if at else None
        if whole is None or not ("foreach" in whole or "matrix" in whole):
            return None, {}
        if group not in self._groups:
            try:
                self._groups[group] = dict(self._items(whole))
            except LedgerError as error:
                self._groups[group] = error
        known = self._groups[group]
        if isinstance(known, LedgerError):
            raise known
        extra = known.get(key)
        if extra is None:
            return None, {}
        inner = whole.get("do") if "foreach" in whole else whole
        return (inner if isinstance(inner, dict) else None), extra

    def _items(self, whole: dict[str, JsonValue]) -> Iterator[tuple[str, dict[str, JsonValue]]]:
        if "matrix" in whole:
            yield from _combinations(self._value(whole["matrix"]))
            return
        items = self._value(whole["foreach"])
        if isinstance(items, dict):
            for key, value in items.items():
                yield key, {"key": key, "item": value}
        elif isinstance(items, list):
            is_composite = any(isinstance(value, dict | list) for value in items)
            for index, value in enumerate(items):
                yield (str(index) if is_composite else _shown(value)), {"item": value}

    def _value(self, template: JsonValue) -> JsonValue:
        """Return a value whose texts may be templates."""
        match template:
            case str():
                whole = _TEMPLATE.fullmatch(template)
                return _looked_up(whole[1], self.values) if whole else self._item(template)
            case list():
                return [self._value(one) for one in template]
            case dict():
                return {name: self._value(one) for name, one in template.items()}
            case _:
                return template

    def _item(self, template: str) -> str:
        text = self.text(template)
        self._items_chars += len(text)
        if self._items_chars > _ITEMS_CHARS_MAX:
            raise LimitExceededError(
                f"What foreach and matrix name has more than {_ITEMS_CHARS_MAX} characters"
            )
        return text

    def _load(self, values: dict[str, JsonValue], variables: list[JsonValue]) -> None:
        for one in variables:
            if isinstance(one, dict):
                _merge(values, one)
            elif isinstance(one, str):
                path, _, names = one.partition(":")
                loaded = self._read_values(posixpath.join(self._folder, path))
                if isinstance(loaded, dict):
                    wanted = {name for name in names.split(",") if name}
                    _merge(
                        values,
                        {name: loaded[name] for name in loaded if not wanted or name in wanted},
                    )


class _Values:
    """The values of one stage. Most stages name none, so files of values are read when one does."""

    def __init__(
        self, templates: Templates, extra: Mapping[str, JsonValue], local: JsonValue
    ) -> None:
        self._templates = templates
        self._extra = extra
        self._local = local
        self._known: dict[str, JsonValue] | None = None

    def text(self, template: str) -> str:
        if "${" not in template:
            return template
        if self._known is None:
            self._known = self._templates.with_local(self._extra, self._local)
        return self._templates.text(template, self._known)


def _bounded(count: int, text: str) -> int:
    """Add a text to the count of characters so far, within ``PATH_CHARS_MAX``."""
    count += len(text)
    if count > PATH_CHARS_MAX:
        raise LimitExceededError(
            f"A template becomes longer than {PATH_CHARS_MAX} characters (PATH_CHARS_MAX)",
            where=text[:128],
        )
    return count


def _combinations(matrix: JsonValue) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    if not isinstance(matrix, dict):
        return
    axes = [
        [(name, index, value) for index, value in enumerate(values)]
        for name, values in matrix.items()
        if isinstance(values, list)
    ]
    for count, combination in enumerate(product(*axes)):
        if count >= _MATRIX_MAX:
            raise DecodeError(f"A matrix has more than {_MATRIX_MAX} stages")
        parts = [
            f"{name}{index}" if isinstance(value, dict | list) else _shown(value)
            for name, index, value in combination
        ]
        chars = 0
        for part in parts:
            chars = _bounded(chars, part)
        key = "-".join(parts)
        item: dict[str, JsonValue] = {name: value for name, _, value in combination}
        yield key, {"key": key, "item": item}


def _paths(listed: JsonValue) -> Iterator[tuple[str, dict[str, JsonValue]]]:
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, str):
            yield one, {}
        elif isinstance(one, dict):
            for path, options in one.items():
                yield path, options if isinstance(options, dict) else {}


def _looked_up(name: str, values: Mapping[str, JsonValue]) -> JsonValue:
    at: JsonValue = dict(values)
    for index, plain in _STEP.findall(name.strip()):
        is_there, at = step_into(at, index or plain)
        if not is_there:
            raise DecodeError("A template names a value that is not there", where=name[:128])
    return at


def _shown(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _merge(into: dict[str, JsonValue], other: Mapping[str, JsonValue]) -> None:
    for name, value in other.items():
        old = into.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = dict(old)
            _merge(inner, value)
            into[name] = inner
        else:
            into[name] = value
