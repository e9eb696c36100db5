"""An entry: a statement with its place in the log.

The *envelope* is what the leaf of the tree is made of, and it is kept for ever: it says who said
something, when, in which batch, and the bare structure of it (kinds and assigned ids), and it
commits to two *payload parts*, which hold everything a reader would want to know or to have
erased. The leaf is SHA-256(0x00 || the stored envelope bytes) (RFC 6962, section 2.1); a
commitment is SHA-256(salt || part).
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from lineage_schemas.governance import PartsErased
from lineage_schemas.mlmd import EventKind, Kind, Record
from lineage_schemas.records import LinkClass, Mode, Precision

ENVELOPE_VERSION: Final = 2
"""2 added the item ``erase``."""

PAYLOAD_VERSION: Final = 4
"""2 leaves a mark in the facts where a personal value was lifted out, and added the ledger's own
records (``lineage_schemas.governance``); 3 added those of who may do what
(``lineage_schemas.access``); 4 added looks at sources and what is expected of sources
(``lineage_schemas.sources``).

A part says the lowest version that has all of its records, so that whatever an older software can
read, it reads.
"""

SALT_BYTES: Final = 16


class NodeItem(Struct, frozen=True, array_like=True, gc=False, tag="node"):
    """A node was described; an id that no earlier item names is a new node."""

    kind: Kind
    id: int


class EdgeItem(Struct, frozen=True, array_like=True, gc=False, tag="edge"):
    """An Event joined an artifact and an execution."""

    artifact: int
    execution: int
    kind: EventKind


class MemberItem(Struct, frozen=True, array_like=True, gc=False, tag="member"):
    """A node became a member of a context (a context: inside a parent context)."""

    context: int
    kind: Kind
    member: int


class LinkItem(Struct, frozen=True, array_like=True, gc=False, tag="link"):
    """A node was claimed to go by the identifier behind a hub."""

    kind: Kind
    id: int
    hub: int
    link_class: LinkClass


class UnlinkItem(Struct, frozen=True, array_like=True, gc=False, tag="unlink"):
    """Such a claim was taken back."""

    kind: Kind
    id: int
    hub: int
    link_class: LinkClass


class KeyItem(Struct, frozen=True, array_like=True, gc=False, tag="key"):
    """A node's own key is the identifier behind a hub. Follows the items of the records."""

    kind: Kind
    id: int
    hub: int


class SeriesItem(Struct, frozen=True, array_like=True, gc=False, tag="series"):
    """A chunk of a metric series of an execution."""

    execution: int


class TypeItem(Struct, frozen=True, array_like=True, gc=False, tag="type"):
    """A type was put."""

    kind: Kind
    id: int


class EraseItem(Struct, frozen=True, array_like=True, gc=False, tag="erase"):
    """Payload parts of earlier entries were erased."""

    parts: PartsErased
    positions: tuple[int, ...]


class PlainItem(Struct, frozen=True, array_like=True, gc=False, tag="plain"):
    """A record without structure: a message, an actor."""


Item = (
    NodeItem
    | EdgeItem
    | MemberItem
    | LinkItem
    | UnlinkItem
    | KeyItem
    | SeriesItem
    | TypeItem
    | EraseItem
    | PlainItem
)
"""One item a record, in the records' order; then the key items that followed from them."""


class Batch(Struct, frozen=True, array_like=True):
    """The batch an entry came in: the position of its first entry, and how many there are."""

    start: int
    length: int


class StatedInterval(Struct, frozen=True, array_like=True):
    """Stated time in microseconds since the epoch, half-open; ``None`` is open or unknown."""

    start_us: int | None
    end_us: int | None
    precision: Precision


class Commitments(Struct, frozen=True):
    """SHA-256(salt || part) of each payload part in hexadecimal; ``None`` where there is none."""

    facts: str | None
    personal: str | None


class Envelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the log says of an entry for ever. No names, no identifiers, no properties.

    ``message`` is the position of the entry that keeps the message this one was made from;
    ``actor`` is a pseudonym.
    """

    version: int
    statement: str
    source: str
    namespace: str
    actor: str
    mode: Mode
    batch: Batch
    recorded_us: int
    stated: StatedInterval | None
    message: int | None
    mapping: str | None
    structure: tuple[Item, ...]
    commitments: Commitments


class PayloadPart(Struct, frozen=True):
    """One payload part as stored: its salt and its bytes, both gone once it is erased."""

    salt: bytes
    body: bytes


class StoredEntry(Struct, frozen=True, kw_only=True):
    """What a store keeps of one entry. ``None`` for a part: there was none, or it was erased."""

    position: int
    envelope: bytes
    leaf: bytes
    facts: PayloadPart | None
    personal: PayloadPart | None


class Entry(Struct, frozen=True, kw_only=True):
    """An entry, decoded. ``records`` is ``None`` where the facts part was erased.

    ``erased`` says which parts are gone, if any.
    """

    position: int
    envelope: Envelope
    records: tuple[Record, ...] | None
    erased: PartsErased | None = None


class Head(Struct, frozen=True):
    """Where the log stands, unsigned: its size and the root of its tree."""

    size: int
    root: bytes
    recorded_us: int
    """The recorded time of the last entry (0 for an empty log); the next is never earlier."""
