"""Make the ledger's own batches: what it states of itself, and who stands behind a pseudonym."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from lineage.clock import Randomness
from lineage.projections.catalog import NAMESPACE
from lineage.projections.statements import pseudonym_of
from lineage.rules.form import LEDGER_SOURCE
from lineage.stores.base import Reader
from lineage.writing.preparing import PreparedBatch, encode_prepared
from lineage.writing.submission import Principal
from lineage_schemas.api_keys import holds_api_key, without_api_keys
from lineage_schemas.errors import LimitExceededError
from lineage_schemas.governance import GovernanceRecord
from lineage_schemas.limits import REASON_BYTES_MAX
from lineage_schemas.records import Actor, ActorOrigin, Statement

_ID_BYTES: Final = 8
_FREE_TEXTS: Final = ("reason", "legal_basis", "authority", "retention_class", "purpose")


def governance_batch(
    namespace: str,
    principal: Principal,
    *records: Actor | GovernanceRecord,
    randomness: Randomness,
) -> PreparedBatch:
    """Return the batch in which the ledger states these records, a statement each.

    Raises:
        LimitExceededError: a free text is longer than ``REASON_BYTES_MAX``.
        InvalidInputError: a text that the log cannot keep.
    """
    statements = tuple(
        Statement(
            id=f"{type(record).__name__.lower()}/{randomness(_ID_BYTES).hex()}",
            source=LEDGER_SOURCE,
            records=(_checked(record),),
        )
        for record in records
    )
    return PreparedBatch(namespace, principal, tuple(map(encode_prepared, statements)))


class Pseudonyms:
    """The pseudonyms of people who are only named by the caller, in one namespace."""

    def __init__(self, reader: Reader, namespace: str, randomness: Randomness) -> None:
        self._reader = reader
        self._number = namespace_number(reader, namespace)
        self._randomness = randomness
        self.new: list[Actor] = []
        """Actors that must be stated before whatever cites their pseudonyms."""

    def of(self, name: str, origin: ActorOrigin = ActorOrigin.REPORTED) -> str:
        """Return the pseudonym of a name, a new one where it has none."""
        known = None
        if self._number is not None:
            known = pseudonym_of(self._reader, self._number, origin.value, name)
        if known is not None:
            return known
        for actor in self.new:
            if (actor.name, actor.origin) == (name, origin):
                return actor.pseudonym
        actor = Actor(
            pseudonym=f"actor-{self._randomness(_ID_BYTES).hex()}", origin=origin, name=name
        )
        self.new.append(actor)
        return actor.pseudonym


def namespace_number(reader: Reader, namespace: str, size: int | None = None) -> int | None:
    """Return the number of a namespace; ``None`` where nothing was said in it (as of a size)."""
    for number, since, _ in reader.find(NAMESPACE, "name", [namespace]):
        if size is None or since < size:
            return int(number)
    return None


def _checked(record: Actor | GovernanceRecord) -> Actor | GovernanceRecord:
    """Return a record without API keys in its free texts, which are kept for ever."""
    for field in _FREE_TEXTS:
        text = getattr(record, field, "")
        if holds_api_key(text):
            text = without_api_keys(text)
            record = replace(record, **{field: text})
        size = len(text.encode(errors="replace"))
        if size > REASON_BYTES_MAX:
            raise LimitExceededError(
                f"A text of {size} bytes is over the limit of {REASON_BYTES_MAX} "
                "(REASON_BYTES_MAX)",
                where=field,
            )
    return record
