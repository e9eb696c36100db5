"""What moves a ledger in a process of its own, and is killed at one of its durable steps.

It is imported there by name. A step is anything that outlasts the process: a commit, a sync, a
name that is given or taken. Without a step to die at, the steps are only counted.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from doubles import FakeClock, SeededRandomness
from lineage.anchoring.durable import Disk
from lineage.anchoring.keys import load_signing_key
from lineage.ledger import Ledger, import_ledger, open_ledger, restore_ledger
from lineage.moving.checking import ExportReader
from lineage.moving.streams import opened_export
from lineage.stores.base import Writer
from lineage.stores.sqlite.store import SqliteStore
from moving import LATER_US

DISK_STEPS = ("create", "sync", "replace", "link", "remove", "sync_folder")


def opened(path: Path, seed: str = "seed") -> Ledger:
    return open_ledger(path, clock=FakeClock(LATER_US), randomness=SeededRandomness(seed))


def final_export(folder: Path) -> None:
    with opened(folder / "a.db", "child") as ledger:
        ledger.moves.export(folder / "final.jsonl", final=True, to="b.db")


def final_import(folder: Path) -> None:
    _import(folder, "final.jsonl", folder / "a.db.key")


def copy_import(folder: Path) -> None:
    _import(folder, "plain.jsonl.gz", None)


def _import(folder: Path, name: str, key: Path | None) -> None:
    with opened_export(folder / name) as stream:
        import_ledger(
            ExportReader(stream),
            folder / "b.db",
            clock=FakeClock(LATER_US),
            randomness=SeededRandomness("child"),
            brought=None if key is None else load_signing_key(key),
        )


def restoring(folder: Path) -> None:
    restore_ledger(folder / "backup.db", folder / "a.db", replace=True)


def backing_up(folder: Path) -> None:
    with opened(folder / "a.db", "child") as ledger:
        ledger.moves.back_up(folder / "another.db")


def run_and_die(
    act: Callable[[Path], None], folder: Path, at: int | None, told: Connection | None
) -> None:
    """Do it, and be killed before the step at ``at``, counted from 0; or tell how many there are.

    The end of one step and the beginning of the next are the same moment to whoever comes later.
    """
    steps: list[str] = []

    def step(name: str) -> None:
        if len(steps) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps.append(name)

    setattr(SqliteStore, "write", _counted_writes(SqliteStore.write, step))  # noqa: B010
    for name in DISK_STEPS:
        setattr(Disk, name, _counted(getattr(Disk, name), name, step))
    act(folder)
    step("end")
    if told is not None:
        told.send(steps)


def _counted(method: Callable[..., Any], name: str, step: Callable[[str], None]) -> Any:  # noqa: ANN401
    @wraps(method)
    def counted(*arguments: object) -> object:
        step(name)
        return method(*arguments)

    return counted


def _counted_writes(write: Callable[..., Any], step: Callable[[str], None]) -> Any:  # noqa: ANN401
    @contextmanager
    def counted(store: SqliteStore) -> Iterator[Writer]:
        with write(store) as writer:
            yield writer
            step("commit")

    return counted
