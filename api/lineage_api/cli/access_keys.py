"""``lineage access key``: API keys, for programs that sign in."""

from __future__ import annotations

from datetime import datetime

import click

from lineage_api.cli.access_options import expires_option, reason_option, scope_text, state_text
from lineage_api.cli.printing import print_json, print_rows, printable
from lineage_api.cli.session import Session, as_of_option, format_option, pass_session, store_option
from lineage_schemas.access import EVERY, ApiKeyView, Role


@click.group("key")
def keys() -> None:
    """Make, revoke or list API keys.

    These let programs sign in. The keys that sign the log are another thing: `lineage key`.
    """


@keys.command("make")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    help="Narrow it to a role; several times.",
)
@click.option(
    "--namespace", "namespaces", metavar="NAME", multiple=True, help="Narrow it; several times."
)
@click.option(
    "--source", "sources", metavar="NAME", multiple=True, help="Narrow it; several times."
)
@expires_option
@reason_option
@store_option
@format_option("text", "json")
@pass_session
def make(  # noqa: PLR0913, PLR0917 - one argument an option
    session: Session,
    name: str,
    roles: tuple[str, ...],
    namespaces: tuple[str, ...],
    sources: tuple[str, ...],
    expires: datetime | None,
    reason: str,
    output: str,
) -> None:
    """Make an API key that speaks for NAME.

    It allows what NAME was granted, or less. It is printed this once, and is kept nowhere: the log
    has its SHA-256. With --format json, "secret" is the key, and "view" what the log says of it.
    """
    with session.open_or_make() as ledger:
        secret, view = ledger.access.make_key(
            name,
            roles=tuple(map(Role, roles)),
            namespaces=namespaces,
            sources=sources,
            expires=expires,
            reason=reason,
        )
    if output == "json":
        print_json({"secret": secret, "view": view})
    else:
        click.echo(secret)


@keys.command("revoke")
@click.argument("key")
@reason_option
@store_option
@format_option("text", "json")
@pass_session
def revoke(session: Session, key: str, reason: str, output: str) -> None:
    """Revoke the API key with the public id KEY: what stands between its two underscores."""
    with session.open() as ledger:
        view = ledger.access.revoke_api_key(key, reason=reason)
    _print_keys((view,), output)


@keys.command("list")
@click.option(
    "--namespace",
    metavar="NAME",
    default=EVERY,
    show_default=True,
    help="Only keys that may open this namespace.",
)
@store_option
@as_of_option
@format_option("text", "json")
@pass_session
def list_keys(session: Session, namespace: str, output: str) -> None:
    """List every API key, expired and revoked ones too; never a secret."""
    with session.open() as ledger:
        views = ledger.access.api_keys(session.as_of, namespace=namespace)
    _print_keys(views, output)


def _print_keys(views: tuple[ApiKeyView, ...], output: str) -> None:
    if output == "json":
        print_json(views)
    elif views:
        print_rows([list(map(printable, _row(one))) for one in views])


def _row(one: ApiKeyView) -> list[str]:
    roles = "all its roles" if not one.roles else ", ".join(role.value for role in one.roles)
    return [
        one.key,
        one.principal,
        roles,
        scope_text(one.namespaces or (EVERY,), one.sources),
        state_text(one),
        f"issued by {one.issued_by} at {one.issued_at}",
    ]
