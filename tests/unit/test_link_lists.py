"""Links and what is unresolved: equal to what reading every statement says, page by page."""

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles import FakeClock, SeededRandomness
from erasing import ALL, asked, tell
from lineage.ledger import (
    Artifact,
    Association,
    Claim,
    Context,
    Event,
    EventKind,
    Execution,
    Kind,
    Ledger,
    LinkClass,
    LinkQuery,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.questions import unresolved as unresolved_module
from lineage.questions.link_lists import JOINED_SHOWN_MAX
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore
from lineage_schemas.errors import InvalidInputError, NotFoundError
from lineage_schemas.linking import ListedLink, ReferenceKind, Unresolved, UnresolvedReason
from lineage_schemas.records import AnyRecord
from strategies import DAWN

MD5 = "md5:" + "ab" * 16
RUN = "mlflow-run:" + "0123456789abcdef" * 2


def told(ledger: Ledger, source: str, *records: AnyRecord, namespace: str = "default") -> None:
    number = ledger.head().size
    statement = Statement(id=f"s{number}", source=source, records=records)
    ledger.record([statement], namespace=namespace)


def claim(
    node: str, identifier: str, link_class: LinkClass, kind: Kind = Kind.ARTIFACT, **evidence: str
) -> Claim:
    return Claim(
        kind=kind,
        node=node,
        identifier=identifier,
        link_class=link_class,
        evidence=dict(evidence),
    )


def all_links(ledger: Ledger, query: LinkQuery, count: int = 1_000) -> list[ListedLink]:
    """Return every page, one after the other."""
    found: list[ListedLink] = []
    cursor = None
    while True:
        page = ledger.linking.links(query, cursor=cursor, count=count)
        assert len(page.links) <= count
        found += page.links
        cursor = page.cursor
        if cursor is None:
            return found


def all_unresolved(ledger: Ledger, node: str | None = None, count: int = 1_000) -> list[Unresolved]:
    found: list[Unresolved] = []
    cursor = None
    while True:
        page = ledger.linking.unresolved(node, cursor=cursor, count=count)
        assert len(page.things) <= count
        found += page.things
        cursor = page.cursor
        if cursor is None:
            return found


# --- by the definition ---------------------------------------------------------------------------


class Said(NamedTuple):
    source: str
    node: str
    identifier: str
    link_class: LinkClass
    stands: bool


KEYS = [f"acme:{name}" for name in "abc"]
SAID = st.builds(
    Said,
    st.sampled_from(["ci", "dvc", "mlflow"]),
    st.sampled_from(KEYS),
    st.sampled_from([MD5, RUN, "acme:shared", "acme:a"]),
    st.sampled_from([LinkClass.ASSERTED, LinkClass.DERIVED, LinkClass.GUESSED]),
    st.booleans(),
)


@settings(deadline=None)
@given(
    st.lists(SAID, max_size=8),
    st.sets(st.sampled_from([LinkClass.ASSERTED, LinkClass.GUESSED]), max_size=2),
    st.sampled_from([None, "dvc"]),
    st.integers(1, 3),
)
def test_links_are_what_reading_every_statement_says(
    said: list[Said], classes: set[LinkClass], source: str | None, count: int
) -> None:
    ledger = Service(MemoryStore("test/links"), FakeClock(), SeededRandomness())
    standing: dict[tuple[str, str, str, LinkClass], bool] = {}
    for number, one in enumerate(said):
        record = Claim if one.stands else Retraction
        about = record(
            kind=Kind.ARTIFACT,
            node=one.node,
            identifier=one.identifier,
            link_class=one.link_class,
        )
        moment = StatedTime(start=DAWN.replace(hour=number))
        statement = Statement(id=str(number), source=one.source, records=(about,), stated=moment)
        ledger.record([statement])
        standing[one[:4]] = one.stands
    wanted = {
        (who, node, identifier, link_class)
        for (who, node, identifier, link_class), stands in standing.items()
        if stands and (not classes or link_class in classes) and source in {None, who}
    }
    query = LinkQuery(classes=tuple(classes), source=source)
    listed = all_links(ledger, query, count)
    assert [one.id for one in listed] == sorted(one.id for one in listed)
    assert {(one.source, one.key, one.identifier, one.link_class) for one in listed} == wanted
    assert len(listed) == len(wanted)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ci", "dvc"]),
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["run", "other"]),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.integers(1, 3),
)
def test_stubs_and_who_refers_to_them_are_what_reading_every_statement_says(
    said: list[tuple[str, str, str, bool]], count: int
) -> None:
    ledger = Service(MemoryStore("test/links"), FakeClock(), SeededRandomness())
    described: set[str] = set()
    referring: dict[str, dict[str, str]] = {}
    for source, artifact, execution, describes in said:
        key, run = f"acme:{artifact}", f"acme:{execution}"
        records: list[AnyRecord] = [Event(artifact=key, execution=run, kind=EventKind.INPUT)]
        if describes:
            records.append(Artifact(key=key, type="lineage.Model"))
            described.add(key)
        told(ledger, source, *records)
        for one, other in ((key, run), (run, key)):
            # The first to say an edge is the one whose entry made it.
            referring.setdefault(one, {}).setdefault(other, source)
    wanted = {
        key: Counter(others.values()) for key, others in referring.items() if key not in described
    }
    found = all_unresolved(ledger, count=count)
    assert {
        str(one.node.key): {reference.source: reference.count for reference in one.references}
        for one in found
    } == wanted
    assert all(one.reason is UnresolvedReason.STUB for one in found)
    assert len(found) == len(wanted)


# --- links, one by one ---------------------------------------------------------------------------


def test_a_link_tells_who_claims_it_on_what_evidence_and_what_it_joins(ledger: Ledger) -> None:
    told(ledger, "dvc", Artifact(key="acme:d", type="lineage.DataSet"))
    told(ledger, "dvc", claim("acme:d", MD5, LinkClass.CONTENT, size="7"))
    told(ledger, "s3", claim("acme:s", MD5, LinkClass.CONTENT))
    told(ledger, "s3", claim("acme:t", MD5, LinkClass.GUESSED))
    first, second, third = all_links(ledger, LinkQuery())
    assert (first.key, first.type, first.identifier) == ("acme:d", "lineage.DataSet", MD5)
    assert (first.link_class, first.source) == (LinkClass.CONTENT, "dvc")
    assert first.evidence == {"size": "7"}
    assert [(one.key, one.link_class) for one in first.joined] == [
        ("acme:s", LinkClass.CONTENT),
        ("acme:t", LinkClass.GUESSED),
    ]
    # Two contents of one source say nothing new: s3's own pair is joined as a guess at best.
    assert [(one.key, one.link_class) for one in second.joined] == [
        ("acme:d", LinkClass.CONTENT),
        ("acme:t", LinkClass.GUESSED),
    ]
    assert third.link_class is LinkClass.GUESSED
    assert [one.key for one in all_links(ledger, LinkQuery(source="s3"))] == ["acme:s", "acme:t"]
    assert all_links(ledger, LinkQuery(node="acme:s")) == [second]


def test_joined_nodes_beyond_a_number_are_counted(ledger: Ledger) -> None:
    for number in range(JOINED_SHOWN_MAX + 3):
        told(ledger, "ci", claim(f"acme:{number:02}", "acme:x", LinkClass.DERIVED))
    first = all_links(ledger, LinkQuery())[0]
    assert len(first.joined) == JOINED_SHOWN_MAX
    assert first.hidden == 2


def test_links_of_an_entity_are_those_of_its_members_and_a_label_names_it(ledger: Ledger) -> None:
    told(ledger, "ci", Artifact(key="acme:a", name="Fraud-Model 3"))
    told(ledger, "ci", claim("acme:a", "acme:b", LinkClass.ASSERTED))
    told(ledger, "ci", claim("acme:b", RUN, LinkClass.ASSERTED))
    told(ledger, "ci", claim("acme:c", "acme:elsewhere", LinkClass.ASSERTED))
    page = ledger.linking.links(LinkQuery(node="fraud model v3"))
    assert [(one.key, one.identifier) for one in page.links] == [
        ("acme:a", "acme:b"),
        ("acme:b", RUN),
    ]
    assert page.label is not None
    assert page.label.key == "acme:a"
    for ask in (
        lambda: ledger.linking.links(LinkQuery(node="acme:unheard")),
        lambda: ledger.linking.unresolved("acme:unheard"),
        lambda: ledger.linking.links(LinkQuery(node="nobody")),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_links_are_of_a_size_and_pages_stay_with_it(ledger: Ledger) -> None:
    for name in "abc":
        told(ledger, "ci", claim(f"acme:{name}", "acme:x", LinkClass.ASSERTED))
    size = ledger.head().size
    page = ledger.linking.links(count=2)
    told(ledger, "ci", claim("acme:a", "acme:y", LinkClass.ASSERTED))
    told(
        ledger,
        "ci",
        Retraction(
            kind=Kind.ARTIFACT,
            node="acme:c",
            identifier="acme:x",
            link_class=LinkClass.ASSERTED,
        ),
    )
    rest = ledger.linking.links(cursor=page.cursor, count=2)
    assert [one.key for one in (*page.links, *rest.links)] == ["acme:a", "acme:b", "acme:c"]
    assert rest.basis.size == size
    assert [one.key for one in ledger.linking.links().links] == ["acme:a", "acme:a", "acme:b"]
    assert len(ledger.linking.links(as_of=size).links) == 3
    with pytest.raises(InvalidInputError, match="another question"):
        ledger.linking.links(LinkQuery(source="ci"), cursor=page.cursor)
    with pytest.raises(InvalidInputError, match="another question"):
        ledger.linking.unresolved(cursor=page.cursor)


def test_other_namespaces_are_not_seen(ledger: Ledger) -> None:
    told(ledger, "ci", claim("acme:a", MD5, LinkClass.ASSERTED))
    told(ledger, "ci", claim("acme:b", MD5, LinkClass.ASSERTED), namespace="team")
    told(ledger, "ci", Artifact(key="acme:z"), namespace="team")
    (link,) = ledger.linking.links().links
    assert (link.key, link.joined) == ("acme:a", ())
    (link,) = ledger.linking.links(namespace="team").links
    assert (link.key, link.joined) == ("acme:b", ())
    assert [one.node.key for one in ledger.linking.unresolved().things] == ["acme:a"]
    assert [one.node.key for one in ledger.linking.unresolved(namespace="team").things] == [
        "acme:b"
    ]
    assert ledger.linking.links(namespace="nobody").links == ()
    assert ledger.linking.unresolved(namespace="nobody").things == ()


def test_an_erased_claim_shows_that_it_was(ledger: Ledger) -> None:
    at = tell(ledger, "1", claim("acme:a", RUN, LinkClass.ASSERTED, seen="in metrics.json"))
    ledger.erasures.erase(asked(at, parts=ALL))
    (link,) = ledger.linking.links().links
    assert (link.identifier, link.evidence) == (None, {})
    assert ledger.linking.links().basis.redactions == 1


# --- unresolved ----------------------------------------------------------------------------------


def test_what_one_node_alone_is_claimed_to_have_is_not_unresolved(ledger: Ledger) -> None:
    told(
        ledger,
        "dvc",
        Artifact(key="acme:d", type="lineage.DataSet"),
        claim("acme:d", MD5, LinkClass.CONTENT),
        Execution(key="acme:r"),
        claim("acme:r", RUN, LinkClass.ASSERTED, Kind.EXECUTION),
    )
    assert all_unresolved(ledger) == []


def test_a_stub_tells_every_kind_of_reference(ledger: Ledger) -> None:
    told(ledger, "ci", Execution(key="acme:r"), Context(key="acme:c"))
    told(ledger, "ci", Event(artifact="acme:s", execution="acme:r", kind=EventKind.INPUT))
    told(
        ledger,
        "dvc",
        claim("acme:s", MD5, LinkClass.CONTENT),
        claim("acme:s", "acme:x", LinkClass.DERIVED),
        Association(execution="acme:ghost", context="acme:c"),
    )
    stub, ghost = all_unresolved(ledger)
    assert [(one.source, one.kind, one.count) for one in stub.references] == [
        ("ci", ReferenceKind.EDGE, 1),
        ("dvc", ReferenceKind.CLAIM, 2),
    ]
    assert [(one.source, one.kind, one.count) for one in ghost.references] == [
        ("dvc", ReferenceKind.MEMBERSHIP, 1)
    ]
    assert all_unresolved(ledger, "acme:ghost") == [ghost]
    assert all_unresolved(ledger, "acme:r") == []


def test_neither_a_claim_taken_back_nor_its_own_key_is_a_reference(ledger: Ledger) -> None:
    told(ledger, "ci", claim("acme:s", MD5, LinkClass.CONTENT))
    told(ledger, "ci", claim("acme:t", "acme:s", LinkClass.ASSERTED))
    told(
        ledger,
        "ci",
        Retraction(kind=Kind.ARTIFACT, node="acme:s", identifier=MD5, link_class=LinkClass.CONTENT),
    )
    by_key = {one.node.key: one.references for one in all_unresolved(ledger)}
    assert by_key["acme:s"] == ()
    assert [one.count for one in by_key["acme:t"]] == [1]


def test_a_stub_that_a_link_joins_to_something_described_is_resolved(ledger: Ledger) -> None:
    told(ledger, "ci", Artifact(key="acme:a"))
    told(ledger, "ci", claim("acme:s", "acme:a", LinkClass.GUESSED))
    (stub,) = all_unresolved(ledger)
    assert [(one.key, one.evidence["claimed_by"]) for one in stub.guesses] == [("acme:a", "ci")]
    told(ledger, "ci", claim("acme:s", "acme:a", LinkClass.ASSERTED))
    assert all_unresolved(ledger) == []
    told(ledger, "ci", claim("acme:t", "acme:u", LinkClass.ASSERTED))
    told(ledger, "ci", claim("acme:u", RUN, LinkClass.ASSERTED))
    assert [one.node.key for one in all_unresolved(ledger)] == ["acme:t", "acme:u"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("dvc:data/h%2Fr/data/train.csv@md5:ab", "uri:s3://b/x/data/Train.csv", "data/train.csv"),
        ("ol:dataset/s3%3A%2F%2Fb/raw/train.csv", "uri:file:///home/train.csv", "train.csv"),
        ("mlflow:dataset/h/train.csv/0a/1b", "dvc:data/r/train.csv@md5:ab", "train.csv"),
        ("uri:s3://b/data/train.csv", "uri:s3://b/data/test.csv", None),
        ("uri:s3://b/data/x", "uri:s3://c/data/x", None),
        ("uri:s3://b/data/0123456789ab", "uri:s3://c/data/0123456789ab", None),
        ("md5:" + "ab" * 16, "uri:s3://b/" + "ab" * 16, None),
    ],
)
def test_a_guess_is_a_file_of_the_same_name_in_another_source(
    ledger: Ledger, one: str, other: str, same: str | None
) -> None:
    if one.startswith("md5:"):
        one = "uri:x://b/" + one.removeprefix("md5:")
    told(ledger, "here", Artifact(key=one, type="lineage.DataSet"))
    told(ledger, "there", Artifact(key=other, type="lineage.DataSet"))
    found = all_unresolved(ledger)
    if same is None:
        assert found == []
        return
    assert {item.reason for item in found} == {UnresolvedReason.UNLINKED}
    assert [(item.node.key, [guess.key for guess in item.guesses]) for item in found] == [
        (one, [other]),
        (other, [one]),
    ]
    assert [guess.evidence for item in found for guess in item.guesses] == [{"same_name": same}] * 2


def test_a_path_without_a_scheme_has_a_file_name_too(ledger: Ledger) -> None:
    told(ledger, "here", Artifact(key="acme:1", type="lineage.DataSet", uri="data/train.csv"))
    told(ledger, "there", Artifact(key="dvc:data/r/train.csv@md5:ab", type="lineage.DataSet"))
    assert [
        guess.evidence["same_name"] for item in all_unresolved(ledger) for guess in item.guesses
    ] == ["train.csv", "train.csv"]


def test_no_guess_within_a_source_across_types_or_over_a_link(ledger: Ledger) -> None:
    keys = [f"uri:s3://{bucket}/data/train.csv" for bucket in "abc"]
    told(ledger, "one", *[Artifact(key=key, type="lineage.DataSet") for key in keys[:2]])
    told(ledger, "two", Artifact(key=keys[2], type="lineage.Model"))
    assert all_unresolved(ledger) == []
    told(ledger, "three", Artifact(key="uri:x://d/train.csv", type="lineage.DataSet"))
    assert len(all_unresolved(ledger)) == 3
    told(ledger, "three", claim("uri:x://d/train.csv", keys[0], LinkClass.DERIVED))
    told(ledger, "three", claim("uri:x://d/train.csv", keys[1], LinkClass.DERIVED))
    assert all_unresolved(ledger) == []


def test_a_page_looks_through_so_many_nodes_and_no_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unresolved_module, "SCANNED_MAX", 2)
    monkeypatch.setattr(unresolved_module, "_CHUNK", 2)
    told(ledger, "ci", *[Artifact(key=f"acme:{number}") for number in range(5)])
    told(ledger, "ci", claim("acme:s", MD5, LinkClass.ASSERTED))
    page = ledger.linking.unresolved()
    assert (page.things, page.cursor is None) == ((), False)
    assert [one.node.key for one in all_unresolved(ledger)] == ["acme:s"]
