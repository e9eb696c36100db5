"""Folding the log again, in runs of any length, reaches the views that writing it reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.errors import InvalidInputError, RuleError, StoreError
from strategies import batch_sizes, commands, cut, numbered, observations


def told(statements: list[Statement], sizes: list[int]) -> Ledger:
    """Return a ledger that was told these statements, but for the batches that it refuses."""
    store = open_store("memory:", TABLES, "test/origin")
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    for batch in cut(statements, sizes):
        try:
            ledger.record(batch)
        except (InvalidInputError, RuleError):
            continue
    return ledger


@given(
    said=st.lists(st.one_of(observations(), commands()), max_size=20).map(numbered),
    sizes=batch_sizes(),
    run=st.integers(1, 6),
)
def test_a_rebuild_does_not_depend_on_how_the_log_is_cut(
    said: list[Statement], sizes: list[int], run: int
) -> None:
    ledger = told(said, sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineage.folding._RUN_ENTRIES", run)
        patch.setattr("lineage.audit.passing.RUN_ENTRIES", run)
        check_ledger(ledger)


def test_a_rebuild_goes_on_over_the_end_of_a_run(ledger: Ledger) -> None:
    for start in (0, 999, 1_000, 2_000):
        ledger.record(
            Statement(id=str(number), source="ci", records=(Artifact(key=f"acme:a/{number % 9}"),))
            for number in range(start, start + 1_000)
        )
        report = ledger.rebuild()
        assert report.identical
        assert report.entries == ledger.head().size
    assert ledger.audit().findings == ()


def test_a_process_of_another_version_writes_nothing_over_views_that_are_not_its_own(
    ledger: Ledger,
) -> None:
    ledger.record([Statement(id="1", source="ci", records=(Artifact(key="acme:a"),))])
    later = [Statement(id="2", source="ci", records=(Artifact(key="acme:b"),))]
    size = ledger.head().size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lineage.projections.views.PROJECTION_VERSION", "views/0")
        with pytest.raises(StoreError, match=r"views/0.*the version that the others run"):
            ledger.record(later)
    assert ledger.head().size == size
    ledger.record(later)
    check_ledger(ledger)
