"""An audit that is killed leaves nothing of what it read."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from audit_children import audit_and_wait
from erasure_children import opened
from lineage.ledger import Artifact, Statement

NAME = b"Eve Unforgettable "
STATEMENTS = 500

WORLD = get_context("spawn")
"""SQLite reads where temporary files go when it is loaded, so the child must load it anew."""


def said(number: int) -> Statement:
    record = Artifact(
        key=f"acme:x/{number}",
        custom_properties={"owner": f"{NAME.decode()}{number}"},
        personal=("owner",),
    )
    return Statement(id=f"s-{number}", source="ci", records=(record,))


def open_files(process: int, folder: Path) -> list[bytes]:
    """Return what is in the files that a process holds open, and that lay in the folder."""
    links = Path(f"/proc/{process}/fd")
    if not links.is_dir():  # elsewhere than on Linux nobody can look
        return []
    held = [link for link in links.iterdir() if str(link.readlink()).startswith(str(folder))]
    return [link.read_bytes() for link in held]


def test_a_killed_audit_leaves_nothing_of_its_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.record(map(said, range(STATEMENTS)))
    monkeypatch.setenv("SQLITE_TMPDIR", str(folder))
    ours, theirs = WORLD.Pipe(duplex=False)
    child = WORLD.Process(target=audit_and_wait, args=(tmp_path / "ledger.db", theirs))
    child.start()
    theirs.close()
    ours.recv()
    assert child.pid is not None
    replayed = open_files(child.pid, folder)
    while_it_ran = list(folder.iterdir())
    child.kill()
    child.join()
    ours.close()
    # The replay went to the disk, personal values and all, but not under any name.
    assert not Path("/proc").is_dir() or any(NAME in body for body in replayed)
    assert while_it_ran == list(folder.iterdir()) == []
