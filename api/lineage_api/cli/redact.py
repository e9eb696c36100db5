"""``lineage redact``: erase what entries hold of somebody, and keep the proofs."""

from __future__ import annotations

from collections.abc import Iterator

import click

from lineage.erasures import ErasureRequest
from lineage_api.cli.failures import finding
from lineage_api.cli.objections import objection_lines
from lineage_api.cli.printing import counted, print_json, print_lines, printable
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_target
from lineage_schemas.erasures import CopyView, ErasureAnswer
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
    that left the ledger are listed: an erasure here does not reach them.
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
        print_lines(_lines(answer, dry_run=dry_run))
    if answer.objections:
        raise finding()


def _demanded(name: str, value: str | None) -> str:
    if value is None:
        raise click.MissingParameter(param_hint=f"'--{name}'", param_type="option")
    return value


def _lines(answer: ErasureAnswer, *, dry_run: bool) -> Iterator[str]:
    yield _outcome(answer, dry_run=dry_run)
    if answer.positions:
        yield f"positions {', '.join(map(str, answer.positions))}"
    yield from objection_lines(answer.objections)
    yield from map(_copy, answer.copies)
    if answer.position is not None:
        yield f"stated    at position {answer.position}"
    if answer.position is not None and not answer.refused:
        yield (
            "scrubbed  the store's file holds none of it any more"
            if answer.scrubbed
            else "scrubbed  not yet: somebody reads the store; the next who opens it or erases does"
        )


def _outcome(answer: ErasureAnswer, *, dry_run: bool) -> str:
    entries = counted(len(answer.positions), "entry", "entries")
    concerned = f"{entries}, {counted(answer.nodes, 'node')} concerned"
    if answer.objections:
        return f"{'dry run   would be refused:' if dry_run else 'refused  '} {concerned}"
    erased = "dry run   would erase" if dry_run else "erased   "
    if not answer.positions:
        return f"{erased} nothing: there is nothing of it left"
    parts = "facts and personal" if answer.parts is PartsErased.ALL else "personal"
    return f"{erased} the {parts} parts of {concerned}"


def _copy(one: CopyView) -> str:
    shown = " and ".join(
        part for part, is_there in (("facts", one.facts), ("personal", one.personal)) if is_there
    )
    return printable(
        f"copy      of position {one.entry} ({shown}), {one.form} for "
        f"{one.recipient or 'somebody whose name is erased or was not told'}, "
        f"stated at position {one.stated_at}: beyond our reach"
    )
