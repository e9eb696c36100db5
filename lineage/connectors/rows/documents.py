"""What is kept of a row, and of the mapping by which it was understood."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from lineage.connectors.rows.columns import Row
from lineage_schemas.errors import DecodeError
from lineage_schemas.values import JsonValue

ROW: Final = "row"
MAPPING: Final = "mapping"


class RowDocument(Struct, frozen=True, tag_field="kind", tag=ROW, forbid_unknown_fields=True):
    """A row as the data have it. ``mapping`` is what it is read by: ``name/version``."""

    mapping: str
    row: Row


class MappingDocument(
    Struct, frozen=True, tag_field="kind", tag=MAPPING, forbid_unknown_fields=True
):
    """A mapping file, whole: whoever audits what rows say finds here how they were read."""

    file: JsonValue


AnyDocument = RowDocument | MappingDocument

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_DECODER: Final[msgspec.json.Decoder[AnyDocument]] = msgspec.json.Decoder(AnyDocument)


def encode_document(document: AnyDocument) -> bytes:
    """Return a document as JSON, in one spelling."""
    return _ENCODER.encode(document)


def decode_document(body: bytes) -> AnyDocument:
    """Read a document.

    Raises:
        DecodeError: it is none; names the JSON path.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise DecodeError(f"This is no document of rows: {error}") from error
