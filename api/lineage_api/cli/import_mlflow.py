"""``lineage import mlflow``: take in what an MLflow server, or a copy of its store, shows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from lineage.connectors.scanning import SourceReader
from lineage.importing.importer import Source
from lineage_api.cli.looks import (
    due_option,
    look_once,
    looking,
    tell_look,
    warn,
    whole_option,
)
from lineage_api.cli.mlflow_source import (
    ENVIRONMENT,
    WEB,
    Given,
    given,
    reading_of,
    server_at,
    server_options,
    source_of,
)
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_schemas.instants import instant_of, parse_instant


@click.command("mlflow", epilog=ENVIRONMENT)
@click.argument("place", metavar="URL|PATH")
@server_options
@whole_option
@due_option
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
        tally = look_once(look, opened.reader, is_whole=options["is_whole"])
        for note in opened.notes:
            warn(note)
    tell_look(opened.source, tally, output)


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
    copy, notes = _copy_reader(path, said, moment)
    yield Opened(copy, source_of(session, said.server, said), notes)


def _copy_reader(
    path: Path, said: Given, shown_at: datetime | None
) -> tuple[SourceReader, list[str]]:
    from lineage.connectors.mlflow import database  # noqa: PLC0415 - for copies only
    from lineage.connectors.mlflow.files import FolderReader  # noqa: PLC0415 - as above

    workspace = said.files.workspace
    if path.is_dir():
        if workspace:
            raise click.UsageError("--workspace is for servers and databases: a folder has none.")
        return FolderReader(path, reading_of(said), shown_at), []
    reader = database.DatabaseReader(
        path, reading_of(said), shown_at, workspace or database.DEFAULT_WORKSPACE
    )
    return reader, reader.notes


def _moment(path: Path, shown_at: str | None) -> datetime | None:
    """Return when a copy was made; of a folder nobody can tell but who made it."""
    if shown_at is not None:
        return instant_of(parse_instant(shown_at))
    if path.is_dir():
        return None
    # What was written last may still stand in SQLite's log, beside the file that a link leads to.
    file = path.resolve()
    written = [one for one in (file, file.with_name(f"{file.name}-wal")) if one.exists()]
    return instant_of(max(one.stat().st_mtime_ns for one in written or [path]) // 1_000)
