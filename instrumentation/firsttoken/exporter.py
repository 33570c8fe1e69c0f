"""`DuckDBSpanExporter`: the spans of this application into the store on this machine.

    provider.add_span_processor(BatchSpanProcessor(DuckDBSpanExporter()))

or by name, `OTEL_TRACES_EXPORTER=duckdb`. It works in the span processor's thread, never raises into the application,
and loads DuckDB with the first span.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from . import store as stores
from .store import sampling
from .store.content import ContentFilter, keeps_content

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_logger = logging.getLogger(__name__)


class DuckDBSpanExporter(SpanExporter):
    """Writes spans to a DuckDB store.

    Args:
        path: the DuckDB file. None asks `FIRSTTOKEN_STORE`, then takes the user's data directory; `off` writes nothing.

    Without a directory that can be written to it says so once, in the log, and is off from then on.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._content = ContentFilter(keep_content=keeps_content())
        self._store: stores.Store | None = None
        self._told: set[str] = set()
        try:
            self._store = stores.open(path)
        except stores.StoreOff:
            pass
        except stores.StoreError as error:
            _logger.warning("firsttoken records nothing: %s", error)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Writes `spans`; they are on disk when it returns SUCCESS."""
        store = self._store
        if store is None:
            return SpanExportResult.SUCCESS
        try:
            with suppress_instrumentation():
                batch = stores.SpanBatch(content=self._content)
                for span in spans:
                    add_span(batch, span)
                store.deposit(batch)
        except stores.StoreUnreadable as error:
            # Trying again would fail in the same way, once a second, for as long as the application runs.
            self._store = None
            _logger.warning("firsttoken stops recording: %s", error)
            return SpanExportResult.FAILURE
        except Exception as error:  # noqa: BLE001 - nothing of ours may reach the application
            reason = type(error).__name__
            if reason not in self._told:
                self._told.add(reason)
                first_line = str(error).partition("\n")[0] or reason
                _logger.warning("firsttoken could not record %d spans: %s", len(spans), first_line)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Ends the exporter. Everything exported before is on disk already; now it goes into the tables too."""
        store, self._store = self._store, None
        if store is None:
            return
        try:
            with suppress_instrumentation():
                store.append_batch(stores.SpanBatch(content=self._content))
        except stores.StoreUnreadable as error:
            _logger.warning("firsttoken leaves spans beside the store: %s", error)
        except Exception as error:  # noqa: BLE001 - nothing of ours may reach the application
            _logger.debug("firsttoken leaves spans in the outbox for the next reader: %s", error)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the SDK's signature
        """True: `export` keeps nothing back."""
        return True


def add_span(batch: stores.SpanBatch, span: ReadableSpan) -> None:
    """Adds one ended span of the SDK to `batch`."""
    context = span.get_span_context()
    if context is None:
        return
    attributes = _copied(span.attributes)
    if context.trace_state:
        probability = sampling.probability(context.trace_state.to_header())
        if probability is not None:
            attributes = {**attributes, sampling.ATTRIBUTE: probability}
    scope = span.instrumentation_scope
    start = span.start_time or 0
    batch.add(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_span_id=format_span_id(span.parent.span_id) if span.parent is not None else None,
        name=span.name,
        kind=span.kind.name,
        start_time=start,
        end_time=span.end_time or start,
        status_code=span.status.status_code.name,
        status_message=span.status.description,
        scope_name=scope.name if scope is not None else None,
        scope_version=scope.version if scope is not None else None,
        resource=span.resource.attributes,
        attributes=attributes,
        events=[
            {"name": event.name, "time": event.timestamp, "attributes": _copied(event.attributes)}
            for event in span.events
        ],
        links=[
            {"trace_id": format_trace_id(link.context.trace_id), "span_id": format_span_id(link.context.span_id)}
            for link in span.links
        ],
    )


def _copied(attributes: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Attributes as a plain dict. The SDK's own mapping copies itself at a twentieth of what going through it costs."""
    if not attributes:
        return {}
    try:
        return cast("Any", attributes).copy()
    except AttributeError:
        return dict(attributes)
