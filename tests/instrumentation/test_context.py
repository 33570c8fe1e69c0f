"""Parents are right, and nothing of ours stays in the application's context."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import anthropic
import pytest
from opentelemetry import context, trace

from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, LEFT_OPEN, STREAMS, Way, parametrize

tracer = trace.get_tracer("application")


@parametrize(STREAMS)
def test_a_span_that_the_application_opens_inside_the_loop_is_not_the_calls_child(
    way: Way, claude_api: LookAlike, recorded: Recording, monkeypatch: Any
) -> None:
    inner: list[Any] = []

    def opens_a_span(_: object) -> None:
        with tracer.start_as_current_span("inside") as span:
            inner.append(span)

    monkeypatch.setattr("tests.instrumentation.ways.seen", opens_a_span)
    with tracer.start_as_current_span("outside") as outside:
        way.run(way.client(claude_api.url), request())

    assert recorded.calls
    assert inner
    # The tool runner makes its own span the current one while it runs.
    if "tool_runner" not in way.name:
        assert {span.parent.span_id for span in inner} == {outside.get_span_context().span_id}


@parametrize(ALL)
def test_the_context_is_afterwards_as_it_was(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    before = context.get_current()
    way.run(way.client(claude_api.url), request())
    way.run(way.client(claude_api.url), request(status=500))
    assert context.get_current() == before
    assert len(recorded.calls) == 2


@parametrize(STREAMS)
@pytest.mark.parametrize(
    "ending", [{"error_after": 5}, {"cut_after": 5}, {"stall_after": 5, "stall_s": "inf"}], ids=str
)
def test_the_context_is_as_it_was_after_a_stream_that_failed(
    way: Way, ending: dict[str, Any], claude_api: LookAlike, recorded: Recording
) -> None:
    with tracer.start_as_current_span("outside"):
        before = context.get_current()
        way.run(way.client(claude_api.url, timeout=0.1), request(output_tokens=20, ttft_s=0.001, **ending))
        assert context.get_current() == before
    assert len(recorded.calls) == 1


@parametrize(STREAMS)
@pytest.mark.filterwarnings(*LEFT_OPEN)
def test_the_context_is_as_it_was_inside_and_after_a_stream_that_is_left(
    way: Way, claude_api: LookAlike, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[Any] = []

    def stops(_: object) -> None:
        inside.append(context.get_current())
        raise Enough

    monkeypatch.setattr("tests.instrumentation.ways.seen", stops)
    with tracer.start_as_current_span("outside"):
        before = context.get_current()
        way.run(way.client(claude_api.url), request(output_tokens=20, ttft_s=0.001))
        assert context.get_current() == before
    if "tool_runner" not in way.name:
        assert inside[0] == before
    gc.collect()  # some ways leave their stream to it
    assert len(recorded.eventually(1)) == 1


class Enough(Exception):  # noqa: N818 - it is no error of anybody's
    """What the application leaves its loop by."""


def test_many_concurrent_calls_keep_their_parents(claude_api: LookAlike, recorded: Recording) -> None:
    calls = 200

    async def one(client: Any, number: int) -> None:
        with tracer.start_as_current_span(f"task {number}"):
            if number % 2:
                await client.messages.create(**request())
            else:
                async with client.messages.stream(**request()) as stream:
                    await stream.get_final_message()

    async def main() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test", max_retries=0) as client:
            await asyncio.gather(*(one(client, number) for number in range(calls)))

    asyncio.run(main())
    tasks = {span.context.span_id: span for span in recorded.spans if span.name.startswith("task") and span.context}
    assert len(recorded.calls) == len(tasks) == calls
    assert {CallSpan(span).parent_id for span in recorded.calls} == set(tasks)


def test_threads_keep_their_parents(claude_api: LookAlike, recorded: Recording) -> None:
    parents: set[int] = set()

    def work(client: Any) -> None:
        with tracer.start_as_current_span("thread") as span:
            parents.add(span.get_span_context().span_id)
            with client.messages.stream(**request()) as stream:
                stream.until_done()

    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        threads = [threading.Thread(target=work, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {CallSpan(span).parent_id for span in recorded.calls} == parents
    assert len(parents) == 8


def test_a_stream_made_in_one_task_and_read_in_another(claude_api: LookAlike, recorded: Recording) -> None:
    async def read(stream: Any) -> int:
        return len([event async for event in stream])

    async def main() -> int:
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client:
            with tracer.start_as_current_span("maker"):
                stream = await client.messages.create(**request(), stream=True)
            return await asyncio.create_task(read(stream))

    assert asyncio.run(main()) > 5
    maker = next(span for span in recorded.spans if span.name == "maker")
    assert maker.context is not None
    assert recorded.call().parent_id == maker.context.span_id


def test_a_stream_read_in_another_thread(claude_api: LookAlike, recorded: Recording) -> None:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as client:
        stream = client.messages.create(**request(), stream=True)
        thread = threading.Thread(target=lambda: [*stream])
        thread.start()
        thread.join()
    assert recorded.call().usage[1] is not None
