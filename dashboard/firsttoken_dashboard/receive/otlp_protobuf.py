"""OTLP's protobuf encoding, into the store's batch.

`TracesData` (what files hold) and `ExportTraceServiceRequest` (what clients send) are the same bytes.

Most of what a span costs are its attributes, and most of those say the same in every span: the model, the address, the
line of code. So they are parsed as bytes first, and what the same bytes came to the last time is taken again.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, cast

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

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
from firsttoken_dashboard.receive.utf8_repair import NotAMessageError, repaired

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

    from firsttoken.store import SpanBatch
    from firsttoken_dashboard.receive.json_text import Json

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
#: Attributes of which is remembered what they came to; with more, they leave the processor's cache. And how many bytes
#: one of them may have.
_REMEMBERED: Final = 1024
_REMEMBERED_LENGTH: Final = 256
_remembered: dict[bytes, tuple[str, Json]] = {}


def _with_attributes_as_bytes() -> type[ExportTraceServiceRequest]:
    """Make a class for the same message, whose spans hold each attribute as the bytes of a `KeyValue`."""
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, trace_service_pb2):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            if message.name == "Span":
                (attributes,) = (field for field in message.field if field.name == "attributes")
                attributes.type = FieldDescriptorProto.TYPE_BYTES
                attributes.ClearField("type_name")
        pool.AddSerializedFile(file.SerializeToString())
    made = GetMessageClass(pool.FindMessageTypeByName(ExportTraceServiceRequest.DESCRIPTOR.full_name))
    return cast("type[ExportTraceServiceRequest]", made)


_Request: Final = _with_attributes_as_bytes()


def decode(body: bytes, decoded: Decoded) -> None:
    """Add a request's spans to `decoded`; those that cannot be stored are counted there, their neighbours kept.

    Raises:
        UndecodableError: the bytes are no such message; nothing is added.
    """
    taken = Decoded()
    try:
        for resource_spans in _parsed(body).resource_spans:
            _add_resource(taken, resource_spans)
    except (DecodeError, NotAMessageError) as error:
        raise UndecodableError(f"the body is no OTLP protobuf: {error}") from None
    decoded.spans.extend(taken.spans)
    decoded.refused.update(taken.refused)


def _parsed(body: bytes) -> ExportTraceServiceRequest:
    try:
        return _Request.FromString(body)
    except DecodeError:
        return _Request.FromString(repaired(body, _Request.DESCRIPTOR))


def _add_resource(decoded: Decoded, resource_spans: ResourceSpans) -> None:
    resource = _attributes(resource_spans.resource.attributes)
    for scope_spans in resource_spans.scope_spans:
        scope = scope_spans.scope
        name, version = scope.name, scope.version
        for span in scope_spans.spans:
            if len(span.trace_id) != len(_NO_TRACE) or span.trace_id == _NO_TRACE:
                decoded.refused["trace_id is not 16 bytes, or all zero"] += 1
            elif len(span.span_id) != len(_NO_SPAN) or span.span_id == _NO_SPAN:
                decoded.refused["span_id is not 8 bytes, or all zero"] += 1
            else:
                _add_span(decoded.spans, span, name, version, resource)


def _add_span(batch: SpanBatch, span: Span, scope_name: str, scope_version: str, resource: dict[str, Json]) -> None:
    parent, kind, status = span.parent_span_id, span.kind, span.status
    attributes = _remembered_attributes(cast("Sequence[bytes]", span.attributes))
    if span.trace_state:
        attributes.update(told_by_sampler(span.trace_state))
    batch.add(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=parent.hex() if len(parent) == len(_NO_SPAN) and parent != _NO_SPAN else None,
        name=span.name,
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else KINDS[0],
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano,
        status_code=STATUS_CODES[status.code] if 0 <= status.code < len(STATUS_CODES) else STATUS_CODES[0],
        status_message=status.message,
        scope_name=scope_name,
        scope_version=scope_version,
        resource=resource,
        attributes=attributes,
        events=[
            {"name": event.name, "time": event.time_unix_nano, "attributes": _attributes(event.attributes)}
            for event in (span.events[:MAX_EVENTS] if span.events else ())
        ],
        links=[
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()}
            for link in (span.links[:MAX_EVENTS] if span.links else ())
        ],
    )


def _remembered_attributes(pairs: Sequence[bytes]) -> dict[str, Json]:
    taken: dict[str, Json] = {}
    for pair in pairs[:MAX_ATTRIBUTES]:
        name, value = _remembered.get(pair) or _attribute(pair)
        taken[name] = value
    return taken


def _attribute(data: bytes) -> tuple[str, Json]:
    try:
        pair = KeyValue.FromString(data)
    except DecodeError:
        pair = KeyValue.FromString(repaired(data, KeyValue.DESCRIPTOR))
    value = pair.value
    taken = pair.key, value.string_value or _value(value, 0)
    if len(data) <= _REMEMBERED_LENGTH:
        if len(_remembered) >= _REMEMBERED:
            _remembered.clear()
        _remembered[data] = taken
    return taken


def _attributes(pairs: Iterable[KeyValue], depth: int = 0) -> dict[str, Json]:
    taken: dict[str, Json] = {}
    for pair in pairs:
        if len(taken) == MAX_ATTRIBUTES:
            break
        value = pair.value
        # Most are texts, and to ask for one is cheaper than to ask which kind it is.
        taken[pair.key] = value.string_value or _value(value, depth)
    return taken


def _value(value: AnyValue, depth: int) -> Json:  # noqa: PLR0911 - one return a kind of value
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "double_value":
        return value.double_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if depth < MAX_DEPTH:
        if kind == "array_value":
            return [_value(item, depth + 1) for item in value.array_value.values]
        if kind == "kvlist_value":
            return _attributes(value.kvlist_value.values, depth + 1)
    return None
