"""Diffs by hand: what changed, which entry brought it, and what each of two pasts knew."""

from datetime import timedelta

import pytest

from calendars import DAWN
from lineage.ledger import (
    Artifact,
    Claim,
    DiffQuery,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage_schemas.differences import LineageDiff, LinkReason
from lineage_schemas.errors import InvalidInputError, NotFoundError, UnknownBasisError
from lineage_schemas.records import AnyRecord

MODEL, RUN, DATA, TWIN = "acme:model", "acme:run", "acme:data", "other:data"


def said(name: str, day: int | None, *records: AnyRecord, source: str = "ci") -> Statement:
    stated = None if day is None else StatedTime(start=DAWN + timedelta(days=day))
    return Statement(id=name, source=source, stated=stated, records=records)


def asserted(node: str, identifier: str) -> Claim:
    return Claim(
        kind=Kind.ARTIFACT, node=node, identifier=identifier, link_class=LinkClass.ASSERTED
    )


@pytest.fixture
def sizes(ledger: Ledger) -> list[int]:
    """Tell a story, and return the size after each of its statements."""
    found: list[int] = []
    for statement in (
        said("1", 1, Event(artifact=MODEL, execution=RUN, kind=EventKind.OUTPUT)),
        said("2", 2, Execution(key=RUN, type="lineage.Train", properties={"numpy_seed": 7})),
        said("3", 5, Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT)),
        said(
            "4",
            3,
            Execution(
                key=RUN, type="lineage.Train", properties={"numpy_seed": 8, "epoch_count": 3}
            ),
        ),
        said("5", 6, asserted(DATA, TWIN), Artifact(key=TWIN, type="lineage.DataSet")),
        said(
            "6",
            7,
            Retraction(
                kind=Kind.ARTIFACT, node=DATA, identifier=TWIN, link_class=LinkClass.ASSERTED
            ),
        ),
        said("7", 8, Execution(key=RUN, type="lineage.Train", properties={"epoch_count": None})),
    ):
        ledger.record([statement])
        found.append(ledger.head().size)
    return found


def differing(ledger: Ledger, before: int, after: int, **fields: object) -> LineageDiff:
    query = DiffQuery(trace=TraceQuery(start=(MODEL,)), **fields)  # type: ignore[arg-type]
    return ledger.graph.diff(query, before, after)


def values(answer: LineageDiff) -> dict[str, tuple[object, object, int | None]]:
    return {
        one.field: (one.before, one.after, one.position)
        for node in answer.nodes_changed
        for one in node.changes
    }


def test_a_stub_that_was_described_and_the_entry_that_did(ledger: Ledger, sizes: list[int]) -> None:
    answer = differing(ledger, sizes[0], sizes[1])
    assert [node.key for node in answer.described] == [RUN]
    assert values(answer) == {
        "type": (None, ["lineage.Train", None], sizes[1] - 1),
        "properties.numpy_seed": (None, 7, sizes[1] - 1),
    }
    assert (answer.nodes_added, answer.edges_added) == ((), ())
    assert (answer.before.size, answer.basis.size) == (sizes[0], sizes[1])


def test_what_came_by_an_edge(ledger: Ledger, sizes: list[int]) -> None:
    answer = differing(ledger, sizes[1], sizes[2])
    assert [node.key for node in answer.nodes_added] == [DATA]
    assert [(one.edge.kind, one.position) for one in answer.edges_added] == [
        (EventKind.INPUT, sizes[2] - 1)
    ]
    assert answer.nodes_changed == ()


def test_a_later_stated_value_and_whose_it_is(ledger: Ledger, sizes: list[int]) -> None:
    answer = differing(ledger, sizes[2], sizes[3])
    assert values(answer) == {
        "properties.numpy_seed": (7, 8, sizes[3] - 1),
        "properties.epoch_count": (None, 3, sizes[3] - 1),
    }
    (node,) = answer.nodes_changed
    assert {(one.source, one.stated_at) for one in node.changes} == {
        ("ci", "2026-01-04T00:00:00.000000Z")
    }


def test_a_value_that_was_cleared(ledger: Ledger, sizes: list[int]) -> None:
    assert values(differing(ledger, sizes[5], sizes[6])) == {
        "properties.epoch_count": (3, None, sizes[6] - 1)
    }


def test_a_claim_joins_and_its_retraction_parts(ledger: Ledger, sizes: list[int]) -> None:
    joined = differing(ledger, sizes[3], sizes[4])
    assert [node.key for node in joined.nodes_added] == [TWIN]
    assert {one.reason for one in joined.links_added} == {LinkReason.CLAIMED}
    assert [len(one.parts) for one in joined.joined] == [2]
    assert joined.parted == ()
    parted = differing(ledger, sizes[4], sizes[5])
    assert [node.key for node in parted.nodes_gone] == [TWIN]
    (one,) = (link for link in parted.links_gone if link.link.link_class == "asserted")
    assert (one.reason, one.position) == (LinkReason.RETRACTED, sizes[5] - 1)
    # The twin goes by its own key still, and the walk does not come there any more.
    (own,) = (link for link in parted.links_gone if link.link.link_class == "key")
    assert own.reason is LinkReason.UNREACHED
    assert [len(one.parts) for one in parted.parted] == [2]
    assert parted.joined == ()


def test_evidence_that_was_stated_again(ledger: Ledger, sizes: list[int]) -> None:
    ledger.record([said("8", 8, asserted(DATA, TWIN))])
    before = ledger.head().size
    claim = Claim(
        kind=Kind.ARTIFACT,
        node=DATA,
        identifier=TWIN,
        link_class=LinkClass.ASSERTED,
        evidence={"file": "lock"},
    )
    ledger.record([said("9", 9, claim)])
    answer = differing(ledger, before, ledger.head().size)
    assert [one.reason for one in answer.links_gone] == [LinkReason.RESTATED]
    assert [one.reason for one in answer.links_added] == [LinkReason.CLAIMED]
    assert sizes[-1] < before


def test_an_edge_of_which_more_is_said(ledger: Ledger, sizes: list[int]) -> None:
    before = sizes[-1]
    path = ("train",)
    event = Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT, path=path)
    ledger.record([said("8", 9, event)])
    answer = differing(ledger, before, ledger.head().size)
    assert [(one.before.path, one.after.path) for one in answer.edges_changed] == [((), path)]
    assert (answer.edges_added, answer.edges_gone) == ((), ())


def test_two_stated_times_of_one_size(ledger: Ledger, sizes: list[int]) -> None:
    size = sizes[3]
    early, late = (DAWN + timedelta(days=day, hours=1) for day in (2, 3))
    answer = differing(ledger, size, size, valid_before=early, valid_after=late)
    assert values(answer)["properties.numpy_seed"] == (7, 8, sizes[3] - 1)
    assert answer.before.valid_at != answer.basis.valid_at
    assert answer.before.size == answer.basis.size


def test_bases_handed_back_give_the_same_answer(ledger: Ledger, sizes: list[int]) -> None:
    query = DiffQuery(trace=TraceQuery(start=(MODEL,)))
    first = ledger.graph.diff(query, sizes[1], DAWN + timedelta(days=9_999))
    assert first.basis.size == sizes[-1]
    assert ledger.graph.diff(query, first.before, first.basis) == first
    assert ledger.graph.diff(query, sizes[1]) == first


def test_nothing_differs_from_itself(ledger: Ledger, sizes: list[int]) -> None:
    assert differing(ledger, sizes[-1], sizes[-1]).is_same
    assert not differing(ledger, sizes[0], sizes[-1]).is_same


def test_what_the_earlier_past_has_not_heard_of(ledger: Ledger, sizes: list[int]) -> None:
    answer = differing(ledger, 0, sizes[0])
    assert (answer.unknown_before, answer.unknown) == ((MODEL,), ())
    assert {node.key for node in answer.nodes_added} == {MODEL, RUN}
    query = DiffQuery(trace=TraceQuery(start=("acme:nobody",)))
    assert ledger.graph.diff(query, 0).unknown == ("acme:nobody",)


def test_a_limit_that_cuts_one_past_is_told(ledger: Ledger, sizes: list[int]) -> None:
    query = DiffQuery(trace=TraceQuery(start=(MODEL,), nodes=2))
    answer = ledger.graph.diff(query, sizes[0], sizes[2])
    assert (len(answer.truncations_before), len(answer.truncations)) == (0, 1)
    assert not answer.complete


def test_what_cannot_be_asked(ledger: Ledger, sizes: list[int]) -> None:
    query = DiffQuery(trace=TraceQuery(start=(MODEL,)))
    with pytest.raises(InvalidInputError, match="smaller size"):
        ledger.graph.diff(query, sizes[2], sizes[1])
    with pytest.raises(UnknownBasisError):
        ledger.graph.diff(query, 0, 9_999)
    with pytest.raises(NotFoundError):
        ledger.graph.diff(DiffQuery(trace=TraceQuery(start=("nobody calls it so",))), 0)
