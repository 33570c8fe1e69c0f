"""The four `gen_ai.client.*` histograms, as the semantic conventions for GenAI metrics write them down."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import anthropic
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric

from firsttoken import AnthropicInstrumentor
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import MODEL, request
from tests.instrumentation.ways import named

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
#: docs/gen-ai/gen-ai-metrics.md of open-telemetry/semantic-conventions-genai: unit, boundaries.
CONVENTIONS = {
    "gen_ai.client.token.usage": ("{token}", TOKENS),
    "gen_ai.client.operation.duration": ("s", SECONDS),
    "gen_ai.client.operation.time_to_first_chunk": ("s", SECONDS),
    "gen_ai.client.operation.time_per_output_chunk": ("s", SECONDS),
}
SHARED = {a.OPERATION_NAME, a.PROVIDER_NAME, a.REQUEST_MODEL, a.RESPONSE_MODEL, a.SERVER_ADDRESS, a.SERVER_PORT}


@pytest.fixture
def metrics(claude_api: LookAlike, uninstrumented: Recording) -> dict[str, Metric]:
    """What a reader of the application's own has after a stream, a whole answer and a refusal."""
    assert uninstrumented is not None
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    AnthropicInstrumentor().instrument(meter_provider=provider)
    try:
        for name, asked in (
            ("stream_text", request(output_tokens=40, tokens_per_second=200)),
            ("create", request(output_tokens=40)),
            ("create", request(status=400)),
        ):
            named(name).run(named(name).client(claude_api.url), asked)
        found = _read(reader)
        deadline = time.monotonic() + 5  # the chunks are recorded in the background
        while len(found) < len(CONVENTIONS) and time.monotonic() < deadline:
            time.sleep(0.01)
            found |= _read(reader)
    finally:
        AnthropicInstrumentor().uninstrument()
        provider.shutdown()
    return found


def _read(reader: InMemoryMetricReader) -> dict[str, Metric]:
    data = reader.get_metrics_data()
    return {
        metric.name: metric
        for resource in (data.resource_metrics if data is not None else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def points(metric: Metric) -> list[tuple[Mapping[str, Any], HistogramDataPoint]]:
    return [
        (point.attributes or {}, point) for point in metric.data.data_points if isinstance(point, HistogramDataPoint)
    ]


def test_there_are_four_with_the_conventions_units_and_boundaries(metrics: dict[str, Metric]) -> None:
    boundaries = {point.explicit_bounds for metric in metrics.values() for _, point in points(metric)}
    assert boundaries == {SECONDS, TOKENS}
    assert {
        name: (metric.unit, points(metric)[0][1].explicit_bounds) for name, metric in metrics.items()
    } == CONVENTIONS


def test_each_has_the_conventions_attributes_and_no_other(metrics: dict[str, Metric]) -> None:
    allowed = {
        "gen_ai.client.token.usage": SHARED | {"gen_ai.token.type"},
        "gen_ai.client.operation.duration": SHARED | {a.ERROR_TYPE},
    }
    for name, metric in metrics.items():
        for attributes, _ in points(metric):
            assert attributes.keys() <= allowed.get(name, SHARED)
            assert attributes[a.OPERATION_NAME] == "chat"
            assert (attributes[a.PROVIDER_NAME], attributes[a.REQUEST_MODEL]) == ("anthropic", MODEL)
            assert (attributes[a.SERVER_ADDRESS], type(attributes[a.SERVER_PORT])) == ("127.0.0.1", int)


def test_tokens_are_the_servers(metrics: dict[str, Metric], claude_api: LookAlike) -> None:
    answered = [record for record in claude_api.settle() if record.output_tokens]
    sums = {
        attributes["gen_ai.token.type"]: point.sum for attributes, point in points(metrics["gen_ai.client.token.usage"])
    }
    assert sums == {
        "input": sum(record.usage["input_tokens"] for record in answered),
        "output": sum(record.output_tokens or 0 for record in answered),
    }


def test_durations_are_of_every_call_and_failures_say_of_what(metrics: dict[str, Metric]) -> None:
    counts = {
        attributes.get(a.ERROR_TYPE): point.count
        for attributes, point in points(metrics["gen_ai.client.operation.duration"])
    }
    assert counts == {None: 2, "invalid_request_error": 1}


def test_chunks_are_of_streams_only(metrics: dict[str, Metric], claude_api: LookAlike) -> None:
    (stream, *_) = claude_api.settle()
    ((_, first),) = points(metrics["gen_ai.client.operation.time_to_first_chunk"])
    assert stream.first_delta_at is not None
    assert first.count == 1
    assert first.sum >= stream.first_delta_at - stream.first_byte_at
    ((_, chunks),) = points(metrics["gen_ai.client.operation.time_per_output_chunk"])
    assert 0 < chunks.count < len(stream.deltas)


def test_counting_tokens_is_no_operation_of_theirs(claude_api: LookAlike, recorded: Recording) -> None:
    if not hasattr(anthropic.Anthropic(api_key="none").messages, "count_tokens"):
        pytest.skip(f"anthropic {anthropic.__version__} counts in its beta only")
    asked = {key: value for key, value in request().items() if key not in {"max_tokens", "extra_headers"}}
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        client.messages.count_tokens(**asked)
    assert recorded.histograms() == {}
