"""What was added between two sizes, by hand: pages, other namespaces, what is refused."""

import pytest
from msgspec.structs import replace

from calendars import DAWN
from erasing import OWNED, A, asked
from erasing import said as personal
from lineage.ledger import (
    Artifact,
    Attribution,
    BetweenQuery,
    Claim,
    Context,
    DiffQuery,
    Event,
    EventKind,
    Execution,
    Kind,
    LinkClass,
    StatedTime,
    Statement,
    TraceQuery,
)
from lineage.service import Ledger
from lineage_schemas.differences import TypeCount
from lineage_schemas.errors import InvalidInputError, NotFoundError, UnknownBasisError
from lineage_schemas.filters import parse_filter
from lineage_schemas.records import AnyRecord
from lineage_schemas.redactions import redacted_position

DATA, RUN, GROUP = "acme:data", "acme:run", "acme:group"


def said(name: str, *records: AnyRecord, source: str = "ci") -> Statement:
    return Statement(id=name, source=source, records=records)


@pytest.fixture
def sizes(ledger: Ledger) -> list[int]:
    found: list[int] = []
    for statement in (
        said("1", Artifact(key=DATA, type="lineage.DataSet", properties={"row_count": 1})),
        said("2", Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT), source="dvc"),
        said(
            "3",
            Execution(key=RUN, type="lineage.Train"),
            Artifact(key=DATA, type="lineage.DataSet", properties={"row_count": 2}),
            Context(key=GROUP, type="lineage.Experiment"),
            Attribution(context=GROUP, artifact=DATA),
        ),
    ):
        ledger.record([statement])
        found.append(ledger.head().size)
    return found


def test_a_filter_shows_what_fulfils_it_and_counts_the_rest(
    ledger: Ledger, sizes: list[int]
) -> None:
    """By hand: three nodes; the data set alone has two rows at the end, and joins nothing kept."""
    whole = ledger.graph.between(BetweenQuery(first=sizes[0]))
    query = BetweenQuery(first=sizes[0], filter=parse_filter("row_count>=2"))
    page = ledger.graph.between(query)
    assert (page.entries, page.sources, page.records) == (
        whole.entries,
        whole.sources,
        whole.records,
    )
    assert page.types == (
        TypeCount(kind=Kind.ARTIFACT, type="lineage.DataSet", first_seen=0, changed=1),
    )
    assert (page.first_seen, page.edges, page.memberships) == ((), (), ())
    assert [(one.key, one.position) for one in page.changed] == [(DATA, sizes[2] - 1)]
    assert page.filtered == 2
    both = ledger.graph.between(replace(query, filter=parse_filter("kind:artifact,execution")))
    assert (both.edges, both.memberships, both.filtered) == (whole.edges, (), 1)
    assert {one.node.key for one in both.first_seen} == {RUN}
    assert ledger.graph.between(replace(query, filter=parse_filter("is:stub"))).filtered == 3


def test_a_filter_of_claims_and_pages_is_that_of_their_nodes(ledger: Ledger) -> None:
    keys = [f"acme:{number}" for number in range(4)]
    for key in keys:
        claim = Claim(
            kind=Kind.ARTIFACT, node=key, identifier="acme:x", link_class=LinkClass.ASSERTED
        )
        ledger.record([said(key, Artifact(key=key, type="lineage.DataSet"), claim)])
    query = BetweenQuery(first=0, filter=parse_filter("key:acme:2,acme:3"))
    page = ledger.graph.between(query)
    assert ([one.key for one in page.links_made], page.filtered) == (keys[2:], 2)
    first = ledger.graph.between(query, count=3)
    rest = ledger.graph.between(query, cursor=first.cursor)
    assert first.links_made + rest.links_made == page.links_made
    assert first.filtered + rest.filtered == 2
    with pytest.raises(InvalidInputError, match="another question"):
        ledger.graph.between(BetweenQuery(first=0), cursor=first.cursor)


def test_a_filter_of_a_type_that_nobody_knows_is_refused(ledger: Ledger, sizes: list[int]) -> None:
    with pytest.raises(NotFoundError, match="no type"):
        ledger.graph.between(BetweenQuery(first=sizes[2], filter=parse_filter("type:acme.Never")))


def test_what_one_page_tells(ledger: Ledger, sizes: list[int]) -> None:
    page = ledger.graph.between(BetweenQuery(first=sizes[0], last=sizes[2]))
    assert (page.start, page.stop, page.cursor) == (sizes[0], sizes[2], None)
    assert [(one.source, one.entries) for one in page.sources] == [("ci", 1), ("dvc", 1)]
    assert page.records == {
        "artifact": 1,
        "context": 1,
        "event": 1,
        "execution": 1,
        "membership": 1,
    }
    assert page.entries[1].records == {
        "artifact": 1,
        "context": 1,
        "execution": 1,
        "membership": 1,
    }
    assert [(one.position, one.node.key) for one in page.first_seen] == [
        (sizes[1] - 1, RUN),
        (sizes[2] - 1, GROUP),
    ]
    changes = {
        (one.position, one.key, each.field): (each.before, each.after)
        for one in page.changed
        for each in one.changes
    }
    last = sizes[2] - 1
    assert changes == {
        (last, RUN, "type"): (None, ["lineage.Train", None]),
        (last, DATA, "properties.row_count"): (1, 2),
    }
    assert set(page.types) == {
        TypeCount(kind=Kind.ARTIFACT, type="lineage.DataSet", first_seen=0, changed=1),
        TypeCount(kind=Kind.CONTEXT, type="lineage.Experiment", first_seen=1, changed=0),
        TypeCount(kind=Kind.EXECUTION, type="lineage.Train", first_seen=1, changed=1),
    }
    assert [(one.artifact_key, one.execution_key, one.position) for one in page.edges] == [
        (DATA, RUN, sizes[1] - 1)
    ]
    assert [(one.context_key, one.member_key) for one in page.memberships] == [(GROUP, DATA)]
    assert page.complete


def test_an_event_that_says_more_of_its_edge_changes_it(ledger: Ledger) -> None:
    def told(name: str, *path: str | int) -> int:
        event = Event(artifact=DATA, execution=RUN, kind=EventKind.INPUT, path=path)
        ledger.record([said(name, event)])
        return ledger.head().size

    sizes = [told("1", "a"), told("2", "b"), told("3", "a"), told("4", "c")]
    page = ledger.graph.between(BetweenQuery(first=sizes[0]))
    # Of two undated Events the greater path shows, so the third entry shows nothing new.
    assert (page.records, page.edges) == ({"event": 3}, ())
    assert [
        (one.position, one.artifact_key, one.execution_key, one.before.path, one.after.path)
        for one in page.edges_changed
    ] == [
        (sizes[1] - 1, DATA, RUN, ("a",), ("b",)),
        (sizes[3] - 1, DATA, RUN, ("b",), ("c",)),
    ]
    (change,) = ledger.graph.diff(
        DiffQuery(trace=TraceQuery(start=(RUN,))), sizes[0], sizes[1]
    ).edges_changed
    assert (change.before, change.after) == (
        page.edges_changed[0].before,
        page.edges_changed[0].after,
    )
    first = ledger.graph.between(BetweenQuery(first=0, last=sizes[1]))
    assert [one.position for one in first.edges] == [sizes[0] - 1]
    assert [one.position for one in first.edges_changed] == [sizes[1] - 1]
    kept = BetweenQuery(first=sizes[0], filter=parse_filter("kind:artifact"))
    assert ledger.graph.between(kept).edges_changed == ()


def test_pages_are_of_one_size_and_their_counts_add_up(ledger: Ledger, sizes: list[int]) -> None:
    query = BetweenQuery(first=0)
    first = ledger.graph.between(query, count=1)
    assert not first.complete
    ledger.record([said("later", Artifact(key="acme:later"))])
    seen, cursor = list(first.first_seen), first.cursor
    while cursor is not None:
        page = ledger.graph.between(query, cursor=cursor, count=1)
        assert page.basis.size == sizes[-1]
        seen += page.first_seen
        cursor = page.cursor
    assert [one.node.key for one in seen] == [DATA, RUN, GROUP]


def test_another_namespace_shows_nothing_of_this_one(ledger: Ledger, sizes: list[int]) -> None:
    ledger.record([said("1", Artifact(key="acme:other"))], namespace="other")
    page = ledger.graph.between(BetweenQuery(first=sizes[0]))
    assert {one.source for one in page.entries} <= {"ci", "dvc"}
    assert "acme:other" not in {one.node.key for one in page.first_seen}
    other = ledger.graph.between(BetweenQuery(first=0), namespace="other")
    assert [one.node.key for one in other.first_seen] == ["acme:other"]
    nobody = ledger.graph.between(BetweenQuery(first=0), namespace="nobody")
    assert (nobody.entries, nobody.cursor) == ((), None)


def test_nothing_was_added_between_a_size_and_itself(ledger: Ledger, sizes: list[int]) -> None:
    page = ledger.graph.between(BetweenQuery(first=sizes[1], last=sizes[1]))
    assert (page.entries, page.first_seen, page.cursor) == ((), (), None)


def test_what_was_erased_is_told(ledger: Ledger) -> None:
    ledger.record([personal("1", OWNED)])
    position = ledger.head().size - 1
    noted = Artifact(key=A, custom_properties={"note": "bob"})
    stated = StatedTime(start=DAWN)
    ledger.record([Statement(id="2", source="ci", stated=stated, records=(noted,))])
    ledger.erasures.erase(asked(A))
    page = ledger.graph.between(BetweenQuery(first=position + 1))
    assert page.basis.redactions >= 1
    assert position in {one.position for one in page.redactions}
    before = [
        each.before
        for one in page.changed
        for each in one.changes
        if each.field == "custom_properties.note"
    ]
    assert [redacted_position(value) for value in before] == [position]


def test_what_cannot_be_asked(ledger: Ledger, sizes: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="smaller size"):
        ledger.graph.between(BetweenQuery(first=sizes[1], last=sizes[0]))
    with pytest.raises(UnknownBasisError):
        ledger.graph.between(BetweenQuery(first=0, last=9_999))
    for count in (0, 1_001):
        with pytest.raises(InvalidInputError, match="1 to 1000 entries"):
            ledger.graph.between(BetweenQuery(first=0), count=count)
    cursor = ledger.graph.between(BetweenQuery(first=0), count=1).cursor
    with pytest.raises(InvalidInputError, match="another question"):
        ledger.graph.between(BetweenQuery(first=1), cursor=cursor)
