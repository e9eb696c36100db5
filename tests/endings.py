"""A run that is told to end: every process of it hears, and has time to put its things away."""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Final

import pytest

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_WORKERS: Final = pytest.StashKey[list[int]]()


def listen(config: pytest.Config) -> None:
    """End in order at the first signal of either kind."""
    config.stash[_WORKERS] = []
    signal.signal(signal.SIGTERM, _end)
    if is_worker(config):
        signal.signal(signal.SIGINT, _end)


def is_worker(config: pytest.Config) -> bool:
    """Tell whether another process hands out the tests."""
    return hasattr(config, "workerinput")


def remember_worker(config: pytest.Config, pid: int) -> None:
    """Remember a process to which tests are handed out."""
    config.stash[_WORKERS].append(pid)


def tell_workers(config: pytest.Config) -> None:
    """Tell them to end; they would go on until they are killed."""
    for pid in config.stash[_WORKERS]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _end(_number: int, _frame: FrameType | None) -> None:
    # A terminal tells every process, and so do we: the second word must not stop the tidying.
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt
