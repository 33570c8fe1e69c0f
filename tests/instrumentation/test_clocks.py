"""The clocks against the server's own record.

Both sides read the same clock of the machine. What the server sent at a moment, the client cannot have seen before it,
and the application cannot have been given before we saw it: so every figure lies between two that are known. A busy
machine delays everybody, so a figure has a few tries to be narrow.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import anthropic
import pytest

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import STREAMS, Way, named, parametrize

#: What is added at most between the server's send and the client's read …
DELAY_S = 0.002
#: … in one try of a few: a machine that is busy with something else holds up both.
TRIES = range(8)


@parametrize(STREAMS)
def test_headers_and_first_token_are_timed_as_the_server_sent_them(
    way: Way, claude_api: LookAlike, recorded: Recording
) -> None:
    """benchmarks/clocks shows the same over 500 calls each way, with the server in a process of its own."""
    tries: list[dict[str, float]] = []
    for _ in TRIES:
        claude_api.clear()
        recorded.clear()
        client = way.client(claude_api.url)
        began = time.monotonic()
        way.run(client, request(headers_s=0.01, ttft_s=0.03))

        (record,) = claude_api.settle()
        sent = {
            a.TIME_TO_HEADERS: record.headers_sent_at,
            a.TIME_TO_FIRST_CHUNK: record.first_delta_at,
            a.TIME_TO_FIRST_TEXT: record.first_text_at,
        }
        call = recorded.call()
        # Not before the server can have sent it, whatever the machine does.
        assert all(call[name] >= at - record.received_at for name, at in sent.items() if at is not None)
        tries.append({name: call[name] - (at - began) for name, at in sent.items() if at is not None})
        if max(tries[-1].values()) <= DELAY_S:
            return
    pytest.fail(f"later than the server sent it, in seconds: {tries}")


knows_thinking = pytest.mark.skipif(
    not hasattr(anthropic.types, "ThinkingBlock"), reason=f"anthropic {anthropic.__version__} does not know thinking"
)


@knows_thinking
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_shown_thinking_is_a_first_token_but_no_first_text(
    mode: Any, claude_api: LookAlike, recorded: Recording
) -> None:
    way = named("stream_events", mode)
    asked = request(output_tokens=40, thinking_tokens=60, tokens_per_second=500)
    asked["extra_body"] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}  # older versions do not know it
    way.run(way.client(claude_api.url), asked)

    (record,) = claude_api.settle()
    call = recorded.call()
    assert record.first_text_at is not None
    assert record.first_delta_at is not None
    thought_s = record.first_text_at - record.first_delta_at
    assert call[a.TIME_TO_FIRST_TEXT] - call[a.TIME_TO_FIRST_CHUNK] == pytest.approx(thought_s, abs=0.05)
    assert call[a.RESPONSE_BLOCKS] == ("text:1", "thinking:1")
    assert call[a.REASONING_OUTPUT_TOKENS] == record.thinking_tokens


def test_a_tool_call_has_a_first_token_and_no_text(claude_api: LookAlike, recorded: Recording) -> None:
    way = named("stream_events")
    tool: dict[str, Any] = {"name": "look", "description": "Look", "input_schema": {"type": "object"}}
    way.run(way.client(claude_api.url), {**request(answer="tool", output_tokens=30), "tools": [tool]})

    (record,) = claude_api.settle()
    call = recorded.call()
    assert call[a.TIME_TO_FIRST_CHUNK] >= (record.ttft_s or 1)
    assert call.get(a.TIME_TO_FIRST_TEXT) is None
    assert call[a.RESPONSE_BLOCKS] == ("tool_use:1",)
    assert call.get(a.CHUNK_GAP_P95) is None  # the API sends tool input in bursts: its gaps say nothing


@pytest.mark.parametrize("name", ["create_stream_for", "stream_text", "streaming_response_lines"])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_tokens_per_second_is_the_servers_rate(
    name: str, mode: Any, claude_api: LookAlike, recorded: Recording
) -> None:
    way = named(name, mode)
    rate, sent = None, None
    for _ in TRIES:
        claude_api.clear()
        recorded.clear()
        way.run(way.client(claude_api.url), request(output_tokens=120, tokens_per_second=100))
        (record,) = claude_api.settle()
        rate = recorded.call()[a.OUTPUT_TOKENS_PER_SECOND]
        sent = record.tokens_per_second
        if rate == pytest.approx(sent, rel=0.03):
            return
    pytest.fail(f"{rate} tokens a second, where the server sent {sent}")


@knows_thinking
def test_hidden_thinking_does_not_make_a_model_fast(claude_api: LookAlike, recorded: Recording) -> None:
    asked = request(output_tokens=100, thinking_tokens=400, tokens_per_second=200)
    asked["model"] = "claude-opus-5"
    asked["extra_body"] = {"thinking": {"type": "adaptive"}}
    way = named("create_stream_for")
    way.run(way.client(claude_api.url), asked)

    (record,) = claude_api.settle()
    call = recorded.call()
    assert record.thinking_tokens == 400
    assert call[a.OUTPUT_TOKENS_PER_SECOND] == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize("tokens", [{"output_tokens": 12, "tokens_per_second": 40}, {"output_tokens": 60}], ids=str)
def test_too_little_of_a_stream_has_no_rate(tokens: dict[str, Any], claude_api: LookAlike, recorded: Recording) -> None:
    named("create_stream_for").run(named("create_stream_for").client(claude_api.url), request(**tokens))
    assert recorded.call().get(a.OUTPUT_TOKENS_PER_SECOND) is None


def test_a_whole_answer_has_headers_but_no_first_token(claude_api: LookAlike, recorded: Recording) -> None:
    way = named("create")
    way.run(way.client(claude_api.url), request())

    (record,) = claude_api.settle()
    call = recorded.call()
    assert (record.time_to_headers_s or 1) <= call[a.TIME_TO_HEADERS] <= call.duration_s
    for absent in (a.TIME_TO_FIRST_CHUNK, a.OUTPUT_TOKENS_PER_SECOND, a.CHUNK_COUNT, a.CONSUMER_DURATION):
        assert call.get(absent) is None


def test_a_stall_shows_in_the_longest_gap_only(claude_api: LookAlike, recorded: Recording) -> None:
    way = named("create_stream_for")
    way.run(way.client(claude_api.url), request(output_tokens=200, tokens_per_second=800, stall_after=100, stall_s=1.0))

    call = recorded.call()
    assert call[a.CHUNK_GAP_MAX] == pytest.approx(1.0, abs=0.3)
    assert call[a.CHUNK_GAP_P95] < 0.3


def test_a_stall_shows_when_the_application_was_away_just_before_it(claude_api: LookAlike, recorded: Recording) -> None:
    """When the delta before it came is not known; that the server was silent after it is."""
    asked = request(output_tokens=200, tokens_per_second=400, tokens_per_delta=4, stall_after=100, stall_s=1.0)
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        for number, _ in enumerate(cast("Any", client).messages.create(**asked, stream=True)):
            if number == 22:
                time.sleep(0.1)

    assert recorded.call()[a.CHUNK_GAP_MAX] == pytest.approx(0.9, abs=0.3)


# An application that reads late or slowly is told apart from a slow model.


@pytest.mark.parametrize("name", ["for", "text_stream"])
def test_a_slow_reader_is_not_a_slow_model(name: str, claude_api: LookAlike, recorded: Recording) -> None:
    asked = request(output_tokens=200, tokens_per_second=200, tokens_per_delta=10)
    waited = 0.0
    with (
        anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client,
        client.messages.stream(**asked) as stream,
    ):
        for number, _ in enumerate(stream if name == "for" else stream.text_stream):
            if number % 4 == 0:
                before = time.perf_counter()
                time.sleep(0.07)
                waited += time.perf_counter() - before

    (record,) = claude_api.settle()
    call = recorded.call()
    # What the machine adds between two events of a busy application is the application's time too.
    assert waited <= call[a.CONSUMER_DURATION] < waited + 0.4
    assert call[a.OUTPUT_TOKENS_PER_SECOND] == pytest.approx(record.tokens_per_second, rel=0.1)


def test_a_late_reader_is_given_an_upper_bound(claude_api: LookAlike, recorded: Recording) -> None:
    asked = request(ttft_s=0.03)
    with (
        anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client,
        client.messages.stream(**asked) as stream,
    ):
        time.sleep(0.4)
        stream.until_done()

    call = recorded.call()
    assert call[a.TIME_TO_FIRST_CHUNK_UPPER_BOUND] is True
    assert 0.03 <= call[a.TIME_TO_FIRST_CHUNK] < 0.9
    assert call[a.CONSUMER_DURATION] >= 0.4
    assert call.get(a.OUTPUT_TOKENS_PER_SECOND) is None


def test_an_async_late_reader_is_given_an_upper_bound(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client,
            client.messages.stream(**request(ttft_s=0.03)) as stream,
        ):
            await asyncio.sleep(0.4)
            await stream.until_done()

    asyncio.run(main())
    call = recorded.call()
    assert call[a.TIME_TO_FIRST_CHUNK_UPPER_BOUND] is True
    assert call[a.CONSUMER_DURATION] >= 0.4


def test_a_reader_who_is_late_but_before_the_first_token_is_exact(claude_api: LookAlike, recorded: Recording) -> None:
    with (
        anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client,
        client.messages.stream(**request(headers_s=0.02, ttft_s=0.4)) as stream,
    ):
        time.sleep(0.2)
        stream.until_done()

    call = recorded.call()
    assert call.get(a.TIME_TO_FIRST_CHUNK_UPPER_BOUND) is None
    assert call[a.TIME_TO_FIRST_CHUNK] == pytest.approx(0.4, abs=0.1)


def test_time_to_headers_leaves_the_body_out(claude_api: LookAlike, recorded: Recording) -> None:
    way = named("create_stream_for")
    way.run(way.client(claude_api.url), request(headers_s=0.05, ttft_s=1.0))

    call = recorded.call()
    assert 0.05 <= call[a.TIME_TO_HEADERS] < call[a.TIME_TO_FIRST_CHUNK] - 0.4
    assert call[a.TIME_TO_FIRST_CHUNK] >= 1.0
