"""Rows that are looked at again and again: what changed, what is gone, and what is back."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from canonical import CanonicalGraph, canonical_graph
from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.connectors.rows.loading import load_mapping
from lineage.connectors.rows.mapping import RowsMapping
from lineage.connectors.rows.reading import RowReader
from lineage.importing.importer import Source, Tally
from lineage.importing.looking import look_at
from lineage.ledger import Ledger
from lineage_schemas.errors import ConflictError
from lineage_schemas.graph import Node
from lineage_schemas.instants import instant_us
from lineage_schemas.records import Statement
from lineage_schemas.serving import SERVING_PROPERTY
from lineage_schemas.values import JsonValue
from looks import Remembered, miss, take

MAPPING = """\
mapping: things
version: 1
rows: {format: ndjson, id: "{id}", whole: true}
stated: {column: made}
nodes:
  - node: thing
    kind: artifact
    type: lineage.ModelVersion
    own: true
    key: "acme:thing/{id}"
    properties: {stage: "{stage}", number: {column: n}}
  - node: deployment
    kind: artifact
    type: lineage.Deployment
    key: "acme:deployment/{id}"
    when: {column: runs, present: true}
  - node: place
    kind: context
    type: lineage.Service
    key: "acme:place/{runs}"
    when: {column: runs, present: true}
claims:
  - node: thing
    identifier: "acme-digest:{digest}"
    when: {column: digest, present: true}
serving:
  - action: deploy
    execution: "acme:start/{id}"
    at: {column: made}
    deployment: deployment
    place: place
    ends_with_row: true
    when: {column: runs, present: true}
"""
MADE = "2026-01-01T00:00:00Z"
HOUR_US = 3_600_000_000
NOON_US = instant_us(datetime(2026, 6, 1, 12, tzinfo=UTC))
Row = dict[str, JsonValue]


class Table:
    """A file of rows, and a ledger that looks at it, an hour later each time."""

    def __init__(self, path: Path) -> None:
        self.file = path / "rows.ndjson"
        self.now_us = NOON_US
        self.ledger: Ledger = open_ledger(
            path / "ledger.db", clock=FakeClock(), randomness=SeededRandomness("rows")
        )

    def look(self, *rows: Row, mapping: str = MAPPING) -> Tally:
        self.file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        self.now_us += HOUR_US
        loaded = load_mapping(mapping.encode(), "m")
        return look_at(
            self.ledger,
            Source(name="rows:things", mapping=RowsMapping(loaded)),
            RowReader(self.file, loaded),
            is_whole=True,
            due_seconds=None,
            clock=FakeClock(self.now_us, step_us=0),
        )

    def node(self, key: str = "acme:thing/a") -> Node:
        """Return a node as it is shown now."""
        (answer,) = self.ledger.show(key)
        return answer.node

    def names(self, key: str = "acme:thing/a") -> list[str]:
        """Return what else a node goes by now."""
        (answer,) = self.ledger.show(key)
        return sorted(str(link.identifier) for link in answer.links)

    def moves(self) -> list[dict[str, JsonValue]]:
        """Return the moves that were said, by their time."""
        found: list[dict[str, JsonValue]] = []
        for name in ("lineage.Deploy", "lineage.Retire"):
            for node in self.ledger.list_nodes(name).nodes:
                (answer,) = self.ledger.show(str(node.key))
                found += [
                    value
                    for one, value in answer.node.custom_properties.items()
                    if one == SERVING_PROPERTY and isinstance(value, dict)
                ]
        return sorted(found, key=lambda move: str(move["at"]))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    table = Table(tmp_path)
    yield table
    check_ledger(table.ledger)
    table.ledger.close()


def row(**others: JsonValue) -> Row:
    """Return the row a."""
    return {"id": "a", "made": MADE, "stage": "staging", "n": 1, "digest": "1", **others}


def test_the_same_again_appends_nothing(table: Table) -> None:
    first = table.look(row(), row(id="b"))
    assert (first.appended, first.unread) == (3, [])
    again = table.look(row(id="b"), row())
    assert (again.appended, again.unchanged, again.entries, again.gone) == (0, 3, 0, 0)


def test_a_row_that_changed_is_so_from_then_on(table: Table) -> None:
    """Its own time did not move on: the later value is shown, and what is left out is cleared."""
    table.look(row(stage="staging"))
    table.look(row(stage="archived", n=None))
    shown = table.node().properties
    assert shown["stage"] == "archived"
    assert "number" not in shown
    table.look(row(stage="staging"))
    assert table.node().properties == {"stage": "staging", "number": 1}


def test_what_a_row_claims_no_more_is_taken_back(table: Table) -> None:
    table.look(row())
    assert table.names() == ["acme-digest:1"]
    table.look(row(digest="2"))
    assert table.names() == ["acme-digest:2"]
    table.look(row(digest=""))
    assert table.names() == []
    table.look(row(digest="1"))
    assert table.names() == ["acme-digest:1"]


def test_what_is_gone_is_said_to_be_and_may_be_back(table: Table) -> None:
    table.look(row(), row(id="b", digest="2"))
    tally = table.look(row(id="b", digest="2"))
    assert tally.gone == 1
    assert (table.node().state, table.node().properties["source_state"]) == ("DELETED", "gone")
    assert table.names() == []
    assert table.node("acme:thing/b").state != "DELETED"
    table.look(row(), row(id="b", digest="2"))
    assert table.node().state == "LIVE"
    assert "source_state" not in table.node().properties
    assert table.names() == ["acme-digest:1"]


def test_what_runs_with_its_row_ends_with_it(table: Table) -> None:
    table.look(row(runs="here"), row(id="b"))
    table.look(row(id="b"))
    start, end = table.moves()
    assert (start["action"], start["at"]) == ("deploy", MADE)
    assert (end["action"], end["deployment"]) == ("remove", "acme:deployment/a")
    assert (end["after"], end["at"]) == ("2026-06-01T13:00:00Z", "2026-06-01T14:00:00Z")


def test_nothing_is_gone_where_the_rows_may_not_be_all(table: Table) -> None:
    """A failed export, a row that cannot be named, or a look at what is new."""
    table.look(row(), row(id="b"))
    assert table.look().gone == 0
    assert table.look(row(), {"made": MADE}).gone == 0
    assert table.look(row(), row(id="a")).unread[0].reason.endswith("has the same id")
    partial = MAPPING.replace(", whole: true", "").replace("    ends_with_row: true\n", "")
    assert table.look(row(), mapping=partial.replace("version: 1", "version: 2")).gone == 0


def test_a_version_of_a_mapping_is_one_text(table: Table) -> None:
    table.look(row())
    changed = MAPPING.replace("acme-digest", "acme-sum")
    with pytest.raises(ConflictError, match="version: 2"):
        table.look(row(), mapping=changed)
    second = changed.replace("version: 1", "version: 2")
    assert table.look(row(), mapping=second).appended == 2
    assert table.look(row(), mapping=second).entries == 0
    assert "acme-sum:1" in table.names()
    with pytest.raises(ConflictError, match="version 2"):
        table.look(row())


def test_the_order_of_arrival_changes_nothing(tmp_path: Path) -> None:
    """What was said in four looks, told in other orders, makes the same graph."""
    loaded = load_mapping(MAPPING.encode(), "m")
    mapping = RowsMapping(loaded)
    memory = Remembered()
    file = tmp_path / "rows.ndjson"
    statements: list[Statement] = []
    looks = (
        [row(runs="here"), row(id="b", n=None)],
        [row(stage="archived", digest="2"), row(id="b")],
        [row(id="b", runs="there")],
        [row(stage="production"), row(id="b", n=2)],
    )
    for hour, rows in enumerate(looks):
        file.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
        at = datetime(2026, 6, 1, 12 + hour, tzinfo=UTC)
        look = take(
            RowReader(file, loaded).read(memory, None, is_whole=True), memory, mapping, "r", at
        )
        batches = list(look.batches)
        if len(rows) == 1:
            batches.append(miss("row/a", memory, mapping, "r", at))
        statements += [replace(one, message=None) for batch in batches for one in batch[1:]]
    assert len(statements) > 8
    forms: list[CanonicalGraph] = []
    orders = (statements, statements[::-1], statements[1::2] + statements[::2])
    for number, order in enumerate(orders):
        path = tmp_path / f"{number}.db"
        with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
            for statement in order:
                ledger.record([statement])
            forms.append(canonical_graph(ledger))
    assert forms[0] == forms[1] == forms[2]


def test_no_name_is_made_of_a_secret(table: Table) -> None:
    """Neither of a row nor of a node; elsewhere it is filtered, and the row goes in."""
    by_token = MAPPING.replace('id: "{id}"', 'id: "{id}-{db_password}"')
    unread = table.look(row(db_password="hunter2"), mapping=by_token).unread
    assert "A secret was filtered" in unread[0].reason
    assert "hunter2" not in unread[0].reason + unread[0].subject
    second = MAPPING.replace("version: 1", "version: 2")
    assert table.look(row(db_password="hunter2"), mapping=second).unread == []
