"""Spans of OpenTelemetry, by its semantic conventions for HTTP servers.

The provider is our own and not the process's: a program that embeds the server keeps its own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lineage.clock import Clock, system_clock
from lineage_api.observing.tracing import Outcome
from lineage_api.settings import Settings

SERVICE: Final = "lineage-ledger"
_EXPORT_SECONDS: Final = 5.0
_SERVER_FAULT: Final = 500
_NANOSECONDS: Final = 1_000
_SECOND: Final = 1_000_000_000


class Spans:
    """Makes spans and hands them to a processor."""

    def __init__(
        self, processor: SpanProcessor, ratio: float = 1.0, clock: Clock = system_clock
    ) -> None:
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=Resource.create(
                {"service.name": SERVICE, "service.version": version(SERVICE)}
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("lineage_api")
        self._parents = TraceContextTextMapPropagator()
        self._clock = clock

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str], outcome: Outcome) -> Generator[None]:
        """Time a request as a span of a server."""
        parent = self._parents.extract(dict(headers))
        with self._tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
        ) as span:
            try:
                yield
            finally:
                route, status, request_id = outcome()
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("lineage.request_id", request_id)
                if status >= _SERVER_FAULT:
                    span.set_attribute("error.type", str(status))
                    span.set_status(StatusCode.ERROR)

    @contextmanager
    def span(self, name: str) -> Generator[None]:
        """Time the block as a part of what is under way."""
        # An exception's message may quote what somebody sent.
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ):
            yield

    def past(self, name: str, seconds: float, ago: float = 0.0) -> None:
        """Note a part that has ended."""
        end = self._clock() * _NANOSECONDS - int(ago * _SECOND)
        span = self._tracer.start_span(name, start_time=end - int(seconds * _SECOND))
        span.end(end)

    def close(self) -> None:
        """Hand over what is still here, and end."""
        self._provider.shutdown()


def open_spans(settings: Settings) -> Spans:
    """Return spans that go to the collector which the settings name."""
    exporter = OTLPSpanExporter(endpoint=settings.trace_endpoint, timeout=_EXPORT_SECONDS)
    return Spans(BatchSpanProcessor(exporter), settings.trace_ratio)
