"""Whoever replaces a file beside the ledger takes it away from nobody."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE
from typing import Final

import pytest

from doubles import SeededRandomness
from lineage.anchoring import durable
from lineage.anchoring.durable import Disk, FileLock, create_file, replace_file
from lineage.anchoring.keys import make_signing_key, replace_signing_key, stage_signing_key
from lineage.anchoring.sidecar import Sidecar, SidecarFile
from lineage.proofs.signing import new_signing_key
from lineage_schemas.errors import StoreError

OWNER: Final = 4321
GROUP: Final = 8765
STRANGER: Final = OWNER + 1

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


class Giving(Disk):
    """A disk that notes to whom files are given, and may refuse it as the system does."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.given: list[tuple[int, int]] = []
        self._refuses = refuses

    def give(self, descriptor: int, owner: int, group: int) -> None:
        assert os.fstat(descriptor).st_size == 0, "it is given away before anything is in it"
        self.given.append((owner, group))
        if self._refuses:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def belongs(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, S_IMODE(status.st_mode)


def write_sidecar(path: Path, origin: str = "o") -> None:
    file = SidecarFile(path)
    with file.locked():
        file.write(Sidecar(origin=origin))


@pytest.fixture
def of_another(tmp_path: Path) -> Path:
    """Return a folder of somebody else's, in which root is at work."""
    folder = tmp_path / "served"
    folder.mkdir()
    os.chown(folder, OWNER, GROUP)
    return folder


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "sidecar"
    file.write_bytes(b"old")
    file.chmod(0o640)
    replace_file(file, b"new")
    assert (file.read_bytes(), S_IMODE(file.stat().st_mode)) == (b"new", 0o640)


@needs_root
def test_root_replaces_a_file_for_its_owner(of_another: Path) -> None:
    path = of_another / "sidecar"
    write_sidecar(path, "old")
    os.chown(path, STRANGER, GROUP)
    path.chmod(0o640)
    write_sidecar(path, "new")
    assert belongs(path) == (STRANGER, GROUP, 0o640)
    there = SidecarFile(path).read()
    assert there is not None
    assert there.origin == "new"


@needs_root
def test_what_root_makes_is_the_folders_owners(of_another: Path) -> None:
    write_sidecar(of_another / "sidecar")
    make_signing_key(of_another / "key", "o", SeededRandomness())
    made = {path.name: belongs(path) for path in of_another.iterdir()}
    assert made == dict.fromkeys(
        ("sidecar", "sidecar.lock", "key", "key.lock"), (OWNER, GROUP, 0o600)
    )


@needs_root
@pytest.mark.parametrize("rotate", [stage_signing_key, replace_signing_key])
def test_the_next_key_is_for_the_owner_of_the_one_before(
    tmp_path: Path, rotate: Callable[..., None]
) -> None:
    path = tmp_path / "key"
    make_signing_key(path, "o", SeededRandomness())
    os.chown(path, OWNER, GROUP)
    rotate(path, new_signing_key("o", SeededRandomness("next")))
    following = tmp_path / "key.next"
    assert belongs(following if following.exists() else path) == (OWNER, GROUP, 0o600)


@needs_root
def test_a_lock_is_for_the_owner_of_the_file_it_guards(tmp_path: Path) -> None:
    path = tmp_path / "sidecar"
    path.write_bytes(b"")
    os.chown(path, OWNER, GROUP)
    with SidecarFile(path).locked():
        assert belongs(tmp_path / "sidecar.lock") == (OWNER, GROUP, 0o600)


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic links"), FileLock(tmp_path / "lock").held():
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_nobody_but_root_is_given_the_folders_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "ROOT", -2)
    disk = Giving()
    create_file(tmp_path / "new", b"new", disk)
    assert disk.given == []


def test_who_cannot_give_a_file_back_to_its_owner_does_not_replace_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sidecar"
    file.write_bytes(b"old")
    theirs = durable.Belonging(STRANGER, file.stat().st_gid, 0o600)
    monkeypatch.setattr(durable, "_belonging_of", lambda _: theirs)
    with pytest.raises(PermissionError):
        replace_file(file, b"new", Giving(refuses=True))
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["sidecar"]


def test_an_owner_who_left_the_files_group_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sidecar"
    file.write_bytes(b"old")
    mine = durable.Belonging(file.stat().st_uid, file.stat().st_gid + 1, 0o640)
    monkeypatch.setattr(durable, "_belonging_of", lambda _: mine)
    replace_file(file, b"new", Giving(refuses=True))
    assert (file.read_bytes(), S_IMODE(file.stat().st_mode)) == (b"new", 0o600)
