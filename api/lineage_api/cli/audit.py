"""``lineage audit``: derive everything again and compare."""

from __future__ import annotations

import click

from lineage.audit import AuditReport
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of


@click.command("audit")
@store_option
@format_option("text", "json")
@pass_session
def audit(session: Session, output: str) -> None:
    """Derive everything again and report what differs.

    Leaves from envelopes, the tree from leaves, commitments from payloads, views from entries.
    Where anything differs, the exit code is 1.
    """
    with session.open() as ledger:
        with progress_of("auditing") as progress:
            report = ledger.audit(progress=progress)
        _print(report, output)
    if not report.clean:
        raise finding()


def _print(report: AuditReport, output: str) -> None:
    if output == "json":
        print_json(report)
        return
    click.echo(printable(f"origin    {report.origin}"))
    click.echo(f"size      {counted(report.size, 'entry', 'entries')}")
    click.echo(f"root      {report.root}")
    found = "clean" if report.clean else counted(len(report.findings), "finding")
    click.echo(f"audit     {found}")
    print_lines(
        printable(("" if one.position is None else f"position {one.position}: ") + one.what)
        for one in report.findings
    )
