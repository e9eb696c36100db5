"""What every message of GitHub's says alike: times, repositories, commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from lineage.connectors.dvc.naming import commit_key
from lineage.connectors.github.naming import Naming
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant, instant_of, instant_us, parse_instant
from lineage_schemas.mlmd import Artifact, Context, Event, EventKind, ExecutionState
from lineage_schemas.outside.github import Commit, Person
from lineage_schemas.records import AnyRecord, Precision, StatedTime
from lineage_schemas.uris import without_passwords
from lineage_schemas.values import JsonValue

RUN: Final = "lineage.Run"
REVISION: Final = "lineage.CodeRevision"

_TIMES_END: Final = instant_us(datetime(9999, 12, 31, tzinfo=UTC))
"""A time zone may put what is written in year 9999 into one that nothing here can show."""

_SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_NO_COMMIT: Final = re.compile("0+")

_CONCLUSIONS: Final[dict[str, ExecutionState]] = {
    "success": ExecutionState.COMPLETE,
    "neutral": ExecutionState.COMPLETE,
    "failure": ExecutionState.FAILED,
    "timed_out": ExecutionState.FAILED,
    "startup_failure": ExecutionState.FAILED,
    "cancelled": ExecutionState.CANCELED,
    "skipped": ExecutionState.CANCELED,
    "stale": ExecutionState.CANCELED,
}
"""``action_required`` is not among them: it waits for somebody."""


class Told(Struct, frozen=True):
    """What a message states, and from when on. ``is_empty``: it says nothing of lineage."""

    stated: StatedTime
    records: tuple[AnyRecord, ...]
    flags: tuple[str, ...] = ()
    is_empty: bool = False


def stated_at(at: datetime | None) -> StatedTime:
    """Return the time that a message states."""
    return StatedTime(start=at) if at is not None else StatedTime(precision=Precision.UNKNOWN)


def time_of(*texts: JsonValue) -> datetime | None:
    """Return the first of these times that can be one: from 1970 to the last day of 9999.

    A push has seconds since the epoch where all others have text.
    """
    found = _first(texts)
    return None if found is None else instant_of(found)


def moment_of(*texts: JsonValue) -> str | None:
    """Return the first of these times as text in its one spelling."""
    found = _first(texts)
    return None if found is None else format_instant(found)


def _first(texts: Iterable[JsonValue]) -> int | None:
    found = (_microseconds(text) for text in texts)
    return next((one for one in found if one is not None and 0 <= one < _TIMES_END), None)


def _microseconds(text: JsonValue) -> int | None:
    if isinstance(text, int) and not isinstance(text, bool):
        return text * 1_000_000 if text < 2**33 else None
    try:
        return parse_instant(text) if isinstance(text, str) else None
    except InvalidInputError:
        return None  # what follows may be one; the message keeps this one as it came


def without_empty(properties: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Leave out what is not said: GitHub writes it as null or as an empty text."""
    return {name: value for name, value in properties.items() if value not in (None, "")}


def shown_url(url: str | None) -> str | None:
    """Return where a person can look, without credentials."""
    return without_passwords(url) if url else None


def run_state(status: str | None, conclusion: str | None) -> ExecutionState | None:
    """Return the state of a run or a job, once it is under way.

    GitHub counts in seconds, so what was asked for and what runs may have one time: that it waits
    is not said, or it might show for what already runs.
    """
    if status == "completed":
        return _CONCLUSIONS.get(conclusion or "")
    return ExecutionState.RUNNING if status == "in_progress" else None


def run_word(status: str | None, conclusion: str | None) -> str | None:
    """Return GitHub's own word for that state."""
    if status == "completed":
        return conclusion
    return status if status == "in_progress" else None


def is_commit(sha: str | None) -> bool:
    """Tell whether a text is a whole commit id, and not the one that stands for none."""
    return bool(sha) and bool(_SHA.fullmatch(sha or "")) and not _NO_COMMIT.fullmatch(sha or "")


def say_project(naming: Naming) -> Context:
    """Return the repository as a context."""
    repository = naming.repository
    return Context(
        key=naming.project,
        type="lineage.Project",
        properties=without_empty(
            {
                "display_name": repository.full_name,
                "repository": naming.address,
                "source_type": "github.Repository",
                "source_url": shown_url(repository.html_url),
            }
        ),
        custom_properties={"github.repository_id": repository.id},
    )


def say_code(
    sha: str, execution: str, address: str, known: Commit | None = None, path: str = "code"
) -> Iterator[AnyRecord]:
    """Yield the commit that a step was about, and that it went into the step.

    Raises:
        InvalidInputError: this is no whole commit id.
    """
    yield say_commit(sha, address, known)
    yield Event(
        artifact=commit_key(sha.lower()), execution=execution, kind=EventKind.INPUT, path=(path,)
    )


def say_commit(
    sha: str, address: str, known: Commit | None = None, more: Mapping[str, JsonValue] | None = None
) -> Artifact:
    """Return a commit with what a message shows of it.

    Raises:
        InvalidInputError: this is no whole commit id.
    """
    if not is_commit(sha):
        raise InvalidInputError("This is no whole commit id", where=sha[:64])
    shown = known if known is not None and known.id.lower() == sha.lower() else None
    lines = ((shown.message if shown else None) or "").splitlines()
    message = lines[0].strip() if lines else None
    properties: dict[str, JsonValue] = {
        "display_name": message or sha.lower()[:12],
        "commit": sha.lower(),
        "repository": address,
        "message": message,
        "committed_time": moment_of(shown.timestamp) if shown else None,
        "author": shown_person(shown.author) if shown else None,
        "committer": shown_person(shown.committer) if shown else None,
        "source_url": shown_url(shown.url) if shown else None,
        **(more or {}),
    }
    if shown is None:
        # Others know more of it than its id, and the id is no better name.
        del properties["display_name"]
    return Artifact(
        key=commit_key(sha.lower()), type=REVISION, properties=without_empty(properties)
    )


def shown_person(person: Person | None) -> str | None:
    """Return a person as git writes one."""
    if person is None or not (person.name or person.email):
        return None
    return f"{person.name or ''} <{person.email or ''}>".strip()
