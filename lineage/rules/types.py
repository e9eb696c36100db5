"""The rules of types: what a second put may change, and what a type allows of a node."""

from __future__ import annotations

from lineage_schemas.errors import AlreadyExistsError, InvalidInputError, PreconditionError
from lineage_schemas.mlmd import NodeRecord, TypeRecord
from lineage_schemas.values import JsonValue, PropertyType, value_type


def check_properties(record: NodeRecord, definition: TypeRecord, *, strict: bool) -> None:
    """Refuse properties that the type does not declare, or declares otherwise.

    ``strict`` is ML Metadata's way, for commands: a whole number is no DOUBLE. Observations may say
    5 for 5.0, because many tools' JSON cannot tell the two apart.

    Raises:
        InvalidInputError: names the property, and what the type declares.
    """
    declared = definition.properties
    for name, value in record.properties.items():
        expected = declared.get(name)
        if expected is None:
            raise InvalidInputError(
                f"Found unknown property type: {name}",
                where=f"type {definition.name}",
                hint="Declare it in the type, or use custom_properties.",
            )
        if not _fits(value, expected, strict=strict):
            raise InvalidInputError(
                f"Found unmatched property type: {name}",
                where=f"type {definition.name}",
                hint=f"The type declares it as {expected.value}.",
            )


def check_evolution(old: TypeRecord, new: TypeRecord) -> None:
    """Refuse a second put of a type that would change what the first one promised.

    Raises:
        AlreadyExistsError: a property is missing, added or of another value type, and the put's
            flags do not allow it.
        PreconditionError: the base type would change.
    """
    for name, value_kind in new.properties.items():
        stored = old.properties.get(name)
        if stored is None and not new.can_add_fields:
            raise AlreadyExistsError(
                "The type exists, without this property",
                where=f"{new.name}.{name}",
                hint="Put it with can_add_fields, or under a new version.",
            )
        if stored is not None and stored is not value_kind:
            raise AlreadyExistsError(
                f"The type declares this property as {stored.value}, not {value_kind.value}",
                where=f"{new.name}.{name}",
                hint="Put the type under a new version.",
            )
    if not new.can_omit_fields:
        missing = sorted(set(old.properties) - set(new.properties))
        if missing:
            raise AlreadyExistsError(
                "The type exists, with properties that this put leaves out",
                where=f"{new.name}: {', '.join(missing)[:128]}",
                hint="Put it with can_omit_fields, or with all its properties.",
            )
    if old.base_type and new.base_type and new.base_type != old.base_type:
        raise PreconditionError(
            f"The base type is {old.base_type} and cannot become {new.base_type}", where=new.name
        )


def _fits(value: JsonValue, expected: PropertyType, *, strict: bool) -> bool:
    if value is None:
        return not strict
    found = value_type(value)
    return found is expected or (
        not strict and expected is PropertyType.DOUBLE and found is PropertyType.INT
    )
