"""``lineage import mlflow``: take in what an MLflow server, or a copy of its store, shows."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from lineage.connectors.scanning import SourceReader
from lineage.importing.importer import Source, Tally
from lineage_api.cli.durations import DURATION
from lineage_api.cli.failures import finding
from lineage_api.cli.mlflow_source import (
    ENVIRONMENT,
    WEB,
    Given,
    given,
    looking,
    reading_of,
    server_at,
    server_options,
    source_of,
    tally_text,
    warn,
)
from lineage_api.cli.printing import print_json, print_rows, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.watched import Counted
from lineage_api.cli.watching import progress_of
from lineage_schemas.instants import instant_of, parse_instant


@click.command("mlflow", epilog=ENVIRONMENT)
@click.argument("place", metavar="URL|PATH")
@server_options
@click.option(
    "--whole/--new",
    "is_whole",
    default=True,
    help="Look at all of it, or at what may be new since the last look.  [default: whole]",
)
@click.option(
    "--due",
    "due_seconds",
    metavar="SPAN",
    type=DURATION,
    help="Promise to look again within so long (90s, 15m, 1h, 7d): else answers say that it is "
    "overdue.",
)
@click.option(
    "--shown-at",
    metavar="TIME",
    help="Of a PATH: when that copy was made (RFC 3339).  [default: when a file was last written, "
    "and for a folder now]",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_mlflow(session: Session, /, place: str, output: str, **options: Any) -> None:  # noqa: ANN401 - the options above
    """Take in what an MLflow server shows, or a copy of its store.

    URL is a tracking server. PATH is a copy of its SQLite file, or a folder of runs (mlruns); then
    --server says which server that was. The source is never changed. What could not be read is
    told on standard error, and then the exit code is 1; the next import goes on from there. What is
    known already is not written again. A new ledger is made where there is none.
    """
    said = given(options)
    with (
        _opened(session, place, said, options["shown_at"]) as opened,
        session.open_or_make() as ledger,
    ):
        look = looking(session, ledger, opened.source, options["due_seconds"])
        with progress_of("looking") as progress:
            tally = look(Counted(opened.reader, progress), options["is_whole"])
        for note in opened.notes:
            warn(note)
    for one in tally.unread:
        click.echo(printable(f"not read: {one.subject}: {one.reason}"), err=True)
    _print(opened.source, tally, output)
    if tally.unread:
        raise finding()


class Opened(NamedTuple):
    """What is read once, what it is in the ledger, and what it tells of itself."""

    reader: SourceReader
    source: Source
    notes: list[str]


@contextmanager
def _opened(session: Session, place: str, said: Given, shown_at: str | None) -> Generator[Opened]:
    if place.startswith(WEB):
        if shown_at is not None:
            raise click.UsageError("--shown-at is for copies: a server shows what is so now.")
        with server_at(session, place, said) as server:
            reader = server.reader()
            yield Opened(reader, server.source, reader.notes)
        return
    if said.server is None:
        raise click.UsageError("--server says which server this is a copy of.")
    path = Path(place)
    moment = _moment(path, shown_at)
    yield Opened(_copy_reader(path, said, moment), source_of(session, said.server, said), [])


def _copy_reader(path: Path, said: Given, shown_at: datetime | None) -> SourceReader:
    from lineage.connectors.mlflow.database import DatabaseReader  # noqa: PLC0415 - for copies only
    from lineage.connectors.mlflow.files import FolderReader  # noqa: PLC0415 - as above

    if path.is_dir():
        return FolderReader(path, reading_of(said), shown_at)
    return DatabaseReader(path, reading_of(said), shown_at)


def _moment(path: Path, shown_at: str | None) -> datetime | None:
    """Return when a copy was made; of a folder nobody can tell but who made it."""
    if shown_at is not None:
        return instant_of(parse_instant(shown_at))
    if path.is_dir():
        return None
    # What was written last may still stand in SQLite's log beside the file.
    written = [one for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()]
    return instant_of(max(one.stat().st_mtime_ns for one in written or [path]) // 1_000)


def _print(source: Source, tally: Tally, output: str) -> None:
    if output == "json":
        print_json({"source": source.name, "tally": tally})
        return
    print_rows([("kind", "there", "here"), *_rows(tally)])
    click.echo(printable(f"{source.name}: {tally_text(tally)}"))


def _rows(tally: Tally) -> Iterator[tuple[str, str, str]]:
    for kind in sorted(tally.there):
        yield kind, f"{tally.there[kind]:,}", f"{tally.here.get(kind, 0):,}"
