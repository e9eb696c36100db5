r"""Filters of nodes: one grammar for searches, lists and traces, at every surface.

A filter is a text of terms divided by spaces; all of them must hold. ``kind:artifact``,
``type:lineage.Model``, ``state:LIVE``, ``context:NAME``, ``source:NAME``, ``key:PREFIX`` and
``is:stub`` (or ``is:described``) ask of the node, and several values divided by commas mean any of
them. Everything else compares a property: ``rows>=1000``, ``owner!=eve``, ``property.kind=x`` where
its name is one of the words above. What stands in double quotes is text, whatever is in it; there,
and only there, a backslash takes away the meaning of the next character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct

from lineage_schemas.errors import InvalidInputError, LimitExceededError
from lineage_schemas.limits import INT_MAX, INT_MIN
from lineage_schemas.mlmd import ArtifactState, ExecutionState, Kind
from lineage_schemas.values import NON_FINITE, JsonValue, metric_value

FILTER_LENGTH_MAX: Final = 4_096
FILTER_TERMS_MAX: Final = 32
FILTER_VALUES_MAX: Final = 64

_STATES: Final = frozenset(
    state.value for states in (ArtifactState, ExecutionState) for state in states
)
_PROPERTY: Final = "property."
_GRAMMAR_HINT: Final = "Write terms such as type:lineage.Model state:LIVE rows>=1000."


class Comparison(StrEnum):
    """How a property is compared with a value."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="


class PropertyTest(Struct, frozen=True):
    """A property, declared or custom, compares so with a value; a missing one never does.

    The value is a number, a truth value, a text, or a tagged NaN or infinity.
    """

    name: str
    comparison: Comparison
    value: JsonValue


class NodeFilter(Struct, frozen=True, kw_only=True):
    """Which nodes are meant: those that fulfil every part that is given.

    Within one part any of its values will do, but every one of ``properties`` must hold. ``types``
    are names of types and of base types, so a type stands for all that are based on it.
    ``contexts`` are identifiers or labels of contexts of which a node is a member, ``sources`` who
    said what shows of it, and ``keys`` what its key begins with. An empty filter means every node.
    """

    kinds: tuple[Kind, ...] = ()
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    properties: tuple[PropertyTest, ...] = ()
    stub: bool | None = None


class _Piece(NamedTuple):
    """A piece of a term: text, and whether it was quoted and so has no other meaning."""

    text: str
    is_quoted: bool


class _Term(NamedTuple):
    """A term taken apart, and where in the filter it begins."""

    name: _Piece
    operator: str
    values: tuple[_Piece, ...]
    start: int
    text: str


def parse_filter(text: str) -> NodeFilter:
    """Read a filter; an empty text is the empty filter.

    Raises:
        InvalidInputError: a term that is none; names it and where it begins.
        LimitExceededError: a text, a list of terms or a list of values that is too long.
    """
    if len(text) > FILTER_LENGTH_MAX:
        raise LimitExceededError(
            f"A filter has at most {FILTER_LENGTH_MAX} characters", where=f"{len(text)} given"
        )
    fields: dict[str, Any] = {}
    tests: list[PropertyTest] = []
    for number, term in enumerate(_terms(text), start=1):
        if number > FILTER_TERMS_MAX:
            raise LimitExceededError(
                f"A filter has at most {FILTER_TERMS_MAX} terms", where=_where(term)
            )
        if term.operator != ":":
            tests.append(_test_of(term))
            continue
        field, values = _field_of(term)
        if field in fields:
            raise InvalidInputError(
                f"A filter says {term.name.text!r} twice, and one node has to fulfil both",
                where=_where(term),
                hint=f"Divide values by commas to mean any of them: {term.name.text}:A,B.",
            )
        fields[field] = values
    return NodeFilter(**fields, properties=tuple(tests))


def format_filter(wanted: NodeFilter) -> str:
    """Write a filter as a text that ``parse_filter`` reads as the same one."""
    terms = [
        f"{name}:{','.join(_written(value) for value in values)}"
        for name, (field, _) in _FIELDS.items()
        if field != "stub" and (values := getattr(wanted, field))
    ]
    if wanted.stub is not None:
        terms.append("is:stub" if wanted.stub else "is:described")
    terms += [
        f"{_written_name(test.name)}{test.comparison}{_written_value(test.value)}"
        for test in wanted.properties
    ]
    return " ".join(terms)


# --- reading -------------------------------------------------------------------------------------

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_NAME: Final = re.compile(rf'{_QUOTED}|[^\s"=!<>:]+', re.DOTALL)
_OPERATOR: Final = re.compile(r":|!=|<=|>=|=|<|>")
_VALUE: Final = re.compile(rf'{_QUOTED}|[^\s",]+', re.DOTALL)
_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SPACE: Final = re.compile(r"\s*")


def _terms(text: str) -> Iterator[_Term]:
    place = _skip(text, 0)
    while place < len(text):
        term, place = _term_at(text, place)
        yield term
        place = _skip(text, place)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def _term_at(text: str, start: int) -> tuple[_Term, int]:
    """Read the term that begins at ``start``; return it and where it ends."""
    name, place = _piece_at(_NAME, text, start, start)
    found = _OPERATOR.match(text, place)
    if found is None:
        raise _refused("A term compares nothing", text, start)
    values: list[_Piece] = []
    place = found.end()
    while True:
        value, place = _piece_at(_VALUE, text, place, start)
        if not value.is_quoted and _OPERATOR.match(value.text):
            raise _refused(
                "A value begins with an operator",
                text,
                start,
                "There are =, !=, <, <=, >, >=; a text that begins with one stands in quotes.",
            )
        values.append(value)
        if not text.startswith(",", place):
            break
        place += 1
    if place < len(text) and not text[place].isspace():
        raise _refused("A term goes on after its end", text, start)
    if len(values) > FILTER_VALUES_MAX:
        raise LimitExceededError(
            f"A term has at most {FILTER_VALUES_MAX} values", where=f"at character {start + 1}"
        )
    return _Term(name, found.group(), tuple(values), start, text[start:place]), place


def _piece_at(form: re.Pattern[str], text: str, place: int, start: int) -> tuple[_Piece, int]:
    found = form.match(text, place)
    if found is None:
        raise _refused("A term misses a name or a value", text, start)
    piece = found.group()
    if piece.startswith('"'):
        inner = re.sub(r"\\(.)", r"\1", piece[1:-1], flags=re.DOTALL)
        return _Piece(inner, is_quoted=True), found.end()
    return _Piece(piece, is_quoted=False), found.end()


def _field_of(term: _Term) -> tuple[str, object]:
    if term.name.is_quoted or term.name.text not in _FIELDS:
        raise InvalidInputError(
            f"A filter knows no {term.name.text!r}",
            where=_where(term),
            hint=f"There are {', '.join(_FIELDS)}; a property is compared by =, !=, <, <=, >, >=.",
        )
    field, read = _FIELDS[term.name.text]
    if field == "stub":
        if [value.text for value in term.values] not in (["stub"], ["described"]):
            raise InvalidInputError("A node is a stub or described", where=_where(term))
        return field, term.values[0].text == "stub"
    return field, tuple(dict.fromkeys(read(value.text, term) for value in term.values))


def _as_text(text: str, term: _Term) -> str:
    if not text:
        raise InvalidInputError("A filter asks for an empty name", where=_where(term))
    return text


def _as_kind(text: str, term: _Term) -> Kind:
    try:
        return Kind(text)
    except ValueError as error:
        kinds = ", ".join(kind.value for kind in Kind)
        raise InvalidInputError(
            f"There is no kind {text!r}", where=_where(term), hint=f"There are {kinds}."
        ) from error


def _as_state(text: str, term: _Term) -> str:
    state = text.upper()
    if state not in _STATES:
        raise InvalidInputError(
            f"There is no state {text!r}",
            where=_where(term),
            hint=f"There are {', '.join(sorted(_STATES))}.",
        )
    return state


_FIELDS: Final[dict[str, tuple[str, Callable[[str, _Term], Any]]]] = {
    "kind": ("kinds", _as_kind),
    "type": ("types", _as_text),
    "state": ("states", _as_state),
    "context": ("contexts", _as_text),
    "source": ("sources", _as_text),
    "key": ("keys", _as_text),
    "is": ("stub", _as_text),
}


def _test_of(term: _Term) -> PropertyTest:
    if len(term.values) != 1:
        raise InvalidInputError(
            "A property is compared with one value", where=_where(term), hint="Quote a comma."
        )
    name = term.name.text
    if not term.name.is_quoted:
        if name in _FIELDS:
            raise InvalidInputError(
                f"{name!r} is no property, and is not compared",
                where=_where(term),
                hint=f"Write {name}:VALUE, or {_PROPERTY}{name} for a property of that name.",
            )
        name = name.removeprefix(_PROPERTY)
    if not name:
        raise InvalidInputError("A filter asks for an empty name", where=_where(term))
    return PropertyTest(name, Comparison(term.operator), _value_of(term.values[0], term))


def _value_of(piece: _Piece, term: _Term) -> JsonValue:
    text = piece.text
    if piece.is_quoted:
        return text
    if text in {"true", "false"}:
        return text == "true"
    if text in NON_FINITE:
        return {"$float": text}
    if _INTEGER.fullmatch(text):
        number = int(text)
        if not INT_MIN <= number <= INT_MAX:
            raise InvalidInputError(
                "A whole number has 64 bits", where=_where(term), hint="Quote it to mean text."
            )
        return number
    return metric_value(float(text)) if _NUMBER.fullmatch(text) else text


def _where(term: _Term) -> str:
    return f"{term.text[:64]!r}, at character {term.start + 1}"


def _refused(what: str, text: str, start: int, hint: str = _GRAMMAR_HINT) -> InvalidInputError:
    return InvalidInputError(
        what, where=f"{text[start : start + 64]!r}, at character {start + 1}", hint=hint
    )


# --- writing -------------------------------------------------------------------------------------


def _written(text: str) -> str:
    plain = _VALUE.fullmatch(text) is not None and not text.startswith('"')
    return text if plain and _OPERATOR.match(text) is None else _quoted(text)


def _written_name(name: str) -> str:
    plain = _NAME.fullmatch(name) is not None and name[:1] != '"'
    return (
        name if plain and not name.startswith(_PROPERTY) and name not in _FIELDS else _quoted(name)
    )


def _written_value(value: JsonValue) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case dict():
            return str(value["$float"])
        case _:
            return _quoted(str(value))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
