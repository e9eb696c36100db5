"""``lineage import FILE``: make a ledger of an export."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from lineage.anchoring.keys import load_signing_key
from lineage.ledger import import_ledger
from lineage.moving.checking import ExportReader
from lineage.moving.reading_in import Imported
from lineage.moving.streams import opened_export, unpacked
from lineage.proofs.signing import SigningKey
from lineage_api.cli.evidence import KEY_METAVAR, name_of, read_verifier_keys
from lineage_api.cli.export import STANDARD
from lineage_api.cli.exported import export_view
from lineage_api.cli.printing import print_json, print_lines, printable
from lineage_api.cli.proven import export_lines
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of
from lineage_schemas.errors import DecodeError, InvalidInputError, ProofError


@click.command("export")
@click.argument("file", metavar="FILE")
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The signing key of a final export; it is copied to its place beside the ledger.",
)
@click.option(
    "--lost-key",
    is_flag=True,
    help="The signing key of a final export is lost: introduce a new one.",
)
@click.option(
    "--reason", metavar="TEXT", help="With --lost-key: why; kept for ever, it must name nobody."
)
@click.option(
    "--trust",
    metavar=KEY_METAVAR,
    multiple=True,
    help="Refuse the export unless this verifier key signed it, or one in a file with one a line; "
    "may be given several times.  [default: the keys that the log itself names]",
)
@store_option
@format_option("text", "json")
@pass_session
def import_command(  # noqa: PLR0913 - one argument an option
    session: Session,
    file: str,
    key_file: Path | None,
    reason: str | None,
    trust: tuple[str, ...],
    output: str,
    *,
    lost_key: bool,
) -> None:
    """Make a ledger of an export, in an empty place.

    FILE ("-": standard input) is what `lineage export` wrote. After `export --final` the ledger
    goes on here under its own origin, with the key that --key brings. Any other export becomes a
    copy with a new origin and a key of its own, whose next entry cites what it was copied from.
    Everything is verified before there is a ledger; interrupted, the same command goes on.
    """
    if lost_key != (reason is not None):
        raise click.UsageError("--lost-key and --reason go together.")
    brought = None if key_file is None else _brought(key_file)
    trusted = read_verifier_keys(trust)
    with _opened(file) as stream, progress_of("importing") as progress:
        try:
            answer = import_ledger(
                ExportReader(stream),
                session.store,
                clock=session.clock,
                randomness=session.randomness,
                key=session.key,
                sidecar=session.sidecar,
                brought=brought,
                lost_key_reason=reason,
                trusted=trusted,
                progress=progress,
            )
        except (ProofError, DecodeError) as error:
            raise error.at(name_of(file)) from error
    if output == "json":
        print_json({"origin": answer.origin, "export": export_view(file, answer.verdict)})
    else:
        print_lines(_lines(file, answer))


def _brought(path: Path) -> SigningKey:
    key = load_signing_key(path)
    if key is None:
        raise InvalidInputError("There is no signing key in this place", where=str(path))
    return key


@contextmanager
def _opened(file: str) -> Generator[BinaryIO]:
    if file == STANDARD:
        with unpacked(sys.stdin.buffer) as stream:
            yield stream
    else:
        with opened_export(Path(file)) as stream:
            yield stream


def _lines(file: str, answer: Imported) -> Iterator[str]:
    yield from export_lines(export_view(name_of(file), answer.verdict))
    if answer.verdict.final:
        yield "ledger    goes on here under its own origin"
    else:
        yield printable(f"ledger    a copy, which goes on as {answer.origin}")
        yield "tell      whoever checks it: origin and key are new"
        yield "access    the grants came along; every API key is revoked here, so make new ones"
