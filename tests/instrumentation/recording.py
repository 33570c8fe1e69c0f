"""What was recorded while a test ran: spans in memory, each with its attributes as plain data."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from firsttoken import attributes as a

#: Scopes of the spans that stand for a call; what else is open is the application's or the tool runner's.
_SCOPES = (a.SCOPE_NAME, a.SDK_SCOPE_NAME)


class Recording:
    """The spans and metrics of one test."""

    def __init__(self, exporter: InMemorySpanExporter, reader: InMemoryMetricReader) -> None:
        self._exporter = exporter
        self._reader = reader

    @property
    def spans(self) -> list[ReadableSpan]:
        """All that ended, in the order in which they did."""
        return list(self._exporter.get_finished_spans())

    @property
    def calls(self) -> list[ReadableSpan]:
        """The spans that stand for calls."""
        return [span for span in self.spans if _scope(span).startswith(_SCOPES) and span.kind is SpanKind.CLIENT]

    def call(self) -> CallSpan:
        """The one span of the one call that a test made."""
        calls = self.calls
        assert len(calls) == 1, f"{len(calls)} spans for one call: {[span.name for span in calls]}"
        return CallSpan(calls[0])

    def eventually(self, count: int, timeout_s: float = 2.0) -> list[CallSpan]:
        """The calls, once there are `count` of them."""
        deadline = time.monotonic() + timeout_s
        while len(self.calls) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        assert len(self.calls) == count
        return [CallSpan(span) for span in self.calls]

    def clear(self) -> None:
        """Forget the spans so far."""
        self._exporter.clear()

    def histograms(self) -> dict[str, list[HistogramDataPoint]]:
        """The data points of each histogram that has any."""
        data = self._reader.get_metrics_data()
        return {
            metric.name: [point for point in metric.data.data_points if isinstance(point, HistogramDataPoint)]
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


class CallSpan:
    """One call's span."""

    def __init__(self, span: ReadableSpan) -> None:
        self.span = span
        self.attributes: dict[str, Any] = dict(span.attributes or {})

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def get(self, name: str) -> Any:
        """An attribute; None where it was not observed."""
        return self.attributes.get(name)

    @property
    def status(self) -> StatusCode:
        return self.span.status.status_code

    @property
    def duration_s(self) -> float:
        assert self.span.start_time is not None
        assert self.span.end_time is not None
        return (self.span.end_time - self.span.start_time) / 1e9

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The `firsttoken.attempt` events: each attempt that did not succeed."""
        return [dict(event.attributes or {}) for event in self.span.events if event.name == a.ATTEMPT_EVENT]

    @property
    def parent_id(self) -> int | None:
        return self.span.parent.span_id if self.span.parent is not None else None

    @property
    def span_id(self) -> int:
        assert self.span.context is not None
        return self.span.context.span_id

    @property
    def usage(self) -> tuple[int | None, int | None]:
        """Input and output tokens."""
        return self.get(a.INPUT_TOKENS), self.get(a.OUTPUT_TOKENS)


def _scope(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
