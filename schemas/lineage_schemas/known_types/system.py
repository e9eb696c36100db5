"""ML Metadata's nine system types. Their place in this table, from 1, is their id for ever."""

from __future__ import annotations

from typing import Final

from lineage_schemas.known_types.spec import KnownType
from lineage_schemas.mlmd import Kind

SYSTEM_TYPES: Final[tuple[KnownType, ...]] = (
    KnownType(kind=Kind.ARTIFACT, name="mlmd.Dataset", description="Data, in any shape."),
    KnownType(kind=Kind.ARTIFACT, name="mlmd.Model", description="A model, in any shape."),
    KnownType(kind=Kind.ARTIFACT, name="mlmd.Metrics", description="Figures about a model."),
    KnownType(kind=Kind.ARTIFACT, name="mlmd.Statistics", description="Figures about data."),
    KnownType(kind=Kind.EXECUTION, name="mlmd.Train", description="Makes a model from data."),
    KnownType(kind=Kind.EXECUTION, name="mlmd.Transform", description="Makes data from data."),
    KnownType(kind=Kind.EXECUTION, name="mlmd.Process", description="Does anything else."),
    KnownType(kind=Kind.EXECUTION, name="mlmd.Evaluate", description="Measures a model."),
    KnownType(kind=Kind.EXECUTION, name="mlmd.Deploy", description="Puts a model to work."),
)
