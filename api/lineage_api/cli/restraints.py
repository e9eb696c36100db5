"""A hold or retention as text, and what the commands about them share."""

from __future__ import annotations

import click

from lineage_api.cli.printing import print_json, printable
from lineage_schemas.erasures import RestraintView


def print_restraint(view: RestraintView, output: str) -> None:
    """Print what was stated."""
    if output == "json":
        print_json(view)
        return
    click.echo(printable("  ".join(restraint_row(view))))


def restraint_row(view: RestraintView) -> list[str]:
    """Return a hold or retention as cells: position, what, by whom or as what, scope, state."""
    what = "hold" if view.keep_days is None else f"retention of {view.keep_days:,} days"
    state = "in force" if view.released_by is None else f"released by position {view.released_by}"
    return [str(view.position), what, view.name, scope_of(view), state]


def scope_of(view: RestraintView) -> str:
    """Say what a hold or retention covers."""
    if view.entry is not None:
        return f"position {view.entry}"
    if view.node_kind is not None:
        return view.node_key or f"{view.node_kind} {view.node_id}"
    return "the whole namespace"
