"""A ledger of many namespaces keeps each under a number of its own, however often it is opened."""

import pytest

from checks import check_ledger
from doubles import FakeClock, MakeStore, SeededRandomness
from lineage.ledger import Artifact, Outcome, Statement
from lineage.projections.catalog import NAMESPACE
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.scanning import scan_rows
from lineage.stores.sqlite.store import SqliteStore
from lineage_schemas.errors import UnknownBasisError

NAMES = [f"n{number}" for number in range(5)]


def said(number: int) -> Statement:
    return Statement(id=str(number), source="ci", records=(Artifact(key=f"acme:a/{number}"),))


def reopened(store: Store, make_store: MakeStore, seed: str) -> Ledger:
    """Open the store once more, with nothing remembered: its file, where it has one."""
    if isinstance(store, SqliteStore):
        store.close()
        store = make_store(TABLES)
    return Ledger(store, FakeClock(), SeededRandomness(seed))


def test_more_namespaces_than_one_scan_reads_are_each_numbered_once(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.projections.catalog._SCAN_ROWS", 2)
    ledger = Ledger(make_store(TABLES), FakeClock(), SeededRandomness())
    for turn in range(2):
        for name in NAMES:
            ledger = reopened(ledger._store, make_store, f"{turn} {name}")
            (receipt,) = ledger.record([said(turn)], namespace=name)
            assert receipt.position is not None
            assert receipt.position < ledger.head().size
            assert receipt.outcome is Outcome.APPENDED
    with ledger._store.read() as reader:
        rows = list(scan_rows(reader, NAMESPACE))
    assert [(row[0], row[2]) for row in rows] == list(enumerate(NAMES))
    for name in NAMES:
        assert [node.id for node in ledger.list_nodes("artifact", namespace=name).nodes] == [1, 2]
    check_ledger(ledger)


def test_the_types_of_many_namespaces_are_put_once_each(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineage.projections.catalog._SCAN_ROWS", 2)
    ledger = Ledger(make_store(TABLES), FakeClock(), SeededRandomness())
    for name in NAMES:
        ledger.record([said(0)], namespace=name)
    sizes = []
    for turn in (1, 2):
        ledger = reopened(ledger._store, make_store, str(turn))
        before = ledger.head().size
        for name in NAMES:
            ledger.record([said(turn)], namespace=name)
        sizes.append(ledger.head().size - before)
    assert sizes == [len(NAMES)] * 2
    check_ledger(ledger)


def test_a_basis_of_another_namespace_is_refused(ledger: Ledger) -> None:
    for name in NAMES[:2]:
        ledger.record([said(0)], namespace=name)
    basis = ledger.basis(namespace=NAMES[0])
    assert ledger.show("acme:a/0", as_of=basis, namespace=NAMES[0])[0].basis == basis
    with pytest.raises(UnknownBasisError, match="another namespace"):
        ledger.show("acme:a/0", as_of=basis, namespace=NAMES[1])
    with pytest.raises(UnknownBasisError, match="another namespace"):
        ledger.types(as_of=basis)
