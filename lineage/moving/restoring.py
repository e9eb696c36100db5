"""Put a backup back: check it first, say what would be missing, and write nothing over.

The sidecar and the key stay as they are: what was signed and erased since the backup is known by
them alone. What the sidecar knows to be erased is erased from the backup before it is put in place.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from lineage.anchoring.behind import lift_behind
from lineage.anchoring.durable import DISK, beside, give_name, translated, whole_file
from lineage.anchoring.notary import Notary, compare
from lineage.anchoring.sidecar import Frozen, Sidecar
from lineage.audit import AuditLevel, AuditRequest, audit_log
from lineage.erasure.erasing import replay, scrub
from lineage.folding import Progress, bring_views_up
from lineage.moving.backing_up import BackupAnswer, describe, remove_beside
from lineage.moving.filling import UNFINISHED, check_fillable, fill, finishing, refuse_unfinished
from lineage.moving.naming import before_recovery
from lineage.moving.passing import passing_folder
from lineage.moving.writing_out import read_log
from lineage.projections.views import TABLES
from lineage.proofs.checkpoints import read_checkpoint
from lineage.stores.base import Store, frozen_error
from lineage.stores.opening import MEMORY, has_store, open_store, path_of, shown_location
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import (
    CorruptLogError,
    ForeignStoreError,
    PreconditionError,
    StoreBehindError,
)

ASIDE_MAX: Final = 1_000
"""So many stores that were replaced may lie beside one another."""

_NOT_ONE: Final = "no ledger"
"""What a file would be called that turns out to be an empty database."""

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What belongs to a SQLite file and is named after it."""


class RestoreAnswer(Struct, frozen=True, kw_only=True):
    """What was restored, and whether the ledger goes on.

    ``missing`` counts the entries that are known to be lost: the sidecar remembers that so many
    more were signed. ``fault`` says why the ledger takes nothing, if it does not; ``erased`` counts
    the payload parts that were erased again; ``aside`` is where the store went that was there.
    """

    backup: BackupAnswer
    missing: int = 0
    fault: str = ""
    erased: int = 0
    aside: str = ""


def restore(
    backup: Path,
    location: str | Path,
    notary: Notary | None,
    *,
    replace: bool,
    progress: Progress | None = None,
) -> RestoreAnswer:
    """Check a backup and put it where a ledger is to be.

    Interrupted, it is done again from the beginning: until its last step there is no store there,
    or, in a database, one that says that it is unfinished.

    Raises:
        PreconditionError: a store is there, and is not to be replaced or cannot be; or the sidecar
            there is of another ledger.
        ForeignStoreError: the file is no backup.
        CorruptLogError: what is in it does not hold together.
        StoreError: a file or the store cannot be read or written.
    """
    path = path_of(location)
    _refuse_in_use(backup)
    if path is None:
        return _restore_into(backup, location, notary, replace=replace, progress=progress)
    _refuse_there(path, replace=replace)
    staged = beside(path, ".restored")
    with translated(path):
        staged.unlink(missing_ok=True)
        with whole_file(staged) as made:
            answer = _stage(backup, made, notary, progress)
        try:
            aside = _move_aside(path) if replace else ""
            give_name(staged, path, DISK)
        finally:
            staged.unlink(missing_ok=True)
        DISK.sync_folder(path.parent)
    return structs.replace(answer, aside=aside)


def _restore_into(
    backup: Path,
    location: str | Path,
    notary: Notary | None,
    *,
    replace: bool,
    progress: Progress | None,
) -> RestoreAnswer:
    """Restore into a store that is no file: by way of a copy that is checked first."""
    if location == MEMORY or replace:
        raise PreconditionError(
            "Only a ledger in a file can be moved aside"
            if replace
            else "A ledger in memory is gone before anybody can ask it",
            where=shown_location(location),
            hint="Name an empty place.",
        )
    with passing_folder() as folder:
        made = folder / "staged.db"
        answer = _stage(backup, made, notary, progress)
        source = SqliteStore(made, TABLES, "")
        try:
            _fill_from(source, location, progress)
        finally:
            source.close()
    return answer


def _fill_from(source: Store, location: str | Path, progress: Progress | None) -> None:
    with source.read() as reader:
        origin, size = reader.origin(), reader.head().size
        target = open_store(location, TABLES, UNFINISHED + origin)
        try:
            check_fillable(target, origin, size)
            fill(target, read_log(reader), size, progress)
            with finishing(target, origin, reader.checkpoint(), progress) as writer:
                writer.freeze(frozen=reader.is_frozen())
        finally:
            target.close()


# --- checking ------------------------------------------------------------------------------------


def _stage(
    backup: Path, made: Path, notary: Notary | None, progress: Progress | None
) -> RestoreAnswer:
    """Copy the backup to ``made``, check the copy, and erase again what must be."""
    with translated(backup):
        if backup.stat().st_size == 0:
            raise _foreign(backup)
        shutil.copyfile(backup, made)
    sidecar = None
    if notary is not None:
        recalled = notary.recall()
        if recalled.fault is not None:
            raise recalled.fault
        sidecar = recalled.sidecar
    try:
        store = SqliteStore(made, TABLES, _NOT_ONE)
    except ForeignStoreError as error:
        raise _foreign(backup) from error
    try:
        return _check(store, backup, sidecar, signs=notary is not None, progress=progress)
    finally:
        store.close()
        remove_beside(made)


def _check(
    store: Store,
    backup: Path,
    sidecar: Sidecar | None,
    *,
    signs: bool,
    progress: Progress | None,
) -> RestoreAnswer:
    if store.origin == _NOT_ONE:
        raise _foreign(backup)
    refuse_unfinished(store)
    with store.write() as writer:
        lift_behind(writer)
    bring_views_up(store, progress)
    with store.read() as reader:
        report = audit_log(reader, AuditRequest(level=AuditLevel.PAYLOAD), progress=progress)
        if report.findings:
            raise CorruptLogError(
                f"This backup does not hold together: {report.findings[0].what}",
                where=str(backup),
                hint="Restore another one.",
            )
        found = describe(reader)
    _refuse_of_another(found.origin, sidecar)
    erased = replay(sidecar, store)
    if erased:
        scrub(store)
    fault = _fault(store, sidecar) if signs else ""
    return RestoreAnswer(backup=found, missing=_missing(found, sidecar), fault=fault, erased=erased)


def _refuse_of_another(origin: str, sidecar: Sidecar | None) -> None:
    """Refuse a backup of another ledger; one from before a recovery is of the same."""
    if sidecar is not None and before_recovery(sidecar.origin) != before_recovery(origin):
        raise PreconditionError(
            "The sidecar here is of another ledger than this backup",
            where=f"here {sidecar.origin}, in the backup {origin}",
            hint="Name the place of the ledger that the backup is of.",
        )


def _fault(store: Store, sidecar: Sidecar | None) -> str:
    """Say why the ledger will take nothing; an empty text if it goes on."""
    if sidecar is not None and isinstance(sidecar.frozen, Frozen):
        return frozen_error(sidecar.frozen.to).what
    try:
        with store.read() as reader:
            if reader.is_frozen():
                return frozen_error().what
            compare(reader, sidecar)
    except StoreBehindError as error:
        return error.what
    return ""


def _missing(found: BackupAnswer, sidecar: Sidecar | None) -> int:
    if sidecar is None or sidecar.checkpoint is None:
        return 0
    return max(0, read_checkpoint(sidecar.checkpoint.encode()).size - found.size)


# --- files ---------------------------------------------------------------------------------------


def _foreign(backup: Path) -> ForeignStoreError:
    return ForeignStoreError(
        "This file is no backup of a ledger, and was left as it is",
        where=str(backup),
        hint="Give a file that `lineage backup` wrote.",
    )


def _refuse_in_use(backup: Path) -> None:
    """Refuse a ledger that somebody works on: what is in its write-ahead log would be missing."""
    log = beside(backup, "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise PreconditionError(
            "This is a ledger in use, with a write-ahead log beside it, and no backup",
            where=str(backup),
            hint="Make a backup of it with `lineage backup`.",
        )


def _refuse_there(path: Path, *, replace: bool) -> None:
    there = has_store(path) or any(beside(path, suffix).exists() for suffix in _BESIDE)
    if there and not replace:
        raise PreconditionError(
            "There is a store here already, and nothing is written over",
            where=str(path),
            hint="Name another place, or move it aside with --replace.",
        )


def _move_aside(path: Path) -> str:
    """Give the store that is there another name, with all that belongs to it.

    The ledger's file goes first: what stays behind of a move that was interrupted is no ledger.
    """
    if not any(os.path.lexists(one) for one in (path, *(beside(path, end) for end in _BESIDE))):
        return ""
    number = next(
        number for number in range(1, ASIDE_MAX) if not beside(path, f".replaced-{number}").exists()
    )
    if not path.exists() and number > 1:
        # The rest of a move that was interrupted.
        number -= 1
    aside = beside(path, f".replaced-{number}")
    for suffix in ("", *_BESIDE):
        source = beside(path, suffix)
        if os.path.lexists(source):
            give_name(source, beside(aside, suffix), DISK)
            source.unlink()
    DISK.sync_folder(path.parent)
    return str(aside)
