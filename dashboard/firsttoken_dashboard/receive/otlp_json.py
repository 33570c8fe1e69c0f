"""OTLP's JSON encoding, into the store's batch.

Walked by hand: protobuf's own JSON reader takes ids for base64 (24 wrong bytes, silently) and refuses the integers that
JavaScript's exporters send. Ids are hex, enums integers (their names are understood too), 64-bit integers strings or
numbers, unknown fields are passed over.
"""

from __future__ import annotations

import contextlib
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
    from collections.abc import Iterator

    from firsttoken.store import SpanBatch
    from firsttoken_dashboard.receive.json_text import Json

_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-fA-F]{32}")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-fA-F]{16}")
#: Digits of the largest number of 64 bits.
_DIGITS: Final = 19
_PLAIN: Final = frozenset({"stringValue", "boolValue", "bytesValue"})
#: What stands between two spans as a collector writes them. In a text it cannot stand: its quotes would be escaped.
_BETWEEN_SPANS: Final = b'},{"traceId":"'
_SPANS: Final = b'"spans":'
#: The numbers that stand for them begin here: no exporter writes such a number where a span belongs.
_APART: Final = 10**17
#: Parts of a document that are not worth it.
_FEW: Final = 4
#: One of these makes an object OTLP; the latter two are other signals in a file that holds all of them.
_SIGNALS: Final = ("resourceSpans", "resourceMetrics", "resourceLogs")


def decode(body: bytes, decoded: Decoded) -> None:
    """Add the spans of a request, or of a line of a collector's file, to `decoded`; bad ones are counted there.

    Raises:
        UndecodableError: the bytes are no JSON object with `resourceSpans`; an empty object is an empty request.
    """
    parts = body.split(_BETWEEN_SPANS)
    if len(parts) <= _FEW or not _added_apart(parts, decoded):
        _add(_loads(body), decoded, {})


def _added_apart(parts: list[bytes], decoded: Decoded) -> bool:
    """Add the spans of a document in `parts`, one by one; False, and nothing added, where it has to be read as a whole.

    That is where what lay between was no span, as between two links of one.
    """
    before, refused = len(decoded.spans), decoded.refused.copy()
    apart: dict[int, bytes] = {}
    with contextlib.suppress(UndecodableError):
        _add(_loads(_skeleton(parts, apart)), decoded, apart)
        if not apart:
            return True
    del decoded.spans.lines[before:]
    decoded.refused = refused
    return False


def _skeleton(parts: list[bytes], apart: dict[int, bytes]) -> bytes:
    """The document with numbers instead of the spans that stand between two others of one scope; those go to `apart`.

    A document of a thousand spans is some twenty megabytes of objects. One after the other, the spans take a part of
    the time, because each uses the memory of the one before.
    """
    kept = [parts[0], b"}"]
    for number in range(1, len(parts) - 1):
        part = parts[number]
        if _SPANS in part:  # the end of one scope, and the beginning of another
            kept.append(b',{"traceId":"%b}' % part)
        else:
            kept.append(b",%d" % (_APART + number))
            apart[_APART + number] = part
    kept += [b',{"traceId":"', parts[-1]]
    return b"".join(kept)


def _loads(text: bytes) -> Json:
    try:
        return loads(text)
    except (ValueError, RecursionError) as error:
        raise UndecodableError(f"the body is no JSON: {error}") from None


def _add(document: Json, decoded: Decoded, apart: dict[int, bytes]) -> None:
    if not isinstance(document, dict) or (document and not any(signal in document for signal in _SIGNALS)):
        raise UndecodableError("the body is no JSON object with resourceSpans")
    for resource_spans in _objects(document.get("resourceSpans")):
        _add_resource(decoded, resource_spans, apart)


def _add_resource(decoded: Decoded, resource_spans: dict[str, Json], apart: dict[int, bytes]) -> None:
    resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
    for scope_spans in _objects(resource_spans.get("scopeSpans")):
        scope = _object(scope_spans.get("scope"))
        for span in _spans(scope_spans.get("spans"), apart):
            trace_id, span_id = _hex(span.get("traceId"), _TRACE_ID), _hex(span.get("spanId"), _SPAN_ID)
            if trace_id is None:
                decoded.refused["traceId is not 32 hex digits, or all zero"] += 1
            elif span_id is None:
                decoded.refused["spanId is not 16 hex digits, or all zero"] += 1
            else:
                _add_span(decoded.spans, (trace_id, span_id), span, scope, resource)


def _spans(value: Json, apart: dict[int, bytes]) -> Iterator[dict[str, Json]]:
    """The spans of one scope; a number stands for one in `apart`, where it is taken out."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item
        elif type(item) is int and item in apart:
            span = _loads(b'{"traceId":"%b}' % apart.pop(item))
            if isinstance(span, dict):
                yield span


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
        if type(value) is dict:
            text = value.get("stringValue")
            if type(text) is str:
                taken[key] = text
                continue
            text = value.get("intValue")
            if type(text) is str and len(text) <= _DIGITS and text.isdecimal():
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
