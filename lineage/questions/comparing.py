"""How two values compare, and what that says of an aspect as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from lineage.questions.citing import Cited
from lineage_schemas.codec import encode_json
from lineage_schemas.comparisons import Compared, Verdict
from lineage_schemas.redactions import redacted_position
from lineage_schemas.values import NON_FINITE, JsonValue, metric_value

_ERASED: Final = "It was erased, so nobody can tell."
_ONE_SIDED: Final = frozenset({Verdict.ONLY_ONE, Verdict.ONLY_OTHER})


def compare_values(name: str, one: Cited | None, other: Cited | None) -> Compared:
    """Compare two values of any kind; whole numbers and floats are equal by value."""
    values = [None if cited is None else cited.value for cited in (one, other)]
    erased = any(redacted_position(value) is not None for value in values)
    return Compared(
        name=name,
        verdict=Verdict.UNKNOWN if erased else _verdict(*values),
        one=values[0],
        other=values[1],
        position_one=None if one is None else one.position,
        position_other=None if other is None else other.position,
        note=_ERASED if erased else "",
    )


def compare_numbers(name: str, one: Cited | None, other: Cited | None) -> Compared:
    """Compare two figures; only finite ones have a difference."""
    compared = compare_values(name, one, other)
    if compared.verdict not in {Verdict.SAME, Verdict.DIFFERS}:
        return compared
    first, second = _number(compared.one), _number(compared.other)
    if first is None or second is None or not (math.isfinite(first) and math.isfinite(second)):
        return compared
    difference = second - first
    ratio = float(difference) / abs(first) if first else None
    return Compared(
        name=name,
        verdict=compared.verdict,
        one=compared.one,
        other=compared.other,
        difference=metric_value(difference) if isinstance(difference, float) else difference,
        ratio=ratio if ratio is not None and math.isfinite(ratio) else None,
        position_one=compared.position_one,
        position_other=compared.position_other,
    )


def judge(items: Sequence[Compared]) -> Verdict:
    """Judge an aspect of which each side may have told only a part."""
    verdicts = {item.verdict for item in items}
    if Verdict.DIFFERS in verdicts:
        return Verdict.DIFFERS
    if Verdict.SAME in verdicts:
        is_partial = bool(verdicts & _ONE_SIDED) or any(item.note for item in items)
        return Verdict.PARTLY_KNOWN if is_partial else Verdict.SAME
    one_sided = verdicts & _ONE_SIDED
    if len(one_sided) == len(_ONE_SIDED):
        return Verdict.PARTLY_KNOWN
    return next(iter(one_sided), Verdict.UNKNOWN)


def judge_listed(items: Sequence[Compared]) -> Verdict:
    """Judge an aspect that each side tells whole, or not at all."""
    verdicts = {item.verdict for item in items}
    both = verdicts & {Verdict.SAME, Verdict.DIFFERS, Verdict.UNKNOWN}
    is_both = bool(both) or verdicts >= _ONE_SIDED
    if Verdict.DIFFERS in verdicts or (is_both and verdicts & _ONE_SIDED):
        return Verdict.DIFFERS
    if Verdict.UNKNOWN in verdicts:
        return Verdict.PARTLY_KNOWN if Verdict.SAME in verdicts else Verdict.UNKNOWN
    return next(iter(verdicts), Verdict.UNKNOWN)


def _verdict(one: JsonValue, other: JsonValue) -> Verdict:
    if one is None or other is None:
        if one is other:
            return Verdict.UNKNOWN
        return Verdict.ONLY_OTHER if one is None else Verdict.ONLY_ONE
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        is_same = first == second or (first != first and second != second)  # noqa: PLR0124 - NaN
    else:
        is_same = encode_json(one) == encode_json(other)
    return Verdict.SAME if is_same else Verdict.DIFFERS


def _number(value: JsonValue) -> int | float | None:
    """Return a value as a number, a tagged one too; ``None``: it is none."""
    if isinstance(value, dict) and len(value) == 1:
        return NON_FINITE.get(str(value.get("$float")))
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
