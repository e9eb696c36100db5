"""Where a ledger lies in PostgreSQL, and what is shown of it."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from lineage.stores.opening import has_store, open_store, shown_location
from lineage.stores.postgres.place import parse_place
from lineage_schemas.errors import InvalidInputError, StoreError

SECRET = "hunter2-of-the-database"


@pytest.mark.parametrize(
    ("url", "expected", "schema"),
    [
        ("postgresql://", {}, "lineage"),
        ("postgres://h/d", {"host": "h", "dbname": "d"}, "lineage"),
        ("postgresql:///d?host=/run/pg", {"host": "/run/pg", "dbname": "d"}, "lineage"),
        (
            "postgresql://u:p%40ss@h:6432/d?schema=audit&sslmode=require",
            {
                "host": "h",
                "dbname": "d",
                "user": "u",
                "password": "p@ss",
                "port": "6432",
                "sslmode": "require",
            },
            "audit",
        ),
        (
            "postgresql://a,b:2/d?target_session_attrs=read-write",
            {"host": "a,b", "port": ",2", "dbname": "d", "target_session_attrs": "read-write"},
            "lineage",
        ),
        ("postgresql://h/d?connect_timeout=3", {"connect_timeout": "3"}, "lineage"),
        ("postgresql://h/d?application_name=a%20b", {"application_name": "a b"}, "lineage"),
    ],
)
def test_a_url_is_libpqs_but_for_the_schema(
    url: str, expected: dict[str, str], schema: str
) -> None:
    place = parse_place(url)
    said = conninfo_to_dict(place.conninfo)
    assert {name: str(said[name]) for name in expected} == expected
    assert place.schema == schema
    assert "schema" not in said


def test_options_of_the_caller_come_before_ours() -> None:
    place = parse_place("postgresql://h/d?options=-c%20work_mem%3D1MB&schema=s")
    assert conninfo_to_dict(place.options(jit="off"))["options"] == (
        "-c work_mem=1MB -c search_path=s -c jit=off"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@h:port/d?nonsense=1",
        f"postgresql://u:{SECRET}@h/d?schema",
        f"postgresql://u:{SECRET}@h/d?schema=Upper",
        f"postgresql://u:{SECRET}@h/d?schema=a%22;drop",
        f"postgresql://u:{SECRET}@h/d?schema={'s' * 64}",
        f"postgresql://u:{SECRET}@[h/d",
    ],
)
def test_what_is_no_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_place(url)
    assert SECRET not in str(refused.value)


def test_neither_a_place_nor_an_error_shows_the_password() -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:1/d?connect_timeout=1"
    assert SECRET not in repr(parse_place(url))
    assert SECRET not in shown_location(url)
    for ask in (lambda: has_store(url), lambda: open_store(url, (), "test/origin")):
        with pytest.raises(StoreError) as refused:
            ask()
        told: BaseException | None = refused.value
        while told is not None:
            assert SECRET not in f"{told} {told!r}"
            told = told.__cause__


def test_a_database_of_a_kind_that_is_not_known_is_refused_without_quoting_it() -> None:
    with pytest.raises(InvalidInputError) as refused:
        open_store(f"mysql://u:{SECRET}@h/d", (), "test/origin")
    assert SECRET not in str(refused.value)
    assert "mysql" in str(refused.value)
