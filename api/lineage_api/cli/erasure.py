"""``lineage erasure``: erasures that take two people, one to propose and one to approve."""

from __future__ import annotations

from typing import Final

import click

from lineage.access.roles import Action
from lineage_api.cli.acting import acting, api_key_option
from lineage_api.cli.erased import concerned, erasure_lines, parts_text, plan_lines
from lineage_api.cli.failures import finding
from lineage_api.cli.printing import print_json, print_lines, print_rows, printable
from lineage_api.cli.proposals import proposal_lines, proposal_row
from lineage_api.cli.session import (
    Session,
    format_option,
    namespace_option,
    pass_session,
    store_option,
)
from lineage_api.cli.targets import read_target
from lineage_schemas.erasures import ErasureAnswer, ProposalState, ProposalView
from lineage_schemas.governance import PartsErased
from lineage_schemas.limits import INT_MAX

_POSITION: Final = click.IntRange(min=0, max=INT_MAX)


@click.group("erasure")
def erasure() -> None:
    """Propose an erasure, and approve or refuse what somebody else has proposed.

    It takes two privacy officers, each with an API key of their own in a file that --api-key names.
    Without one you act as the local principal, who is one person to the log: it may propose, or
    approve what an officer has proposed, and never both. `lineage redact` erases on one person's
    word, where that is enough.
    """


@erasure.command("propose")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Erase the facts too, not only personal.")
@click.option(
    "--legal-basis", metavar="TEXT", help="By what right; kept for ever, so it must name nobody."
)
@click.option(
    "--reason", metavar="TEXT", default="", help="Why; kept for ever, so it must name nobody."
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and propose nothing.")
@api_key_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def propose(  # noqa: PLR0913 - one argument an option
    session: Session,
    targets: tuple[str, ...],
    legal_basis: str | None,
    reason: str,
    output: str,
    *,
    everything: bool,
    dry_run: bool,
) -> None:
    """Propose to erase payload of entries; nothing is erased yet.

    TARGET is a position, or an identifier, which stands for every entry that describes its node
    now: what comes later is not in the proposal. Prints the position of the proposal, which
    `lineage erasure approve` wants, within 30 days. The same proposal again is the one that is
    there.
    """
    wanted = tuple(map(read_target, targets))
    parts = PartsErased.ALL if everything else PartsErased.PERSONAL
    if not dry_run and legal_basis is None:
        raise click.MissingParameter(param_hint="'--legal-basis'", param_type="option")
    with acting(session) as (ledger, principal):
        erasures, where = ledger.erasures, session.namespace
        if dry_run:
            answer = erasures.plan(wanted, parts, namespace=where, principal=principal)
        else:
            answer = erasures.propose(
                wanted,
                parts,
                legal_basis=legal_basis or "",
                reason=reason,
                namespace=where,
                principal=principal,
            )
    if output == "json":
        print_json(answer)
    elif dry_run:
        print_lines(erasure_lines(answer, dry_run=True))
    else:
        _print_proposed(answer)
    if dry_run and answer.objections:
        raise finding()


def _print_proposed(answer: ErasureAnswer) -> None:
    print_lines(
        (
            f"proposed  to erase the {parts_text(answer.parts)} parts of {concerned(answer)}",
            *plan_lines(answer),
            f"stated    at position {answer.position}, which another privacy officer approves",
        )
    )


@erasure.command("list")
@click.option("--undecided", is_flag=True, help="Only what nobody has approved or refused.")
@api_key_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def list_proposals(session: Session, output: str, *, undecided: bool) -> None:
    """List what was proposed in a namespace, and what became of it."""
    with acting(session) as (ledger, principal):
        views = ledger.erasures.proposals(
            session.namespace, undecided=undecided, principal=principal
        )
    _print_proposals(views, output)


@erasure.command("show")
@click.argument("position", type=_POSITION)
@api_key_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def show(session: Session, position: int, output: str) -> None:
    """Show the proposal that the entry at POSITION states.

    Of an open one it tells what forbids it at present, and which copies an erasure would not reach,
    if you are a privacy officer.
    """
    with acting(session) as (ledger, principal):
        erasures, where = ledger.erasures, session.namespace
        view = erasures.proposal(position, where, principal=principal)
        plan = None
        may_plan = ledger.access.allowed(principal, Action.PLAN_ERASURE, where)
        if output == "text" and view.state is ProposalState.OPEN and may_plan:
            plan = erasures.plan(view.positions, view.parts, namespace=where, principal=principal)
    if output == "json":
        print_json(view)
        return
    print_lines(map(printable, proposal_lines(view)))
    if plan is not None:
        print_lines(line for line in plan_lines(plan) if not line.startswith("positions"))


@erasure.command("approve")
@click.argument("position", type=_POSITION)
@api_key_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def approve(session: Session, position: int, output: str) -> None:
    """Approve the proposal at POSITION, and erase what it names; envelopes and proofs stay.

    Whoever proposed it cannot. Where a hold or retention forbids it for one entry, nothing is
    erased, the log states the refusal, the proposal is decided, and the exit code is 1. Approved
    again by the same, it is not erased twice, and what was left to do is done.
    """
    with acting(session) as (ledger, principal):
        answer = ledger.erasures.approve(position, namespace=session.namespace, principal=principal)
    if output == "json":
        print_json(answer)
    else:
        print_lines(erasure_lines(answer))
    if answer.refused:
        raise finding()


@erasure.command("refuse")
@click.argument("position", type=_POSITION)
@click.option(
    "--reason", metavar="TEXT", required=True, help="Why; kept for ever, so it must name nobody."
)
@api_key_option
@store_option
@namespace_option
@format_option("text", "json")
@pass_session
def refuse(session: Session, position: int, reason: str, output: str) -> None:
    """Refuse the proposal at POSITION, so that nobody can approve it any more.

    Whoever proposed it may do that too, and so takes it back.
    """
    with acting(session) as (ledger, principal):
        view = ledger.erasures.refuse(
            position, reason=reason, namespace=session.namespace, principal=principal
        )
    if output == "json":
        print_json(view)
    else:
        print_rows([list(map(printable, proposal_row(view)))])


def _print_proposals(views: tuple[ProposalView, ...], output: str) -> None:
    if output == "json":
        print_json(views)
    elif views:
        print_rows([list(map(printable, proposal_row(view))) for view in views])
    else:
        click.echo("nothing is proposed", err=True)
