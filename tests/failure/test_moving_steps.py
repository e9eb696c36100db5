"""A ledger that is moved is killed at every step: there is never a second one of its name.

Nor is there a place that looks whole and is not; and whoever does it again is done.
"""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from checks import check_ledger
from lineage.ledger import Artifact, Statement
from lineage.moving.writing_out import check_export_file
from lineage.stores.opening import has_store
from lineage_schemas.errors import FrozenStoreError, LedgerError, PreconditionError, StoreError
from moving import live
from moving_children import (
    backing_up,
    copy_import,
    final_export,
    final_import,
    opened,
    restoring,
    run_and_die,
)

WORLD = get_context("forkserver")
WORLD.set_forkserver_preload(["children", "moving_children"])

LATE = Statement(id="late", source="ci", records=(Artifact(key="acme:late", name="late"),))

Act = Callable[[Path], None]


@pytest.fixture(autouse=True)
def _quick_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that forks the children find our modules, so that it loads them once."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    """Return a folder with a ledger, a backup of it from before its end, and a plain export."""
    folder = tmp_path / "lived"
    folder.mkdir()
    with opened(folder / "a.db") as ledger:
        live(ledger)
        ledger.moves.back_up(folder / "backup.db")
        ledger.record([Statement(id="after", source="ci", records=LATE.records)])
        ledger.moves.export(folder / "plain.jsonl.gz")
    return folder


@pytest.fixture
def exported(lived: Path) -> Path:
    """Return the folder once the ledger was exported for good."""
    final_export(lived)
    return lived


def steps_of(act: Act, folder: Path, tmp_path: Path) -> list[str]:
    """Let a child do it in a copy of the folder; return its steps."""
    copy = tmp_path / "counted"
    shutil.copytree(folder, copy)
    ours, theirs = WORLD.Pipe(duplex=False)
    child = WORLD.Process(target=run_and_die, args=(act, copy, None, theirs))
    child.start()
    theirs.close()
    steps: list[str] = ours.recv()
    child.join()
    assert child.exitcode == 0
    return steps


def killed(act: Act, folder: Path, tmp_path: Path, at: int) -> Path:
    """Let a child do it in a copy of the folder, and be killed before that step."""
    copy = tmp_path / f"killed-{at}"
    shutil.copytree(folder, copy)
    child = WORLD.Process(target=run_and_die, args=(act, copy, at, None))
    child.start()
    child.join()
    assert child.exitcode == -9, at
    return copy


def takes_entries(path: Path) -> bool:
    """Tell whether there is a ledger that goes on; one that does not is read, or refused."""
    if not has_store(path):
        return False
    try:
        with opened(path, "asked") as ledger:
            ledger.record([LATE])
    except (FrozenStoreError, StoreError):
        return False
    return True


def probed(folder: Path, name: str, tmp_path: Path) -> bool:
    """Tell it of a copy, so that asking changes nothing."""
    copy = tmp_path / "probed"
    shutil.copytree(folder, copy)
    try:
        return takes_entries(copy / name)
    finally:
        shutil.rmtree(copy)


def frozen_in(folder: Path) -> tuple[bool, bool]:
    """Tell whether the store says that it is frozen, and whether the sidecar does."""
    with closing(sqlite3.connect(folder / "a.db")) as connection:
        (frozen,) = connection.execute("SELECT frozen FROM ledger").fetchone()
    return bool(frozen), b'"frozen"' in (folder / "a.db.sidecar").read_bytes()


def test_a_final_export(lived: Path, tmp_path: Path) -> None:
    steps = steps_of(final_export, lived, tmp_path)
    whole = (tmp_path / "counted" / "final.jsonl").read_bytes()
    assert steps.count("commit") >= 1
    seen: set[tuple[bool, bool]] = set()
    for at in range(len(steps)):
        folder = killed(final_export, lived, tmp_path, at)
        is_there, goes_on = (folder / "final.jsonl").exists(), probed(folder, "a.db", tmp_path)
        seen.add((is_there, goes_on))
        # The store first, then the sidecar, then the file.
        is_frozen, is_remembered = frozen_in(folder)
        assert is_frozen >= is_remembered >= is_there
        if is_there:
            assert check_export_file(folder / "final.jsonl").final
            (folder / "final.jsonl").unlink()
        final_export(folder)
        assert (folder / "final.jsonl").read_bytes() == whole
        with opened(folder / "a.db", "after") as ledger:
            with pytest.raises(FrozenStoreError):
                ledger.record([LATE])
            assert ledger.audit().findings == ()
        shutil.rmtree(folder)
    # Before it the ledger goes on; then it is frozen without an export; then there is one.
    assert seen == {(False, True), (False, False), (True, False)}


@pytest.mark.parametrize("act", [final_import, copy_import])
def test_an_import(exported: Path, tmp_path: Path, act: Act) -> None:
    steps = steps_of(act, exported, tmp_path)
    seen: set[bool] = set()
    for at in range(len(steps)):
        folder = killed(act, exported, tmp_path, at)
        goes_on = probed(folder, "b.db", tmp_path)
        seen.add(goes_on)
        assert not probed(folder, "a.db", tmp_path)
        if goes_on:
            with pytest.raises(PreconditionError):
                act(folder)
        else:
            act(folder)
        with opened(folder / "b.db", "after") as ledger, opened(folder / "a.db") as source:
            assert ledger.basis(source.head().size).root == source.basis().root
            assert (ledger.origin == source.origin) is (act is final_import)
            ledger.record([LATE])
            assert ledger.custody.checkpoint().unsigned == 0
            check_ledger(ledger)
        shutil.rmtree(folder)
    assert seen == {True, False}


def test_a_restore(lived: Path, tmp_path: Path) -> None:
    steps = steps_of(restoring, lived, tmp_path)
    sidecar = (lived / "a.db.sidecar").read_bytes()
    before = (lived / "a.db").read_bytes()
    for at in range(len(steps)):
        folder = killed(restoring, lived, tmp_path, at)
        assert (folder / "a.db.sidecar").read_bytes() == sidecar
        kept = [one.read_bytes() for one in folder.iterdir() if one.name.startswith("a.db")]
        assert before in kept, at
        restoring(folder)
        kept = [one.read_bytes() for one in folder.iterdir() if one.name.startswith("a.db.repl")]
        assert before in kept, at
        assert not [one.name for one in folder.iterdir() if "restored" in one.name]
        with opened(folder / "a.db", "after") as ledger:
            with pytest.raises(LedgerError, match="missing"):
                ledger.record([LATE])
            assert ledger.show("acme:model") != ()
        shutil.rmtree(folder)


def test_a_backup(lived: Path, tmp_path: Path) -> None:
    steps = steps_of(backing_up, lived, tmp_path)
    for at in range(len(steps)):
        folder = killed(backing_up, lived, tmp_path, at)
        made = folder / "another.db"
        if made.exists():
            with pytest.raises(LedgerError, match="already"):
                backing_up(folder)
        else:
            backing_up(folder)
        assert [one.name for one in folder.iterdir() if "another" in one.name] == ["another.db"]
        with opened(made) as ledger:
            (finding,) = ledger.audit().findings
            assert "what was remembered of it is not here" in finding.what
        shutil.rmtree(folder)
