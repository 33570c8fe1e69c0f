"""Requests are hashed when somebody looks at their spans, by who looks; by a thread of ours where nobody else can."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from firsttoken import AnthropicInstrumentor, background
from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request

TOOL: dict[str, Any] = {"name": "look", "description": "Look it up", "input_schema": {"type": "object"}}
FACTS = "Seven lighthouses stand on the northern shore, and the oldest of them was built from red granite in winter."


@pytest.fixture
def client(claude_api: LookAlike) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        yield client


@pytest.fixture(autouse=True)
def nobody_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that begins: nothing waits, and no span was looked at while it ended."""
    monkeypatch.setattr(background, "_looked_at_once", False)
    background._waiting.clear()


def until(done: Any, timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert done()


def test_while_the_application_calls_nothing_is_read(client: Any, recorded: Recording) -> None:
    client.messages.create(**request(output_tokens=9))
    assert len(background._waiting) == 2
    assert a.REQUEST_HASH in recorded.call().attributes


def test_who_looks_at_a_later_call_has_those_before_it_read_too_in_their_order(
    client: Any, recorded: Recording
) -> None:
    with trace.get_tracer("application").start_as_current_span("job"):
        answer = client.messages.create(**request(text=FACTS)).content[0].text
        client.messages.create(**{**request(), "messages": [{"role": "user", "content": answer}]})
    last = CallSpan(recorded.calls[1])
    first = CallSpan(recorded.calls[0])
    assert last[a.DEPENDS_ON] == (f"{first.span_id:016x}:1",)
    assert first[a.DEPENDS_ON] == ()


def test_many_threads_that_look_at_once_find_all(client: Any, recorded: Recording) -> None:
    for _ in range(40):
        client.messages.create(**request(output_tokens=9))
    found: list[CallSpan] = []

    def look(part: int) -> None:
        found.extend(map(CallSpan, recorded.calls[part::4]))

    threads = [threading.Thread(target=look, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({call.span_id for call in found}) == 40
    assert all(call[a.OUTPUT_TOKENS] == 9 and a.REQUEST_HASH in call.attributes for call in found)


class LooksAtOnce(SpanProcessor):
    """Looks at a span while it ends, as a SimpleSpanProcessor's exporter does."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.seen.append(dict(span.attributes or {}))


def test_who_looks_while_a_span_ends_gets_all_of_it(client: Any) -> None:
    provider, processor = TracerProvider(), LooksAtOnce()
    provider.add_span_processor(processor)
    AnthropicInstrumentor().instrument(tracer_provider=provider)
    try:
        for _ in range(3):
            client.messages.create(**request(output_tokens=9))
    finally:
        AnthropicInstrumentor().uninstrument()
    calls = [seen for seen in processor.seen if a.CLIENT_ID in seen]
    assert [call[a.OUTPUT_TOKENS] for call in calls] == [9, 9, 9]
    assert all(a.REQUEST_HASH in call for call in calls)
    assert background._looked_at_once


def test_who_looks_while_a_span_ends_does_not_wait_for_long(
    client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that is at something else keeps the application for a millisecond, and no longer."""
    monkeypatch.setattr(background, "HASH_WAIT_S", 0.001)
    client.messages.create(**request(output_tokens=9))
    call = cast("Any", background._waiting[0])
    call.request_body = b"{}"  # as if it were not read yet
    call.ending_in = threading.get_ident()
    with background._reading:
        began = time.perf_counter()
        assert background.looked_at(call) is None
        assert time.perf_counter() - began < 0.2
    assert recorded.calls


def test_a_large_request_is_hashed_while_its_answer_is_awaited(client: Any, recorded: Recording) -> None:
    text = "The sea is wide and the ships upon it are small. " * 3000
    client.messages.create(**{**request(headers_s=0.2, ttft_s=0.2), "messages": [{"role": "user", "content": text}]})
    assert len(background._waiting) == 1  # its answer, which the next one needs
    assert a.REQUEST_HASH in recorded.call().attributes


def test_requests_that_nobody_looks_at_are_read_before_they_become_too_many(
    client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "MANY_WAITING", 10)
    for _ in range(12):
        client.messages.create(**request(output_tokens=9))
        until(lambda: len(background._waiting) <= 10)
    assert all(a.REQUEST_HASH in CallSpan(span).attributes for span in recorded.calls)


def test_a_request_beyond_those_that_may_wait_goes_without_its_hashes(
    client: Any, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "MOST_WAITING", 3)
    with trace.get_tracer("application").start_as_current_span("job"):
        for _ in range(3):
            client.messages.create(**request(text=FACTS), tools=[TOOL])
    assert len(background._waiting) == 3
    first, _, last = (CallSpan(span) for span in recorded.calls)
    assert a.REQUEST_HASH in first.attributes
    assert a.REQUEST_HASH not in last.attributes
    assert last[a.OUTPUT_TOKENS] > 0
    assert last[a.REQUEST_TOOL_COUNT] == 1
    monkeypatch.undo()
    client.messages.create(**request(text=FACTS))
    assert CallSpan(recorded.calls[-1])[a.DEPENDS_ON] == ()  # another trace
