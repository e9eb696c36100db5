"""An erasure that breaks at any step is made whole or not at all; asked again, it is finished."""

from pathlib import Path

import pytest

from checks import check_ledger
from doubles import BrokenError, FakeClock, Fault, FaultyStore, SeededRandomness, Step, When
from erasing import ALL, asked, entries_of, entry_at, view_bytes
from erasure_children import LATER_US, opened
from faulty_custody import FaultyKeys, FaultyParts, FaultySidecar
from lineage.anchoring.keys import KeyFile
from lineage.anchoring.notary import Notary
from lineage.anchoring.sidecar import SidecarFile
from lineage.ledger import Artifact, Event, EventKind, Ledger, Principal, Statement
from lineage.projections.views import TABLES
from lineage.service import Ledger as Service
from lineage.stores.opening import open_store

SECRET = "secretword"
STORE_FAULTS = [
    Fault(step, when)
    for step in (
        Step.BEGIN,
        Step.APPEND,
        Step.INSERT,
        Step.REPLACE,
        Step.ERASE,
        Step.CLEAR,
        Step.COMMIT,
        Step.SCRUB,
    )
    for when in When
]

PARTS_OF_AN_APPROVAL: dict[str, tuple[Fault | None, tuple[str, When, int] | None]] = {
    "commit": (Fault(Step.COMMIT, When.AFTER), None),
    "sidecar": (None, ("write", When.BEFORE, 1)),
    "scrub": (Fault(Step.SCRUB, When.BEFORE), None),
}


def told(path: Path) -> tuple[int, int]:
    """Make a ledger in which two statements are to be erased; return where they stand."""
    with opened(path) as ledger:
        receipts = ledger.record(
            Statement(
                id=key,
                source="ci",
                records=(
                    Artifact(key=key, name=name),
                    Event(artifact=key, execution="acme:run", kind=EventKind.INPUT),
                ),
            )
            for key, name in (("acme:a", SECRET), ("acme:b", SECRET), ("acme:c", "otherword"))
        )
    positions = [one.position for one in receipts if one.position is not None]
    return positions[0], positions[1]


def files_of(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(path.parent.iterdir()))


def faulty(path: Path) -> tuple[Ledger, FaultyStore, FaultyParts]:
    parts, randomness = FaultyParts(), SeededRandomness("faulty")
    sidecar = FaultySidecar(SidecarFile(path.with_name("ledger.db.sidecar")), parts)
    keys = FaultyKeys(KeyFile(path.with_name("ledger.db.key"), randomness), parts)
    store = FaultyStore(open_store(path, TABLES, "never used"))
    return Service(store, FakeClock(LATER_US), randomness, Notary(sidecar, keys)), store, parts


def check_whole(ledger: Ledger, positions: tuple[int, int]) -> bool:
    """Demand that both statements are erased and it is stated, or neither; tell which."""
    erased = [entry_at(ledger, at).erased for at in positions]
    stated = [one for one in entries_of(ledger) if one.statement.startswith("erasure/")]
    assert (erased, len(stated)) in (([None, None], 0), ([ALL, ALL], 1))
    return bool(stated)


@pytest.mark.parametrize("fault", STORE_FAULTS, ids=lambda one: " ".join(map(str, one)))
@pytest.mark.parametrize("is_same_process", [True, False])
def test_an_erasure_whose_store_breaks_is_whole_or_not_made(
    tmp_path: Path, fault: Fault, *, is_same_process: bool
) -> None:
    path = tmp_path / "ledger.db"
    positions = told(path)
    ledger, store, _ = faulty(path)
    store.fault = fault
    with pytest.raises(BrokenError):
        ledger.erasures.erase(asked(*positions, parts=ALL))
    is_made = check_whole(ledger, positions)
    done = (Step.COMMIT, When.AFTER), (Step.SCRUB, When.BEFORE), (Step.SCRUB, When.AFTER)
    assert is_made == (fault[:2] in done)
    second = ledger if is_same_process else opened(path, "second")
    second.erasures.erase(asked(*positions, parts=ALL))
    check_erased(second, path, positions)
    ledger.close()
    second.close()


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("is_same_process", [True, False])
def test_an_erasure_whose_sidecar_breaks_is_remembered_when_it_is_asked_again(
    tmp_path: Path, when: When, nth: int, *, is_same_process: bool
) -> None:
    path = tmp_path / "ledger.db"
    positions = told(path)
    ledger, _, parts = faulty(path)
    parts.fault = ("write", when, nth)
    if nth == 1:
        with pytest.raises(BrokenError):
            ledger.erasures.erase(asked(*positions, parts=ALL))
    else:
        # What is erased and remembered is not taken back because it could not be signed now.
        assert not ledger.erasures.erase(asked(*positions, parts=ALL)).refused
    assert parts.has_broken()
    assert check_whole(ledger, positions)
    second = ledger if is_same_process else opened(path, "second")
    second.erasures.erase(asked(*positions, parts=ALL))
    assert second.custody.last_checkpoint().unsigned == 0
    check_erased(second, path, positions)
    ledger.close()
    second.close()


@pytest.mark.parametrize("part", [*PARTS_OF_AN_APPROVAL])
@pytest.mark.parametrize("is_same_process", [True, False])
def test_an_approval_that_is_interrupted_is_finished_when_it_is_asked_for_again(
    tmp_path: Path, part: str, *, is_same_process: bool
) -> None:
    path = tmp_path / "ledger.db"
    positions = told(path)
    ledger, store, parts = faulty(path)
    ada, who = Principal("ada", is_local=True), Principal("bob", is_local=True)
    at = ledger.erasures.propose(positions, ALL, legal_basis="GDPR 17(1)", principal=ada).position
    assert at is not None
    store.fault, parts.fault = PARTS_OF_AN_APPROVAL[part]
    with pytest.raises(BrokenError):
        ledger.erasures.approve(at, principal=who)
    second = ledger if is_same_process else opened(path, "second")
    answer = second.erasures.approve(at, principal=who)
    assert (answer.refused, answer.scrubbed, answer.nodes) == (False, True, 3)
    assert answer.positions == positions
    assert second.custody.last_checkpoint().unsigned == 0
    check_erased(second, path, positions)
    ledger.close()
    second.close()


def test_what_an_interrupted_erasure_has_left_to_do_is_done_by_whoever_looks_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    positions = told(path)
    ledger, store, _ = faulty(path)
    store.fault = Fault(Step.SCRUB, When.BEFORE)
    with pytest.raises(BrokenError):
        ledger.erasures.erase(asked(*positions, parts=ALL))
    ledger.erasures.finish()
    check_erased(ledger, path, positions)
    ledger.close()


def check_erased(ledger: Ledger, path: Path, positions: tuple[int, int]) -> None:
    assert check_whole(ledger, positions)
    assert ledger._store.is_scrubbed
    sidecar = SidecarFile(path.with_name("ledger.db.sidecar")).read()
    assert sidecar is not None
    assert [one.position for one in sidecar.erased if one.facts] == list(positions)
    assert SECRET.encode() not in files_of(path) + view_bytes(ledger)
    assert ledger.find("otherword").nodes[0].key == "acme:c"
    check_ledger(ledger)
