"""Checks of where things lie: files, folders, disks."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lineage.inspection import Places
from lineage_api.doctor.machine import Machine, existing
from lineage_schemas.health import Finding, fine, problem, warning

FREE_BYTES_MIN: Final = 256 * 1_048_576
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "fuse.sshfs",
        "afs",
        "ceph",
        "glusterfs",
        "fuse.glusterfs",
        "lustre",
        "beegfs",
        "gpfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
    }
)

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def check_places(places: Places, machine: Machine) -> Iterator[Finding]:
    """Yield what is found of the places of one ledger's files."""
    if places.store is not None:
        yield _writable(places.store, machine, "store folder", "the ledger")
        yield _room(places.store, machine)
        yield _local(places.store, machine, "store disk")
    if places.sidecar is not None:
        yield _writable(places.sidecar, machine, "sidecar folder", "the sidecar")
        yield _local(places.sidecar, machine, "sidecar disk")
    if places.store is not None and places.sidecar is not None:
        yield _apart(places.store, places.sidecar)
    if places.key is not None and places.key.exists():
        yield _owned(places.key, machine)


def _writable(path: Path, machine: Machine, check: str, what: str) -> Finding:
    folder = existing(path.parent)
    if folder != path.parent.absolute():
        return problem(
            check, f"The folder of {what} is not there", str(path.parent), "Make the folder."
        )
    refusing = [one for one in (folder, path) if one.exists() and not machine.can_write(one)]
    if refusing:
        return problem(
            check,
            f"This user may not write {what}",
            str(refusing[0]),
            "Check the owner and mode of the file and its folder, and how the disk is mounted.",
        )
    return fine(check, f"This user may write {what}", str(folder))


def _room(store: Path, machine: Machine) -> Finding:
    free = machine.free_bytes(store)
    size = store.stat().st_size if store.exists() else 0
    told = f"{free // 1_048_576:,} MiB are free, the ledger has {size // 1_048_576:,} MiB"
    if free < FREE_BYTES_MIN:
        return problem("disk", f"Hardly any room is left: {told}", str(store), "Make room.")
    if free < size:
        return warning(
            "disk",
            f"There is no room for a copy of the ledger: {told}",
            str(store),
            "An erasure needs one to rewrite the file, and so does a backup beside it.",
        )
    return fine("disk", told)


def _local(path: Path, machine: Machine, check: str) -> Finding:
    kind = machine.file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        return warning(
            check,
            f"This is a network file system ({kind}): its locks and syncs cannot be relied on",
            str(path),
            "Keep the ledger on a disk of this machine, or in PostgreSQL.",
        )
    return fine(check, f"File system: {kind or 'not known'}")


def _apart(store: Path, sidecar: Path) -> Finding:
    """Whether the sidecar would come back with a backup of the ledger's folder."""
    folder, beside = existing(store.parent).resolve(), existing(sidecar.parent).resolve()
    if beside == folder or folder in beside.parents:
        return warning(
            "sidecar apart",
            "The sidecar lies in the ledger's folder: a backup of that folder would hold both, and "
            "an older state that is put back would not be noticed",
            str(sidecar),
            "Set `sidecar` to a folder that is not in the backup, or leave its file out of it.",
        )
    return fine("sidecar apart", "The sidecar lies outside of the ledger's folder", str(beside))


def _owned(key: Path, machine: Machine) -> Finding:
    if machine.owner(key) != machine.user():
        return warning(
            "key owner",
            "The signing key belongs to another user",
            str(key),
            "It should belong to the user who serves the ledger, and to nobody else.",
        )
    return fine("key owner", "The signing key belongs to this user")


def check_config_file(path: Path | None, *, has_secrets: bool) -> Finding:
    """Whether a file of settings with secrets in it is open to others."""
    if path is None:
        return fine("settings file", "There is no file of settings")
    mode = stat.S_IMODE(path.stat().st_mode)
    if has_secrets and mode & _OTHERS:
        return warning(
            "settings file",
            f"The file of settings has secrets, and is open to others (mode {mode:04o})",
            str(path),
            f"Run: chmod 600 {path}; or keep the secrets in files of their own.",
        )
    return fine("settings file", "The file of settings is read", str(path))
