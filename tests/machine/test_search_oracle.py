"""Searches against plain lists: any history, any past, any page size, in any order of arrival."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from erasing import A, asked
from erasing import tell as tell_of
from lineage.ledger import (
    Artifact,
    Claim,
    Context,
    Execution,
    Kind,
    LinkClass,
    Retraction,
    StatedTime,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.projections.words import DETAIL_WORD
from lineage.questions import finding, search
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.filters import parse_filter
from lineage_schemas.governance import PartsErased
from lineage_schemas.graph import Node, TruncationReason
from lineage_schemas.mlmd import Event, EventKind
from lineage_schemas.records import AnyRecord
from search_oracle import Shown, found
from strategies import DAWN, SOURCES, numbered

Told = list[tuple[str, int]]

KEYS = {
    Kind.ARTIFACT: ("acme:fraud", "acme:data/red", "acme:x/one"),
    Kind.EXECUTION: ("acme:run/red", "acme:train", "acme:x/one"),
    Kind.CONTEXT: ("acme:fraud", "acme:lab"),
}
NAMES = (None, "fraud", "Fraud Red", "redder train", "lab-one", "data_set")
VALUES = ("red", "fraudulent data", "one", 7, True, None)
CLAIMED = ("sha256:" + "ab" * 32, "other:fraud/one", "git:commit/" + "cd" * 20, "acme:data/red")
TYPES = {
    Kind.ARTIFACT: (None, "lineage.DataSet", "lineage.Model"),
    Kind.EXECUTION: (None, "lineage.Train"),
    Kind.CONTEXT: (None, "lineage.Experiment"),
}
MADE = {Kind.ARTIFACT: Artifact, Kind.EXECUTION: Execution, Kind.CONTEXT: Context}
ASKED = (
    *("fraud", "FRAUD", "f", "red", "red fraud", "one", "data", "data set", "dat", "train", "lab"),
    *("acme:data/red", "other:fraud/one", "ab" * 32, "cdcd", "model", "Fraud red", "set", "x one"),
)
FILTERS: dict[str, Callable[[Node], bool]] = {
    "kind:artifact": lambda node: node.kind is Kind.ARTIFACT,
    "type:DataSet": lambda node: node.type == "lineage.DataSet",
    "type:lineage.Train,lineage.Model": lambda node: (
        node.type in {"lineage.Train", "lineage.Model"}
    ),
    "p=red": lambda node: node.custom_properties.get("p") == "red",
    "is:stub": lambda node: node.stub,
    "kind:context,artifact": lambda node: node.kind in {Kind.CONTEXT, Kind.ARTIFACT},
    "key:acme:x": lambda node: (node.key or "").startswith("acme:x"),
    "q=7 kind:execution": lambda node: (
        node.kind is Kind.EXECUTION and node.custom_properties.get("q") == 7
    ),
}


def described(kind: Kind) -> st.SearchStrategy[AnyRecord]:
    """Descriptions of nodes of a kind, of few words."""
    values = st.dictionaries(st.sampled_from(["p", "q"]), st.sampled_from(VALUES), max_size=2)
    fields = {"uri": st.sampled_from([None, "s3://red/x", "file:///fraud/red one"])}
    return st.builds(
        MADE[kind],
        key=st.sampled_from(KEYS[kind]),
        type=st.sampled_from(TYPES[kind]),
        name=st.sampled_from(NAMES),
        custom_properties=values,
        **(fields if kind is Kind.ARTIFACT else {}),
    )


def claimed(made: type[Claim] | type[Retraction]) -> st.SearchStrategy[AnyRecord]:
    """Claims and retractions of every class but content, which needs a digest."""
    return st.sampled_from(list(KEYS)).flatmap(
        lambda kind: st.builds(
            made,
            kind=st.just(kind),
            node=st.sampled_from(KEYS[kind]),
            identifier=st.sampled_from(CLAIMED),
            link_class=st.sampled_from([LinkClass.ASSERTED, LinkClass.GUESSED]),
        )
    )


def statements() -> st.SearchStrategy[list[Statement]]:
    """Histories in which nodes are named before they are described as often as after."""
    events = st.builds(
        Event,
        artifact=st.sampled_from(KEYS[Kind.ARTIFACT]),
        execution=st.sampled_from(KEYS[Kind.EXECUTION]),
        kind=st.just(EventKind.INPUT),
    )
    record = st.one_of(*map(described, Kind), claimed(Claim), claimed(Retraction), events)
    stated = st.sampled_from([None, *(StatedTime(start=DAWN + timedelta(hours=n)) for n in (0, 1))])
    one = st.builds(
        Statement,
        id=st.just("unnumbered"),
        source=st.sampled_from(SOURCES[:2]),
        records=st.lists(record, min_size=1, max_size=3).map(tuple),
        stated=stated,
    )
    return st.lists(one, min_size=1, max_size=6).map(numbered)


def in_memory() -> Ledger:
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


def walked(ledger: Ledger, text: str, count: int, terms: str = "", size: int | None = None) -> Told:
    """Return what all pages tell together; each but the last is full."""
    wanted = parse_filter(terms) if terms else None
    told: Told = []
    cursor: str | None = None
    while True:
        past = size if cursor is None else None
        page = ledger.find(text, filter=wanted, cursor=cursor, count=count, as_of=past)
        assert not page.truncations
        told += map(named, page.nodes)
        cursor = page.cursor
        if cursor is None:
            return told
        assert len(page.nodes) == count


def named(node: Node) -> tuple[str, int]:
    assert node.kind is not None
    assert node.id is not None
    return node.kind.value, node.id


def nodes_of(ledger: Ledger, size: int | None = None) -> list[Node]:
    """Return every node as it stands, by kind and id."""
    return [
        node
        for kind in Kind
        for node in sorted(
            ledger.list_nodes(kind.value, as_of=size).nodes, key=lambda one: one.id or 0
        )
    ]


def shown(ledger: Ledger, size: int | None = None) -> list[Shown]:
    """Read every node as it stands, with the claims that stand."""
    claims = ledger.linking.links(count=1_000, as_of=size).links
    nodes: list[Shown] = []
    for node in nodes_of(ledger, size):
        claimed_ids = [
            one.identifier for one in claims if (one.kind, one.id) == (node.kind, node.id)
        ]
        texts = [one for one in node.custom_properties.values() if isinstance(one, str)]
        nodes.append(
            Shown(
                *named(node),
                names=(node.name,) if node.name else (),
                identifiers=tuple(one for one in (node.key, node.uri, *claimed_ids) if one),
                values=tuple(texts),
                type=node.type or "",
            )
        )
    return nodes


@contextmanager
def bounds(rows: int, few: int) -> Generator[None]:
    """Read words in pages of so many rows, and narrow more than so few candidates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "_ROWS", rows)
        patch.setattr(finding, "_FEW", few)
        patch.setattr(finding, "_CHUNK", rows)
        patch.setattr(search, "_CHUNK", rows)
        yield


@settings(max_examples=40)
@given(
    history=statements(),
    count=st.integers(1, 4),
    rows=st.sampled_from([1, 2, 1_000]),
    few=st.sampled_from([0, 1_000]),
)
def test_any_search_finds_and_ranks_what_plain_lists_do(
    history: list[Statement], count: int, rows: int, few: int
) -> None:
    ledger = in_memory()
    sizes = [receipt.position for one in history for receipt in ledger.record([one])]
    with bounds(rows, few):
        for size in (None, sizes[len(sizes) // 2]):
            nodes = shown(ledger, size)
            for text in ASKED:
                assert walked(ledger, text, count, size=size) == found(nodes, text), text


@settings(max_examples=40)
@given(history=statements(), count=st.integers(1, 4), text=st.sampled_from(["", *ASKED[:8]]))
def test_a_filter_leaves_what_fulfils_it(history: list[Statement], count: int, text: str) -> None:
    ledger = in_memory()
    ledger.record(history)
    nodes = nodes_of(ledger)
    before = walked(ledger, text, 1_000) if text else list(map(named, nodes))
    for terms, holds in FILTERS.items():
        fulfilling = {named(node) for node in nodes if holds(node)}
        with bounds(count, 0):
            told = walked(ledger, text, count, terms)
        expected = [one for one in before if one in fulfilling]
        if not text and terms.startswith("type"):
            # One type after another.
            told, expected = sorted(told), sorted(expected)
        assert told == expected, terms


@settings(max_examples=20)
@given(histories=statements().flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_the_order_of_arrival_finds_the_same(
    histories: tuple[list[Statement], list[Statement]],
) -> None:
    ledger, other = in_memory(), in_memory()
    ledger.record(histories[0])
    for one in histories[1]:
        other.record([one])
    for text in ASKED:
        told = [
            sorted((node.kind or "", node.key or "") for node in one.find(text).nodes)
            for one in (ledger, other)
        ]
        assert told[0] == told[1], text


# --- on every store ------------------------------------------------------------------------------


STORY: list[AnyRecord] = [
    Artifact(key="acme:data/red", name="fraud", uri="s3://red/x"),
    Artifact(key="acme:fraud", type="lineage.Model", custom_properties={"p": "fraudulent data"}),
    Execution(key="acme:train", name="Fraud Red", type="lineage.Train"),
    Artifact(key="acme:data/red", custom_properties={"q": "one", "p": "red"}),
    Claim(
        kind=Kind.EXECUTION,
        node="acme:train",
        identifier="other:fraud/one",
        link_class=LinkClass.ASSERTED,
    ),
    Context(key="acme:lab", name="r\u00e9d \U0001f600 data_set \ud7ffx"),
    Retraction(
        kind=Kind.EXECUTION,
        node="acme:train",
        identifier="other:fraud/one",
        link_class=LinkClass.ASSERTED,
    ),
    Artifact(key="acme:data/red", name="redder", custom_properties={"q": None}),
]
TOLD = numbered([Statement(id="x", source="ci", records=(one,)) for one in STORY])


def test_every_store_finds_the_same_as_of_every_size(ledger: Ledger) -> None:
    sizes = [(receipt.position or 0) + 1 for one in TOLD for receipt in ledger.record([one])]
    shown_then = [shown(ledger, size) for size in sizes]
    for size, nodes in list(zip(sizes, shown_then, strict=True))[3::2]:
        for text in ("f", "red", "data set", "one", "other:fraud/one", "r\u00e9d", "\ud7ffx"):
            assert walked(ledger, text, 2, size=size) == found(nodes, text), (text, size)
    assert [found(nodes, "one") for nodes in shown_then] == [
        *[[]] * 3,
        [("artifact", 1)],
        *[[("execution", 1), ("artifact", 1)]] * 2,
        *[[("artifact", 1)]] * 2,
    ]
    assert ("artifact", 1) in walked(ledger, "fraud", 2, size=6)
    assert ("artifact", 1) not in walked(ledger, "fraud", 2)
    check_ledger(ledger)


def test_pages_are_of_one_size_while_the_log_grows(ledger: Ledger) -> None:
    def more(start: int) -> None:
        ledger.record(
            Statement(
                id=f"more-{number}",
                source="ci",
                records=(
                    Artifact(key=f"acme:{number}", name="red" if number % 2 else "reddish"),
                    Artifact(key="acme:1", name=f"z{number}" if start else None),
                ),
            )
            for number in range(start, start + 5)
        )

    more(0)
    expected = [named(node) for node in ledger.find("red").nodes]
    told: Told = []
    cursor: str | None = None
    while True:
        page = ledger.find("red", cursor=cursor, count=2)
        told += map(named, page.nodes)
        if (cursor := page.cursor) is None:
            break
        more(len(told) * 5)
    assert told == expected == [("artifact", one) for one in (2, 4, 1, 3, 5)]


def test_what_a_limit_leaves_out_is_counted_and_stays_out(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(first: int) -> None:
        records = [
            Artifact(key=f"acme:{number}", custom_properties={"p": "red"})
            if number % 2
            else Artifact(key=f"acme:{number}", name="red one")
            for number in range(first, first + 8)
        ]
        ledger.record([Statement(id=f"t{first}", source="ci", records=tuple(records))])

    tell(0)
    size = ledger.head().size
    everything = [named(node) for node in ledger.find("red").nodes]
    assert len(everything) == 8
    monkeypatch.setattr(finding, "SEARCH_CANDIDATES_MAX", 5)
    monkeypatch.setattr(finding, "_FEW", 0)
    for holders in (1_000, 6):
        monkeypatch.setattr(finding, "WORD_HOLDERS_MAX", holders)
        page = ledger.find("red", as_of=size)
        assert [named(node) for node in page.nodes] == everything[:5]
        (cut,) = page.truncations
        assert (cut.reason, cut.limit) == (TruncationReason.CANDIDATES, 5)
        assert 1 <= cut.hidden <= 3
        assert not page.complete
        tell(holders)
        assert ledger.find("red", as_of=size) == page
    # A word that few nodes hold narrows one that very many do.
    monkeypatch.setattr(finding, "WORD_HOLDERS_MAX", 6)
    tell_of(ledger, "rare", Artifact(key="a:r", name="red x9"))
    rare = ledger.find("red x9")
    assert [node.key for node in rare.nodes] == ["a:r"]
    assert rare.complete


def test_a_page_of_a_filter_that_passes_over_many_goes_on(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [Artifact(key=f"acme:{n}", custom_properties={"p": n}) for n in range(9)]
    ledger.record([Statement(id="t", source="ci", records=tuple(made))])
    monkeypatch.setattr(search, "_CHUNK", 2)
    monkeypatch.setattr(search, "PAGE_LOOKED_MAX", 2)
    keys: list[str | None] = []
    lengths: list[int] = []
    cursor: str | None = None
    while True:
        page = ledger.find(filter=parse_filter("p>=5"), cursor=cursor)
        keys += [node.key for node in page.nodes]
        lengths.append(len(page.nodes))
        if (cursor := page.cursor) is None:
            break
    assert keys == [f"acme:{n}" for n in range(5, 9)]
    assert lengths[:3] == [0, 0, 1]


def test_people_write_numbers_of_versions_in_several_ways(ledger: Ledger) -> None:
    version = Artifact(
        key="acme:v",
        type="lineage.ModelVersion",
        properties={"model_name": "fraud-model", "number": 3, "semantic_version": "3.2.0"},
    )
    run = Execution(key="acme:r", name="847")
    ledger.record([Statement(id="t", source="ci", records=(version, run))])
    for text in ("fraud-model-v3.2", "fraud model 3", "fraud v3", "model version", "FRAUD-model@"):
        assert [node.key for node in ledger.find(text).nodes] == ["acme:v"], text
    assert [node.key for node in ledger.find("run 847").nodes] == ["acme:r"]
    assert [node.key for node in ledger.find("lineage.ModelVersion").nodes] == ["acme:v"]
    with pytest.raises(InvalidInputError, match="words"):
        ledger.find("  ")
    with pytest.raises(InvalidInputError, match="words"):
        ledger.find(" ".join(map(str, range(17))))


def test_a_cursor_goes_with_its_filter(ledger: Ledger) -> None:
    ledger.record(TOLD)
    cursor = ledger.find("data", filter=parse_filter("kind:artifact"), count=1).cursor
    for wanted in (None, parse_filter("kind:execution")):
        with pytest.raises(InvalidInputError, match="another question"):
            ledger.find("data", filter=wanted, cursor=cursor)
    listed = ledger.list_nodes("artifact", filter=parse_filter("type:lineage.Model"))
    assert [node.key for node in listed.nodes] == ["acme:fraud"]


def test_words_that_were_erased_find_nothing(ledger: Ledger) -> None:
    secret = Artifact(key=A, custom_properties={"note": "wistful words"}, personal=("note",))
    claim = Claim(
        kind=Kind.ARTIFACT, node=A, identifier="other:wanted", link_class=LinkClass.ASSERTED
    )
    told, claimed_at = tell_of(ledger, "1", secret), tell_of(ledger, "2", claim)
    size = ledger.head().size
    assert [len(ledger.find(word).nodes) for word in ("wistful", "wanted")] == [1, 1]
    ledger.erasures.erase(asked(told))
    ledger.erasures.erase(asked(claimed_at, parts=PartsErased.ALL))
    for as_of in (None, size):
        for word in ("wistful", "words", "wanted", "other:wanted"):
            assert ledger.find(word, as_of=as_of).nodes == (), word
    with ledger._store.read() as reader:
        assert not reader.find_prefix(DETAIL_WORD, "word", "w")
    check_ledger(ledger)
