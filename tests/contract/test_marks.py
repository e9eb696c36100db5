"""Who signs marks a store that is behind what was signed, whatever kind of store it is."""

from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from checks import check_ledger
from databases import run_behind
from doubles import FakeClock, MakeStore, SeededRandomness
from erasing import OWNED, said, tell
from lineage.anchoring.behind import marked_fault
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar, Sidecar
from lineage.projections.views import BOOKMARK, TABLES
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage.stores.tables import BOOKMARK_ID
from lineage_schemas.errors import FrozenStoreError, StoreBehindError

LOST: Final = 5


class Signing:
    """A ledger that signs, and what it remembers."""

    def __init__(self, store: Store, remembered: Sidecar | None = None) -> None:
        self.store = store
        self.sidecar = MemorySidecar(remembered)
        self.keys = MemoryKeys(SeededRandomness("keys"))
        notary = Notary(self.sidecar, self.keys)
        self.ledger = Ledger(store, FakeClock(), SeededRandomness(), notary)

    @property
    def remembered(self) -> Sidecar:
        found = self.sidecar.read()
        assert found is not None
        return found

    def lose(self) -> None:
        """Remember that more entries were signed than there are."""
        self.ledger.custody.checkpoint()
        remembered, key = self.remembered, self.keys.current()
        assert remembered.checkpoint is not None
        assert key is not None
        signed = read_checkpoint(remembered.checkpoint.encode())
        note = sign_checkpoint(signed._replace(size=signed.size + LOST), key)
        with self.sidecar.locked():
            self.sidecar.write(replace(remembered, checkpoint=note.decode()))

    def declare_loss(self) -> None:
        assert self.ledger.recovery is not None
        self.ledger.recovery.declare_loss("the disk burnt")

    def drop_row(self) -> None:
        """Drop what the mark says, as software does that knows of none; the store stays frozen."""
        with self.store.write() as writer:
            kept = writer.find(BOOKMARK, "id", [BOOKMARK_ID])
            writer.clear((BOOKMARK,))
            writer.insert(BOOKMARK, kept)
        assert not self.is_marked()

    def is_marked(self) -> bool:
        with self.store.read() as reader:
            return marked_fault(reader) is not None


@pytest.fixture
def signing(store: Store) -> Signing:
    one = Signing(store)
    tell(one.ledger, "1", OWNED)
    return one


def test_a_sidecar_from_before_a_recovery_marks_nothing(signing: Signing) -> None:
    older: list[Sidecar] = []
    for _ in range(2):
        signing.lose()
        older.append(signing.remembered)
        signing.declare_loss()
        for remembered in older:
            stale = Signing(signing.store, remembered)
            with pytest.raises(StoreBehindError, match="of another ledger"):
                stale.ledger.record([said("2", OWNED)])
            stale.ledger.custody.tell_others()
            assert not signing.is_marked()
        tell(signing.ledger, f"after {len(older)}", OWNED)
    check_ledger(signing.ledger)


def test_a_store_from_before_a_recovery_is_marked(signing: Signing) -> None:
    later = Signing(MemoryStore("test/origin"))
    tell(later.ledger, "1", OWNED)
    later.lose()
    later.declare_loss()
    with pytest.raises(StoreBehindError, match="of another ledger"):
        Signing(signing.store, later.remembered).ledger.record([said("2", OWNED)])
    assert signing.is_marked()


@pytest.fixture
def marked(signing: Signing) -> Signing:
    signing.lose()
    with pytest.raises(StoreBehindError):
        signing.ledger.record([said("2", OWNED)])
    assert signing.is_marked()
    return signing


@pytest.mark.parametrize("store_location", ["postgres", "sqlite"], indirect=True)
def test_a_view_that_is_added_leaves_the_mark(
    marked: Signing, make_store: MakeStore, store_location: str
) -> None:
    run_behind(store_location, 'DROP TABLE "word"')
    later = Ledger(make_store(TABLES), FakeClock(), SeededRandomness("later"))
    with pytest.raises(StoreBehindError):
        later.custody.last_checkpoint()
    assert marked.is_marked()


def test_a_mark_comes_back_whose_row_was_dropped(marked: Signing) -> None:
    marked.drop_row()
    with pytest.raises(StoreBehindError):
        marked.ledger.record([said("2", OWNED)])
    assert marked.is_marked()


def test_a_loss_can_be_declared_where_the_row_of_the_mark_was_dropped(marked: Signing) -> None:
    marked.drop_row()
    marked.declare_loss()
    tell(marked.ledger, "2", OWNED)
    check_ledger(marked.ledger)


def test_a_frozen_store_without_a_mark_stays_frozen_where_nothing_is_remembered(
    marked: Signing,
) -> None:
    """It may have been exported for good."""
    marked.drop_row()
    unknowing = Signing(marked.store)
    with pytest.raises(FrozenStoreError):
        unknowing.declare_loss()


def test_a_ledger_that_was_exported_for_good_is_never_marked(
    signing: Signing, tmp_path: Path
) -> None:
    signing.ledger.moves.export(tmp_path / "log.jsonl", final=True)
    signing.lose()
    with pytest.raises(FrozenStoreError):
        signing.ledger.record([said("2", OWNED)])
    signing.ledger.custody.tell_others()
    assert not signing.is_marked()


def test_whoever_signs_the_rest_marks_what_is_behind(signing: Signing) -> None:
    signing.lose()
    with pytest.raises(StoreBehindError, match="missing"):
        signing.ledger.sign()
    assert signing.is_marked()
