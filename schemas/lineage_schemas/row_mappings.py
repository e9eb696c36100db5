"""The mapping of rows: what a table of a tool without a connector says, written down as data.

A mapping file is YAML (or JSON) of one ``RowMapping``; it is published as ``row-mapping.json``.
It runs nothing: it names columns, and what they stand for.

A *column* is a path into a row: ``stage``, ``owner.mail``, ``files[0].sha256``; a name with dots,
brackets or braces in it stands in double quotes: ``"v1.auc"``. A *template* is text with columns in
braces: ``{model}``; a brace itself is doubled. In a key or an identifier, what a column holds is
percent-encoded, so that a slash in a value makes no new segment; ``{+column}`` puts it in as it is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from lineage_schemas.mlmd import EventKind, Kind
from lineage_schemas.records import LinkClass
from lineage_schemas.serving import Role, ServingAction
from lineage_schemas.values import JsonValue

ITEM: Final = "item"
"""The column that holds one item of a node's ``each``."""


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the parts of a mapping share: a word that is not known is refused."""


class RowFormat(StrEnum):
    """How the rows are written."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


class Encoding(StrEnum):
    """How text is encoded; a byte order mark of UTF-8 is passed over."""

    UTF_8 = "utf-8"
    LATIN_1 = "latin-1"
    WINDOWS = "cp1252"


class ValueForm(StrEnum):
    """What a value becomes."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    TIME = "time"
    JSON = "json"
    LIST = "list"


class TimeForm(StrEnum):
    """How a time is written."""

    RFC3339 = "rfc3339"
    UNIX_SECONDS = "unix_seconds"
    UNIX_MILLISECONDS = "unix_milliseconds"
    DATE = "date"
    """A day (``2026-01-31``): its first moment in ``zone``."""
    LOCAL = "local"
    """A time without an offset (``2026-01-31 12:00``), in ``zone``."""


PATTERN_LETTERS: Final = "dmYyHIMSfp%"
"""What may follow a ``%`` in a pattern: numbers, and AM or PM; no names, which languages differ in.
"""


class Condition(_Part, frozen=True, kw_only=True):
    """Holds where the column is as each given word says; an empty text counts as absent."""

    column: str
    equals: str | int | float | bool | None = None
    among: tuple[str | int | float | bool, ...] | None = field(default=None, name="in")
    present: bool | None = None
    absent: bool | None = None


class Value(_Part, frozen=True, kw_only=True):
    """A value out of a column, or a constant ``value``.

    ``as`` may be left out: then it is what the property's type declares, else text. ``translate``
    names a table of ``tables``; what is not in the table is an error, unless the table has ``*``.
    ``default`` stands where the column is absent or empty; without it nothing is said then.
    """

    column: str | None = None
    value: JsonValue = None
    form: ValueForm | None = field(default=None, name="as")
    format: TimeForm | None = None
    pattern: str | None = None
    zone: str | None = None
    separator: str = ","
    translate: str | None = None
    default: JsonValue = None


class Time(_Part, frozen=True, kw_only=True):
    """A time out of a column. ``zone`` is a name such as ``Europe/Berlin``.

    ``pattern`` is how a ``local`` time or a ``date`` is written where that is not year first:
    ``%d.%m.%Y %H:%M``, ``%m/%d/%Y %I:%M %p``.
    """

    column: str
    format: TimeForm = TimeForm.RFC3339
    pattern: str | None = None
    zone: str = "UTC"


class Dialect(_Part, frozen=True, kw_only=True):
    """How a CSV file is written. Its first line names the columns."""

    delimiter: str = ","
    quote: str = '"'


class Rows(_Part, frozen=True, kw_only=True):
    """Where the rows are, and what each is called.

    ``id`` is a template: what tells a row from every other, for ever. ``path`` leads to the array
    in a JSON document. ``whole``: the data list every row there is, so what is missing is gone.
    """

    format: RowFormat
    id: str
    path: str = ""
    whole: bool = False
    encoding: Encoding = Encoding.UTF_8
    csv: Dialect = Dialect()


Conditions = Condition | tuple[Condition, ...]
"""One condition, or several that must all hold."""


class NodeMapping(_Part, frozen=True, kw_only=True):
    """A node that a row tells of. ``node`` is what the mapping calls it.

    ``key`` is a template. Without a ``type`` nothing is said of the node, and the others can refer
    to it. ``each`` names a column with a list, or a text that ``separator`` parts: there is one
    node an item, which is in the column ``item``. ``state`` is one of ML Metadata's, of the kind.
    ``own``: the row is about this node, so where the row is gone, it is. ``personal`` names custom
    properties that tell of people.
    """

    node: str
    kind: Kind
    key: str
    type: str | None = None
    each: str | None = None
    separator: str = ","
    own: bool = False
    when: Conditions = ()
    stated: Time | None = None
    uri: str | None = None
    state: str | Value | None = None
    properties: dict[str, str | Value] = {}
    custom: dict[str, str | Value] = {}
    personal: tuple[str, ...] = ()


class EventMapping(_Part, frozen=True, kw_only=True):
    """An artifact went into an execution, or came out of it: nodes of the mapping."""

    artifact: str
    execution: str
    kind: EventKind
    path: tuple[str, ...] = ()
    when: Conditions = ()


class MembershipMapping(_Part, frozen=True, kw_only=True):
    """A node belongs to a context; both by what the mapping calls them."""

    member: str
    context: str
    when: Conditions = ()


class ClaimMapping(_Part, frozen=True, kw_only=True):
    """A node also goes by an identifier, a template: until the row says otherwise."""

    node: str
    identifier: str
    link_class: LinkClass = field(name="class", default=LinkClass.ASSERTED)
    when: Conditions = ()


class ServingMapping(_Part, frozen=True, kw_only=True):
    """A deployment began to serve in a place, changed, or stopped.

    ``execution`` is the template of the key of the step. ``deployment``, ``place`` and
    ``environment`` are nodes of the mapping; ``inputs`` are those it was made from, ``trigger`` is
    the incident that caused it. ``ends_with_row``: where the row is gone, it serves no more.
    """

    action: ServingAction
    execution: str
    at: Time
    deployment: str
    place: str
    after: Time | None = None
    environment: str | None = None
    inputs: tuple[str, ...] = ()
    trigger: str | None = None
    role: Role | Value | None = None
    traffic: float | Value | None = None
    beside: bool = False
    rollback: bool = False
    ends_with_row: bool = False
    when: Conditions = ()


class RowMapping(_Part, frozen=True, kw_only=True):
    """A mapping file.

    ``mapping`` is its name and ``version`` its number: a changed mapping gets the next one. The
    names of ``tables`` are what ``translate`` refers to. ``stated`` is when what a row says was so;
    without it, that is known as the time between two imports.
    """

    mapping: str
    version: int
    rows: Rows
    stated: Time | None = None
    tables: dict[str, dict[str, JsonValue]] = {}
    nodes: tuple[NodeMapping, ...] = ()
    events: tuple[EventMapping, ...] = ()
    memberships: tuple[MembershipMapping, ...] = ()
    claims: tuple[ClaimMapping, ...] = ()
    serving: tuple[ServingMapping, ...] = ()
