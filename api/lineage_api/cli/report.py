"""``lineage report``: documents for whoever has to answer for a model."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
import msgspec

from lineage.reports.rendering import ReportForm, render
from lineage_api.cli.session import Session, asks, pass_session
from lineage_schemas.basis import Basis
from lineage_schemas.errors import DecodeError, InvalidInputError, LedgerError, StoreError
from lineage_schemas.instants import instant_of, parse_instant

STANDARD = "-"
_BASIS_BYTES_MAX = 64 * 1_048_576
"""The longest report whose basis is read."""


class _Told(msgspec.Struct, frozen=True):
    basis: Basis


@click.group("report")
def report() -> None:
    """Write reports: all that is known, each fact with its entries, each gap named."""


@report.command("dossier")
@click.argument("model_version")
@click.option(
    "--valid-at",
    metavar="TIME",
    help="Leave out what is stated later than this time (RFC 3339).  [default: nothing]",
)
@click.option(
    "--basis",
    "basis_file",
    metavar="FILE",
    help="Make it on the basis of this dossier (its JSON form): the same bytes.",
)
@click.option(
    "--form",
    type=click.Choice([form.value for form in ReportForm]),
    help="What to write.  [default: by the name of FILE, else json]",
)
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    default=STANDARD,
    help='Where to write it ("-": standard output).  [default: -]',
)
@asks
@pass_session
def dossier(
    session: Session,
    model_version: str,
    valid_at: str | None,
    basis_file: str | None,
    form: str | None,
    file: str,
) -> None:
    """Tell all that is known of a model version.

    That is where it comes from (data, code, runs, parameters, environment), what became of it
    (figures, approvals, service, incidents, declarations), and what is missing to make it again. In
    the place of MODEL_VERSION a label may stand, such as fraud@champion.

    The same question as of the same size gives the same bytes. The SHA-256 of the JSON form is
    printed on standard error; the page shows it too.
    """
    if basis_file is not None and session.as_of is not None:
        raise click.UsageError("--basis says as of when: leave --as-of out.")
    as_of = session.as_of if basis_file is None else _read_basis(basis_file)
    moment = None if valid_at is None else _moment(valid_at)
    with session.open() as ledger:
        told = ledger.reports.dossier(
            model_version, valid_at=moment, as_of=as_of, namespace=session.namespace
        )
    rendered = render(told, _form(form, file))
    _write(file, rendered.body)
    click.echo(f"sha256    {rendered.digest}", err=True)
    click.echo(f"basis     size {told.basis.size} of {told.basis.origin}", err=True)
    click.echo(f"findings  {len(told.findings)}", err=True)


def _form(form: str | None, file: str) -> ReportForm:
    if form is not None:
        return ReportForm(form)
    return ReportForm.HTML if file.endswith((".html", ".htm")) else ReportForm.JSON


def _moment(text: str) -> datetime:
    try:
        return instant_of(parse_instant(text))
    except LedgerError as error:
        raise click.BadParameter(f"{error.what}: {text!r}. {error.hint}") from error


def _read_basis(name: str) -> Basis:
    try:
        with Path(name).open("rb") as file:
            body = file.read(_BASIS_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInputError(f"It cannot be read: {error.strerror}", where=name) from error
    if len(body) > _BASIS_BYTES_MAX:
        raise InvalidInputError(f"A report has at most {_BASIS_BYTES_MAX} bytes", where=name)
    try:
        return msgspec.json.decode(body, type=_Told).basis
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(
            f"This is no report in JSON: {error}",
            where=name,
            hint="Give the file that was written with --form json.",
        ) from error


def _write(name: str, body: bytes) -> None:
    if name == STANDARD:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    try:
        Path(name).write_bytes(body)
    except OSError as error:
        raise StoreError(f"It cannot be written: {error.strerror}", where=name) from error
