"""Describes a document that is to be attached: its digest, size and media type, and a short text.

A file is read once, in pieces, however large it is.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from lineage.connectors.declarations.documents import CONTENT_BYTES_MAX, Attachment, short_text
from lineage_schemas.errors import InvalidInputError, StoreError
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.mlmd import Kind

UNKNOWN_TYPE: Final = "application/octet-stream"

_MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
"""By a name's end. A table of our own: those of machines differ."""

_PIECE_BYTES: Final = 1_048_576


class Described(Struct, frozen=True, kw_only=True):
    """A document: what it is, and not yet what it is about."""

    name: str
    media_type: str
    digest: str
    size: int
    content: str | None = None

    def about(
        self,
        subject: str,
        kind: Kind,
        *,
        title: str = "",
        document_kind: str = "",
        uri: str = "",
        attached_by: str = "",
    ) -> Attachment:
        """Return it attached to a subject."""
        return Attachment(
            subject=subject,
            kind=kind,
            name=self.name,
            media_type=self.media_type,
            digest=self.digest,
            size=self.size,
            content=self.content,
            title=title,
            document_kind=document_kind,
            uri=uri,
            attached_by=attached_by,
        )


def describe_file(
    path: Path, *, name: str | None = None, media_type: str | None = None
) -> Described:
    """Return what a file is.

    Raises:
        StoreError: it cannot be read.
        InvalidInputError: a name that cannot be.
    """
    digest, size, kept = sha256(), 0, bytearray()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
                kept += piece[: CONTENT_BYTES_MAX + 1 - len(kept)]
    except OSError as error:
        raise StoreError(
            f"The file cannot be read: {error.strerror}", where=str(path), hint="Name another."
        ) from error
    called = clean_file_name(name or path.name)
    kind = media_type or media_type_of(called)
    content = None if size > CONTENT_BYTES_MAX else short_text(bytes(kept), kind)
    return Described(
        name=called,
        media_type=kind,
        digest=f"sha256:{digest.hexdigest()}",
        size=size,
        content=content,
    )


def describe_bytes(body: bytes, name: str, media_type: str) -> Described:
    """Return what a document in memory is.

    Raises:
        InvalidInputError: a name that cannot be.
    """
    return Described(
        name=clean_file_name(name),
        media_type=media_type,
        digest=f"sha256:{sha256(body).hexdigest()}",
        size=len(body),
        content=short_text(body, media_type),
    )


def media_type_of(name: str) -> str:
    """Return the media type that a name tells."""
    return _MEDIA_TYPES.get(PurePosixPath(name.lower()).suffix, UNKNOWN_TYPE)


def clean_file_name(name: str) -> str:
    """Return a file's name without the folders in front of it.

    Raises:
        InvalidInputError: there is none, it is too long, or it holds a control character.
    """
    last = name.replace("\\", "/").rpartition("/")[2].strip()
    if last in {"", ".", ".."} or not last.isprintable() or len(last.encode()) > NAME_BYTES_MAX:
        raise InvalidInputError(
            f"A document has a name of 1 to {NAME_BYTES_MAX} (NAME_BYTES_MAX) printable bytes",
            where=repr(name[:64]),
            hint="Such as model-card.md.",
        )
    return last
