"""``lineage declare``: say what no tool knows, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from lineage.anchoring.keys import load_signing_key
from lineage.connectors.declarations.reading import FILE_KEY, read_declarations
from lineage.connectors.yaml_documents import YAML_BYTES_MAX
from lineage.importing.declaring import SOURCE_DEFAULT, sign_declarations
from lineage.importing.declaring import declare as take_in
from lineage.importing.versions import Speaker
from lineage.proofs.signing import SigningKey
from lineage_api.cli.printing import print_json, print_lines, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.identity.declarers import KnownDeclarer, believed_declarers, trusted
from lineage_schemas.declarations import TakenDeclaration
from lineage_schemas.errors import LedgerError, NotFoundError
from lineage_schemas.instants import instant_of


def _read_trust(
    _: click.Context, __: click.Parameter, given: tuple[str, ...]
) -> tuple[KnownDeclarer, ...]:
    try:
        return tuple(map(trusted, given))
    except LedgerError as error:
        raise click.BadParameter(f"{error.what}. {error.hint}") from error


@click.command("declare")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--source",
    metavar="NAME",
    default=SOURCE_DEFAULT,
    show_default=True,
    help="The source of what is declared.",
)
@click.option(
    "--key",
    "key_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Sign each declaration with the key in this file, as `lineage key make` makes it.",
)
@click.option(
    "--trust",
    "trust",
    metavar="[NAME=]KEY",
    multiple=True,
    callback=_read_trust,
    help="Believe this verifier key's signatures, too, as those of NAME; may be given several "
    "times.  [default: the setting declarers]",
)
@click.option(
    "--print",
    "is_printed",
    is_flag=True,
    help="Declare nothing: print the declarations as --key signs them, in JSON, for a server.",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def declare(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    file: BinaryIO,
    *,
    source: str,
    key_file: Path | None,
    trust: tuple[KnownDeclarer, ...],
    is_printed: bool,
    output: str,
) -> None:
    """Say what no tool knows: owners, purposes, approvals, incidents.

    FILE ("-": standard input) is YAML or JSON: one declaration or several. All of them go in, or
    none. Declared again unchanged, a declaration is there already; changed, and stated of another
    time, it takes the place of what was declared under its id. A new ledger is made where there is
    none.
    """
    declared = read_declarations(file.read(YAML_BYTES_MAX + 1))
    key = None if key_file is None else _load(key_file)
    if is_printed:
        if key is None:
            raise click.UsageError("--print prints what is signed: name the --key.")
        signed = sign_declarations(declared, key, instant_of(session.clock()))
        print_json({FILE_KEY: signed})
        return
    declarers = believed_declarers((*session.declarers, *trust))
    speaker = Speaker(source=source, namespace=session.namespace)
    with session.open_or_make() as ledger:
        now = instant_of(session.clock())
        taken = take_in(ledger, declared, speaker, now, declarers, key)
    if output == "json":
        print_json(taken)
    else:
        print_lines(map(taken_line, taken))


def taken_line(one: TakenDeclaration) -> str:
    """Return on one line what became of a declaration or a document."""
    signed = ", signed" if one.is_signed else ""
    filtered = f", {one.secrets_filtered} filtered" if one.secrets_filtered else ""
    return printable(
        f"{one.outcome}  {one.key}  about {one.subject}  "
        f"(revision {one.revision} at {one.position}{signed}{filtered})"
    )


def _load(path: Path) -> SigningKey:
    key = load_signing_key(path)
    if key is None:
        raise NotFoundError(
            "There is no key in this file",
            where=str(path),
            hint="Make one: lineage key make FILE --name NAME",
        )
    return key
