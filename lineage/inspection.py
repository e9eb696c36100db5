"""Look whether a ledger is well, without opening it: opening one repairs what it finds.

Quick checks only: whether the parts agree with each other. ``lineage audit`` derives them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from lineage.access.viewing import Moment, view_keys
from lineage.anchoring.behind import marked_fault
from lineage.anchoring.keys import load_signing_key
from lineage.anchoring.notary import anchored, check_key, compare, root_of_size
from lineage.anchoring.sidecar import Sidecar, SidecarFile
from lineage.ledger import files_beside
from lineage.projections.views import PROJECTION_VERSION, TABLES, read_bookmark
from lineage.questions.state import LedgerState, read_state
from lineage.stores.base import Reader
from lineage.stores.looking import look_at_access_log, look_at_store
from lineage.stores.opening import accounted_location, path_of
from lineage_schemas.errors import LedgerError, StoreBehindError
from lineage_schemas.health import Finding, fine, problem, warning
from lineage_schemas.instants import format_instant

UNSIGNED_SECONDS_MAX: Final = 60
"""How long an entry may wait for its signature."""

ANCHOR_SECONDS_MAX: Final = 7 * 86_400
"""An older anchor leaves a week in which nobody outside could tell a rewritten log from ours."""

CLOCK_BEHIND_SECONDS_MAX: Final = 1

_SECOND: Final = 1_000_000


class Places(Struct, frozen=True):
    """Where the parts of a ledger lie; ``None`` of one that has no files."""

    store: Path | None
    key: Path | None
    sidecar: Path | None


class _Looked(Struct, frozen=True):
    """What the checks of one ledger are given."""

    places: Places
    reader: Reader
    state: LedgerState
    sidecar: Sidecar | None
    now_us: int


def places_of(location: str | Path, key: Path | None, sidecar: Path | None) -> Places:
    """Return where the files of a ledger are, or would be; none where it is not signed here.

    Raises:
        InvalidInputError: a kind of store this software does not know, or one file of two.
    """
    files = files_beside(location, key, sidecar)
    if files is None:
        return Places(path_of(location), None, None)
    return Places(path_of(location), *files)


def inspect_ledger(location: str | Path, places: Places, now_us: int) -> Iterator[Finding]:
    """Yield what is found of a ledger and its two files. Never raises for what is wrong."""
    is_new = places.store is not None and not places.store.exists()
    yield _key_file(places, is_new=is_new)
    remembered, sidecar_finding = _sidecar_file(places, is_new=is_new)
    yield sidecar_finding
    with look_at_store(location, TABLES) as look:
        yield from look.findings
        if look.reader is None:
            if remembered is not None and is_new:
                yield problem(
                    "sidecar",
                    f"The ledger {remembered.origin} was here, and its file is gone",
                    str(places.store),
                    "Put it back. Only where it is lost, see `lineage recover`.",
                )
            return
        yield from _of_log(look.reader, places, remembered, now_us)
    if accounted_location(location) is None:
        yield look_at_access_log(location, TABLES)


def _of_log(
    reader: Reader, places: Places, sidecar: Sidecar | None, now_us: int
) -> Iterator[Finding]:
    try:
        state = read_state(reader)
    except Exception as error:  # noqa: BLE001 - what is broken may break in any way
        yield _unreadable("log", error)
        return
    looked = _Looked(places, reader, state, sidecar, now_us)
    for name, check in _CHECKS.items():
        try:
            yield check(looked)
        except Exception as error:  # noqa: BLE001 - as above
            yield _unreadable(name, error)


def _unreadable(check: str, error: Exception) -> Finding:
    if isinstance(error, LedgerError):
        return problem(check, error.what, error.where, error.hint or _AUDIT)
    said = str(error).partition("\n")[0][:200]
    return problem(
        check, f"What is stored cannot be read: {type(error).__name__}: {said}", hint=_AUDIT
    )


_AUDIT: Final = "Run `lineage audit`."


def _key_file(places: Places, *, is_new: bool) -> Finding:
    """Whether the signing key is there, and nobody else's to read."""
    if places.key is None:
        return fine("key", "This ledger is signed by no key")
    try:
        key = load_signing_key(places.key)
    except LedgerError as error:
        return problem("key", error.what, str(places.key), error.hint)
    if key is None and is_new:
        return fine("key", "A new ledger makes its key", str(places.key))
    if key is None:
        return warning(
            "key",
            "There is no signing key here",
            str(places.key),
            "Put it back, or see `lineage key rotate`.",
        )
    return fine("key", "The signing key is there, and its owner's alone", str(places.key))


def _sidecar_file(places: Places, *, is_new: bool) -> tuple[Sidecar | None, Finding]:
    """What is remembered beside the ledger, and whether it can be believed."""
    if places.sidecar is None:
        return None, fine("sidecar", "Nothing is remembered of this ledger")
    try:
        sidecar = SidecarFile(places.sidecar).read()
    except LedgerError as error:
        return None, problem("sidecar", error.what, str(places.sidecar), error.hint)
    if sidecar is None and is_new:
        return None, fine("sidecar", "A new ledger makes its sidecar", str(places.sidecar))
    if sidecar is None:
        return None, warning(
            "sidecar",
            "There is no sidecar here: nobody would notice an older copy of the ledger",
            str(places.sidecar),
            "Put it back. Where it is lost, see `lineage recover`.",
        )
    return sidecar, fine("sidecar", f"Remembers {sidecar.origin}", str(places.sidecar))


def _log(looked: _Looked) -> Finding:
    """Whether the stored head is that of the stored leaves."""
    head = looked.reader.head()
    if head.tree().root() != root_of_size(looked.reader, head.size):
        return problem("log", "The stored head is not that of the stored leaves", hint=_AUDIT)
    if looked.reader.envelopes(head.size, 1):
        return problem("log", "There are entries beyond the head", hint=_AUDIT)
    return fine("log", f"{head.size} entries under one root, origin {looked.state.origin}")


def _agreement(looked: _Looked) -> Finding:
    """Whether the store is what was signed, by what is remembered or who signs has found."""
    marked = marked_fault(looked.reader)
    if marked is not None:
        return problem("signed", marked.what, marked.where, marked.hint)
    if looked.places.sidecar is None:
        return fine("signed", "Nothing is remembered that the store could contradict")
    try:
        signed = compare(looked.reader, looked.sidecar)
    except StoreBehindError as error:
        return problem("signed", error.what, error.where, error.hint)
    kept = looked.reader.checkpoint()
    remembered = None if looked.sidecar is None else looked.sidecar.checkpoint
    if remembered is not None and (kept is None or kept.decode() != remembered):
        return warning(
            "signed",
            "The store keeps another checkpoint than the one that was signed last",
            hint="The next signature mends it.",
        )
    return fine("signed", f"The store is what was signed at size {signed.size}")


def _own_key(looked: _Looked) -> Finding:
    """Whether the key in the file is the one that the log names."""
    key = None if looked.places.key is None else load_signing_key(looked.places.key)
    if key is None or not looked.state.size:
        return fine("key of the log", "There is nothing to compare")
    check_key(looked.reader, key, looked.state.size)
    return fine("key of the log", "The log names this signing key")


def _views(looked: _Looked) -> Finding:
    """Whether the views show the whole log."""
    state = looked.state
    if state.views_size < state.size:
        return warning(
            "views",
            f"The views show {state.views_size} of {state.size} entries",
            hint="Opening the ledger folds them; `lineage rebuild` folds all of them.",
        )
    return fine("views", "The views show the whole log")


def _unsigned(looked: _Looked) -> Finding:
    """Whether entries have waited too long for a signature."""
    state = looked.state
    waiting = state.size - state.signed_size
    if state.unsigned_us is None:
        return fine("signature", "Every entry is signed")
    seconds = (looked.now_us - state.unsigned_us) // _SECOND
    if seconds > UNSIGNED_SECONDS_MAX:
        return warning(
            "signature",
            f"{waiting} entries have waited for a signature for {seconds} s",
            hint="`lineage checkpoint` signs them, where the key is.",
        )
    return fine("signature", f"{waiting} entries are about to be signed")


def _anchors(looked: _Looked) -> Finding:
    """Whether somebody outside holds a checkpoint that is not old."""
    best = anchored(looked.sidecar)
    if not looked.state.size:
        return fine("anchors", "There is nothing to anchor yet")
    if best is None:
        return warning(
            "anchors",
            "Nobody outside holds a checkpoint: whoever has the file and the key could rewrite all "
            "of it unseen",
            hint="See `lineage anchor`, and the settings anchor_directory and anchor_webhook.",
        )
    if best.size < looked.state.size and looked.now_us - best.at_us > ANCHOR_SECONDS_MAX * _SECOND:
        return warning(
            "anchors",
            f"The last checkpoint that somebody outside holds is of {format_instant(best.at_us)}",
            best.target,
            "See `lineage anchor`.",
        )
    return fine("anchors", f"Held outside up to size {best.size}", best.target)


def _clock(looked: _Looked) -> Finding:
    """Whether this machine's clock is behind the log."""
    behind = (looked.state.recorded_us - looked.now_us) // _SECOND
    if behind > CLOCK_BEHIND_SECONDS_MAX:
        return problem(
            "clock",
            f"The last entry was recorded {behind} s in the future of this machine's clock",
            format_instant(looked.state.recorded_us),
            "Set the clock: until it has caught up, recorded time stands still.",
        )
    return fine("clock", "The clock is not behind the log", format_instant(looked.now_us))


def _api_keys(looked: _Looked) -> Finding:
    """Whether an API key was made for a name that only a token, or this machine, may have."""
    if read_bookmark(looked.reader).version != PROJECTION_VERSION:
        return fine("API keys", "They are read once the views are folded")
    moment = Moment(looked.state.size, looked.now_us)
    open_ones = [
        one.key
        for one in view_keys(looked.reader, moment)
        if one.foreign and one.revoked_by is None
    ]
    if open_ones:
        return warning(
            "API keys",
            f"{len(open_ones)} API keys speak for names that no key may have, and open nothing",
            ", ".join(open_ones[:_NAMED_MAX]),
            "Revoke each with `lineage access key revoke`, and make one for another name.",
        )
    return fine("API keys", "Each speaks for a name of its own")


_NAMED_MAX: Final = 8

_CHECKS: Final[dict[str, Callable[[_Looked], Finding]]] = {
    "log": _log,
    "signed": _agreement,
    "key of the log": _own_key,
    "views": _views,
    "signature": _unsigned,
    "anchors": _anchors,
    "API keys": _api_keys,
    "clock": _clock,
}
