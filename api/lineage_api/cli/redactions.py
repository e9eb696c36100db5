"""What was erased of an answer, as text: a line for each erasure, told by whom, when and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lineage_api.cli.printing import counted, printable
from lineage_schemas.governance import PartsErased
from lineage_schemas.graph import Redaction

_DAY_DIGITS: Final = 10


def redaction_lines(redactions: Sequence[Redaction], total: int) -> Iterator[str]:
    """Yield a line for each erasure that an answer met.

    ``total`` is how many entries the basis counts, of which an answer tells the first.
    """
    by_erasure: dict[int | None, list[Redaction]] = {}
    for one in redactions:
        by_erasure.setdefault(one.erased_by, []).append(one)
    for erased in by_erasure.values():
        yield printable(f"redacted  {_told(erased)}")
    if total > len(redactions):
        yield f"redacted  and {counted(total - len(redactions), 'entry', 'entries')} more"


def _told(erased: Sequence[Redaction]) -> str:
    first = erased[0]
    count = counted(len(erased), "entry", "entries")
    if first.erased_by is None:
        return f"{count}: the log does not say by whom; what is remembered beside it says that"
    said = [
        f"by {first.requester}",
        f"approved by {first.approver}",
        (first.at or "")[:_DAY_DIGITS],
        first.legal_basis,
        first.reason,
        f"position {first.erased_by}",
    ]
    if all(one.parts is PartsErased.PERSONAL for one in erased):
        said.append("personal parts alone")
    return f"{count}: {', '.join(part for part in said if part)}"
