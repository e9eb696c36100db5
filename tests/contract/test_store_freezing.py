"""A frozen store takes nothing, and everything else of it goes on."""

import pytest

from doubles import FakeClock, MakeStore, SeededRandomness
from lineage.ledger import Artifact, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.base import Store, StoredHead, Writer
from lineage_schemas.errors import FrozenStoreError, StaleHeadError
from lineage_schemas.governance import PartsErased
from logs import append_made, labels


@pytest.fixture
def frozen(store: Store) -> Store:
    with store.write() as writer:
        append_made(writer, "before", 3)
        writer.keep_checkpoint(b"note")
    with store.write() as writer:
        writer.freeze(frozen=True)
    return store


def append(writer: Writer) -> None:
    append_made(writer, "after", 1)


def append_nothing(writer: Writer) -> None:
    head = writer.head()
    writer.append(head.size, [], [], StoredHead(head.size, 9, head.compact_range))


def rename(writer: Writer) -> None:
    writer.rename("another")


def erase(writer: Writer) -> None:
    writer.erase([0], PartsErased.PERSONAL)


def freeze_and_fail(writer: Writer) -> None:
    writer.freeze(frozen=True)
    raise StaleHeadError("somebody came between")


def test_a_new_store_is_not_frozen(store: Store) -> None:
    with store.read() as reader:
        assert not reader.is_frozen()
    with store.write() as writer:
        assert not writer.is_frozen()
        append(writer)


@pytest.mark.parametrize("act", [append, append_nothing, rename, erase])
def test_the_log_of_a_frozen_store_does_not_change(frozen: Store, act: object) -> None:
    assert callable(act)
    with frozen.read() as reader:
        before = reader.head(), reader.origin(), reader.entries(0, 10)
        assert reader.is_frozen()
    with pytest.raises(FrozenStoreError), frozen.write() as writer:
        act(writer)
    with frozen.read() as reader:
        assert (reader.head(), reader.origin(), reader.entries(0, 10)) == before
        assert labels(reader) == ["before"] * 3


def test_it_stays_frozen_when_it_is_opened_again(make_store: MakeStore) -> None:
    store = make_store(())
    with store.write() as writer:
        writer.freeze(frozen=True)
    if store.origin == "test/origin" and "Memory" in type(store).__name__:
        return  # another opening is another store
    with make_store(()).read() as reader:
        assert reader.is_frozen()


def test_a_checkpoint_is_kept_all_the_same(frozen: Store) -> None:
    with frozen.write() as writer:
        writer.keep_checkpoint(b"another")
    with frozen.read() as reader:
        assert reader.checkpoint() == b"another"


def test_freezing_is_undone_with_its_transaction(store: Store) -> None:
    with pytest.raises(StaleHeadError), store.write() as writer:
        freeze_and_fail(writer)
    with store.read() as reader:
        assert not reader.is_frozen()


def test_within_one_transaction_it_can_be_filled_and_is_never_seen_thawed(frozen: Store) -> None:
    with frozen.write() as writer:
        writer.freeze(frozen=False)
        append(writer)
        writer.freeze(frozen=True)
    with frozen.read() as reader:
        assert reader.is_frozen()
        assert labels(reader) == [*["before"] * 3, "after"]


def test_views_of_a_frozen_ledger_are_folded_anew_and_it_answers(make_store: MakeStore) -> None:
    store = make_store(TABLES)
    ledger = Ledger(store, FakeClock(), SeededRandomness())
    said = Statement(id="1", source="ci", records=(Artifact(key="acme:a", name="a"),))
    ledger.record([said])
    with store.write() as writer:
        writer.freeze(frozen=True)
    with pytest.raises(FrozenStoreError, match="takes nothing"):
        ledger.record([Statement(id="2", source="ci", records=said.records)])
    assert ledger.rebuild().identical
    assert ledger.show("acme:a")[0].node.name == "a"
    assert ledger.audit().findings == ()
