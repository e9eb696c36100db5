"""What erases in a process of its own, and is killed on the way: it is imported there by name."""

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

from doubles import NOON_US, FakeClock, SeededRandomness
from erasing import ALL, asked
from lineage.ledger import Ledger, open_ledger
from lineage.stores.sqlite.store import SqliteStore

_STEPS_BETWEEN = 20
"""So many instructions of SQLite's pass between two looks at whether it is time to die."""

LATER_US = NOON_US + 3_600_000_000


def opened(path: Path, seed: str = "seed") -> Ledger:
    """Open the ledger in the SQLite file, with its key and sidecar beside it."""
    return open_ledger(path, clock=FakeClock(LATER_US), randomness=SeededRandomness(seed))


def careless(
    connect: Callable[[SqliteStore], sqlite3.Connection],
) -> Callable[[SqliteStore], sqlite3.Connection]:
    """Return another way to connect: SQLite leaves what is deleted where it is."""

    def connected(store: SqliteStore) -> sqlite3.Connection:
        connection = connect(store)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    return connected


def erase_and_die(path: Path, positions: tuple[int, ...], where: str, nth: int) -> None:
    """Erase, and be killed at a point of it: see ``_DEATHS``."""
    setattr(SqliteStore, "_connect", careless(SqliteStore._connect))  # noqa: B010
    ledger = opened(path, "child")
    store = ledger._store
    assert isinstance(store, SqliteStore)
    _DEATHS[where](store, nth)
    ledger.erasures.erase(asked(*positions, parts=ALL))


def die(_: float = 0.0) -> None:
    """End at once, as if the power went."""
    os.kill(os.getpid(), signal.SIGKILL)


def _before_the_scrub(store: SqliteStore, _: int) -> None:
    setattr(store, "scrub", die)  # noqa: B010


def _during_the_scrub(store: SqliteStore, nth: int) -> None:
    left = [nth]
    scrub = store.scrub

    def count_down() -> int:
        left[0] -= 1
        if left[0] <= 0:
            die()
        return 0

    def scrub_and_die(wait_seconds: float) -> None:
        store._writing.conn.set_progress_handler(count_down, _STEPS_BETWEEN)
        scrub(wait_seconds)

    setattr(store, "scrub", scrub_and_die)  # noqa: B010


def _before_the_log_is_cut(store: SqliteStore, _: int) -> None:
    """It is cut twice: before the file is made anew, and after."""
    cut = store._truncate_log
    cuts: list[float] = []

    def cut_once(wait_seconds: float) -> None:
        if cuts:
            die()
        cuts.append(wait_seconds)
        cut(wait_seconds)

    setattr(store, "_truncate_log", cut_once)  # noqa: B010


def _after_the_log_is_cut(store: SqliteStore, _: int) -> None:
    cut = store._truncate_log
    cuts: list[float] = []

    def cut_and_die(wait_seconds: float) -> None:
        cut(wait_seconds)
        if cuts:
            die()
        cuts.append(wait_seconds)

    setattr(store, "_truncate_log", cut_and_die)  # noqa: B010


_DEATHS: dict[str, Callable[[SqliteStore, int], None]] = {
    "before the scrub": _before_the_scrub,
    "during the scrub": _during_the_scrub,
    "before the log is cut": _before_the_log_is_cut,
    "after the log is cut": _after_the_log_is_cut,
}
