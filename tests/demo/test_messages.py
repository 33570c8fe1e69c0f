"""The look-alike speaks the Messages API: the real SDK, in each of its shapes, understands all that it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from firsttoken_dashboard.demo.api import LookAlike

if TYPE_CHECKING:
    from anthropic.types import MessageParam, ToolParam

MODEL = "claude-sonnet-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say something."}]
WEATHER: ToolParam = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}


@pytest.fixture
def client(claude_api: LookAlike) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="key") as client:
        yield client


def test_a_call_without_streaming_gives_a_whole_message(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert message.content[0].type == "text"
    assert len(message.content[0].text) == round(30 * 3.1)
    assert (message.stop_reason, message.usage.output_tokens, message.usage.input_tokens) == ("end_turn", 30, 8)
    assert (message.model, message.usage.service_tier) == (MODEL, "standard")


def _by_events(client: anthropic.Anthropic) -> str:
    stream = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, stream=True)
    return "".join(
        event.delta.text for event in stream if event.type == "content_block_delta" and event.delta.type == "text_delta"
    )


def _by_text_stream(client: anthropic.Anthropic) -> str:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        return "".join(stream.text_stream)


def _by_final_message(client: anthropic.Anthropic) -> str:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        block = stream.get_final_message().content[0]
    return block.text if block.type == "text" else ""


def _by_beta(client: anthropic.Anthropic) -> str:
    with client.beta.messages.stream(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "Hi."}]
    ) as stream:
        return stream.get_final_text()


def _by_raw_response(client: anthropic.Anthropic) -> str:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=100, messages=HELLO)
    block = raw.parse().content[0]
    return block.text if block.type == "text" else ""


def _by_async_client(client: anthropic.Anthropic) -> str:
    async def ask() -> str:
        asynchronous = anthropic.AsyncAnthropic(base_url=str(client.base_url), api_key="key")
        async with asynchronous, asynchronous.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
            return await stream.get_final_text()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    "shape", [_by_events, _by_text_stream, _by_final_message, _by_beta, _by_raw_response, _by_async_client]
)
def test_every_shape_of_the_sdk_gets_a_text_of_the_length_told(
    client: anthropic.Anthropic, shape: Callable[[anthropic.Anthropic], str]
) -> None:
    assert len(shape(client)) == round(30 * 3.1)


def test_a_stream_has_the_events_of_the_real_one_in_their_order(client: anthropic.Anthropic) -> None:
    response = client.messages.with_streaming_response.create(model=MODEL, max_tokens=100, messages=HELLO, stream=True)
    with response as raw:
        names = [line.removeprefix("event: ") for line in raw.iter_lines() if line.startswith("event: ")]
    start = ["message_start", "content_block_start", "ping"]
    assert names[:3] == start
    assert set(names[3:-3]) == {"content_block_delta"}
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_message_start_says_one_output_token_and_message_delta_says_them_all(client: anthropic.Anthropic) -> None:
    stream = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, stream=True)
    counts: list[int] = []
    for event in stream:
        if event.type == "message_start":
            counts.append(event.message.usage.output_tokens)
        elif event.type == "message_delta":
            counts.append(event.usage.output_tokens)
    assert counts == [1, 30]


def test_max_tokens_cuts_the_answer_and_says_so(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model=MODEL, max_tokens=7, messages=HELLO)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 7)


def test_a_tool_is_called_with_input_that_fits_its_schema(client: anthropic.Anthropic) -> None:
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    block = message.content[-1]
    assert block.type == "tool_use"
    given: Any = block.input
    assert (block.name, set(given), type(given["days"])) == ("weather", {"city", "days"}, int)


def test_after_a_tool_result_comes_text(client: anthropic.Anthropic) -> None:
    first = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO, tools=[WEATHER])
    call = first.content[-1]
    assert call.type == "tool_use"
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}],
    }
    answer: MessageParam = {"role": "assistant", "content": first.content}
    second = client.messages.create(model=MODEL, max_tokens=100, messages=[*HELLO, answer, result], tools=[WEATHER])
    assert (second.stop_reason, second.content[0].type) == ("end_turn", "text")


def test_shown_thinking_streams_before_the_text_and_is_counted(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=MODEL,
        max_tokens=400,
        messages=HELLO,
        thinking={"type": "adaptive", "display": "summarized"},
        extra_headers={"x-lookalike-thinking-tokens": "50"},
    ) as stream:
        kinds = [event.type for event in stream if event.type in {"thinking", "text"}]
        message = stream.get_final_message()
    assert kinds == sorted(kinds, reverse=True)
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.usage.output_tokens == 80
    assert message.usage.output_tokens_details
    assert message.usage.output_tokens_details.thinking_tokens == 50


def test_hidden_thinking_is_silence_before_a_signature(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=MODEL,
        max_tokens=400,
        messages=HELLO,
        thinking={"type": "adaptive"},
        extra_headers={"x-lookalike-thinking-tokens": "100"},
    ) as stream:
        block = stream.get_final_message().content[0]
    assert block.type == "thinking"
    assert (block.thinking, bool(block.signature)) == ("", True)
    record = claude_api.records[0]
    assert record.time_to_first_text_s == pytest.approx(0.02 + 0.1, abs=0.03)


def test_structured_output_fits_the_schema(client: anthropic.Anthropic) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"label": {"enum": ["a", "b"]}}, "required": ["label"]}
    message = client.messages.create(
        model=MODEL,
        max_tokens=100,
        messages=HELLO,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert message.content[0].type == "text"
    assert message.content[0].text in {'{"label": "a"}', '{"label": "b"}'}


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [("Answer in about 100 words.", 140), ("Give three bullet points.", 66), ("Tell me about it.", 160)],
)
def test_the_prompt_decides_how_long_the_answer_is(
    claude_api: LookAlike, client: anthropic.Anthropic, asked: str, tokens: int
) -> None:
    claude_api.default = claude_api.default.without("output_tokens")
    message = client.messages.create(model=MODEL, max_tokens=1000, messages=HELLO, system=asked)
    assert message.usage.output_tokens == pytest.approx(tokens, rel=0.09)


def test_a_choice_offered_in_the_prompt_is_made(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    claude_api.default = claude_api.default.without("output_tokens")
    message = client.messages.create(
        model=MODEL, max_tokens=10, messages=HELLO, system="Answer with one of: bug, praise, question."
    )
    assert message.content[0].type == "text"
    assert message.content[0].text in {"bug", "praise", "question"}


def test_token_counts_agree_with_usage(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=HELLO, system="Be brief.", tools=[WEATHER])
    message = client.messages.create(model=MODEL, max_tokens=10, messages=HELLO, system="Be brief.", tools=[WEATHER])
    assert counted.input_tokens == message.usage.input_tokens


def test_models_can_be_listed_and_retrieved(client: anthropic.Anthropic) -> None:
    ids = [model.id for model in client.models.list()]
    assert MODEL in ids
    assert "claude-3-opus-20240229" not in ids
    assert client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"


def test_a_batch_is_through_at_once_and_gives_its_results(client: anthropic.Anthropic) -> None:
    batch = client.messages.batches.create(
        requests=[{"custom_id": "one", "params": {"model": MODEL, "max_tokens": 50, "messages": HELLO}}]
    )
    assert client.messages.batches.retrieve(batch.id).request_counts.succeeded == 1
    results = list(client.messages.batches.results(batch.id))
    assert [(result.custom_id, result.result.type) for result in results] == [("one", "succeeded")]


def test_two_servers_of_one_seed_agree_and_another_seed_differs() -> None:
    def texts(seed: int) -> list[str]:
        with LookAlike(seed=seed) as api, anthropic.Anthropic(base_url=api.url, api_key="key") as client:
            quick = {"x-lookalike-ttft-s": "0", "x-lookalike-tokens-per-second": "1e5"}
            return [
                client.messages.create(model=MODEL, max_tokens=300, messages=HELLO, extra_headers=quick).to_json()
                for _ in range(3)
            ]

    first = texts(5)
    assert len(set(first)) == 3
    assert first == texts(5)
    assert first != texts(6)
