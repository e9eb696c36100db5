"""Reads a tracking server over its REST interface.

A page at a time is held in memory. What cannot be read is told as unread, by name as far as it is
known, and the rest is read all the same. Nothing is ever written: each question is one of
``asking``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from lineage.clock import Clock, system_clock
from lineage.connectors.mlflow import asking
from lineage.connectors.mlflow.documents import (
    EXPERIMENT,
    LOGGED_MODEL,
    MODEL_FILE,
    MODEL_VERSION,
    REGISTERED_MODEL,
    RUN,
    Shown,
    experiment_document,
    logged_model_document,
    model_file_subject,
    registered_model_document,
    run_document,
    version_document,
)
from lineage.connectors.mlflow.reading import (
    DEFAULT_OPTIONS,
    LISTED,
    TOOL,
    Found,
    ReadingOptions,
    composed,
    has_no_name,
    model_file,
)
from lineage.connectors.mlflow.runs_of_server import RunDetails
from lineage.connectors.mlflow.turns import Body, decode
from lineage.connectors.mlflow.watermarks import Watermarks
from lineage.connectors.scanning import Document, Listed, Look, Memory, Unread
from lineage.connectors.transport import (
    SourceAnswerError,
    SourceError,
    SourceSlowError,
    SourceUnreachableError,
    Transport,
)
from lineage_schemas.values import JsonValue

EXPERIMENTS_PER_QUESTION: Final = 50

MODEL_FILE_FAILURES_MAX: Final = 5
"""So many files in a row that the server could not hand out, and no more are asked for."""

_BAD_REQUEST: Final = 400
_BUSY: Final = frozenset({429, 503})
_NOT_ENDED: Final = ("attributes.status = 'RUNNING'", "attributes.status = 'SCHEDULED'")


class ServerReader:
    """One look at a tracking server.

    ``notes`` tell, for people, what this server does not offer at all.
    """

    tool = TOOL
    listed = LISTED
    shown_at: datetime | None = None

    def __init__(
        self,
        transport: Transport,
        address: str,
        options: ReadingOptions = DEFAULT_OPTIONS,
        clock: Clock = system_clock,
    ) -> None:
        self.address = address
        self.notes: list[str] = []
        self._transport = transport
        self._options = options
        self._clock = clock
        self._marks = Watermarks.of(None, 0)
        self._cut: set[str] = set()
        self._is_down = False
        self._experiment_ids: list[str] = []
        self._shown: set[str] = set()

    @property
    def cursor(self) -> JsonValue:
        """From where the next look may go on."""
        return self._marks.cursor(self._cut)

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:
        """Yield what the server shows: all of it, or what may be new since ``cursor``.

        Raises:
            SourceError: not even the experiments could be asked for.
        """
        self._marks = Watermarks.of(cursor, self._clock() // 1_000)
        is_whole = is_whole or not self._marks.is_set
        details = RunDetails(self._transport, memory, self._options, is_whole=is_whole)
        parts: tuple[tuple[str, Iterator[Found]], ...] = (
            (EXPERIMENT, self._experiments()),
            (RUN, self._runs(details, is_whole=is_whole)),
            (LOGGED_MODEL, self._logged_models(memory, is_whole=is_whole)),
            (REGISTERED_MODEL, self._registered_models()),
            (MODEL_VERSION, self._versions(is_whole=is_whole)),
        )
        for kind, found in parts:
            if self._is_down:
                self._cut.add(kind)
                yield Unread(kind, f"{kind}/all", "The server was lost before they were asked for")
                continue
            yield from found
            if kind == EXPERIMENT and kind in self._cut:
                # Things of an experiment that was not shown are not asked for, and would seem gone.
                self._cut |= {RUN, LOGGED_MODEL}
            # Registered models have no filter by time, so they are always listed whole.
            if (is_whole or kind == REGISTERED_MODEL) and kind not in self._cut:
                yield Listed(kind)

    def _experiments(self) -> Iterator[Found]:
        pages = asking.experiments(self._transport)
        # The first page decides whether this is a tracking server at all.
        nothing: list[Shown] = []
        yield from self._experiment_page(next(pages, nothing))
        yield from self._guarded(EXPERIMENT, "the rest of the experiments", self._rest(pages))

    def _rest(self, pages: Iterator[list[Shown]]) -> Iterator[Found]:
        for page in pages:
            yield from self._experiment_page(page)

    def _experiment_page(self, page: list[Shown]) -> Iterator[Found]:
        # What cannot be kept of an experiment itself hides none of its runs.
        ids = (one.get("experiment_id") for one in page)
        self._experiment_ids += [one for one in ids if isinstance(one, str) and one]
        yield from self._composed(experiment_document, EXPERIMENT, page)

    def _runs(self, details: RunDetails, *, is_whole: bool) -> Iterator[Found]:
        filters = [""] if is_whole else [*self._marks.run_filters(), *_NOT_ENDED]
        for ids in self._groups():
            for only in filters:
                if not self._is_down:
                    yield from self._runs_of(ids, only, details)

    def _runs_of(self, ids: Sequence[str], only: str, details: RunDetails) -> Iterator[Found]:
        """Read the runs of some experiments; where that is refused, of each half of them."""
        try:
            yield from self._run_pages(asking.runs(self._transport, ids, only), details)
        except SourceError as error:
            if len(ids) > 1 and not isinstance(error, SourceUnreachableError):
                middle = len(ids) // 2
                yield from self._runs_of(ids[:middle], only, details)
                yield from self._runs_of(ids[middle:], only, details)
                return
            yield self._failed(RUN, f"the runs of experiment {', '.join(ids)}", error)
            if _is_of_one_run(error):
                yield from self._runs_behind(ids, only, details)

    def _runs_behind(self, ids: Sequence[str], only: str, details: RunDetails) -> Iterator[Found]:
        """Read runs from the newest on, as far as to the one that hides them from the oldest on."""
        try:
            pages = asking.runs(self._transport, ids, only, newest_first=True)
            yield from self._run_pages(pages, details)
        except SourceError as error:
            # That the runs were not read to their end is told already.
            self._is_down = self._is_down or isinstance(error, SourceUnreachableError)

    def _run_pages(self, pages: Iterator[list[Shown]], details: RunDetails) -> Iterator[Found]:
        for page in pages:
            composed_runs = self._composed(run_document, RUN, page)
            fresh = [found for found in composed_runs if self._is_first(found)]
            yield from self._guarded(RUN, "the details of a run", self._page(details, fresh))

    def _page(self, details: RunDetails, page: list[Found]) -> Iterator[Found]:
        for found in page:
            if isinstance(found, Document):
                self._marks.saw_run(decode(found.body))
        yield from details.read(page)

    def _is_first(self, found: Found) -> bool:
        if found.subject in self._shown:
            return False
        self._shown.add(found.subject)
        return True

    def _logged_models(self, memory: Memory, *, is_whole: bool) -> Iterator[Found]:
        since = None if is_whole else self._marks.logged_models_since()
        files = _ModelFiles(self._transport, memory)
        for ids in self._groups():
            try:
                for page in asking.logged_models(self._transport, ids, since):
                    for found in self._composed(logged_model_document, LOGGED_MODEL, page):
                        yield found
                        if isinstance(found, Document):
                            model = decode(found.body)
                            self._marks.saw_logged_model(model)
                            yield from files.read(model)
            except SourceError as error:
                if asking.is_not_offered(error):
                    self._is_not_offered("logged models", LOGGED_MODEL)
                    return
                yield self._failed(LOGGED_MODEL, f"logged models of {', '.join(ids)}", error)
                if self._is_down:
                    return

    def _registered_models(self) -> Iterator[Found]:
        for are_prompts in (False, True):
            ask = partial(asking.registered_models, self._transport, are_prompts=are_prompts)
            found = self._all_of(ask, registered_model_document, REGISTERED_MODEL)
            yield from self._offered(found, REGISTERED_MODEL, are_prompts=are_prompts)

    def _versions(self, *, is_whole: bool) -> Iterator[Found]:
        for are_prompts in (False, True):
            ask = partial(
                asking.versions,
                self._transport,
                are_prompts=are_prompts,
                newest_first=not is_whole,
            )
            found = (
                self._all_of(ask, version_document, MODEL_VERSION)
                if is_whole
                else self._pages(self._marks.new_versions(ask()), version_document, MODEL_VERSION)
            )
            for one in self._offered(found, MODEL_VERSION, are_prompts=are_prompts):
                if isinstance(one, Document):
                    self._marks.saw_version(decode(one.body))
                yield one

    def _all_of(
        self,
        ask: Callable[[], Iterator[list[Shown]]],
        compose: Callable[[Shown], Document],
        kind: str,
    ) -> Iterator[Found]:
        """Yield all of a kind that is paged by offset.

        Where one is deleted meanwhile, the next page skips another, which would be taken for gone.
        So what takes more than a page is listed a second time, for what the first one missed.
        """
        seen: set[str] = set()
        pages = 0
        for page in ask():
            pages += 1
            for found in self._composed(compose, kind, page):
                seen.add(found.subject)
                yield found
        if pages > 1:
            for page in ask():
                for found in self._composed(compose, kind, page):
                    if found.subject not in seen:
                        seen.add(found.subject)
                        yield found

    def _pages(
        self,
        pages: Iterator[list[Shown]],
        compose: Callable[[Shown], Document],
        kind: str,
    ) -> Iterator[Found]:
        for page in pages:
            yield from self._composed(compose, kind, page)

    def _offered(self, found: Iterator[Found], kind: str, *, are_prompts: bool) -> Iterator[Found]:
        try:
            yield from found
        except SourceError as error:
            what = "prompts" if are_prompts else "registered models"
            # Servers that know no prompts refuse the filter, or know no such address.
            if asking.is_not_offered(error) or (are_prompts and error.status == _BAD_REQUEST):
                self._is_not_offered(what, "" if are_prompts else kind)
            else:
                yield self._failed(kind, f"some {what}", error)

    def _groups(self) -> Iterator[list[str]]:
        ids = self._experiment_ids
        for start in range(0, len(ids), EXPERIMENTS_PER_QUESTION):
            yield ids[start : start + EXPERIMENTS_PER_QUESTION]

    def _composed(
        self, compose: Callable[[Shown], Document], kind: str, page: list[Shown]
    ) -> Iterator[Found]:
        for shown in page:
            found = composed(compose, kind, shown)
            if has_no_name(found):
                self._cut.add(kind)
            yield found

    def _guarded(self, kind: str, what: str, found: Iterator[Found]) -> Iterator[Found]:
        try:
            yield from found
        except SourceError as error:
            yield self._failed(kind, what, error)

    def _failed(self, kind: str, what: str, error: SourceError) -> Unread:
        self._cut.add(kind)
        self._is_down = self._is_down or isinstance(error, SourceUnreachableError)
        return Unread(kind, f"{kind}/{what}", str(error))

    def _is_not_offered(self, what: str, kind: str) -> None:
        if kind:
            self._cut.add(kind)
        note = f"This server offers no {what}"
        if note not in self.notes:
            self.notes.append(note)


def _is_of_one_run(error: SourceError) -> bool:
    """Tell whether what failed may be a single run that the server cannot show."""
    is_answer = isinstance(error, SourceAnswerError | SourceSlowError)
    return is_answer and error.status not in {_BAD_REQUEST, *_BUSY}


class _ModelFiles:
    """Reads the ``MLmodel`` files of logged models, until the server has failed too often."""

    def __init__(self, transport: Transport, memory: Memory) -> None:
        self._transport = transport
        self._memory = memory
        self._failures = 0

    def read(self, model: Body) -> Iterator[Found]:
        model_id = str(model["model_id"])
        subject = model_file_subject(model_id)
        if model.get("status") != "LOGGED_MODEL_READY" or self._is_given_up:
            return
        if subject in self._memory.known((subject,)):
            # It never changes, so that it is there is all that is asked.
            yield Document(MODEL_FILE, subject, b"{}", is_fixed=True)
            return
        try:
            text = asking.model_file(self._transport, model_id)
        except SourceError as error:
            if not asking.is_missing(error):
                self._failures += 1
                is_last = self._failures >= MODEL_FILE_FAILURES_MAX
                after = "; no more of them are asked for" if is_last else ""
                yield Unread(MODEL_FILE, subject, f"{error}{after}")
            return
        self._failures = 0
        yield model_file(model_id, text)

    @property
    def _is_given_up(self) -> bool:
        return self._failures >= MODEL_FILE_FAILURES_MAX
