"""Spans for tests: the least that tells of a call, changed by keywords."""

from __future__ import annotations

import json
from typing import Any

from firsttoken.store import SpanRecord

#: 2026-01-01, the start of every span unless said otherwise.
START = 1_767_225_600 * 10**9
SECOND = 10**9


def span(  # noqa: PLR0913 - a span has many sides
    number: int,
    attributes: dict[str, Any] | None = None,
    *,
    trace: int | None = None,
    parent: int | None = None,
    name: str = "chat claude",
    kind: str = "CLIENT",
    scope: str | None = "firsttoken",
    start: int = START,
    seconds: float = 1.0,
    status: str = "UNSET",
    message: str | None = None,
    events: list[dict[str, Any]] | None = None,
    resource: dict[str, Any] | None = None,
) -> SpanRecord:
    """Span `number` of trace `trace` (its own trace unless said otherwise)."""
    return SpanRecord(
        trace_id=f"{number if trace is None else trace:032x}",
        span_id=f"{number:016x}",
        parent_span_id=None if parent is None else f"{parent:016x}",
        name=name,
        kind=kind,
        start_time=start,
        end_time=start + int(seconds * SECOND),
        status_code=status,
        status_message=message,
        scope_name=scope,
        scope_version="1",
        service_name="shop",
        resource=json.dumps({"service.name": "shop"} | (resource or {})),
        attributes=json.dumps(attributes or {}),
        events=json.dumps(events or []),
        links="[]",
    )


def call(number: int, attributes: dict[str, Any] | None = None, **sides: Any) -> SpanRecord:
    """A span of a chat call."""
    least = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude", "gen_ai.provider.name": "anthropic"}
    return span(number, least | (attributes or {}), **sides)
