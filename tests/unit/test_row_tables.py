"""Tables as they come: dialects, damage and forms of values, read row by row."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineage.connectors.rows.tables import FoundRow, read_rows
from lineage.connectors.rows.values import holds, time_of, value_of
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.row_mappings import (
    Condition,
    Dialect,
    Encoding,
    RowFormat,
    Rows,
    Time,
    TimeForm,
    Value,
    ValueForm,
)
from lineage_schemas.values import JsonValue

CSV = Rows(format=RowFormat.CSV, id="{a}")
JSON = Rows(format=RowFormat.JSON, id="{a}", path="x.y[1]")
NDJSON = Rows(format=RowFormat.NDJSON, id="{a}")


def rows_of(path: Path, body: bytes, rows: Rows) -> list[FoundRow]:
    """Return the rows of a file with that body."""
    file = path / "rows"
    file.write_bytes(body)
    return list(read_rows(file, rows))


def test_csv_of_any_dialect(tmp_path: Path) -> None:
    found = rows_of(tmp_path, b'\xef\xbb\xbfa, b \r\n1,"x\r\n""y"""\r\n\r\n2,\r\n', CSV)
    assert [one.row for one in found] == [{"a": "1", "b": 'x\r\n"y"'}, {"a": "2", "b": ""}]
    assert [(one.number, one.where) for one in found] == [(1, "line 2"), (2, "line 5")]
    other = Rows(
        format=RowFormat.CSV,
        id="{a}",
        encoding=Encoding.LATIN_1,
        csv=Dialect(delimiter="\t", quote="'"),
    )
    assert rows_of(tmp_path, b"a\tb\n'\xe9'\t\"\n", other)[0].row == {"a": "é", "b": '"'}


def test_a_damaged_row_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    found = rows_of(tmp_path, b'a,b\n1\n1,2,3\n"x"y,2\n\xff,2\n3,4\n', CSV)
    assert [one.row for one in found] == [None, None, None, None, {"a": "3", "b": "4"}]
    assert "it has 1 columns, and the header has 2" in found[0].reason
    assert "column a is not text" in found[3].reason
    assert [one.where for one in found] == [f"line {line}" for line in (2, 3, 4, 5, 6)]


@pytest.mark.parametrize("body", [b"", b"a,a\n1,2\n", b"a,\n1,2\n", b"\n1\n"])
def test_a_header_names_each_column_once(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        rows_of(tmp_path, body, CSV)


def test_json_rows_are_where_the_path_leads(tmp_path: Path) -> None:
    found = rows_of(tmp_path, b'{"x":{"y":[0,[{"a":1},2]]}}', JSON)
    assert [one.row for one in found] == [{"a": 1}, None]
    assert found[1].where == "x.y[1][1]"
    for body in (b"[1]", b'{"x":1}'):
        with pytest.raises(InvalidInputError, match="no array"):
            rows_of(tmp_path, body, JSON)
    with pytest.raises(DecodeError):
        rows_of(tmp_path, b"[", JSON)
    top = Rows(format=RowFormat.JSON, id="{a}")
    assert rows_of(tmp_path, b'\xef\xbb\xbf[{"a":1}]', top)[0].row == {"a": 1}


def test_ndjson_is_read_line_by_line(tmp_path: Path) -> None:
    found = rows_of(tmp_path, b'{"a":1}\n\nno\n[1]\n{"a":2}', NDJSON)
    assert [(one.row, one.where) for one in found] == [
        ({"a": 1}, "line 1"),
        (None, "line 3"),
        (None, "line 4"),
        ({"a": 2}, "line 5"),
    ]


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "zone", "written", "meant"),
    [
        ("rfc3339", "UTC", "2026-01-01T01:00:00+01:00", NEW_YEAR),
        ("unix_seconds", "UTC", 1767225600, NEW_YEAR),
        ("unix_seconds", "UTC", "1767225600.25", NEW_YEAR.replace(microsecond=250_000)),
        ("unix_milliseconds", "UTC", "1767225600000", NEW_YEAR),
        ("date", "Europe/Berlin", "2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("local", "America/New_York", "2026-07-01 08:00", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("local", "UTC", "", None),
        ("rfc3339", "UTC", None, None),
    ],
)
def test_times(form: str, zone: str, written: JsonValue, meant: datetime | None) -> None:
    assert time_of(Time(column="t", format=TimeForm(form), zone=zone), {"t": written}) == meant


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("rfc3339", "2026-01-01T00:00:00"),
        ("rfc3339", "yesterday"),
        ("unix_seconds", "12e3"),
        ("unix_seconds", "99999999999999999"),
        ("date", "2026-02-30"),
        ("local", "2026-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_time_is_told_with_its_column(form: str, written: str) -> None:
    with pytest.raises(InvalidInputError, match=r"is no time .*column t"):
        time_of(Time(column="t", format=TimeForm(form)), {"t": written})


@pytest.mark.parametrize(
    ("form", "written", "meant"),
    [
        ("int", " 7 ", 7),
        ("int", 7, 7),
        ("float", "1e-3", 0.001),
        ("bool", "Yes", True),
        ("bool", False, False),
        ("text", 7, "7"),
        ("text", True, "true"),
        ("json", '{"a":[1]}', {"a": [1]}),
        ("json", [1], {"items": [1]}),
        ("list", "a, b,,c", {"items": ["a", "b", "c"]}),
        ("list", ["a", 1], {"items": ["a", 1]}),
        ("time", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.000000Z"),
    ],
)
def test_values(form: str, written: JsonValue, meant: JsonValue) -> None:
    assert value_of(Value(column="x"), ValueForm(form), {"x": written}, {}) == meant


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("int", "7.5"),
        ("int", "9223372036854775808"),
        ("int", "٣"),
        ("float", "nan"),
        ("float", "1e999"),
        ("bool", "maybe"),
        ("text", [1]),
        ("json", "{"),
        ("json", "7"),
        ("json", {"$x": 1}),
    ],
)
def test_what_is_no_such_value_is_told_with_its_column(form: str, written: JsonValue) -> None:
    with pytest.raises(InvalidInputError, match="column x"):
        value_of(Value(column="x"), ValueForm(form), {"x": written}, {})


def test_tables_and_defaults() -> None:
    tables: dict[str, dict[str, JsonValue]] = {"t": {"1": "one", "*": "many"}, "u": {"1": "one"}}
    value = Value(column="x", translate="t", default="none")
    said = [value_of(value, ValueForm.TEXT, {"x": one}, tables) for one in (1, "2", "", None)]
    assert said == ["one", "many", "none", "none"]
    with pytest.raises(InvalidInputError, match=r"not in the table u .*column x"):
        value_of(Value(column="x", translate="u"), ValueForm.TEXT, {"x": "2"}, tables)


@pytest.mark.parametrize(
    ("condition", "of"),
    [
        (Condition(column="x", equals="a"), ["a"]),
        (Condition(column="x", equals=1), [1, "1"]),
        (Condition(column="x", among=("a", 1)), ["a", 1, "1"]),
        (Condition(column="x", present=True), ["a", 1, "1"]),
        (Condition(column="x", absent=True), ["", None]),
        (Condition(column="x", present=False), ["", None]),
    ],
)
def test_conditions(condition: Condition, of: list[JsonValue]) -> None:
    asked: list[JsonValue] = ["a", 1, "1", "", None]
    assert [one for one in asked if holds(condition, {"x": one})] == of
