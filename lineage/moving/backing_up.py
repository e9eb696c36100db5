"""Back a ledger up while it is in use: always one SQLite file that is itself a ledger to open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from lineage.anchoring.behind import signed_elsewhere
from lineage.anchoring.durable import translated, whole_file
from lineage.anchoring.notary import root_of_size
from lineage.audit import AuditLevel, AuditReport, AuditRequest, audit_log
from lineage.folding import Progress
from lineage.moving.filling import UNFINISHED, fill
from lineage.moving.writing_out import read_log
from lineage.projections.views import TABLES
from lineage.proofs.checkpoints import read_checkpoint
from lineage.stores.base import Reader, Store
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import CorruptLogError, ProofError, StoreFullError

_LOG_LEVELS = frozenset({AuditLevel.TREE, AuditLevel.ENTRIES, AuditLevel.PAYLOAD})


class BackupAnswer(Struct, frozen=True, kw_only=True):
    """What a backup holds. ``unsigned`` entries are behind its checkpoint (``None``: it has none).

    ``frozen``: it is of a ledger that was exported for good.
    """

    origin: str
    size: int
    root: str
    checkpoint: str | None
    unsigned: int
    frozen: bool


def back_up(
    store: Store,
    path: Path,
    progress: Progress | None = None,
    stating: Callable[[BackupAnswer], None] | None = None,
) -> BackupAnswer:
    """Copy one moment of a store into a new file, check the copy, and only then give it its name.

    Writers go on meanwhile. The views are in it if the store is SQLite's; else they are folded by
    whoever opens it. Neither key nor sidecar is: see docs/custody.md. ``stating`` is told of the
    backup before it has its name; when that raises, there is none.

    Raises:
        InvalidInputError: there is such a file already.
        CorruptLogError: the log does not hold together, so there is no backup of it.
        StoreFullError: there is no room for it.
        StoreError: it cannot be written. In each case nothing is left of it.
    """
    with translated(path), whole_file(path) as made:
        answer = _made(store, made, path, progress)
        if stating is not None:
            stating(answer)
        return answer


def _made(store: Store, made: Path, path: Path, progress: Progress | None) -> BackupAnswer:
    """Fill the file ``made``, which is going to be called ``path``."""
    try:
        if isinstance(store, SqliteStore):
            store.copy_to(made)
        else:
            with store.read() as reader:
                _copy(reader, made, progress)
        return _checked(made, progress)
    except StoreFullError as error:
        raise StoreFullError(
            "There is no room for this backup; nothing is left of it, and the ledger goes on",
            where=str(path),
            hint="Make room, or name a file on another disk.",
        ) from error
    finally:
        remove_beside(made)


def remove_beside(made: Path) -> None:
    """Remove what SQLite has kept beside a file that is closed."""
    for suffix in ("-journal", "-wal", "-shm"):
        made.with_name(made.name + suffix).unlink(missing_ok=True)


def describe(reader: Reader) -> BackupAnswer:
    """Return what a snapshot holds."""
    head, note = reader.head(), reader.checkpoint()
    signed = 0 if note is None else read_checkpoint(note).size
    return BackupAnswer(
        origin=reader.origin(),
        size=head.size,
        root=head.tree().root().hex(),
        checkpoint=None if note is None else note.decode(),
        unsigned=max(0, head.size - signed),
        frozen=_is_exported(reader),
    )


def _is_exported(reader: Reader) -> bool:
    """Tell whether the ledger was exported for good; a mark is found again where it is restored."""
    return reader.is_frozen() and signed_elsewhere(reader) is None


def _copy(reader: Reader, made: Path, progress: Progress | None) -> None:
    """Copy the log alone. Under its own name from the last step on, as an import does it."""
    head, origin = reader.head(), reader.origin()
    copy = SqliteStore(made, TABLES, UNFINISHED + origin)
    try:
        fill(copy, read_log(reader), head.size, progress)
        with copy.write() as writer:
            writer.freeze(frozen=False)
            writer.rename(origin)
            writer.keep_checkpoint(reader.checkpoint())
            writer.freeze(frozen=_is_exported(reader))
    finally:
        copy.close()


def _checked(made: Path, progress: Progress | None) -> BackupAnswer:
    copy = SqliteStore(made, TABLES, "")
    try:
        with copy.read() as reader:
            check_log(reader, made, progress)
            return describe(reader)
    finally:
        copy.close()


def check_log(reader: Reader, where: Path, progress: Progress | None) -> AuditReport:
    """Audit the tree, the entries and the payload; and that the checkpoint is of these entries.

    Raises:
        CorruptLogError: something was found; names the first.
    """
    report = audit_log(reader, AuditRequest(level=AuditLevel.PAYLOAD), progress=progress)
    found = [one.what for one in report.findings if one.level in _LOG_LEVELS]
    if not found and not _fits_checkpoint(reader, report.size):
        found.append("The checkpoint in the ledger is not of its entries")
    if found:
        raise CorruptLogError(
            f"The log does not hold together: {found[0]}",
            where=str(where),
            hint="Run `lineage audit` on the ledger.",
        )
    return report


def _fits_checkpoint(reader: Reader, size: int) -> bool:
    note = reader.checkpoint()
    if note is None:
        return True
    try:
        said = read_checkpoint(note)
    except ProofError:
        return False
    return said.size <= size and root_of_size(reader, said.size) == said.root
