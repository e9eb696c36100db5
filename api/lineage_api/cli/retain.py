"""``lineage retain``: keep entries from being erased for a time."""

from __future__ import annotations

import click

from lineage.erasure.judging import KEEP_DAYS_MAX
from lineage_api.cli.restraints import print_restraint
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_scope


@click.command("retain")
@click.argument("target", required=False)
@click.option("--namespace-wide", is_flag=True, help="Keep whatever is in the namespace.")
@click.option("--class", "retention_class", metavar="NAME", required=True, help="What to call it.")
@click.option("--days", type=click.IntRange(1, KEEP_DAYS_MAX), help="How many days.")
@click.option(
    "--years",
    type=click.IntRange(1, KEEP_DAYS_MAX * 4 // 1461),
    help="How many years, with as many leap days as they may have.",
)
@click.option(
    "--legal-basis",
    metavar="TEXT",
    required=True,
    help="By what right; kept for ever, so it must name nobody.",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def retain(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    target: str | None,
    retention_class: str,
    days: int | None,
    years: int | None,
    legal_basis: str,
    output: str,
    *,
    namespace_wide: bool,
) -> None:
    """Forbid erasures before a time is over.

    The time runs from when an entry was recorded. TARGET is as of `lineage hold`.
    """
    scope = read_scope(target, namespace_wide=namespace_wide)
    if (days is None) == (years is None):
        raise click.UsageError("Give either --days or --years.")
    with session.open() as ledger:
        view = ledger.erasures.retain(
            scope,
            retention_class=retention_class,
            keep_days=days if days is not None else days_of(years or 0),
            legal_basis=legal_basis,
            namespace=session.namespace,
        )
    print_restraint(view, output, years=years)


def days_of(years: int) -> int:
    """Return the most days that so many years can have: one in four is a leap year."""
    return -(-years * 1461 // 4)
