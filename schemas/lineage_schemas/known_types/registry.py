"""All well-known types in the order of their ids.

The first entries of every namespace put these types, so a type's place here is its id, from 1.
New types are added at the end of ``KNOWN_TYPES``, never between.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from lineage_schemas.known_types.contexts import CONTEXT_TYPES
from lineage_schemas.known_types.data import DATA_TYPES
from lineage_schemas.known_types.models import MODEL_TYPES
from lineage_schemas.known_types.operations import OPERATION_TYPES
from lineage_schemas.known_types.places import PLACE_TYPES
from lineage_schemas.known_types.repositories import REPOSITORY_TYPES
from lineage_schemas.known_types.runs import RUN_TYPES
from lineage_schemas.known_types.spec import KnownType
from lineage_schemas.known_types.system import SYSTEM_TYPES
from lineage_schemas.mlmd import ArtifactType, ContextType, ExecutionType, Kind

# Appending to a group would move every type behind it: what comes later gets a tuple of its own.
KNOWN_TYPES: Final[tuple[KnownType, ...]] = (
    *SYSTEM_TYPES,
    *DATA_TYPES,
    *RUN_TYPES,
    *MODEL_TYPES,
    *OPERATION_TYPES,
    *CONTEXT_TYPES,
    *REPOSITORY_TYPES,
    *PLACE_TYPES,
)

_BY_NAME: Final = MappingProxyType({(known.kind, known.name): known for known in KNOWN_TYPES})
_NOBODY: Final[frozenset[str]] = frozenset()
_PERSONAL: Final = MappingProxyType(
    {
        key: frozenset(spec.name for spec in known.properties if spec.personal)
        for key, known in _BY_NAME.items()
    }
)
_RECORDS: Final = {
    Kind.ARTIFACT: ArtifactType,
    Kind.EXECUTION: ExecutionType,
    Kind.CONTEXT: ContextType,
}


def known_type(kind: Kind, name: str) -> KnownType | None:
    """Return the well-known or system type of that kind and name, or ``None``."""
    return _BY_NAME.get((kind, name))


def personal_properties(kind: Kind, type_name: str) -> frozenset[str]:
    """Return the properties of a type that name people; of an unknown type, none."""
    return _PERSONAL.get((kind, type_name), _NOBODY)


def type_records() -> tuple[ArtifactType | ExecutionType | ContextType, ...]:
    """Return all well-known types as records, in the order of their ids."""
    return tuple(
        _RECORDS[known.kind](
            name=known.name,
            version=known.version,
            description=known.description,
            base_type=known.base_type,
            properties={spec.name: spec.type for spec in known.properties},
        )
        for known in KNOWN_TYPES
    )
