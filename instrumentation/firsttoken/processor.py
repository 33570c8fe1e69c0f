"""The span processor that takes an application's spans to the store."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.environment_variables import OTEL_BSP_SCHEDULE_DELAY
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from firsttoken.guard import guarded

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

SCHEDULE_DELAY_MS: Final = 1000
"""What `kill -9` can cost, unless `OTEL_BSP_SCHEDULE_DELAY` says otherwise; the SDK's own default is 5 s."""

_log = logging.getLogger("firsttoken")


class StoreSpanProcessor(SpanProcessor):
    """OpenTelemetry's BatchSpanProcessor over DuckDBSpanExporter, begun at the first span that ends.

    Until then there is neither a thread nor an import: a process without calls pays nothing, and one that forks its
    workers before their first call (gunicorn, multiprocessing) forks without threads, which Python 3.12 warns of.
    """

    def __init__(self) -> None:
        self._begun: SpanProcessor | None = None
        self._closed = False
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew_lock)

    # The application calls these three, by ending a span or its provider.

    def on_end(self, span: ReadableSpan) -> None:
        if span.context and span.context.trace_flags.sampled:
            guarded("the end of a span", self._hand_on, span)

    def shutdown(self) -> None:
        guarded("the store's end", self._shut_down)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        if self._begun is None or self._closed:
            return True
        return bool(guarded("a flush", self._begun.force_flush, timeout_millis))

    def _hand_on(self, span: ReadableSpan) -> None:
        begun = self._begun or self._begin()
        if begun is not None:
            begun.on_end(span)

    def _shut_down(self) -> None:
        with self._lock:
            begun = None if self._closed else self._begun
            self._closed = True
        if begun is not None:
            begun.shutdown()

    def _begin(self) -> SpanProcessor | None:
        with self._lock:
            if self._begun is None and not self._closed:
                try:
                    self._begun = _batches()
                # Whatever is wrong with the store, ending a span must not raise in the application.
                except Exception as error:  # noqa: BLE001
                    self._closed = True
                    _log.warning("firsttoken records nothing in this process: %s", error)
            return self._begun

    def _renew_lock(self) -> None:
        """Another thread may have held it at the fork."""
        self._lock = threading.Lock()


def _batches() -> SpanProcessor:
    from firsttoken.exporter import DuckDBSpanExporter

    exporter = DuckDBSpanExporter()
    delay_ms = None if os.environ.get(OTEL_BSP_SCHEDULE_DELAY) else SCHEDULE_DELAY_MS
    try:
        return BatchSpanProcessor(exporter, schedule_delay_millis=delay_ms)
    except RuntimeError:
        # From 3.12 on, an interpreter that is shutting down starts no threads; a stream that ends there is recorded.
        return SimpleSpanProcessor(exporter)
