"""Webhooks and scans lead to the same graph, whatever the order, with duplicates and losses."""

import json
import random  # noqa: TID251 - histories by number, the same each time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pytest
from msgspec import Struct

from doubles import FakeClock
from lineage.connectors.mlflow.documents import registered_model_document, version_document
from lineage.connectors.mlflow.webhooks import (
    EXAMPLE,
    EXAMPLES,
    NO_LINEAGE,
    UNKNOWN,
    apply_webhook,
    read_webhook,
    subjects_of,
)
from lineage.connectors.scanning import Document, Listed, Look, Memory
from lineage.importing.importer import Importer
from lineage.importing.looking import look_at
from lineage.importing.revising import Looking
from lineage.service import Ledger
from lineage_schemas.errors import DecodeError, InvalidInputError
from lineage_schemas.instants import format_instant, instant_of
from lineage_schemas.values import JsonValue
from mlflow_looking import NEW_YEAR_US, SOURCE, Graph, fresh_ledger, graph

SECOND_US: Final = 1_000_000
HISTORY: Final = {"lineage.Promote", "lineage.Retire"}


def message(name: str, data: dict[str, Any], at: int = 0) -> bytes:
    entity, _, action = name.partition(".")
    moment = format_instant(NEW_YEAR_US + at * SECOND_US)
    shown = {"entity": entity, "action": action, "timestamp": moment, "data": data}
    return json.dumps(shown).encode()


def test_an_example_is_told_though_a_later_version_adds_to_it() -> None:
    name = "model_version.created"
    example = read_webhook(message(name, {**EXAMPLES[name], "workspace": "default"}))
    assert example.flag == EXAMPLE


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_message_of_a_test_is_told_by_its_data(name: str) -> None:
    example = read_webhook(message(name, dict(EXAMPLES[name])))
    assert example.flag == EXAMPLE
    assert apply_webhook(example, {}) == ()
    is_of_budget = name.startswith("budget")
    named = "budget_policy_id" if is_of_budget else "name"
    real = read_webhook(message(name, {**EXAMPLES[name], named: "fraud-model"}))
    assert real.flag == (NO_LINEAGE if is_of_budget else None)


def test_an_unknown_message_is_flagged_and_changes_nothing() -> None:
    webhook = read_webhook(message("registered_model.painted", {"name": "a"}))
    assert (webhook.flag, subjects_of(webhook), apply_webhook(webhook, {})) == (UNKNOWN, (), ())


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"entity":"prompt","action":"created","timestamp":5,"data":{}}',
        message("prompt.created", {}),
        message("model_version_alias.created", {"name": "a", "alias": 3, "version": "1"}),
        b"\xff",
    ],
    ids=["list", "cut", "time-is-number", "no-name", "alias-is-number", "not-utf8"],
)
def test_what_is_no_message_of_mlflow_is_refused_by_its_path(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read_webhook(body)


def test_a_time_without_a_zone_is_refused() -> None:
    body = b'{"entity":"prompt","action":"created","timestamp":"2026-01-01T00:00:00","data":{}}'
    with pytest.raises(InvalidInputError, match="timestamp"):
        read_webhook(body)


class Registry(Struct):
    """MLflow's registry, as far as webhooks tell of it, and what it does beside."""

    models: dict[str, dict[str, Any]] = {}
    versions: dict[tuple[str, str], dict[str, Any]] = {}
    told: list[bytes] = []
    seconds: int = 0

    def act(self, chance: random.Random) -> None:
        """Do one thing; tell it where MLflow would."""
        self.seconds += 1
        names = sorted(self.models)
        name = chance.choice(names) if names else ""
        numbers = sorted(number for model, number in self.versions if model == name)
        deed = chance.choice(["model", "version", "alias", "unalias", "tag", "untag", "stage"])
        if not names or deed == "model":
            self._create_model(f"m{len(self.models)}")
        elif not numbers or deed == "version":
            self._create_version(name, str(len(numbers) + 1), chance)
        elif deed == "alias":
            alias, number = chance.choice(["champion", "challenger"]), chance.choice(numbers)
            self.models[name]["aliases"][alias] = number
            data = {"name": name, "alias": alias, "version": number}
            self._tell("model_version_alias.created", data)
        elif deed == "unalias" and self.models[name]["aliases"]:
            alias = chance.choice(sorted(self.models[name]["aliases"]))
            del self.models[name]["aliases"][alias]
            self._tell("model_version_alias.deleted", {"name": name, "alias": alias})
        else:
            self._change_version(name, chance.choice(numbers), deed, chance)

    def _create_model(self, name: str) -> None:
        self.models[name] = {"aliases": {}, "at": self.seconds}
        data = {"name": name, "tags": {"team": "risk"}, "description": "A model"}
        self._tell("registered_model.created", data)

    def _create_version(self, name: str, number: str, chance: random.Random) -> None:
        source = f"models:/m-{chance.getrandbits(128):032x}"
        self.versions[(name, number)] = {
            "source": source,
            "tags": {},
            "stage": "None",
            "at": self.seconds,
        }
        data: dict[str, Any] = {"name": name, "version": number, "source": source, "tags": {}}
        self._tell("model_version.created", {**data, "run_id": None, "description": None})

    def _change_version(self, name: str, number: str, deed: str, chance: random.Random) -> None:
        version = self.versions[(name, number)]
        named = {"name": name, "version": number}
        if deed == "tag":
            value = str(chance.randrange(3))
            version["tags"]["k"] = value
            self._tell("model_version_tag.set", {**named, "key": "k", "value": value})
        elif deed == "untag" and version["tags"]:
            version["tags"] = {}
            self._tell("model_version_tag.deleted", {**named, "key": "k"})
        else:
            version["stage"] = chance.choice(["Staging", "Production"])  # nobody is told

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        self.told.append(message(name, data, self.seconds))

    def shown(self) -> Iterator[Document]:
        """Yield what a scan shows now."""
        for name, model in self.models.items():
            yield registered_model_document(
                {
                    "name": name,
                    "creation_timestamp": self._ms(model["at"]),
                    "description": "A model",
                    "tags": [{"key": "team", "value": "risk"}],
                    "aliases": [
                        {"alias": alias, "version": number}
                        for alias, number in model["aliases"].items()
                    ],
                }
            )
        for (name, number), version in self.versions.items():
            yield version_document(
                {
                    "name": name,
                    "version": number,
                    "source": version["source"],
                    "current_stage": version["stage"],
                    "creation_timestamp": self._ms(version["at"]),
                    "tags": [{"key": key, "value": text} for key, text in version["tags"].items()],
                }
            )

    @staticmethod
    def _ms(seconds: int) -> int:
        return (NEW_YEAR_US + seconds * SECOND_US) // 1_000


class RegistryReader:
    """Looks at such a registry."""

    tool, address, cursor = "mlflow", "here", None
    listed = ("registered_model", "model_version")
    shown_at: datetime | None = None

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def read(self, memory: Memory, cursor: JsonValue, *, is_whole: bool) -> Look:  # noqa: ARG002 - it is shown whole
        yield from self._registry.shown()
        yield from map(Listed, self.listed)


def scan(ledger: Ledger, registry: Registry, seconds: int) -> None:
    clock = FakeClock(NEW_YEAR_US + seconds * SECOND_US, step_us=0)
    reader = RegistryReader(registry)
    look_at(ledger, SOURCE, reader, is_whole=True, due_seconds=None, clock=clock)


def deliver(ledger: Ledger, body: bytes) -> None:
    """Take in what a webhook delivered, as the route does."""
    webhook = read_webhook(body)
    importer = Importer(ledger, SOURCE, Looking(began=webhook.at))
    known = importer.memory.known(subjects_of(webhook))
    bodies = {subject: one.body for subject, one in known.items()}
    importer.take(apply_webhook(webhook, bodies))
    assert not importer.tally.unread


def state(found: Graph) -> tuple[object, ...]:
    """Return the graph without its history, which is richer the more was heard."""
    history = {key for key, node in found.nodes.items() if node["type"] in HISTORY}
    keys = {key for _, key in history}
    return (
        {key: node for key, node in found.nodes.items() if key not in history},
        {edge for edge in found.edges if not keys & set(edge)},
        {pair for pair in found.memberships if not keys & set(pair)},
        found.links,
    )


@pytest.mark.parametrize("seed", range(12))
def test_webhooks_then_a_scan_end_where_a_scan_alone_does(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - histories, not secrets
    registry = Registry({}, {}, [], 0)
    told, plain = fresh_ledger(), fresh_ledger()
    for _ in range(40):
        registry.act(chance)
    deliveries = [body for body in registry.told if chance.random() > 0.2]
    deliveries += [body for body in deliveries if chance.random() < 0.3]
    if seed % 2:
        chance.shuffle(deliveries)
    for body in deliveries:
        deliver(told, body)
    scan(told, registry, 100)
    scan(plain, registry, 100)
    assert state(graph(told)) == state(graph(plain))


@pytest.mark.parametrize("seed", range(12))
def test_a_scan_then_late_webhooks_change_nothing(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - histories, not secrets
    registry = Registry({}, {}, [], 0)
    ledger = fresh_ledger()
    for _ in range(40):
        registry.act(chance)
    scan(ledger, registry, 100)
    before = graph(ledger)
    deliveries = [*registry.told, *registry.told]
    chance.shuffle(deliveries)
    for body in deliveries:
        deliver(ledger, body)
    assert graph(ledger) == before


def test_webhooks_between_scans_give_changes_their_exact_time() -> None:
    ledger = fresh_ledger()
    registry = Registry({}, {}, [], 0)
    registry._create_model("m")
    registry._create_version("m", "1", random.Random(0))  # noqa: S311 - a made-up id
    scan(ledger, registry, 10)
    registry.models["m"]["aliases"]["champion"] = "1"
    alias = {"name": "m", "alias": "champion", "version": "1"}
    deliver(ledger, message("model_version_alias.created", alias, 25))
    scan(ledger, registry, 60)
    key = "mlflow:alias/tracking.example.org:5000/m/champion/1"
    (answer,) = ledger.show(key)
    assert answer.node.custom_properties["observed_at"] == "2027-01-01T00:00:25.000000Z"
    assert answer.node.custom_properties["observed_after"] == "2027-01-01T00:00:25.000000Z"
    page = ledger.entries(0, count=1_000)
    stated = [
        (entry.stated_from, entry.stated_to)
        for entry in page.entries
        for record in entry.records or ()
        if isinstance(record, dict) and record.get("key") == key
    ]
    assert stated == [("2027-01-01T00:00:25.000000Z", None)]


def test_what_was_erased_is_not_taken_in_again() -> None:
    webhook = read_webhook(message("registered_model.created", {"name": "m"}))
    assert apply_webhook(webhook, {"registered_model/m": None}) == ()
    (document,) = apply_webhook(webhook, {})
    assert document.changed == instant_of(NEW_YEAR_US)


def test_what_is_so_already_makes_no_document() -> None:
    alias = {"name": "m", "alias": "champion", "version": "1"}
    known = b'{"aliases":{"champion":"1"},"name":"m","turns":{"alias/champion":1}}'
    webhook = read_webhook(message("model_version_alias.created", alias))
    assert apply_webhook(webhook, {"registered_model/m": known}) == ()
    moved = read_webhook(message("model_version_alias.created", {**alias, "version": "2"}))
    (document,) = apply_webhook(moved, {"registered_model/m": known})
    assert json.loads(document.body) == {"name": "m", "aliases": {"champion": "2"}}


def test_a_model_that_was_gone_is_made_anew() -> None:
    webhook = read_webhook(message("registered_model.created", {"name": "m"}, 60))
    (document,) = apply_webhook(webhook, {"registered_model/m": b'{"gone":true}'})
    assert json.loads(document.body) == {"name": "m"}
