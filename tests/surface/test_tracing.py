"""Traces: by the SDK's own exporter in memory, and once to a receiver that speaks OTLP."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from lineage.ledger import Ledger
from lineage_api.app import create_app
from lineage_api.observing.spans import Spans
from lineage_api.observing.tracing import NoRequestTracing, open_tracing
from lineage_api.settings import Settings
from lineage_schemas.errors import InvalidInputError
from surface_client import SurfaceClient, running

STATEMENT = {"id": "s1", "source": "test", "records": [{"record": "artifact", "key": "mytool:x"}]}
# From the W3C's recommendation, Trace Context, section 3.2.
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
PLANTED = "planted-secret-word"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def client(ledger: Ledger, exporter: InMemorySpanExporter) -> Iterator[SurfaceClient]:
    tracing = Spans(SimpleSpanProcessor(exporter))
    with running(create_app(ledger, Settings(), tracing=tracing)) as client:
        yield client


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_request_is_a_server_span_by_the_conventions(
    client: SurfaceClient, exporter: InMemorySpanExporter
) -> None:
    answer = client.get(f"/log/tile/0/000?{PLANTED}")
    span = by_name(exporter)["GET /log/tile/{path:path}"]
    assert span.kind is SpanKind.SERVER
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/log/tile/{path:path}",
        "http.response.status_code": 404,
        "lineage.request_id": answer.headers["x-request-id"],
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.resource.attributes["service.name"] == "lineage-ledger"


def test_what_a_request_waits_for_are_its_children(
    client: SurfaceClient, exporter: InMemorySpanExporter
) -> None:
    client.post("/api/v1/statements", STATEMENT)
    client.post("/graphql", {"query": "{ __typename }"})
    spans = by_name(exporter)
    recorded, asked = spans["POST /api/v1/statements"], spans["POST /graphql"]
    for name, parent in [
        ("lineage-preparer", recorded),
        ("queue", recorded),
        ("commit", recorded),
        ("lineage-reader", asked),
    ]:
        child = spans[name]
        assert child.parent is not None
        assert parent.context is not None
        assert child.parent.span_id == parent.context.span_id
        assert child.start_time is not None
        assert child.end_time is not None
        assert child.start_time <= child.end_time
    queued, committed = spans["queue"], spans["commit"]
    assert queued.end_time is not None
    assert committed.start_time is not None
    assert abs(queued.end_time - committed.start_time) < 50_000_000


def test_the_trace_of_the_caller_goes_on(
    client: SurfaceClient, exporter: InMemorySpanExporter
) -> None:
    client.send("GET", "/", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    client.send("GET", "/readyz", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    client.send("GET", "/healthz", headers={"traceparent": PLANTED})
    spans = by_name(exporter)
    span = spans["GET /"]
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert "GET /readyz" not in spans  # the caller does not sample it
    assert spans["GET /healthz"].parent is None


def test_a_fault_is_marked_and_quotes_nothing(
    ledger: Ledger, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(PLANTED)

    monkeypatch.setattr(ledger, "prepare", broken)
    tracing = Spans(SimpleSpanProcessor(exporter))
    with running(create_app(ledger, Settings(), tracing=tracing)) as client:
        assert client.post("/api/v1/statements", STATEMENT).status_code == 500
    span = by_name(exporter)["POST /api/v1/statements"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "500"
    assert PLANTED not in "".join(one.to_json() for one in exporter.get_finished_spans())


def test_without_asking_nothing_of_it_is_imported() -> None:
    assert isinstance(open_tracing(Settings()), NoRequestTracing)
    program = (
        "import sys; import lineage_api.serving; print([m for m in sys.modules if 'opentel' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "lineage_api.observing.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InvalidInputError, match=r"lineage-ledger\[tracing\]"):
        open_tracing(Settings(trace_endpoint="http://127.0.0.1:4318/v1/traces"))


class Collector(BaseHTTPRequestHandler):
    """Takes traces as a collector does, and keeps them."""

    taken: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        self.taken.append(request)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_traces_reach_a_collector(ledger: Ledger) -> None:
    taken: list[ExportTraceServiceRequest] = []
    handler = type("Handler", (Collector,), {"taken": taken})
    with HTTPServer(("127.0.0.1", 0), handler) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{collector.server_port}/v1/traces"
            tracing = open_tracing(Settings(trace_endpoint=url))
            with running(create_app(ledger, Settings(), tracing=tracing)) as client:
                client.post("/api/v1/statements", STATEMENT)
        finally:
            collector.shutdown()
            thread.join()
    names = {
        span.name
        for request in taken
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert names == {"POST /api/v1/statements", "lineage-preparer", "queue", "commit"}
