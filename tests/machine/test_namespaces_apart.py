"""Nothing that is asked in one namespace tells anything of another: at no door, whatever is asked.

A door is asked everything it can be asked; no answer, and no error, may hold another namespace's
marks, names, positions, or ids of the engine.
"""

from pathlib import Path

import pytest
from hypothesis import example, given, settings

from apart import (
    ERASED,
    EXAMPLE,
    HISTORIES,
    NAMESPACES,
    Said,
    Told,
    check_answer,
    let_in,
    make_ledger,
    records,
    tell,
)
from door_http import http
from doors import Door, engine, graphql
from lineage import open_ledger
from lineage.ledger import ProofQuery, Shown, Statement
from lineage.projections.views import TABLES
from lineage.stores.base import Store
from lineage_schemas.codec import decode_envelope
from lineage_schemas.errors import NotFoundError

DOORS: dict[str, Door] = {"graphql": graphql, "http": http}
"""What is held to it beside the engine: a door asks everything in one namespace, and yields what it
is answered. A new door is put here."""


@settings(max_examples=25)
@example(EXAMPLE, [0, 1])
@given(HISTORIES, ERASED)
def test_no_answer_tells_anything_of_another_namespace(
    history: list[Said], erased: list[int]
) -> None:
    check_apart(engine, history, erased)


@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=4)
@example(EXAMPLE, [0, 1])
@given(HISTORIES, ERASED)
def test_no_door_tells_anything_of_another_namespace(
    door: str, history: list[Said], erased: list[int]
) -> None:
    check_apart(DOORS[door], history, erased)


@pytest.mark.long
@pytest.mark.parametrize("door", DOORS)
@settings(max_examples=200)
@given(HISTORIES, ERASED)
def test_no_door_tells_anything_of_another_namespace_for_long(
    door: str, history: list[Said], erased: list[int]
) -> None:
    check_apart(DOORS[door], history, erased)


def test_every_store_keeps_them_apart(store: Store) -> None:
    check_apart(engine, EXAMPLE, [0, 1], store)


def check_apart(
    door: Door, history: list[Said], erased: list[int], store: Store | None = None
) -> None:
    ledger = make_ledger(store=store)
    told = Told(ledger, {namespace: let_in(ledger, namespace) for namespace in NAMESPACES})
    tell(ledger, history, erased)
    for namespace in NAMESPACES:
        answers = list(door(told, namespace))
        foreign, owners = told.foreign(namespace), told.owners()
        for answer in answers:
            check_answer(answer, foreign, owners, namespace)


def test_what_is_proved_in_one_namespace_is_in_no_other(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "one.db") as ledger:
        for number, namespace in enumerate(NAMESPACES):
            said = Statement(id="s", source="ci", records=records(namespace, 0, 0, number))
            ledger.record([said], namespace=namespace)
        with ledger._store.read() as reader:
            at = [decode_envelope(one).namespace for one in reader.envelopes(0, 1_000)]
        for namespace in NAMESPACES:
            assert namespace in at
            for position, owner in enumerate(at):
                query = ProofQuery(target=position, shown=Shown(facts=False, personal=False))
                if owner == namespace:
                    assert ledger.prove(query, namespace=namespace).positions == (position,)
                else:
                    with pytest.raises(NotFoundError, match="no such entry"):
                        ledger.prove(query, namespace=namespace)


def test_every_view_says_of_which_namespace_its_rows_are() -> None:
    assert [table.name for table in TABLES if table.bound is None] == []
