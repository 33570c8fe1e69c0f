"""The recordings beside this file, as spans on their way into the store and as OTLP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

HERE: Final = Path(__file__).parent
#: Libraries alone, and two beside each other: what `record-all` records.
DIALECTS: Final = sorted(path.stem for path in HERE.glob("*.json"))
PAIRS: Final = sorted(path.stem for path in (HERE / "pairs").glob("*.json"))

#: One span as `SpanBatch.add` takes it.
Recorded = dict[str, Any]

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_CODES: Final = ("UNSET", "OK", "ERROR")


def fixture(name: str) -> dict[str, Any]:
    """The whole recording of a dialect or of a pair: `packages`, and `spans` or (TypeScript) `requests`."""
    return json.loads((HERE / ("pairs" if "+" in name else "") / f"{name}.json").read_text(encoding="utf-8"))


def recorded(name: str) -> list[Recorded]:
    """The spans of a recording, in the order in which they ended."""
    recording = fixture(name)
    spans = recording.get("spans") or [span for request in recording["requests"] for span in _spans(request)]
    return sorted(spans, key=lambda span: span["end_time"])


def requests(name: str) -> list[dict[str, Any]]:
    """The recording as OTLP JSON requests: TypeScript's as they came, Python's with one span a request."""
    return fixture(name).get("requests") or [otlp_json([span]) for span in recorded(name)]


def otlp_json(spans: Iterable[Recorded]) -> dict[str, Any]:
    """The spans as one OTLP JSON request, as JavaScript's exporter writes it."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _pairs(span["resource"])},
                "scopeSpans": [
                    {
                        "scope": {"name": span["scope_name"] or "", "version": span["scope_version"] or ""},
                        "spans": [
                            {
                                "traceId": span["trace_id"],
                                "spanId": span["span_id"],
                                "parentSpanId": span["parent_span_id"] or "",
                                "name": span["name"],
                                "kind": KINDS.index(span["kind"]),
                                "startTimeUnixNano": str(span["start_time"]),
                                "endTimeUnixNano": str(span["end_time"]),
                                "status": {
                                    "code": STATUS_CODES.index(span["status_code"]),
                                    "message": span["status_message"] or "",
                                },
                                "attributes": _pairs(span["attributes"]),
                                "events": [
                                    {
                                        "name": event["name"],
                                        "timeUnixNano": str(event["time"]),
                                        "attributes": _pairs(event["attributes"]),
                                    }
                                    for event in span["events"]
                                ],
                            }
                        ],
                    }
                ],
            }
            for span in spans
        ]
    }


def otlp(spans: Iterable[Recorded]) -> ExportTraceServiceRequest:
    """The spans as one OTLP request."""
    request = ParseDict(otlp_json(_without_ids(span) for span in spans), ExportTraceServiceRequest())
    for resource_spans, span in zip(request.resource_spans, spans, strict=True):
        (one,) = resource_spans.scope_spans[0].spans
        one.trace_id, one.span_id = bytes.fromhex(span["trace_id"]), bytes.fromhex(span["span_id"])
        one.parent_span_id = bytes.fromhex(span["parent_span_id"] or "")
    return request


def _without_ids(span: Recorded) -> Recorded:
    """Protobuf's own JSON reader takes ids for base64."""
    return {**span, "trace_id": "", "span_id": "", "parent_span_id": ""}


def _pairs(attributes: Mapping[str, object]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _otlp_value(value)} for key, value in attributes.items()]


def _otlp_value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _pairs(cast("Mapping[str, object]", value))}}
    return {"arrayValue": {"values": [_otlp_value(item) for item in cast("list[object]", value)]}}


def _spans(request: Mapping[str, Any]) -> Iterable[Recorded]:
    for of_resource in request["resourceSpans"]:
        resource = _attributes(of_resource["resource"]["attributes"])
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                yield {
                    "trace_id": span["traceId"],
                    "span_id": span["spanId"],
                    "parent_span_id": span.get("parentSpanId"),
                    "name": span["name"],
                    "kind": KINDS[span["kind"]],
                    "start_time": int(span["startTimeUnixNano"]),
                    "end_time": int(span["endTimeUnixNano"]),
                    "status_code": STATUS_CODES[span["status"]["code"]],
                    "status_message": span["status"].get("message"),
                    "scope_name": of_scope["scope"]["name"],
                    "scope_version": of_scope["scope"].get("version"),
                    "resource": resource,
                    "attributes": _attributes(span["attributes"]),
                    "events": [
                        {
                            "name": event["name"],
                            "time": int(event["timeUnixNano"]),
                            "attributes": _attributes(event["attributes"]),
                        }
                        for event in span["events"]
                    ],
                }


def _attributes(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in pairs}


def _value(value: Mapping[str, Any]) -> object:
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [_value(item) for item in held.get("values", [])]
    if kind == "kvlistValue":
        return _attributes(held.get("values", []))
    return int(held) if kind == "intValue" else held
