"""The key and sidecar of the access log follow those of the ledger, wherever these were put."""

from pathlib import Path
from typing import NamedTuple

import pytest

from doubles import SeededRandomness
from erasing import OWNED, said
from lineage.anchoring.keys import make_signing_key
from lineage.ledger import Principal, Role, open_ledger
from lineage.service import Ledger
from lineage_schemas.errors import StoreBehindError
from terminal import Terminal

ADA = Principal("ada")


class Disks(NamedTuple):
    """A ledger's folder, and another disk for its key and sidecar."""

    store: Path
    key: Path
    sidecar: Path

    @property
    def access_log(self) -> Path:
        return self.store.with_name(f"{self.store.name}.access")

    def open(self) -> Ledger:
        return open_ledger(self.store, key=self.key, sidecar=self.sidecar)

    def terminal(self, store: Path) -> Terminal:
        """Return a terminal with the settings of the ledger, at its access log for one."""
        terminal = Terminal(store)
        terminal.environment |= {
            "LINEAGE_STORE": str(self.store),
            "LINEAGE_KEY": str(self.key),
            "LINEAGE_SIDECAR": str(self.sidecar),
        }
        return terminal

    def audit(self) -> str:
        return self.terminal(self.store).done("audit", "--store", str(self.access_log))


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return Disks(tmp_path / "one/l.db", tmp_path / "two/k", tmp_path / "two/s")


def begin(ledger: Ledger) -> None:
    """Have an auditor, who asks something."""
    ledger.record([said("1", OWNED)])
    ledger.access.grant("ada", Role.AUDITOR, ["*"])
    ledger.types(principal=ADA)


def names(folder: Path) -> set[str]:
    """Return the files of a folder that are not of SQLite, and no locks."""
    return {one.name for one in folder.iterdir() if one.suffix != ".lock" and "-" not in one.name}


def test_they_lie_where_those_of_the_ledger_were_put(disks: Disks) -> None:
    make_signing_key(disks.key, "example.org/l", SeededRandomness())
    with disks.open() as ledger:
        begin(ledger)
    assert names(disks.store.parent) == {"l.db", "l.db.access"}
    assert names(disks.key.parent) == {"k", "s", "k.access", "s.access"}
    assert "audit     clean" in disks.audit()
    found = disks.terminal(disks.store).done("doctor", "--store", str(disks.access_log))
    assert "\tsigned\tThe store is what was signed" in found
    # And whoever names them as they are is understood.
    beside = disks.terminal(disks.store)
    beside.environment |= {
        "LINEAGE_KEY": f"{disks.key}.access",
        "LINEAGE_SIDECAR": f"{disks.sidecar}.access",
    }
    assert "audit     clean" in beside.done("audit", "--store", str(disks.access_log))


def test_those_of_an_older_access_log_stay_where_they_are(disks: Disks) -> None:
    with open_ledger(disks.store) as ledger:
        begin(ledger)
    Path(f"{disks.store}.key").rename(disks.key)
    Path(f"{disks.store}.sidecar").rename(disks.sidecar)
    with disks.open() as ledger:
        ledger.types(principal=ADA)
        assert len(ledger.access.log().records) == 2
    assert names(disks.key.parent) == {"k", "s"}
    assert "audit     clean" in disks.audit()
    Path(f"{disks.access_log}.key").rename(f"{disks.key}.access")
    Path(f"{disks.access_log}.sidecar").rename(f"{disks.sidecar}.access")
    with disks.open() as ledger:
        ledger.types(principal=ADA)
    assert names(disks.store.parent) == {"l.db", "l.db.access"}
    assert "audit     clean" in disks.audit()


def test_an_access_log_that_was_taken_away_is_missed(disks: Disks) -> None:
    with open_ledger(disks.store) as ledger:
        begin(ledger)
    for one in disks.store.parent.glob("l.db.access*"):
        if one.suffix not in {".key", ".sidecar", ".lock"}:
            one.unlink()
    with open_ledger(disks.store) as ledger, pytest.raises(StoreBehindError, match="is gone"):
        ledger.types(principal=ADA)
    assert not disks.access_log.exists()


def test_it_is_backed_up_put_back_and_moved_like_any_ledger(disks: Disks, tmp_path: Path) -> None:
    make_signing_key(disks.key, "example.org/l", SeededRandomness())
    with disks.open() as ledger:
        begin(ledger)
    old, there = disks.terminal(disks.store), ("--store", str(disks.access_log))
    backup, export = str(tmp_path / "access-backup.db"), str(tmp_path / "access.jsonl")
    old.done("backup", *there, backup)
    with disks.open() as ledger:
        ledger.types(principal=ADA)
    assert "are missing" in old.done("restore", *there, "--replace", backup)
    moved = disks.store.with_name("l.db.access.replaced-1")
    old.done("restore", *there, "--replace", str(moved))
    old.done("export", *there, "--final", export)
    old.done("export", "--final", str(tmp_path / "l.jsonl"))
    (tmp_path / "three").mkdir()
    new = Disks(tmp_path / "three/m.db", tmp_path / "three/k", tmp_path / "three/s")
    terminal = new.terminal(new.store)
    terminal.done("import", "ledger", str(tmp_path / "l.jsonl"), "--key", str(disks.key))
    terminal.done(
        "import", "ledger", export, "--key", f"{disks.key}.access", "--store", str(new.access_log)
    )
    with new.open() as ledger:
        ledger.types(principal=ADA)
        assert len(ledger.access.log().records) == 3
    assert "audit     clean" in new.audit()
