"""Deliveries that wait together go in as they would one by one."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from checks import check_ledger
from doubles import FakeClock, SeededRandomness
from lineage.intake import Delivery, Outcomes
from lineage.ledger import (
    Artifact,
    Event,
    EventKind,
    Execution,
    Mode,
    Outcome,
    Principal,
    Receipt,
    Statement,
)
from lineage.projections.views import TABLES
from lineage.service import Ledger
from lineage.stores.opening import open_store
from lineage_schemas.records import AnyRecord

KEYS = ("acme:a", "acme:b", "acme:c")
PRINCIPALS = (Principal("ann"), Principal("bob"))
NAMESPACES = ("default", "other")


def _observed(key: str, name: str) -> tuple[AnyRecord, ...]:
    joined = Event(artifact=key, execution=f"{key}/run", kind=EventKind.OUTPUT)
    return (Artifact(key=key, type="lineage.Model", name=name), joined)


OBSERVATIONS = st.builds(_observed, st.sampled_from(KEYS), st.sampled_from(("one", "two")))
COMMANDS = st.builds(
    lambda name: (Execution(type="lineage.Train", name=name),), st.sampled_from("xyz")
)


def _statement(number: int, records: tuple[AnyRecord, ...], mode: Mode) -> Statement:
    return Statement(id=f"s-{number}", source="ci", records=records, mode=mode)


# Few ids, so that the same one comes again: with the same content, and with another.
STATEMENTS = st.one_of(
    st.builds(_statement, st.integers(0, 12), OBSERVATIONS, st.just(Mode.OBSERVATION)),
    st.builds(_statement, st.integers(0, 12), COMMANDS, st.just(Mode.COMMAND)),
)
# With ids and batches of their own, so that why they are refused does not depend on when.
REFUSED = st.sampled_from(
    [
        [_statement(20, (Artifact(key="acme:a", type="acme.Unknown"),), Mode.OBSERVATION)],
        [_statement(21, (Artifact(id=1 << 40, name="never there"),), Mode.COMMAND)],
    ]
)
BATCHES = st.tuples(
    st.sampled_from(NAMESPACES),
    st.sampled_from(PRINCIPALS),
    st.one_of(st.lists(STATEMENTS, min_size=1, max_size=3), REFUSED),
)
Said = tuple[str, Principal, list[Statement]]


def opened() -> Ledger:
    return Ledger(open_store("memory:", TABLES, "test/origin"), FakeClock(), SeededRandomness())


def deliveries_of(ledger: Ledger, group: Sequence[Said]) -> list[Delivery]:
    return [
        ledger.prepare(statements, namespace=namespace, principal=principal)
        for namespace, principal, statements in group
    ]


def told(outcomes: Outcomes) -> list[object]:
    """Return what each delivery was told, but for where it stands."""
    return [
        [(one.statement, one.outcome) for one in outcome]
        if isinstance(outcome, list)
        else (outcome.code, outcome.what)
        for outcome in outcomes
    ]


def in_order(group: Sequence[Said], outcomes: Outcomes) -> list[int]:
    """Return the places of a group's deliveries as they went in, and then the others'."""

    def place(index: int) -> tuple[int, int]:
        outcome = outcomes[index]
        receipts: Sequence[Receipt] = outcome if isinstance(outcome, list) else ()
        fresh = [
            one.position
            for one in receipts
            if one.outcome is Outcome.APPENDED and one.position is not None
        ]
        return (min(fresh) if fresh else 1 << 60), index

    return sorted(range(len(group)), key=place)


@given(st.lists(st.lists(BATCHES, min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_group_is_what_its_deliveries_are_one_by_one(groups: list[list[Said]]) -> None:
    together, apart = opened(), opened()
    for group in groups:
        outcomes = together.commit(deliveries_of(together, group))
        expected: dict[int, object] = {}
        for index in in_order(group, outcomes):
            expected[index] = told(apart.commit(deliveries_of(apart, [group[index]])))[0]
        assert told(outcomes) == [expected[index] for index in range(len(group))]
        assert together.head().size == apart.head().size
    for namespace in NAMESPACES:
        one, other = (
            ledger.entries(count=1_000, namespace=namespace) for ledger in (together, apart)
        )
        said = [
            [
                (entry.statement, entry.batch_start, entry.batch_length, entry.records)
                for entry in page.entries
                if entry.source == "ci"
            ]
            for page in (one, other)
        ]
        assert said[0] == said[1]
    check_ledger(together)
