"""A namespace that was made before a well-known type was thought of gets it when it is used."""

from pathlib import Path

import pytest

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.ledger import Context, Ledger, Statement, open_ledger
from lineage.writing import appending
from lineage_schemas.known_types.registry import KNOWN_TYPES, type_records

NEW = 6
"""So many types are left out of what the older software knows."""


def _opened(path: Path) -> Ledger:
    return open_ledger(path, clock=FakeClock(), randomness=SeededRandomness())


def _said(number: int, type_name: str) -> Statement:
    key = f"acme:context/{number}"
    return Statement(id=f"s{number}", source="acme", records=(Context(key=key, type=type_name),))


def test_the_next_append_brings_the_types_that_are_missing_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    with monkeypatch.context() as older:
        older.setattr(appending, "KNOWN_TYPES", KNOWN_TYPES[:-NEW])
        older.setattr(appending, "type_records", lambda: type_records()[:-NEW])
        with _opened(path) as ledger:
            ledger.record([_said(1, "lineage.Project")])
            ids = {one.type.name: one.id for one in ledger.types().types}
            assert "lineage.Service" not in ids
    with _opened(path) as ledger:
        before = ledger.head().size
        ledger.record([_said(2, "lineage.Service")])
        assert ledger.head().size == before + 2
        ledger.record([_said(3, "lineage.Service")])
        assert ledger.head().size == before + 3
        now = {one.type.name: one.id for one in ledger.types().types}
        assert ids.items() <= now.items()
        assert [now[known.name] for known in KNOWN_TYPES[-NEW:]] == [
            len(KNOWN_TYPES) - NEW + number for number in range(1, NEW + 1)
        ]
        check_ledger(ledger)
