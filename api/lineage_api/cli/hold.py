"""``lineage hold``: keep entries from being erased until the hold is released."""

from __future__ import annotations

import click

from lineage_api.cli.restraints import print_restraint
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_scope


@click.command("hold")
@click.argument("target", required=False)
@click.option("--namespace-wide", is_flag=True, help="Hold whatever is in the namespace.")
@click.option(
    "--authority",
    metavar="TEXT",
    required=True,
    help="Which court or office orders it; kept for ever, so it must name nobody.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why; it must name nobody.")
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def hold(
    session: Session,
    target: str | None,
    authority: str,
    reason: str,
    output: str,
    *,
    namespace_wide: bool,
) -> None:
    """Forbid erasures until the hold is released.

    TARGET is the position of an entry, or an identifier, which stands for whatever is said of its
    node. Prints where the hold is stated, which `lineage release` wants.
    """
    scope = read_scope(target, namespace_wide=namespace_wide)
    with session.open() as ledger:
        view = ledger.erasures.hold(
            scope, authority=authority, reason=reason, namespace=session.namespace
        )
    print_restraint(view, output)
