"""Spans on their way into the store, filtered and encoded, each as a line of JSON.

The one way in: the exporter, the receiver, the importer and `Store.append` all fill a `SpanBatch`, so that nothing
reaches the store or the outbox unfiltered. What it holds is what a segment of the outbox holds and what DuckDB reads:
a span is encoded once, and Python never looks at it again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from .content import ContentFilter, keeps_content
from .records import SpanRecord

try:
    import orjson
except ImportError:  # the plain install has none; the receiver's extra does, and it encodes six times faster
    orjson = None

_KINDS: Final = frozenset({"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"})
_STATUS_CODES: Final = frozenset({"OK", "ERROR"})
LATEST: Final = 2**63 - 2  # one less than DuckDB's infinity
_NAME_LENGTH: Final = 512
_DEEPEST: Final = 16
#: How many of the things that spans have in common are remembered encoded, and how long one may be.
_TOLD: Final = 1000
_TOLD_LENGTH: Final = 2048

#: The members of a span's line, SpanRecord's, and what DuckDB reads them as.
COLUMNS: Final = SpanRecord._fields
TIME_COLUMNS: Final = frozenset({"start_time", "end_time"})
JSON_COLUMNS: Final = frozenset({"resource", "attributes", "events", "links"})


@cache
def _content_filter(keep_content: bool) -> ContentFilter:  # noqa: FBT001 - what it is remembered by
    """One filter for all batches: it remembers what it decided of each attribute's name."""
    return ContentFilter(keep_content=keep_content)


@cache
def _told() -> dict[tuple[str | None, ...], str]:
    """What spans have in common with others, encoded, for all batches: name, kind, status, scope and service."""
    return {}


def _encoder() -> Callable[[object], str]:
    if orjson is not None:
        dumps = orjson.dumps
        return lambda value: dumps(value).decode()
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

    def checked(value: object) -> str:
        text = encode(value)
        text.encode()  # a lone surrogate raises here, not in the database
        return text

    return checked


class SpanBatch:
    """Lines of spans, ready for `Store.append_batch`. Not thread-safe.

    Args:
        keep_content: None asks the environment (`FIRSTTOKEN_KEEP_CONTENT`).
    """

    __slots__ = ("_encode", "_filter", "_resources", "_told", "lines")

    def __init__(self, *, keep_content: bool | None = None, content: ContentFilter | None = None) -> None:
        keep = keeps_content() if keep_content is None else keep_content
        self._filter = content or _content_filter(keep)
        self._encode = _encoder()
        self._resources: dict[int, tuple[Mapping[str, object], str]] = {}
        self._told = _told()
        #: One JSON object a span, without line breaks; its members are SpanRecord's.
        self.lines: list[str] = []

    def __len__(self) -> int:
        return len(self.lines)

    def add(  # noqa: PLR0913 - the columns of a span
        self,
        *,
        trace_id: str,
        span_id: str,
        parent_span_id: str | None,
        name: str,
        kind: str,
        start_time: int,
        end_time: int,
        status_code: str,
        status_message: str | None,
        scope_name: str | None,
        scope_version: str | None,
        resource: Mapping[str, object],
        attributes: Mapping[str, object],
        events: Iterable[Mapping[str, Any]] = (),
        links: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Filters, encodes and adds one span.

        Attribute values are what JSON has (texts, numbers, booleans, None, lists, dicts); others become text, NaN
        becomes null. Times outside of 1970 to 2262 are moved to that range. Pass the same `resource` object for all
        spans of a resource: it is encoded once.
        """
        content = self._filter
        genai = content.is_genai(attributes, scope_name)
        kept_events = content.events(events) if events else ()
        service_name, resource_json = self._resource(resource)
        key = (name, kind, status_code, scope_name, scope_version, service_name)
        told = None if status_message else self._told.get(key)
        if told is None:
            told = self._json(
                {
                    "name": _text(name, _NAME_LENGTH),
                    "kind": kind if kind in _KINDS else "UNSPECIFIED",
                    "status_code": status_code if status_code in _STATUS_CODES else "UNSET",
                    "status_message": _optional(content.status_message(status_message, genai=genai)),
                    "scope_name": _optional(scope_name),
                    "scope_version": _optional(scope_version),
                    "service_name": service_name,
                }
            )
            if not status_message and sum(len(part or "") for part in key) <= _TOLD_LENGTH:
                if len(self._told) >= _TOLD:
                    self._told.clear()
                self._told[key] = told
        parent = parent_span_id or None
        ids = f"{trace_id}{span_id}{parent or ''}"
        if ids.isascii() and ids.isalnum():
            above = f'"{parent}"' if parent else "null"
            ids = f'"trace_id":"{trace_id}","span_id":"{span_id}","parent_span_id":{above}'
        else:  # nobody promises that they are hex
            ids = self._json({"trace_id": trace_id, "span_id": span_id, "parent_span_id": parent})[1:-1]
        start, end = min(max(start_time, 0), LATEST), min(max(end_time, 0), LATEST)
        kept = self._json(content.attributes(attributes, genai=genai))
        events_json = self._json(kept_events) if kept_events else "[]"
        links_json = self._json([_link(link) for link in links]) if links else "[]"
        self.lines.append(
            f'{{{ids},"start_time":{start},"end_time":{end},{told[1:-1]},"resource":{resource_json},'
            f'"attributes":{kept},"events":{events_json},"links":{links_json}}}'
        )

    def add_record(self, record: SpanRecord) -> None:
        """Filters and adds a span whose resource, attributes, events and links are JSON text."""
        self.add(
            trace_id=record.trace_id,
            span_id=record.span_id,
            parent_span_id=record.parent_span_id,
            name=record.name,
            kind=record.kind,
            start_time=record.start_time,
            end_time=record.end_time,
            status_code=record.status_code,
            status_message=record.status_message,
            scope_name=record.scope_name,
            scope_version=record.scope_version,
            resource=_with_service(_object(record.resource), record.service_name),
            attributes=_object(record.attributes),
            events=_objects(record.events),
            links=_objects(record.links),
        )

    def extend(self, other: SpanBatch) -> None:
        """Adds the spans of another batch: several requests, one commit."""
        self.lines.extend(other.lines)

    def _resource(self, resource: Mapping[str, object]) -> tuple[str | None, str]:
        """`service_name` and `resource` of a span."""
        known = self._resources.get(id(resource))
        if known is None or known[0] is not resource:
            known = self._resources[id(resource)] = (resource, self._json(self._filter.resource(resource)))
        service = resource.get("service.name")
        return (_text(service, _NAME_LENGTH) if isinstance(service, str) else None), known[1]

    def _json(self, value: object) -> str:
        try:
            return self._encode(value)
        except (TypeError, ValueError, RecursionError, OverflowError):
            return self._encode(_plain(value, 0))


def _plain(value: object, depth: int) -> object:  # noqa: PLR0911 - one per kind of value
    """`value` as something that every JSON encoder takes: what was odd becomes text, null or a shallower thing."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {_text(str(key)): _plain(inner, depth + 1) for key, inner in items}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in cast("Sequence[object]", value)]
    return _text(str(value))


def _text(value: str, length: int | None = None) -> str:
    """Text that UTF-8 has a form for, without NUL, cut to `length` characters."""
    if length is not None and len(value) > length:
        value = value[:length]
    if value.isascii():
        return value.replace("\0", "") if "\0" in value else value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _optional(value: str | None) -> str | None:
    return _text(value, _NAME_LENGTH) if value else None


def _link(link: Mapping[str, Any]) -> dict[str, str]:
    return {"trace_id": str(link.get("trace_id", "")), "span_id": str(link.get("span_id", ""))}


def _with_service(resource: Mapping[str, object], service_name: str | None) -> Mapping[str, object]:
    if service_name is None or "service.name" in resource:
        return resource
    return {**resource, "service.name": service_name}


def _object(text: str) -> Mapping[str, object]:
    value = _parsed(text)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _objects(text: str) -> list[Mapping[str, Any]]:
    value = _parsed(text)
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", item) for item in cast("list[object]", value) if isinstance(item, dict)]


def _parsed(text: str) -> object:
    if text in {"", "{}", "[]"}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
