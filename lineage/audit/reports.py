"""What an audit is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lineage.proofs.verifying import VerifierKey
from lineage_schemas.errors import LedgerError

FINDINGS_MAX: Final = 1_000
"""After so many findings the audit stops looking and says so."""

UNREADABLE: Final = (LedgerError, LookupError, RecursionError)
"""What decoding raises when bytes were changed: they may also name a record that is not there, or
be nested deeper than Python reads."""


class AuditLevel(IntEnum):
    """How deep an audit looks; each level includes those before it."""

    SIGNATURE = 0
    """What was signed, remembered and anchored fits the store, by its stored hashes."""

    TREE = 1
    """The tree over all stored leaf hashes is the one that is stored, and that was signed."""

    ENTRIES = 2
    """Each leaf is the hash of its envelope, and envelopes follow one another as they must."""

    PAYLOAD = 3
    """Each payload part opens its commitment, or the log says that it was erased."""

    VIEWS = 4
    """Every view is what the entries fold into, and no erasure was one to refuse."""


class AuditRequest(Struct, frozen=True, kw_only=True):
    """What an auditor asks for, and brings along.

    ``keys`` are trusted in the place of those that the log names. ``checkpoint`` is a signed note
    that was kept elsewhere. In ``state`` progress is kept, so that an audit which was interrupted
    goes on where it stopped.
    """

    level: AuditLevel = AuditLevel.VIEWS
    keys: tuple[VerifierKey, ...] = ()
    checkpoint: bytes | None = None
    state: Path | None = None


class AuditFinding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be. ``position`` is the entry concerned, if any.

    With ``upto``, nobody can tell which: one or more of those from ``position`` to ``upto``.
    """

    what: str
    position: int | None = None
    upto: int | None = None
    level: AuditLevel = AuditLevel.VIEWS


class LevelReport(Struct, frozen=True, kw_only=True):
    """What was found at one level. ``skipped`` says why it was not looked at, if it was not."""

    level: AuditLevel
    findings: int
    skipped: str = ""


class AnchoredUpTo(Struct, frozen=True, kw_only=True):
    """The last position that somebody outside could vouch for, and who that is.

    ``is_seen``: the audit itself has read the checkpoint there, or was given it; otherwise only the
    sidecar, which lies in the operator's hands, says that it was handed over.
    """

    position: int
    target: str
    is_seen: bool = False


class AuditReport(Struct, frozen=True, kw_only=True):
    """What an audit looked at, and what it found.

    ``root`` is recomputed from the leaves, but at level 0, where it is the stored head's.
    ``signed_size`` is the size up to which a signature that holds covers the log; ``None``: nobody
    has signed it. ``first_bad_position`` is the first entry that a finding names; with
    ``first_bad_upto``, it is known no closer than that. ``resumed_from`` is how many entries an
    earlier run had read, and ``remarks`` say what else the reader must know.
    """

    origin: str
    size: int
    root: str
    findings: tuple[AuditFinding, ...]
    level: AuditLevel
    levels: tuple[LevelReport, ...]
    first_bad_position: int | None = None
    first_bad_upto: int | None = None
    signed_size: int | None = None
    anchored: AnchoredUpTo | None = None
    resumed_from: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Tell whether nothing was found."""
        return not self.findings


def with_differing_graphs(report: AuditReport, namespaces: Sequence[int]) -> AuditReport:
    """Return a report that says, too, of which namespaces the graph was not what the views say."""
    found = tuple(
        AuditFinding(
            what=f"The graph that was kept of namespace {number} was not what the views say; it "
            "was thrown away, and answers given from it may have been wrong"
        )
        for number in namespaces
    )
    levels = tuple(
        replace(one, findings=one.findings + len(found)) if one.level is AuditLevel.VIEWS else one
        for one in report.levels
    )
    return replace(report, findings=(*report.findings, *found), levels=levels)


class EnoughFoundError(Exception):
    """So much was found that looking on helps nobody."""


class Findings:
    """Collects what is found."""

    def __init__(self) -> None:
        self.kept: list[AuditFinding] = []

    def add(
        self, level: AuditLevel, what: str, position: int | None = None, upto: int | None = None
    ) -> None:
        """Keep a finding.

        Raises:
            EnoughFoundError: there are ``FINDINGS_MAX``; the audit is to stop.
        """
        self.keep(AuditFinding(what=what, position=position, upto=upto, level=level))

    def keep(self, finding: AuditFinding) -> None:
        """Keep a finding that is made already.

        Raises:
            EnoughFoundError: as ``add``.
        """
        self.kept.append(finding)
        if len(self.kept) == FINDINGS_MAX:
            what = "There is more; the audit stopped here"
            self.kept.append(AuditFinding(what=what, level=finding.level))
            raise EnoughFoundError

    def count(self, *levels: AuditLevel) -> int:
        """Return how much was found at these levels."""
        return sum(one.level in levels for one in self.kept)

    def in_order(self) -> tuple[AuditFinding, ...]:
        """Return what was found: by level, and within one by position."""
        return tuple(sorted(self.kept, key=_order))

    def first_bad(self) -> tuple[int | None, int | None]:
        """Return the first entry that a finding names, or else the closest range that one does."""
        placed = [(one.position, one.upto) for one in self.kept if one.position is not None]
        exact = [position for position, upto in placed if upto is None]
        if exact:
            return min(exact), None
        ranges = [
            (upto - position, position, upto) for position, upto in placed if upto is not None
        ]
        return min(ranges)[1:] if ranges else (None, None)


def _order(finding: AuditFinding) -> tuple[int, bool, int]:
    return finding.level, finding.position is None, finding.position or 0
