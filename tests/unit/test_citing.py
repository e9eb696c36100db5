"""Each shown value cites an entry that says it, held against a look through all entries."""

from hypothesis import given
from hypothesis import strategies as st

from calendars import DAWN
from lineage.ledger import Artifact, Ledger, Mode, StatedTime, Statement, open_ledger
from lineage.projections.unfolding import command_key
from lineage.questions.citing import Cited, cite_nodes
from lineage.questions.nodes import find_by_key, read_nodes
from lineage.stores.base import Reader
from lineage.writing.governing import namespace_number
from lineage_schemas.graph import Node
from lineage_schemas.mlmd import Kind
from lineage_schemas.values import JsonValue

KEY = "acme:a"
SOURCES, NAMES = ("dvc", "mlflow"), ("format", "source")
SAID = st.tuples(
    st.sampled_from(SOURCES),
    st.none() | st.integers(0, 3),
    st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from("xyz"), min_size=1),
)


def tell(ledger: Ledger, number: int, one: tuple[str, int | None, dict[str, str | None]]) -> None:
    source, hour, properties = one
    moment = None if hour is None else DAWN.replace(hour=hour)
    ledger.record(
        [
            Statement(
                id=f"s/{number}",
                source=source,
                stated=None if moment is None else StatedTime(start=moment, end=moment),
                records=(Artifact(key=KEY, type="lineage.DataSet", properties=dict(properties)),),
            )
        ]
    )


@given(st.lists(SAID, min_size=1, max_size=8))
def test_each_shown_value_cites_the_first_entry_that_says_it_so(
    story: list[tuple[str, int | None, dict[str, str | None]]],
) -> None:
    with open_ledger("memory:") as ledger:
        sizes: list[int] = []
        for number, one in enumerate(story):
            tell(ledger, number, one)
            sizes.append(ledger.head().size)
        positions = {size - 1: one for size, one in zip(sizes, story, strict=True)}
        with ledger._store.read() as reader:
            for size in sizes:
                ((vertex, cited),) = _cited(reader, size)
                node = read_nodes(reader, [vertex], size)[vertex]
                assert {f: c.value for f, c in cited.items() if c.value is not None} == _shown(node)
                for field, told in cited.items():
                    said = [
                        position
                        for position, (source, hour, properties) in positions.items()
                        if position < size
                        and source == told.source
                        and _same_time(hour, told.stated_us)
                        and _says(field, properties, told.value)
                    ]
                    assert told.position == min(said)


def _cited(reader: Reader, size: int) -> list[tuple[int, dict[str, Cited]]]:
    namespace = namespace_number(reader, "default", size)
    assert namespace is not None
    found = find_by_key(reader, namespace, KEY, (Kind.ARTIFACT,), size)
    return [
        (vertex, {field: history.values[-1] for field, history in fields.items()})
        for vertex, fields in cite_nodes(reader, found, size, None).items()
    ]


def _shown(node: Node) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {f"properties.{n}": v for n, v in node.properties.items()}
    shown["type"] = [node.type, node.type_version]
    return shown


def _same_time(hour: int | None, stated_us: int | None) -> bool:
    if hour is None or stated_us is None:
        return hour is stated_us is None
    return int(DAWN.replace(hour=hour).timestamp()) * 1_000_000 == stated_us


def _says(field: str, properties: dict[str, str | None], value: JsonValue) -> bool:
    name = field.removeprefix("properties.")
    return field == "type" or (name in properties and properties[name] == value)


def test_a_command_that_keeps_a_name_does_not_stand_for_it() -> None:
    """ML Metadata ignores the new name of a node, so the entry that brought the name says it."""
    with open_ledger("memory:") as ledger:
        first = _command(ledger, "first", Artifact(type="lineage.DataSet", name="one"))
        with ledger._store.read() as reader:
            vertex = _only(reader, first + 1)
        second = _command(ledger, "second", Artifact(id=1, type="lineage.DataSet", uri="file:///a"))
        with ledger._store.read() as reader:
            fields = cite_nodes(reader, [vertex], second + 1, None)[vertex]
        assert fields["name"].values[-1].position == first
        assert fields["uri"].values[-1].position == second


def _only(reader: Reader, size: int) -> int:
    namespace = namespace_number(reader, "default", size)
    assert namespace is not None
    key = command_key(Kind.ARTIFACT, 1)
    (vertex,) = find_by_key(reader, namespace, key, (Kind.ARTIFACT,), size)
    return vertex


def _command(ledger: Ledger, name: str, record: Artifact) -> int:
    statement = Statement(id=name, source="ci", mode=Mode.COMMAND, records=(record,))
    (receipt,) = ledger.record([statement])
    assert receipt.position is not None
    return receipt.position
