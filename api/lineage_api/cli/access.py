"""``lineage access``: who may do what in a ledger, now and then."""

from __future__ import annotations

from datetime import datetime

import click

from lineage.access.roles import Action
from lineage_api.cli.access_keys import keys
from lineage_api.cli.access_log import log
from lineage_api.cli.access_options import (
    expires_option,
    reason_option,
    scope_text,
    state_text,
)
from lineage_api.cli.printing import print_json, print_rows, printable
from lineage_api.cli.session import Session, as_of_option, format_option, pass_session, store_option
from lineage_schemas.access import EVERY, GrantView, Role


@click.group("access")
def access() -> None:
    """Say who may do what, and see who may, or could.

    Until something is granted, or a key made, nobody may do anything but you at this machine. You
    always may do everything: you have the files.
    """


access.add_command(keys)
access.add_command(log)


@access.command("grant")
@click.argument("grantee")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.option(
    "--namespace",
    "namespaces",
    metavar="NAME",
    multiple=True,
    required=True,
    help="Where it holds; can be given several times. '*' is every namespace.",
)
@click.option(
    "--source",
    "sources",
    metavar="NAME",
    multiple=True,
    help="Of an ingest: which sources it may speak for; several times.  [default: every one]",
)
@expires_option
@reason_option
@store_option
@format_option("text", "json")
@pass_session
def grant(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    grantee: str,
    role: str,
    namespaces: tuple[str, ...],
    sources: tuple[str, ...],
    expires: datetime | None,
    reason: str,
    output: str,
) -> None:
    """Let somebody have a role.

    GRANTEE is the name that somebody signs in under, or group:NAME. Prints the position of the
    grant, which `lineage access revoke` wants.
    """
    with session.open_or_make() as ledger:
        view = ledger.access.grant(
            grantee, Role(role), namespaces, sources=sources, expires=expires, reason=reason
        )
    _print_grants((view,), output)


@access.command("revoke")
@click.argument("position", type=click.IntRange(min=0))
@reason_option
@store_option
@format_option("text", "json")
@pass_session
def revoke(session: Session, position: int, reason: str, output: str) -> None:
    """Revoke the grant that the entry at POSITION states.

    What is written or asked from then on is refused; what was under way is too.
    """
    with session.open() as ledger:
        view = ledger.access.revoke(position, reason=reason)
    _print_grants((view,), output)


@access.command("list")
@click.option(
    "--namespace",
    metavar="NAME",
    default=EVERY,
    show_default=True,
    help="Only what holds in this namespace.",
)
@store_option
@as_of_option
@format_option("text", "json")
@pass_session
def list_grants(session: Session, namespace: str, output: str) -> None:
    """List every grant, expired and revoked ones too."""
    with session.open() as ledger:
        views = ledger.access.grants(session.as_of, namespace=namespace)
    _print_grants(views, output)


@access.command("who")
@click.argument("action", type=click.Choice([action.value for action in Action]))
@click.option(
    "--namespace",
    metavar="NAME",
    default=EVERY,
    show_default=True,
    help="Where: '*' asks who may in every namespace at once.",
)
@store_option
@as_of_option
@format_option("text", "json")
@pass_session
def who(session: Session, action: str, namespace: str, output: str) -> None:
    """List by which grants somebody may do ACTION.

    With --as-of: who could then. You at this machine may in any case, and are not listed.
    """
    with session.open() as ledger:
        views = ledger.access.who(Action(action), namespace, session.as_of)
    _print_grants(views, output)


def _print_grants(views: tuple[GrantView, ...], output: str) -> None:
    if output == "json":
        print_json(views)
    elif views:
        print_rows([list(map(printable, _row(one))) for one in views])


def _row(one: GrantView) -> list[str]:
    return [
        str(one.position),
        one.grantee,
        one.role.value,
        scope_text(one.namespaces, one.sources),
        state_text(one),
        f"granted by {one.granted_by} at {one.granted_at}",
    ]
