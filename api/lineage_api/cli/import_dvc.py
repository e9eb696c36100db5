"""``lineage import dvc``: take in what DVC and GTO keep in a git repository."""

from __future__ import annotations

from pathlib import Path

import click

from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcOptions, DvcReader
from lineage.connectors.git.addresses import canonical_repository
from lineage.importing.importer import Source
from lineage_api.cli.looks import due_option, look_once, looking, tell_look, whole_option
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)


def _read_aliases(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Read names of repositories by their addresses."""
    aliases: dict[str, str] = {}
    for text in given:
        address, _equals, name = text.rpartition("=")
        if not address or not name:
            raise click.BadParameter(f"{text!r} is not ADDRESS=NAME.")
        aliases[canonical_repository(address)] = name
    return aliases


@click.command("dvc")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "--repository",
    metavar="NAME",
    help="What the repository is called in identifiers, for ever, wherever it is read: its "
    "address, or a name that no other has.  [default: its remote]",
)
@click.option(
    "--source", metavar="NAME", help="The source of what it says.  [default: dvc:REPOSITORY]"
)
@click.option(
    "--refs",
    "references",
    metavar="PREFIX",
    multiple=True,
    help="Read what these references reach, too (refs/exps: DVC's experiments); may be given "
    "several times.  [default: branches and tags alone]",
)
@click.option(
    "--alias",
    "aliases",
    metavar="ADDRESS=NAME",
    multiple=True,
    callback=_read_aliases,
    help="What another repository is called whose data are imported from ADDRESS; may be given "
    "several times.  [default: its address]",
)
@whole_option
@due_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_dvc(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    path: Path,
    *,
    repository: str | None,
    source: str | None,
    references: tuple[str, ...],
    aliases: dict[str, str],
    due_seconds: int | None,
    output: str,
    is_whole: bool,
) -> None:
    """Take in what DVC and GTO keep in a git repository: its whole history.

    PATH is a clone, bare or with its files, or a folder in one. It is read through git, DVC need
    not be there, nothing is fetched and nothing is changed. What could not be read is told on
    standard error, and then the exit code is 1; the rest is in. What is known already is not
    written again. A new ledger is made where there is none.
    """
    options = DvcOptions(repository=repository, references=references, aliases=aliases)
    reader = DvcReader(path, options)
    read = Source(
        name=source or f"dvc:{reader.address}",
        mapping=DvcMapping(),
        namespace=session.namespace,
    )
    with session.open_or_make() as ledger:
        look = looking(session, ledger, read, due_seconds)
        tally = look_once(look, reader, is_whole=is_whole)
    tell_look(read, tally, output)
