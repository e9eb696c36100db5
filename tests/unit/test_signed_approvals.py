"""Whether an approval is shown as signed: its signature is verified, and nobody's word is taken."""

import json
from datetime import UTC, datetime

import pytest

from calendars import moves_in, say_move
from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.connectors.declarations.reading import read_declarations
from lineage.importing.declaring import declare
from lineage.importing.versions import Speaker
from lineage.ledger import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    EventKind,
    Execution,
    StatedTime,
    Statement,
)
from lineage.proofs.checkpoints import verifier_key_of
from lineage.proofs.notes import Declarer
from lineage.proofs.signing import SigningKey
from lineage.proofs.verifying import format_verifier_key
from lineage.service import Ledger
from lineage_schemas.records import AnyRecord
from lineage_schemas.registry_views import ApprovalOf, ApprovalView, Attestation
from lineage_schemas.values import JsonValue

FRAUD, V1, V2 = "acme:registered/fraud", "acme:version/1", "acme:version/2"
ANA = SigningKey("example.org/ana", bytes(range(32)))
NOW = datetime(2026, 2, 1, tzinfo=UTC)
APPROVAL = "approval:declarations/a"


@pytest.fixture
def signed() -> Ledger:
    """Return a ledger with two versions, of which Ana signed her approval of the first."""
    ledger = open_ledger("memory:", clock=FakeClock(), randomness=SeededRandomness())
    tell(
        ledger,
        "versions",
        Context(key=FRAUD, type="lineage.RegisteredModel"),
        *(Artifact(key=key, type="lineage.ModelVersion") for key in (V1, V2)),
        *(Attribution(context=FRAUD, artifact=key) for key in (V1, V2)),
    )
    approval: JsonValue = {"decision": "approved", "approver": "Ana Ruiz"}
    tree = {"id": "a", "subject": V1, "kind": "artifact", "approval": approval}
    given = read_declarations(json.dumps([tree]).encode())
    known = (Declarer("Ana Ruiz", verifier_key_of(ANA)),)
    declare(ledger, given, Speaker(source="declarations"), NOW, known, ANA)
    return ledger


def tell(ledger: Ledger, name: str, *records: AnyRecord) -> None:
    ledger.record([Statement(id=name, source="zealot", records=records)])


def approvals(ledger: Ledger) -> dict[tuple[str | None, str | None], ApprovalView]:
    found = ledger.registry.model(FRAUD).approvals
    return {(one.version, one.approval): one for one in found}


def test_an_approval_that_its_approver_signed_is_shown_with_the_key(signed: Ledger) -> None:
    (one,) = approvals(signed).values()
    assert (one.version, one.approver, one.attestation) == (V1, "Ana Ruiz", Attestation.SIGNED)
    assert one.verifier_key == format_verifier_key(verifier_key_of(ANA))


def forge(ledger: Ledger, **properties: JsonValue) -> ApprovalView:
    """State an approval of the second version, with all that the signed one of the first keeps."""
    kept = ledger.show(APPROVAL)[0].node.custom_properties
    said: dict[str, JsonValue] = {"approver": "Ana Ruiz", "decision": "approved"}
    made = Artifact(
        key="acme:forged",
        type="lineage.Approval",
        properties={**said, "is_signed": True, **properties},
        custom_properties=kept,
    )
    step = Execution(key="acme:forging", type="lineage.Approve")
    tell(
        ledger,
        "forged",
        made,
        step,
        Event(artifact=V2, execution="acme:forging", kind=EventKind.INPUT),
        Event(artifact="acme:forged", execution="acme:forging", kind=EventKind.OUTPUT),
    )
    return approvals(ledger)[V2, "acme:forged"]


def test_that_somebody_states_it_to_be_signed_is_a_report(signed: Ledger) -> None:
    one = forge(signed)
    assert (one.attestation, one.verifier_key) == (Attestation.REPORTED, None)


def test_a_signed_decision_is_not_carried_over_to_another_version(signed: Ledger) -> None:
    step = "approve:declarations/a"
    tell(signed, "more", Event(artifact=V2, execution=step, kind=EventKind.INPUT))
    found = approvals(signed)
    assert found[V1, APPROVAL].attestation is Attestation.SIGNED
    assert found[V2, APPROVAL].attestation is Attestation.REPORTED


def test_a_decision_that_was_changed_behind_its_signature_is_a_report(signed: Ledger) -> None:
    changed = Artifact(key=APPROVAL, type="lineage.Approval", properties={"decision": "rejected"})
    later = StatedTime(start=datetime(2027, 1, 1, tzinfo=UTC))
    signed.record([Statement(id="changed", source="zealot", stated=later, records=(changed,))])
    found = approvals(signed)[V1, APPROVAL]
    assert (found.decision, found.attestation) == ("rejected", Attestation.REPORTED)


def test_what_was_decided_of_the_registered_model_is_told_and_is_about_no_version(
    signed: Ledger,
) -> None:
    approval: JsonValue = {"decision": "approved", "approver": "Ana Ruiz"}
    tree = {"id": "whole", "subject": FRAUD, "kind": "context", "approval": approval}
    given = read_declarations(json.dumps([tree]).encode())
    known = (Declarer("Ana Ruiz", verifier_key_of(ANA)),)
    declare(signed, given, Speaker(source="declarations"), NOW, known, ANA)
    (one,) = (each for each in signed.registry.model(FRAUD).approvals if each.version is None)
    assert (one.about, one.about_kind) == (FRAUD, ApprovalOf.REGISTERED_MODEL)
    assert (one.approver, one.attestation) == ("Ana Ruiz", Attestation.SIGNED)


def test_what_was_decided_of_a_place_is_told_where_a_version_was_deployed(signed: Ledger) -> None:
    here, elsewhere = moves_in("1 blue deploy a\n1 green deploy a")
    signed.record([say_move(here, inputs=[V1]), say_move(elsewhere)])
    for place in ("blue", "green"):
        key = f"acme:approve-{place}"
        tell(
            signed,
            place,
            Execution(key=key, type="lineage.Approve"),
            Association(context=f"acme:{place}", execution=key),
        )
    (one,) = (each for each in signed.registry.model(FRAUD).approvals if each.version is None)
    assert (one.about, one.about_kind) == ("acme:blue", ApprovalOf.PLACE)
