"""``lineage anchor``: put the present checkpoint where its keeper cannot change it."""

from __future__ import annotations

import os
from base64 import b64encode
from pathlib import Path
from typing import Final

import click
from msgspec.structs import replace

from lineage.anchoring.timestamps import TOKEN_BYTES_MAX, timestamp_query, verify_timestamp
from lineage.proofs.verifying import SignedCheckpoint, open_checkpoint, parse_verifier_key
from lineage.service import Ledger
from lineage_api.cli.printing import print_json, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.handing import TIMESTAMP, hand_to_webhook
from lineage_api.settings import PREFIX
from lineage_api.webhooks import parse_secret
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import format_instant
from lineage_schemas.integrity import AnchorView

NAME_DEFAULT: Final = "authority"
ASKED_SUFFIX: Final = ".checkpoint"
QUERY_SUFFIX: Final = ".tsq"
SECRET_VARIABLE: Final = f"{PREFIX}ANCHOR_WEBHOOK_SECRET"

_Path = click.Path(path_type=Path)


@click.command("anchor")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write it into a folder that is there.",
)
@click.option("--webhook", metavar="URL", help="Post it, signed as Standard Webhooks has it.")
@click.option(
    "--secret-file",
    metavar="FILE",
    type=_Path,
    help=f"The webhook's secret, whsec_ and base64.  [default: what {SECRET_VARIABLE} says]",
)
@click.option(
    "--timestamp-query",
    metavar="OUT",
    type=_Path,
    help="Write what to ask a timestamp authority (RFC 3161), and the checkpoint it is about "
    "beside it, as OUT and .checkpoint.",
)
@click.option(
    "--timestamp-response",
    metavar="IN",
    type=_Path,
    help="Verify and keep what the authority answered.",
)
@click.option(
    "--timestamp-checkpoint",
    metavar="FILE",
    type=_Path,
    help="The checkpoint that the answer is about.  [default: IN with the ending .tsq, and "
    ".checkpoint]",
)
@click.option(
    "--timestamp-roots",
    metavar="PEM",
    type=_Path,
    help="The root certificates of the authorities that are trusted.",
)
@click.option("--name", default=NAME_DEFAULT, show_default=True, help="What to call the authority.")
@store_option
@format_option("text", "json")
@pass_session
def anchor(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    directory: Path | None,
    webhook: str | None,
    secret_file: Path | None,
    timestamp_query: Path | None,
    timestamp_response: Path | None,
    timestamp_checkpoint: Path | None,
    timestamp_roots: Path | None,
    name: str,
    output: str,
) -> None:
    """Hand the checkpoint to somebody outside.

    Whoever keeps the ledger can rewrite it and sign it anew; a checkpoint that others hold gives
    that away. Each of them is remembered, with the size that they hold. Takes one of --directory,
    --webhook, --timestamp-query and --timestamp-response.
    """
    ways = (directory, webhook, timestamp_query, timestamp_response)
    if sum(way is not None for way in ways) != 1:
        raise click.UsageError(
            "Give one of --directory, --webhook, --timestamp-query and --timestamp-response."
        )
    if timestamp_response is not None and timestamp_roots is None:
        raise click.UsageError("--timestamp-response needs --timestamp-roots.")
    if secret_file is not None and webhook is None:
        raise click.UsageError("--secret-file goes with --webhook.")
    secret = None if webhook is None else _secret(secret_file)
    with session.open() as ledger:
        if timestamp_query is not None:
            _ask(ledger, timestamp_query, output)
            return
        if directory is not None:
            found = ledger.custody.anchor_in_directory(directory.absolute())
        elif webhook is not None:
            answer = ledger.custody.checkpoint()
            found = hand_to_webhook(ledger.custody, answer, webhook, secret, session.clock())
        else:
            assert timestamp_response is not None
            assert timestamp_roots is not None
            asked = timestamp_checkpoint or _asked_beside(timestamp_response)
            found = _keep_answer(ledger, timestamp_response, asked, timestamp_roots, name)
    _print(found, output)


def _secret(file: Path | None) -> bytes | None:
    if file is not None:
        return parse_secret(file.read_text(encoding="utf-8", errors="replace").strip())
    text = os.environ.get(SECRET_VARIABLE, "")
    return parse_secret(text) if text else None


def _ask(ledger: Ledger, query: Path, output: str) -> None:
    """Write the query and, before it, the very checkpoint that the answer will be about."""
    answer = ledger.custody.checkpoint()
    note = answer.note.encode()
    body = timestamp_query(note)
    asked = query.with_name(query.name + ASKED_SUFFIX)
    for path, content in ((asked, note), (query, body)):
        with path.open("xb") as file:
            file.write(content)
    if output == "json":
        print_json({"query": str(query), "checkpoint": str(asked), "size": answer.size})
        return
    click.echo(printable(f"query     {query}, of the checkpoint of size {answer.size}"))
    click.echo(printable(f"keep      {asked}: the answer is about these bytes"))


def _keep_answer(ledger: Ledger, response: Path, asked: Path, roots: Path, name: str) -> AnchorView:
    with response.open("rb") as file:
        token = file.read(TOKEN_BYTES_MAX + 1)
    signed = _own_checkpoint(ledger, asked)
    stamp = verify_timestamp(token, signed.note, roots.read_bytes())
    click.echo(printable(f"stamped   {format_instant(stamp.at_us)} by {stamp.authority}"), err=True)
    _, size, root = signed.checkpoint
    answer = replace(ledger.custody.last_checkpoint(), size=size, root=root.hex())
    return ledger.custody.note_anchor(f"{TIMESTAMP}{name}", answer, token=b64encode(token).decode())


def _own_checkpoint(ledger: Ledger, asked: Path) -> SignedCheckpoint:
    """Return the checkpoint in a file, if a key of this ledger signed it."""
    try:
        note = asked.read_bytes()
    except FileNotFoundError as error:
        raise InvalidInputError(
            "The checkpoint that was asked about is not here",
            where=str(asked),
            hint="Name its file with --timestamp-checkpoint; --timestamp-query wrote it.",
        ) from error
    named = ledger.custody.keys()
    return open_checkpoint(note, [parse_verifier_key(one.verifier) for one in named])


def _asked_beside(response: Path) -> Path:
    return response.with_name(response.with_suffix(QUERY_SUFFIX).name + ASKED_SUFFIX)


def _print(found: AnchorView, output: str) -> None:
    if output == "json":
        print_json(found)
        return
    click.echo(printable(f"anchored  size {found.size}, {found.target}, {found.at}"))
