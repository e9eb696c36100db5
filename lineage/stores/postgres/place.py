"""Where a ledger lies in PostgreSQL: which server, database and schema, out of one URL."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from msgspec import Struct
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lineage_schemas.errors import InvalidInputError

SCHEMA_DEFAULT: Final = "lineage"
SCHEMA_PARAMETER: Final = "schema"
"""Ours, among the parameters of the URL; all others are libpq's."""

_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# A connection that was cut without a word must not be waited for longer than a commit may take.
_DEFAULTS: Final[dict[str, str | int]] = {
    "application_name": "lineage-ledger",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Place(Struct, frozen=True):
    """What to connect to, and the schema there. ``shown`` names it without a secret."""

    conninfo: str
    schema: str
    shown: str

    def __repr__(self) -> str:
        return f"Place({self.shown!r})"

    def options(self, **settings: str | int) -> str:
        """Return what to connect with: all of the above, with these settings of the server."""
        said = conninfo_to_dict(self.conninfo).get("options") or ""
        settings = {"search_path": self.schema, **settings}
        ours = " ".join(f"-c {name}={value}" for name, value in settings.items())
        return make_conninfo(self.conninfo, options=f"{said} {ours}".strip())


def parse_place(url: str) -> Place:
    """Read ``postgresql://[user[:password]@][host][:port][/database][?schema=…&…]``.

    Raises:
        InvalidInputError: it is no such URL; a password in it is not quoted.
    """
    try:
        base, _, query = url.partition("?")
        parameters = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        schemas = [value for name, value in parameters if name == SCHEMA_PARAMETER]
        rest = [one for one in parameters if one[0] != SCHEMA_PARAMETER]
        given = conninfo_to_dict(f"{base}?{urlencode(rest, quote_via=quote)}")
    except (ValueError, ProgrammingError) as error:
        raise InvalidInputError(
            "This is no URL of a PostgreSQL database",
            hint="It looks like postgresql://user@host:5432/database?schema=lineage.",
        ) from error
    schema = schemas[-1] if schemas else SCHEMA_DEFAULT
    if not _SCHEMA.fullmatch(schema):
        raise InvalidInputError(
            "A schema is named by lower-case letters, digits and underscores",
            where=schema[:64],
        )
    host, database = given.get("host") or "local socket", given.get("dbname") or "its user's"
    return Place(
        conninfo=make_conninfo("", **{**_DEFAULTS, **given}),
        schema=schema,
        shown=f"PostgreSQL at {host}, database {database}, schema {schema}",
    )
