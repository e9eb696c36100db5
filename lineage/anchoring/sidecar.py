"""The sidecar: a small file beside the store that remembers what the store cannot be trusted with.

It holds the last checkpoint that was signed, which payload parts were erased, what was handed to
whom outside, and whether the ledger was exported for good. A store that is put back to an earlier
state forgets all of it, and the sidecar tells; so it must not be in a backup of the store, nor come
back with one.

The file is one JSON object, ``{"sha256": HEX, "sidecar": {...}}``; the digest is of the bytes of
the inner object and finds damage, not malice.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from operator import lt
from pathlib import Path
from threading import Lock, get_ident
from typing import Annotated, Final, NamedTuple, Protocol

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import replace

from lineage.anchoring.durable import (
    DISK,
    LOCK_WAIT_SECONDS_MAX,
    Disk,
    FileLock,
    beside,
    read_file,
    replace_file,
    translated,
)
from lineage_schemas.errors import LimitExceededError, SidecarError, StoreBusyError

SIDECAR_VERSION: Final = 2
"""2 is written only where ``frozen`` says something: older software must not pass over that."""

_PLAIN_VERSION: Final = 1
SIDECAR_BYTES_MAX: Final = 64 * 1024 * 1024
"""Enough for about 700,000 erasures, each of which takes some 90 bytes."""

Count = Annotated[int, Meta(ge=0)]


Leaf = Annotated[str, Meta(min_length=64, max_length=64)]
"""A hash in hexadecimal. That these are its digits is not checked: there are many to read, and one
of other letters equals no leaf."""


class ErasedParts(
    Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True, gc=False
):
    """Which payload parts of the entry at ``position`` were erased.

    In the file it is an array, ``[position, facts, personal, leaf]``: there may be many of them.

    ``leaf`` is that entry's leaf in hexadecimal: a copy of the ledger that went its own way has
    another entry at that position, which lost nothing.
    """

    position: Count
    facts: bool
    personal: bool
    leaf: Leaf


DIRECTORY_TARGET: Final = "directory:"
"""How the target of an anchor in a folder begins; the folder's path follows."""


class Anchor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint that somebody outside holds.

    ``target`` says who: ``directory:PATH``, ``webhook:URL`` or ``timestamp:NAME``. ``root`` is in
    hexadecimal; ``token`` is a timestamp token in base64.
    """

    target: Annotated[str, Meta(min_length=1)]
    size: Count
    root: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    at_us: int
    token: str | None = None


class Frozen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ledger was exported for good, at this size; ``to`` says where it was to be imported."""

    size: Count
    to: str = ""


class Sidecar(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered. ``checkpoint`` is the text of the signed note, if any was signed.

    ``erased`` has one item an entry (two for a position that another entry has taken since), and
    ``anchors`` one a target; see ``with_erased`` and ``with_anchor``. With ``frozen`` (see
    ``with_frozen``) the ledger takes nothing, whatever its store says.
    """

    version: int = _PLAIN_VERSION
    origin: str
    checkpoint: str | None = None
    recorded_us: int = 0
    erased: tuple[ErasedParts, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    frozen: Frozen | UnsetType = UNSET


class Mark(NamedTuple):
    """Tells one state of a sidecar from every other; compared, never read."""

    inode: int
    mtime_ns: int
    size: int


class SidecarStore(Protocol):
    """Where a sidecar is kept: a file, or memory."""

    def read(self) -> Sidecar | None:
        """Return what is remembered; ``None`` if nothing ever was.

        Raises:
            SidecarError: there is one, and it cannot be believed.
            StoreError: it cannot be read.
        """
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep every other process and thread from writing; it cannot be taken twice.

        Raises:
            StoreBusyError: somebody else held it for too long.
        """
        ...

    def write(self, sidecar: Sidecar) -> None:
        """Remember this instead, durably; only inside ``locked``.

        Raises:
            StoreError: it failed, and the whole old or the whole new one is remembered.
            RuntimeError: this thread does not hold the lock.
        """
        ...

    def mark(self) -> Mark | None:
        """Return what tells this state from others; ``None`` if nothing is remembered."""
        ...

    def changed_since(self, mark: Mark | None) -> bool:
        """Tell, in microseconds, whether anybody wrote since ``mark`` was taken."""
        ...


class SidecarFile:
    """The sidecar in a file, with a lock file beside it."""

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds_max: float = LOCK_WAIT_SECONDS_MAX,
        disk: Disk = DISK,
    ) -> None:
        # A link is followed once and for all: replacing it would leave the file behind it stale.
        self.path: Final = Path(os.path.realpath(path))
        self._name = str(self.path)
        self._disk = disk
        self._lock = FileLock(beside(self.path, ".lock"), wait_seconds_max, like=self.path)

    def read(self) -> Sidecar | None:
        """Return what is remembered; ``None`` where there is no file.

        Raises:
            SidecarError: damaged, foreign, or written by a later version.
            StoreError: the file cannot be read.
        """
        with translated(self.path):
            found = read_file(self.path, SIDECAR_BYTES_MAX)
        return None if found is None else decode_sidecar(found[0], str(self.path))

    def locked(self) -> AbstractContextManager[None]:
        """Keep every other process and thread from writing.

        Raises:
            StoreBusyError: somebody else held the lock for too long.
            StoreError: the lock file cannot be made.
            RuntimeError: this thread holds it already.
        """
        return self._lock.held()

    def write(self, sidecar: Sidecar) -> None:
        """Replace the file by one that holds ``sidecar``; it is on the disk when this returns.

        Raises:
            LimitExceededError: larger than ``SIDECAR_BYTES_MAX``.
            StoreFullError: there is no room left.
            ReadOnlyStoreError: the file or its folder refuses writing.
            StoreError: another step failed. As with all of these, a whole file is there, the old
                or the new one, and writing can be tried again.
            RuntimeError: this thread does not hold the lock.
        """
        if not self._lock.is_held:
            raise RuntimeError("a sidecar is written only inside locked()")
        body = encode_sidecar(sidecar, str(self.path))
        before = self.mark()
        after_ns = before.mtime_ns if before else 0
        with translated(self.path):
            replace_file(self.path, body, self._disk, after_ns=after_ns)

    def mark(self) -> Mark | None:
        """Return what tells this state of the file from others; ``None`` where there is none."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 (asked before each answer: it must be quick)
        except FileNotFoundError:
            return None
        except OSError:
            with translated(self.path):
                raise
        return Mark(status.st_ino, status.st_mtime_ns, status.st_size)

    def changed_since(self, mark: Mark | None) -> bool:
        """Tell whether the file was replaced since ``mark`` was taken."""
        return self.mark() != mark


class MemorySidecar:
    """The sidecar of a ledger in memory: as strict as the file, and gone with the process."""

    def __init__(
        self, sidecar: Sidecar | None = None, *, wait_seconds_max: float = LOCK_WAIT_SECONDS_MAX
    ) -> None:
        self._body = None if sidecar is None else encode_sidecar(sidecar, _IN_MEMORY)
        self._writes = 0
        self._lock = Lock()
        self._holder: int | None = None
        self._wait_seconds_max = wait_seconds_max

    def read(self) -> Sidecar | None:
        """Return what is remembered; ``None`` if nothing was written."""
        return None if self._body is None else decode_sidecar(self._body, _IN_MEMORY)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep every other thread from writing.

        Raises:
            StoreBusyError: another thread held it for too long.
            RuntimeError: this thread holds it already.
        """
        if self._holder == get_ident():
            raise RuntimeError("this thread holds the lock already")
        if not self._lock.acquire(timeout=self._wait_seconds_max):
            raise StoreBusyError(
                f"Another thread held the sidecar for {self._wait_seconds_max:g} seconds",
                hint="Try again.",
            )
        self._holder = get_ident()
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()

    def write(self, sidecar: Sidecar) -> None:
        """Remember this instead.

        Raises:
            RuntimeError: this thread does not hold the lock.
        """
        if self._holder != get_ident():
            raise RuntimeError("a sidecar is written only inside locked()")
        self._body = encode_sidecar(sidecar, _IN_MEMORY)
        self._writes += 1

    def mark(self) -> Mark | None:
        """Return what tells this state from others; ``None`` if nothing is remembered."""
        return None if self._body is None else Mark(0, self._writes, len(self._body))

    def changed_since(self, mark: Mark | None) -> bool:
        """Tell whether anybody wrote since ``mark`` was taken."""
        return self.mark() != mark


# --- what is remembered --------------------------------------------------------------------------


def with_anchor(sidecar: Sidecar, anchor: Anchor) -> Sidecar:
    """Return the sidecar with this anchor, if none of its target is of a larger size or later.

    Of each target one anchor is kept: of the largest size, and among those the latest.
    """
    kept = {one.target: one for one in sidecar.anchors}
    there = kept.get(anchor.target)
    if there is not None and (there.size, there.at_us) >= (anchor.size, anchor.at_us):
        return sidecar
    kept[anchor.target] = anchor
    return replace(sidecar, anchors=tuple(kept[target] for target in sorted(kept)))


def with_erased(sidecar: Sidecar, *erased: ErasedParts) -> Sidecar:
    """Return the sidecar with these erasures too, by entry; what was erased stays erased."""
    kept = {_entry_of(one): one for one in sidecar.erased}
    for one in erased:
        there = kept.get(_entry_of(one), one)
        kept[_entry_of(one)] = replace(
            one, facts=there.facts or one.facts, personal=there.personal or one.personal
        )
    return replace(sidecar, erased=tuple(kept[entry] for entry in sorted(kept)))


def with_frozen(sidecar: Sidecar, frozen: Frozen) -> Sidecar:
    """Return the sidecar of a ledger that was exported for good."""
    return replace(sidecar, version=SIDECAR_VERSION, frozen=frozen)


def _entry_of(erased: ErasedParts) -> tuple[int, str]:
    return erased.position, erased.leaf


# --- as bytes ------------------------------------------------------------------------------------


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    sidecar: Raw


class _Version(Struct, frozen=True):
    version: int


_IN_MEMORY: Final = "memory"
_FILE: Final = msgspec.json.Decoder(_File)
_VERSION: Final = msgspec.json.Decoder(_Version)
_SIDECAR: Final = msgspec.json.Decoder(Sidecar)


def encode_sidecar(sidecar: Sidecar, where: str) -> bytes:
    """Return the bytes of the file, having read them back.

    Raises:
        LimitExceededError: larger than ``SIDECAR_BYTES_MAX``.
        SidecarError: it breaks a rule of its own, such as two anchors for one target.
    """
    inner = msgspec.json.encode(sidecar)
    body = msgspec.json.encode(_File(sha256(inner).hexdigest(), Raw(inner))) + b"\n"
    if len(body) > SIDECAR_BYTES_MAX:
        raise LimitExceededError(
            f"A sidecar of {len(body)} bytes is over the limit of {SIDECAR_BYTES_MAX} "
            "(SIDECAR_BYTES_MAX)",
            where=where,
        )
    decode_sidecar(body, where)
    return body


def decode_sidecar(body: bytes, where: str) -> Sidecar:
    """Read the bytes of the file.

    Raises:
        SidecarError: damaged, foreign, or written by a later version; names ``where``.
    """
    if len(body) > SIDECAR_BYTES_MAX:
        raise _unusable(f"larger than {SIDECAR_BYTES_MAX} bytes (SIDECAR_BYTES_MAX)", where)
    try:
        file = _FILE.decode(body)
        inner = bytes(file.sidecar)
        if sha256(inner).hexdigest() != file.sha256:
            raise _unusable("its digest does not fit: it was damaged or edited", where)
        version = _VERSION.decode(inner).version
        if version > SIDECAR_VERSION:
            raise SidecarError(
                f"This sidecar was written by a later version of this software (form {version}, "
                f"known here up to {SIDECAR_VERSION})",
                where=where,
                hint="Use that version, and leave the file as it is.",
            )
        sidecar = _SIDECAR.decode(inner)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _unusable(f"it is not one, or was damaged: {error}", where) from error
    _check(sidecar, where)
    return sidecar


def _check(sidecar: Sidecar, where: str) -> None:
    positions = [one.position for one in sidecar.erased]
    in_order = all(map(lt, positions, positions[1:]))
    if not in_order:
        # Seldom, and it takes several times as long: a position that two entries have had.
        entries = list(map(_entry_of, sidecar.erased))
        in_order = all(map(lt, entries, entries[1:]))
    targets = [one.target for one in sidecar.anchors]
    if sidecar.version < 1:
        raise _unusable(f"there is no form {sidecar.version} of it", where)
    if isinstance(sidecar.frozen, Frozen) and sidecar.version == _PLAIN_VERSION:
        raise _unusable("it is frozen, in a form that knows of no freezing", where)
    if not in_order:
        raise _unusable("its erased entries are not in order, each once", where)
    if len(targets) != len(set(targets)):
        raise _unusable("it has two anchors for one target", where)


def _unusable(reason: str, where: str) -> SidecarError:
    return SidecarError(
        f"The sidecar cannot be used: {reason}",
        where=where,
        hint=(
            "Check the ledger's path. If it is the right one, keep a copy of this file, and begin "
            "the sidecar anew from a checkpoint that is kept elsewhere: `lineage recover`."
        ),
    )
