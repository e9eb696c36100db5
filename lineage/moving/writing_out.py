"""Write the whole log out as one open file that verifies itself."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from lineage.anchoring.durable import translated, whole_file
from lineage.folding import Progress
from lineage.moving.checking import (
    LINES_BEFORE,
    ExportReader,
    ExportVerdict,
    LogCheck,
    claimed_size,
)
from lineage.moving.lines import (
    EXPORT_VERSION,
    HEADER_LINE,
    Header,
    Trailer,
    damaged,
    encode_line,
    entry_line,
    exported_key,
)
from lineage.moving.streams import compressed, opened_export
from lineage.projections.governance import read_keys
from lineage.proofs.checkpoints import read_checkpoint
from lineage.stores.base import Reader
from lineage_schemas.entry import StoredEntry
from lineage_schemas.errors import CorruptLogError, ProofError

ENTRIES_PER_READ: Final = 500
"""An entry may be 2 MiB: this bounds what is in memory at a time."""


def write_export(
    reader: Reader, stream: BinaryIO, *, final: bool, software: str, progress: Progress | None
) -> ExportVerdict:
    """Write everything that one snapshot holds of the log, and check it on the way.

    Raises:
        CorruptLogError: the log does not hold together; nobody should import what was written.
        OSError: the stream cannot be written to.
    """
    try:
        return _write(reader, stream, _header(reader, final=final, software=software), progress)
    except ProofError as error:
        raise CorruptLogError(
            f"The log does not hold together, so it is not exported: {error.what}",
            where=f"{error.where} of the export",
            hint="Run `lineage audit`.",
        ) from error


def _write(
    reader: Reader, stream: BinaryIO, header: Header, progress: Progress | None
) -> ExportVerdict:
    check = LogCheck(claimed_size(header))
    digest = sha256()

    def write(line: bytes) -> None:
        digest.update(line)
        stream.write(line)

    write(encode_line(header))
    for stored in read_log(reader):
        check.take(stored)
        write(encode_line(entry_line(stored)))
        if progress is not None and not stored.position % ENTRIES_PER_READ:
            progress(stored.position, header.size)
    check.end(header.size + LINES_BEFORE)
    if check.root.hex() != header.root:
        raise damaged(HEADER_LINE, "the entries do not have the root that the head has")
    verdict = check.judge(header, ())
    trailer = Trailer(entries=header.size, root=header.root, sha256=digest.hexdigest())
    stream.write(encode_line(trailer))
    return verdict


def write_export_file(
    reader: Reader, path: Path, *, final: bool, software: str, progress: Progress | None
) -> ExportVerdict:
    """Write an export into a file that has its name only once it is whole, checked, on the disk.

    It is compressed if its name ends in ``.gz``. A final one is read back first.

    Raises:
        CorruptLogError: as ``write_export``.
        StoreError: there is such a file already, or it cannot be written; nothing is left of it.
    """
    with translated(path), whole_file(path) as made:
        with made.open("wb") as file, compressed(file, path) as stream:
            verdict = write_export(
                reader, stream, final=final, software=software, progress=progress
            )
        if final and check_export_file(made) != verdict:
            raise CorruptLogError("What was written reads back as something else", where=str(path))
    return verdict


def check_export_file(path: Path) -> ExportVerdict:
    """Read an export to its end.

    Raises:
        ProofError: it does not hold; names the line.
        StoreError: it cannot be read.
    """
    with opened_export(path) as stream:
        export = ExportReader(stream)
        for _ in export.entries():
            pass
        return export.judge()


def read_log(reader: Reader, start: int = 0) -> Iterator[StoredEntry]:
    """Yield the entries of a snapshot.

    Raises:
        CorruptLogError: one is missing; names its position.
    """
    size = reader.head().size
    position = start
    while position < size:
        found = reader.entries(position, min(ENTRIES_PER_READ, size - position))
        for stored in found:
            if stored.position != position:
                break
            yield stored
            position += 1
        else:
            if found:
                continue
        raise CorruptLogError(
            "The entry is missing", where=f"position {position}", hint="Run `lineage audit`."
        )


def _header(reader: Reader, *, final: bool, software: str) -> Header:
    head, note = reader.head(), reader.checkpoint()
    if note is not None:
        # What is no checkpoint may not even be text.
        read_checkpoint(note)
    return Header(
        lineage_export=EXPORT_VERSION,
        software=software,
        origin=reader.origin(),
        final=final,
        size=head.size,
        root=head.tree().root().hex(),
        checkpoint=None if note is None else note.decode(),
        keys=tuple(map(exported_key, read_keys(reader))),
    )
