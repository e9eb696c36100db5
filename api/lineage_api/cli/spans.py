"""Spans of time as they are written on the command line: 90s, 15m, 1h, 7d."""

from __future__ import annotations

import re
from typing import Final

import click

_SPAN: Final = re.compile(r"([1-9][0-9]{0,9})([smhd])", re.ASCII)
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
NONE: Final = "none"


def read_span(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Read a span of time as seconds, or that there is none."""
    if value is None or value == NONE:
        return None
    found = _SPAN.fullmatch(value)
    if found is None:
        raise click.BadParameter(
            f"{value!r} is no span of time: write a number and s, m, h or d, such as 90s or 1h; "
            f"or {NONE}"
        )
    return int(found[1]) * _UNIT_SECONDS[found[2]]
