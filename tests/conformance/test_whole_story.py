"""The whole story of one model, told by all its tools, gives the answers written down by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from canonical import canonical_graph
from doubles import FakeClock, SeededRandomness
from lineage import open_ledger
from lineage.service import Ledger
from lineage_api.app import create_app
from lineage_api.demo.telling import Part, Teller, parts, source_of
from lineage_api.settings import Settings
from lineage_schemas.instants import instant_of, parse_instant
from lineage_schemas.values import JsonValue
from surface_client import SurfaceClient, running

RECORDED: Final = Path(__file__).parents[1] / "recordings" / "whole_story"
FACTS: Final[dict[str, Any]] = json.loads((RECORDED / "facts.json").read_text())
MODEL: Final = "mlflow:registered-model/mlflow.example.org/fraud-model"
CHURN: Final = "mlflow:model-version/mlflow.example.org/churn-model/1"
FRAUD_DATA: Final = "dvc:data/github.example.org%2Frisk%2Ffraud/data"
NOW_US: Final = 1_790_000_000_000_000  # in September 2026, long after the story
SAYS: Final = {"cdevents": Teller.CDEVENTS, "github": Teller.GITHUB}

SERVING: Final = """
query ($of: String, $at: DateTime, $asOf: AsOf) {
  serving(of: $of, environment: "production", validAt: $at, asOf: $asOf, first: 200) {
    intervals { source role trafficRatio start end ending isRollback trigger certainty
                serves { key label linkClass isDescribed } }
    basis { size complete incompleteBecause }
  }
}"""
IN_CLUSTER: Final = """
{ serving(environment: "eu-1/fraud-production") {
    intervals { role start startAfter end endAfter ending serves { key } } } }"""
TRACE: Final = """
query ($start: [String!]!, $direction: Direction!, $asOf: AsOf) {
  lineage(start: $start, direction: $direction, asOf: $asOf) {
    nodes { key type stub } basis { size complete incompleteBecause }
  }
}"""
CONTEXTS: Final = "query ($key: String!) { execution(key: $key) { contexts { key } } }"
RECORDED_AT: Final = (
    "query ($at: Int64) { entries(from: $at, first: 1) { entries { recordedAt } } }"
)
UNRESOLVED: Final = """
{ unresolved(first: 500) { things { reason node { key } references { source } } } }"""
REGISTERED: Final = """
query ($model: String!, $at: DateTime, $asOf: AsOf) {
  registeredModel(name: $model, validAt: $at, asOf: $asOf) {
    versions { number semanticVersion aliases }
    holdings { kind name version startAfter start end source }
    approvals { version aboutKind approver decidedTime }
    rollbacks { at source trigger triggerSummary }
  }
}"""


def version_key(number: str) -> str:
    return f"mlflow:model-version/mlflow.example.org/fraud-model/{number}"


def rows(title: str) -> list[list[str]]:
    """Return the rows of the table below a title of what was written down."""
    section = (RECORDED / "expected.md").read_text().partition(f"## {title}\n")[2]
    table = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


class Row(NamedTuple):
    """An interval as it was written down."""

    says: str
    version: str
    role: str
    share: float
    start: str
    end: str | None
    ending: str | None

    def contains(self, moment: str) -> bool:
        """Tell whether it is from its start to before its end."""
        return self.start <= moment and (self.end is None or moment < self.end)


def expected_intervals() -> list[Row]:
    return [
        Row(
            says, version, role, float(share), start, *(None if x == "-" else x for x in (end, why))
        )
        for says, version, role, share, start, end, why in rows("Who served")
    ]


def shifted(moment: str, seconds: int) -> str:
    at = instant_of(parse_instant(moment)) + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


BOUNDARIES: Final = sorted(
    {time for row in expected_intervals() for time in (row.start, row.end) if time is not None}
)


@contextmanager
def told(told_parts: Iterable[Part]) -> Iterator[Ledger]:
    """Return a ledger that was told these parts, in this order."""
    clock = FakeClock(NOW_US, step_us=1_000)
    with open_ledger("memory:", clock=clock, randomness=SeededRandomness()) as ledger:
        for part in told_parts:
            part.take(ledger, "default")
        yield ledger


@contextmanager
def asked(told_parts: Iterable[Part]) -> Iterator[SurfaceClient]:
    """Return a client of a service over such a ledger."""
    with told(told_parts) as ledger, running(create_app(ledger, Settings())) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[SurfaceClient]:
    with asked(parts()) as client:
        yield client


def served(client: SurfaceClient, **variables: JsonValue) -> list[dict[str, Any]]:
    answer: Any = client.ask(SERVING, **variables)
    return list(answer["serving"]["intervals"])


def as_row(interval: dict[str, Any]) -> Row:
    says = {source_of(teller): word for word, teller in SAYS.items()}[interval["source"]]
    ((number),) = {one["key"].rpartition("/")[2] for one in interval["serves"]}
    ending = interval["ending"]
    return Row(
        says,
        number,
        interval["role"].lower(),
        interval["trafficRatio"],
        _second(interval["start"]),
        None if interval["end"] is None else _second(interval["end"]),
        None if ending is None else ending.lower(),
    )


def _second(moment: str) -> str:
    return instant_of(parse_instant(moment)).strftime("%Y-%m-%dT%H:%M:%SZ")


def reached(client: SurfaceClient, start: str, direction: str, **more: JsonValue) -> set[str]:
    answer: Any = client.ask(TRACE, start=[start], direction=direction, **more)
    return {str(node["key"]) for node in answer["lineage"]["nodes"]}


def test_every_interval_is_there_and_no_other(client: SurfaceClient) -> None:
    assert sorted(map(as_row, served(client)), key=repr) == sorted(expected_intervals(), key=repr)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_who_served_then(client: SurfaceClient, boundary: str, seconds: int) -> None:
    moment = shifted(boundary, seconds)
    wanted = sorted((one for one in expected_intervals() if one.contains(moment)), key=repr)
    answer = served(client, at=moment)
    assert sorted(map(as_row, answer), key=repr) == wanted
    assert {one["certainty"] for one in answer} <= {"CERTAIN"}


def test_the_pipeline_says_what_set_the_roll_back_off(client: SurfaceClient) -> None:
    back = [one for one in served(client) if one["isRollback"]]
    assert [(as_row(one).says, as_row(one).version) for one in back] == [("cdevents", "1")]
    told = {one["source"]: one for one in registered(client)["rollbacks"]}
    assert "incident-311" in told[source_of(Teller.CDEVENTS)]["triggerSummary"]
    assert told[source_of(Teller.KUBERNETES)]["trigger"] is None


@pytest.mark.parametrize("number", ["1", "2", "3"])
def test_a_version_leads_back_to_its_data_its_commit_and_its_ci_run(
    client: SurfaceClient, number: str
) -> None:
    above = reached(client, version_key(number), "UPSTREAM")
    fact = FACTS["releases"][number]
    data = {key.partition("@")[0] for key in above if key.startswith(f"{FRAUD_DATA}/")}
    assert data == {f"{FRAUD_DATA}/customers.csv", f"{FRAUD_DATA}/transactions.csv"}
    assert f"git:commit/{fact['tried']}" in above
    assert f"mlflow:run/mlflow.example.org/{fact['run']}" in above
    ci_run = {row[0]: row[4] for row in rows("What each version came from")}[number]
    asked_of: Any = client.ask(CONTEXTS, key=f"mlflow:run/mlflow.example.org/{fact['run']}")
    contexts = {node["key"] for node in asked_of["execution"]["contexts"]}
    assert f"ci:run/github.example.org/risk/fraud/{ci_run}/1" in contexts
    others = {one["tried"] for other, one in FACTS["releases"].items() if other != number}
    assert above.isdisjoint({f"git:commit/{one}" for one in others})


def test_the_customers_reached_all_versions_and_the_other_model(client: SurfaceClient) -> None:
    (customers,) = {
        key
        for key in reached(client, version_key("1"), "UPSTREAM")
        if key.startswith(f"{FRAUD_DATA}/customers.csv@")
    }
    below = reached(client, customers, "DOWNSTREAM")
    assert {key for key in below if key.startswith("mlflow:model-version/")} == {
        *(version_key(number) for number in ("1", "2", "3")),
        CHURN,
    }


def test_the_transactions_did_not_reach_the_other_model(client: SurfaceClient) -> None:
    (transactions,) = {
        key
        for key in reached(client, version_key("1"), "UPSTREAM")
        if key.startswith(f"{FRAUD_DATA}/transactions.csv@")
    }
    assert CHURN not in reached(client, transactions, "DOWNSTREAM")


def registered(client: SurfaceClient, **variables: JsonValue) -> dict[str, Any]:
    answer: Any = client.ask(REGISTERED, model=MODEL, **variables)
    return dict(answer["registeredModel"])


def held(client: SurfaceClient, **variables: JsonValue) -> set[tuple[str, ...]]:
    return {
        (
            one["name"],
            one["version"].rpartition("/")[2],
            _second(one["start"]),
            _cell(one["end"]),
        )
        for one in registered(client, **variables)["holdings"]
        if one["kind"] == "ALIAS" and "mlflow" in one["source"]
    }


def decided(client: SurfaceClient, **variables: JsonValue) -> list[tuple[str, ...]]:
    return sorted(
        (
            one["version"].rpartition("/")[2],
            one["aboutKind"].lower(),
            one["approver"],
            _second(one["decidedTime"]),
        )
        for one in registered(client, **variables)["approvals"]
    )


def test_aliases_are_held_when_they_were(client: SurfaceClient) -> None:
    assert held(client) == {tuple(row) for row in rows("Aliases")}


def test_those_who_decided_did_and_nobody_else(client: SurfaceClient) -> None:
    assert decided(client) == sorted(tuple(row) for row in rows("Who decided"))


@pytest.mark.parametrize("moment", sorted({row[2] for row in rows("Aliases")}))
@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_an_alias_is_held_from_its_move_to_before_the_next(
    client: SurfaceClient, moment: str, seconds: int
) -> None:
    at = shifted(moment, seconds)
    wanted = {
        (alias, version, start, end)
        for alias, version, start, end in rows("Aliases")
        if start <= at and (end == "-" or at < end)
    }
    assert held(client, at=at) == wanted


@pytest.mark.parametrize("moment", sorted({row[3] for row in rows("Who decided")}))
@pytest.mark.parametrize("seconds", [-1, 0])
def test_nobody_has_decided_before_they_did(
    client: SurfaceClient, moment: str, seconds: int
) -> None:
    at = shifted(moment, seconds)
    wanted = sorted(tuple(row) for row in rows("Who decided") if row[3] <= at)
    assert decided(client, at=at) == wanted


def test_the_cluster_shows_what_it_ran_between_two_looks(client: SurfaceClient) -> None:
    answer: Any = client.ask(IN_CLUSTER)
    shown = [
        (
            one["serves"][0]["key"].rpartition("/")[2],
            one["role"].lower(),
            *(_cell(one[name]) for name in ("start", "startAfter", "end", "endAfter")),
            "-" if one["ending"] is None else one["ending"].lower(),
        )
        for one in answer["serving"]["intervals"]
    ]
    assert sorted(shown) == sorted(tuple(row) for row in rows("What the cluster shows"))


def _cell(moment: str | None) -> str:
    return "-" if moment is None else _second(moment)


def test_versions_have_the_semantic_versions_they_were_given(client: SurfaceClient) -> None:
    given = {str(one["number"]): one["semanticVersion"] for one in registered(client)["versions"]}
    assert given == {row[0]: row[1] for row in rows("What each version came from")}


# --- as of earlier sizes, in other orders, and without somebody ----------------------------------


def test_what_was_known_earlier_is_answered_as_it_was_then() -> None:
    """At each of several sizes the whole log answers as a log that was told no more."""
    whole = parts()
    cuts = [len(whole) // 4, len(whole) // 2, 3 * len(whole) // 4]
    sizes: list[int] = []
    answers: list[tuple[object, ...]] = []
    for cut in cuts:
        with told(whole[:cut]) as ledger, running(create_app(ledger, Settings())) as early:
            sizes.append(ledger.head().size)
            answers.append(known(early))
    with asked(whole) as client:
        for size, answer in zip(sizes, answers, strict=True):
            assert known(client, asOf={"size": size}) == answer
            last: Any = client.ask(RECORDED_AT, at=size - 1)
            moment = last["entries"]["entries"][0]["recordedAt"]
            assert known(client, asOf={"time": moment}) == answer


def known(client: SurfaceClient, **as_of: JsonValue) -> tuple[object, ...]:
    """Return all that is asked for here: who served, what the registry says, and both ways."""
    ways = ("UPSTREAM", "DOWNSTREAM")
    return (
        served(client, **as_of),
        *(registered(client, **as_of)[part] for part in ("versions", "approvals", "rollbacks")),
        *(reached(client, version_key("1"), way, **as_of) for way in ways),
    )


def in_another_order(told_parts: Iterable[Part], seed: int) -> list[Part]:
    """Return parts in an order that the seed alone decides."""
    numbered = enumerate(told_parts)
    ordered = sorted(numbered, key=lambda one: sha256(f"{seed}/{one[0]}".encode()).digest())
    return [part for _, part in ordered]


def shuffled(seed: int) -> list[Part]:
    """Return the story in another order; the looks at one source stay in theirs."""
    order = in_another_order(parts(), seed)
    looks = {Teller.DVC_FRAUD, Teller.DVC_CHURN, Teller.MLFLOW, Teller.KUBERNETES}
    waiting = {
        teller: iter(sorted((p for p in order if p.teller is teller), key=lambda p: p.at))
        for teller in looks
    }
    return [next(waiting[p.teller]) if p.teller in looks else p for p in order]


def without_turns(keys: set[str]) -> set[str]:
    """Leave out moves of aliases: MLflow's webhooks out of order tell fewer (docs/mlflow.md)."""
    return {key for key in keys if not key.startswith("mlflow:alias/")}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_arrival_changes_no_answer_but_when_aliases_moved(
    client: SurfaceClient, seed: int
) -> None:
    with asked(shuffled(seed)) as other:
        assert sorted(map(as_row, served(other)), key=repr) == sorted(
            expected_intervals(), key=repr
        )
        assert decided(other) == sorted(tuple(row) for row in rows("Who decided"))
        for part in ("versions", "rollbacks"):
            assert registered(other)[part] == registered(client)[part]
        for number in ("1", "2", "3"):
            start = version_key(number)
            for direction in ("UPSTREAM", "DOWNSTREAM"):
                assert without_turns(reached(other, start, direction)) == without_turns(
                    reached(client, start, direction)
                )


def test_messages_commute() -> None:
    """Of what is sent, not looked at, the order does not matter to the graph at all."""
    sent = parts(Teller.CDEVENTS, Teller.GITHUB)
    with told(sent) as one, told(in_another_order(sent, 7)) as two:
        assert canonical_graph(one) == canonical_graph(two)


def test_the_same_again_adds_nothing_and_the_root_repeats() -> None:
    with told(parts()) as first, told(parts()) as second:
        size, root = first.head().size, first.head().root
        assert second.head().root == root
        assert [part.take(first, "default").entries for part in parts()] == [0] * len(parts())
        assert (first.head().size, first.head().root) == (size, root)


def test_every_store_shows_the_same(store_location: str) -> None:
    clock = FakeClock(NOW_US, step_us=1_000)
    with (
        open_ledger(store_location, clock=clock, randomness=SeededRandomness()) as ledger,
        told(parts()) as in_memory,
    ):
        for part in parts():
            part.take(ledger, "default")
        assert canonical_graph(ledger) == canonical_graph(in_memory)
        with running(create_app(ledger, Settings())) as one:
            assert sorted(map(as_row, served(one)), key=repr) == sorted(
                expected_intervals(), key=repr
            )
            assert decided(one) == sorted(tuple(row) for row in rows("Who decided"))


@pytest.mark.parametrize("missing", ["cdevents", "github"])
def test_without_one_who_tells_of_deployments_the_other_still_does(missing: str) -> None:
    with asked(part for part in parts() if part.teller is not SAYS[missing]) as client:
        wanted = [row for row in expected_intervals() if row.says != missing]
        assert sorted(map(as_row, served(client)), key=repr) == sorted(wanted, key=repr)


def unresolved(client: SurfaceClient) -> dict[str, set[str]]:
    """Return by key what nobody described or linked, with the sources that refer to it."""
    answer: Any = client.ask(UNRESOLVED)
    return {
        one["node"]["key"]: {each["source"] for each in one["references"]}
        for one in answer["unresolved"]["things"]
    }


def test_without_mlflow_it_is_named_as_unresolved_what_served() -> None:
    silent = {Teller.MLFLOW, Teller.MLFLOW_WEBHOOKS}
    with asked(part for part in parts() if part.teller not in silent) as client:
        things = unresolved(client)
        for number in ("1", "2", "3"):
            assert source_of(Teller.GITHUB) in things[version_key(number)]
        found = served(client)
        assert sorted(map(as_row, found), key=repr) == sorted(expected_intervals(), key=repr)
        # The deployments still name their versions, which nobody has described.
        assert {one["isDescribed"] for each in found for one in each["serves"]} == {False}


def test_without_dvc_the_data_are_missing_and_the_rest_is_there() -> None:
    silent = {Teller.DVC_FRAUD, Teller.DVC_CHURN}
    with asked(part for part in parts() if part.teller not in silent) as client:
        above = reached(client, version_key("2"), "UPSTREAM")
        assert not any(key.startswith("dvc:data/") for key in above)
        assert f"git:commit/{FACTS['releases']['2']['tried']}" in above
        (customers,) = (key for key in unresolved(client) if "data%2Fcustomers.csv" in key)
        assert unresolved(client)[customers] == {source_of(Teller.MLFLOW)}


def test_without_the_other_repository_its_model_still_meets_the_bytes() -> None:
    with asked(part for part in parts() if part.teller is not Teller.DVC_CHURN) as client:
        (customers,) = (
            key
            for key in reached(client, version_key("1"), "UPSTREAM")
            if key.startswith(f"{FRAUD_DATA}/customers.csv@")
        )
        assert CHURN in reached(client, customers, "DOWNSTREAM")


def test_without_webhooks_each_alias_moved_between_two_looks() -> None:
    with asked(part for part in parts() if part.teller is not Teller.MLFLOW_WEBHOOKS) as client:
        shown = sorted(
            (one["name"], one["version"].rpartition("/")[2], one["startAfter"], one["start"])
            for one in registered(client)["holdings"]
            if one["kind"] == "ALIAS" and "mlflow" in one["source"]
        )
    moved = sorted(row[:3] for row in rows("Aliases"))
    assert len(shown) == len(moved)
    for (alias, version, after, by), (*of, when) in zip(shown, moved, strict=True):
        assert [alias, version] == of
        assert _second(after) < when <= _second(by)


SOURCES: Final = sorted({source_of(teller) for teller in Teller})


@pytest.fixture(scope="module")
def last_news() -> dict[str, int]:
    """Return by source where in the story it says something new for the last time."""
    found: dict[str, int] = {}
    with told(()) as ledger:
        for place, part in enumerate(parts()):
            if part.take(ledger, "default").entries:
                found[source_of(part.teller)] = place
    return found


@pytest.mark.parametrize("stopped", SOURCES)
def test_whoever_stopped_is_named_as_overdue(last_news: dict[str, int], stopped: str) -> None:
    clock = FakeClock(NOW_US, step_us=0)
    early: list[Part] = []
    late: list[Part] = []
    for place, part in enumerate(parts()):
        source = source_of(part.teller)
        (early if place < last_news[source] else late).append(part)
    with open_ledger("memory:", clock=clock, randomness=SeededRandomness()) as ledger:
        for part in early:
            part.take(ledger, "default")
        for source in SOURCES:
            ledger.watching.expect(source, 3_600)
        clock.now_us += 2 * 3_600_000_000
        for part in late:
            if source_of(part.teller) != stopped:
                part.take(ledger, "default")
        with running(create_app(ledger, Settings())) as client:
            answer: Any = client.ask(SERVING)
        basis = answer["serving"]["basis"]
        assert basis["complete"] is False
        named = [one.partition(" is overdue")[0] for one in basis["incompleteBecause"]]
        assert named == [stopped]


def test_without_the_cluster_the_others_still_say_who_served() -> None:
    with asked(part for part in parts() if part.teller is not Teller.KUBERNETES) as client:
        assert sorted(map(as_row, served(client)), key=repr) == sorted(
            expected_intervals(), key=repr
        )
        told_back = {one["source"] for one in registered(client)["rollbacks"]}
        assert told_back == {source_of(Teller.CDEVENTS)}


def test_without_declarations_nobody_is_known_to_have_approved_a_version() -> None:
    with asked(part for part in parts() if part.teller is not Teller.DECLARATIONS) as client:
        assert {about for _, about, _, _ in decided(client)} == {"pipeline_run"}
