"""What belongs to a run and is asked for by itself: its metrics by step, and its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from msgspec import Struct

from lineage.connectors.mlflow import asking
from lineage.connectors.mlflow.documents import (
    ARTIFACTS,
    SERIES,
    Shown,
    artifacts_document,
    artifacts_subject,
    checked,
    series_document,
    series_subject,
)
from lineage.connectors.mlflow.reading import (
    Found,
    ReadingOptions,
    digests,
    has_series,
    is_known,
    known_again,
    known_series,
    points_of,
    series,
)
from lineage.connectors.mlflow.turns import Body, decode
from lineage.connectors.scanning import Document, Known, Memory, Unread
from lineage.connectors.transport import SourceError, SourceUnreachableError, Transport

FOLDERS_MAX: Final = 200
"""Folders of one run that are looked into."""

ARTIFACT_FAILURES_MAX: Final = 5
"""So many lists of files (or contents of them) in a row that the server could not give, and no more
are asked for."""

KNOWN_AT_ONCE: Final = 32
"""So many known details are asked for together: each may be a chunk of a metric, and is held."""

_NOT_ENDED: Final = frozenset({"RUNNING", "SCHEDULED"})


class _Waiting(Struct, frozen=True):
    """A run of a page, and the subjects of what is known of it already, if it is settled."""

    found: Found
    run: Body
    is_settled: bool
    belongings: tuple[str, ...]


class RunDetails:
    """Reads the details of runs, where a run is new, has changed or still runs."""

    def __init__(
        self, transport: Transport, memory: Memory, options: ReadingOptions, *, is_whole: bool
    ) -> None:
        self._transport = transport
        self._memory = memory
        self._options = options
        self._is_whole = is_whole
        self._lists = _Patience()
        self._contents = _Patience()

    def read(self, page: list[Found]) -> Iterator[Found]:
        """Yield each run of a page, with its details behind it.

        Raises:
            SourceUnreachableError: the server is gone.
        """
        known = self._memory.known([found.subject for found in page])
        waiting: list[_Waiting] = []
        for found in page:
            waiting.append(self._waiting(found, known))
            if sum(len(one.belongings) for one in waiting) >= KNOWN_AT_ONCE:
                yield from self._all_of(waiting)
                waiting = []
        yield from self._all_of(waiting)

    def _waiting(self, found: Found, known: Mapping[str, Known]) -> _Waiting:
        if isinstance(found, Unread):
            return _Waiting(found, {}, is_settled=False, belongings=())
        run = decode(found.body)
        is_settled = _has_ended(run) and is_known(found, known.get(found.subject))
        return _Waiting(
            found,
            run,
            is_settled=is_settled,
            belongings=tuple(islice(self._belongings(run), KNOWN_AT_ONCE)) if is_settled else (),
        )

    def _belongings(self, run: Body) -> Iterator[str]:
        """Yield the subjects of a run's details; of a series, of its first chunk."""
        run_id = str(run["run_id"])
        if self._options.artifacts_max:
            yield artifacts_subject(run_id)
        for metric, last_step in _last_steps(run).items():
            if has_series(self._options.series, last_step):
                yield series_subject(run_id, metric, 0)

    def _all_of(self, waiting: list[_Waiting]) -> Iterator[Found]:
        memory = _AskedAhead(self._memory, [name for one in waiting for name in one.belongings])
        for one in waiting:
            yield one.found
            if isinstance(one.found, Document):
                yield from self._details(one.run, memory, is_settled=one.is_settled)

    def _details(self, run: Body, memory: Memory, *, is_settled: bool) -> Iterator[Found]:
        run_id = str(run["run_id"])
        for metric, last_step in _last_steps(run).items():
            if has_series(self._options.series, last_step):
                again = list(known_series(memory, run_id, metric)) if is_settled else []
                if again and _greatest_step(again[-1]) >= last_step:
                    yield from again
                    continue
                found = self._series(run_id, metric, last_step)
                # The chunk that still grows would be appended anew by each look while a run lasts.
                is_all = self._is_whole or _has_ended(run)
                yield from found if is_all else _all_but_last(found)
        if self._options.artifacts_max:
            again_listed = self._listed_before(memory, run_id) if is_settled else None
            if again_listed is not None:
                yield again_listed
            elif not self._lists.is_over:
                yield from self._artifacts(run_id)

    def _series(self, run_id: str, metric: str, last_step: int) -> Iterator[Found]:
        try:
            points = asking.metric_history(self._transport, run_id, metric)
            found = series(run_id, metric, points, last_step)
            # Nothing by step: kept as such, or each whole look would ask for it again.
            yield next(found, series_document(run_id, metric, 0, ()))
            yield from found
        except SourceUnreachableError:
            raise
        except SourceError as error:
            yield Unread(SERIES, series_subject(run_id, metric, 0), str(error))

    def _artifacts(self, run_id: str) -> Iterator[Found]:
        subject = artifacts_subject(run_id)
        try:
            files, is_cut = self._files(run_id)
        except SourceUnreachableError:
            raise
        except SourceError as error:
            # Deleted runs and runs whose store is out of reach show no files.
            if not asking.is_missing(error):
                yield Unread(ARTIFACTS, subject, self._lists.failed(error))
            return
        self._lists.worked()
        shown: list[Shown] = []
        for file in files:
            item, failure = self._hashed(run_id, file) if self._is_wanted(file) else (file, "")
            shown.append(item)
            if failure:
                yield Unread(ARTIFACTS, f"{subject}/{item['path']}", failure)
        if shown:
            yield checked(artifacts_document(run_id, shown, is_cut=is_cut))

    def _listed_before(self, memory: Memory, run_id: str) -> Document | None:
        """Return the known list of a run's files, unless digests are wanted that it has not."""
        known = known_again(memory, ARTIFACTS, artifacts_subject(run_id))
        if known is None:
            return None
        files = decode(known.body).get("files")
        listed = (
            [item for item in files if isinstance(item, dict)] if isinstance(files, list) else []
        )
        return None if any(map(self._is_wanted, listed)) else known

    def _is_wanted(self, item: Shown) -> bool:
        """Tell whether the contents of a file are wanted, and not known."""
        size = item.get("file_size")
        return (
            "sha256" not in item
            and isinstance(item.get("path"), str)
            and isinstance(size, int | str)
            and str(size).isdecimal()
            and int(size) <= self._options.hash_bytes_max
            and self._options.hash_bytes_max > 0
            and not self._contents.is_over
        )

    def _hashed(self, run_id: str, file: Shown) -> tuple[Shown, str]:
        """Return a file with its digests, or as it is with why they could not be had."""
        try:
            contents = asking.artifact(self._transport, run_id, str(file["path"]))
        except SourceUnreachableError:
            raise
        except SourceError as error:
            return file, self._contents.failed(error)
        self._contents.worked()
        return {**file, **digests([contents])}, ""

    def _files(self, run_id: str) -> tuple[list[Shown], bool]:
        files: list[Shown] = []
        folders = [""]
        for folder in folders:
            for page in asking.artifacts(self._transport, run_id, folder):
                files += [item for item in page if not item.get("is_dir")]
                folders += [str(item["path"]) for item in page if _is_folder(item)]
                if len(files) > self._options.artifacts_max or len(folders) > FOLDERS_MAX:
                    return files[: self._options.artifacts_max], True
        return files, False


class _AskedAhead:
    """What the ledger knows, where many subjects were asked for at once."""

    def __init__(self, memory: Memory, subjects: list[str]) -> None:
        self._memory = memory
        self._asked = frozenset(subjects)
        self._known: Mapping[str, Known] = memory.known(subjects) if subjects else {}

    def known(self, subjects: Iterable[str]) -> Mapping[str, Known]:
        wanted = list(subjects)
        rest = [one for one in wanted if one not in self._asked]
        ahead = {one: self._known[one] for one in wanted if one in self._known}
        return {**ahead, **self._memory.known(rest)} if rest else ahead

    def subjects(self, kind: str) -> Iterator[str]:
        return self._memory.subjects(kind)


class _Patience:
    """Counts failures in a row, until it is over."""

    def __init__(self) -> None:
        self._failures = 0

    @property
    def is_over(self) -> bool:
        return self._failures >= ARTIFACT_FAILURES_MAX

    def failed(self, error: SourceError) -> str:
        """Return what to tell people; that something is not there says nothing of the rest."""
        if asking.is_missing(error):
            return str(error)
        self._failures += 1
        return f"{error}; no more of them are asked for" if self.is_over else str(error)

    def worked(self) -> None:
        self._failures = 0


def _is_folder(item: Shown) -> bool:
    return item.get("is_dir") is True and bool(item.get("path"))


def _has_ended(run: Body) -> bool:
    return run.get("status") not in _NOT_ENDED


def _all_but_last(found: Iterator[Found]) -> Iterator[Found]:
    """Yield each chunk behind which there is another; what is unread is told all the same."""
    held: Found | None = None
    for one in found:
        if held is not None:
            yield held
        held = one
    if isinstance(held, Unread):
        yield held


def _greatest_step(chunk: Document) -> int:
    """Return the last step of a chunk: what ends before the metric did, was cut short."""
    shown = [point for point in points_of(chunk) if isinstance(point, list)]
    return max((step for step, *_ in shown if isinstance(step, int)), default=0)


def _last_steps(run: Body) -> dict[str, int]:
    metrics = run.get("metrics")
    steps: dict[str, int] = {}
    for item in metrics if isinstance(metrics, list) else ():
        if isinstance(item, dict) and isinstance(step := item.get("step"), int):
            key = str(item.get("key"))
            steps[key] = max(step, steps.get(key, step))
    return steps
