"""Verify an export without a ledger, and say what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from lineage.moving.checking import ExportReader, ExportVerdict
from lineage.moving.streams import unpacked
from lineage.proofs.verifying import VerifierKey
from lineage_api.cli.proven import ExportView
from lineage_api.cli.watching import progress_of
from lineage_schemas.errors import ProofError


def verify_export(name: str, stream: BinaryIO, trusted: Sequence[VerifierKey]) -> ExportView:
    """Read an export to its end and judge it.

    Raises:
        ProofError: something does not hold; names the line.
        DecodeError: it is no export.
        OSError: it cannot be read.
    """
    with unpacked(stream) as plain, progress_of("verifying") as progress:
        export = ExportReader(plain)
        for stored in export.entries():
            progress(stored.position + 1, export.header.size)
        try:
            return export_view(name, export.judge(trusted))
        except ProofError as error:
            raise error.at("header") from error


def export_view(name: str, verdict: ExportVerdict) -> ExportView:
    """Return what an export is, by the name of its file."""
    return ExportView(
        file=name,
        origin=verdict.origin,
        size=verdict.size,
        root=verdict.root,
        final=verdict.final,
        signed_size=verdict.signed_size,
        signed_by=verdict.signers,
        by_given_keys=verdict.by_given_keys,
        erased_parts=verdict.erased_parts,
    )
