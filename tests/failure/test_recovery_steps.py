"""A recovery that breaks at any step is finished by declaring the loss again."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from checks import check_ledger
from doubles import BrokenError, FakeClock, Fault, FaultyStore, SeededRandomness, Step, When
from erasing import ALL, asked, entry_at
from erasure_children import LATER_US, opened
from faulty_custody import FaultyKeys, FaultyParts, FaultySidecar
from lineage.anchoring.keys import KeyFile
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, Ledger, Statement
from lineage.projections.governance import RECOVERY, read_keys
from lineage.projections.views import TABLES
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import open_checkpoint, parse_verifier_key
from lineage.recovery import RESTATED
from lineage.service import Ledger as Service
from lineage.stores.opening import open_store
from lineage.stores.scanning import scan_rows
from lineage_schemas.errors import LedgerError, PreconditionError, StaleHeadError


class Faulty(NamedTuple):
    """A ledger of which each part can be told to break."""

    ledger: Ledger
    store: FaultyStore
    parts: FaultyParts

    def declare_loss(self) -> None:
        assert self.ledger.recovery is not None
        self.ledger.recovery.declare_loss("the disk failed")


def faulty(path: Path, seed: str) -> Faulty:
    parts = FaultyParts()
    sidecar = FaultySidecar(SidecarFile(path.with_name("ledger.db.sidecar")), parts)
    randomness = SeededRandomness(seed)
    keys = FaultyKeys(KeyFile(path.with_name("ledger.db.key"), randomness), parts)
    store = FaultyStore(open_store(path, TABLES, "never used"))
    ledger = Service(store, FakeClock(LATER_US), randomness, Notary(sidecar, keys))
    return Faulty(ledger, store, parts)


def told(ledger: Ledger, number: int, count: int = 1) -> list[int]:
    receipts = ledger.record(
        Statement(
            id=f"{number}/{at}",
            source="ci",
            records=(Artifact(key=f"acme:{number}/{at}", name=f"name {number}/{at}"),),
        )
        for at in range(count)
    )
    return [one.position for one in receipts if one.position is not None]


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose ledger was put back to before an erasure and three statements."""
    folder = tmp_path_factory.mktemp("restored")
    path = folder / "ledger.db"
    with opened(path) as ledger:
        assert told(ledger, 0, 4) == [4, 5, 6, 7]
    backup = path.read_bytes()
    with opened(path, "second") as ledger:
        ledger.erasures.erase(asked(5, parts=ALL))
        told(ledger, 1, 3)
    path.write_bytes(backup)
    return folder


SIGNED: list[Fault | tuple[str, When, int]] = [
    ("write", When.AFTER, 2),
    *(
        Fault(step, when, 2)
        for step in (Step.BEGIN, Step.KEEP_CHECKPOINT, Step.COMMIT)
        for when in When
    ),
]
"""Once the checkpoint is remembered, the next who signs does what is left."""

FAULTS: list[Fault | tuple[str, When, int]] = [
    *(("stage", when, 1) for when in When),
    *(
        Fault(step, when)
        for step in (Step.BEGIN, Step.RENAME, Step.KEEP_CHECKPOINT, Step.APPEND, Step.COMMIT)
        for when in When
    ),
    *(("write", when, nth) for nth in (1, 2) for when in When),
    *(("promote", when, 1) for when in When),
    *SIGNED[1:],
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: " ".join(map(str, one)))
@pytest.mark.parametrize("is_same_process", [True, False])
def test_a_recovery_that_broke_is_finished_by_declaring_it_again(
    restored: Path, tmp_path: Path, fault: Fault | tuple[str, When, int], *, is_same_process: bool
) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(restored, folder)
    first = faulty(folder / "ledger.db", "first")
    if isinstance(fault, Fault):
        first.store.fault = fault
    else:
        first.parts.fault = fault
    with pytest.raises(BrokenError):
        first.declare_loss()
    second = first if is_same_process else faulty(folder / "ledger.db", "second")
    if fault in SIGNED:
        with pytest.raises(PreconditionError, match="nothing to recover"):
            second.declare_loss()
    else:
        second.declare_loss()
    check_recovered(second.ledger)
    first.store.close()
    second.store.close()
    with opened(folder / "ledger.db", "third") as third:
        told(third, 3)
        check_ledger(third)


def check_recovered(ledger: Ledger, number: int = 2) -> None:
    """Demand one recovery, one new key in its place, and a ledger that takes statements."""
    assert told(ledger, number)
    now = ledger.custody.checkpoint()
    notary = ledger.recovery._notary if ledger.recovery else None
    assert notary is not None
    assert notary.keys.pending() is None
    assert notary.signing_key().name == now.origin == ledger.origin
    assert "/recovered-" in now.origin
    with ledger._store.read() as reader:
        assert len(list(scan_rows(reader, RECOVERY))) == 1
        assert len(read_keys(reader)) == 2
        assert reader.checkpoint() == now.note.encode()
    key = parse_verifier_key(ledger.custody.keys()[-1].verifier)
    assert open_checkpoint(now.note.encode(), [key]).checkpoint.size == ledger.head().size
    assert entry_at(ledger, 5).erased is ALL
    (redaction,) = ledger.entries(5, count=1).redactions
    assert redaction.legal_basis == RESTATED
    sidecar = notary.recall().sidecar
    assert sidecar is not None
    assert sidecar.origin == ledger.origin
    assert [one.position for one in sidecar.erased] == [5]
    check_ledger(ledger)


def test_whoever_commits_after_a_recovery_that_broke_before_the_key_was_changed_can(
    restored: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(restored, folder)
    first = faulty(folder / "ledger.db", "first")
    first.parts.fault = ("promote", When.BEFORE, 1)
    with pytest.raises(BrokenError):
        first.declare_loss()
    first.store.close()
    with opened(folder / "ledger.db", "second") as ledger:
        told(ledger, 2)
        assert ledger.custody.checkpoint().origin == ledger.origin
        check_ledger(ledger)


def test_a_broken_recovery_of_which_nothing_was_written_leaves_the_way_back(
    restored: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(restored, folder)
    first = faulty(folder / "ledger.db", "first")
    before = first.ledger.origin
    first.store.fault = Fault(Step.COMMIT, When.BEFORE)
    with pytest.raises(LedgerError):
        first.declare_loss()
    assert first.ledger.origin == before
    with pytest.raises(LedgerError, match="missing"):
        told(first.ledger, 2)
    first.store.close()


def test_of_two_who_declare_one_loss_the_second_changes_nothing(
    restored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(restored, folder)
    first, second = faulty(folder / "ledger.db", "first"), faulty(folder / "ledger.db", "second")
    assert second.ledger.recovery is not None
    make_key = second.ledger.recovery._new_key

    def make_key_slowly(former: str) -> SigningKey:
        first.declare_loss()
        return make_key(former)

    monkeypatch.setattr(second.ledger.recovery, "_new_key", make_key_slowly)
    with pytest.raises(StaleHeadError, match="meanwhile"):
        second.declare_loss()
    check_recovered(first.ledger)
    check_recovered(second.ledger, 4)
    first.store.close()
    second.store.close()
