"""Whatever step of writing fails, or is never reached, a whole file is there: the old or the new.

Each step is let fail once with nothing of it done, and once with all of it done; once as a failure
after which cleaning up works, and once as a crash, after which nothing does.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import pytest

from doubles import SeededRandomness, When
from lineage.anchoring.durable import Disk
from lineage.anchoring.exports import export_checkpoint, read_exported
from lineage.anchoring.keys import (
    load_signing_key,
    make_signing_key,
    pending_signing_key,
    replace_signing_key,
    stage_signing_key,
)
from lineage.anchoring.sidecar import Sidecar, SidecarFile
from lineage.proofs.checkpoints import sign_checkpoint
from lineage.proofs.signing import format_signing_key, new_signing_key
from lineage.proofs.verifying import Checkpoint
from lineage_schemas.errors import ReadOnlyStoreError, StoreError, StoreFullError
from sidecar_children import erase_for_ever, erase_some

ORIGIN = "example.org/ledger"
OLD, NEW = "old", "new"
KILLS = 60

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["children", "sidecar_children"])


class Fault(NamedTuple):
    """Fail at the ``nth`` step, counted from 0, and perhaps at all that follow."""

    nth: int
    when: When
    is_crash: bool
    code: int = errno.EIO


class FaultyDisk(Disk):
    """A disk that counts its steps and fails at one of them; it writes a byte at a time."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.steps: list[str] = []

    def create(self, path: Path, mode: int) -> int:
        descriptor = -1
        try:
            with self.around("create"):
                descriptor = super().create(path, mode)
        except OSError:
            if descriptor >= 0:
                os.close(descriptor)
            raise
        return descriptor

    def create_folder(self, path: Path) -> None:
        with self.around("create_folder"):
            super().create_folder(path)

    def write(self, descriptor: int, body: bytes | memoryview) -> int:
        with self.around("write"):
            return super().write(descriptor, body[: max(1, len(body) // 2)])

    def sync(self, descriptor: int) -> None:
        with self.around("sync"):
            super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        with self.around("replace"):
            super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        with self.around("link"):
            super().link(source, target)

    def remove(self, path: Path) -> None:
        with self.around("remove"):
            super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        with self.around("sync_folder"):
            super().sync_folder(folder)

    @contextmanager
    def around(self, step: str) -> Iterator[None]:
        at = len(self.steps)
        self.steps.append(step)
        self.fail(at, When.BEFORE)
        yield
        self.fail(at, When.AFTER)

    def fail(self, at: int, when: When) -> None:
        fault = self.fault
        if fault is None:
            return
        is_dead = fault.is_crash and (at > fault.nth or (at == fault.nth and when is When.AFTER))
        if is_dead or (at, when) == (fault.nth, fault.when):
            raise OSError(fault.code, os.strerror(fault.code))


class Case(NamedTuple):
    """Something that is written: how the old one comes about, what is done, and what is there."""

    prepare: Callable[[Path], None]
    act: Callable[[Path, Disk], object]
    look: Callable[[Path], str | None]
    before: str | None


# --- the four things that are written ------------------------------------------------------------


def write_sidecar(folder: Path, disk: Disk, origin: str) -> None:
    file = SidecarFile(folder / "sidecar", disk=disk)
    with file.locked():
        file.write(Sidecar(origin=origin, checkpoint="x" * 500))


def sidecar_there(folder: Path) -> str | None:
    found = SidecarFile(folder / "sidecar").read()
    assert found is None or found == Sidecar(origin=found.origin, checkpoint="x" * 500)
    return None if found is None else found.origin


KEYS = {
    format_signing_key(new_signing_key(ORIGIN, SeededRandomness(seed))): seed for seed in (OLD, NEW)
}


def make_key(folder: Path, disk: Disk, seed: str) -> None:
    made = make_signing_key(folder / "key", ORIGIN, SeededRandomness(seed), disk=disk)
    assert KEYS[format_signing_key(made)] == seed


def key_there(folder: Path) -> str | None:
    found = load_signing_key(folder / "key")
    return None if found is None else KEYS[format_signing_key(found)]


def replace_key(folder: Path, disk: Disk) -> None:
    replace_signing_key(folder / "key", new_signing_key(ORIGIN, SeededRandomness(NEW)), disk=disk)


def stage_and_replace_key(folder: Path, disk: Disk) -> None:
    stage_signing_key(folder / "key", new_signing_key(ORIGIN, SeededRandomness(NEW)), disk=disk)
    replace_key(folder, disk)


def export(folder: Path, disk: Disk) -> None:
    export_checkpoint(folder, ORIGIN, 5, NOTE, disk=disk)


NOTE = sign_checkpoint(
    Checkpoint(ORIGIN, 5, b"\x01" * 32), new_signing_key(ORIGIN, SeededRandomness(OLD))
)


def exported_there(folder: Path) -> str | None:
    notes = read_exported(folder, ORIGIN)
    assert notes in ([], [NOTE])
    return NEW if notes else None


def nothing(_: Path) -> None:
    pass


CASES = {
    "a first sidecar": Case(nothing, lambda f, d: write_sidecar(f, d, NEW), sidecar_there, None),
    "another sidecar": Case(
        lambda f: write_sidecar(f, Disk(), OLD),
        lambda f, d: write_sidecar(f, d, NEW),
        sidecar_there,
        OLD,
    ),
    "a key": Case(nothing, lambda f, d: make_key(f, d, NEW), key_there, None),
    "another key": Case(lambda f: make_key(f, Disk(), OLD), replace_key, key_there, OLD),
    "a key that waited": Case(
        lambda f: make_key(f, Disk(), OLD), stage_and_replace_key, key_there, OLD
    ),
    "an export": Case(nothing, export, exported_there, None),
}


def faults(case: Case, folder: Path) -> list[Fault]:
    """Return every fault there can be, by counting the steps of a run without one."""
    folder.mkdir()
    case.prepare(folder)
    disk = FaultyDisk()
    case.act(folder, disk)
    assert case.look(folder) == NEW
    return [
        Fault(nth, when, is_crash)
        for nth in range(len(disk.steps))
        for when in When
        for is_crash in (False, True)
    ]


def refused_at(case: Case, folder: Path, disk: Disk) -> str | None:
    """Do it; return which file the error names, if there was one."""
    try:
        case.act(folder, disk)
    except StoreError as error:
        return error.where
    return None


@pytest.mark.parametrize("name", CASES)
def test_a_whole_file_is_there_after_every_fault_and_trying_again_succeeds(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    failed = 0
    for number, fault in enumerate(faults(case, tmp_path / "count")):
        folder = tmp_path / str(number)
        folder.mkdir()
        case.prepare(folder)
        disk = FaultyDisk(fault)
        where = refused_at(case, folder, disk)
        if where is None:
            # Only clearing away may fail and be no failure: the next writer does it.
            assert disk.steps[fault.nth] == "remove", fault
            assert case.look(folder) == NEW
        else:
            failed += 1
            assert str(folder) in where, fault
        assert case.look(folder) in {case.before, NEW}, fault
        case.act(folder, Disk())
        assert case.look(folder) == NEW, fault
        assert not list(folder.rglob("*.tmp")), fault
        assert not list(folder.rglob("*.next")), fault
    assert failed >= 10


@pytest.mark.parametrize("name", CASES)
def test_the_body_is_on_the_disk_before_it_has_the_name_and_the_name_before_we_return(
    name: str, tmp_path: Path
) -> None:
    disk = FaultyDisk()
    CASES[name].prepare(tmp_path)
    CASES[name].act(tmp_path, disk)
    named = [at for at, step in enumerate(disk.steps) if step in {"replace", "link"}]
    assert disk.steps[: named[0]].count("sync") == 1
    assert "write" not in disk.steps[disk.steps.index("sync") : named[0]]
    for at, following in zip(named, [*named[1:], len(disk.steps)], strict=True):
        assert "sync_folder" in disk.steps[at:following]
    assert disk.steps[-1] == "sync_folder"


def test_a_crash_between_two_keys_leaves_the_new_one_waiting(tmp_path: Path) -> None:
    make_key(tmp_path, Disk(), OLD)
    counted = FaultyDisk()
    (tmp_path / "count").mkdir()
    make_key(tmp_path / "count", Disk(), OLD)
    replace_key(tmp_path / "count", counted)
    last = len(counted.steps) - 1 - counted.steps[::-1].index("replace")
    with pytest.raises(StoreError):
        replace_key(tmp_path, FaultyDisk(Fault(last, When.BEFORE, is_crash=True)))
    pending = pending_signing_key(tmp_path / "key")
    assert key_there(tmp_path) == OLD
    assert pending is not None
    assert KEYS[format_signing_key(pending)] == NEW
    replace_signing_key(tmp_path / "key", pending)
    assert key_there(tmp_path) == NEW


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EROFS, ReadOnlyStoreError),
        (errno.EACCES, ReadOnlyStoreError),
        (errno.EIO, StoreError),
    ],
)
@pytest.mark.parametrize("name", CASES)
def test_a_full_and_a_read_only_disk_are_told_from_a_broken_one(
    name: str, code: int, kind: type[StoreError], tmp_path: Path
) -> None:
    case = CASES[name]
    counted = FaultyDisk()
    (tmp_path / "count").mkdir()
    case.prepare(tmp_path / "count")
    case.act(tmp_path / "count", counted)
    case.prepare(tmp_path)
    at = counted.steps.index("write")
    with pytest.raises(StoreError) as caught:
        case.act(tmp_path, FaultyDisk(Fault(at, When.BEFORE, is_crash=False, code=code)))
    assert type(caught.value) is kind
    assert str(tmp_path) in caught.value.where
    assert caught.value.hint
    assert case.look(tmp_path) == case.before


# --- processes -----------------------------------------------------------------------------------


@pytest.fixture
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules, so that it loads them once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def told_last(connection: Connection) -> int | None:
    try:
        count = connection.recv()
    except EOFError:
        return None
    assert isinstance(count, int)
    return count


def kill_one(path: Path, acknowledged: int, pause_us: int) -> int:
    """Let a child write and kill it; return the last count that it said was durable."""
    ours, theirs = WORLD.Pipe(duplex=False)
    child = WORLD.Process(target=erase_for_ever, args=(path, theirs))
    child.start()
    theirs.close()
    last = 0
    for _ in range(acknowledged):
        told = told_last(ours)
        assert told is not None, "the child ended by itself"
        last = told
    ours.poll(pause_us / 1_000_000)
    child.kill()
    child.join()
    while (told := told_last(ours)) is not None:
        last = told
    ours.close()
    return last


@pytest.mark.usefixtures("_quick_children")
def test_no_kill_leaves_a_damaged_sidecar_or_a_held_lock(tmp_path: Path) -> None:
    path = tmp_path / "sidecar"
    file = SidecarFile(path, wait_seconds_max=5)
    with file.locked():
        file.write(Sidecar(origin="o"))
    randomness = SeededRandomness("kills")
    count = 0
    for _ in range(KILLS):
        few, pause = randomness(2)
        told = kill_one(path, few % 6, pause * 8)
        found = file.read()
        assert found is not None
        assert [one.position for one in found.erased] == list(range(len(found.erased)))
        # The last one may be durable although its writer died before it could say so.
        assert max(told, count) <= len(found.erased) <= max(told, count) + 1
        count = len(found.erased)
    assert count > KILLS
    with file.locked():
        pass


@pytest.mark.usefixtures("_quick_children")
def test_processes_lose_no_update(tmp_path: Path) -> None:
    path = tmp_path / "sidecar"
    file = SidecarFile(path)
    with file.locked():
        file.write(Sidecar(origin="o"))
    children = [WORLD.Process(target=erase_some, args=(path, 60)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    found = file.read()
    assert found is not None
    assert [one.position for one in found.erased] == list(range(180))
