"""``lineage sources``: when each source was heard and looked at, and what it owes."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage_api.cli.printing import missing_lines, print_json, print_rows, printable
from lineage_api.cli.session import Session, asks, format_option, pass_session
from lineage_schemas.sources import SourceView


@click.command("sources")
@asks
@format_option("text", "json")
@pass_session
def sources(session: Session, output: str) -> None:
    """List the sources of a namespace and what they owe.

    Prints the name of each, when it was last heard, last looked at and last looked at whole, how
    much of each kind is there and here, within how long it is due, and its state. What is wrong
    with one is told on standard error.
    """
    with session.open() as ledger:
        answer = ledger.watching.sources(session.as_of, namespace=session.namespace)
    if output == "json":
        print_json(answer)
        return
    if not answer.sources:
        click.echo(f"nobody had spoken as of size {answer.basis.size}", err=True)
        return
    print_rows([[printable(cell or "-") for cell in _row(view)] for view in answer.sources])
    for line in missing_lines(answer.basis):
        click.echo(line, err=True)


def _row(view: SourceView) -> Iterator[str | None]:
    yield view.name
    yield view.last_heard
    yield view.last_scan
    yield view.last_whole_scan
    kinds = sorted(view.there.keys() | view.here.keys())
    yield ", ".join(f"{one} {view.there.get(one, 0)}/{view.here.get(one, 0)}" for one in kinds)
    dues = ((view.expected_seconds, "heard"), (view.due_seconds, "looked at"))
    yield ", ".join(f"{what} every {due} s" for due, what in dues if due is not None)
    yield state_of(view)


def state_of(view: SourceView) -> str:
    """Say in a word or two how a source stands."""
    if view.is_reconciled is None and view.expected_seconds is None:
        return "not judged"
    faults = ((view.is_overdue, "overdue"), (view.is_reconciled is False, "unreconciled"))
    return ", ".join(word for is_so, word in faults if is_so) or "fine"
