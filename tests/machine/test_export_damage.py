"""Whatever happens to an export on its way is found, and its line is named."""

import gzip
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.moving.checking import ExportReader
from lineage.moving.streams import unpacked
from lineage_schemas.errors import DecodeError, LedgerError, NewerStoreError, ProofError
from moving import live, memory_ledger, read


@pytest.fixture(scope="module")
def body() -> bytes:
    """Return the export of a ledger that has lived."""
    kept = memory_ledger()
    live(kept.ledger)
    exported = kept.export()
    assert read(exported).erased_parts == 3
    return exported


def refusal(body: bytes) -> LedgerError:
    """Read an export that must be refused."""
    with pytest.raises((ProofError, DecodeError, NewerStoreError)) as caught:
        read(body)
    error = caught.value
    assert isinstance(error, LedgerError)
    assert re.fullmatch(r"line [0-9]+", error.where), error
    return error


def named(error: LedgerError) -> int:
    """Return the line that an error names."""
    return int(error.where.removeprefix("line "))


@given(data=st.data(), change=st.integers(1, 255))
def test_every_changed_byte_is_found(body: bytes, data: st.DataObject, change: int) -> None:
    at = data.draw(st.integers(0, len(body) - 1), label="at")
    changed = bytearray(body)
    changed[at] ^= change
    line, last = body.count(b"\n", 0, at) + 1, body.count(b"\n")
    error = refusal(bytes(changed))
    if line == 1:
        # What the header claims is only held against what comes behind it.
        assert 1 <= named(error) <= last
    elif body[at : at + 1] == b"\n":
        assert named(error) in {line, line + 1}
    else:
        assert named(error) == line


def test_every_byte_of_a_line_is_one_of_those(body: bytes) -> None:
    start = body.index(b"\n") + 1
    for at in range(start, body.index(b"\n", start)):
        changed = bytearray(body)
        changed[at] ^= 1
        assert named(refusal(bytes(changed))) == 2


@given(data=st.data())
def test_a_line_that_is_removed_or_doubled_or_swapped_is_found(
    body: bytes, data: st.DataObject
) -> None:
    lines = body.splitlines(keepends=True)
    one = data.draw(st.integers(0, len(lines) - 1), label="one")
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda at: at != one), label="other")
    removed = lines[:one] + lines[one + 1 :]
    assert named(refusal(b"".join(removed))) in {one + 1, 1}
    doubled = [*lines[:one], lines[one], *lines[one:]]
    assert named(refusal(b"".join(doubled))) == one + 2
    swapped = list(lines)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    assert named(refusal(b"".join(swapped))) == min(one, other) + 1


@given(data=st.data())
def test_one_that_is_cut_off_is_found(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1), label="at")
    error = refusal(body[:at])
    assert named(error) == body.count(b"\n", 0, at) + 1


@pytest.mark.parametrize("behind", [b"\n", b"x", b'{"position":0}\n'])
def test_nothing_may_stand_behind_the_end(body: bytes, behind: bytes) -> None:
    error = refusal(body + behind)
    assert named(error) == body.count(b"\n") + 1


@given(data=st.data())
def test_damage_of_a_compressed_one_is_found(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body, mtime=0)
    # The time, flags and system in the first ten bytes say nothing of what is inside.
    at = data.draw(st.integers(10, len(packed) - 1), label="at")
    changed = bytearray(packed)
    changed[at] ^= data.draw(st.integers(1, 255), label="change")
    with pytest.raises((ProofError, DecodeError, NewerStoreError)), _unpacked(changed) as export:
        list(export.entries())
    with pytest.raises((ProofError, DecodeError)), _unpacked(packed[:at]) as export:
        list(export.entries())


class _unpacked:  # noqa: N801 - used as a function
    def __init__(self, body: bytes | bytearray) -> None:
        self._packed = unpacked(io.BytesIO(bytes(body)))

    def __enter__(self) -> ExportReader:
        stream = self._packed.__enter__()
        try:
            return ExportReader(stream)
        except BaseException as error:
            self._packed.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(self, *error: object) -> None:
        self._packed.__exit__(*error)  # type: ignore[arg-type]
