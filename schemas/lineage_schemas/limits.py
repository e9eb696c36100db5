"""The limits of what may be said, each by its name. Bytes are bytes of UTF-8."""

from typing import Final

ENVELOPE_BYTES_MAX: Final = 65_535
"""An entry bundle of C2SP tlog-tiles states each entry's length in 16 bits."""

PAYLOAD_PART_BYTES_MAX: Final = 1_048_576
"""One payload part (``facts`` or ``personal``), encoded."""

STATEMENT_RECORDS_MAX: Final = 1_000
"""Records in one statement; a larger call is several statements in one batch."""

BATCH_STATEMENTS_MAX: Final = 10_000
"""Statements in one batch, which the log takes whole or not at all."""

BATCH_BYTES_MAX: Final = 16 * 1_048_576
"""Encoded bytes of the payload parts of one batch."""

METRIC_SERIES_POINTS_MAX: Final = 10_000
"""Points in one chunk of a metric series."""

IDENTIFIER_BYTES_MAX: Final = 2_048
"""One identifier, scheme included."""

NAME_BYTES_MAX: Final = 1_024
"""A name of a node, type, property, source or metric."""

PATH_STEPS_MAX: Final = 64
"""Steps in the path of an Event."""

STATEMENT_ID_BYTES_MAX: Final = 512
"""A statement id, as its producer chose it."""

NAMESPACE_BYTES_MAX: Final = 128
"""The name of a namespace."""

VALUE_DEPTH_MAX: Final = 64
"""Nesting of objects and lists inside one value."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

ERASURE_POSITIONS_MAX: Final = 4_000
"""Entries that one erasure record names; their positions must fit into its envelope."""

ERASED_ENTRIES_MAX: Final = 100_000
"""Entries that one call erases: several records of one batch."""

REASON_BYTES_MAX: Final = 4_096
"""A reason, a legal basis, a purpose."""

MESSAGE_FLAGS_MAX: Final = 16
"""What is irregular about one message."""

SCAN_KINDS_MAX: Final = 100
"""Kinds of things that one look at a source counts."""

UNREAD_NAMED_MAX: Final = 100
"""Things that one look names as not read; the others are counted."""

CURSOR_BYTES_MAX: Final = 65_536
"""From where the next look at a source goes on, encoded."""

DUE_SECONDS_MAX: Final = 10 * 365 * 86_400
"""Within how long a source may be promised to be heard, or looked at, again."""
