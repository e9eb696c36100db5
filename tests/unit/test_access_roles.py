"""Which role may do what: every cell of the table, as it was decided, not as the code has it."""

from itertools import product

import pytest

from access_table import COLUMNS, LEDGER_WIDE, TABLE, may
from doubles import FakeClock, SeededRandomness
from lineage.access.roles import Action
from lineage.ledger import Ledger, Principal, Role
from lineage.service import Ledger as Service
from lineage.stores.memory import MemoryStore


@pytest.fixture(scope="module")
def ledgers() -> dict[str, Ledger]:
    """Return for each role a ledger in which Ada has it everywhere, and Bob in one namespace."""
    made: dict[str, Ledger] = {}
    for role in Role:
        ledger = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness())
        ledger.access.grant("ada", role, ["*"])
        if role not in {Role.OPERATOR, Role.KEY_CUSTODIAN}:
            ledger.access.grant("bob", role, ["here"])
        made[role.value] = ledger
    return made


def test_the_table_has_every_role_and_every_action() -> None:
    assert list(TABLE) == [role.value for role in Role]
    assert [action.value for action in Action] == COLUMNS
    assert {len(line.split()) for line in TABLE.values()} == {len(COLUMNS)}


@pytest.mark.parametrize(("role", "action"), list(product(TABLE, COLUMNS)))
def test_a_role_may_do_what_the_table_says(
    ledgers: dict[str, Ledger], role: str, action: str
) -> None:
    access = ledgers[role].access
    ada, bob, eve = Principal("ada"), Principal("bob"), Principal("eve")
    wanted = may(role, action)
    assert access.allowed(ada, Action(action), "anywhere", "ci") is wanted
    assert access.allowed(ada, Action(action), "*", "ci") is wanted
    # Bob's role holds in one namespace, so what concerns the whole ledger is not his.
    is_bobs = wanted and role not in {"operator", "key-custodian"} and action not in LEDGER_WIDE
    verifies = action == "verify"
    assert access.allowed(bob, Action(action), "here", "ci") is (is_bobs or verifies)
    assert access.allowed(bob, Action(action), "anywhere", "ci") is verifies
    assert access.allowed(bob, Action(action), "*", "ci") is verifies
    assert access.allowed(eve, Action(action), "here", "ci") is verifies


@pytest.mark.parametrize("action", Action)
def test_where_nothing_is_set_up_only_the_local_principal_may(action: Action) -> None:
    access = Service(MemoryStore("test/origin"), FakeClock(), SeededRandomness()).access
    assert not access.is_set_up()
    assert access.allowed(Principal("local", is_local=True), action, "default")
    assert not access.allowed(Principal("local"), action, "default")
    assert not access.allowed(Principal("ada"), action, "default")
