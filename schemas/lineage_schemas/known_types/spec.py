"""What a well-known type says of itself, and the short hands its tables are written in.

A property is one of the five plain types of ML Metadata. A list is an object with the one key
``items``; a table by name (features, slices, libraries) is an object with those names as keys. A
time is text in RFC 3339, in UTC. A unit is the last word of a property's name.
"""

from __future__ import annotations

from msgspec import Struct

from lineage_schemas.mlmd import Kind
from lineage_schemas.values import PropertyType


class PropertySpec(Struct, frozen=True):
    """One property of a well-known type.

    The value of a ``personal`` one names or describes a person; it goes to the erasable personal
    part of a statement, whether or not the record asks for that.
    """

    name: str
    type: PropertyType
    description: str
    personal: bool = False


class KnownType(Struct, frozen=True, kw_only=True):
    """A well-known or system type. ``base_type`` names the system type it is a kind of."""

    kind: Kind
    name: str
    version: str | None = None
    base_type: str | None = None
    description: str
    properties: tuple[PropertySpec, ...] = ()


def text(name: str, description: str) -> PropertySpec:
    """Return a property that holds text."""
    return PropertySpec(name, PropertyType.STRING, description)


def whole(name: str, description: str) -> PropertySpec:
    """Return a property that holds a whole number of 64 bits."""
    return PropertySpec(name, PropertyType.INT, description)


def number(name: str, description: str) -> PropertySpec:
    """Return a property that holds a float."""
    return PropertySpec(name, PropertyType.DOUBLE, description)


def struct(name: str, description: str) -> PropertySpec:
    """Return a property that holds an object."""
    return PropertySpec(name, PropertyType.STRUCT, description)


def flag(name: str, description: str) -> PropertySpec:
    """Return a property that is true or false."""
    return PropertySpec(name, PropertyType.BOOLEAN, description)


def person(name: str, description: str) -> PropertySpec:
    """Return a property that names one person (or team), as text."""
    return PropertySpec(name, PropertyType.STRING, description, personal=True)


def people(name: str, description: str) -> PropertySpec:
    """Return a property that names several people: an object with the key ``items``."""
    return PropertySpec(name, PropertyType.STRUCT, description, personal=True)


SHARED: tuple[PropertySpec, ...] = (
    text("display_name", "What people call it, such as 'run 847'; a label, never an identity."),
    text("description", "What it is, in its owner's words."),
    text("source_type", "What the source itself calls this kind of thing."),
    text("source_state", "The state it is in, in the source's own word."),
    text("source_url", "Where a person can look at it in the source."),
    struct("tags", "Free labels: an object of names and texts."),
    person("owner", "Who answers for it."),
)
"""What every well-known type carries besides its own properties."""
