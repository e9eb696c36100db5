"""What the three ways of reading MLflow share: choices, and what is known already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.mlflow.documents import (
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_FILE,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    SERIES,
    Point,
    Shown,
    checked,
    model_file_document,
    model_file_subject,
    series_document,
    series_subject,
)
from lineage.connectors.mlflow.turns import decode, is_gone, without_turns
from lineage.connectors.scanning import Document, Known, Memory, Unread
from lineage.connectors.yaml_documents import read_yaml
from lineage.rules.secrets import filter_secrets
from lineage_schemas.errors import DecodeError, LedgerError
from lineage_schemas.limits import METRIC_SERIES_POINTS_MAX
from lineage_schemas.values import JsonValue

TOOL: Final = "mlflow"

LISTED: Final = (EXPERIMENT, RUN, LOGGED_MODEL, REGISTERED_MODEL, MODEL_VERSION)
"""The kinds that can be listed whole. The rest belongs to them and is gone with them."""

ARTIFACTS_MAX: Final = 1_000

Found = Document | Unread


class SeriesChoice(StrEnum):
    """Of which metrics the values by step are read.

    ``STEPPED``: of those whose last step is above 0. ``ALL``: of every metric that was logged more
    than once or at a step, which a server must be asked for one by one.
    """

    ALL = "all"
    STEPPED = "stepped"
    NONE = "none"


class ReadingOptions(Struct, frozen=True, kw_only=True):
    """What is read, beyond what always is.

    ``artifacts_max``: how many files of a run are listed at the most (0: none). ``hash_bytes_max``:
    the contents of those that are no longer than this are read, for their digests (0: of none).
    """

    series: SeriesChoice = SeriesChoice.STEPPED
    artifacts_max: int = ARTIFACTS_MAX
    hash_bytes_max: int = 0


DEFAULT_OPTIONS: Final = ReadingOptions()


def is_known(document: Document, known: Known | None) -> bool:
    """Tell whether a thing is known as this document shows it."""
    if known is None or known.body is None:
        return False
    # Secrets were replaced before it was kept.
    return without_turns(known.body) == filter_secrets(document.body)[0]


def known_again(memory: Memory, kind: str, subject: str) -> Document | None:
    """Return the last known document of a thing that need not be read again, if there is one."""
    known = memory.known((subject,)).get(subject)
    if known is None or known.body is None or is_gone(decode(known.body)):
        return None
    return Document(kind, subject, without_turns(known.body))


def known_series(memory: Memory, run_id: str, metric: str) -> Iterator[Document]:
    """Yield the known chunks of a metric by step; behind one that is not full there is none."""
    chunk = 0
    while document := known_again(memory, SERIES, series_subject(run_id, metric, chunk)):
        yield document
        if len(points_of(document)) < METRIC_SERIES_POINTS_MAX:
            return
        chunk += 1


def points_of(chunk: Document) -> list[JsonValue]:
    """Return the points of a chunk of a metric by step."""
    points = decode(chunk.body).get("points")
    return points if isinstance(points, list) else []


def has_series(choice: SeriesChoice, last_step: int, point_count: int | None = None) -> bool:
    """Tell whether the values by step of a metric are read; its count may not be known yet."""
    if choice is SeriesChoice.NONE:
        return False
    if last_step > 0:
        return True
    return choice is SeriesChoice.ALL and point_count != 1


def chunks(run_id: str, metric: str, points: Iterable[Point]) -> Iterator[Found]:
    """Yield the documents of a metric by step, holding one chunk at a time."""
    waiting = iter(points)
    chunk = 0
    while part := list(islice(waiting, METRIC_SERIES_POINTS_MAX)):
        yield checked(series_document(run_id, metric, chunk, part))
        chunk += 1


def series(run_id: str, metric: str, points: Iterable[Point], last_step: int) -> Iterator[Found]:
    """Yield the documents of a metric by step, unless all there is, is one value at step 0."""
    waiting = iter(points)
    first = list(islice(waiting, 2))
    if last_step > 0 or len(first) > 1:
        yield from chunks(run_id, metric, _joined(first, waiting))


def _joined(first: list[Point], rest: Iterator[Point]) -> Iterator[Point]:
    yield from first
    yield from rest


def model_file(model_id: str, text: bytes) -> Found:
    """Read an ``MLmodel`` file."""
    try:
        return checked(model_file_document(model_id, read_object(text)))
    except LedgerError as error:
        return Unread(MODEL_FILE, model_file_subject(model_id), str(error))


def digests(blocks: Iterable[bytes]) -> dict[str, JsonValue]:
    """Return the digests of contents: the one that other tools have, and the one that proves."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    for block in blocks:
        md5.update(block)
        sha256.update(block)
    return {"md5": md5.hexdigest(), "sha256": sha256.hexdigest()}


def read_object(text: bytes) -> dict[str, JsonValue]:
    """Return the object that a YAML file of MLflow's holds.

    Raises:
        DecodeError: not YAML, or no object.
        LimitExceededError: longer or deeper than a document may be.
    """
    value = read_yaml(text)
    if not isinstance(value, dict):
        raise DecodeError("A YAML file of MLflow's holds an object, and this one does not")
    return value


def composed(compose: Callable[[Shown], Document], kind: str, shown: Shown) -> Found:
    """Make a document of what is shown; what makes no sense is unread, and the rest goes on."""
    try:
        return checked(compose(shown))
    except LedgerError as error:
        beginning = msgspec.json.encode(shown)[:100].decode(errors="replace")
        return Unread(kind, f"{kind}/?", f"{error} It begins with {beginning}")


def has_no_name(found: Found) -> bool:
    """Tell whether something is unread of which not even the subject is known."""
    return isinstance(found, Unread) and found.subject.endswith("/?")
