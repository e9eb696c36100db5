"""``/metrics``, read with the library's own parser and held against what was done."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from doubles import FakeClock, SeededRandomness
from keyholders import bearer, let_in
from lineage.ledger import Artifact, Ledger, Statement, open_ledger
from lineage_api.app import create_app
from lineage_api.rest import metrics
from lineage_api.settings import Settings
from lineage_schemas.access import Role
from lineage_schemas.errors import StoreError
from surface_client import SurfaceClient, problem, running

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PLANTED = "planted-secret-word"


def statement(name: str, key: str = "mytool:x") -> dict[str, object]:
    return {"id": name, "source": "s", "records": [{"record": "artifact", "key": key}]}


class Scrape:
    """One scrape, by name and labels."""

    def __init__(self, client: SurfaceClient) -> None:
        self.answer: httpx.Response = client.get("/metrics")
        assert self.answer.status_code == 200, self.answer.text
        families = parse_text(self.answer.text)
        self.families = {one.name: one for one in families}
        self.values = {
            (sample.name, tuple(sorted(sample.labels.values()))): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def value(self, name: str, *labels: str) -> float:
        return self.values.get((f"lineage_{name}", tuple(sorted(labels))), 0.0)


@pytest.fixture
def signed(tmp_path: Path) -> Iterator[SurfaceClient]:
    """A ledger that is signed when the test says so."""
    clock = FakeClock()
    path = tmp_path / "ledger.db"
    settings = Settings(publish_seconds=3_600)
    with (
        open_ledger(path, clock=clock, randomness=SeededRandomness()) as ledger,
        running(create_app(ledger, settings)) as client,
    ):
        yield client


def test_both_formats_parse_and_say_what_each_metric_is(client: SurfaceClient) -> None:
    client.post("/api/v1/statements", statement("a"))
    client.post("/graphql", {"query": "{ nothing }"})
    plain = client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    asked = client.get("/metrics", Accept=OPENMETRICS)
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    texts = parse_text(plain.text)
    opens = parse_openmetrics(asked.text)  # type: ignore[no-untyped-call]
    for families in (list(texts), list(opens)):
        ours = [one for one in families if one.name.startswith("lineage_")]
        assert len(ours) > 25
        assert [one.name for one in ours if not one.documentation or one.type == "unknown"] == []
    assert asked.text.endswith("# EOF\n")


def test_names_follow_the_conventions(client: SurfaceClient) -> None:
    """Base units as words at the end, and `_total` for what only grows."""
    families = Scrape(client).families
    for name, family in families.items():
        if name.startswith("lineage_"):
            assert re.fullmatch(r"[a-z_]+", name)
            assert not re.search(r"_(ms|us|milliseconds|kb|mb|count|total|sum|bucket)$", name)
            if family.type == "counter":
                assert all(
                    sample.name.endswith(("_total", "_created")) for sample in family.samples
                )
    assert {"process_cpu_seconds", "process_open_fds", "lineage_build_info"} <= set(families)


def test_statements_are_counted_by_what_became_of_them(client: SurfaceClient) -> None:
    client.post("/api/v1/statements", [statement("a"), statement("b", "mytool:y")])
    client.post("/api/v1/statements", statement("a"))
    client.post("/api/v1/statements", statement("a", "mytool:other"))  # a conflict
    scrape = Scrape(client)
    assert scrape.value("statements_total", "appended") == 2
    assert scrape.value("statements_total", "duplicate") == 1
    assert scrape.value("deliveries_refused_total", "statement_conflict") == 1
    assert scrape.value("commit_group_deliveries_count") == 3
    assert scrape.value("commit_group_deliveries_sum") == 3
    assert scrape.value("commit_wait_seconds_count") == 3
    assert scrape.value("commit_wait_seconds_sum") >= scrape.value("commit_duration_seconds_sum")
    assert scrape.value("log_entries") == client.surface.ledger.head().size
    assert scrape.value("projection_lag_entries") == 0


def test_requests_are_counted_by_template_whatever_is_asked(client: SurfaceClient) -> None:
    for number in range(50):
        client.get(f"/{PLANTED}/{number}?{PLANTED}")
        client.get(f"/log/tile/0/{number:03}")
        client.send(f"{PLANTED}{number}".replace("-", "").upper(), "/")
    scrape = Scrape(client)
    assert scrape.value("http_requests_total", "other", "GET", "4xx") == 50
    assert scrape.value("http_requests_total", "/log/tile/{path:path}", "GET", "4xx") == 50
    assert scrape.value("http_requests_total", "/", "other", "4xx") == 50
    assert scrape.value("http_problems_total", "unknown_route") == 50
    assert PLANTED not in scrape.answer.text
    assert scrape.value("http_requests_in_flight") == 1  # the scrape itself
    assert len(scrape.values) < 300


def test_graphql_is_counted_by_operation_and_code(client: SurfaceClient) -> None:
    client.post("/graphql", {"query": "{ __typename }"})
    client.post("/graphql", {"query": "{ nothing }"})
    client.post("/graphql", {"query": "{"})
    client.post("/graphql", {"query": '{ lineage(start: ["git:commit/short"]) { complete } }'})
    scrape = Scrape(client)
    operations = {
        key: value for key, value in scrape.values.items() if "graphql_operations_total" in key[0]
    }
    assert sum(operations.values()) == 4
    assert scrape.value("graphql_operations_total", "query") >= 1
    assert scrape.value("graphql_errors_total", "GRAPHQL_VALIDATION_FAILED") == 1
    assert scrape.value("graphql_errors_total", "GRAPHQL_PARSE_FAILED") == 1
    assert scrape.value("graphql_errors_total", "BAD_USER_INPUT") == 1


def test_what_is_not_signed_shows_with_its_age(signed: SurfaceClient) -> None:
    signed.post("/api/v1/statements", statement("a"))
    custody = signed.surface.ledger.custody
    custody.checkpoint()
    before = Scrape(signed)
    size = custody.state().ledger.size
    assert before.value("log_signed_entries") == size
    assert before.value("log_unsigned_entries") == before.value("log_unsigned_age_seconds") == 0
    assert before.value("sidecar_state", "agrees") == 1
    # Bypassing the service, which would sign.
    ledger = signed.surface.ledger
    ledger._intake.commit([ledger.prepare([story("b")])])
    after = Scrape(signed)
    assert after.value("log_unsigned_entries") == 1
    assert after.value("log_signed_entries") == size
    assert 0 < after.value("log_unsigned_age_seconds") < 60


def story(name: str) -> Statement:
    return Statement(id=name, source="s", records=(Artifact(key=f"mytool:{name}"),))


def test_a_sidecar_that_contradicts_shows(signed: SurfaceClient, tmp_path: Path) -> None:
    signed.post("/api/v1/statements", statement("a"))
    signed.surface.ledger.custody.checkpoint()
    (tmp_path / "ledger.db.sidecar").write_text("{}")
    scrape = Scrape(signed)
    assert scrape.value("sidecar_state", "fault") == 1
    assert scrape.value("sidecar_state", "agrees") == 0


def test_a_store_that_cannot_be_read_shows_and_the_rest_does_too(signed: SurfaceClient) -> None:
    signed.surface.ledger._store.close()
    scrape = Scrape(signed)
    assert scrape.value("ledger_readable") == 0
    assert "lineage_log_entries" not in scrape.families
    assert scrape.value("writer_alive") == 1


def test_a_scrape_waits_neither_for_readers_nor_for_the_writer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    began = threading.Semaphore(0)

    def hold(deliveries: tuple[object, ...] = ()) -> list[list[object]]:
        began.release()
        assert release.wait(60)
        return [[] for _ in deliveries]

    settings = Settings(reader_threads=2)
    with running(create_app(ledger, settings)) as client:
        surface = client.surface
        monkeypatch.setattr(surface.writer, "_commit", hold)

        async def start() -> None:
            surface.writer.enqueue([ledger.prepare([story("a")])])

        client.portal.call(start)
        waiting = [client.portal.start_task_soon(surface.reading.run, hold) for _ in range(3)]
        for _ in range(3):
            assert began.acquire(timeout=60)
        try:
            scrape = Scrape(client)
        finally:
            release.set()
        assert scrape.value("readers_in_use") == scrape.value("readers_limit") == 2
        assert scrape.value("reads_waiting") == 1
        assert scrape.value("ledger_readable") == 1
        for one in waiting:
            assert one.result(60) == []


def test_a_store_that_takes_too_long_is_left_out(
    client: SurfaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(metrics, "LEDGER_SECONDS_MAX", 0.01)
    monkeypatch.setattr(client.surface.ledger.custody, "state", lambda **_: release.wait(60))
    try:
        scrape = Scrape(client)
    finally:
        release.set()
    assert scrape.value("ledger_readable") == 0


def test_what_waits_for_the_writer_shows(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    release, began = threading.Event(), threading.Event()

    def hold(deliveries: list[object]) -> list[object]:
        began.set()
        assert release.wait(60)
        return [[] for _ in deliveries]

    with running(create_app(ledger, Settings())) as client:
        writer = client.surface.writer
        monkeypatch.setattr(writer, "_commit", hold)
        delivery = ledger.prepare([story("a")])
        writer.enqueue([delivery])
        assert began.wait(60)
        writer.enqueue([delivery, delivery])
        try:
            scrape = Scrape(client)
        finally:
            release.set()
        assert scrape.value("writer_queue_deliveries") == 2
        facts = delivery.batch.statements[0].parts.facts
        assert scrape.value("writer_queue_bytes") == 2 * len(facts)


def test_every_expression_to_be_woken_for_names_a_metric(client: SurfaceClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
    named = set(re.findall(r"lineage_[a-z_]+(?=[^a-z_])", page)) - {"lineage_api"}
    there = set(Scrape(client).families)
    assert len(named) > 6
    assert {name.removesuffix("_total") for name in named} - there == set()


@pytest.fixture
def signed_in(tmp_path: Path) -> Iterator[tuple[SurfaceClient, str, str]]:
    """A server where whoever calls signs in, and the keys of an operator and of a machine."""
    path = tmp_path / "ledger.db"
    with open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger:
        let_in(ledger, "ops", roles=[Role.OPERATOR])
        let_in(ledger, "airflow")
        keys = [ledger.access.make_key(name)[0] for name in ("ops", "airflow")]
        with running(create_app(ledger, Settings(sign_in="required"))) as client:
            yield client, keys[0], keys[1]


def test_where_nobody_can_tell_who_may_scrape_nobody_does(
    signed_in: tuple[SurfaceClient, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, operator, machine = signed_in
    ledger, read = client.surface.ledger, type(client.surface.ledger._store).read

    def scrape(key: str) -> httpx.Response:
        return client.send("GET", "/metrics", headers=bearer(key))

    def unreadable(*of: Ledger) -> object:
        if threading.current_thread().name.startswith("lineage-scraper"):
            raise StoreError("It cannot be read", where=PLANTED)
        return read(*of)  # type: ignore[arg-type]

    assert [scrape(key).status_code for key in (operator, machine)] == [200, 403]
    with monkeypatch.context() as patched:
        patched.setattr(type(ledger._store), "read", unreadable)
        for key in (operator, machine):
            assert PLANTED not in str(problem(scrape(key), 503, "store_unavailable"))
    release = threading.Event()
    monkeypatch.setattr(metrics, "LEDGER_SECONDS_MAX", 0.01)
    monkeypatch.setattr(ledger.access, "check", lambda *_: release.wait(60))
    try:
        problem(scrape(machine), 503, "store_unavailable")
    finally:
        release.set()
