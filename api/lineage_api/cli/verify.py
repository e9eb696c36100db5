"""``lineage verify``: check proofs and checkpoints with a verifier key, and nothing else.

No ledger is opened, no setting is read, and nothing is asked over a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple, cast

import click

from lineage.moving.streams import is_export
from lineage.proofs.growth import GROWTH_PREFIX, verify_growth
from lineage.proofs.verifying import (
    PROOF_HEADER,
    SignedCheckpoint,
    VerifierKey,
    open_checkpoint,
    verify_proofs,
)
from lineage_api.cli.evidence import KEY_METAVAR, name_of, read_note, read_verifier_keys
from lineage_api.cli.printing import print_json, print_lines, printable
from lineage_api.cli.proven import (
    CheckpointView,
    ExportView,
    View,
    export_lines,
    proof_lines,
    view_checkpoint,
    view_growth,
    view_of,
)
from lineage_api.settings import VERIFIER_VARIABLE
from lineage_schemas.errors import InvalidInputError, LedgerError, ProofError
from lineage_schemas.instants import format_instant

_INSIDE_A_PROOF: Final = (b"\nextra ", b"\nindex ")


class _Stamp(NamedTuple):
    """A timestamp to verify with a checkpoint, and the roots that are trusted."""

    token: bytes
    roots: bytes


@click.command("verify")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--key",
    "keys",
    metavar=KEY_METAVAR,
    multiple=True,
    envvar=VERIFIER_VARIABLE,
    show_envvar=True,
    help="A verifier key of the log, or a file with one a line; may be given several times. An "
    "export can be verified without one, by the keys that it names itself.",
)
@click.option(
    "--since",
    metavar="CHECKPOINT",
    help="An older checkpoint that you kept: FILE then proves that the log still begins with it.",
)
@click.option("--full", is_flag=True, help="Print records whole, however long they are.")
@click.option(
    "--timestamp",
    metavar="TOKEN",
    help="Verify this answer of a timestamp authority (RFC 3161) over the one checkpoint in FILE.",
)
@click.option(
    "--timestamp-roots",
    metavar="PEM",
    help="The root certificates of the authorities that are trusted.",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print the answer.",
)
def verify(  # noqa: PLR0913 - one argument an option
    files: tuple[str, ...],
    keys: tuple[str, ...],
    since: str | None,
    timestamp: str | None,
    timestamp_roots: str | None,
    output: str,
    *,
    full: bool,
) -> None:
    """Verify proofs, checkpoints and exports, offline.

    FILE ("-": standard input) is what `lineage prove`, `lineage checkpoint` or `lineage export`
    wrote. Opens no ledger and no connection; all that is trusted is the key. Prints what is proved:
    where the entry stands, who said it and when, and the records that are shown; of an export, how
    far it is signed. What does not hold is told with its file and line; the exit code is then 1.
    """
    trusted = read_verifier_keys(keys)
    stamp = _stamp(files, timestamp, timestamp_roots)
    old = None if since is None else read_note(since)
    answers: list[View | ExportView] = []
    for file in files:
        name = name_of(file)
        with click.open_file(file, "rb") as opened:
            stream = cast("BinaryIO", opened)
            if is_export(stream):
                if stamp is not None or old is not None:
                    raise click.UsageError("An export is verified with --key alone.")
                answers.append(_verify_export(name, stream, trusted))
            else:
                _demand_key(trusted)
                answers += _verify(name, stream.read(), trusted, stamp, old)
        if output == "text":
            for one in answers:
                print_lines(_lines(one, full=full))
            answers.clear()
    if output == "json":
        print_json(answers)


def _demand_key(trusted: Sequence[VerifierKey]) -> None:
    if not trusted:
        raise click.UsageError(
            "Missing option '--key': without the log's verifier key nothing can be verified."
        )


def _verify_export(name: str, stream: BinaryIO, trusted: Sequence[VerifierKey]) -> ExportView:
    # Only here: whoever verifies a proof need not load what audits a log.
    from lineage_api.cli.exported import verify_export  # noqa: PLC0415 - see above

    try:
        return verify_export(name, stream, trusted)
    except LedgerError as error:
        raise error.at(name) from error


def _lines(answer: View | ExportView, *, full: bool) -> Iterator[str]:
    if isinstance(answer, ExportView):
        return export_lines(answer)
    return iter(proof_lines(answer, full=full))


def _read(name: str) -> bytes:
    with click.open_file(name, "rb") as file:
        body: bytes = file.read()
    return body


def _stamp(files: Sequence[str], timestamp: str | None, roots: str | None) -> _Stamp | None:
    if timestamp is None and roots is None:
        return None
    if timestamp is None or roots is None:
        raise click.UsageError("--timestamp and --timestamp-roots go together.")
    if len(files) != 1:
        raise click.UsageError("--timestamp is of one checkpoint: give one FILE.")
    return _Stamp(_read(timestamp), _read(roots))


def _verify(
    name: str,
    body: bytes,
    keys: Sequence[VerifierKey],
    stamp: _Stamp | None,
    old: bytes | None,
) -> list[View]:
    try:
        if not body.strip():
            raise ProofError("There is nothing in this file to verify", where="line 1")
        if old is not None:
            return [view_growth(name, verify_growth(body, old, keys))]
        if body.startswith(GROWTH_PREFIX):
            raise InvalidInputError(
                "This file proves that a log has grown",
                hint="Give the older checkpoint that you kept with --since.",
            )
        if not _is_proof(body):
            signed = open_checkpoint(body, keys)
            return [_view(name, signed, stamp)]
        if stamp is not None:
            raise InvalidInputError(
                "A timestamp is of a checkpoint, and this file holds proofs",
                hint="Give the checkpoint's own file.",
            )
        return [
            view_of(name, number, proven)
            for number, proven in enumerate(verify_proofs(body, keys), 1)
        ]
    except LedgerError as error:
        raise error.at(name) from error


def _is_proof(body: bytes) -> bool:
    """Tell a file that is or was a proof from a checkpoint, by more than one of its bytes."""
    return body.startswith(PROOF_HEADER) or any(mark in body for mark in _INSIDE_A_PROOF)


def _view(name: str, signed: SignedCheckpoint, stamp: _Stamp | None) -> CheckpointView:
    if stamp is None:
        return view_checkpoint(name, signed)
    # Only here: it needs an extra that whoever verifies a proof can do without.
    from lineage.anchoring.timestamps import verify_timestamp  # noqa: PLC0415 - see above

    found = verify_timestamp(stamp.token, signed.note, stamp.roots)
    return view_checkpoint(
        name, signed, stamped_at=format_instant(found.at_us), authority=printable(found.authority)
    )
