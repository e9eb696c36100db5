"""``lineage import dvc``: look at a git repository with DVC in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lineage.connectors.dvc.mapping import DvcMapping
from lineage.connectors.dvc.reading import DvcOptions, DvcReader
from lineage.connectors.git.addresses import canonical_repository
from lineage.importing.importer import Source, Tally
from lineage.importing.looking import look_at
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.spans import read_span


@click.command("dvc")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "--repository",
    metavar="NAME",
    help="What the repository is called.  [default: the address of its remote]",
)
@click.option(
    "--source",
    metavar="NAME",
    help="What the source is called.  [default: dvc/ and the repository's name]",
)
@click.option(
    "--refs",
    metavar="REFS",
    multiple=True,
    help="References to read besides branches and tags, such as refs/exps; several times.",
)
@click.option(
    "--alias",
    metavar="ADDRESS=NAME",
    multiple=True,
    help="What another repository is called whose data is imported from ADDRESS; several times.",
)
@click.option(
    "--due",
    "due_seconds",
    metavar="SPAN",
    callback=read_span,
    help="Within how long it is to be looked at again, such as 1h or 7d.",
)
@click.option("--new", "is_whole", flag_value=False, default=True, help="Show only what is new.")
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def import_dvc(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    path: Path,
    repository: str | None,
    source: str | None,
    refs: tuple[str, ...],
    alias: tuple[str, ...],
    due_seconds: int | None,
    output: str,
    *,
    is_whole: bool,
) -> None:
    """Take in the DVC pipelines, data and model registry of a git repository.

    PATH is a folder of it; its whole history is read, and nothing in it is changed. Run it again
    and what is new since is taken in. What could not be read is told on standard error, and then
    the exit code is 1. A new ledger is made where there is none.
    """
    options = DvcOptions(repository, refs, dict(_alias(one) for one in alias))
    reader = DvcReader(path, options)
    looked_at = Source(
        name=source or f"dvc/{reader.address}",
        mapping=DvcMapping(),
        namespace=session.namespace,
    )
    with session.open_or_make() as ledger:
        tally = look_at(
            ledger,
            looked_at,
            reader,
            is_whole=is_whole,
            due_seconds=due_seconds,
            clock=session.clock,
        )
    if output == "json":
        print_json({"source": looked_at.name, "repository": reader.address, "look": tally})
    else:
        print_lines(_lines(looked_at.name, tally))
    for one in tally.unread:
        click.echo(printable(f"could not be read: {one.subject}: {one.reason}"), err=True)
    if tally.unread:
        raise finding()


def _alias(text: str) -> tuple[str, str]:
    address, equals, name = text.rpartition("=")
    if not equals or not address or not name:
        raise click.BadParameter(f"{text!r} is not ADDRESS=NAME", param_hint="--alias")
    return canonical_repository(address), name


def _lines(source: str, tally: Tally) -> Iterator[str]:
    yield printable(f"source    {source}")
    for kind in sorted(tally.there.keys() | tally.here.keys()):
        there, here = tally.there.get(kind, 0), tally.here.get(kind, 0)
        yield printable(f"{kind:<12} {there} there, {here} here")
    yield f"new       {tally.appended} revisions, of which {tally.gone} say that a thing is gone"
    yield f"unread    {len(tally.unread)}"
