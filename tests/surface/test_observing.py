"""What an operator sees: request ids, the log, and that neither can be abused."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from doubles import FakeClock, SeededRandomness
from lineage.ledger import Ledger, open_ledger
from lineage_api.app import create_app
from lineage_api.observing.logs import logging_to
from lineage_api.settings import Settings
from lineage_schemas.errors import StoreError
from surface_client import SurfaceClient, problem, running

PLANTED = "planted-secret-word"
STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}


class Log:
    """What a server has logged, as JSON."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, logger: str = "") -> list[dict[str, object]]:
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["logger"].startswith(logger)]


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    with logging_to(log.stream, "json", "debug", FakeClock()):
        yield log


def test_every_answer_has_an_id(client: SurfaceClient) -> None:
    first, second = client.get("/"), client.get("/nowhere")
    ids = [first.headers["x-request-id"], second.headers["x-request-id"]]
    assert len(set(ids)) == 2
    assert all(len(one) == 32 for one in ids)
    assert problem(second, 404, "unknown_route")["request_id"] == ids[1]


@pytest.mark.parametrize("given", ["a", "run-7.b:c_D", "x" * 64])
def test_a_harmless_id_of_the_client_is_kept(client: SurfaceClient, given: str) -> None:
    answer = client.send("GET", "/nowhere", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", '"', "é"])
def test_another_id_is_replaced(client: SurfaceClient, given: str) -> None:
    answer = client.send("GET", "/nowhere", headers={"X-Request-Id": given.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_also_who_is_turned_away_at_the_door_has_one(client: SurfaceClient, log: Log) -> None:
    answer = client.send("GET", "/", headers={"Host": "evil.example"})
    assert problem(answer, 421, "foreign_host")["request_id"] == answer.headers["x-request-id"]
    (line,) = log.lines("lineage_api.access")
    assert (line["status"], line["code"], line["route"]) == (421, "foreign_host", "other")


def test_graphql_names_the_request_only_where_something_is_wrong(client: SurfaceClient) -> None:
    """An answer is the same bytes, whoever asks when."""
    good = client.post("/graphql", {"query": "{ __typename }"})
    assert good.json() == {"data": {"__typename": "Query"}}
    bad = client.post("/graphql", {"query": "{ nothing }"})
    assert bad.json()["extensions"] == {"requestId": bad.headers["x-request-id"]}


def test_a_request_is_one_line(client: SurfaceClient, log: Log) -> None:
    answer = client.send(
        "POST",
        "/api/v1/statements?namespace=there",
        content=json.dumps(STATEMENT).encode(),
        headers={"Content-Type": "application/json", "X-Request-Id": "mine"},
    )
    assert answer.status_code == 200
    (line,) = log.lines("lineage_api.access")
    seconds = line.pop("seconds")
    assert isinstance(seconds, float)
    assert 0 < seconds < 60
    assert line == {
        "time": line["time"],
        "level": "info",
        "logger": "lineage_api.access",
        "message": "POST /api/v1/statements 200",
        "request_id": "mine",
        "method": "POST",
        "route": "/api/v1/statements",
        "status": 200,
        "bytes": len(answer.content),
    }
    assert str(line["time"]).endswith("Z")


def test_templates_stand_for_addresses(client: SurfaceClient, log: Log) -> None:
    client.get("/log/tile/0/000")
    client.get(f"/{PLANTED}?{PLANTED}={PLANTED}")
    client.send(PLANTED.upper(), "/")
    lines = log.lines("lineage_api.access")
    assert [line["route"] for line in lines] == ["/log/tile/{path:path}", "other", "/"]
    assert PLANTED not in log.text.lower()


def test_probes_are_logged_only_when_they_fail(client: SurfaceClient, log: Log) -> None:
    client.get("/readyz")
    client.surface.writer.stop()
    client.get("/readyz")
    levels = [(line["status"], line["level"]) for line in log.lines("lineage_api.access")]
    assert levels == [(200, "debug"), (503, "info")]


def test_a_query_is_told_by_its_kind_and_codes(client: SurfaceClient, log: Log) -> None:
    client.post("/graphql", {"query": "{ __typename }"})
    client.post("/graphql", {"query": "{ nothing }"})
    found = [(line["operation"], line.get("codes")) for line in log.lines("lineage_api.access")]
    assert found == [("query", None), ("invalid", "GRAPHQL_VALIDATION_FAILED")]


class Broken(Ledger):
    """Has a fault of ours, whose message quotes what was sent."""

    def prepare(self, *arguments: object, **more: object) -> None:  # type: ignore[override]
        raise ZeroDivisionError(f"{arguments} {more} {PLANTED}")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_fault_of_ours_is_logged_once_under_the_clients_id(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(type(ledger), "prepare", Broken.prepare)
    with running(create_app(ledger, Settings())) as client, logging_to(stream, form, "info"):
        answer = client.post("/api/v1/statements", STATEMENT)
    given = problem(answer, 500, "internal")["request_id"]
    text = stream.getvalue()
    assert text.count("builtins.ZeroDivisionError") == 1
    assert text.count(str(given)) == 2  # the fault, and the line of the request
    assert "test_observing.py" in text
    assert PLANTED not in text


def test_a_fault_in_the_writer_is_logged_once_too(
    ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(*_: object) -> None:
        raise ZeroDivisionError(PLANTED)

    monkeypatch.setattr(ledger, "commit", commit)
    with running(create_app(ledger, Settings())) as client:
        answer = client.post("/api/v1/statements", STATEMENT)
    assert str(problem(answer, 500, "internal")["request_id"]) in log.text
    faults = [line for line in log.lines() if "traceback" in line]
    assert [line["request_id"] for line in faults] == [answer.headers["x-request-id"]]
    assert PLANTED not in log.text


def test_what_threads_log_stands_under_the_request(
    ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def head(**_: object) -> None:
        logging.getLogger("engine").warning("reading")
        raise StoreError("broken")

    monkeypatch.setattr(ledger, "head", head)
    with running(create_app(ledger, Settings())) as client:
        answer = client.get("/readyz")
    (line,) = log.lines("engine")
    assert line["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_cannot_be_forged(form: str) -> None:
    stream = io.StringIO()
    with logging_to(stream, form, "info", FakeClock()):
        error = type("Evil\n2026 ERROR forged", (Exception,), {})()
        said = "one\r\n2026 ERROR forged\u2028\x1b[31m"
        logging.getLogger("a\nb").error(said, exc_info=error)
    lines = stream.getvalue().splitlines()
    assert [line for line in lines if line.startswith("2026 ERROR")] == []
    assert "\x1b" not in stream.getvalue()
    if form == "json":
        (line,) = lines
        assert json.loads(line)["message"].startswith("one\r\n")
    else:
        assert [line for line in lines[1:] if not line.startswith("    | ")] == []


def test_no_secret_is_ever_logged(tmp_path: Path) -> None:
    """Headers, bodies and addresses with a planted word, on every door, well and badly formed."""
    bodies = [
        json.dumps(STATEMENT | {"id": PLANTED, "source": PLANTED}),
        json.dumps({"records": PLANTED, PLANTED: PLANTED}),
        PLANTED,
        f'{{"query": "{{ {PLANTED.replace("-", "_")}: __typename }}"}}',
        f'{{"query": "{{ node(id: \\"{PLANTED}\\") {{ id }} }}", "{PLANTED}": 1}}',
        f'{{"query": "{{ lineage(start: [\\"{PLANTED}\\"]) {{ complete }} }}"}}',
    ]
    stream = io.StringIO()
    path = tmp_path / "ledger.db"
    with (
        logging_to(stream, "json", "debug"),
        open_ledger(path, clock=FakeClock(), randomness=SeededRandomness()) as ledger,
        running(create_app(ledger, Settings())) as client,
    ):
        for broken in (False, True):
            if broken:
                ledger._store.close()
            for address in ("/graphql", "/api/v1/lineage", "/api/v1/statements", "/log/checkpoint"):
                for body in bodies:
                    for method in ("GET", "POST"):
                        client.send(
                            method,
                            f"{address}?{PLANTED}={PLANTED}",
                            content=body.encode(),
                            headers={
                                "Content-Type": "application/json",
                                "Authorization": f"Bearer {PLANTED}",
                                "Cookie": PLANTED,
                                "traceparent": PLANTED,
                            },
                        )
    assert len(stream.getvalue().splitlines()) > 90
    assert PLANTED not in stream.getvalue()
    assert PLANTED.replace("-", "_") not in stream.getvalue()


def test_the_log_is_left_as_it_was() -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    with logging_to(io.StringIO(), "text", "debug"):
        assert len(logging.getLogger().handlers) == 1
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
