"""What an erasure takes, what it leaves, and what it refuses."""

import pytest

from checks import check_ledger
from erasing import (
    ALL,
    DESCRIBED,
    OWNED,
    RUN,
    A,
    B,
    all_answers,
    asked,
    entry_at,
    said,
    tell,
    view_bytes,
)
from lineage.connectors.base import ReceivedMessage
from lineage.connectors.openlineage.mapping import OpenLineageMapping
from lineage.ledger import (
    Artifact,
    Claim,
    Direction,
    ErasureRequest,
    Event,
    EventKind,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    Outcome,
    PartsErased,
    TraceQuery,
)
from lineage_schemas.errors import (
    ConflictError,
    InvalidInputError,
    LedgerError,
    NotFoundError,
    PreconditionError,
)
from lineage_schemas.mlmd import ArtifactType
from openlineage_messages import Object, dataset, encoded, job_with, key_of, run_event

# --- what is taken and what is left --------------------------------------------------------------


def test_the_personal_part_alone_goes_with_its_salt(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    assert at == DESCRIBED
    answer = ledger.erasures.erase(asked(at))
    assert (answer.positions, answer.nodes, answer.refused) == ((at,), 1, False)
    assert (answer.scrubbed, answer.copies, answer.objections) == (True, (), ())
    with ledger._store.read() as reader:
        facts, personal = reader.payload(at)
    assert personal is None
    assert facts is not None
    assert b"claims" in facts.body
    assert b"eve" not in facts.body
    assert b"mallory" not in facts.body
    check_ledger(ledger)


def test_a_value_that_never_was_there_does_not_show_as_erased(ledger: Ledger) -> None:
    without = Artifact(key=B, name="bob", personal=("note",))
    at = tell(ledger, "1", OWNED, without)
    ledger.erasures.erase(asked(at))
    (answer,) = ledger.show(B)
    assert (answer.node.properties, answer.node.custom_properties) == ({}, {})
    assert (answer.node.redacted, answer.redactions) == (0, ())
    (owned,) = ledger.show(A)
    assert owned.node.custom_properties == {"note": {"$redacted": at}, "plain": 1}
    check_ledger(ledger)


def test_both_parts_go_with_their_salts(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    ledger.erasures.erase(asked(at, parts=ALL))
    with ledger._store.read() as reader:
        assert reader.payload(at) == (None, None)
    assert b"claims" not in view_bytes(ledger)
    check_ledger(ledger)


def test_the_envelope_the_leaf_and_every_proof_stay(ledger: Ledger) -> None:
    joined = Event(artifact=A, execution=RUN, kind=EventKind.INPUT)
    at = tell(ledger, "1", OWNED, joined)
    head = ledger.head()
    with ledger._store.read() as reader:
        before = reader.envelopes(0, 100), reader.hashes(0, 0, head.size)
    ledger.erasures.erase(asked(at, parts=ALL))
    with ledger._store.read() as reader:
        assert (reader.envelopes(0, head.size), reader.hashes(0, 0, head.size)) == before
    assert ledger.basis(head.size).root == head.root.hex()


def test_nodes_and_edges_keep_their_ids_and_ends(ledger: Ledger) -> None:
    tell(ledger, "1", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))
    at = tell(ledger, "2", OWNED, Event(artifact=B, execution=RUN, kind=EventKind.OUTPUT))
    query = TraceQuery(start=(A,), direction=Direction.BOTH)
    before = ledger.trace(query)
    ledger.erasures.erase(asked(at, parts=ALL))
    after = ledger.trace(query)
    assert [(node.kind, node.id, node.depth) for node in after.nodes] == [
        (node.kind, node.id, node.depth) for node in before.nodes
    ]
    assert [edge[:3] for edge in map(_tuple, after.edges)] == [
        edge[:3] for edge in map(_tuple, before.edges)
    ]
    assert len(after.edges) == 2


def _tuple(edge: object) -> tuple[object, ...]:
    return tuple(getattr(edge, name) for name in ("artifact", "execution", "kind", "path"))


def test_all_parts_can_go_after_the_personal_one(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    tell(ledger, "2", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))
    first = ledger.erasures.erase(asked(at, reason="asked for"))
    second = ledger.erasures.erase(asked(at, parts=ALL))
    assert second.positions == (at,)
    # Each is told with who asked for it: what one has erased is not laid at the other's door.
    assert [(one.parts, one.erased_by) for one in ledger.show(A)[0].redactions] == [
        (PartsErased.PERSONAL, first.position),
        (PartsErased.ALL, second.position),
    ]
    assert ledger.show(A)[0].basis.redactions == 1
    assert ledger.show(A)[0].node.properties == {}
    check_ledger(ledger)


def test_after_all_parts_nothing_personal_is_left_to_erase(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    ledger.erasures.erase(asked(at, parts=ALL))
    size = ledger.head().size
    answer = ledger.erasures.erase(asked(at))
    assert (answer.positions, answer.position) == ((), None)
    assert ledger.head().size == size


@pytest.mark.parametrize("parts", list(PartsErased))
def test_a_second_erasure_of_the_same_states_nothing(ledger: Ledger, parts: PartsErased) -> None:
    at = tell(ledger, "1", OWNED)
    ledger.erasures.erase(asked(at, parts=parts))
    head = ledger.head()
    answer = ledger.erasures.erase(asked(at, parts=parts))
    assert (answer.positions, answer.position, answer.refused) == ((), None, False)
    assert ledger.head() == head


def test_an_entry_without_a_personal_part_has_nothing_to_erase_of_it(ledger: Ledger) -> None:
    at = tell(ledger, "1", Artifact(key=A, name="plain"))
    assert ledger.erasures.erase(asked(at)).position is None
    assert ledger.erasures.plan([at], ALL).positions == (at,)


def test_a_plan_changes_nothing_and_says_what_an_erasure_would_do(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED, Artifact(key=B))
    head, before = ledger.head(), view_bytes(ledger)
    plan = ledger.erasures.plan([A], ALL)
    assert (plan.positions, plan.nodes, plan.position) == ((at,), 2, None)
    assert (ledger.head(), view_bytes(ledger)) == (head, before)
    done = ledger.erasures.erase(asked(A, parts=ALL))
    assert (done.positions, done.nodes) == (plan.positions, plan.nodes)


# --- what is refused -----------------------------------------------------------------------------


def refused(ledger: Ledger, ask: ErasureRequest, error: type[LedgerError], match: str) -> None:
    """Demand that an erasure is refused, and that nothing at all was written."""
    head, before = ledger.head(), view_bytes(ledger)
    with pytest.raises(error, match=match):
        ledger.erasures.erase(ask)
    assert (ledger.head(), view_bytes(ledger)) == (head, before)


@pytest.mark.parametrize("at", [0, 1])
def test_the_facts_of_the_ledgers_own_statements_are_refused(ledger: Ledger, at: int) -> None:
    tell(ledger, "1", OWNED)
    refused(ledger, asked(at, parts=ALL), PreconditionError, "states of itself")


def test_the_facts_of_an_erasure_itself_are_refused(ledger: Ledger) -> None:
    at = ledger.erasures.erase(asked(tell(ledger, "1", OWNED))).position
    assert at is not None
    refused(ledger, asked(at, parts=ALL), PreconditionError, "states of itself")


def test_an_entry_that_puts_a_type_is_refused(ledger: Ledger) -> None:
    at = tell(ledger, "1", ArtifactType(name="Shape"), mode=Mode.COMMAND)
    refused(ledger, asked(at, parts=ALL), PreconditionError, "puts a type")


def test_one_entry_that_cannot_be_erased_keeps_all_the_others(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    refused(ledger, asked(at, 0, parts=ALL), PreconditionError, "position 0")
    assert ledger.show(A)[0].node.properties["owner"] == "eve adams"


def test_an_entry_of_another_namespace_is_refused(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    ledger.record([said("1", Artifact(key=B))], namespace="other")
    head = ledger.head()
    with pytest.raises(NotFoundError, match="another namespace"):
        ledger.erasures.erase(asked(at, parts=ALL), namespace="other")
    with pytest.raises(NotFoundError, match="no node"):
        ledger.erasures.erase(asked(A, parts=ALL), namespace="other")
    with pytest.raises(NotFoundError, match="Nothing was ever said"):
        ledger.erasures.erase(asked(at, parts=ALL), namespace="unheard")
    assert ledger.head() == head


@pytest.mark.parametrize("target", [-1, 3, 10**12, "acme:unheard"])
def test_what_is_not_there_is_refused(ledger: Ledger, target: int | str) -> None:
    tell(ledger, "1", OWNED)
    refused(ledger, asked(target, parts=ALL), NotFoundError, "no (such entry|node)")


@pytest.mark.parametrize("approver", ["Ada", "ada", " ADA ", "", "  "])
def test_whoever_asks_cannot_approve(ledger: Ledger, approver: str) -> None:
    at = tell(ledger, "1", OWNED)
    ask = ErasureRequest(targets=(at,), legal_basis="a law", requester="Ada", approver=approver)
    refused(ledger, ask, InvalidInputError, "approve")


def test_the_same_name_spaced_otherwise_is_the_same_person(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    ask = ErasureRequest(
        targets=(at,), legal_basis="a law", requester="Ada  Byron", approver="ada byron"
    )
    refused(ledger, ask, InvalidInputError, "approve")


@pytest.mark.parametrize("basis", ["", " \n"])
def test_an_erasure_needs_a_legal_basis(ledger: Ledger, basis: str) -> None:
    at = tell(ledger, "1", OWNED)
    ask = ErasureRequest(targets=(at,), legal_basis=basis, requester="Ada", approver="Bob")
    refused(ledger, ask, InvalidInputError, "legal basis")


def test_an_erasure_of_nothing_is_refused(ledger: Ledger) -> None:
    tell(ledger, "1", OWNED)
    refused(ledger, asked(), InvalidInputError, "Name what to erase")


@pytest.mark.parametrize("name", ["A\0da", "a" * 2_000, "\ud800"])
def test_a_name_that_the_log_cannot_keep_is_refused(ledger: Ledger, name: str) -> None:
    at = tell(ledger, "1", OWNED)
    ask = ErasureRequest(targets=(at,), legal_basis="a law", requester=name, approver="Bob")
    refused(ledger, ask, InvalidInputError, "requester")


# --- identifiers ---------------------------------------------------------------------------------


def test_an_identifier_means_every_entry_that_describes_its_node(ledger: Ledger) -> None:
    first = tell(ledger, "1", OWNED)
    unshown = tell(ledger, "2", Artifact(key=A, custom_properties={"plain": 0}))
    other = tell(ledger, "3", Artifact(key=B, name="beside"))
    third = tell(ledger, "4", Artifact(key=B), Artifact(key=A, name="again"))
    assert ledger.erasures.plan([A], ALL).positions == (first, unshown, third)
    ledger.erasures.erase(asked(A, parts=ALL))
    assert [entry_at(ledger, at).erased for at in (first, unshown, other, third)] == [
        ALL,
        ALL,
        None,
        ALL,
    ]
    assert ledger.show(B)[0].node.name == "beside"
    check_ledger(ledger)


def test_a_value_that_is_not_shown_any_more_goes_too(ledger: Ledger) -> None:
    tell(ledger, "1", Artifact(key=A, name="zz first name"))
    for number in range(5):
        tell(ledger, f"more {number}", Artifact(key=A, custom_properties={"p": f"past {number}"}))
    tell(ledger, "last", Artifact(key=A, name="zz second name"))
    ledger.erasures.erase(asked(A, parts=ALL))
    everything = b"".join(all_answers(ledger, (B,), ("first", "past"))) + view_bytes(ledger)
    for word in (b"zz first", b"zz second", b"past 0", b"past 4"):
        assert word not in everything
    check_ledger(ledger)


def test_claims_retractions_and_metrics_of_the_node_are_meant_and_events_are_not(
    ledger: Ledger,
) -> None:
    claimed = tell(
        ledger,
        "1",
        Claim(kind=Kind.EXECUTION, node=RUN, identifier=B, link_class=LinkClass.ASSERTED),
    )
    measured = tell(ledger, "2", MetricSeries(execution=RUN, metric="m", chunk=0, points=()))
    tell(ledger, "3", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))
    assert ledger.erasures.plan([RUN], ALL).positions == (claimed, measured)


def test_an_identifier_is_found_in_its_normal_form(ledger: Ledger) -> None:
    key = "uri:https://host/a?password=secret1234"
    at = tell(ledger, "1", Artifact(key=key, name="guarded"))
    assert "secret1234" not in str(ledger.show(key)[0].node.key)
    assert ledger.erasures.plan([key], ALL).positions == (at,)
    ledger.erasures.erase(asked(key, parts=ALL))
    assert entry_at(ledger, at).erased is ALL


def test_a_claimed_identifier_means_the_node_that_goes_by_it(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    claim = tell(
        ledger,
        "2",
        Claim(kind=Kind.ARTIFACT, node=A, identifier="other:a", link_class=LinkClass.ASSERTED),
    )
    assert ledger.erasures.plan(["other:a"], ALL).positions == (at, claim)


# --- messages and retries ------------------------------------------------------------------------


OWNER: Object = {
    "_producer": "p",
    "_schemaURL": "s",
    "owners": [{"name": "team:grace.hopper", "type": "MAINTAINER"}],
}
MESSAGE = run_event(
    job=job_with(ownership=OWNER),
    outputs=[dataset("orders")],
)


def receive(ledger: Ledger, message: Object) -> list[tuple[int | None, Outcome]]:
    receipts = ledger.receive(
        ReceivedMessage(encoded(message), "application/json"),
        OpenLineageMapping(),
        source="airflow",
    )
    return [(one.position, one.outcome) for one in receipts]


def test_the_messages_that_statements_were_made_from_are_erased_with_them(ledger: Ledger) -> None:
    positions = [at for at, _ in receive(ledger, MESSAGE)]
    assert b"grace.hopper" in b"".join(all_answers(ledger, ()))
    key = key_of("orders")
    assert list(ledger.erasures.plan([key], ALL).positions) == positions
    ledger.erasures.erase(asked(key, parts=ALL))
    assert b"grace.hopper" not in b"".join(all_answers(ledger, (key,))) + view_bytes(ledger)
    check_ledger(ledger)


@pytest.mark.parametrize("parts", list(PartsErased))
def test_an_erased_message_that_is_sent_again_stores_nothing(
    ledger: Ledger, parts: PartsErased
) -> None:
    first = receive(ledger, MESSAGE)
    ledger.erasures.erase(asked(key_of("orders"), parts=parts))
    head = ledger.head()
    again = receive(ledger, MESSAGE)
    assert again == [(at, Outcome.DUPLICATE) for at, _ in first]
    assert ledger.head() == head
    assert b"grace.hopper" not in b"".join(all_answers(ledger, ())) + view_bytes(ledger)


@pytest.mark.parametrize("parts", list(PartsErased))
@pytest.mark.parametrize("name", ["claims", "other content"])
def test_a_retry_of_an_erased_statement_returns_its_position_and_stores_nothing(
    ledger: Ledger, parts: PartsErased, name: str
) -> None:
    at = tell(ledger, "1", OWNED)
    ledger.erasures.erase(asked(at, parts=parts))
    head = ledger.head()
    other = Artifact(key=A, name=name, custom_properties={"by": "eve adams"})
    again = [said("1", OWNED if name == "claims" else other)]
    if name == "other content" and parts is PartsErased.PERSONAL:
        # The facts are still there, and they differ: this is no retry.
        with pytest.raises(ConflictError):
            ledger.record(again)
    else:
        (receipt,) = ledger.record(again)
        assert (receipt.position, receipt.outcome) == (at, Outcome.DUPLICATE)
    assert ledger.head() == head
    assert b"eve adams" not in view_bytes(ledger)


def test_a_retry_of_an_erased_statement_that_said_nothing_personal(ledger: Ledger) -> None:
    at = tell(ledger, "1", Artifact(key=A, name="plain"))
    ledger.erasures.erase(asked(at, parts=ALL))
    head = ledger.head()
    for name in ("plain", "other"):
        (receipt,) = ledger.record([said("1", Artifact(key=A, name=name))])
        assert (receipt.position, receipt.outcome) == (at, Outcome.DUPLICATE)
    assert ledger.head() == head
