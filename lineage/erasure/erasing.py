"""Erase: payload parts, everything that views made of them, and what files still hold."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import ErasedParts, Sidecar, with_erased
from lineage.erasure.judging import Objection, find_objections
from lineage.erasure.planning import (
    Candidate,
    Copy,
    Target,
    candidates_at,
    find_candidates,
    find_copies,
    is_erasable,
)
from lineage.folding import fold_anew
from lineage.projections.erasures import ERASED
from lineage.projections.governance import read_keys
from lineage.proofs.tree import leaf_hash
from lineage.stores.base import SCRUB_WAIT_SECONDS_MAX, Reader, Store, Writer
from lineage.stores.scanning import scan_rows
from lineage.writing.governing import namespace_number
from lineage_schemas.codec import decode_envelope
from lineage_schemas.errors import (
    NotFoundError,
    ReadOnlyStoreError,
    StoreBusyError,
    StoreFullError,
)
from lineage_schemas.governance import Erasure, PartsErased

_LOG: Final = logging.getLogger(__name__)


class Plan(NamedTuple):
    """What an erasure would do."""

    candidates: list[Candidate]
    objections: list[Objection]
    copies: list[Copy]

    @property
    def positions(self) -> tuple[int, ...]:
        """The entries that hold something to erase, in order."""
        return tuple(one.position for one in self.candidates)

    @property
    def nodes(self) -> int:
        """How many nodes those entries speak of."""
        return len(frozenset[int]().union(*(one.vertices for one in self.candidates)))


def make_plan(
    reader: Reader, namespace: str, targets: Sequence[Target], parts: PartsErased, now_us: int
) -> Plan:
    """Find what an erasure of these targets concerns, and what forbids it.

    Raises:
        NotFoundError: a target that is not there.
        PreconditionError: an entry that cannot lose those parts.
    """
    number = namespace_number(reader, namespace)
    if number is None:
        raise NotFoundError("Nothing was ever said in this namespace", where=namespace[:64])
    candidates = find_candidates(reader, namespace, number, targets, parts)
    return _plan(reader, number, candidates, parts, now_us)


def plan_again(
    reader: Reader, namespace: str, positions: Sequence[int], parts: PartsErased, now_us: int
) -> Plan:
    """Return the plan of an erasure that was carried out, or refused, of these entries."""
    number = namespace_number(reader, namespace)
    assert number is not None
    return _plan(reader, number, candidates_at(reader, namespace, number, positions), parts, now_us)


def _plan(
    reader: Reader, number: int, candidates: list[Candidate], parts: PartsErased, now_us: int
) -> Plan:
    positions = [one.position for one in candidates]
    return Plan(
        candidates,
        find_objections(reader, number, candidates, now_us),
        find_copies(reader, positions, parts),
    )


def plan_of(reader: Reader, namespace: str, done: Erasure) -> Plan:
    """Return what the plan of an erasure was that the log states."""
    number = namespace_number(reader, namespace)
    assert number is not None
    return Plan(
        candidates_at(reader, namespace, number, done.positions),
        [],
        find_copies(reader, done.positions, done.parts),
    )


def scrub(store: Store, wait_seconds: float = SCRUB_WAIT_SECONDS_MAX) -> bool:
    """Rewrite what may hold erased bytes; tell whether that could be done now.

    A reader in another process may be in the way, there is no room for the copy, or a database lets
    only its owner do it; then it stays due, and the next who opens the ledger or erases does it.
    """
    if store.is_scrubbed:
        return True
    try:
        store.scrub(wait_seconds)
    except (ReadOnlyStoreError, StoreBusyError, StoreFullError) as error:
        _LOG.warning("What was erased cannot be scrubbed yet: %s", error)
        return False
    return True


def remember(notary: Notary, store: Store) -> None:
    """Have the sidecar know of everything that the log says was erased.

    Raises:
        StoreError: the sidecar cannot be written; opening the ledger again tries again.
    """
    with store.read() as reader:
        if not erased_in_log(reader):
            return
    with notary.sidecar.locked():
        with store.read() as reader:
            origin, erased = reader.origin(), erased_in_log(reader)
            was_signed = bool(read_keys(reader))
        sidecar = notary.sidecar.read()
        if sidecar is None and was_signed:
            # It was lost. One begun here would hide that: a recovery begins it.
            return
        sidecar = sidecar or Sidecar(origin=origin)
        known = with_erased(sidecar, *erased)
        if sidecar.origin == origin and known != sidecar:
            notary.sidecar.write(known)


def erased_in_log(reader: Reader) -> list[ErasedParts]:
    """Return what the log says was erased. What it says of later entries is no word of ours."""
    return [
        ErasedParts(
            position=position, facts=parts == PartsErased.ALL, personal=True, leaf=leaf.hex()
        )
        for position, stated_at, parts in scan_rows(reader, ERASED)
        if position < stated_at
        for leaf in reader.hashes(0, position, 1)
    ]


def replay(sidecar: Sidecar | None, store: Store) -> int:
    """Erase again what the sidecar knows was erased, and a restored store brought back.

    Return how many parts were there again. It comes before anything is served, whatever else is
    wrong with the store, and by whichever origin it goes: a store from before a recovery too.
    """
    if sidecar is None or not sidecar.erased:
        return 0
    with store.read() as reader:
        back = [one for one in believable(reader, sidecar.erased) if _is_there(reader, one)]
    if not back:
        return 0
    with store.write() as writer:
        # What was erased before the ledger was frozen is not there to be kept.
        is_frozen = writer.is_frozen()
        writer.freeze(frozen=False)
        found = erase_parts(writer, back)
        if found:
            fold_anew(writer)
        writer.freeze(frozen=is_frozen)
    return found


def erase_parts(writer: Writer, erased: Sequence[ErasedParts]) -> int:
    """Erase the named parts; return how many were there."""
    whole = [one.position for one in erased if one.facts]
    personal = [one.position for one in erased if not one.facts]
    return writer.erase(whole, PartsErased.ALL) + writer.erase(personal, PartsErased.PERSONAL)


def believable(reader: Reader, erased: Sequence[ErasedParts]) -> list[ErasedParts]:
    """Return those that can have been erased from this store.

    Positions beyond its end cannot, nor can one that another entry has taken: there the sidecar
    speaks of another history. Of what can never lose its facts (a key, a type) only the personal
    part can.
    """
    size = reader.head().size
    return [
        replace(one, facts=one.facts and is_erasable(decode_envelope(envelope)))
        for one in erased
        if one.position < size
        for envelope in reader.envelopes(one.position, 1)
        if one.leaf == leaf_hash(envelope).hex()
    ]


def _is_there(reader: Reader, one: ErasedParts) -> bool:
    facts, personal = reader.payload(one.position)
    return (facts is not None and one.facts) or personal is not None
