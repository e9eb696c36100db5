"""What commands that look at a source share: how to look, and how to tell what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from lineage.connectors.scanning import SourceReader
from lineage.importing.importer import Source, Tally
from lineage.importing.looking import look_at
from lineage.service import Ledger
from lineage_api.cli.durations import DURATION_OR_NONE
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import counted, print_json, print_rows, printable
from lineage_api.cli.session import Session
from lineage_api.cli.watched import Counted
from lineage_api.cli.watching import progress_of

Look = Callable[[SourceReader, bool], Tally]
"""Looks once through a reader: as a whole, or at what is new."""

whole_option = click.option(
    "--whole/--new",
    "is_whole",
    default=True,
    help="Look at all of it, or at what may be new since the last look.  [default: whole]",
)

due_option = click.option(
    "--due",
    "due_seconds",
    metavar="SPAN",
    type=DURATION_OR_NONE,
    help="Promise to look again within so long (90s, 15m, 1h, 7d): else answers say that it is "
    "overdue; none: promise it no longer.  [default: as was promised before]",
)


def looking(session: Session, ledger: Ledger, source: Source, due_seconds: int | None) -> Look:
    """Return what looks at a source for a ledger."""

    def look(reader: SourceReader, is_whole: bool) -> Tally:  # noqa: FBT001 - as ``Look`` has it
        return look_at(
            ledger,
            source,
            reader,
            is_whole=is_whole,
            due_seconds=due_seconds,
            clock=session.clock,
        )

    return look


def look_once(look: Look, reader: SourceReader, *, is_whole: bool) -> Tally:
    """Look once, with a progress bar."""
    with progress_of("looking") as progress:
        return look(Counted(reader, progress), is_whole)


def tell_look(source: Source, tally: Tally, output: str) -> None:
    """Print what became of a look, and name on standard error what could not be read.

    Raises:
        Exit: with the code of a finding, where something could not be read.
    """
    for one in tally.unread:
        click.echo(printable(f"not read: {one.subject}: {one.reason}"), err=True)
    if output == "json":
        print_json({"source": source.name, "tally": tally})
    else:
        print_rows([("kind", "there", "here"), *_rows(tally)])
        click.echo(printable(f"{source.name}: {tally_text(tally)}"))
    if tally.unread:
        raise finding()


def warn(what: str) -> None:
    """Tell something on standard error that does not end the command."""
    click.echo(printable(f"warning: {what}"), err=True)


def tally_text(tally: Tally) -> str:
    """Return what became of a look, on one line."""
    parts = [
        f"{tally.appended:,} appended",
        f"{tally.unchanged:,} unchanged",
        *(f"{count:,} {what}" for what, count in _seldom(tally) if count),
        counted(tally.entries, "new entry", "new entries"),
    ]
    return ", ".join(parts)


def _seldom(tally: Tally) -> tuple[tuple[str, int], ...]:
    return (
        ("gone", tally.gone),
        ("older than what is known", tally.older),
        ("erased here", tally.erased),
        ("not read", len(tally.unread)),
    )


def _rows(tally: Tally) -> Iterator[tuple[str, str, str]]:
    for kind in sorted(tally.there):
        yield kind, f"{tally.there[kind]:,}", f"{tally.here.get(kind, 0):,}"
