"""Valid time as options of a command: of which stated time it asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from lineage_api.cli.instants import INSTANT
from lineage_schemas.basis import Basis

Command = TypeVar("Command", bound=Callable[..., Any])
Interval = tuple[datetime, datetime]

valid_at_option = click.option(
    "--valid-at",
    type=INSTANT,
    metavar="TIME",
    help="Only what was so at this time (RFC 3339), as sources state it.  [default: any time]",
)

valid_during_option = click.option(
    "--valid-during",
    type=INSTANT,
    nargs=2,
    metavar="FROM TO",
    help="Only what was so at some moment from FROM to before TO.",
)


def valid_options(command: Command) -> Command:
    """Give a command the options of a valid time: ``valid_at`` and ``valid_during``."""
    return valid_at_option(valid_during_option(command))


def valid_words(basis: Basis) -> str:
    """Return the valid time of an answer as the end of a sentence, or nothing."""
    if basis.valid_during is not None:
        return f" from {basis.valid_during[0]} to {basis.valid_during[1]}"
    return "" if basis.valid_at is None else f" at {basis.valid_at}"
