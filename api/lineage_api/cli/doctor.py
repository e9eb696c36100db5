"""``lineage doctor``: what is wrong with an installation."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console
from rich.markup import escape

from lineage_api.cli.configured import config_of, config_option, set_of, set_option
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines, printable
from lineage_api.doctor.machine import Machine
from lineage_api.doctor.running import Asked, examine
from lineage_schemas.health import Finding, Verdict

_SIGNS: Final = {Verdict.OK: "✓", Verdict.WARNING: "!", Verdict.PROBLEM: "✗"}
_COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


@click.command("doctor")
@config_option
@set_option
@click.option(
    "--store", metavar="LEDGER", help="The ledger to look at.  [default: as the settings say]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def doctor(ctx: click.Context, store: str | None, *, as_json: bool) -> None:
    """Look what is wrong with an installation, and say what to try.

    It changes nothing: the ledger is not opened, since opening one repairs what it finds, and
    nothing is sent to anybody. It also works on a ledger that is broken, and beside a server that
    is running. A warning is something to know of; where there is a problem, the exit code is 1.
    """
    asked = Asked(
        os.environ, config_of(ctx), set_of(ctx) | ({} if store is None else {"store": store})
    )
    found = list(examine(asked, Machine()))
    if as_json:
        print_json(found)
    elif sys.stdout.isatty():
        _print_richly(found)
    else:
        print_lines(f"{one.verdict.value}\t{one.check}\t{_told(one)}" for one in found)
    if any(one.verdict is Verdict.PROBLEM for one in found):
        raise finding()


def _told(one: Finding) -> str:
    where = f" ({one.where})" if one.where else ""
    hint = f" {one.hint}" if one.hint and one.verdict is not Verdict.OK else ""
    return printable(f"{one.what}{where}.{hint}")


def _print_richly(found: Sequence[Finding]) -> None:
    console = Console(highlight=False)
    for one in found:
        colour = _COLOURS[one.verdict]
        where = f" [dim]{escape(printable(one.where))}[/dim]" if one.where else ""
        console.print(
            f"[{colour}]{_SIGNS[one.verdict]}[/{colour}] [bold]{escape(one.check)}[/bold]  "
            f"{escape(printable(one.what))}{where}"
        )
        if one.hint and one.verdict is not Verdict.OK:
            console.print(f"    {escape(printable(one.hint))}")
    counts = Counter(one.verdict for one in found)
    console.print(
        f"\n{counts[Verdict.PROBLEM]} problems, {counts[Verdict.WARNING]} warnings, "
        f"{counts[Verdict.OK]} fine"
    )
