"""``lineage redact``: erase what entries hold of somebody, and keep the proofs."""

from __future__ import annotations

import click

from lineage.erasures import ErasureRequest
from lineage_api.cli.erased import erasure_lines
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_target
from lineage_schemas.governance import PartsErased


@click.command("redact")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Erase the facts too, not only personal.")
@click.option(
    "--legal-basis", metavar="TEXT", help="By what right; kept for ever, so it must name nobody."
)
@click.option("--requester", metavar="NAME", help="Who asks for it.")
@click.option("--approver", metavar="NAME", help="Who approves it: somebody else.")
@click.option(
    "--reason", metavar="TEXT", default="", help="Why; kept for ever, so it must name nobody."
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def redact(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    targets: tuple[str, ...],
    legal_basis: str | None,
    requester: str | None,
    approver: str | None,
    reason: str,
    output: str,
    *,
    everything: bool,
    dry_run: bool,
) -> None:
    """Erase payload of entries; their envelopes and proofs stay.

    TARGET is a position, or an identifier, which stands for every entry that describes its node.
    The log keeps who asked, who approved, by what right and when. Where a hold or retention forbids
    it for one entry, nothing is erased, the log states the refusal, and the exit code is 1. Copies
    that left the ledger as proofs are listed: an erasure here does not reach them, nor an export or
    a backup.

    That two people stand behind it is your word. `lineage erasure` has each of them act alone.
    """
    wanted = tuple(map(read_target, targets))
    parts = PartsErased.ALL if everything else PartsErased.PERSONAL
    if dry_run:
        with session.open() as ledger:
            answer = ledger.erasures.plan(wanted, parts, namespace=session.namespace)
    else:
        ask = ErasureRequest(
            targets=wanted,
            parts=parts,
            legal_basis=_demanded("legal-basis", legal_basis),
            requester=_demanded("requester", requester),
            approver=_demanded("approver", approver),
            reason=reason,
        )
        with session.open() as ledger:
            answer = ledger.erasures.erase(ask, namespace=session.namespace)
    if output == "json":
        print_json(answer)
    else:
        print_lines(erasure_lines(answer, dry_run=dry_run))
    if answer.objections:
        raise finding()


def _demanded(name: str, value: str | None) -> str:
    if value is None:
        raise click.MissingParameter(param_hint=f"'--{name}'", param_type="option")
    return value
