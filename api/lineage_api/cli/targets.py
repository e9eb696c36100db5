"""What commands point at: an entry by its position, or a node by an identifier."""

from __future__ import annotations

import click

from lineage_schemas.limits import INT_MAX

Target = int | str


def read_target(text: str) -> Target:
    """Return a position where a text is all digits, else the identifier it is.

    Raises:
        click.BadParameter: no log has so many entries.
    """
    if not (text.isascii() and text.isdigit()):
        return text
    if len(text) > len(str(INT_MAX)) or int(text) > INT_MAX:
        raise click.BadParameter(f"{text[:32]} is no position", param_hint="'TARGET'")
    return int(text)


def read_scope(target: str | None, *, namespace_wide: bool) -> Target | None:
    """Return what a hold or retention covers; ``None`` for the whole namespace.

    Raises:
        click.UsageError: neither was said, or both.
    """
    if (target is None) != namespace_wide:
        raise click.UsageError("Give either TARGET or --namespace-wide.")
    return None if target is None else read_target(target)
