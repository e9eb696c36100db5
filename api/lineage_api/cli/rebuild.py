"""``lineage rebuild``: fold the log into views again."""

from __future__ import annotations

import click

from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of


@click.command("rebuild")
@store_option
@format_option("text", "json")
@pass_session
def rebuild(session: Session, output: str) -> None:
    """Fold the log into views again, and compare.

    Writers wait meanwhile. The views must come out as they were; where they differ, the new ones
    stay, and the exit code is 1.
    """
    with session.open() as ledger:
        with progress_of("folding") as progress:
            report = ledger.rebuild(progress=progress)
        if output == "json":
            print_json(report)
        else:
            verdict = "identical" if report.identical else "different"
            click.echo(f"folded {counted(report.entries, 'entry', 'entries')}: {verdict}")
            click.echo(f"before    {report.before}")
            click.echo(f"after     {report.after}")
    if not report.identical:
        raise finding()
