"""Make a ledger of an export: the same one where the export is final, else a copy of its own name.

One origin never goes on in two places. A final export comes from a ledger that takes nothing any
more, so whoever imports it with the signing key goes on under its origin. Any other import is a
copy: it takes a new origin and a new key, and its next entry cites the last checkpoint of the log
that it was copied from, as a recovery does.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from lineage.access.ending import key_endings
from lineage.anchoring.notary import Notary, keys_in_force
from lineage.anchoring.sidecar import Frozen, Sidecar, with_erased
from lineage.audit import AuditReport, audit_log
from lineage.clock import Clock, Randomness
from lineage.erasure.erasing import erased_in_log
from lineage.folding import Progress
from lineage.moving.checking import ExportReader, ExportVerdict
from lineage.moving.filling import check_fillable, fill, finishing
from lineage.moving.lines import Header
from lineage.moving.naming import copy_origin
from lineage.projections.governance import KeyRow
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import VerifierKey, format_verifier_key
from lineage.rotation import LEDGER_PRINCIPAL
from lineage.rules.form import LEDGER_NAMESPACE
from lineage.stores.base import Store, Writer
from lineage.writing.appending import Appender, LogState
from lineage.writing.governing import governance_batch
from lineage_schemas.errors import CorruptLogError, PreconditionError
from lineage_schemas.governance import KeyIntroduction, Recovery

COPIED: Final = "a copy of the log of the former origin was imported here; that log may go on"
"""The reason that the entry gives which names the new origin."""


class Imported(NamedTuple):
    """What was imported, and the name that the log goes by here."""

    verdict: ExportVerdict
    origin: str


class Importer:
    """Imports one export into one store."""

    def __init__(self, store: Store, notary: Notary, clock: Clock, randomness: Randomness) -> None:
        """Name where to: the store was opened, or made under a name after ``UNFINISHED``."""
        self._store = store
        self._notary = notary
        self._clock = clock
        self._randomness = randomness

    def run(
        self,
        export: ExportReader,
        key: SigningKey | None,
        *,
        key_is_lost: bool,
        trusted: tuple[VerifierKey, ...] = (),
        progress: Progress | None = None,
    ) -> Imported:
        """Import; return once the ledger is whole and durable.

        ``key`` is the signing key of a final export, where it is not in its place yet. With
        ``key_is_lost`` a final export is imported without one: nothing can be signed until the
        key is changed.

        Raises:
            PreconditionError: something else is here; or the key is missing, or not the log's.
            ProofError: the export does not hold; names the line.
            StoreError: the store, the sidecar or the key's file failed.
        """
        header = export.header
        check_fillable(self._store, header.origin, header.size)
        check_custody(self._notary, header, key, key_is_lost=key_is_lost)
        fill(self._store, export.entries(), header.size, progress)
        verdict = export.judge(trusted)
        note = None if header.checkpoint is None else header.checkpoint.encode()
        with finishing(self._store, header.origin, note, progress) as writer:
            _refuse_unsound(audit_log(writer, progress=progress))
            if header.final:
                self._take_over(writer, header, key, key_is_lost=key_is_lost)
            else:
                self._begin_copy(writer, header)
            origin = writer.origin()
        return Imported(verdict, origin)

    def _take_over(
        self,
        writer: Writer,
        header: Header,
        given: SigningKey | None,
        *,
        key_is_lost: bool,
    ) -> None:
        """Go on under the same origin. Key and sidecar come before the commit that makes it so."""
        key = check_custody(self._notary, header, given, key_is_lost=key_is_lost)
        if key is not None:
            self._notary.keys.keep(key)
        sidecar = Sidecar(
            origin=header.origin,
            checkpoint=header.checkpoint,
            recorded_us=writer.head().recorded_us,
        )
        self._remember(writer, sidecar)

    def _begin_copy(self, writer: Writer, header: Header) -> None:
        """Go on under a new origin, which the next entry names, and without the API keys."""
        origin = self._copy_origin(header)
        key = self._notary.keys.make(origin)
        recovery = Recovery(
            former=header.origin,
            checkpoint=header.checkpoint,
            lost_from=header.size,
            lost_to=header.size,
            reason=COPIED,
        )
        introduction = KeyIntroduction(verifier=format_verifier_key(verifier_key_of(key)))
        writer.rename(key.name)
        writer.keep_checkpoint(None)
        batch = governance_batch(
            LEDGER_NAMESPACE,
            LEDGER_PRINCIPAL,
            recovery,
            introduction,
            randomness=self._randomness,
        )
        state = LogState()
        state.refresh(writer)
        endings = key_endings(writer, LEDGER_PRINCIPAL, self._randomness)
        Appender(writer, state, self._clock, self._randomness).append([batch, *endings])
        self._remember(writer, Sidecar(origin=key.name))

    def _copy_origin(self, header: Header) -> str:
        present = self._notary.keys.current()
        return copy_origin(header.origin, self._randomness) if present is None else present.name

    def _remember(self, writer: Writer, sidecar: Sidecar) -> None:
        with self._notary.sidecar.locked():
            self._notary.sidecar.write(with_erased(sidecar, *erased_in_log(writer)))


def check_custody(
    notary: Notary, header: Header, given: SigningKey | None, *, key_is_lost: bool
) -> SigningKey | None:
    """Return the key that is there or was brought, to sign for what is imported; ``None``: none.

    Raises:
        PreconditionError: another ledger is remembered here; or the key is missing, or is not one
            that can sign for this log.
    """
    _refuse_sidecar(notary, header)
    present = notary.keys.current()
    if header.final:
        return _last_key(header, present, given, key_is_lost=key_is_lost)
    if given is not None or key_is_lost:
        raise PreconditionError(
            "This export is not final, so its ledger may go on: a copy has a key of its own",
            where=header.origin,
            hint="Leave the key out; or export with --final, to move the ledger.",
        )
    if present is not None and present.name in _names_of(header):
        raise _another_key(present, header)
    return present


def _refuse_sidecar(notary: Notary, header: Header) -> None:
    """Refuse a place where another ledger is remembered; what an earlier attempt left is ours."""
    sidecar = notary.sidecar.read()
    if sidecar is None:
        return
    if header.final:
        is_ours = (sidecar.origin, sidecar.checkpoint) == (header.origin, header.checkpoint)
        # A ledger that moved away and comes back needs a place of its own: this one is taken.
        is_ours = is_ours and not isinstance(sidecar.frozen, Frozen)
    else:
        mine = notary.keys.current()
        is_ours = mine is not None and (sidecar.origin, sidecar.checkpoint) == (mine.name, None)
    if not is_ours:
        raise PreconditionError(
            "A sidecar here remembers another ledger, or this one as it was before",
            where=sidecar.origin,
            hint="Name a place where none was, or put that ledger's files away together.",
        )


def _last_key(
    header: Header,
    present: SigningKey | None,
    given: SigningKey | None,
    *,
    key_is_lost: bool,
) -> SigningKey | None:
    if key_is_lost:
        if given is not None or present is not None:
            raise PreconditionError("The key is said to be lost, and there is one")
        return None
    key = given or present
    if key is None:
        raise PreconditionError(
            "The signing key of this ledger is missing: it is a file of its own, and is moved by "
            "its owner",
            where=header.origin,
            hint="Name it with --key. If it is lost, a new one can be introduced: --lost-key.",
        )
    if present is not None and present.public != key.public:
        raise _another_key(present, header)
    if format_verifier_key(verifier_key_of(key)) not in _present_keys(header):
        raise _another_key(key, header)
    return key


def _refuse_unsound(report: AuditReport) -> None:
    if report.findings:
        first = report.findings[0]
        raise CorruptLogError(
            f"What was imported does not hold together: {first.what}",
            where="" if first.position is None else f"position {first.position}",
            hint="Ask whoever exported it for another export.",
        )


def _present_keys(header: Header) -> set[str]:
    """Return the keys that may sign at the export's end."""
    rows = [
        KeyRow(one.position, one.covered, one.verifier, one.replaces, int(one.lost))
        for one in header.keys
    ]
    return set(map(format_verifier_key, keys_in_force(rows, header.size)))


def _names_of(header: Header) -> set[str]:
    """Return every origin that the log has gone by."""
    return {header.origin, *(one.verifier.partition("+")[0] for one in header.keys)}


def _another_key(key: SigningKey, header: Header) -> PreconditionError:
    return PreconditionError(
        "This signing key cannot sign here",
        where=f"the key's name is {key.name}, the log {header.origin}",
        hint="A final export takes the key that its ledger had last; a copy, one of its own name.",
    )
