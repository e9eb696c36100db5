"""Every error this project raises on purpose, drawn as one tree.

    LedgerError
    ├── InvalidInputError         what was sent breaks a rule of form
    │   ├── DecodeError           bytes that are not what they should be
    │   ├── LimitExceededError    larger than a named limit
    │   ├── InvalidIdentifierError
    │   └── AmbiguousLabelError   a label names several things
    ├── RuleError                 well formed, but the log may not take it
    │   ├── NotFoundError         a command names something that is not there
    │   ├── AlreadyExistsError    a command would make a second one of something unique
    │   ├── ConflictError         the same statement id came with other content
    │   └── PreconditionError     the thing is there, in a state that forbids this
    ├── UnauthenticatedError      nobody who is known here has said this
    ├── ForbiddenError            whoever asks may not do this
    ├── UnknownBasisError         a size or time that cannot be answered from
    ├── ProofError                a proof, checkpoint or signature that does not hold
    ├── StoreError                (engine) the store cannot do what was asked
    │   ├── ForeignStoreError     the file is not a ledger
    │   ├── NewerStoreError       written by a later version of this software
    │   ├── StoreBehindError      not what was signed: entries are missing, or others are there
    │   ├── ReadOnlyStoreError    the disk or the file refuses writing
    │   │   └── FrozenStoreError  the ledger lives elsewhere now
    │   ├── StoreBusyError        another writer held the store for too long
    │   ├── StoreConflictError    another writer came between; nothing was written
    │   ├── StoreLostError        the connection broke; whether it was written is not known
    │   ├── StoreFullError        the disk is full
    │   ├── StaleHeadError        somebody appended since the head was read
    │   ├── CorruptLogError       stored bytes contradict each other
    │   ├── SidecarError          what is remembered beside the store cannot be believed
    │   └── InvariantError        rows that contradict each other: a fault of ours
    ├── OverloadedError           (surface) the queue of writers is full
    └── RateLimitedError          (surface) one caller asks for more than its share

Each error says what happened, to which thing, and what to try; ``code`` is stable and is what
machines branch on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from lineage_schemas.api_keys import without_api_keys


class LedgerError(Exception):
    """Base of all our errors.

    ``what`` happened, ``where`` it happened (the thing's name, may be empty), and a ``hint``: what
    to try next (may be empty). ``code`` is the stable, machine-readable name. What callers wrote
    may be quoted; an API key in it is not.
    """

    code = "internal"

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what = without_api_keys(what)
        self.where = without_api_keys(where)
        self.hint = without_api_keys(hint)
        super().__init__(self.what, self.where, self.hint)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        advice = f" {self.hint}" if self.hint else ""
        return f"{self.what}{place}.{advice}"

    def __reduce__(self) -> tuple[Callable[[], LedgerError], tuple[()]]:
        """Let an error be copied, and handed from one process to another."""
        return partial(type(self), self.what, where=self.where, hint=self.hint), ()

    def at(self, where: str) -> LedgerError:
        """Return the same error, told to stand at ``where`` (in front of what it already named)."""
        inner = f"{where}: {self.where}" if self.where else where
        return type(self)(self.what, where=inner, hint=self.hint)


class InvalidInputError(LedgerError):
    """What was sent breaks a rule of form; sending it again unchanged cannot help."""

    code = "invalid_argument"


class DecodeError(InvalidInputError):
    """Bytes that are not the JSON, the record or the envelope they should be."""

    code = "undecodable"


class LimitExceededError(InvalidInputError):
    """Something is larger than a named limit of ``lineage_schemas.limits``."""

    code = "limit_exceeded"


class InvalidIdentifierError(InvalidInputError):
    """An identifier that its scheme does not allow."""

    code = "invalid_identifier"


class AmbiguousLabelError(InvalidInputError):
    """A label names several things. ``candidates`` are some of them, and ``more`` counts the rest.

    ``more`` counts what was met: where that many things bear a label, there may be others.
    """

    code = "ambiguous_label"

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        hint: str = "",
        candidates: tuple[LabelCandidate, ...] = (),
        more: int = 0,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.candidates = candidates
        self.more = more

    def __reduce__(self) -> tuple[Callable[[], LedgerError], tuple[()]]:
        """Keep the candidates, too."""
        told = (self.what, self.where, self.hint, self.candidates, self.more)
        return partial(_ambiguous, *told), ()

    def at(self, where: str) -> LedgerError:
        """Return the same error, told to stand at ``where``."""
        inner = f"{where}: {self.where}" if self.where else where
        return _ambiguous(self.what, inner, self.hint, self.candidates, self.more)


def _ambiguous(
    what: str, where: str, hint: str, candidates: tuple[LabelCandidate, ...], more: int
) -> AmbiguousLabelError:
    return AmbiguousLabelError(what, where=where, hint=hint, candidates=candidates, more=more)


class LabelCandidate(Struct, frozen=True, kw_only=True):
    """One of the things that a label may mean: ``members`` of an entity count as one.

    ``stated_at`` is the stated time of what was said of it last.
    """

    key: str
    kind: str
    type: str | None
    label: str
    stated_at: str | None
    members: int = 1


class RuleError(LedgerError):
    """Well formed, but a rule of the log forbids it in the log's present state."""

    code = "rule_violated"


class NotFoundError(RuleError):
    """A command, or a question about one thing, names something that is not there."""

    code = "not_found"


class AlreadyExistsError(RuleError):
    """A command would make a second one of something that is unique."""

    code = "already_exists"


class ConflictError(RuleError):
    """A statement id that is already in the log came again with other content."""

    code = "statement_conflict"


class PreconditionError(RuleError):
    """The thing is there, but in a state that forbids what was asked."""

    code = "failed_precondition"


class UnauthenticatedError(LedgerError):
    """No credential, or one that is unknown, expired or revoked; never says which."""

    code = "unauthenticated"


class ForbiddenError(LedgerError):
    """Whoever asks is known, and may not do this."""

    code = "forbidden"


class UnknownBasisError(LedgerError):
    """A size or time that this log cannot answer from."""

    code = "unknown_basis"


class ProofError(LedgerError):
    """A proof, checkpoint or signature that does not hold.

    ``what`` names the check that failed, ``where`` the place in what was given.
    """

    code = "proof_invalid"


class StoreError(LedgerError):
    """The store cannot do what was asked of it."""

    code = "store_unavailable"


class ForeignStoreError(StoreError):
    """The file or database is not one of our ledgers, and is left untouched."""

    code = "foreign_store"


class NewerStoreError(StoreError):
    """The store was written by a later version of this software."""

    code = "newer_store"


class StoreBehindError(StoreError):
    """The store is not what its last checkpoint says; it takes nothing until it is recovered."""

    code = "store_behind"


class ReadOnlyStoreError(StoreError):
    """The disk, the file or the opener refuses writing."""

    code = "read_only_store"


class FrozenStoreError(ReadOnlyStoreError):
    """The ledger was handed over to another store, and takes nothing here."""

    code = "frozen_store"


class StoreBusyError(StoreError):
    """Another writer held the store for longer than we wait."""

    code = "store_busy"


class StoreConflictError(StoreError):
    """Another transaction came between; nothing was written, and trying again may work."""

    code = "store_conflict"


class StoreLostError(StoreError):
    """The connection to the store broke; what was under way was written, or nothing of it was."""

    code = "store_lost"


class StoreFullError(StoreError):
    """There is no room left where the store lives; nothing of the batch was written."""

    code = "store_full"


class StaleHeadError(StoreError):
    """Somebody appended since the head was read; nothing was written."""

    code = "stale_head"


class CorruptLogError(StoreError):
    """Stored bytes contradict each other, or what they should hash to."""

    code = "corrupt_log"


class SidecarError(StoreError):
    """The sidecar beside the store is damaged, foreign, or of a later version."""

    code = "sidecar_unusable"


class InvariantError(StoreError):
    """One batch would have stored rows that contradict each other: a fault of ours, undone."""

    code = "internal"


class OverloadedError(LedgerError):
    """More is waiting to be written than the queue holds; try again later."""

    code = "overloaded"


class RateLimitedError(LedgerError):
    """One caller asks for more at a time than its share; try again later."""

    code = "rate_limited"
