"""``lineage checkpoint``: sign what the log is now, and say how far others hold it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage_api.cli.printing import counted, print_json, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_schemas.integrity import CheckpointAnswer


@click.command("checkpoint")
@click.option("--no-sign", is_flag=True, help="Print the last checkpoint, and sign nothing.")
@store_option
@format_option("text", "json")
@pass_session
def checkpoint(session: Session, output: str, *, no_sign: bool) -> None:
    """Sign the log's head, and print the checkpoint.

    Standard output is the signed note itself, so that `lineage checkpoint > FILE` is a file that
    `lineage verify` reads. On standard error stand the verifier key, the entries that are not
    signed yet, and up to which size somebody outside could tell a rewritten log.
    """
    with session.open() as ledger:
        custody = ledger.custody
        answer = custody.last_checkpoint() if no_sign else custody.checkpoint()
    if output == "json":
        print_json(answer)
        return
    # The bytes that were signed, whatever the terminal can show.
    click.echo(answer.note.encode(), nl=False)
    for line in custody_lines(answer):
        click.echo(line, err=True)


def custody_lines(answer: CheckpointAnswer) -> Iterator[str]:
    """Yield who can check the checkpoint, and how far it reaches."""
    for verifier in answer.verifiers:
        yield printable(f"key       {verifier}")
    yield f"unsigned  {counted(answer.unsigned, 'entry', 'entries')}"
    yield f"anchored  {anchored_text(answer)}"


def anchored_text(answer: CheckpointAnswer) -> str:
    """Say up to which size somebody outside the operator's hands has the log."""
    if answer.anchored_size is None:
        return (
            "nothing: nobody outside holds a checkpoint, so nobody could tell a rewritten log; "
            "see `lineage anchor`"
        )
    where = sorted(one.target for one in answer.anchors if one.size == answer.anchored_size)
    return printable(f"up to size {answer.anchored_size}, by {', '.join(where)}")
