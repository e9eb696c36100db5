"""The embedded Python API: open a ledger inside your own process.

>>> from lineage import open_ledger
>>> from lineage.ledger import Artifact, Event, EventKind, Execution, Statement, TraceQuery
>>> with open_ledger("memory:") as ledger:
...     receipts = ledger.record(
...         [
...             Statement(
...                 id="training-1",
...                 source="notebook",
...                 records=(
...                     Execution(key="acme:run/1", type="lineage.Train", name="train"),
...                     Event(
...                         artifact="uri:file:///a.csv",
...                         execution="acme:run/1",
...                         kind=EventKind.INPUT,
...                     ),
...                     Artifact(key="uri:file:///model.bin", type="lineage.Model"),
...                     Event(
...                         artifact="uri:file:///model.bin",
...                         execution="acme:run/1",
...                         kind=EventKind.OUTPUT,
...                     ),
...                 ),
...             )
...         ]
...     )
...     answer = ledger.trace(TraceQuery(start=("uri:file:///model.bin",)))
>>> [(node.key, node.depth) for node in answer.nodes]
[('uri:file:///model.bin', 0), ('acme:run/1', 1), ('uri:file:///a.csv', 2)]
>>> answer.stubs, answer.complete
(1, True)
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lineage.access.accounts import AccessLog, OpenBook
from lineage.access.roles import Action
from lineage.anchoring.durable import beside
from lineage.anchoring.keys import KeyFile
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import SidecarFile
from lineage.audit import AuditLevel
from lineage.clock import Clock, Randomness, system_clock, system_randomness
from lineage.connectors.dvc.intervals import (
    StageInterval,
    current_intervals,
    moves_of,
    stage_intervals,
)
from lineage.erasures import ErasureRequest
from lineage.folding import Progress
from lineage.graph.adjacency import EVENT_KINDS
from lineage.graph.lineage_ids import NODE_KINDS, LineageIds
from lineage.graph_file import GraphPlace
from lineage.moving.checking import ExportReader
from lineage.moving.filling import UNFINISHED
from lineage.moving.reading_in import Imported, Importer, check_custody
from lineage.moving.restoring import RestoreAnswer, restore
from lineage.projections.views import TABLES
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import VerifierKey
from lineage.questions.between import BetweenQuery
from lineage.questions.columns import ColumnsQuery
from lineage.questions.common import CommonQuery
from lineage.questions.compare import CompareQuery
from lineage.questions.conflict_lists import ConflictQuery
from lineage.questions.cycles import CyclesQuery
from lineage.questions.diff import DiffQuery
from lineage.questions.history import HistoryQuery
from lineage.questions.impact import ImpactQuery
from lineage.questions.late import LateQuery
from lineage.questions.link_lists import LinkQuery
from lineage.questions.orphans import OrphansQuery
from lineage.questions.paths import PathsQuery
from lineage.questions.provenance import ProvenanceQuery
from lineage.questions.proving import ProofQuery, Shown
from lineage.questions.serving import ServingQuery
from lineage.questions.trace import TraceQuery
from lineage.questions.why import WhyQuery
from lineage.service import Ledger
from lineage.stores.opening import (
    ACCESS_SUFFIX,
    access_location,
    accounted_location,
    has_store,
    is_postgres,
    open_store,
    path_of,
    prepare_store,
    shown_location,
)
from lineage.writing.submission import Outcome, Principal, Receipt
from lineage_schemas.access import Role
from lineage_schemas.errors import (
    InvalidInputError,
    LedgerError,
    PreconditionError,
    StoreBehindError,
    StoreError,
)
from lineage_schemas.filters import NodeFilter, parse_filter
from lineage_schemas.governance import PartsErased
from lineage_schemas.graph import Direction
from lineage_schemas.knots import OrphanKind
from lineage_schemas.mlmd import (
    Artifact,
    ArtifactState,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    ParentContext,
)
from lineage_schemas.records import (
    Claim,
    LinkClass,
    MetricSeries,
    Mode,
    Retraction,
    StatedTime,
    Statement,
)

__all__ = [
    "EVENT_KINDS",
    "NODE_KINDS",
    "Action",
    "Artifact",
    "ArtifactState",
    "Association",
    "Attribution",
    "AuditLevel",
    "BetweenQuery",
    "Claim",
    "ColumnsQuery",
    "CommonQuery",
    "CompareQuery",
    "ConflictQuery",
    "Context",
    "CyclesQuery",
    "DiffQuery",
    "Direction",
    "ErasureRequest",
    "Event",
    "EventKind",
    "Execution",
    "ExecutionState",
    "GraphPlace",
    "HistoryQuery",
    "ImpactQuery",
    "Kind",
    "LateQuery",
    "Ledger",
    "LineageIds",
    "LinkClass",
    "LinkQuery",
    "MetricSeries",
    "Mode",
    "NodeFilter",
    "OrphanKind",
    "OrphansQuery",
    "Outcome",
    "ParentContext",
    "PartsErased",
    "PathsQuery",
    "Principal",
    "ProofQuery",
    "ProvenanceQuery",
    "Receipt",
    "Retraction",
    "Role",
    "ServingQuery",
    "Shown",
    "StageInterval",
    "StatedTime",
    "Statement",
    "TraceQuery",
    "WhyQuery",
    "current_intervals",
    "import_ledger",
    "moves_of",
    "open_ledger",
    "parse_filter",
    "restore_ledger",
    "stage_intervals",
]

_LOG: Final = logging.getLogger(__name__)

ORIGIN_BYTES: Final = 8
KEY_SUFFIX: Final = ".key"
SIDECAR_SUFFIX: Final = ".sidecar"
"""Beside the ledger's file. A backup of the ledger holds neither of the two."""


def open_ledger(
    location: str | Path,
    *,
    clock: Clock = system_clock,
    randomness: Randomness = system_randomness,
    key: Path | None = None,
    sidecar: Path | None = None,
    graph: GraphPlace = GraphPlace(),  # noqa: B008 - frozen, changed by nobody
) -> Ledger:
    """Open the ledger at ``location``, or make a new one there.

    ``location`` is a path (a SQLite file), ``sqlite:///path``, ``postgresql://…?schema=name`` for a
    schema of a database that many processes share, or ``memory:`` for one that lives as long as the
    process and signs nothing. ``clock`` returns microseconds since the epoch,
    ``randomness`` that many unpredictable bytes; tests give their own.

    Checkpoints are signed with the key in the file ``key`` (left out: ``<path>.key``, made on first
    use), and what was signed is remembered in the file ``sidecar`` (left out: ``<path>.sidecar``).
    A key that is given must be there; a new ledger takes its name for an origin. In a database only
    the one process that is given both signs; the others serve what it has signed.

    ``graph`` says how much memory its graph may take, and where it is kept for the next start: a
    SQLite ledger has a place for it, ``<path>.graph``.

    Who was given, or refused, which answer stands in a second ledger, the access log, at
    ``<path>.access`` or, in a database, in the schema ``<schema>_access``. A file is made when
    somebody is first accounted for, a schema by whoever may when the ledger is opened. Its key and
    sidecar are ``<key>.access`` and ``<sidecar>.access``, where these are given, else
    ``<path>.access.key`` and ``<path>.access.sidecar``.

    Raises:
        StoreError: the store, the key or the sidecar cannot be used, or are of a later version.
        StoreBehindError: there is no ledger any more where one was signed.
        InvalidInputError: a kind of store this software does not know.
    """
    files = files_beside(location, key, sidecar)
    if files is None:
        store = open_store(location, TABLES, _new_origin(randomness))
        try:
            accounts = _access_log(location, clock, randomness, None)
            return Ledger(store, clock, randomness, None, accounts, graph.index_of(location, store))
        except BaseException:
            store.close()
            raise
    keys, memory = KeyFile(files[0], randomness), SidecarFile(files[1])
    given = None if key is None else _given_key(keys)
    if not has_store(location):
        _refuse_lost_store(shown_location(location), memory)
    origin = given.name if given is not None else _new_origin(randomness)
    store = open_store(location, TABLES, origin)
    try:
        beside_it = access_files(location, key, sidecar)
        accounts = _access_log(location, clock, randomness, beside_it)
        notary = Notary(memory, keys)
        return Ledger(store, clock, randomness, notary, accounts, graph.index_of(location, store))
    except BaseException:
        store.close()
        raise


def import_ledger(  # noqa: PLR0913 - one argument a choice of whoever imports
    export: ExportReader,
    location: str | Path,
    *,
    clock: Clock = system_clock,
    randomness: Randomness = system_randomness,
    key: Path | None = None,
    sidecar: Path | None = None,
    brought: SigningKey | None = None,
    lost_key_reason: str | None = None,
    trusted: Sequence[VerifierKey] = (),
    progress: Progress | None = None,
) -> Imported:
    """Make a ledger of an export, in an empty place.

    ``location``, ``key`` and ``sidecar`` are as for ``open_ledger``.

    A final export goes on under its origin, with the key that was ``brought`` or is in its place
    already; with ``lost_key_reason`` a new key is introduced. Any other export becomes a copy with
    an origin and a key of its own. Interrupted, the same call goes on.

    Raises:
        PreconditionError: something is there already; or the key is missing, or not the log's.
        ProofError: the export does not hold; names the line.
        StoreError: the store, the key or the sidecar cannot be used.
    """
    notary = _notary_of(location, key, sidecar, randomness)
    if notary is None:
        raise PreconditionError(
            "Whoever imports a ledger signs for it, so a key and a sidecar have their places",
            where=shown_location(location),
            hint="Name both files: LINEAGE_KEY and LINEAGE_SIDECAR, or `key` and `sidecar` in the "
            "settings.",
        )
    # First, so that what is refused for it leaves nothing behind.
    check_custody(notary, export.header, brought, key_is_lost=lost_key_reason is not None)
    store = open_store(location, TABLES, UNFINISHED + export.header.origin)
    try:
        imported = Importer(store, notary, clock, randomness).run(
            export,
            brought,
            key_is_lost=lost_key_reason is not None,
            trusted=tuple(trusted),
            progress=progress,
        )
        with Ledger(store, clock, randomness, notary) as ledger:
            if lost_key_reason is not None:
                ledger.custody.rotate_key(lost_key_reason, lost=True)
            ledger.custody.checkpoint()
    finally:
        store.close()
    return imported


def restore_ledger(  # noqa: PLR0913 - as above
    backup: Path,
    location: str | Path,
    *,
    randomness: Randomness = system_randomness,
    key: Path | None = None,
    sidecar: Path | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> RestoreAnswer:
    """Check a backup and put it where a ledger is to be; places are as for ``open_ledger``.

    Raises:
        PreconditionError: a store is there, and is not to be replaced; or it is of another ledger.
        CorruptLogError: what is in the backup does not hold together.
        StoreError: it is no backup, or a file or the store cannot be read or written.
    """
    notary = _notary_of(location, key, sidecar, randomness)
    return restore(backup, location, notary, replace=replace, progress=progress)


def _notary_of(
    location: str | Path, key: Path | None, sidecar: Path | None, randomness: Randomness
) -> Notary | None:
    files = files_beside(location, key, sidecar)
    if files is None:
        return None
    return Notary(SidecarFile(files[1]), KeyFile(files[0], randomness))


def is_remembered(location: str | Path, *, sidecar: Path | None = None) -> bool:
    """Tell whether a sidecar remembers a ledger at ``location``, be its file there or not."""
    path = path_of(location)
    memory = sidecar or (None if path is None else beside(path, SIDECAR_SUFFIX))
    return memory is not None and memory.exists()


def files_beside(
    location: str | Path, key: Path | None, sidecar: Path | None
) -> tuple[Path, Path] | None:
    """Return where the key and the sidecar lie; ``None`` for a ledger that is not signed here.

    Raises:
        InvalidInputError: a kind of store this software does not know, or one file of two.
    """
    path = path_of(location)
    if path is not None:
        return key or beside(path, KEY_SUFFIX), sidecar or beside(path, SIDECAR_SUFFIX)
    if not is_postgres(location) or (key is None and sidecar is None):
        return None
    if key is None or sidecar is None:
        raise InvalidInputError(
            "Whoever signs a ledger in a database has a key and a sidecar, and one is not named",
            where="the key" if key is None else "the sidecar",
            hint="Name both files, on a disk of this machine, or neither: then another process "
            "signs.",
        )
    return key, sidecar


def access_files(
    location: str | Path, key: Path | None, sidecar: Path | None
) -> tuple[Path, Path] | None:
    """Return where key and sidecar of the access log of the ledger at ``location`` lie.

    They follow those of the ledger: where these were named, their names and ``.access``. ``None``:
    it is not signed here.
    """
    path = path_of(access_location(location))
    if path is not None:
        return _following(key, path, KEY_SUFFIX), _following(sidecar, path, SIDECAR_SUFFIX)
    if key is None or sidecar is None or not is_postgres(location):
        return None
    return beside(key, ACCESS_SUFFIX), beside(sidecar, ACCESS_SUFFIX)


def _following(named: Path | None, path: Path, suffix: str) -> Path:
    own = beside(path, suffix)
    if named is None:
        return own
    following = beside(named, ACCESS_SUFFIX)
    # Once they lay beside the access log, whatever was named: there they stay.
    return own if own.exists() and not following.exists() else following


def configured_files(
    location: str | Path, key: Path | None, sidecar: Path | None
) -> tuple[Path | None, Path | None]:
    """Return which files are meant by settings for what is at ``location``.

    Settings name the files of a ledger; for its access log, that one's own are meant. Names that
    end in ``.access`` are those already.

    Raises:
        InvalidInputError, StoreError: as ``files_beside``; or the database cannot be reached.
    """
    named = [one for one in (key, sidecar) if one is not None]
    if not named or any(one.suffix == ACCESS_SUFFIX for one in named):
        return key, sidecar
    ledger = accounted_location(location)
    files = None if ledger is None else access_files(ledger, key, sidecar)
    if files is None:
        return key, sidecar
    return None if key is None else files[0], None if sidecar is None else files[1]


def _access_log(
    location: str | Path, clock: Clock, randomness: Randomness, files: tuple[Path, Path] | None
) -> AccessLog:
    """Return the access log; whoever signs the ledger signs it too, with ``files``."""
    place = access_location(location)
    if is_postgres(place):
        _prepare_access_log(location, str(place), randomness)

    def opened() -> OpenBook:
        notary = None
        if files is not None:
            memory = SidecarFile(files[1])
            notary = Notary(memory, KeyFile(files[0], randomness))
            if not has_store(place):
                _refuse_lost_store(shown_location(place), memory)
        store = open_store(place, TABLES, _new_origin(randomness))
        try:
            return OpenBook(store, Ledger(store, clock, randomness, notary))
        except BaseException:
            store.close()
            raise

    return AccessLog(opened, lambda: has_store(place), clock, randomness)


def _prepare_access_log(location: str | Path, place: str, randomness: Randomness) -> None:
    """Make the access log's schema while whoever may is here: the service's own user may not."""
    try:
        if accounted_location(location) is None:
            prepare_store(place, TABLES, _new_origin(randomness))
    except LedgerError as error:
        _LOG.warning("The access log could not be made, and auditors get no answer: %s", error)


def _new_origin(randomness: Randomness) -> str:
    return f"lineage-ledger/{randomness(ORIGIN_BYTES).hex()}"


def _given_key(keys: KeyFile) -> SigningKey | None:
    key = keys.current()
    # That of an access log is made with its first record, like one that nobody named.
    if key is None and keys.path.suffix != ACCESS_SUFFIX:
        raise StoreError(
            "There is no signing key where one was named",
            where=str(keys.path),
            hint="Make one with `lineage key make`, or leave the name out.",
        )
    return key


def _refuse_lost_store(shown: str, memory: SidecarFile) -> None:
    """Refuse to begin anew where a ledger was signed: somebody took its file away."""
    sidecar = memory.read()
    if sidecar is not None:
        raise StoreBehindError(
            f"The ledger {sidecar.origin} was here, and is gone",
            where=shown,
            hint=f"Put it back. To begin a new ledger here, remove {memory.path} and its key.",
        )
