"""What waits together is judged as it would be one by one."""

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Event, EventKind, Execution, Ledger, Principal, Role, Statement
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage_schemas.errors import ForbiddenError
from lineage_schemas.records import AnyRecord

EVE, MACHINE, JUDGE = Principal("eve"), Principal("machine"), Principal("judge")
MODEL, VERDICT = "acme:model", "acme:approval/1"
DECISION = Artifact(key=VERDICT, type="lineage.Approval", properties={"decision": "approved"})
OVERRULED = Event(artifact=VERDICT, execution="acme:run", kind=EventKind.OUTPUT)

Said = tuple[Principal, str, AnyRecord]
PLAIN: Said = (MACHINE, "plain", Execution(key="acme:run/1", type="lineage.Train"))


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Return a ledger with a machine that ingests, and a judge that approves."""
    made = Service(store, FakeClock(), SeededRandomness())
    made.access.grant("machine", Role.INGEST, ["default"])
    made.access.grant("judge", Role.APPROVER, ["default"])
    made.record([Statement(id="first", source="local", records=(Artifact(key=MODEL),))])
    return made


def taken(ledger: Ledger, *said: Said) -> list[bool]:
    """Commit a group; tell for each delivery whether it went in, or was forbidden."""
    size = ledger.head().size
    outcomes = ledger.commit(
        [
            ledger.prepare([Statement(id=name, source=who.name, records=(record,))], principal=who)
            for who, name, record in said
        ]
    )
    fine = [isinstance(outcome, list) for outcome in outcomes]
    assert all(isinstance(one, list | ForbiddenError) for one in outcomes)
    speakers = {who.name for (who, _, _), went_in in zip(said, fine, strict=True) if went_in}
    news = ledger.entries(start=size, count=100).entries
    assert speakers == {entry.source for entry in news if entry.source != "lineage"}
    return fine


def test_nobody_slips_in_beside_somebody_else(ledger: Ledger) -> None:
    said: list[Said] = [(EVE, f"wrong-{one}", Artifact(key="acme:eve")) for one in range(2)]
    assert taken(ledger, PLAIN, *said) == [True, False, False]


def test_a_revoked_right_is_gone_for_a_group_too(ledger: Ledger) -> None:
    more: Said = (MACHINE, "more", Artifact(key="acme:more"))
    prepared = [PLAIN, more]
    ledger.access.revoke(ledger.access.grants()[0].position)
    assert taken(ledger, *prepared) == [False, False]


def test_an_approval_is_not_touched_by_what_waits_behind_it(ledger: Ledger) -> None:
    said: list[Said] = [(JUDGE, "verdict", DECISION), PLAIN, (MACHINE, "overruled", OVERRULED)]
    assert taken(ledger, *said) == [True, True, False]


def test_an_approval_does_not_take_over_what_waits_before_it(ledger: Ledger) -> None:
    said: list[Said] = [
        (MACHINE, "mine", Artifact(key=VERDICT, type="lineage.Model")),
        PLAIN,
        (JUDGE, "verdict", DECISION),
    ]
    assert taken(ledger, *said) == [True, True, False]


def test_an_approval_of_the_local_principal_is_not_touched_either(ledger: Ledger) -> None:
    local = Principal("local", is_local=True)
    said: list[Said] = [(local, "verdict", DECISION), PLAIN, (MACHINE, "overruled", OVERRULED)]
    assert taken(ledger, *said) == [True, True, False]
