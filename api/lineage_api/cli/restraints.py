"""A hold or retention as text, and what the commands about them share."""

from __future__ import annotations

import click

from lineage_api.cli.printing import counted, print_json, printable
from lineage_schemas.erasures import RestraintView


def print_restraint(view: RestraintView, output: str, *, years: int | None = None) -> None:
    """Print what was stated; ``years``, if its days were given as such."""
    if output == "json":
        print_json(view)
        return
    click.echo(printable("  ".join(restraint_row(view, years))))


def restraint_row(view: RestraintView, years: int | None = None) -> list[str]:
    """Return a hold or retention as cells: position, what, by whom or as what, scope, state."""
    what = "hold"
    if view.keep_days is not None:
        given = "" if years is None else f" ({counted(years, 'year')})"
        what = f"retention of {counted(view.keep_days, 'day')}{given}"
    state = "in force" if view.released_by is None else f"released by position {view.released_by}"
    return [str(view.position), what, view.name, scope_of(view), state]


def scope_of(view: RestraintView) -> str:
    """Say what a hold or retention covers."""
    if view.entry is not None:
        return f"position {view.entry}"
    if view.node_kind is not None:
        return view.node_key or f"{view.node_kind} {view.node_id}"
    return "the whole namespace"
