"""Which fields of which records name nodes, and of which kind."""

from __future__ import annotations

from typing import Final

from lineage_schemas.mlmd import (
    Association,
    Attribution,
    Event,
    Kind,
    ParentContext,
    Record,
)
from lineage_schemas.records import Claim, MetricSeries, Retraction

REF_FIELDS: Final[dict[type[Record], tuple[tuple[str, Kind | None], ...]]] = {
    Event: (("artifact", Kind.ARTIFACT), ("execution", Kind.EXECUTION)),
    Attribution: (("context", Kind.CONTEXT), ("artifact", Kind.ARTIFACT)),
    Association: (("context", Kind.CONTEXT), ("execution", Kind.EXECUTION)),
    ParentContext: (("child", Kind.CONTEXT), ("parent", Kind.CONTEXT)),
    MetricSeries: (("execution", Kind.EXECUTION),),
    Claim: (("node", None),),
    Retraction: (("node", None),),
}
"""Field names with the kind they name; ``None``: the record's own ``kind`` says which."""
