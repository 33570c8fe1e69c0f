"""An answer as the Messages API sends it: the event sequence with its times, and the JSON of the whole message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firsttoken_dashboard.demo.api.answer import Answer, Part
from firsttoken_dashboard.demo.api.cache import CacheUse

PLACEHOLDER_OUTPUT_TOKENS = 1
"""What `message_start` says of output tokens, which are not known yet."""
SIGNATURE = "EqQBCgIYAhIkc2ltdWxhdGVk"


@dataclass(frozen=True, slots=True)
class Pace:
    """When things are sent, seconds from the request's last byte."""

    headers_s: float
    ttft_s: float
    tokens_per_second: float
    tokens_per_delta: int
    stall_after: int | None = None
    stall_s: float = 0.0

    def at(self, tokens_before: int) -> float:
        """When the token after so many others is there."""
        stalled = self.stall_after is not None and tokens_before >= self.stall_after
        return self.ttft_s + tokens_before / self.tokens_per_second + (self.stall_s if stalled else 0.0)


@dataclass(frozen=True, slots=True)
class Step:
    """One write to the stream: due `at_s`; `done` output tokens have been produced by then."""

    at_s: float
    data: bytes
    done: int
    tokens: int = 0
    is_delta: bool = False
    is_text: bool = False


def usage_json(use: CacheUse, tier: dict[str, Any]) -> dict[str, Any]:
    """The input side of `usage`: three counters that add up, and the split of the writes."""
    return {
        "input_tokens": use.uncached,
        "cache_creation_input_tokens": use.write_5m + use.write_1h,
        "cache_read_input_tokens": use.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": use.write_5m,
            "ephemeral_1h_input_tokens": use.write_1h,
        },
        **tier,
    }


def message_json(answer: Answer, message_id: str, model: str, usage: dict[str, Any]) -> dict[str, Any]:
    """The whole message of a call that does not stream."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [_whole(part) for part in answer.parts],
        "stop_reason": answer.stop_reason,
        "stop_sequence": answer.stop_sequence,
        "usage": {**usage, **_output_usage(answer)},
    }


def message_start(message_id: str, model: str, usage: dict[str, Any]) -> bytes:
    """The first event, which goes out together with the head of the response."""
    empty = message_json(Answer([], "end_turn"), message_id, model, usage)
    started = {**empty, "stop_reason": None, "usage": {**usage, "output_tokens": PLACEHOLDER_OUTPUT_TOKENS}}
    return sse("message_start", message=started)


def steps(answer: Answer, pace: Pace, usage: dict[str, Any]) -> Iterator[Step]:
    """Everything after `message_start`, in order and with times that never go back."""
    done = 0
    for index, part in enumerate(answer.parts):
        opening = sse("content_block_start", index=index, content_block=_opening(part))
        if index == 0:  # the API sends one ping right after the first block has been opened
            opening += sse("ping")
        yield from _part_steps(part, index, done, pace, opening)
        done += part.tokens
        yield Step(pace.at(max(0, done - 1)), sse("content_block_stop", index=index), done)
    end_s = pace.at(max(0, done - 1))
    delta = {"stop_reason": answer.stop_reason, "stop_sequence": answer.stop_sequence}
    counted = {key: usage[key] for key in usage if key == "iterations" or key.endswith("input_tokens")}
    yield Step(end_s, sse("message_delta", delta=delta, usage={**counted, **_output_usage(answer)}), done)
    yield Step(end_s, sse("message_stop"), done)


def sse(name: str, **data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def _part_steps(part: Part, index: int, done: int, pace: Pace, opening: bytes) -> Iterator[Step]:
    """Opening and deltas of a block; the first delta brings one token, so that TTFT and decode rate are both exact."""
    if part.kind == "thinking" and not part.shown:
        # Nothing to see while the model thinks: the block opens at once, its signature comes when it is through.
        yield Step(pace.at(done), opening, done)
        signature = {"type": "signature_delta", "signature": SIGNATURE}
        end_s = pace.at(done + part.tokens - 1)
        yield Step(
            end_s, sse("content_block_delta", index=index, delta=signature), done + part.tokens, 0, is_delta=True
        )
        return
    first = 0
    while first < part.tokens:
        last = min(part.tokens, first + pace.tokens_per_delta) if first else 1
        begin, end = (len(part.content) * edge // part.tokens for edge in (first, last))
        data = sse("content_block_delta", index=index, delta=_delta(part, part.content[begin:end]))
        at_s = pace.at(done + last - 1)
        yield Step(at_s, opening + data, done + last, last - first, is_delta=True, is_text=part.kind == "text")
        first, opening = last, b""
    if part.kind == "thinking":
        signature = {"type": "signature_delta", "signature": SIGNATURE}
        end_s = pace.at(done + part.tokens - 1)
        yield Step(
            end_s, sse("content_block_delta", index=index, delta=signature), done + part.tokens, 0, is_delta=True
        )


def _delta(part: Part, content: str) -> dict[str, Any]:
    match part.kind:
        case "compaction":
            return {"type": "compaction_delta", "content": content}
        case "thinking":
            return {"type": "thinking_delta", "thinking": content}
        case "tool_use":
            return {"type": "input_json_delta", "partial_json": content}
        case "text":
            return {"type": "text_delta", "text": content}


def _opening(part: Part) -> dict[str, Any]:
    match part.kind:
        case "compaction":
            return {"type": "compaction", "content": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "tool_use":
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        case "text":
            return {"type": "text", "text": ""}


def _whole(part: Part) -> dict[str, Any]:
    match part.kind:
        case "compaction":
            return {"type": "compaction", "content": part.content}
        case "thinking":
            return {"type": "thinking", "thinking": part.content, "signature": SIGNATURE}
        case "tool_use":
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": _input(part.content)}
        case "text":
            return {"type": "text", "text": part.content}


def _input(content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError:  # cut off by max_tokens
        return {}


def _output_usage(answer: Answer) -> dict[str, Any]:
    usage: dict[str, Any] = {"output_tokens": answer.output_tokens}
    if answer.thinking_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": answer.thinking_tokens}
    return usage
