"""``lineage restore``: put a backup back, checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lineage.ledger import restore_ledger
from lineage.moving.restoring import RestoreAnswer
from lineage_api.cli.backup import backup_lines
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import Session, format_option, pass_session, store_option
from lineage_api.cli.watching import progress_of


@click.command("restore")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--replace",
    is_flag=True,
    help="Where a ledger is, give its file another name first; nothing is deleted.",
)
@store_option
@format_option("text", "json")
@pass_session
def restore(session: Session, file: Path, output: str, *, replace: bool) -> None:
    """Put a backup back where a ledger is to be.

    FILE is what `lineage backup` wrote. It is audited first, and compared with the sidecar that is
    there: what was erased since is erased from it again, and how many entries are missing is told.
    Key and sidecar stay as they are. Stop whatever serves the ledger before.
    """
    with progress_of("restoring") as progress:
        answer = restore_ledger(
            file,
            session.store,
            randomness=session.randomness,
            key=session.key,
            sidecar=session.sidecar,
            replace=replace,
            progress=progress,
        )
    if output == "json":
        print_json(answer)
    else:
        print_lines(map(printable, _lines(answer)))


def _lines(answer: RestoreAnswer) -> Iterator[str]:
    yield from backup_lines(answer.backup)
    if answer.erased:
        yield f"erased    {counted(answer.erased, 'payload part')} again, as the sidecar remembers"
    if answer.aside:
        yield f"aside     the store that was here is {answer.aside}"
    if not answer.fault:
        yield "ledger    goes on where the backup ends"
        return
    yield f"ledger    takes nothing: {answer.fault}"
    if answer.backup.frozen or answer.missing == 0:
        yield "next      see docs/custody.md, or `lineage audit`"
        return
    yield f"missing   at least {counted(answer.missing, 'entry', 'entries')} that were signed"
    yield (
        "access    what was granted then: until the newer store is back, nobody but you is "
        "answered; after a recovery revoke again what was revoked since (`lineage access list`)"
    )
    yield (
        "next      look for a newer store or backup; only if there is none: "
        '`lineage recover --declare-loss --reason "…"`'
    )
