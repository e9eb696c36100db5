"""Times as an option of a command."""

from __future__ import annotations

from datetime import datetime

import click

from lineage_schemas.errors import InvalidInputError
from lineage_schemas.instants import instant_of, parse_instant


class Instant(click.ParamType[datetime]):
    """A time in RFC 3339."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read a time, or refuse it."""
        if isinstance(value, datetime):
            return value
        try:
            return instant_of(parse_instant(str(value)))
        except InvalidInputError as error:
            self.fail(str(error), param, ctx)


INSTANT = Instant()
