"""Keep Python's cyclic collector out of bounded work that makes many objects and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Generator[None]:
    """Pause the cyclic collector while a batch is written or an answer is built.

    Either makes some hundred thousand small objects that hold only what is below them. The
    collector would look at all of them again and again and find nothing: a tenth of the time of a
    batch. The limits of batches and answers bound what can pile up meanwhile. Where the collector
    is off already it stays off; where two threads pause it, the first to leave lets it go on.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
