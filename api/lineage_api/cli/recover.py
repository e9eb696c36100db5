"""``lineage recover``: go on with a ledger that is not what was signed."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage_api.cli.evidence import read_note
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_schemas.errors import PreconditionError
from lineage_schemas.integrity import KeyView, RecoveryAnswer


@click.command("recover")
@click.option(
    "--declare-loss",
    is_flag=True,
    help="Go on under a new origin with a new key, and say in the log what is lost.",
)
@click.option("--reason", metavar="TEXT", help="Why; kept for ever, so it must name nobody.")
@click.option(
    "--checkpoint",
    metavar="FILE",
    help="Go on from this checkpoint, which was kept elsewhere: the sidecar alone is lost.",
)
@store_option
@format_option("text", "json")
@pass_session
def recover(
    session: Session,
    reason: str | None,
    checkpoint: str | None,
    output: str,
    *,
    declare_loss: bool,
) -> None:
    """Let a ledger take entries again that is not what was signed.

    Put the newer store or the sidecar back if you can: then nothing needs to be recovered. A loss
    that is declared cannot be taken back, and everybody who checks the log must be told.
    """
    if declare_loss == (checkpoint is not None):
        raise click.UsageError("Give either --declare-loss or --checkpoint.")
    if declare_loss != (reason is not None):
        raise click.UsageError("--declare-loss and --reason go together.")
    note = None if checkpoint is None else read_note(checkpoint)
    with session.open() as ledger:
        if ledger.recovery is None:
            raise PreconditionError("This ledger signs nothing, so nothing can be recovered")
        if note is not None:
            answer = ledger.recovery.adopt(note)
        else:
            answer = ledger.recovery.declare_loss(reason or "")
        key = ledger.custody.keys()[-1]
    if output == "json":
        print_json({"recovery": answer, "key": key})
    else:
        print_lines(_lines(answer, key))


def _lines(answer: RecoveryAnswer, key: KeyView) -> Iterator[str]:
    yield printable(f"origin    {answer.origin}")
    yield f"size      {counted(answer.size, 'entry', 'entries')}"
    if answer.origin == answer.former:
        yield "lost      nothing"
        yield printable(f"key       {key.verifier}")
        return
    yield printable(f"former    {answer.former}")
    yield f"lost      {_lost(answer)}"
    yield printable(f"key       {key.verifier}")
    yield "tell      every auditor: origin and key are new, and the old origin signs no more"
    yield (
        "access    every API key is revoked, so make new ones; grants hold that were revoked "
        "among what is lost (`lineage access list`)"
    )


def _lost(answer: RecoveryAnswer) -> str:
    if answer.lost_from is None:
        return "nothing that is known"
    if answer.lost_to is None:
        return f"from position {answer.lost_from} on; nobody knows how much"
    if answer.lost_from == answer.lost_to:
        return "nothing that is known"
    last = answer.lost_to - 1
    if answer.lost_from == last:
        return f"position {last}"
    return f"positions {answer.lost_from} to {last}"
