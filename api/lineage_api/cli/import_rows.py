"""``lineage import rows``: take in a table of a tool without a connector, by a mapping file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from lineage.connectors.rows.loading import MAPPING_BYTES_MAX, Loaded, load_mapping
from lineage.connectors.rows.mapping import RowsMapping
from lineage.connectors.rows.reading import RowReader
from lineage.connectors.rows.saying import say_row
from lineage.connectors.scanning import Unread
from lineage.importing.importer import Source
from lineage_api.cli.failures import finding
from lineage_api.cli.looks import due_option, look_once, looking, tell_look, whole_option
from lineage_api.cli.printing import print_json, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_schemas.records import AnyRecord, StatedTime

_SHOWN_ROWS: Final = 3


class _Record(Struct, frozen=True, omit_defaults=True):
    """A record that would be said. Without ``stated`` it is so since before the import."""

    record: AnyRecord
    stated: StatedTime | None = None


class _Row(Struct, frozen=True, omit_defaults=True):
    """What would be said of a row."""

    where: str
    subject: str
    unread: str | None = None
    records: tuple[_Record, ...] = ()


@click.command("rows")
@click.argument(
    "data",
    metavar="[DATA]",
    required=False,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option(
    "--mapping",
    "mapping_file",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the columns stand for, in YAML: see docs/mapping.md.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Take nothing in: check the mapping, and show what the first rows would say.",
)
@click.option(
    "--source", metavar="NAME", help="The source of what they say.  [default: rows:MAPPING]"
)
@whole_option
@due_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_rows(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    data: Path | None,
    *,
    mapping_file: Path,
    check: bool,
    source: str | None,
    due_seconds: int | None,
    output: str,
    is_whole: bool,
) -> None:
    """Take in rows of CSV, JSON or NDJSON, by a mapping file that says what they mean.

    DATA is the file with the rows. The mapping is checked before a row is read, and what is wrong
    in it is told with line and column. A row that cannot be understood is told on standard error,
    and then the exit code is 1; the rest is in. What is known already is not written again; a row
    that changed is history. A new ledger is made where there is none.
    """
    loaded = _load(mapping_file)
    if check:
        _show_check(loaded, data, output)
        return
    if data is None:
        raise click.UsageError("Say which rows to take in: DATA, or check the mapping: --check.")
    read = Source(
        name=source or f"rows:{loaded.mapping.mapping}",
        mapping=RowsMapping(loaded),
        namespace=session.namespace,
    )
    with session.open_or_make() as ledger:
        look = looking(session, ledger, read, due_seconds)
        tally = look_once(look, RowReader(data, loaded), is_whole=is_whole)
    tell_look(read, tally, output)


def _load(path: Path) -> Loaded:
    try:
        with path.open("rb") as file:
            body = file.read(MAPPING_BYTES_MAX + 1)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from error
    return load_mapping(body, str(path))


def _show_check(loaded: Loaded, data: Path | None, output: str) -> None:
    """Print what the first rows would say.

    Raises:
        Exit: with the code of a finding, where one of them could not be understood.
    """
    mapping = loaded.mapping
    rows = [] if data is None else list(islice(_rows(loaded, data), _SHOWN_ROWS))
    if output == "json":
        print_json({"mapping": mapping.mapping, "version": mapping.version, "rows": rows})
    else:
        click.echo(printable(f"{mapping.mapping}, version {mapping.version}: the mapping is sound"))
        for row in rows:
            click.echo(printable(row.unread or f"{row.where}: {row.subject}"))
            for one in row.records:
                click.echo(printable(f"  {msgspec.json.encode(one).decode()}"))
    if any(row.unread for row in rows):
        raise finding()


def _rows(loaded: Loaded, data: Path) -> Iterator[_Row]:
    for found, shown in RowReader(data, loaded).documents():
        if isinstance(shown, Unread):
            yield _Row(found.where, shown.subject, shown.reason)
        else:
            said = say_row(loaded.mapping, found.row or {})
            records = tuple(_Record(one.record, one.stated) for one in said.told)
            yield _Row(found.where, shown.subject, records=records)
