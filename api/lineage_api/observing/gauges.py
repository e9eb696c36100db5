"""What is measured at the moment it is asked: queues, readers, and where the ledger stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric, StateSetMetricFamily

from lineage.custody import CustodyState
from lineage.questions.sources import SourceFaults
from lineage_api.surface import Surface

_MICROSECONDS: Final = 1_000_000
_MEMORIES: Final = ("none", "new", "agrees", "fault")


def server_gauges(surface: Surface) -> Iterator[Metric]:
    """Yield how busy the server is. Asks no store."""
    length, size = surface.writer.waiting
    reading, preparing = surface.reading, surface.preparing
    yield _gauge("writer_queue_deliveries", "Batches that wait for the writer.", length)
    yield _gauge("writer_queue_bytes", "Payload that waits for the writer.", size)
    yield _gauge("writer_alive", "1 while anything can be written.", surface.writer.is_alive)
    yield _gauge("readers_in_use", "Threads that answer.", min(reading.inside, reading.threads))
    yield _gauge("readers_limit", "Threads that can answer at once.", reading.threads)
    yield _gauge("reads_waiting", "Questions that wait.", max(0, reading.inside - reading.threads))
    yield _gauge(
        "preparers_in_use",
        "Threads that prepare what is to be written, and what waits for them.",
        preparing.inside,
    )
    yield _gauge(
        "signing_fault", "1 while signing fails.", surface.publisher.signing_fault is not None
    )
    yield _gauge(
        "anchoring_fault",
        "1 while the checkpoint cannot be handed out.",
        surface.publisher.anchoring_fault is not None,
    )
    yield _gauge("stopping", "1 once the server was told to stop.", surface.stopping.is_set())


def ledger_gauges(state: CustodyState | None) -> Iterator[Metric]:
    """Yield where the ledger stands; of one that could not be read, only that."""
    yield _gauge("ledger_readable", "1 where the store could be read.", state is not None)
    if state is None:
        return
    ledger = state.ledger
    yield _gauge("log_entries", "Size of the log.", ledger.size)
    yield _gauge(
        "log_recorded_timestamp_seconds",
        "Recorded time of the last entry.",
        ledger.recorded_us / _MICROSECONDS,
    )
    yield _gauge("log_signed_entries", "Size of the last checkpoint.", ledger.signed_size)
    yield _gauge("log_unsigned_entries", "Entries after it.", ledger.size - ledger.signed_size)
    yield _gauge(
        "log_unsigned_age_seconds",
        "How long the first entry that no checkpoint covers has waited for one; 0: there is none.",
        _age(state, ledger.unsigned_us),
    )
    yield _gauge(
        "checkpoint_age_seconds",
        "Since the recorded time of the last entry that the checkpoint covers.",
        _age(state, ledger.signed_us),
    )
    anchored = state.anchored
    yield _gauge(
        "log_anchored_entries",
        "Largest size that somebody outside holds.",
        0 if anchored is None else anchored.size,
    )
    yield _gauge(
        "projection_lag_entries",
        "Entries that the views do not show yet.",
        ledger.size - ledger.views_size,
    )
    yield _gauge("scrub_due", "1 while erased bytes may be in a file.", not state.is_scrubbed)
    memory = StateSetMetricFamily(
        "lineage_sidecar_state", "Whether the store is what was signed, by the sidecar."
    )
    memory.add_metric([], {one: one == state.memory for one in _MEMORIES})
    yield memory


def source_gauges(faults: SourceFaults) -> Iterator[Metric]:
    """Yield how many sources are not well, over all namespaces."""
    yield _gauge(
        "sources_overdue",
        "Sources of all namespaces that were not heard, or looked at, when they were due.",
        faults.overdue,
    )
    yield _gauge(
        "sources_unreconciled",
        "Sources of all namespaces of which not all is here, as far as the last look could tell.",
        faults.unreconciled,
    )


def _age(state: CustodyState, then_us: int | None) -> float:
    return 0.0 if then_us is None else max(0, state.now_us - then_us) / _MICROSECONDS


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lineage_{name}", about, float(value))
