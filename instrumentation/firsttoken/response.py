"""What the API answered: response, usage and headers as attributes."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from firsttoken import attributes as a

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.util.types import AttributeValue


def get(value: object, name: str) -> Any:
    """A field of a model or of a decoded body; None where there is none."""
    return fields_of(value).get(name)


def fields_of(value: object) -> dict[str, Any]:
    """The fields of a model or of a decoded body; of anything else none.

    Not by `getattr`: pydantic takes a microsecond to say that a field is missing.
    """
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    fields: dict[str, Any] = getattr(value, "__dict__", _NONE)
    # What the API sends and this version of the SDK does not know yet.
    extra: dict[str, Any] | None = getattr(value, "__pydantic_extra__", None)
    return {**extra, **fields} if extra else fields


_NONE: dict[str, Any] = {}


class Usage(dict[str, int]):
    """Token counts as the API sent them, by the attribute that each becomes; what is not reported is absent.

    `uncached` is not among them: the API's `input_tokens` are only those after the last cache marker, and an
    attribute of all input is made of three counts.
    """

    __slots__ = ("uncached",)

    def __init__(self) -> None:
        self.uncached: int | None = None

    def read(self, usage: object) -> None:
        """A `usage` object; what it leaves out stays as it was (a stream sends two of them)."""
        fields = fields_of(usage)
        uncached = fields.get("input_tokens")
        if type(uncached) is int:
            self.uncached = uncached
        for field, attribute in _COUNTS:
            count = fields.get(field)
            if type(count) is int:
                self[attribute] = count
        for field, parts in _PARTS:
            part = fields.get(field)
            if part is not None:
                counts = fields_of(part)
                for name, attribute in parts:
                    count = counts.get(name)
                    if type(count) is int:
                        self[attribute] = count
        iterations = fields.get("iterations")
        if isinstance(iterations, list) and iterations:
            self._read_compactions(cast("list[object]", iterations))

    def _read_compactions(self, iterations: list[object]) -> None:
        """What summing up (compaction) took: the API bills it, and leaves it out of the other counts."""
        summaries = [entry for entry in map(fields_of, iterations) if entry.get("type") == "compaction"]
        if summaries:
            for attribute, fields in _COMPACTION:
                counts = [entry.get(field) for entry in summaries for field in fields]
                self[attribute] = sum(count for count in counts if type(count) is int)

    def add_to(self, found: dict[str, AttributeValue]) -> None:
        """`gen_ai.usage.*`, the split of cache writes, and the share of the input that the cache had."""
        found.update(self)
        if self.uncached is not None:
            read = self.get(a.CACHE_READ_TOKENS)
            found[a.INPUT_TOKENS] = total = self.uncached + (read or 0) + self.get(a.CACHE_WRITE_TOKENS, 0)
            if total and read is not None:
                found[a.CACHE_HIT_RATIO] = read / total


_FINAL_AT_THE_END = (
    a.OUTPUT_TOKENS,
    a.REASONING_OUTPUT_TOKENS,
    a.COMPACTION_INPUT_TOKENS,
    a.COMPACTION_OUTPUT_TOKENS,
)
_COMPACTION = (
    (a.COMPACTION_INPUT_TOKENS, ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")),
    (a.COMPACTION_OUTPUT_TOKENS, ("output_tokens",)),
)
_COUNTS = (
    ("cache_read_input_tokens", a.CACHE_READ_TOKENS),
    ("cache_creation_input_tokens", a.CACHE_WRITE_TOKENS),
    ("output_tokens", a.OUTPUT_TOKENS),
)
_PARTS = (
    (
        "cache_creation",
        (
            ("ephemeral_5m_input_tokens", a.CACHE_WRITE_5M_TOKENS),
            ("ephemeral_1h_input_tokens", a.CACHE_WRITE_1H_TOKENS),
        ),
    ),
    ("output_tokens_details", (("thinking_tokens", a.REASONING_OUTPUT_TOKENS),)),
)


def add_served(usage: object, found: dict[str, AttributeValue]) -> None:
    """What `usage` says beside tokens: speed, geography, service tier, server tools."""
    fields = fields_of(usage)
    for field, attribute in _SERVED:
        value = fields.get(field)
        if isinstance(value, str):
            found[attribute] = value
    server_tools = fields.get("server_tool_use")
    if server_tools is not None:
        counts = tuple(
            f"{name.removesuffix('_requests')}:{count}"
            for name, count in fields_of(server_tools).items()
            if isinstance(count, int) and count
        )
        if counts:
            found[a.SERVER_TOOL_COUNTS] = counts


_SERVED = (("speed", a.SPEED), ("inference_geo", a.INFERENCE_GEO), ("service_tier", a.RESPONSE_SERVICE_TIER))
_NAMED = (("id", a.RESPONSE_ID), ("model", a.RESPONSE_MODEL), ("stop_reason", a.STOP_REASON))


class Answer:
    """What a Message holds, as far as it was seen. Its text stays in memory, for `depends_on`, and goes nowhere."""

    __slots__ = ("_found", "kinds", "text", "tool_use_ids", "usage")

    def __init__(self) -> None:
        self.usage = Usage()
        self.kinds: dict[str, int] = {}
        self.text: list[str] = []
        self.tool_use_ids: list[str] = []
        self._found: dict[str, AttributeValue] = {}

    def read_message(self, message: object) -> None:
        """A whole Message, as a model or decoded."""
        fields = fields_of(message)
        self._read_head(fields)
        content = fields.get("content")
        for block in cast("list[object]", content) if isinstance(content, list) else ():
            text = self.read_block(block)
            if isinstance(text, str):
                self.text.append(text)

    def read_block(self, block: object) -> object:
        """A content block, or the start of one; returns its text."""
        fields = fields_of(block)
        kind = fields.get("type")
        if isinstance(kind, str):
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind == "tool_use":
                self.tool_use_ids.append(str(fields.get("id")))
        return fields.get("text")

    def read_start(self, message: object) -> None:
        """The Message of `message_start`: its output tokens, and what is counted with them, are placeholders."""
        self._read_head(fields_of(message))
        for attribute in _FINAL_AT_THE_END:
            self.usage.pop(attribute, None)

    def read_delta(self, event: object) -> None:
        """`message_delta`: the stop reason and the final counts."""
        fields = fields_of(event)
        stop_reason = get(fields.get("delta"), "stop_reason")
        if isinstance(stop_reason, str):
            self._found[a.STOP_REASON] = stop_reason
        self._read_usage(fields.get("usage"))

    def add_to(self, found: dict[str, AttributeValue]) -> None:
        """All of it but the text."""
        found.update(self._found)
        stop_reason = self._found.get(a.STOP_REASON)
        if isinstance(stop_reason, str):
            found[a.RESPONSE_FINISH_REASONS] = (stop_reason,)
        self.usage.add_to(found)
        if self.kinds:
            found[a.RESPONSE_BLOCKS] = tuple([f"{kind}:{self.kinds[kind]}" for kind in sorted(self.kinds)])

    def _read_head(self, fields: dict[str, Any]) -> None:
        for field, attribute in _NAMED:
            value = fields.get(field)
            if isinstance(value, str):
                self._found[attribute] = value
        self._read_usage(fields.get("usage"))

    def _read_usage(self, usage: object) -> None:
        if usage is not None:
            self.usage.read(usage)
            add_served(usage, self._found)


def header_attributes(raw: Iterable[tuple[bytes, bytes]], answered_at: float, found: dict[str, AttributeValue]) -> None:
    """Adds the request's ids and the rate limits. Resets count from `answered_at`, in seconds since the epoch."""
    for name, value in raw:
        known = _HEADERS.get(name.lower())
        if known is None:
            continue
        attribute, kind = known
        if kind is _COUNT:
            if value.isdigit():
                found[attribute] = int(value)
        elif kind is _TEXT:
            found[attribute] = value.decode("latin-1")
        else:
            moment = _moment(value)
            if moment is not None:
                found[attribute] = max(0.0, moment - answered_at)


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


@lru_cache(maxsize=64)  # the four of an answer are mostly the same, and those of the next one too
def _moment(value: bytes) -> float | None:
    try:
        moment = datetime.fromisoformat(value.decode("ascii").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


_COUNT, _RESET, _TEXT = "count", "reset", "text"
_HEADERS: dict[bytes, tuple[str, str]] = {
    b"request-id": (a.REQUEST_ID, _TEXT),
    b"anthropic-organization-id": (a.ORGANIZATION_ID, _TEXT),
    b"anthropic-workspace-id": (a.WORKSPACE_ID, _TEXT),
    **{
        f"anthropic-ratelimit-{bucket.replace('_', '-')}-{value}".encode(): (
            f"{a.RATELIMIT_PREFIX}{bucket}.{value}",
            _RESET if value == "reset" else _COUNT,
        )
        for bucket in a.RATELIMIT_BUCKETS
        for value in a.RATELIMIT_VALUES
    },
}
