"""``lineage attach``: say that a file is about something."""

from __future__ import annotations

from pathlib import Path

import click

from lineage.importing.attaching import describe_file
from lineage.importing.declaring import SOURCE_DEFAULT, find_subject
from lineage.importing.declaring import attach as take_in
from lineage.importing.versions import Speaker
from lineage_api.cli.declare import taken_line
from lineage_api.cli.printing import print_json
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_schemas.instants import instant_of
from lineage_schemas.mlmd import Kind


@click.command("attach")
@click.argument("subject")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--title", metavar="TEXT", default="", help="What people call it.")
@click.option("--name", metavar="NAME", help="Its name.  [default: the file's]")
@click.option("--media-type", metavar="TYPE", help="Its media type.  [default: by its name]")
@click.option("--uri", metavar="URI", default="", help="Where it is kept, without credentials.")
@click.option("--kind", metavar="WORD", default="", help="What it is: card, validation, plan, ...")
@click.option(
    "--subject-kind",
    type=click.Choice([one.value for one in Kind]),
    help="The kind of the subject, where nothing is known of it yet.",
)
@click.option(
    "--source",
    metavar="NAME",
    default=SOURCE_DEFAULT,
    show_default=True,
    help="The source of what is said.",
)
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def attach(  # noqa: PLR0913 - one argument an option
    session: Session,
    /,
    subject: str,
    file: Path,
    *,
    title: str,
    name: str | None,
    media_type: str | None,
    uri: str,
    kind: str,
    subject_kind: str | None,
    source: str,
    output: str,
) -> None:
    """Say that a file is about something: a card, a validation, a plan.

    SUBJECT is an identifier or a label. A short text is kept whole; of a longer or binary file the
    digest, the size and, if you name it, the URI. The same file to the same subject again is there
    already; another of the same name is its next version.
    """
    speaker = Speaker(source=source, namespace=session.namespace)
    described = describe_file(file, name=name, media_type=media_type)
    with session.open_or_make() as ledger:
        kind_of = None if subject_kind is None else Kind(subject_kind)
        found = find_subject(ledger, subject, kind_of, speaker)
        attachment = described.about(
            found.key, found.kind, title=title, document_kind=kind, uri=uri
        )
        taken = take_in(ledger, attachment, speaker, instant_of(session.clock()))
    if output == "json":
        print_json(taken)
        return
    click.echo(taken_line(taken))
    if attachment.content is None and not uri:
        click.echo("Only its digest is kept: nothing says where it is. Name a --uri.", err=True)
