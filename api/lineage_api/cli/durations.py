"""How long, as people write it: ``90s``, ``15m``, ``1h``, ``7d``."""

from __future__ import annotations

import re
from typing import Final

import click

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM: Final = re.compile(r"([0-9]{1,9})([smhd])")


class Duration(click.ParamType[int]):
    """A time span in whole seconds, of at least one."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return how many seconds a text means."""
        if isinstance(value, int):
            return value
        found = _FORM.fullmatch(str(value))
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not seconds:
            self.fail(f"{value!r} is no time span such as 90s, 15m, 1h or 7d.", param, ctx)
        return seconds


DURATION: Final = Duration()


def shown_duration(seconds: float) -> str:
    """Return a time span in the largest unit that it is a whole number of."""
    unit = next((one for one in "dhm" if seconds >= 1 and seconds % _SECONDS[one] == 0), "s")
    return f"{seconds / _SECONDS[unit]:g}{unit}"
