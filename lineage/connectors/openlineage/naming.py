"""What things from OpenLineage are called here: statements and custom properties.

Nodes go by the identifiers of ``lineage_schemas.identifiers``.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from lineage_schemas.identifiers import run_identifier
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.outside.openlineage import (
    Dataset,
    EventType,
    Job,
)

PREFIX: Final = "openlineage."
"""Before the name of every custom property of this connector."""

PRODUCER: Final = "openlineage.producer"
SCHEMA_URL: Final = "openlineage.schemaURL"
INPUTS: Final = "openlineage.inputs"
OUTPUTS: Final = "openlineage.outputs"
RUN_ID_NOT_UUID: Final = "openlineage.run_id_not_uuid"
INTEGERS_AS_TEXT: Final = "openlineage.integers_as_text"
DEEP_AS_TEXT: Final = "openlineage.deep_as_text"
NOT_UNDERSTOOD: Final = "openlineage.not_understood"
COLUMNS_LEFT_OUT: Final = "openlineage.columns_left_out"

_OWN: Final = frozenset(
    {
        *(PRODUCER, SCHEMA_URL, INPUTS, OUTPUTS),
        *(RUN_ID_NOT_UUID, INTEGERS_AS_TEXT, DEEP_AS_TEXT, NOT_UNDERSTOOD, COLUMNS_LEFT_OUT),
    }
)
_OWN_FOLDERS: Final = ("facet/", "input/", "output/")

_NAMES: Final = uuid5(NAMESPACE_URL, "https://openlineage.io")
"""The namespace of our version 5 UUIDs. It is part of every statement id: it never changes."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_PLAIN_RUN_ID_BYTES_MAX: Final = 256
_NUMBER_BYTES: Final = 8  # room for what tells apart two facets of one data set, such as "#2"


def is_uuid(run_id: str) -> bool:
    """Tell whether a run's id is what the specification asks for."""
    return _UUID.fullmatch(run_id) is not None


def run_statement(run_id: str, event_type: EventType | None, moment: str) -> str:
    """Name what is said of a run: one statement a run, transition and time."""
    plain = run_identifier(run_id).removeprefix("ol:run/")
    if len(plain.encode()) > _PLAIN_RUN_ID_BYTES_MAX:
        plain = str(uuid5(_NAMES, plain))
    return f"run/{plain}/{event_type or EventType.OTHER}/{moment}"


def job_statement(job: Job, moment: str) -> str:
    """Name what is said of a job, whose name is too long for a statement id."""
    return f"job/{_uuid_of(job.namespace, job.name)}/{moment}"


def dataset_statement(dataset: Dataset, moment: str) -> str:
    """Name what is said of a data set, whose name is too long for a statement id."""
    return f"dataset/{_uuid_of(dataset.namespace, dataset.name)}/{moment}"


def _uuid_of(namespace: str, name: str) -> UUID:
    return uuid5(_NAMES, f"{namespace}\0{name}")


def facet_property(facet: str) -> tuple[str, bool]:
    """Name the custom property that keeps a facet, and tell whether the facet's own name is in it.

    A facet whose name is also one of ours stands in a folder of its own.
    """
    name = PREFIX + facet
    if name in _OWN or facet.startswith(_OWN_FOLDERS):
        name = f"{PREFIX}facet/{facet}"
    return _fitting(name, f"{PREFIX}facet/")


def dataset_facet_property(direction: str, dataset: str, facet: str) -> tuple[str, bool]:
    """Name the custom property of a run that keeps a facet of one reading or writing.

    ``direction`` is ``input`` or ``output``, ``dataset`` the data set's identifier. The second of
    the pair tells whether both names are in it; what does not fit is named by a UUID.
    """
    folder = f"{PREFIX}{direction}/"
    return _fitting(f"{folder}{dataset}/{facet}", folder)


def _fitting(name: str, folder: str) -> tuple[str, bool]:
    if len(name.encode()) <= NAME_BYTES_MAX - _NUMBER_BYTES:
        return name, True
    return f"{folder}{uuid5(_NAMES, name)}", False
