"""Takes in versions of what people say: each under a name, and in the order of its stated time.

A version that says nothing new appends nothing. Any other is the next revision of its name, however
late it comes: its place among the others is that of its stated time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from lineage.connectors.base import MESSAGE_BYTES_MAX, with_ordinal
from lineage.connectors.declarations.superseding import take_back
from lineage.connectors.parcels import parcels
from lineage.connectors.scanning import Known
from lineage.importing.revising import MEDIA_TYPE
from lineage.rules.secrets import filter_secrets
from lineage.service import Ledger
from lineage.writing.submission import DEFAULT_NAMESPACE, LOCAL_PRINCIPAL, Principal
from lineage_schemas.errors import ConflictError, LedgerError, LimitExceededError, PreconditionError
from lineage_schemas.instants import format_instant, instant_us
from lineage_schemas.records import AnyRecord, Message, StatedTime, Statement

ATTEMPTS_MAX: Final = 5
"""How often versions are tried of which somebody else said another one meanwhile."""

APPENDED: Final = "appended"
UNCHANGED: Final = "unchanged"
ERASED: Final = "erased"

Say = Callable[[bytes, datetime], tuple[AnyRecord, ...]]


_Said = tuple[datetime, tuple[AnyRecord, ...]]


class Speaker(Struct, frozen=True, kw_only=True):
    """For whom something is said: the source, the namespace, and who acts."""

    source: str
    namespace: str = DEFAULT_NAMESPACE
    principal: Principal = LOCAL_PRINCIPAL


class Version(Struct, frozen=True, kw_only=True):
    """One version of something.

    ``name`` is that of its statements, ``stated`` when it was so (``None``: now). ``is_same`` tells
    of two kept bodies whether the second says nothing new, and raises where it cannot follow.
    ``is_whole``: nothing may be filtered out of it, for it was signed. ``is_approval``: the first
    record of what it says keeps its body, and there is no message.
    """

    name: str
    body: bytes
    stated: datetime | None
    say: Say
    is_same: Callable[[bytes, bytes], bool]
    mapping: str
    where: str = ""
    is_whole: bool = False
    is_approval: bool = False


class Taken(Struct, frozen=True):
    """What became of a version: where it stands, as which revision, what was filtered out."""

    outcome: str
    revision: int
    position: int
    secrets_filtered: int = 0


def take_versions(
    ledger: Ledger, versions: Sequence[Version], speaker: Speaker, now: datetime
) -> tuple[Taken, ...]:
    """Append what is new of these versions, of different names, as one batch: all or nothing.

    Raises:
        PreconditionError: another version of a name was stated of the very same time.
        InvalidInputError: a version cannot be said; names it.
        LedgerError: as ``Ledger.record``.
    """
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return _take(ledger, versions, speaker, now)
        except ConflictError:
            continue  # somebody else said the next revision meanwhile: ours comes behind it
    return _take(ledger, versions, speaker, now)


def _take(
    ledger: Ledger, versions: Sequence[Version], speaker: Speaker, now: datetime
) -> tuple[Taken, ...]:
    prepared = [_prepared(ledger, one, speaker, now) for one in versions]
    statements = [said for one in prepared if not isinstance(one, Taken) for said in one]
    receipts = (
        ledger.record(statements, namespace=speaker.namespace, principal=speaker.principal)
        if statements
        else []
    )
    positions = {one.statement: one.position for one in receipts}
    return tuple(one if isinstance(one, Taken) else _appended(one, positions) for one in prepared)


def _appended(statements: Sequence[Statement], positions: dict[str, int | None]) -> Taken:
    first = statements[0]
    message = first.records[0]
    filtered = message.secrets_filtered if isinstance(message, Message) else 0
    revision = int(first.id.rpartition("~")[2]) if "~" in first.id else 1
    return Taken(APPENDED, revision, positions[first.id] or 0, filtered)


def _prepared(
    ledger: Ledger, version: Version, speaker: Speaker, now: datetime
) -> Taken | list[Statement]:
    """Return the statements of the next revision, or what is there already."""
    try:
        body, filtered = _kept(version)
        known = ledger.looks.revisions(
            speaker.source,
            version.name,
            of_approval=version.is_approval,
            namespace=speaker.namespace,
            principal=speaker.principal,
        )
        there = _there(version, body, known)
        if there is not None:
            return there
        revision = _Revision(version, speaker.source, version.stated or now)
        return list(revision.statements(body, filtered, known))
    except LedgerError as error:
        raise (error.at(version.where) if version.where else error) from error


def _kept(version: Version) -> tuple[bytes, int]:
    if len(version.body) > MESSAGE_BYTES_MAX:
        raise LimitExceededError(
            f"It has {len(version.body)} bytes, over the limit of {MESSAGE_BYTES_MAX} "
            "(MESSAGE_BYTES_MAX)"
        )
    body, filtered = filter_secrets(version.body)
    if filtered and version.is_whole:
        raise PreconditionError(
            "There is a secret in what was signed: it may not be kept, and without it the "
            "signature does not hold",
            hint="Leave the password or token out, and sign again.",
        )
    return body, filtered


def _there(version: Version, body: bytes, known: Sequence[Known]) -> Taken | None:
    """Return the revision that says this already, or that whose erasure forbids to say it."""
    for one in known:
        if one.body is None:
            return Taken(ERASED, one.ordinal, one.position)
    # What is stated of no time is stated of now: then only what holds now says it already.
    compared = known if version.stated is not None else in_order(known)[-1:]
    found = [one for one in compared if one.body is not None and version.is_same(one.body, body)]
    if found:
        return Taken(UNCHANGED, found[0].ordinal, found[0].position)
    return None


def in_order(known: Sequence[Known]) -> list[Known]:
    """Return revisions in the order of their stated times."""
    return sorted(
        (one for one in known if one.at is not None), key=lambda one: instant_us(_at(one))
    )


def _at(known: Known) -> datetime:
    assert known.at is not None
    return known.at


class _Revision:
    """The next revision of a name, being said between its neighbours in time."""

    def __init__(self, version: Version, source: str, at: datetime) -> None:
        self._version = version
        self._source = source
        self._at = at

    def statements(self, body: bytes, filtered: int, known: Sequence[Known]) -> Iterator[Statement]:
        """Yield the message, what it states, and what its successor takes back of it."""
        say, at = self._version.say, self._at
        before, after = self._neighbours(known)
        own = say(body, at)
        name = with_ordinal(self._version.name, len(known) + 1)
        said: list[_Said] = []
        if before is not None:
            said.append((at, tuple(take_back(say(before.body or b"", _at(before)), own))))
        if after is not None:
            said.append((_at(after), tuple(take_back(own, say(after.body or b"", _at(after))))))
        stated = StatedTime(start=at)
        if self._version.is_approval:
            yield Statement(id=name, source=self._source, records=own, stated=stated)
            yield from self._mapped(name, said, 1)
            return
        message = Message(media_type=MEDIA_TYPE, body=Raw(body), secrets_filtered=filtered)
        yield Statement(id=name, source=self._source, records=(message,), stated=stated)
        yield from self._mapped(name, [(at, own), *said], 0)

    def _mapped(self, name: str, said: Sequence[_Said], part: int) -> Iterator[Statement]:
        number = self._version.mapping.rpartition("/")[2]
        message = None if self._version.is_approval else name
        for at, records in said:
            for parcel in parcels(records):
                part += 1
                yield Statement(
                    id=f"{name}@{number}" + (f".{part}" if part > 1 else ""),
                    source=self._source,
                    records=parcel,
                    stated=StatedTime(start=at),
                    message=message,
                    mapping=None if message is None else self._version.mapping,
                )

    def _neighbours(self, known: Sequence[Known]) -> tuple[Known | None, Known | None]:
        before = after = None
        for one in in_order(known):
            if _at(one) == self._at:
                raise PreconditionError(
                    "Something else was stated under this name of the very same time, "
                    f"{format_instant(instant_us(self._at))}",
                    where=self._version.name,
                    hint="A correction needs a `stated` of its own: when it came to be so.",
                )
            if _at(one) < self._at:
                before = one
            elif after is None:
                after = one
        return before, after
