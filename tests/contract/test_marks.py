"""Who signs marks a store that is behind what was signed, whatever kind of store it is."""

from typing import Final

import pytest
from msgspec.structs import replace

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import OWNED, said, tell
from lineage.anchoring.behind import marked_fault
from lineage.anchoring.keys import MemoryKeys
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import MemorySidecar, Sidecar
from lineage.proofs.checkpoints import read_checkpoint, sign_checkpoint
from lineage.service import Ledger
from lineage.stores.base import Store
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import StoreBehindError

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
