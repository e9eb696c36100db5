"""``lineage backup``: copy a ledger while it is in use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lineage.moving.backing_up import BackupAnswer
from lineage_api.cli.acting import acting, api_key_option, purpose_option
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of


@click.command("backup")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@purpose_option
@api_key_option
@store_option
@format_option("text", "json")
@pass_session
def backup(session: Session, file: Path, purpose: str, output: str) -> None:
    """Copy a ledger into one file, while others use it.

    FILE becomes a SQLite file that is itself a ledger, whatever store this one has; it is checked
    before it has its name, readable by you alone, and never written over. It holds neither the
    signing key nor the sidecar, and must not: the sidecar is what notices that a backup was put
    back. With --api-key the access log states that it was taken. Prints what it holds.
    """
    with acting(session, purpose) as (ledger, principal), progress_of("copying") as progress:
        answer = ledger.moves.back_up(file, progress, principal=principal)
    if output == "json":
        print_json(answer)
    else:
        print_lines(map(printable, (f"backup    {file}", *backup_lines(answer))))


def backup_lines(answer: BackupAnswer) -> Iterator[str]:
    """Yield what a backup holds."""
    yield f"origin    {answer.origin}"
    yield f"size      {counted(answer.size, 'entry', 'entries')}"
    yield f"root      {answer.root}"
    if answer.checkpoint is None:
        yield "signed    nothing of it"
    else:
        rest = ""
        if answer.unsigned:
            rest = f"; {counted(answer.unsigned, 'entry', 'entries')} after it are not"
        yield f"signed    up to size {answer.size - answer.unsigned}{rest}"
    if answer.frozen:
        yield "frozen    the ledger was exported for good, and takes nothing here"
