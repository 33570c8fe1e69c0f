"""A Messages API inside the process: what is measured with it is Python, and no network.

It tells httpx's `trace` extension the steps that httpcore tells of a kept connection, so that their cost is counted,
and answers after a millisecond, because what is done elsewhere meanwhile is done while a network is awaited. What the
caller's own thread does once the request is sent is counted like all else, and also apart: before a real answer, which
takes hundreds of milliseconds, nobody waits for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from anthropic import _base_client

#: httpx, or httpx2 from anthropic 1.0 on: whichever the SDK uses.
httpx: Any = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]

_STEPS = (
    "http11.send_request_headers.started",
    "http11.send_request_headers.complete",
    "http11.send_request_body.started",
    "http11.send_request_body.complete",
    "http11.receive_response_headers.started",
    "http11.receive_response_headers.complete",
    "http11.receive_response_body.started",
    "http11.receive_response_body.complete",
    "http11.response_closed.started",
    "http11.response_closed.complete",
)
_SENT = 3
WAIT_S = 0.001
#: CPU time of the caller's thread between the request's last byte and the wait for its answer.
while_awaited_ns = 0

HEADERS = [
    ("request-id", "req_0123456789abcdef01234567"),
    ("anthropic-organization-id", "5f0c2c7e-0000-4000-8000-51b01a7ed000"),
    ("server", "cloudflare"),
    ("cf-ray", "0123456789abcdef-FRA"),
    ("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
    *(
        (f"anthropic-ratelimit-{bucket}-{name}", value)
        for bucket in ("requests", "tokens", "input-tokens", "output-tokens")
        for name, value in (("limit", "400000"), ("remaining", "399000"), ("reset", "2026-11-22T12:01:00Z"))
    ),
]
_HEAD = (b"HTTP/1.1", 200, b"OK", [(name.encode(), value.encode()) for name, value in HEADERS])
_MESSAGE: dict[str, Any] = {
    "id": "msg_0123456789abcdef01234567",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "The sea is wide, and the ships are small. " * 5}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 60,
        "service_tier": "standard",
    },
}
_WHOLE = json.dumps(_MESSAGE).encode()


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def events(deltas: int) -> list[bytes]:
    """The chunks of a stream of that many content deltas."""
    delta = _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "The sea is wide. "})
    return [
        _event("message_start", message={**_MESSAGE, "content": [], "stop_reason": None}),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[delta] * deltas,
        _event("content_block_stop", index=0),
        _event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 60}),
        _event("message_stop"),
    ]


class _Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):  # type: ignore[misc]
    """Answers at once: with a Message, or with a stream of `deltas`."""

    def __init__(self, deltas: int) -> None:
        self._chunks = events(deltas)

    def handle_request(self, request: Any) -> Any:
        global while_awaited_ns  # noqa: PLW0603 - one benchmark a process
        trace = request.extensions.get("trace")
        if trace is not None:
            for step in _STEPS[:_SENT]:
                trace(step, {"return_value": None})
            began = time.thread_time_ns()
            trace(_STEPS[_SENT], {"return_value": None})
            while_awaited_ns += time.thread_time_ns() - began
        time.sleep(WAIT_S)
        if trace is not None:
            for step in _STEPS[_SENT + 1 :]:
                trace(step, {"return_value": _HEAD})
        return self._response(request)

    async def handle_async_request(self, request: Any) -> Any:
        trace = request.extensions.get("trace")
        if trace is not None:
            for step in _STEPS[: _SENT + 1]:
                await trace(step, {"return_value": None})
        await asyncio.sleep(WAIT_S)
        if trace is not None:
            for step in _STEPS[_SENT + 1 :]:
                await trace(step, {"return_value": _HEAD})
        return self._response(request)

    def _response(self, request: Any) -> Any:
        if b'"stream":true' in request.content.replace(b" ", b""):
            headers = [*HEADERS, ("content-type", "text/event-stream")]
            return httpx.Response(200, headers=headers, stream=_Chunks(self._chunks))
        return httpx.Response(200, headers=[*HEADERS, ("content-type", "application/json")], stream=_Chunks([_WHOLE]))
