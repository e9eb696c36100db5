"""How long, as people write it: ``90s``, ``15m``, ``1h``, ``7d``."""

from __future__ import annotations

import re
from typing import Final

import click

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORM: Final = re.compile(r"([0-9]{1,9})([smhd])")
_NONE: Final = "none"


class Duration(click.ParamType[int]):
    """A time span in whole seconds, of at least one; where that may be said, 0 for ``none``."""

    name = "duration"

    def __init__(self, *, may_be_none: bool = False) -> None:
        self._may_be_none = may_be_none

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return how many seconds a text means."""
        if isinstance(value, int):
            return value
        if self._may_be_none and value == _NONE:
            return 0
        found = _FORM.fullmatch(str(value))
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not seconds:
            other = f", nor {_NONE}" if self._may_be_none else ""
            self.fail(f"{value!r} is no time span such as 90s, 15m, 1h or 7d{other}.", param, ctx)
        return seconds


DURATION: Final = Duration()
DURATION_OR_NONE: Final = Duration(may_be_none=True)


def shown_duration(seconds: float) -> str:
    """Return a time span in the largest unit that it is a whole number of."""
    unit = next((one for one in "dhm" if seconds >= 1 and seconds % _SECONDS[one] == 0), "s")
    return f"{seconds / _SECONDS[unit]:g}{unit}"
