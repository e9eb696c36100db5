"""Resolve what is meant by "as of" to a size, once, and state the basis of the answer."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from lineage.projections.erasures import last_erasure
from lineage.projections.views import PROJECTION_VERSION
from lineage.proofs.tree import root_at
from lineage.stores.base import Reader
from lineage.valid_time import ValidTime
from lineage_schemas.basis import Basis
from lineage_schemas.codec import decode_envelope
from lineage_schemas.entry import Envelope
from lineage_schemas.errors import InvalidInputError, UnknownBasisError
from lineage_schemas.instants import format_instant, instant_us, parse_instant


class Present(Struct, frozen=True):
    """A present that was fixed: the size that was the log's at the moment ``asked_us``.

    For a request that asks several questions, and for the further pages of a list.
    """

    size: int
    asked_us: int


AsOf = int | datetime | Basis | Present | None
"""A size, a time (resolved to the size the log had then), a basis handed back, a present that was
fixed, or ``None``: now."""


def _software_version() -> str:
    try:
        return f"lineage-ledger/{version('lineage-ledger')}"
    except PackageNotFoundError:
        return "lineage-ledger/unreleased"


SOFTWARE: Final = _software_version()


class FoundNamespace(NamedTuple):
    """What a question finds of its namespace before it is answered.

    ``numbers`` are those under which it, and the ledger's own namespace, stand; ``missing`` says
    what is known not to be there, of the log or of what sources have to say; ``judged_at`` is when
    sources were judged, if any were.
    """

    numbers: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    judged_at: str | None = None


class ResolvedSize(NamedTuple):
    """The size an answer is of, and the one asked for, if that lay inside a batch.

    ``basis`` is the one that was handed back, if one was.
    """

    size: int
    asked_size: int | None
    basis: Basis | None = None


def resolve_as_of(reader: Reader, origin: str, namespace: str, as_of: AsOf) -> ResolvedSize:
    """Return the size that ``as_of`` means in this log.

    Raises:
        UnknownBasisError: a size the log has not reached, or a basis of another log or namespace.
    """
    head = reader.head().size
    match as_of:
        case None:
            return ResolvedSize(head, None)
        case Basis():
            return ResolvedSize(_checked_basis(reader, origin, namespace, as_of), None, as_of)
        case datetime():
            return ResolvedSize(size_at(reader, instant_us(as_of)), None)
        case Present():
            return _rounded(reader, _checked_size(as_of.size, head))
        case int():
            return _rounded(reader, _checked_size(as_of, head))


class Valid(NamedTuple):
    """The valid time of a question: as an answer's basis states it, and as what is compared with.

    One of ``at`` and ``during`` is there.
    """

    at: str | None
    during: tuple[str, str] | None
    time: ValidTime

    @property
    def words(self) -> str:
        """What is asked about, as text, for the cursors of its pages and for accounts."""
        return " to ".join(self.during or (self.at or "",))


def resolve_valid(
    at: datetime | None, during: tuple[datetime, datetime] | None, as_of: AsOf
) -> Valid | None:
    """Return the valid time that is asked about: as given, or that of a basis handed back.

    Raises:
        InvalidInputError: a time without a time zone, both a moment and an interval, or an interval
            that ends before it has begun.
    """
    if at is not None and during is not None:
        raise InvalidInputError("Ask of a moment or of an interval of stated time, not of both")
    if at is not None:
        moment_us = instant_us(at)
        return Valid(format_instant(moment_us), None, ValidTime.at(moment_us))
    if during is not None:
        return _valid_during(*map(instant_us, during))
    return valid_of(as_of) if isinstance(as_of, Basis) else None


def resolve_moment(at: datetime | None, as_of: AsOf) -> Valid | None:
    """Return the moment of stated time that is asked about, where an interval has no answer.

    Raises:
        InvalidInputError: a time without a time zone, or a basis of an interval.
    """
    valid = resolve_valid(at, None, as_of)
    if valid is not None and valid.during is not None:
        raise InvalidInputError(
            "This is asked of one moment of stated time, and that basis is of an interval",
            where=valid.words,
            hint="Give the moment, or ask as of the size of that basis.",
        )
    return valid


def valid_of(basis: Basis) -> Valid | None:
    """Return the valid time that a basis states."""
    if basis.valid_at is not None:
        return Valid(basis.valid_at, None, ValidTime.at(parse_instant(basis.valid_at)))
    if basis.valid_during is not None:
        return _valid_during(*map(parse_instant, basis.valid_during))
    return None


def _valid_during(start_us: int, end_us: int) -> Valid:
    during = format_instant(start_us), format_instant(end_us)
    if end_us <= start_us:
        raise InvalidInputError(
            "An interval of stated time ends before it has begun",
            where=" to ".join(during),
            hint="Its end is no part of it, so the two differ.",
        )
    return Valid(None, during, ValidTime(start_us, end_us))


def with_valid(basis: Basis, valid: Valid | None) -> Basis:
    """Return the basis of a question about a valid time."""
    return basis if valid is None else replace(basis, valid_at=valid.at, valid_during=valid.during)


def state_basis(
    reader: Reader,
    origin: str,
    namespace: str,
    resolved: ResolvedSize,
    found: FoundNamespace,
) -> Basis:
    """State what an answer of that size rests on.

    Raises:
        UnknownBasisError: something was erased since the basis that was handed back.
    """
    erasure = last_erasure(reader, found.numbers, resolved.size)
    if resolved.basis is not None and resolved.basis.last_erasure != erasure:
        raise UnknownBasisError(
            "Something was erased since that answer was given, so it cannot be given again",
            where="" if erasure is None else f"by position {erasure}",
            hint=f"Ask as of size {resolved.size}: what was erased shows as redacted.",
        )
    return Basis(
        origin=origin,
        size=resolved.size,
        root=root_of(reader, resolved.size).hex(),
        projection=PROJECTION_VERSION,
        software=SOFTWARE,
        namespace=namespace,
        asked_size=resolved.asked_size,
        sources=found.sources,
        sources_at=found.judged_at,
        last_erasure=erasure,
        complete=not found.missing,
        incomplete_because=found.missing,
    )


def root_of(reader: Reader, size: int) -> bytes:
    """Return the root of the tree over the first ``size`` entries."""
    head = reader.head()
    if size == head.size:
        return head.tree().root()
    return root_at(size, reader.hashes)


def size_at(reader: Reader, instant: int) -> int:
    """Return how many entries had been recorded at an instant; recorded time never runs back."""
    low, high = 0, reader.head().size
    while low < high:
        middle = (low + high) // 2
        if envelope_at(reader, middle).recorded_us <= instant:
            low = middle + 1
        else:
            high = middle
    return low


def envelope_at(reader: Reader, position: int) -> Envelope:
    """Return the envelope of one entry."""
    return decode_envelope(reader.envelopes(position, 1)[0])


def _checked_size(size: int, head: int) -> int:
    if not 0 <= size <= head:
        raise UnknownBasisError(
            f"The log has {head} entries, so there is no size {size}",
            hint=f"Ask as of a size from 0 to {head}.",
        )
    return size


def _rounded(reader: Reader, size: int) -> ResolvedSize:
    """A batch is atomic: a size inside one means the size before it."""
    if size in {0, reader.head().size}:
        return ResolvedSize(size, None)
    start = envelope_at(reader, size).batch.start
    return ResolvedSize(start, size) if start < size else ResolvedSize(size, None)


def _checked_basis(reader: Reader, origin: str, namespace: str, basis: Basis) -> int:
    if basis.origin != origin:
        raise UnknownBasisError("This basis is of another ledger", where=basis.origin)
    if basis.namespace != namespace:
        raise UnknownBasisError("This basis is of another namespace", where=basis.namespace)
    size = _checked_size(basis.size, reader.head().size)
    if root_of(reader, size).hex() != basis.root:
        raise UnknownBasisError(
            "This log does not have that root at that size",
            where=f"size {size}",
            hint="The answer it came from was given by another history. Run an audit.",
        )
    if basis.projection != PROJECTION_VERSION:
        raise UnknownBasisError(
            f"That answer was made by {basis.projection}, this software has {PROJECTION_VERSION}",
            hint="Ask as of its size; the answer may be of another form.",
        )
    return size
