"""What tests of erasure share: statements, a request, and every answer of a ledger as bytes."""

from collections.abc import Iterator

from lineage.ledger import (
    Artifact,
    Direction,
    ErasureRequest,
    Kind,
    Ledger,
    Mode,
    PartsErased,
    Statement,
    TraceQuery,
)
from lineage.projections.views import VIEW_TABLES
from lineage.stores.scanning import scan_rows
from lineage.stores.tables import Row
from lineage_schemas.codec import decode_envelope, encode_json
from lineage_schemas.entry import Envelope
from lineage_schemas.graph import EntryView
from lineage_schemas.records import AnyRecord
from lineage_schemas.values import JsonValue

PERSONAL, ALL = PartsErased.PERSONAL, PartsErased.ALL
A, B, RUN = "acme:a", "acme:b", "acme:run"
OWNED = Artifact(
    key=A,
    type="lineage.DataSet",
    name="claims",
    properties={"owner": "eve adams", "row_count": 7},
    custom_properties={"note": "said by mallory", "plain": 1},
    personal=("note",),
)
DESCRIBED = 2
"""The first statement of a namespace stands behind its types and its actor."""


def said(name: str, *records: AnyRecord, mode: Mode = Mode.OBSERVATION) -> Statement:
    """Return what CI says."""
    return Statement(id=name, source="ci", records=records, mode=mode)


def tell(ledger: Ledger, name: str, *records: AnyRecord, mode: Mode = Mode.OBSERVATION) -> int:
    """Record one statement and return where it stands."""
    (receipt,) = ledger.record([said(name, *records, mode=mode)])
    assert receipt.position is not None
    return receipt.position


def envelope_at(ledger: Ledger, position: int) -> Envelope:
    """Return the envelope of one entry."""
    with ledger._store.read() as reader:
        return decode_envelope(reader.envelopes(position, 1)[0])


def say(ledger: Ledger, count: int, label: str = "s") -> None:
    """Record so many statements, each of a node with a personal value."""
    ledger.record(
        Statement(
            id=f"{label}-{number}",
            source="ci",
            records=(
                Artifact(
                    key=f"acme:{label}/{number}",
                    custom_properties={"owner": "eve", "n": number},
                    personal=("owner",),
                ),
            ),
        )
        for number in range(count)
    )


def asked(*targets: int | str, parts: PartsErased = PERSONAL, reason: str = "") -> ErasureRequest:
    """Return a request by Ada that Bob approves."""
    return ErasureRequest(
        targets=targets,
        parts=parts,
        legal_basis="GDPR Art. 17(1)(b)",
        requester="Ada",
        approver="Bob",
        reason=reason,
    )


def entries_of(ledger: Ledger, namespace: str = "default") -> list[EntryView]:
    """Return every entry of a namespace."""
    return list(ledger.entries(0, count=1_000, namespace=namespace).entries)


def entry_at(ledger: Ledger, position: int, namespace: str = "default") -> EntryView:
    """Return one entry."""
    return ledger.entries(position, count=1, namespace=namespace).entries[0]


def records_of(entry: EntryView) -> list[dict[str, JsonValue]]:
    """Return the records that an entry shows, as JSON objects."""
    return [one for one in entry.records or () if isinstance(one, dict)]


def answers(
    ledger: Ledger, keys: tuple[str, ...], words: tuple[str, ...], size: int, namespace: str
) -> Iterator[bytes]:
    """Yield what is answered as of a size, each answer as the bytes a surface would send."""
    asked_of = {"as_of": size, "namespace": namespace}
    query = TraceQuery(start=keys, direction=Direction.BOTH)
    if keys:
        yield encode_json(ledger.trace(query, **asked_of))  # type: ignore[arg-type]
    yield encode_json(ledger.entries(count=1_000, **asked_of))  # type: ignore[arg-type]
    yield encode_json(ledger.types(**asked_of))  # type: ignore[arg-type]
    yield encode_json(ledger.watching.sources(**asked_of))  # type: ignore[arg-type]
    for key in keys:
        yield encode_json(ledger.show(key, **asked_of))  # type: ignore[arg-type]
    for word in words:
        yield encode_json(ledger.find(word, **asked_of))  # type: ignore[arg-type]
    for kind in Kind:
        yield encode_json(ledger.list_nodes(kind.value, count=1_000, **asked_of))  # type: ignore[arg-type]


def all_answers(
    ledger: Ledger,
    keys: tuple[str, ...],
    words: tuple[str, ...] = (),
    namespace: str = "default",
) -> list[bytes]:
    """Return what is answered as of every size."""
    sizes = range(ledger.head().size + 1)
    return [one for size in sizes for one in answers(ledger, keys, words, size, namespace)]


def view_rows(ledger: Ledger) -> dict[str, list[Row]]:
    """Return every row of every view."""
    with ledger._store.read() as reader:
        return {table.name: list(scan_rows(reader, table)) for table in VIEW_TABLES}


def view_bytes(ledger: Ledger) -> bytes:
    """Return every cell of every view, joined."""
    return b"\n".join(
        cell if isinstance(cell, bytes) else str(cell).encode()
        for rows in view_rows(ledger).values()
        for row in rows
        for cell in row
    )
