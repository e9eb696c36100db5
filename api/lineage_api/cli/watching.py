"""Progress of long work: a bar on standard error where a person watches, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Final

import rich.progress as bars
from rich.console import Console

from lineage.folding import Progress

LATE_SECONDS: Final = 1.0
"""How long work may take before a person wonders."""


@contextmanager
def progress_of(work: str) -> Generator[Progress, None, None]:
    """Yield what long work reports to: (done, all), where all is 0 if nobody knows it."""
    if not sys.stderr.isatty():
        yield _unwatched
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(work, total=None)

        def watched(done: int, every: int) -> None:
            shown.update(task, completed=done, total=every or None)

        yield watched


def late_progress(work: str) -> Progress:
    """Return what work that may take long reports to: a bar is shown once it does.

    The work is over when it reports two equal numbers.
    """
    late = _Late(work)
    return late.report if sys.stderr.isatty() else _unwatched


class _Late:
    """Shows a bar once work has taken so long that somebody wonders."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._begun: float | None = None
        self._shown = ExitStack()
        self._watched: Progress | None = None

    def report(self, done: int, every: int) -> None:
        """Hear how far the work has come."""
        now = monotonic()
        if self._begun is None:
            self._begun = now
        if self._watched is None and now - self._begun > LATE_SECONDS:
            self._watched = self._shown.enter_context(progress_of(self._work))
        if self._watched is not None:
            self._watched(done, every)
        if done == every:
            self._shown.close()
            self._begun = self._watched = None


def _unwatched(_done: int, _all: int) -> None:
    """Nobody watches."""
