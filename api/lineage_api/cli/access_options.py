"""What the commands about access share: their options, and how a scope and a state are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from lineage_schemas.access import EVERY, ApiKeyView, GrantView
from lineage_schemas.errors import LedgerError
from lineage_schemas.instants import instant_of, parse_instant


def _read_time(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return instant_of(parse_instant(value))
    except LedgerError as error:
        raise click.BadParameter(str(error)) from error


expires_option = click.option(
    "--expires",
    metavar="TIME",
    callback=_read_time,
    help="Until when it holds (RFC 3339).  [default: until it is revoked]",
)

reason_option = click.option(
    "--reason", metavar="TEXT", default="", help="Why; kept for ever, so it must name nobody."
)


def scope_text(namespaces: Sequence[str], sources: Sequence[str]) -> str:
    """Say where a grant or key holds."""
    where = "everywhere" if EVERY in namespaces else f"in {', '.join(namespaces)}"
    return where if not sources or EVERY in sources else f"{where} for {', '.join(sources)}"


def state_text(view: GrantView | ApiKeyView) -> str:
    """Say whether it holds, and until when or since when not."""
    if view.revoked_by is not None:
        return f"revoked by position {view.revoked_by}"
    if isinstance(view, ApiKeyView) and view.foreign:
        return "opens nothing: no key may speak for this name"
    if not view.in_force:
        return f"expired at {view.expires}"
    return "in force" if view.expires is None else f"in force until {view.expires}"
