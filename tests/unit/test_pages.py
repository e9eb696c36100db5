"""Pages: every node once, wherever a page ends, and no cursor but the list's own."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Artifact, Mode, Statement
from lineage.projections.views import TABLES
from lineage.questions.cursors import Cursor, encode_cursor, question_of
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage.writing.submission import DEFAULT_NAMESPACE
from lineage_schemas.basis import Basis
from lineage_schemas.errors import InvalidInputError, LedgerError, UnknownBasisError
from lineage_schemas.mlmd import ArtifactType
from lineage_schemas.records import AnyRecord

BASE = "mlmd.Dataset"
PER_TYPE = {"Line": 3, "Empty": 0, "Shape": 2, "Curve": 3}
NAMED = sorted(f"{name}-{number}" for name, count in PER_TYPE.items() for number in range(count))


def command(statement_id: str, *records: AnyRecord) -> Statement:
    return Statement(id=statement_id, source="client", mode=Mode.COMMAND, records=records)


def told(ledger: Ledger) -> Basis:
    """Tell of several types of one base type, their nodes mixed; return the basis after it."""
    types = [ArtifactType(name=name, base_type=BASE) for name in PER_TYPE]
    ledger.record([command("types", *types)])
    made = [
        Artifact(type=name, name=f"{name}-{number}")
        for number in range(max(PER_TYPE.values()))
        for name, count in PER_TYPE.items()
        if number < count
    ]
    ledger.record([command("nodes", *made)])
    return ledger.basis()


@pytest.fixture
def listed(ledger: Ledger) -> Ledger:
    told(ledger)
    return ledger


def walked(ledger: Ledger, name: str, count: int, as_of: Basis | None = None) -> list[list[str]]:
    """Return the names on each page of a list."""
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        past = as_of if cursor is None else None
        page = ledger.list_nodes(name, cursor=cursor, count=count, as_of=past)
        pages.append([node.name or "" for node in page.nodes])
        cursor = page.cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("name", [BASE, "artifact"])
def test_every_node_stands_on_one_page(listed: Ledger, name: str, count: int) -> None:
    pages = walked(listed, name, count)
    assert sorted(name for page in pages for name in page) == NAMED
    assert [len(page) for page in pages[:-1]] == [count] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= count


@pytest.mark.parametrize("count", range(1, 10))
def test_pages_of_the_past_are_whole_though_every_second_node_changed(
    ledger: Ledger, count: int
) -> None:
    then = told(ledger)
    before = walked(ledger, BASE, count)
    changed = [
        Artifact(id=number, custom_properties={"x": 1}) for number in range(1, len(NAMED), 2)
    ]
    ledger.record([command("changed", *changed)])
    ledger.record([command("more", Artifact(type="Line", name="more"))])
    ledger.record([command("type", ArtifactType(name="Bow", base_type=BASE))])
    assert walked(ledger, BASE, count, then) == before
    assert sorted(name for page in walked(ledger, BASE, count) for name in page) == sorted(
        [*NAMED, "more"]
    )
    check_ledger(ledger)


def test_a_list_that_is_begun_is_of_one_size(listed: Ledger) -> None:
    first = listed.list_nodes(BASE, count=4)
    listed.record([command("more", *(Artifact(type="Shape") for _ in range(9)))])
    assert first.cursor is not None
    second = listed.list_nodes(BASE, count=100, cursor=first.cursor)
    assert second.basis == first.basis
    assert sorted(node.name or "" for node in (*first.nodes, *second.nodes)) == NAMED


# --- cursors -------------------------------------------------------------------------------------


def raw(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(cursor: str) -> bytes:
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


QUESTION = question_of(DEFAULT_NAMESPACE, "list", BASE)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\u00e9",
        "\ud800",
        raw("1"),
        raw("2.2.3"),
        raw(f"2.{QUESTION}.5.0"),
        raw(f"2.{QUESTION}.5.0.1.1"),
        raw(f"1.{QUESTION}.5.0.1"),
        raw(f"2.{QUESTION}.-1.0.1"),
        raw(f"2.{QUESTION}.5.-1.1"),
        raw(f"2.{QUESTION}.5.0.-1"),
        raw(f"2.{QUESTION}.{2**63}.0.1"),
        raw(f"2.{QUESTION}.5.{2**70}.1"),
        raw(f"2.{QUESTION}.5.0.{2**63}"),
        raw(f"2.{QUESTION}.5.0.{'9' * 5_000}"),
        raw(f"2.{QUESTION}.5.0.NaN"),
    ],
)
def test_what_is_no_cursor_is_refused(listed: Ledger, cursor: str) -> None:
    for name in (BASE, "artifact"):
        with pytest.raises(InvalidInputError):
            listed.list_nodes(name, cursor=cursor)
    with pytest.raises(InvalidInputError):
        listed.find("Line", cursor=cursor)


@pytest.mark.parametrize("part", [0, 4, 99, 2**63 - 1])
@pytest.mark.parametrize("after", [0, 2**63 - 1])
@pytest.mark.parametrize("name", [BASE, "artifact", "context"])
def test_a_made_up_cursor_does_no_harm(listed: Ledger, name: str, part: int, after: int) -> None:
    question = question_of(DEFAULT_NAMESPACE, "list", name)
    size = listed.head().size
    page = listed.list_nodes(name, cursor=encode_cursor(Cursor(question, size, part, after)))
    assert {node.name for node in page.nodes} <= set(NAMED)
    beyond = encode_cursor(Cursor(question, 2**63 - 1, part, after))
    with pytest.raises((InvalidInputError, UnknownBasisError)):
        listed.list_nodes(name, cursor=beyond)


def test_a_cursor_serves_its_own_list_alone(listed: Ledger) -> None:
    listed.record([command("other", ArtifactType(name="O"), Artifact(type="O"))], namespace="other")
    of_base = listed.list_nodes(BASE, count=1).cursor
    of_kind = listed.list_nodes("artifact", count=1).cursor
    of_words = listed.find("line", count=1).cursor
    assert of_base
    assert of_kind
    assert of_words
    for cursor in (of_kind, of_words, listed.list_nodes("Line", count=1).cursor):
        with pytest.raises(InvalidInputError, match="another question"):
            listed.list_nodes(BASE, cursor=cursor)
    for name, cursor, namespace in [
        ("artifact", of_base, DEFAULT_NAMESPACE),
        ("artifact", of_kind, "other"),
    ]:
        with pytest.raises(InvalidInputError, match="another question"):
            listed.list_nodes(name, cursor=cursor, namespace=namespace)
    for text, cursor, namespace in [
        ("line", of_base, DEFAULT_NAMESPACE),
        ("curve", of_words, DEFAULT_NAMESPACE),
        ("line", of_words, "other"),
    ]:
        with pytest.raises(InvalidInputError, match="another question"):
            listed.find(text, cursor=cursor, namespace=namespace)
    assert listed.find("line", cursor=of_words).nodes


def test_a_cursor_does_not_tell_how_many_namespaces_were_there_before(listed: Ledger) -> None:
    told: list[list[bytes]] = []
    for namespace in ("first", "second"):
        records = (ArtifactType(name="O"), Artifact(type="O"), Artifact(type="O"))
        listed.record([command("said", *records)], namespace=namespace)
        cursors = [
            listed.list_nodes(name, count=1, namespace=namespace).cursor
            for name in ("artifact", "O")
        ]
        # Version, checksum of the question, size, part and node: the last two are the list's own.
        told += [[part for one in cursors for part in read(str(one)).split(b".")[3:]]]
    assert told[0] == told[1]


def test_a_cursor_of_another_log_is_refused_where_it_reaches_further(listed: Ledger) -> None:
    cursor = listed.list_nodes(BASE, count=1).cursor
    empty = Ledger(open_store("memory:", TABLES, "o"), FakeClock(), SeededRandomness())
    with pytest.raises(LedgerError):
        empty.list_nodes(BASE, cursor=cursor)
