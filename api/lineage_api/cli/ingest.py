"""``lineage ingest``: take in what tools sent, from a file or a pipe."""

from __future__ import annotations

from typing import BinaryIO

import click

from lineage_api.cli.documents import Form, Ingestion, IngestReport, Refusal
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.watching import progress_of


@click.command("ingest")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--as",
    "form",
    type=click.Choice([form.value for form in Form]),
    help="What every document is.  [default: each is looked at]",
)
@click.option(
    "--source",
    metavar="NAME",
    help="The source of messages; statements name their own.  "
    "[default: openlineage, or cloudevents]",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def ingest(
    session: Session, file: BinaryIO, form: str | None, source: str | None, output: str
) -> None:
    """Record what tools sent, from a file or a pipe.

    FILE ("-": standard input) holds messages of OpenLineage, CloudEvents or statements: one a
    line, a JSON array of them, or a single one. The good ones go in; each of the others is told on
    standard error, and then the exit code is 1. What is there already is not written again. A new
    ledger is made where there is none.
    """
    with session.open_or_make() as ledger:
        ingestion = Ingestion(
            ledger,
            namespace=session.namespace,
            source=source,
            form=None if form is None else Form(form),
            on_refusal=_tell,
        )
        try:
            with progress_of("recording") as progress:
                ingestion.take(file, progress)
        finally:
            # Also when it fails or is interrupted: what went in before that stays in.
            _print(ingestion.report(), output)
        if ingestion.report().refused:
            raise finding()


def _tell(refusal: Refusal) -> None:
    click.echo(printable(f"refused: {refusal.reason}"), err=True)


def _print(report: IngestReport, output: str) -> None:
    if output == "json":
        print_json(report)
        return
    click.echo(
        f"read {counted(report.read, 'document')}: "
        f"{report.appended:,} appended, {report.already_there:,} already there, "
        f"{report.refused:,} refused"
    )
    entries = counted(report.entries, "new entry", "new entries")
    click.echo(f"the log has {counted(report.size, 'entry', 'entries')}, {entries}")
