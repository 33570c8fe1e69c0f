"""What the API answered: response, usage and headers as attributes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from firsttoken import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.util.types import AttributeValue

_IDS = {
    b"request-id": a.REQUEST_ID,
    b"anthropic-organization-id": a.ORGANIZATION_ID,
    b"anthropic-workspace-id": a.WORKSPACE_ID,
}
_RATELIMIT = b"anthropic-ratelimit-"
_RATELIMITS = {
    f"anthropic-ratelimit-{bucket.replace('_', '-')}-{value}".encode(): (
        f"{a.RATELIMIT_PREFIX}{bucket}.{value}",
        value == "reset",
    )
    for bucket in a.RATELIMIT_BUCKETS
    for value in a.RATELIMIT_VALUES
}


def get(value: object, name: str) -> Any:
    """A field of a model or of a decoded body; None where there is none."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(name)
    return getattr(value, name, None)


class Usage(NamedTuple):
    """Token counts as the API sent them; None is not reported."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    write_5m: int | None = None
    write_1h: int | None = None
    output: int | None = None
    thinking: int | None = None

    @property
    def total_input(self) -> int | None:
        """All input tokens: the API's `input_tokens` are only those after the last cache marker."""
        if self.input is None:
            return None
        return self.input + (self.cache_read or 0) + (self.cache_write or 0)


def usage_of(usage: object, earlier: Usage | None = None) -> Usage:
    """Token counts of a `usage` object; what it leaves out is as in `earlier` (a stream sends two of them)."""
    before = earlier or Usage()
    creation = get(usage, "cache_creation")
    details = get(usage, "output_tokens_details")

    def count(holder: object, name: str, fallback: int | None) -> int | None:
        value = get(holder, name)
        return value if isinstance(value, int) and not isinstance(value, bool) else fallback

    return Usage(
        input=count(usage, "input_tokens", before.input),
        cache_read=count(usage, "cache_read_input_tokens", before.cache_read),
        cache_write=count(usage, "cache_creation_input_tokens", before.cache_write),
        write_5m=count(creation, "ephemeral_5m_input_tokens", before.write_5m),
        write_1h=count(creation, "ephemeral_1h_input_tokens", before.write_1h),
        output=count(usage, "output_tokens", before.output),
        thinking=count(details, "thinking_tokens", before.thinking),
    )


def usage_attributes(usage: Usage) -> dict[str, AttributeValue]:
    """`gen_ai.usage.*` and the split of cache writes."""
    named = (
        (a.INPUT_TOKENS, usage.total_input),
        (a.CACHE_READ_TOKENS, usage.cache_read),
        (a.CACHE_WRITE_TOKENS, usage.cache_write),
        (a.CACHE_WRITE_5M_TOKENS, usage.write_5m),
        (a.CACHE_WRITE_1H_TOKENS, usage.write_1h),
        (a.OUTPUT_TOKENS, usage.output),
        (a.REASONING_OUTPUT_TOKENS, usage.thinking),
    )
    return {name: value for name, value in named if value is not None}


def served_attributes(usage: object) -> dict[str, AttributeValue]:
    """What `usage` says beside tokens: speed, geography, server tools."""
    found: dict[str, AttributeValue] = {}
    for field, attribute in (
        ("speed", a.SPEED),
        ("inference_geo", a.INFERENCE_GEO),
        ("service_tier", a.RESPONSE_SERVICE_TIER),
    ):
        value = get(usage, field)
        if isinstance(value, str):
            found[attribute] = value
    server_tools = get(usage, "server_tool_use")
    if server_tools is not None:
        counts = [
            f"{name.removesuffix('_requests')}:{count}"
            for name, count in _fields(server_tools)
            if isinstance(count, int) and count
        ]
        if counts:
            found[a.SERVER_TOOL_COUNTS] = counts
    return found


def _fields(model: object) -> Iterable[tuple[str, object]]:
    if isinstance(model, dict):
        return cast("dict[str, object]", model).items()
    return cast("dict[str, object]", getattr(model, "__dict__", {})).items()


def message_attributes(message: object) -> dict[str, AttributeValue]:
    """A Message's id, model and stop reason, under the semantic conventions' names and the SDK's."""
    found: dict[str, AttributeValue] = {}
    for field, attribute in (("id", a.RESPONSE_ID), ("model", a.RESPONSE_MODEL), ("stop_reason", a.STOP_REASON)):
        value = get(message, field)
        if isinstance(value, str):
            found[attribute] = value
    return found


def block_counts(kinds: Counter[str]) -> list[str]:
    """`firsttoken.response.blocks`: `kind:count` of the answer's blocks."""
    return [f"{kind}:{count}" for kind, count in sorted(kinds.items())]


class Answer:
    """What a Message holds, as far as it was seen. Its text stays in memory, for `depends_on`, and goes nowhere."""

    __slots__ = ("kinds", "message", "output_known", "served", "stop_reason", "text", "tool_use_ids", "usage")

    def __init__(self) -> None:
        self.message: dict[str, AttributeValue] = {}
        self.usage: Usage | None = None
        self.output_known = False
        self.served: dict[str, AttributeValue] = {}
        self.stop_reason: str | None = None
        self.kinds: Counter[str] = Counter()
        self.text: list[str] = []
        self.tool_use_ids: list[str] = []

    def read_message(self, message: object) -> None:
        """A whole Message, as a model or decoded."""
        self.message = message_attributes(message)
        usage = get(message, "usage")
        if usage is not None:
            self.usage = usage_of(usage)
            self.served = served_attributes(usage)
            self.output_known = True
        stop_reason = get(message, "stop_reason")
        self.stop_reason = stop_reason if isinstance(stop_reason, str) else None
        for block in get(message, "content") or ():
            self.read_block(block)
            text = get(block, "text")
            if isinstance(text, str):
                self.text.append(text)

    def read_block(self, block: object) -> None:
        """A content block, or the start of one."""
        kind = get(block, "type")
        if not isinstance(kind, str):
            return
        self.kinds[kind] += 1
        if kind == "tool_use":
            tool_use_id = get(block, "id")
            if isinstance(tool_use_id, str):
                self.tool_use_ids.append(tool_use_id)

    def read_start(self, message: object) -> None:
        """The Message of `message_start`: its output tokens are a placeholder."""
        self.message = message_attributes(message)
        usage = get(message, "usage")
        if usage is not None:
            self.usage = usage_of(usage)._replace(output=None, thinking=None)
            self.served = served_attributes(usage)

    def read_delta(self, event: object) -> None:
        """`message_delta`: the stop reason and the final counts."""
        stop_reason = get(get(event, "delta"), "stop_reason")
        if isinstance(stop_reason, str):
            self.stop_reason = stop_reason
            self.message[a.STOP_REASON] = stop_reason
        usage = get(event, "usage")
        if usage is not None:
            self.usage = usage_of(usage, self.usage)
            self.served |= served_attributes(usage)
            self.output_known = True

    def attributes(self) -> dict[str, AttributeValue]:
        """All of it but the text."""
        found = self.message | self.served
        if self.stop_reason is not None:
            found[a.RESPONSE_FINISH_REASONS] = [self.stop_reason]
        if self.usage is not None:
            found |= usage_attributes(self.usage)
            total = self.usage.total_input
            if total and self.usage.cache_read is not None:
                found[a.CACHE_HIT_RATIO] = self.usage.cache_read / total
        if self.kinds:
            found[a.RESPONSE_BLOCKS] = block_counts(self.kinds)
        return found


def header_attributes(raw: Iterable[tuple[bytes, bytes]], *, ids: bool) -> dict[str, AttributeValue]:
    """Rate limits, and with `ids` the request's ids, in one pass over the raw response headers."""
    found: dict[str, AttributeValue] = {}
    for name, value in raw:
        key = name.lower()
        if key.startswith(_RATELIMIT):
            known = _RATELIMITS.get(key)
            if known is not None:
                number = _reset_s(value) if known[1] else _integer(value)
                if number is not None:
                    found[known[0]] = number
        elif ids and key in _IDS:
            found[_IDS[key]] = value.decode("latin-1")
    return found


def retry_after_s(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds of `retry-after-ms` or `retry-after`; None where neither was sent as a number."""
    found: float | None = None
    for name, value in headers:
        key = name.lower()
        if key not in {b"retry-after", b"retry-after-ms"}:
            continue
        try:
            seconds = float(value)
        except ValueError:
            continue
        if key == b"retry-after-ms":
            return seconds / 1000
        found = seconds
    return found


def _integer(value: bytes) -> int | None:
    return int(value) if value.isdigit() else None


def _reset_s(value: bytes) -> float | None:
    try:
        moment = datetime.fromisoformat(value.decode("ascii").replace("Z", "+00:00"))
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds()) if moment.tzinfo else None
