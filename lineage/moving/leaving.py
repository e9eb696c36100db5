"""Let a ledger leave its place: a backup, an export, and the export after which nothing follows."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

from lineage.access.accounts import Told
from lineage.access.checking import Checks
from lineage.access.roles import Action
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import Frozen, Sidecar, with_frozen
from lineage.custody import Custody
from lineage.folding import Progress
from lineage.moving.backing_up import BackupAnswer, back_up
from lineage.moving.checking import ExportVerdict
from lineage.moving.writing_out import write_export, write_export_file
from lineage.questions.as_of import SOFTWARE
from lineage.stores.base import Store
from lineage.writing.submission import LOCAL_PRINCIPAL, Principal
from lineage_schemas.access import EVERY
from lineage_schemas.errors import PreconditionError, StoreConflictError

FREEZE_ATTEMPTS_MAX: Final = 100
"""How often the log is signed anew because somebody wrote between the signature and the freezing.
"""


class Moves:
    """Backups and exports of one ledger."""

    def __init__(
        self, store: Store, custody: Custody, notary: Notary | None, checks: Checks
    ) -> None:
        self._store = store
        self._custody = custody
        self._notary = notary
        self._checks = checks

    def back_up(
        self,
        path: Path,
        progress: Progress | None = None,
        *,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> BackupAnswer:
        """Write one moment of the ledger into a new SQLite file, checked; others write meanwhile.

        That it was taken stands in the access log before it has its name.

        Raises:
            ForbiddenError: ``principal`` is no operator.
            InvalidInputError: there is such a file already.
            CorruptLogError: the log does not hold together.
            StoreError: it cannot be written; nothing is left of it.
        """
        self._admit(principal, Action.BACKUP)
        self._custody.catch_up()

        def stating(answer: BackupAnswer) -> None:
            told = Told("back_up", EVERY, (), answer.size, answer.root, answer.origin, answer.size)
            self._checks.tell(principal, told)

        return back_up(self._store, path, progress, stating)

    def export(
        self,
        target: Path | BinaryIO,
        *,
        final: bool = False,
        to: str = "",
        progress: Progress | None = None,
        principal: Principal = LOCAL_PRINCIPAL,
    ) -> ExportVerdict:
        """Write the whole log, as of one moment, as one open file: docs/export-format.md.

        With ``final`` the ledger is frozen first and takes nothing from then on, also where the
        export then fails; exporting it again gives the same bytes. ``to`` says where it will live,
        to whoever writes here afterwards. What is about to be given stands in the access log first.

        Raises:
            ForbiddenError: ``principal`` is no auditor of every namespace; or, ``final``, cannot
                hand the ledger over.
            InvalidInputError: there is such a file already.
            PreconditionError: ``final``, and this process does not sign for the ledger.
            CorruptLogError: the log does not hold together.
            StoreError: it cannot be written; of a file, nothing is left.
        """
        self._admit(principal, Action.EXPORT)
        if final:
            self._admit(principal, Action.RECOVER)
            self._freeze(to)
        else:
            self._custody.catch_up()
        with self._custody.reading(principal) as reader:
            head, origin = reader.head(), reader.origin()
            root = head.tree().root().hex()
            how = "final" if final else "copy"
            told = Told("export", EVERY, (how,), head.size, root, origin, head.size)
            self._checks.tell(principal, told)
            if isinstance(target, Path):
                return write_export_file(
                    reader, target, final=final, software=SOFTWARE, progress=progress
                )
            return write_export(reader, target, final=final, software=SOFTWARE, progress=progress)

    def _admit(self, principal: Principal, action: Action) -> None:
        with self._custody.reading(principal) as reader:
            self._checks.check(reader, principal, action, EVERY)

    def _freeze(self, to: str) -> None:
        """Let the ledger take nothing any more: in its store first, then in its sidecar.

        Both are durable before a byte is exported, so that there is never a second place to go on
        before this one has stopped.
        """
        if self._notary is None:
            raise PreconditionError(
                "This process does not sign for the ledger, so it cannot hand it over",
                hint="Only the one that has the signing key and the sidecar does.",
            )
        size = self._freeze_store()
        sidecars = self._notary.sidecar
        with sidecars.locked():
            sidecar = sidecars.read() or Sidecar(origin=self._store.origin)
            if not isinstance(sidecar.frozen, Frozen):
                sidecars.write(with_frozen(sidecar, Frozen(size=size, to=to)))

    def _freeze_store(self) -> int:
        for _ in range(FREEZE_ATTEMPTS_MAX):
            signed = self._custody.checkpoint()
            with self._store.write() as writer:
                if writer.head().size == signed.size:
                    writer.freeze(frozen=True)
                    return signed.size
        raise StoreConflictError(
            "Others write all the time, so that nothing could be signed last",
            hint="Stop what sends to the ledger, and try again.",
        )
