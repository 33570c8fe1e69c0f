"""OTLP requests as clients make them, small and with what a test wants to see again."""

from __future__ import annotations

import json
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-5-5",
    "gen_ai.usage.output_tokens": 7,
}


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def span(number: int = 1, **fields: Any) -> Span:
    """A span of a call to Claude; `number` (from 1) makes its ids."""
    now = time.time_ns()
    chosen: dict[str, Any] = {
        "trace_id": trace_id(number),
        "span_id": span_id(number),
        "name": "chat claude-sonnet-5-5",
        "kind": Span.SPAN_KIND_CLIENT,
        "start_time_unix_nano": now - 10**9,
        "end_time_unix_nano": now,
        "attributes": [attribute(key, value) for key, value in CALL.items()],
    }
    return Span(**(chosen | fields))


def attribute(key: str, value: str | float) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(double_value=value))


def request(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=[attribute("service.name", service)]),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name="firsttoken", version="0.1"), spans=spans)],
            )
        ]
    )


def json_span(number: int = 1, **fields: Any) -> dict[str, Any]:
    """The same span as JavaScript's exporters and the collector's file write it."""
    now = time.time_ns()
    chosen: dict[str, Any] = {
        "traceId": trace_id(number).hex(),
        "spanId": span_id(number).hex(),
        "name": "chat claude-sonnet-5-5",
        "kind": 3,
        "startTimeUnixNano": str(now - 10**9),
        "endTimeUnixNano": str(now),
        "attributes": [
            {"key": key, "value": {"stringValue": value} if isinstance(value, str) else {"intValue": value}}
            for key, value in CALL.items()
        ],
        "status": {},
        "flags": 256,
    }
    return chosen | fields


def json_request(*spans: dict[str, Any], service: str = "shop") -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    scope_spans = [{"scope": {"name": "firsttoken", "version": "0.1"}, "spans": spans}]
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}).encode()
