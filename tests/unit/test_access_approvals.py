"""Nobody approves what they have ingested, and whoever approves says nothing else."""

import pytest
from msgspec import Struct

from doubles import FakeClock, SeededRandomness
from lineage.connectors.base import Mapped, ReceivedMessage
from lineage.ledger import (
    Artifact,
    Attribution,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    ExecutionState,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    Principal,
    Retraction,
    Role,
    Statement,
)
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage_schemas.errors import ForbiddenError
from lineage_schemas.records import AnyRecord

MACHINE, JUDGE = Principal("machine"), Principal("judge")
MODEL, RUN, STEP, VERDICT = "acme:model", "acme:run", "acme:approve/1", "acme:approval/1"

APPROVE = Execution(key=STEP, type="lineage.Approve", state=ExecutionState.COMPLETE)
DECISION = Artifact(
    key=VERDICT, type="lineage.Approval", properties={"decision": "approved", "approver": "Jo"}
)
RESTS_ON = Event(artifact=MODEL, execution=STEP, kind=EventKind.INPUT)
SAYS = Event(artifact=VERDICT, execution=STEP, kind=EventKind.OUTPUT)
TRAINED = Execution(key=RUN, type="lineage.Train")
MADE = Event(artifact=MODEL, execution=RUN, kind=EventKind.OUTPUT)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Return a ledger with a machine that ingests, a judge that approves, and a model."""
    made = Service(store, FakeClock(), SeededRandomness())
    made.access.grant("machine", Role.INGEST, ["default"])
    made.access.grant("judge", Role.APPROVER, ["default"])
    say(made, MACHINE, "trained", TRAINED, Artifact(key=MODEL, type="lineage.Model"), MADE)
    return made


def say(ledger: Ledger, who: Principal, name: str, *records: AnyRecord) -> None:
    ledger.record([Statement(id=name, source=who.name, records=records)], principal=who)


def test_an_approver_approves(ledger: Ledger) -> None:
    say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    (answer,) = ledger.show(VERDICT)
    assert answer.node.properties["decision"] == "approved"


def test_an_approver_may_revise_its_decision(ledger: Ledger) -> None:
    say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    say(ledger, JUDGE, "again", Artifact(key=VERDICT, type="lineage.Approval", name="revised"))


@pytest.mark.parametrize(
    "records",
    [
        (APPROVE,),
        (DECISION,),
        (APPROVE, DECISION, RESTS_ON, SAYS),
        (TRAINED, DECISION),
    ],
)
def test_who_ingests_approves_nothing(ledger: Ledger, records: tuple[AnyRecord, ...]) -> None:
    with pytest.raises(ForbiddenError, match="approve"):
        say(ledger, MACHINE, "verdict", *records)


@pytest.mark.parametrize(
    "records",
    [
        (TRAINED,),
        (MADE,),
        (APPROVE, TRAINED),
        (APPROVE, MADE),
        (APPROVE, Event(artifact=MODEL, execution=STEP, kind=EventKind.OUTPUT)),
        (APPROVE, Context(key="acme:c", name="c")),
        (Artifact(key=MODEL, type="lineage.Approval"),),
        (Execution(key=RUN, type="lineage.Approve"),),
        (
            DECISION,
            Claim(
                kind=Kind.ARTIFACT, node=VERDICT, identifier=MODEL, link_class=LinkClass.ASSERTED
            ),
        ),
        (APPROVE, Attribution(context="acme:c", artifact=MODEL)),
        (APPROVE, MetricSeries(execution=RUN, metric="m", chunk=0, points=((0, 1, None),))),
        (
            APPROVE,
            Claim(kind=Kind.ARTIFACT, node=MODEL, identifier="x:y", link_class=LinkClass.ASSERTED),
        ),
    ],
)
def test_who_approves_says_nothing_else(ledger: Ledger, records: tuple[AnyRecord, ...]) -> None:
    with pytest.raises(ForbiddenError):
        say(ledger, JUDGE, "verdict", *records)


@pytest.mark.parametrize(
    "record",
    [
        Artifact(key=VERDICT, custom_properties={"decision": "rejected"}),
        Artifact(key=VERDICT, type="lineage.Model"),
        Execution(key=STEP, name="renamed"),
        Event(artifact=MODEL, execution=STEP, kind=EventKind.OUTPUT),
        Event(artifact=VERDICT, execution=RUN, kind=EventKind.INPUT),
        MetricSeries(execution=STEP, metric="m", chunk=0, points=((0, 1, None),)),
        Claim(kind=Kind.ARTIFACT, node=VERDICT, identifier="x:y", link_class=LinkClass.ASSERTED),
        Claim(kind=Kind.ARTIFACT, node=MODEL, identifier=VERDICT, link_class=LinkClass.ASSERTED),
    ],
)
def test_what_was_decided_is_not_touched_by_who_ingests(ledger: Ledger, record: AnyRecord) -> None:
    say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    size = ledger.head().size
    with pytest.raises(ForbiddenError):
        say(ledger, MACHINE, "after", record)
    assert ledger.head().size == size
    say(ledger, MACHINE, "elsewhere", Artifact(key=MODEL, name="still free"))


def test_a_command_that_changes_an_approval_is_refused_too(ledger: Ledger) -> None:
    made = Execution(type="lineage.Approve", name="by command")
    command = Statement(id="c", source="judge", records=(made,), mode=Mode.COMMAND)
    ledger.record([command], principal=JUDGE)
    (node,) = ledger.list_nodes("lineage.Approve").nodes
    change = Execution(id=node.id, name="other")
    with pytest.raises(ForbiddenError):
        ledger.record(
            [Statement(id="d", source="machine", records=(change,), mode=Mode.COMMAND)],
            principal=MACHINE,
        )


def test_a_key_that_somebody_has_claimed_beforehand_is_no_approval_s(ledger: Ledger) -> None:
    """Else what was claimed to go by it would show as one with the approval."""
    squat = Claim(kind=Kind.ARTIFACT, node=MODEL, identifier=VERDICT, link_class=LinkClass.ASSERTED)
    say(ledger, MACHINE, "squat", squat)
    with pytest.raises(ForbiddenError):
        say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    undo = Retraction(
        kind=Kind.ARTIFACT, node=MODEL, identifier=VERDICT, link_class=LinkClass.ASSERTED
    )
    say(ledger, MACHINE, "undo", undo)
    say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    (answer,) = ledger.show(VERDICT)
    assert [node.key for node in answer.members] == [VERDICT]


# --- what a tool reports -------------------------------------------------------------------------


class Reporting(Struct, frozen=True):
    """A mapping of one message, which states what a test says it does."""

    id: str
    records: tuple[AnyRecord, ...]
    version: str = "reporting/1"

    def map(self, body: bytes) -> Mapped:
        del body
        return Mapped(self.id, None, self.records)


def report(
    ledger: Ledger, who: Principal, name: str, *records: AnyRecord, source: str = "tool"
) -> None:
    message = ReceivedMessage(b"{}", "application/json")
    ledger.receive(message, Reporting(name, records), source=source, principal=who)


def test_a_report_of_a_decision_takes_what_every_message_takes(ledger: Ledger) -> None:
    report(ledger, MACHINE, "asked", APPROVE, DECISION, RESTS_ON, SAYS, TRAINED, MADE)
    report(ledger, MACHINE, "again", APPROVE, Artifact(key=VERDICT, type="lineage.Approval"), SAYS)
    with pytest.raises(ForbiddenError, match="ingest"):
        report(ledger, JUDGE, "judged", APPROVE, DECISION, RESTS_ON, SAYS)
    ledger.access.grant("narrow", Role.INGEST, ["default"], sources=["tool"])
    narrow = Principal("narrow")
    report(ledger, narrow, "third", APPROVE, DECISION, SAYS)
    with pytest.raises(ForbiddenError, match="ingest"):
        report(ledger, narrow, "fourth", APPROVE, DECISION, SAYS, source="other")


@pytest.mark.parametrize("mapping", [None, "reporting/1"])
def test_nobody_makes_a_report_by_calling_it_one(ledger: Ledger, mapping: str | None) -> None:
    report(ledger, MACHINE, "asked", APPROVE, DECISION, SAYS)
    for name, key in (("asked@2", VERDICT), ("asked@3", "acme:approval/2")):
        made = Artifact(key=key, type="lineage.Approval", properties={"decision": "rejected"})
        forged = Statement(
            id=name, source="tool", records=(made,), message="asked", mapping=mapping
        )
        with pytest.raises(ForbiddenError, match="approve"):
            ledger.record([forged], principal=MACHINE)


@pytest.mark.parametrize(
    "records",
    [
        (APPROVE, DECISION, SAYS),
        (DECISION,),
        (Artifact(key=VERDICT, custom_properties={"decision": "rejected"}),),
        (Event(artifact=VERDICT, execution=RUN, kind=EventKind.INPUT),),
        (
            Artifact(key="acme:approval/2", type="lineage.Approval"),
            Event(artifact=VERDICT, execution=STEP, kind=EventKind.OUTPUT),
        ),
        (Claim(kind=Kind.ARTIFACT, node=MODEL, identifier=VERDICT, link_class=LinkClass.ASSERTED),),
    ],
)
def test_a_report_touches_nothing_that_was_decided_here(
    ledger: Ledger, records: tuple[AnyRecord, ...]
) -> None:
    say(ledger, JUDGE, "verdict", APPROVE, DECISION, RESTS_ON, SAYS)
    size = ledger.head().size
    with pytest.raises(ForbiddenError):
        report(ledger, MACHINE, "after", *records)
    assert ledger.head().size == size


def test_a_report_touches_nothing_that_another_source_reported(ledger: Ledger) -> None:
    report(ledger, MACHINE, "one", APPROVE, DECISION, SAYS, source="one")
    with pytest.raises(ForbiddenError):
        report(ledger, MACHINE, "other", APPROVE, DECISION, SAYS, source="other")
    used = Event(artifact=VERDICT, execution=RUN, kind=EventKind.INPUT)
    with pytest.raises(ForbiddenError):
        report(ledger, MACHINE, "used", used, source="one")


@pytest.mark.parametrize("key", [MODEL, "acme:squatted"])
def test_a_report_makes_no_approval_of_what_is_something_else(ledger: Ledger, key: str) -> None:
    squat = Claim(
        kind=Kind.ARTIFACT,
        node=MODEL,
        identifier="acme:squatted",
        link_class=LinkClass.ASSERTED,
    )
    say(ledger, MACHINE, "squat", squat)
    with pytest.raises(ForbiddenError):
        report(ledger, MACHINE, "taken", Artifact(key=key, type="lineage.Approval"))
