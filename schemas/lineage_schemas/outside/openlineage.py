"""OpenLineage's three messages, and the facets that say more than a property.

The wire format of core 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json), read tolerantly:
unknown fields are passed over, ``null`` means absent, and facets stay plain JSON, since anybody may
define one. What OpenLineage calls an *event* is a *message* here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue

Facets = dict[str, JsonValue]
"""Facets by name; by the specification each is an object."""


class EventType(StrEnum):
    """The transitions of a run."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"


class Run(Struct, frozen=True, rename="camel"):
    """One run of a job. The id should be a UUID, and not every producer sends one."""

    run_id: str
    facets: Facets | None = None


class Job(Struct, frozen=True):
    """A job, which runs again and again."""

    namespace: str
    name: str
    facets: Facets | None = None


class Dataset(Struct, frozen=True):
    """A data set as a subject of its own."""

    namespace: str
    name: str
    facets: Facets | None = None


class InputDataset(Dataset, frozen=True, rename="camel"):
    """A data set that is read; its input facets belong to this reading only."""

    input_facets: Facets | None = None


class OutputDataset(Dataset, frozen=True, rename="camel"):
    """A data set that is written; its output facets belong to this writing only."""

    output_facets: Facets | None = None


class BaseEvent(Struct, frozen=True, rename="camel", kw_only=True):
    """What the three messages share."""

    event_time: str
    producer: str | None = None
    schema_url: str | None = field(default=None, name="schemaURL")


class RunEvent(BaseEvent, frozen=True, rename="camel", kw_only=True):
    """Something happened to a run."""

    run: Run
    job: Job
    event_type: EventType | None = None
    inputs: list[InputDataset] | None = None
    outputs: list[OutputDataset] | None = None


class JobEvent(BaseEvent, frozen=True, rename="camel", kw_only=True):
    """A job is described, apart from any run."""

    job: Job
    inputs: list[InputDataset] | None = None
    outputs: list[OutputDataset] | None = None


class DatasetEvent(BaseEvent, frozen=True, rename="camel", kw_only=True):
    """A data set is described, apart from any run."""

    dataset: Dataset


AnyEvent = RunEvent | JobEvent | DatasetEvent


class RunOfJob(Struct, frozen=True):
    """Names a run together with its job."""

    run: Run
    job: Job


class ParentFacet(RunOfJob, frozen=True):
    """The run facet ``parent``: who started this run, and who stands at the top of it all."""

    root: RunOfJob | None = None


class Symlink(Struct, frozen=True):
    """Another name of a data set."""

    namespace: str
    name: str
    type: str | None = None


class SymlinksFacet(Struct, frozen=True):
    """The dataset facet ``symlinks``."""

    identifiers: list[Symlink] | None = None


_ABSENT: Final = Raw(b"")
_NOTHING: Final = frozenset({b"", b"null"})
_HINTS: Final = {
    "$": "Send one OpenLineage message: a JSON object with a run and a job, a job, or a dataset.",
    "$.run": "A run needs a runId, which is a UUID.",
    "$.job": "A job needs a namespace and a name.",
    "$.eventType": f"Use one of {', '.join(EventType)}, or leave it out.",
}


class _Form(Struct, frozen=True, rename="camel"):
    """Only which of the deciding fields are there."""

    run: Raw = _ABSENT
    job: Raw = _ABSENT
    dataset: Raw = _ABSENT
    event_type: Raw = _ABSENT


_FORM: Final = msgspec.json.Decoder(_Form)
_RUN_EVENT: Final = msgspec.json.Decoder(RunEvent)
_JOB_EVENT: Final = msgspec.json.Decoder(JobEvent)
_DATASET_EVENT: Final = msgspec.json.Decoder(DatasetEvent)


def decode_event(body: bytes) -> AnyEvent:
    """Read one message: with a run a run event, else with a job a job event, else a dataset event.

    Raises:
        DecodeError: not JSON in UTF-8, no message, or a field that is missing or of a wrong type;
            ``where`` is its JSON path.
    """
    try:
        body.decode()  # the decoder does not look into the texts that it passes over
        form = _FORM.decode(body)
        if bytes(form.run) not in _NOTHING:
            return _RUN_EVENT.decode(body)
        if bytes(form.job) not in _NOTHING:
            if bytes(form.event_type) not in _NOTHING:
                raise DecodeError(
                    "A message with an eventType has no run", where="$.run", hint=_HINTS["$.run"]
                )
            return _JOB_EVENT.decode(body)
        if bytes(form.dataset) not in _NOTHING:
            return _DATASET_EVENT.decode(body)
    except UnicodeDecodeError as error:
        raise DecodeError(f"The message is not UTF-8: {error}", where="$") from error
    except RecursionError as error:
        raise DecodeError("The message is nested too deep", where="$") from error
    except msgspec.MsgspecError as error:
        raise _misread(error) from error
    raise DecodeError("The message has no run, no job and no dataset", where="$", hint=_HINTS["$"])


def _misread(error: msgspec.MsgspecError) -> DecodeError:
    """Tell what, where and what to try from the decoder's own words."""
    if not isinstance(error, msgspec.ValidationError):
        return DecodeError(f"The message is not JSON: {error}", where="$", hint=_HINTS["$"])
    what, _, path = str(error).partition(" - at ")
    where = path.strip("`") or "$"
    return DecodeError(what, where=where, hint=_HINTS.get(where, ""))
