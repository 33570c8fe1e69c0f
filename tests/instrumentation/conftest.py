"""The SDK instrumented as an application would have it, with everything recorded in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from firsttoken import AnthropicInstrumentor, background, guard
from tests.instrumentation.recording import Recording


@pytest.fixture(scope="session")
def exporter() -> InMemorySpanExporter:
    """Memory behind the global tracer provider, which is also where the SDK's own tracing goes."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def uninstrumented(exporter: InMemorySpanExporter) -> Iterator[Recording]:
    """What an application leaves without us."""
    exporter.clear()
    yield Recording(exporter, InMemoryMetricReader())
    exporter.clear()


@pytest.fixture
def recorded(exporter: InMemorySpanExporter) -> Iterator[Recording]:
    """`AnthropicInstrumentor().instrument()`, and what it recorded."""
    exporter.clear()
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader])
    instrumentor = AnthropicInstrumentor()
    instrumentor.instrument(meter_provider=meter_provider)
    try:
        yield Recording(exporter, reader)
    finally:
        instrumentor.uninstrument()
        meter_provider.shutdown()
        exporter.clear()


@pytest.fixture(autouse=True)
def _hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes a key file in the home of whoever runs it, nor loses its hashes to a machine that is busy."""
    monkeypatch.setenv("FIRSTTOKEN_HASH_KEY", "a key of the tests")
    monkeypatch.setattr(background, "HASH_WAIT_S", 2.0)


@pytest.fixture(autouse=True)
def nothing_of_ours_fails() -> Iterator[None]:
    """The guard hides our errors from the application, not from the tests; a span that is ended twice is one too."""
    guard._seen.clear()
    complaints = _Complaints()
    ours, theirs = logging.getLogger("firsttoken"), logging.getLogger("opentelemetry")
    before = ours.level
    ours.setLevel(logging.DEBUG)
    ours.addHandler(complaints)
    theirs.addHandler(complaints)
    yield
    ours.removeHandler(complaints)
    theirs.removeHandler(complaints)
    ours.setLevel(before)
    assert not complaints.lines


class _Complaints(logging.Handler):
    """What we, or OpenTelemetry about us, log meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("opentelemetry.instrumentation"):
            return  # says that it is instrumented already, or that another library is not there
        if record.levelno >= logging.WARNING or record.name == "firsttoken":
            self.lines.append(logging.Formatter("%(name)s: %(message)s").format(record))
