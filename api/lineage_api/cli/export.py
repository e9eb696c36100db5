"""``lineage export``: the whole log as one open file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from lineage_api.cli.acting import acting, api_key_option, purpose_option
from lineage_api.cli.exported import export_view
from lineage_api.cli.printing import print_json
from lineage_api.cli.proven import export_lines
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of

STANDARD: Final = "-"


@click.command("export")
@click.argument("file", metavar="FILE")
@click.option(
    "--final",
    is_flag=True,
    help="Move the ledger: from now on it takes nothing here, and goes on where this is imported "
    "with its key.",
)
@click.option(
    "--to",
    metavar="PLACE",
    default="",
    help="With --final: where it will be, for whoever writes here afterwards.",
)
@purpose_option
@api_key_option
@store_option
@format_option("text", "json")
@pass_session
def export(session: Session, file: str, to: str, purpose: str, output: str, *, final: bool) -> None:
    """Write the whole log into one open file that verifies itself.

    FILE ("-": standard output) holds every entry, checkpoint and verifier key, one a line, as
    docs/export-format.md says; compressed if its name ends in .gz. It is readable by you alone and
    never written over. `lineage verify` checks it without us, `lineage import ledger` makes one of
    it. What it holds no later erasure here reaches. A summary is printed on standard error. With
    --api-key the access log states that it was taken, before a byte of it is written.
    """
    if to and not final:
        raise click.UsageError("--to goes with --final.")
    with acting(session, purpose) as (ledger, principal), progress_of("exporting") as progress:
        target = sys.stdout.buffer if file == STANDARD else Path(file)
        answer = ledger.moves.export(
            target, final=final, to=to, progress=progress, principal=principal
        )
    if output == "json":
        print_json(export_view(file, answer), to_error=file == STANDARD)
        return
    for line in export_lines(export_view(file, answer)):
        click.echo(line, err=True)
    if final:
        click.echo(
            "moved     this ledger takes nothing any more; its key is moved by you", err=True
        )
