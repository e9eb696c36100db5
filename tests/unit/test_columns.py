"""Column lineage as any producer may say it: what is cut, unread or erased is counted."""

from __future__ import annotations

import pytest

from doubles import FakeClock, SeededRandomness
from erasing import asked
from lineage.ledger import (
    Artifact,
    ColumnsQuery,
    Direction,
    Execution,
    Ledger,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.stores.opening import open_store
from lineage_api.cli.column_tree import column_lines
from lineage_schemas.columns import (
    ColumnLineage,
    MadeField,
    SourceField,
    columns_property,
    columns_value,
)
from lineage_schemas.errors import InvalidInputError
from lineage_schemas.graph import TruncationReason
from lineage_schemas.limits import NAME_BYTES_MAX
from lineage_schemas.values import JsonValue

RAW, CLEAN, REPORT = "acme:raw", "acme:clean", "acme:report"
SAID = ColumnLineage(
    REPORT, (MadeField("total", (SourceField(CLEAN, "amount"),)),), (SourceField(CLEAN, "day"),)
)


@pytest.fixture
def memory() -> Ledger:
    """Return an empty ledger in memory."""
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


def run(
    key: str, value: JsonValue, output: str = REPORT, *, is_personal: bool = False
) -> Statement:
    name = columns_property(output)
    record = Execution(
        key=key, custom_properties={name: value}, personal=(name,) if is_personal else ()
    )
    return Statement(id=key, source="ci", records=(record,))


def test_so_many_executions_are_read_and_the_rest_is_counted(memory: Ledger) -> None:
    memory.record([run(f"acme:run/{number}", columns_value(SAID)) for number in range(5)])
    answer = memory.graph.columns(ColumnsQuery(dataset=REPORT, fanout=2))
    (cut,) = answer.truncations
    assert (cut.reason, cut.limit, cut.hidden) == (TruncationReason.FANOUT, 2, 3)
    assert {len(edge.executions) for edge in answer.edges} == {2}
    assert {node.key for node in answer.executions} == {"acme:run/3", "acme:run/4"}
    assert not answer.complete


def test_what_cuts_the_second_way_is_the_limit_that_was_asked_for(memory: Ledger) -> None:
    """By hand: the start, the whole it is of, two sources of it, and five fields made of it."""
    made = tuple(MadeField(f"of-{n}", (SourceField(REPORT, "total"),)) for n in range(5))
    memory.record(
        [
            run("acme:run/1", columns_value(SAID)),
            run("acme:run/2", columns_value(ColumnLineage("acme:board", made)), "acme:board"),
        ]
    )
    answer = memory.graph.columns(
        ColumnsQuery(dataset=REPORT, field="total", direction=Direction.BOTH, columns=6)
    )
    (cut,) = answer.truncations
    assert cut.limit == 6
    assert len(answer.columns) == 6
    assert len(answer.columns) + cut.hidden == 9


def test_what_is_not_of_the_form_is_counted(memory: Ledger) -> None:
    memory.record(
        [
            run("acme:run/1", {"output": REPORT, "fields": "all"}),
            run("acme:run/2", {"output": "no identifier"}),
            run("acme:run/3", columns_value(SAID)),
        ]
    )
    answer = memory.graph.columns(ColumnsQuery(dataset=REPORT))
    assert (answer.unread, len(answer.edges), answer.complete) == (2, 2, False)


def test_what_was_erased_is_counted_and_told(memory: Ledger) -> None:
    memory.record([run("acme:run/1", columns_value(SAID), is_personal=True)])
    before = memory.graph.columns(ColumnsQuery(dataset=REPORT))
    assert len(before.edges) == 2
    memory.erasures.erase(asked("acme:run/1"))
    after = memory.graph.columns(ColumnsQuery(dataset=REPORT))
    assert (after.edges, after.redacted, len(after.redactions)) == ((), 1, 1)


def test_fields_inside_fields_have_both_names(memory: Ledger) -> None:
    schema: JsonValue = {
        "items": [{"name": "who", "type": "struct", "fields": [{"name": "id", "type": "int"}]}]
    }
    described = Artifact(key=CLEAN, type="lineage.DataSet", properties={"schema": schema})
    said = ColumnLineage(CLEAN, (MadeField("who.id", (SourceField(RAW, "id"),)),))
    memory.record(
        [
            Statement(id="1", source="ci", records=(described,)),
            run("acme:run/1", columns_value(said), CLEAN),
        ]
    )
    answer = memory.graph.columns(ColumnsQuery(dataset=CLEAN))
    assert [(one.field, one.type, one.in_schema) for one in answer.columns] == [
        (None, None, False),
        ("who", "struct", True),
        ("who.id", "int", True),
        ("id", None, False),
    ]


def test_the_tree_shows_what_a_whole_leads_to_below_its_fields(memory: Ledger) -> None:
    onward = ColumnLineage("acme:board", (MadeField("sum", (SourceField(REPORT, "total"),)),))
    memory.record(
        [
            run("acme:run/1", columns_value(SAID)),
            run("acme:run/2", columns_value(onward), "acme:board"),
        ]
    )
    up = memory.graph.columns(ColumnsQuery(dataset="acme:board", field="sum"))
    assert [line for line in column_lines(up) if line][:4] == [
        "sum of acme:board (in no schema)",
        "  ← total of acme:report (in no schema)  by acme:run/2",
        "    ← amount of acme:clean (in no schema)  by acme:run/1",
        "    ← day of acme:clean (in no schema)  for every field  by acme:run/1",
    ]
    down = memory.graph.columns(
        ColumnsQuery(dataset=CLEAN, field="day", direction=Direction.DOWNSTREAM)
    )
    assert [line for line in column_lines(down) if line][:3] == [
        "day of acme:clean (in no schema)",
        "  → * of acme:report  by acme:run/1",
        "    → sum of acme:board (in no schema)  for total  by acme:run/2",
    ]


@pytest.mark.parametrize(
    "query",
    [
        ColumnsQuery(dataset=RAW, field=""),
        ColumnsQuery(dataset=RAW, depth=-1),
        ColumnsQuery(dataset=RAW, columns=0),
        ColumnsQuery(dataset=RAW, columns=100_001),
        ColumnsQuery(dataset=RAW, fanout=0),
    ],
)
def test_a_query_outside_the_limits_is_refused(memory: Ledger, query: ColumnsQuery) -> None:
    with pytest.raises(InvalidInputError):
        memory.graph.columns(query)


def test_a_key_that_is_too_long_for_a_name_has_a_name_all_the_same() -> None:
    output = "acme:" + "x" * NAME_BYTES_MAX
    assert columns_property(REPORT) == "columns/acme:report"
    assert len(columns_property(output)) < NAME_BYTES_MAX
    assert columns_property(output) != columns_property(output + "y")
