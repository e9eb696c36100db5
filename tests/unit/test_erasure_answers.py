"""What answers tell of what was erased, and what becomes of nodes, claims and metrics."""

import json
from pathlib import Path

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import (
    ALL,
    DESCRIBED,
    OWNED,
    PERSONAL,
    RUN,
    A,
    B,
    all_answers,
    asked,
    entries_of,
    entry_at,
    envelope_at,
    said,
    tell,
    view_bytes,
)
from erasure_children import opened
from lineage.ledger import (
    Artifact,
    Claim,
    ErasureRequest,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    MetricSeries,
    Mode,
    Principal,
    ProofQuery,
    Shown,
    TraceQuery,
)
from lineage.service import Ledger as Service
from lineage.stores.base import Store
from lineage_schemas.errors import (
    PreconditionError,
    UnknownBasisError,
)

# --- what is told of it --------------------------------------------------------------------------


def test_every_answer_tells_who_erased_when_and_why(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    tell(ledger, "2", Artifact(key=B))
    done = ledger.erasures.erase(asked(at, reason="left the company"))
    recorded_at = entry_at(ledger, done.position or 0).recorded_at
    show, trace = ledger.show(A)[0], ledger.trace(TraceQuery(start=(A,)))
    find, listed = ledger.find("claims"), ledger.list_nodes("lineage.DataSet")
    entries = ledger.entries()
    for answer in (show, trace, find, listed, entries):
        assert answer.basis.redactions == 1
        (one,) = answer.redactions
        assert (one.position, one.parts, one.erased_by) == (at, PERSONAL, done.position)
        assert (one.requester, one.approver, one.at) == ("Ada", "Bob", recorded_at)
        assert (one.legal_basis, one.reason) == ("GDPR Art. 17(1)(b)", "left the company")
    mark = {"$redacted": at}
    for node in (show.node, *show.members, trace.nodes[0], find.nodes[0], listed.nodes[0]):
        assert node.properties == {"owner": mark, "row_count": 7}
        assert node.custom_properties == {"note": mark, "plain": 1}
        assert node.redacted == 1
        assert not node.stub
    assert ledger.show(B)[0].basis.redactions == 0
    assert ledger.show(B)[0].redactions == ()


def test_an_entry_shows_what_is_left_of_it(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    other = tell(ledger, "2", OWNED)
    ledger.erasures.erase(asked(at))
    ledger.erasures.erase(asked(other, parts=ALL))
    first, second = entry_at(ledger, at), entry_at(ledger, other)
    assert first.erased is PERSONAL
    assert first.records is not None
    assert json.loads(json.dumps(first.records[0]))["properties"]["owner"] == {"$redacted": at}
    assert (second.erased, second.records) == (ALL, None)
    assert (second.statement, second.source) == ("2", "ci")


def test_an_erasure_shows_at_every_size(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    then = ledger.basis()
    tell(ledger, "2", Artifact(key=A, custom_properties={"plain": 2}))
    ledger.erasures.erase(asked(at))
    past = ledger.show(A, as_of=then.size)[0]
    assert past.node.properties["owner"] == {"$redacted": at}
    assert past.node.custom_properties["plain"] == 1
    assert past.basis.redactions == 1


def test_a_basis_from_before_an_erasure_is_refused_and_one_from_after_holds(
    ledger: Ledger,
) -> None:
    """A past that cannot be had any more is an error, never another answer."""
    at = tell(ledger, "1", OWNED)
    before = ledger.show(A)[0].basis
    tell(ledger, "2", Artifact(key=A, custom_properties={"plain": 2}))
    assert ledger.show(A, as_of=before)[0].basis == before
    done = ledger.erasures.erase(asked(at))
    with pytest.raises(UnknownBasisError, match=f"by position {done.position}"):
        ledger.show(A, as_of=before)
    after = ledger.show(A)[0]
    assert after.basis.last_erasure == done.position
    later = tell(ledger, "3", Artifact(key="acme:later", properties={}, name="later"))
    assert ledger.show(A, as_of=after.basis)[0] == after
    ledger.erasures.erase(asked(later, parts=ALL))
    assert ledger.show(A, as_of=after.basis)[0] == after


def test_a_search_for_an_erased_word_finds_nothing_at_any_size(ledger: Ledger) -> None:
    at = tell(ledger, "1", Artifact(key="acme:word", name="quokka", uri="file:///wombat"))
    tell(ledger, "2", Artifact(key="acme:word", name="numbat"))
    ledger.erasures.erase(asked("acme:word", parts=ALL))
    for size in range(ledger.head().size + 1):
        for word in ("quokka", "wombat", "numbat", "quok"):
            assert ledger.find(word, as_of=size).nodes == ()
    assert at == DESCRIBED


def test_a_requester_whose_name_was_erased_shows_as_a_pseudonym(ledger: Ledger) -> None:
    at = tell(ledger, "1", OWNED)
    done = ledger.erasures.erase(asked(at))
    (own,) = [one for one in entries_of(ledger) if one.records and "Ada" in str(one.records)]
    ledger.erasures.erase(
        ErasureRequest(
            targets=(own.position,), legal_basis="a law", requester="Carol", approver="Bob"
        )
    )
    (one,) = ledger.show(A)[0].redactions
    assert one.erased_by == done.position
    assert one.requester.startswith("actor-")
    assert one.approver == "Bob"
    assert b"Ada" not in b"".join(all_answers(ledger, (A,))) + view_bytes(ledger)
    check_ledger(ledger)


def test_an_actor_whose_name_was_erased_speaks_under_a_new_pseudonym(ledger: Ledger) -> None:
    who = Principal("grace hopper", is_local=True)
    (first,) = ledger.record([said("1", OWNED)], principal=who)
    ledger.erasures.erase(asked(1))
    (second,) = ledger.record([said("2", Artifact(key=B))], principal=who)
    assert first.position is not None
    assert second.position is not None
    before, after = (envelope_at(ledger, at).actor for at in (first.position, second.position))
    assert before != after
    check_ledger(ledger)


# --- nodes whose mentions were erased ------------------------------------------------------------


def test_a_node_takes_its_key_from_a_later_mention(ledger: Ledger) -> None:
    first = tell(ledger, "1", Artifact(key=A, name="one"))
    tell(ledger, "2", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))
    before = ledger.show(A)[0].node
    ledger.erasures.erase(asked(first, parts=ALL))
    after = ledger.show(A)[0].node
    assert (after.id, after.key, after.name) == (before.id, A, None)
    tell(ledger, "3", Artifact(key=A, name="two"))
    assert ledger.show(A)[0].node.id == before.id
    assert len(ledger.list_nodes("artifact").nodes) == 1
    check_ledger(ledger)


def test_a_hub_takes_its_identifier_from_a_later_claim(ledger: Ledger) -> None:
    def claim(node: str) -> Claim:
        return Claim(
            kind=Kind.ARTIFACT,
            node=node,
            identifier="other:x",
            link_class=LinkClass.ASSERTED,
            evidence={"file": f"of {node}"},
        )

    first = tell(ledger, "1", Artifact(key=A), claim(A))
    tell(ledger, "2", claim(B))
    tell(ledger, "3", Artifact(key=A))
    ledger.erasures.erase(asked(first, parts=ALL))
    (answer,) = ledger.show("other:x")
    assert {node.key for node in answer.members} == {A, B}
    assert {link.identifier for link in answer.links} == {"other:x"}
    tell(ledger, "4", claim("acme:c"))
    assert len(ledger.show("other:x")[0].members) == 3
    check_ledger(ledger)


def test_a_node_of_which_every_mention_was_erased_is_another_when_it_is_named_again(
    ledger: Ledger,
) -> None:
    tell(ledger, "1", OWNED)
    old = ledger.show(A)[0].node.id
    ledger.erasures.erase(asked(A, parts=ALL))
    unknown = ledger.show(A)[0].node
    assert (unknown.id, unknown.stub) == (None, True)
    (left,) = ledger.list_nodes("artifact").nodes
    assert (left.id, left.key, left.redacted) == (old, None, 1)
    tell(ledger, "2", Artifact(key=A, name="new"))
    (answer,) = ledger.show(A)
    assert answer.node.id != old
    assert (answer.node.name, answer.node.properties, answer.node.redacted) == ("new", {}, 0)
    assert answer.basis.redactions == 0
    check_ledger(ledger)


def test_a_command_on_what_was_erased_is_refused_and_the_node_keeps_its_key(
    ledger: Ledger,
) -> None:
    made = Artifact(type="lineage.DataSet", name="made")
    at = tell(ledger, "1", made, mode=Mode.COMMAND)
    (node,) = ledger.list_nodes("artifact").nodes
    ledger.erasures.erase(asked(at, parts=ALL))
    (left,) = ledger.list_nodes("artifact").nodes
    assert (left.id, left.key, left.name) == (node.id, node.key, None)
    with pytest.raises(PreconditionError):
        tell(
            ledger,
            "2",
            Artifact(id=node.id, type="lineage.DataSet", uri="file:///x"),
            mode=Mode.COMMAND,
        )
    tell(ledger, "3", made, mode=Mode.COMMAND)
    assert len(ledger.list_nodes("artifact").nodes) == 2
    check_ledger(ledger)


# --- metrics and claims --------------------------------------------------------------------------


def test_an_erased_metric_shows_no_points_and_the_rest_stays(ledger: Ledger) -> None:
    def chunk(number: int) -> MetricSeries:
        points = ((number, 0.25 + number, None),)
        return MetricSeries(execution=RUN, metric="loss", chunk=number, points=points)

    tell(ledger, "1", Execution(key=RUN), chunk(0))
    second = tell(ledger, "2", chunk(1))
    ledger.erasures.erase(asked(second, parts=ALL))
    (answer,) = ledger.show(RUN)
    assert [one.points for one in answer.series] == [((0, 0.25, None),)]
    assert answer.node.redacted == 1
    assert answer.basis.redactions == 1
    check_ledger(ledger)


def test_an_erased_claim_leaves_its_link_without_identifier_and_evidence(ledger: Ledger) -> None:
    tell(ledger, "1", Artifact(key=A), Artifact(key=B))

    def claim(node: str) -> Claim:
        return Claim(
            kind=Kind.ARTIFACT,
            node=node,
            identifier="other:x",
            link_class=LinkClass.ASSERTED,
            evidence={"file": "numbat.txt"},
        )

    at = tell(ledger, "2", claim(A), claim(B))
    ledger.erasures.erase(asked(at, parts=ALL))
    (answer,) = ledger.show(A)
    assert {node.key for node in answer.members} == {A, B}
    assert [(one.identifier, one.evidence) for one in answer.links] == [(None, {}), (None, {})]
    assert ledger.show("other:x")[0].node.id is None
    trace = ledger.trace(TraceQuery(start=(A,)))
    assert len(trace.nodes) == 2
    assert b"numbat" not in b"".join(all_answers(ledger, (A, B))) + view_bytes(ledger)
    check_ledger(ledger)


# --- another one who reads -----------------------------------------------------------------------


def test_whoever_read_before_forgets_what_another_erased(store: Store) -> None:
    first = Service(store, FakeClock(), SeededRandomness("first"))
    second = Service(store, FakeClock(), SeededRandomness("second"))
    at = tell(
        first,
        "1",
        OWNED,
        Claim(
            kind=Kind.ARTIFACT,
            node=A,
            identifier="other:x",
            link_class=LinkClass.ASSERTED,
            evidence={"file": "numbat.txt"},
        ),
    )
    tell(first, "beside", Event(artifact=A, execution=RUN, kind=EventKind.INPUT))
    query = TraceQuery(start=(A, "other:x"))
    assert second.trace(query).nodes[0].name == "claims"
    assert second.show(A)[0].links[0].evidence == {"file": "numbat.txt"}
    first.erasures.erase(asked(at, parts=ALL))
    assert len(second.show(A)[0].links) == 1
    assert b"numbat" not in b"".join(all_answers(second, (A,)))
    tell(second, "2", Artifact(key=A, name="new"))
    check_ledger(second)


# --- copies that left the ledger -----------------------------------------------------------------


def test_copies_that_an_erasure_does_not_reach_are_told(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as signed:
        beside = tell(signed, "0", Artifact(key=B))
        at = tell(signed, "1", OWNED)
        both = Shown(facts=True, personal=True)
        facts = signed.prove(ProofQuery(target=at, recipient="auditor one"))
        every = signed.prove(ProofQuery(target=at, shown=both, recipient="auditor two"))
        assert signed.erasures.plan([beside], ALL).copies == ()
        (personal,) = signed.erasures.plan([at]).copies
        assert (personal.stated_at, personal.recipient) == (every.disclosure, "auditor two")
        done = signed.erasures.erase(asked(at, parts=ALL))
        assert [(one.entry, one.stated_at, one.facts, one.personal) for one in done.copies] == [
            (at, facts.disclosure, True, False),
            (at, every.disclosure, True, True),
        ]
        other = tell(signed, "2", OWNED)
        disclosed = signed.prove(ProofQuery(target=other, recipient="auditor one")).disclosure
        assert disclosed is not None
        signed.erasures.erase(asked(disclosed))
        (copy,) = signed.erasures.plan([other], ALL).copies
        assert (copy.stated_at, copy.recipient) == (disclosed, "")
        check_ledger(signed)
