"""Progress of long work: a bar on standard error where a person watches, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

import rich.progress as bars
from rich.console import Console

from lineage.folding import Progress


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


def _unwatched(_done: int, _all: int) -> None:
    """Nobody watches."""
