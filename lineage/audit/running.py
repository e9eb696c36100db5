"""Run an audit: the levels one after another, its state in a file, and the report."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

from lineage.audit.passing import EntryPass
from lineage.audit.replaying import Replay, check_bookmark
from lineage.audit.reports import (
    AuditLevel,
    AuditReport,
    AuditRequest,
    EnoughFoundError,
    Findings,
    LevelReport,
)
from lineage.audit.resuming import StateKeeper, read_state
from lineage.audit.signatures import Memory, Signatures, check_signatures, settle, stored_roots
from lineage.audit.states import AuditState
from lineage.audit.strays import check_strays
from lineage.audit.trees import TreeWalk, walk_leaves
from lineage.folding import Progress
from lineage.stores.base import Reader

_EVERYTHING: Final = AuditRequest()
_NOTHING: Final = Memory()
_NOT_SOUND: Final = "the entries themselves are not sound"
_LEAVES_PER_STEP: Final = 65_536


def audit_log(
    reader: Reader,
    request: AuditRequest = _EVERYTHING,
    memory: Memory = _NOTHING,
    progress: Progress | None = None,
) -> AuditReport:
    """Check the log inside one snapshot, as deep as asked; ``memory`` was recalled before it.

    Raises:
        StoreError: the store or the state file cannot be read, or there is no room for the replay.
        InvalidInputError: the state file is something else.
    """
    audit = _Audit(reader, request, memory, progress)
    with suppress(EnoughFoundError):
        audit.look()
    return audit.report()


class _Audit:
    def __init__(
        self,
        reader: Reader,
        request: AuditRequest,
        memory: Memory,
        progress: Progress | None,
    ) -> None:
        self._reader = reader
        self._request = request
        self._memory = memory
        self._progress = progress
        self._origin = reader.origin()
        self._size = reader.head().size
        self._found = Findings()
        self._signatures = Signatures([], None, [])
        self._walk: TreeWalk | None = None
        self._resumed_from = 0
        self._remarks: list[str] = []
        self._views_skipped = ""

    # --- the levels, one after another -----------------------------------------------------------

    def look(self) -> None:
        """Look as deep as asked.

        Raises:
            EnoughFoundError: so much was found that there is no point in going on.
        """
        level = self._request.level
        self._signatures = check_signatures(self._reader, self._request, self._memory, self._found)
        self._remarks += self._signatures.remarks
        if level is AuditLevel.SIGNATURE:
            return
        state = self._resume(min(level, AuditLevel.PAYLOAD))
        walk = self._walk
        if walk is None:
            walk = self._walk = TreeWalk(self._reader, self._signatures.claims, self._found)
        keeper = StateKeeper(self._request.state, self._origin, min(level, AuditLevel.PAYLOAD))
        if level is AuditLevel.TREE:
            self._look_at_tree(walk, keeper)
        else:
            self._look_at_entries(walk, state, keeper)
        self._remarks += check_strays(self._reader, level, self._found)

    def _resume(self, level: AuditLevel) -> AuditState | None:
        """Return the state to go on from, once the log up to there was found to be the same."""
        if self._request.state is None:
            return None
        state, remark = read_state(self._request.state, self._origin, level)
        if state is None:
            self._remarks += [remark] if remark else []
            return None
        walk = TreeWalk(self._reader, self._signatures.claims, Findings())
        if self._leads_to(walk, state):
            self._go_on(state, walk)
            return state
        what = f"The first {state.size} entries are not those of the state file"
        self._remarks.append(f"{what}; the audit starts anew")
        if state.is_clean:
            what = f"{what}, which an audit found clean"
            self._found.add(AuditLevel.TREE, what, 0, max(0, state.size - 1))
        return None

    def _leads_to(self, walk: TreeWalk, state: AuditState) -> bool:
        with suppress(EnoughFoundError):
            return (
                state.size <= self._size
                and walk_leaves(self._reader, walk, state.size)
                and walk.tree.root().hex() == state.root
            )
        return False

    def _go_on(self, state: AuditState, walk: TreeWalk) -> None:
        self._remarks.append(
            f"Goes on from an earlier run: of the first {state.size} entries, only the leaves were "
            "read again"
        )
        self._resumed_from = state.size
        self._walk = walk
        before, walk.found = walk.found, self._found
        for finding in (*before.kept, *state.findings):
            self._found.keep(finding)

    def _look_at_tree(self, walk: TreeWalk, keeper: StateKeeper) -> None:
        with keeper.kept():
            while walk.tree.size < self._size:
                upto = min(self._size, walk.tree.size + _LEAVES_PER_STEP)
                if not walk_leaves(self._reader, walk, upto):
                    break
                keeper.note(walk, None)
                self._tell(upto)
        walk.end(None)

    def _look_at_entries(
        self, walk: TreeWalk, state: AuditState | None, keeper: StateKeeper
    ) -> None:
        level = self._request.level
        entry_pass = EntryPass(self._reader, walk, level, state)
        with self._replaying() as replay:
            with keeper.kept():
                while (entries := entry_pass.read(self._size)) is not None:
                    keeper.note(walk, entry_pass)
                    if replay is not None and self._is_sound(entry_pass):
                        replay.take(entries)
                    self._tell(walk.tree.size)
            walk.end(entry_pass.follower.recorded_us)
            if entry_pass.is_whole:
                # What comes behind a missing entry was not read, and cannot be judged by.
                entry_pass.follower.end(self._size)
                if level >= AuditLevel.PAYLOAD:
                    entry_pass.payload.end(self._signatures.sidecar)
            if replay is not None and self._is_sound(entry_pass):
                replay.compare(self._reader)

    def _is_sound(self, entry_pass: EntryPass) -> bool:
        unsound = self._found.count(AuditLevel.ENTRIES, AuditLevel.PAYLOAD)
        if unsound or not entry_pass.is_whole:
            self._views_skipped = _NOT_SOUND
        return not self._views_skipped

    @contextmanager
    def _replaying(self) -> Generator[Replay | None]:
        """Open a replay that has caught up with where the pass begins, where one is wanted."""
        if self._request.level < AuditLevel.VIEWS or not check_bookmark(self._reader, self._found):
            yield None
            return
        with Replay(self._size, self._found) as replay:
            replay.catch_up(self._reader, self._resumed_from)
            yield replay

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(done, self._size)

    # --- the report ------------------------------------------------------------------------------

    def report(self) -> AuditReport:
        """Say what was found."""
        claims, walk = self._signatures.claims, self._walk
        if walk is None:
            roots = stored_roots(self._reader, claims)
        else:
            roots = [walk.roots.get(claim.size) for claim in claims]
        reach = settle(claims, roots)
        first_bad, first_bad_upto = self._found.first_bad()
        return AuditReport(
            origin=self._origin,
            size=self._size,
            root=(self._stored_root() if walk is None else walk.tree.root()).hex(),
            findings=self._found.in_order(),
            level=self._request.level,
            levels=tuple(self._level_reports()),
            first_bad_position=first_bad,
            first_bad_upto=first_bad_upto,
            signed_size=reach.signed_size,
            anchored=reach.anchored,
            resumed_from=self._resumed_from,
            remarks=tuple(self._remarks),
        )

    def _level_reports(self) -> Generator[LevelReport]:
        for level in AuditLevel:
            if level <= self._request.level:
                skipped = self._views_skipped if level is AuditLevel.VIEWS else ""
                yield LevelReport(level=level, findings=self._found.count(level), skipped=skipped)

    def _stored_root(self) -> bytes:
        try:
            return self._reader.head().tree().root()
        except ValueError:
            return b""
