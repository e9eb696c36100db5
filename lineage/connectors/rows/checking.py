"""Whether a mapping holds together: its names, its templates, and the well-known types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Final

from msgspec import Struct

from lineage.connectors.rows.columns import parse_column, parse_template
from lineage.connectors.rows.values import zone_named
from lineage_schemas.errors import InvalidInputError, LedgerError
from lineage_schemas.known_types.registry import KNOWN_TYPES, known_type
from lineage_schemas.known_types.spec import KnownType
from lineage_schemas.limits import INT_MAX
from lineage_schemas.mlmd import ArtifactState, ExecutionState, Kind
from lineage_schemas.row_mappings import (
    PATTERN_LETTERS,
    Condition,
    Conditions,
    NodeMapping,
    RowFormat,
    RowMapping,
    ServingMapping,
    Time,
    TimeForm,
    Value,
    ValueForm,
)
from lineage_schemas.serving import ServingAction
from lineage_schemas.values import JsonValue, PropertyType, check_value, value_type

Steps = tuple[str | int, ...]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.")
FORMS: Final = {
    PropertyType.STRING: ValueForm.TEXT,
    PropertyType.INT: ValueForm.INT,
    PropertyType.DOUBLE: ValueForm.FLOAT,
    PropertyType.BOOLEAN: ValueForm.BOOL,
    PropertyType.STRUCT: ValueForm.JSON,
    PropertyType.PROTO: ValueForm.JSON,
}
"""What a column is read as where a property's type alone says it."""

_GIVES: Final = {
    ValueForm.TEXT: PropertyType.STRING,
    ValueForm.INT: PropertyType.INT,
    ValueForm.FLOAT: PropertyType.DOUBLE,
    ValueForm.BOOL: PropertyType.BOOLEAN,
    ValueForm.TIME: PropertyType.STRING,
    ValueForm.JSON: PropertyType.STRUCT,
    ValueForm.LIST: PropertyType.STRUCT,
}
_A: Final = {
    Kind.ARTIFACT: "an artifact",
    Kind.EXECUTION: "an execution",
    Kind.CONTEXT: "a context",
}
STATES: Final[dict[Kind, frozenset[str]]] = {
    Kind.ARTIFACT: frozenset(ArtifactState),
    Kind.EXECUTION: frozenset(ExecutionState),
    Kind.CONTEXT: frozenset(),
}


class Fault(Struct, frozen=True):
    """What is wrong, and where in the mapping."""

    steps: Steps
    what: str
    hint: str = ""


def check_mapping(mapping: RowMapping) -> Iterator[Fault]:
    """Yield what is wrong in a mapping."""
    if _NAME.fullmatch(mapping.mapping) is None:
        yield Fault(
            ("mapping",), "A mapping's name is letters, digits, dots, dashes and underscores"
        )
    if not 1 <= mapping.version <= INT_MAX:
        yield Fault(("version",), "The first version of a mapping is 1")
    yield from _check_rows(mapping)
    yield from _check_time(mapping.stated, ("stated",))
    for name, table in mapping.tables.items():
        for text, value in table.items():
            yield from _tried(partial(check_value, value), ("tables", name, text))
    yield from _check_nodes(mapping)
    yield from _check_ties(mapping)
    for index, serving in enumerate(mapping.serving):
        yield from _check_serving(mapping, serving, ("serving", index))


def _check_rows(mapping: RowMapping) -> Iterator[Fault]:
    rows = mapping.rows
    yield from _check_template(rows.id, ("rows", "id"))
    if "{" not in rows.id:
        yield Fault(("rows", "id"), "The id of a row names no column, so all rows would have one")
    if rows.path:
        if rows.format is not RowFormat.JSON:
            yield Fault(("rows", "path"), "Only a JSON document has a path to its rows")
        yield from _tried(partial(parse_column, rows.path), ("rows", "path"))
    for name, sign in (("delimiter", rows.csv.delimiter), ("quote", rows.csv.quote)):
        if len(sign) != 1 or sign in "\r\n\0":
            yield Fault(("rows", "csv", name), f"The {name} is one character")
    if rows.csv.delimiter == rows.csv.quote:
        yield Fault(("rows", "csv"), "Delimiter and quote are the same")


def _check_nodes(mapping: RowMapping) -> Iterator[Fault]:
    if not mapping.nodes:
        yield Fault(("nodes",), "The mapping names no nodes, so no row says anything")
    seen: set[str] = set()
    for index, node in enumerate(mapping.nodes):
        steps: Steps = ("nodes", index)
        if not node.node or node.node in seen:
            yield Fault((*steps, "node"), f"The name {node.node[:64]!r} is empty or stands twice")
        seen.add(node.node)
        yield from _check_key(node.key, (*steps, "key"))
        if node.each is not None:
            yield from _tried(partial(parse_column, node.each), (*steps, "each"))
        if not node.separator:
            yield Fault((*steps, "separator"), "A separator is at least one character")
        yield from _check_conditions(node.when, (*steps, "when"))
        yield from _check_time(node.stated, (*steps, "stated"))
        yield from _check_described(mapping, node, steps)


def _check_described(mapping: RowMapping, node: NodeMapping, steps: Steps) -> Iterator[Fault]:
    if node.type is None:
        said = [name for name in ("properties", "custom", "state", "uri") if getattr(node, name)]
        if said or node.own:
            yield Fault(steps, "A node that is described needs a type")
        return
    known = known_type(node.kind, node.type)
    if known is None:
        yield Fault((*steps, "type"), *_unknown_type(node.kind, node.type))
        return
    if node.uri is not None:
        if node.kind is not Kind.ARTIFACT:
            yield Fault((*steps, "uri"), "Only an artifact has a uri")
        yield from _check_template(node.uri, (*steps, "uri"))
    yield from _check_state(mapping, node, steps)
    yield from _check_properties(mapping, node, known, steps)
    for name in node.personal:
        if name not in node.custom:
            yield Fault((*steps, "personal"), f"No custom property is called {name[:64]!r}")


def _unknown_type(kind: Kind, name: str) -> tuple[str, str]:
    names = [known.name for known in KNOWN_TYPES if known.kind is kind]
    others = [known.kind for known in KNOWN_TYPES if known.name == name]
    if others:
        return f"{name} is a type of {others[0]}s, not of {kind}s", f"Write kind: {others[0]}."
    return f"There is no {kind} type {name[:64]!r}", _nearest(name, names)


def _nearest(name: str, names: Iterable[str]) -> str:
    """Return what to try instead of a name."""
    known = sorted(names)
    lower = {one.lower(): one for one in known}
    near = get_close_matches(name.lower(), lower, 1, 0.5)
    return f"Did you mean {lower[near[0]]!r}?" if near else f"There are {', '.join(known)}."


def _check_properties(
    mapping: RowMapping, node: NodeMapping, known: KnownType, steps: Steps
) -> Iterator[Fault]:
    declared = {spec.name: spec.type for spec in known.properties}
    for name, value in node.properties.items():
        at: Steps = (*steps, "properties", name)
        wanted = declared.get(name)
        if wanted is None:
            yield Fault(
                at,
                f"{known.name} has no property {name[:64]!r}",
                f"{_nearest(name, declared)} What no type knows goes into custom.",
            )
        else:
            yield from _check_value(mapping, value, wanted, at)
    for name, value in node.custom.items():
        yield from _check_value(mapping, value, None, (*steps, "custom", name))


def _check_state(mapping: RowMapping, node: NodeMapping, steps: Steps) -> Iterator[Fault]:
    at: Steps = (*steps, "state")
    states = STATES[node.kind]
    if node.state is None:
        return
    if not states:
        yield Fault(at, "A context has no state")
    elif isinstance(node.state, str):
        if node.state not in states:
            yield Fault(
                at, f"{node.state[:64]!r} is no {node.kind} state", _nearest(node.state, states)
            )
    else:
        yield from _check_value(mapping, node.state, PropertyType.STRING, at)
        yield from _check_choice(mapping, node.state, states, at)


def _check_choice(
    mapping: RowMapping, value: Value, words: Iterable[str], steps: Steps
) -> Iterator[Fault]:
    """Yield what a table or a constant gives that is none of the words."""
    allowed = set(words)
    table = mapping.tables.get(value.translate or "", {})
    given = [one for one in (*table.values(), value.value, value.default) if one is not None]
    for one in given:
        if one not in allowed:
            yield Fault(steps, f"{str(one)[:64]!r} is none of {', '.join(sorted(allowed))}")


def _check_value(
    mapping: RowMapping, value: str | Value, wanted: PropertyType | None, steps: Steps
) -> Iterator[Fault]:
    if isinstance(value, str):
        yield from _check_template(value, steps)
        if wanted not in {None, PropertyType.STRING}:
            yield Fault(
                steps, f"The property holds {wanted}, and a template gives text",
                "Write {column: NAME} instead.",
            )  # fmt: skip
        return
    if (value.column is None) is (value.value is None):
        yield Fault(steps, "A value has either a column or a value")
        return
    if value.column is not None:
        yield from _tried(partial(parse_column, value.column), steps)
    if value.zone is not None:
        yield from _tried(partial(zone_named, value.zone), (*steps, "zone"))
    if (value.format or value.zone or value.pattern) and value.form is not ValueForm.TIME:
        yield Fault(steps, "A format, a pattern or a zone is for as: time")
    else:
        yield from _check_pattern(value.pattern, value.format, steps)
    if not value.separator:
        yield Fault((*steps, "separator"), "A separator is at least one character")
    yield from _check_constants(mapping, value, wanted, steps)
    if value.column is not None and value.translate is None and value.form is not None:
        given = _GIVES[value.form]
        if wanted is not None and not _fits(given, wanted):
            yield Fault((*steps, "as"), f"The property holds {wanted}, and this gives {given}")


def _check_constants(
    mapping: RowMapping, value: Value, wanted: PropertyType | None, steps: Steps
) -> Iterator[Fault]:
    constants = {"value": value.value, "default": value.default}
    for name, constant in constants.items():
        yield from _check_constant(constant, wanted, (*steps, name))
    if value.translate is None:
        return
    table = mapping.tables.get(value.translate)
    if table is None:
        yield Fault(
            (*steps, "translate"),
            f"There is no table {value.translate[:64]!r}",
            _nearest(value.translate, mapping.tables) if mapping.tables else "Add it to tables.",
        )
        return
    if value.form is not None:
        yield Fault((*steps, "as"), "A table says itself what its values are")
    for text, given in table.items():
        yield from _check_constant(given, wanted, ("tables", value.translate, text))


def _check_constant(
    constant: JsonValue, wanted: PropertyType | None, steps: Steps
) -> Iterator[Fault]:
    if constant is None:
        return
    try:
        check_value(constant)
        given = value_type(constant)
    except LedgerError as error:
        yield Fault(steps, error.what, error.hint)
        return
    if wanted is not None and not _fits(given, wanted):
        yield Fault(steps, f"The property holds {wanted}, and this is {given}")


def _fits(given: PropertyType, wanted: PropertyType) -> bool:
    return given is wanted or (wanted is PropertyType.DOUBLE and given is PropertyType.INT)


def _check_ties(mapping: RowMapping) -> Iterator[Fault]:
    """Check what joins nodes: that both are there, and are of the kinds that can be joined."""
    for index, event in enumerate(mapping.events):
        steps: Steps = ("events", index)
        yield from _check_ref(mapping, event.artifact, {Kind.ARTIFACT}, (*steps, "artifact"))
        yield from _check_ref(mapping, event.execution, {Kind.EXECUTION}, (*steps, "execution"))
        yield from _check_conditions(event.when, (*steps, "when"))
    for index, membership in enumerate(mapping.memberships):
        steps = ("memberships", index)
        yield from _check_ref(mapping, membership.member, set(Kind), (*steps, "member"))
        yield from _check_ref(mapping, membership.context, {Kind.CONTEXT}, (*steps, "context"))
        yield from _check_conditions(membership.when, (*steps, "when"))
    for index, claim in enumerate(mapping.claims):
        steps = ("claims", index)
        yield from _check_ref(mapping, claim.node, set(Kind), (*steps, "node"))
        yield from _check_key(claim.identifier, (*steps, "identifier"))
        yield from _check_conditions(claim.when, (*steps, "when"))


def _check_serving(mapping: RowMapping, serving: ServingMapping, steps: Steps) -> Iterator[Fault]:
    yield from _check_key(serving.execution, (*steps, "execution"))
    yield from _check_time(serving.at, (*steps, "at"))
    yield from _check_time(serving.after, (*steps, "after"))
    yield from _check_ref(mapping, serving.deployment, {Kind.ARTIFACT}, (*steps, "deployment"))
    yield from _check_ref(mapping, serving.place, {Kind.CONTEXT}, (*steps, "place"))
    if serving.environment is not None:
        at: Steps = (*steps, "environment")
        yield from _check_ref(mapping, serving.environment, {Kind.CONTEXT}, at)
    for index, name in enumerate(serving.inputs):
        yield from _check_ref(mapping, name, {Kind.ARTIFACT}, (*steps, "inputs", index))
    if serving.trigger is not None:
        yield from _check_ref(mapping, serving.trigger, {Kind.ARTIFACT}, (*steps, "trigger"))
    if isinstance(serving.role, Value):
        yield from _check_value(mapping, serving.role, PropertyType.STRING, (*steps, "role"))
    if isinstance(serving.traffic, Value):
        yield from _check_value(mapping, serving.traffic, PropertyType.DOUBLE, (*steps, "traffic"))
    elif serving.traffic is not None and not 0 <= serving.traffic <= 1:
        yield Fault((*steps, "traffic"), "A share of the traffic is from 0 to 1")
    if serving.ends_with_row and (
        serving.action is not ServingAction.DEPLOY or not mapping.rows.whole
    ):
        yield Fault(
            (*steps, "ends_with_row"),
            "Only what a row deploys can end with it, and only where the rows are whole",
        )
    yield from _check_conditions(serving.when, (*steps, "when"))


def _check_ref(mapping: RowMapping, name: str, kinds: set[Kind], steps: Steps) -> Iterator[Fault]:
    found = next((node for node in mapping.nodes if node.node == name), None)
    if found is None:
        names = [node.node for node in mapping.nodes if node.kind in kinds]
        yield Fault(steps, f"No node is called {name[:64]!r}", _nearest(name, names))
    elif found.kind not in kinds:
        yield Fault(steps, f"{name!r} is {_A[found.kind]}, and {_A[min(kinds)]} is wanted")


def _check_conditions(conditions: Conditions, steps: Steps) -> Iterator[Fault]:
    single = isinstance(conditions, Condition)
    several = (conditions,) if isinstance(conditions, Condition) else conditions
    for index, one in enumerate(several):
        at: Steps = steps if single else (*steps, index)
        yield from _tried(partial(parse_column, one.column), (*at, "column"))
        words = (one.equals, one.among, one.present, one.absent)
        if all(word is None for word in words):
            yield Fault(at, "A condition asks nothing", "Add equals, in, present or absent.")


def _check_time(time: Time | None, steps: Steps) -> Iterator[Fault]:
    if time is not None:
        yield from _tried(partial(parse_column, time.column), (*steps, "column"))
        yield from _tried(partial(zone_named, time.zone), (*steps, "zone"))
        yield from _check_pattern(time.pattern, time.format, steps)


def _check_pattern(pattern: str | None, form: TimeForm | None, steps: Steps) -> Iterator[Fault]:
    if pattern is None:
        return
    place = (*steps, "pattern")
    if form not in {TimeForm.LOCAL, TimeForm.DATE}:
        yield Fault(place, "A pattern is for the formats local and date")
    letters = re.findall(r"%(.?)", pattern)
    if unknown := [one for one in letters if one not in PATTERN_LETTERS or not one]:
        known = " ".join(f"%{one}" for one in PATTERN_LETTERS)
        yield Fault(place, f"%{unknown[0]} is not in a pattern: {known}")
    elif not ({"d", "m"} <= set(letters) and {"Y", "y"} & set(letters)):
        yield Fault(place, "A pattern has a day, a month and a year: %d %m %Y")
    elif form is TimeForm.DATE and set(letters) & set("HIMSfp"):
        yield Fault(place, "A day has no hours: a pattern with them is for the format local")
    elif len(set(letters) - {"%"}) != len([one for one in letters if one != "%"]):
        yield Fault(place, "A pattern names each part of a time once")


def _check_key(template: str, steps: Steps) -> Iterator[Fault]:
    yield from _check_template(template, steps)
    if not template.startswith("{+") and _SCHEME.match(template) is None:
        yield Fault(
            steps,
            f"{template[:64]!r} makes no identifier",
            "Begin with a scheme: mytool:model/{name}; {+column} takes a whole identifier.",
        )


def _check_template(template: str, steps: Steps) -> Iterator[Fault]:
    yield from _tried(partial(parse_template, template), steps)


def _tried(check: Callable[[], object], steps: Steps) -> Iterator[Fault]:
    try:
        check()
    except InvalidInputError as error:
        yield Fault(steps, error.what, error.hint)


def forms_of(node: NodeMapping) -> Mapping[str, ValueForm]:
    """Return what each property's column is read as, where the mapping leaves it to the type."""
    known = None if node.type is None else known_type(node.kind, node.type)
    specs = () if known is None else known.properties
    return {spec.name: FORMS[spec.type] for spec in specs}
