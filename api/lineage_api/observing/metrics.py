"""What a server counts while it works. ``lineage_api.rest.metrics`` hands it out.

Every label has few values, whatever callers send: routes by their template, codes of our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector

from lineage.intake import Outcomes
from lineage.questions.as_of import SOFTWARE
from lineage_api.observing.notes import RequestNote
from lineage_schemas.errors import LedgerError

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER: Final = "other"
"""A route that is none of ours, or a method that nobody has heard of."""

_REQUEST_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30)
_GROUP_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1_024)


class WriterWatcher(Protocol):
    """Is told by the writer what it did. Called from the writer's thread; must not raise."""

    def committed(self, outcomes: Outcomes, commit_seconds: float, waits: list[float]) -> None:
        """Hear of a group that is durable: how long the commit took, and how long each waited."""
        ...

    def failed(self, deliveries: int, error: Exception) -> None:
        """Hear of deliveries of which nothing was written."""
        ...


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "lineage_build_info", "Which software this is.", ["software"], registry=self.registry
        )
        build.labels(SOFTWARE).set(1)
        self.in_flight = self._gauge("lineage_http_requests_in_flight", "Requests under way.")
        self._requests = self._counter(
            "lineage_http_requests", "Requests that were answered.", "route", "method", "status"
        )
        self._request_seconds = self._histogram(
            "lineage_http_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            _REQUEST_BUCKETS,
            "route",
            "method",
        )
        self._problems = self._counter(
            "lineage_http_problems", "Problem documents that were answered.", "code"
        )
        self._operations = self._counter(
            "lineage_graphql_operations", "GraphQL operations that were executed.", "operation"
        )
        self._errors = self._counter(
            "lineage_graphql_errors", "Errors in GraphQL answers, by code.", "code"
        )
        self._statements = self._counter(
            "lineage_statements", "Statements by what became of them.", "outcome"
        )
        self._refused = self._counter(
            "lineage_deliveries_refused", "Batches of which nothing was written, by code.", "code"
        )
        self._groups = self._histogram(
            "lineage_commit_group_deliveries", "Batches that one commit took.", _GROUP_BUCKETS
        )
        self._commit_seconds = self._histogram(
            "lineage_commit_duration_seconds", "How long commits took.", _COMMIT_BUCKETS
        )
        self._wait_seconds = self._histogram(
            "lineage_commit_wait_seconds",
            "From the writer's queue until durable, for each request.",
            _COMMIT_BUCKETS,
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        known = method if method in METHODS else OTHER
        self._requests.labels(route, known, f"{status // 100}xx").inc()
        self._request_seconds.labels(route, known).observe(seconds)

    def executed(self, note: RequestNote) -> None:
        """Count what a request executed in GraphQL, and the problem it was answered with."""
        if note.code:
            self._problems.labels(note.code).inc()
        if note.operation:
            self._operations.labels(note.operation).inc()
        for code in note.codes:
            self._errors.labels(code).inc()

    def committed(self, outcomes: Outcomes, commit_seconds: float, waits: list[float]) -> None:
        """Count a group that is durable."""
        self._groups.observe(len(outcomes))
        self._commit_seconds.observe(commit_seconds)
        for wait in waits:
            self._wait_seconds.observe(wait)
        for outcome in outcomes:
            if isinstance(outcome, LedgerError):
                self._refused.labels(outcome.code).inc()
            else:
                for receipt in outcome:
                    self._statements.labels(receipt.outcome.value).inc()

    def failed(self, deliveries: int, error: Exception) -> None:
        """Count deliveries of which nothing was written."""
        code = error.code if isinstance(error, LedgerError) else LedgerError.code
        self._refused.labels(code).inc(deliveries)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        yield from self.registry.collect()

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, registry=self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, about, labels, buckets=buckets, registry=self.registry)
