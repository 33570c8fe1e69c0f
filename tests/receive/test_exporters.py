"""The Python SDK's own OTLP exporters find in the receiver what they find in a collector."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind

from tests.receive.conftest import Running
from tests.receive.otlp import CALL, json_request, json_span, request, span

EXPORTERS: dict[str, Callable[[Running], SpanExporter]] = {
    "http": lambda running: HttpExporter(f"{running.http}/v1/traces"),
    "http, gzip": lambda running: HttpExporter(f"{running.http}/v1/traces", compression=Compression.Gzip),
    "grpc": lambda running: GrpcExporter(running.grpc, insecure=True),
}


@pytest.mark.parametrize("way", EXPORTERS)
def test_every_span_of_an_sdk_exporter_is_stored_once_it_says_so(receiver: Running, way: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(EXPORTERS[way](receiver)))
    tracer = provider.get_tracer("firsttoken", "0.1")
    for _ in range(25):
        with (
            tracer.start_as_current_span("GET /", kind=SpanKind.SERVER),
            tracer.start_as_current_span("chat claude-sonnet-5-5", kind=SpanKind.CLIENT, attributes=CALL),
        ):
            pass

    assert provider.force_flush()

    assert receiver.rows("SELECT count(*), count(DISTINCT trace_id) FROM spans") == [(50, 25)]
    assert receiver.rows(
        "SELECT DISTINCT service_name, request_model, output_tokens FROM calls WHERE parent_span_id IS NOT NULL"
    ) == [("shop", "claude-sonnet-5-5", 7)]
    provider.shutdown()


def test_the_same_spans_by_both_protocols_are_stored_once(receiver: Running) -> None:
    provider = TracerProvider()
    for way in ("http", "grpc"):
        provider.add_span_processor(BatchSpanProcessor(EXPORTERS[way](receiver)))
    with provider.get_tracer("firsttoken").start_as_current_span("chat", attributes=CALL):
        pass

    assert provider.force_flush()

    assert receiver.rows("SELECT count(*) FROM spans") == [(1,)]
    assert receiver.rows("SELECT count(*) FROM calls") == [(1,)]
    provider.shutdown()


@pytest.mark.parametrize("way", ["protobuf", "json"])
def test_a_samplers_probability_comes_with_the_trace_state(receiver: Running, way: str) -> None:
    if way == "json":
        body = json_request(json_span(1, traceState="vendor=1,ot=th:c"), json_span(2))
        assert receiver.post(body, Content_Type="application/json").status == 200
    else:
        body = request(span(1, trace_state="vendor=1,ot=th:c"), span(2)).SerializeToString()
        assert receiver.post(body).status == 200

    assert receiver.rows("SELECT sampling_probability FROM calls ORDER BY span_id") == [(0.25,), (None,)]
