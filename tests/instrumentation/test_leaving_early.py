"""A stream that the application leaves ends its span then and there, without an error and without made-up tokens."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request

#: A long answer, of which little will be read.
LONG = request(output_tokens=300, tokens_per_second=75, ttft_s=0.02)


def left(recorded: Recording, *, chunks: int | None = None) -> CallSpan:
    """The one span of a stream that was left: it ended, it did not fail, and it invents no output tokens."""
    call = recorded.eventually(1)[0]
    assert call.get(a.ERROR_TYPE) is None
    assert call.status is not StatusCode.ERROR
    assert call.get(a.OUTPUT_TOKENS) is None
    assert call.get(a.RESPONSE_FINISH_REASONS) is None
    assert call[a.INPUT_TOKENS] > 0
    assert call.get(a.CHUNK_COUNT) == chunks
    assert call.duration_s < 3.5  # the whole answer takes four seconds
    assert not trace.get_current_span().is_recording()
    return call


@pytest.fixture
def client(claude_api: LookAlike) -> Any:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
        yield client


def deltas(events: Any, wanted: int) -> None:
    """Read up to the so-manyth content delta."""
    seen = 0
    for event in events:
        seen += event.type == "content_block_delta"
        if seen == wanted:
            return


async def deltas_async(events: Any, wanted: int) -> None:
    seen = 0
    async for event in events:
        seen += event.type == "content_block_delta"
        if seen == wanted:
            return


def test_break_and_close(client: Any, recorded: Recording) -> None:
    stream = client.messages.create(**LONG, stream=True)
    deltas(stream, 3)
    stream.close()
    left(recorded, chunks=3)


def test_break_inside_with(client: Any, recorded: Recording) -> None:
    with client.messages.create(**LONG, stream=True) as stream:
        deltas(stream, 3)
    left(recorded, chunks=3)


def test_break_inside_the_helper(client: Any, recorded: Recording) -> None:
    with client.messages.stream(**LONG) as stream:
        for _ in stream.text_stream:
            break
    left(recorded, chunks=1)


def test_break_and_drop(client: Any, recorded: Recording) -> None:
    stream = client.messages.create(**LONG, stream=True)
    deltas(stream, 3)
    del stream
    gc.collect()
    left(recorded, chunks=3)


def test_dropped_with_what_refers_to_itself(client: Any, recorded: Recording) -> None:
    """Python may take such garbage apart in any order."""
    response = client.messages.with_streaming_response.create(**LONG, stream=True).__enter__()
    lines = response.iter_lines()
    while "content_block_delta" not in next(lines):
        pass
    garbage: list[Any] = [response, lines]
    garbage.append(garbage)
    del garbage, response, lines
    gc.collect()
    left(recorded, chunks=1)


def test_closed_before_the_first_event_was_read(client: Any, recorded: Recording) -> None:
    client.messages.create(**LONG, stream=True).close()
    call = recorded.call()
    assert call.get(a.ERROR_TYPE) is None
    assert call.usage == (None, None)
    assert call.get(a.TIME_TO_FIRST_CHUNK) is None


def test_dropped_unread(client: Any, recorded: Recording) -> None:
    client.messages.create(**LONG, stream=True)
    gc.collect()
    assert recorded.call().get(a.ERROR_TYPE) is None


def test_streaming_response_never_read(client: Any, recorded: Recording) -> None:
    with client.messages.with_streaming_response.create(**LONG, stream=True) as response:
        assert response.status_code == 200
    call = recorded.call()
    assert call[a.HTTP_STATUS_CODE] == 200
    assert call.get(a.ERROR_TYPE) is None


def test_streaming_response_left_in_the_middle_of_its_lines(client: Any, recorded: Recording) -> None:
    with client.messages.with_streaming_response.create(**LONG, stream=True) as response:
        for line in response.iter_lines():
            if "content_block_delta" in line:
                break
    left(recorded, chunks=1)


def test_generator_of_the_application_closed(client: Any, recorded: Recording) -> None:
    def words() -> Any:
        with client.messages.stream(**LONG) as stream:
            yield from stream.text_stream

    talk = words()
    next(talk)
    talk.close()
    left(recorded, chunks=1)


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_an_error_of_the_application_inside_the_loop_is_not_the_calls(
    error: BaseException, client: Any, recorded: Recording
) -> None:
    with pytest.raises(type(error)), client.messages.stream(**LONG) as stream:  # noqa: PT012
        for _ in stream.text_stream:
            raise error
    left(recorded, chunks=1)


def test_async_break_inside_the_helper(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client,
            client.messages.stream(**LONG) as stream,
        ):
            async for _ in stream.text_stream:
                break

    asyncio.run(main())
    left(recorded, chunks=1)


def test_async_break_and_close(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            stream = await client.messages.create(**LONG, stream=True)
            await deltas_async(stream, 3)
            await stream.close()

    asyncio.run(main())
    left(recorded, chunks=3)


def test_async_streaming_response_never_read(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client,
            client.messages.with_streaming_response.create(**LONG, stream=True) as response,
        ):
            assert response.status_code == 200

    asyncio.run(main())
    call = recorded.call()
    assert call[a.HTTP_STATUS_CODE] == 200
    assert call.get(a.ERROR_TYPE) is None


def test_async_generator_of_the_application_closed(claude_api: LookAlike, recorded: Recording) -> None:
    async def words(client: Any) -> AsyncGenerator[str, None]:
        async with client.messages.stream(**LONG) as stream:
            async for word in stream.text_stream:
                yield word

    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            talk = words(client)
            await anext(talk)
            await talk.aclose()

    asyncio.run(main())
    left(recorded, chunks=1)


def test_async_dropped(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            stream = await client.messages.create(**LONG, stream=True)
            await deltas_async(stream, 3)
            del stream
            gc.collect()
            await asyncio.sleep(0)

    asyncio.run(main())
    left(recorded, chunks=3)


def test_cancelled_while_it_waits_for_the_answer(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as made:
            client: Any = made
            call: Any = client.messages.create(**request(ttft_s=5))
            task: asyncio.Task[Any] = asyncio.create_task(call)
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    call = recorded.call()
    assert call.get(a.ERROR_TYPE) is None
    assert call.status is StatusCode.UNSET
    assert 0.05 < call.duration_s < 4


def test_cancelled_in_mid_stream(claude_api: LookAlike, recorded: Recording) -> None:
    async def read(client: Any, begun: asyncio.Event) -> None:
        async with client.messages.stream(**LONG) as stream:
            async for _ in stream.text_stream:
                begun.set()

    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            begun = asyncio.Event()
            task = asyncio.create_task(read(client, begun))
            await begun.wait()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    call = recorded.call()
    assert call.get(a.ERROR_TYPE) is None
    assert call.get(a.OUTPUT_TOKENS) is None
    assert call.status is StatusCode.UNSET


def test_wait_for_that_ran_out_is_the_applications_choice(claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as made:
            client: Any = made
            call: Any = client.messages.create(**request(ttft_s=5))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.1)

    asyncio.run(main())
    assert recorded.call().get(a.ERROR_TYPE) is None


def test_the_span_ends_when_the_application_leaves_not_when_it_cleans_up(client: Any, recorded: Recording) -> None:
    stream = client.messages.create(**LONG, stream=True)
    deltas(stream, 1)
    before = time.time_ns()
    stream.close()
    after = time.time_ns()
    del stream
    end = recorded.call().span.end_time
    assert end is not None
    assert before <= end <= after
