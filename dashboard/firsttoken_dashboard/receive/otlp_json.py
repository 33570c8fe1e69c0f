"""OTLP's JSON encoding, into the store's batch.

Walked by hand: protobuf's own JSON reader takes ids for base64 (24 wrong bytes, silently) and refuses the integers that
JavaScript's exporters send. Ids are hex, enums integers (their names are understood too), 64-bit integers strings or
numbers, unknown fields are passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.receive.decoded import (
    KINDS,
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_EVENTS,
    STATUS_CODES,
    Decoded,
    UndecodableError,
    told_by_sampler,
)
from firsttoken_dashboard.receive.json_text import loads

if TYPE_CHECKING:
    from firsttoken.store import SpanBatch
    from firsttoken_dashboard.receive.json_text import Json

_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-fA-F]{32}")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-fA-F]{16}")
#: Digits of the largest number of 64 bits.
_DIGITS: Final = 19
_PLAIN: Final = frozenset({"stringValue", "boolValue", "bytesValue"})
#: One of these makes an object OTLP; the latter two are other signals in a file that holds all of them.
_SIGNALS: Final = ("resourceSpans", "resourceMetrics", "resourceLogs")


def decode(body: bytes, decoded: Decoded) -> None:
    """Add the spans of a request, or of a line of a collector's file, to `decoded`; bad ones are counted there.

    Raises:
        UndecodableError: the bytes are no JSON object with `resourceSpans`; an empty object is an empty request.
    """
    try:
        document = loads(body)
    except (ValueError, RecursionError) as error:
        raise UndecodableError(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict) or (document and not any(signal in document for signal in _SIGNALS)):
        raise UndecodableError("the body is no JSON object with resourceSpans")
    for resource_spans in _objects(document.get("resourceSpans")):
        _add_resource(decoded, resource_spans)


def _add_resource(decoded: Decoded, resource_spans: dict[str, Json]) -> None:
    resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
    for scope_spans in _objects(resource_spans.get("scopeSpans")):
        scope = _object(scope_spans.get("scope"))
        for span in _objects(scope_spans.get("spans")):
            trace_id, span_id = _hex(span.get("traceId"), _TRACE_ID), _hex(span.get("spanId"), _SPAN_ID)
            if trace_id is None:
                decoded.refused["traceId is not 32 hex digits, or all zero"] += 1
            elif span_id is None:
                decoded.refused["spanId is not 16 hex digits, or all zero"] += 1
            else:
                _add_span(decoded.spans, (trace_id, span_id), span, scope, resource)


def _add_span(
    batch: SpanBatch, ids: tuple[str, str], span: dict[str, Json], scope: dict[str, Json], resource: dict[str, Json]
) -> None:
    status = _object(span.get("status"))
    attributes = _attributes(span.get("attributes"))
    if trace_state := _text(span.get("traceState")):
        attributes.update(told_by_sampler(trace_state))
    batch.add(
        trace_id=ids[0],
        span_id=ids[1],
        parent_span_id=_hex(span.get("parentSpanId"), _SPAN_ID),
        name=_text(span.get("name")),
        kind=_enum(span.get("kind"), KINDS, "SPAN_KIND_"),
        start_time=_time(span.get("startTimeUnixNano")),
        end_time=_time(span.get("endTimeUnixNano")),
        status_code=_enum(status.get("code"), STATUS_CODES, "STATUS_CODE_"),
        status_message=_text(status.get("message")),
        scope_name=_text(scope.get("name")),
        scope_version=_text(scope.get("version")),
        resource=resource,
        attributes=attributes,
        events=[
            {
                "name": _text(event.get("name")),
                "time": _time(event.get("timeUnixNano")),
                "attributes": _attributes(event.get("attributes")),
            }
            for event in _objects(span.get("events"))[:MAX_EVENTS]
        ],
        links=[
            {
                "trace_id": _hex(link.get("traceId"), _TRACE_ID) or "",
                "span_id": _hex(link.get("spanId"), _SPAN_ID) or "",
            }
            for link in _objects(span.get("links"))[:MAX_EVENTS]
        ],
    )


def _attributes(pairs: Json, depth: int = 0) -> dict[str, Json]:
    taken: dict[str, Json] = {}
    for pair in pairs[:MAX_ATTRIBUTES] if isinstance(pairs, list) else ():
        if not isinstance(pair, dict) or not isinstance(key := pair.get("key"), str):
            continue
        value = pair.get("value")
        # Most are texts, then whole numbers, and half of the time of this module goes by here.
        if isinstance(value, dict):
            if isinstance(text := value.get("stringValue"), str):
                taken[key] = text
                continue
            if isinstance(text := value.get("intValue"), str) and len(text) <= _DIGITS and text.isdecimal():
                taken[key] = int(text)
                continue
        taken[key] = _value(value, depth)
    return taken


def _value(value: Json, depth: int) -> Json:  # noqa: PLR0911 - one return a kind of value
    for kind, held in value.items() if isinstance(value, dict) else ():
        if kind == "intValue":
            if isinstance(held, str) and len(held) <= _DIGITS and held.isdecimal():
                return int(held)
            return _number(held, int)
        if kind == "doubleValue":
            return held if isinstance(held, float) else _number(held, float)
        if kind in _PLAIN:
            return held if isinstance(held, (str, bool)) else None
        if kind == "arrayValue" and depth < MAX_DEPTH:
            return [_value(item, depth + 1) for item in _objects(_object(held).get("values"))]
        if kind == "kvlistValue" and depth < MAX_DEPTH:
            return _attributes(_object(held).get("values"), depth + 1)
    return None


def _objects(value: Json) -> list[dict[str, Json]]:
    """Take the objects of an array; anything else in it, or instead of it, is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _hex(value: Json, form: re.Pattern[str]) -> str | None:
    return value.lower() if isinstance(value, str) and form.fullmatch(value) else None


def _number(value: Json, kind: type[int | float]) -> int | float | None:
    """Read a number from itself or from text; what is none is unknown, not 0."""
    if not isinstance(value, (int, float, str)) or value is True or value is False:
        return None
    try:
        return kind(value)
    except (ValueError, OverflowError):
        return None


def _time(value: Json) -> int:
    return int(_number(value, int) or 0)


def _enum(value: Json, names: tuple[str, ...], prefix: str) -> str:
    """Read an enum by number or by name; one that is not known counts as the first."""
    number = value if type(value) is int else _number(value, int)
    if number is not None:
        return names[int(number)] if 0 <= number < len(names) else names[0]
    name = _text(value).removeprefix(prefix)
    return name if name in names else names[0]
