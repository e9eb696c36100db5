"""What somebody brings along to check a log with: verifier keys, and a checkpoint that was kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from lineage.proofs.checkpoints import read_checkpoint
from lineage.proofs.growth import GROWTH_PREFIX
from lineage.proofs.verifying import (
    NOTE_BYTES_MAX,
    PROOF_HEADER,
    VerifierKey,
    parse_verifier_key,
)
from lineage_schemas.errors import InvalidInputError, ProofError

KEY_METAVAR: Final = "VKEY|@FILE"
_FROM_FILE: Final = "@"
_STANDARD_INPUT: Final = "-"
_PROOFS: Final = (PROOF_HEADER, GROWTH_PREFIX)
_WANTED: Final = "A signed checkpoint is wanted, as `lineage checkpoint` prints it."


def read_verifier_keys(texts: Iterable[str]) -> tuple[VerifierKey, ...]:
    """Return the verifier keys that are written out, or stand one a line in files named ``@FILE``.

    Raises:
        InvalidInputError: one is no verifier key, or a file holds none; names the file and line.
        OSError: a file cannot be read.
    """
    return tuple(key for text in texts for key in _read_keys(text))


def read_note(name: str) -> bytes:
    """Return the signed checkpoint in a file ("-": standard input). Nothing of it is verified.

    Raises:
        InvalidInputError: something else is in the file; names it.
        OSError: the file cannot be read.
    """
    with click.open_file(name, "rb") as file:
        note: bytes = file.read(NOTE_BYTES_MAX + 1)
    try:
        read_checkpoint(note)
    except ProofError as error:
        what, where = error.what, error.where
        if note.startswith(_PROOFS):
            what, where = "This is a proof, not a checkpoint", ""
        raise InvalidInputError(what, where=where, hint=_WANTED).at(name_of(name)) from error
    return note


def name_of(file: str) -> str:
    """Return what a file is called where it is told of."""
    return "<stdin>" if file == _STANDARD_INPUT else file


def _read_keys(text: str) -> Iterator[VerifierKey]:
    if not text.startswith(_FROM_FILE):
        yield parse_verifier_key(text)
        return
    path = Path(text.removeprefix(_FROM_FILE))
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidInputError("A file of verifier keys is text", where=str(path)) from error
    found = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise InvalidInputError("There is no verifier key in this file", where=str(path))
    for number, line in found:
        try:
            yield parse_verifier_key(line)
        except InvalidInputError as error:
            raise error.at(f"{path}, line {number}") from error
