"""Traces, where they are asked for. Without them nothing of OpenTelemetry is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from lineage_api.observing.notes import NoTracing, Tracing
from lineage_api.settings import Settings
from lineage_schemas.errors import InvalidInputError

Outcome = Callable[[], tuple[str, int, str]]
"""Asked when a request ends: its route, status and id."""


class RequestTracing(Tracing, Protocol):
    """Traces whole requests, and parts of them."""

    def request(
        self, method: str, headers: Mapping[str, str], outcome: Outcome
    ) -> AbstractContextManager[None]:
        """Time a request; what its caller traces goes on, where ``traceparent`` says so."""
        ...

    def close(self) -> None:
        """Hand over what is still here. May take seconds."""
        ...


class NoRequestTracing(NoTracing):
    """Traces nothing."""

    def request(
        self, method: str, headers: Mapping[str, str], outcome: Outcome
    ) -> AbstractContextManager[None]:
        """Time nothing."""
        del method, headers, outcome
        return nullcontext()

    def close(self) -> None:
        """Do nothing."""


def open_tracing(settings: Settings) -> RequestTracing:
    """Return what traces requests as the settings say.

    Raises:
        InvalidInputError: traces are asked for, and the extra ``tracing`` is not installed.
    """
    if not settings.trace_endpoint:
        return NoRequestTracing()
    try:
        from lineage_api.observing.spans import open_spans  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            "Traces are asked for, and what makes them is not installed",
            where="trace_endpoint",
            hint="Install the extra: pip install 'lineage-ledger[tracing]'.",
        ) from error
    return open_spans(settings)
