"""Whatever was said to a ledger, it moves to every kind of store and back as it is."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from checks import check_ledger
from erasing import ALL, PERSONAL, all_answers, asked
from lineage.ledger import Ledger, Statement
from lineage_schemas.errors import LedgerError
from moving import KINDS, custody_of, empty_store, import_into, memory_ledger, place, read
from strategies import ARTIFACTS, CONTEXTS, EXECUTIONS, batch_sizes, commands, cut, histories

KEYS = (*ARTIFACTS, *EXECUTIONS, *CONTEXTS)
EXAMPLES = {"memory": 25, "sqlite": 15, "postgres": 6}


def told(ledger: Ledger, said: list[Statement], sizes: list[int]) -> None:
    for batch in cut(said, sizes):
        try:
            ledger.record(batch)
        except LedgerError as error:
            # Some of what hypothesis says is refused, which is for other tests.
            assert error.code != "internal"  # noqa: PT017 - any other code will do


def erase_some(ledger: Ledger, wanted: list[tuple[int, bool]]) -> None:
    for position, whole in wanted:
        try:
            ledger.erasures.erase(asked(position, parts=ALL if whole else PERSONAL))
        except LedgerError as error:
            assert error.code in {"not_found", "failed_precondition"}  # noqa: PT017 - as above


@pytest.mark.parametrize("kind", KINDS)
def test_it_moves_there_and_back(kind: str) -> None:
    @settings(max_examples=EXAMPLES[kind])
    @given(
        said=histories(),
        ordered=st.lists(commands(), max_size=3),
        sizes=batch_sizes(),
        erased=st.lists(st.tuples(st.integers(3, 12), st.booleans()), max_size=3),
    )
    def moves(
        said: list[Statement],
        ordered: list[Statement],
        sizes: list[int],
        erased: list[tuple[int, bool]],
    ) -> None:
        source = memory_ledger()
        told(source.ledger, said, sizes)
        told(source.ledger, [replace(one, id=f"c-{at}") for at, one in enumerate(ordered)], [1])
        erase_some(source.ledger, erased)
        first = source.export(final=True)
        assert read(first).size == source.ledger.head().size
        with TemporaryDirectory() as folder, place(kind, Path(folder)) as location:
            there = import_into(first, empty_store(location, first), custody_of(), source.key())
            second = there.export(final=True)
            back = import_into(
                second, empty_store("memory:", second), custody_of("back"), there.key()
            )
            assert second == first == back.export(final=True)
            expected = all_answers(source.ledger, KEYS, ("ada",))
            assert all_answers(there.ledger, KEYS, ("ada",)) == expected
            assert all_answers(back.ledger, KEYS, ("ada",)) == expected
            check_ledger(there.ledger)
            there.ledger.close()

    moves()
