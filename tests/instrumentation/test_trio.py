"""Under trio, which the SDK's async client runs on through anyio, a call is recorded as under asyncio."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic._utils import _sync
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation import async_ways
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, OVER_AIOHTTP, Way, named, parametrize

trio: Any = pytest.importorskip("trio", reason="trio is not installed: pip install trio")
tracer = trace.get_tracer("application")
pytestmark = [
    pytest.mark.skipif(not hasattr(_sync, "sniffio"), reason=f"anthropic {anthropic.__version__} runs on asyncio only"),
    pytest.mark.skipif(OVER_AIOHTTP, reason="aiohttp runs on asyncio only"),
]


@parametrize(tuple(way for way in ALL if way.mode == "async"))
def test_every_way_is_one_span_with_the_servers_own_token_counts(
    way: Way, claude_api: LookAlike, recorded: Recording
) -> None:
    async def main() -> None:
        with tracer.start_as_current_span("handle") as handle:
            await way.run_async(way.client(claude_api.url), request())
            assert trace.get_current_span() is handle
            if "tool_runner" not in way.name:
                assert recorded.call().parent_id == handle.get_span_context().span_id

    trio.run(main)
    (record,) = claude_api.settle()
    call = recorded.call()
    assert call.usage == (record.usage["input_tokens"], record.output_tokens)
    assert call.status is StatusCode.OK
    if way.streams:
        assert call[a.TIME_TO_FIRST_CHUNK] >= (record.ttft_s or 1)


def test_concurrent_calls_keep_their_parents(claude_api: LookAlike, recorded: Recording) -> None:
    async def one(client: Any, number: int) -> None:
        with tracer.start_as_current_span(f"task {number}"):
            async with client.messages.stream(**request()) as stream:
                await stream.get_final_message()

    async def main() -> None:
        async with (
            anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as client,
            trio.open_nursery() as nursery,
        ):
            for number in range(20):
                nursery.start_soon(one, client, number)

    trio.run(main)
    tasks = {span.context.span_id for span in recorded.spans if span.name.startswith("task") and span.context}
    assert {CallSpan(span).parent_id for span in recorded.calls} == tasks
    assert len(tasks) == 20


@pytest.mark.parametrize("ttft_s", [5, 0.02], ids=["before the answer", "in mid stream"])
def test_a_cancel_scope_is_the_applications_choice(ttft_s: float, claude_api: LookAlike, recorded: Recording) -> None:
    async def main() -> None:
        before = context.get_current()
        async with anthropic.AsyncAnthropic(base_url=claude_api.url, api_key="test") as made:
            client: Any = made
            with trio.move_on_after(0.15) as scope:
                asked = request(output_tokens=300, tokens_per_second=300, ttft_s=ttft_s)
                async with client.messages.stream(**asked) as stream:
                    await stream.until_done()
        assert scope.cancelled_caught
        assert context.get_current() == before

    trio.run(main)
    call = recorded.call()
    assert call.get(a.ERROR_TYPE) is None
    assert call.get(a.OUTPUT_TOKENS) is None
    assert call.status is StatusCode.UNSET
    assert 0.1 < call.duration_s < 4


@pytest.mark.parametrize("name", ["create", "create_stream_for", "stream_text"])
def test_four_tasks_at_once_keep_their_parents(name: str, claude_api: LookAlike, recorded: Recording) -> None:
    way = named(name, "async")

    async def one(client: Any, number: int) -> None:
        with tracer.start_as_current_span(f"task {number}"):
            call: Any = getattr(async_ways, name)(client, request())
            async for _ in call:
                pass

    async def main() -> None:
        async with way.client(claude_api.url) as client, trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(one, client, number)

    trio.run(main)
    tasks = {span.context.span_id for span in recorded.spans if span.name.startswith("task") and span.context}
    calls = [CallSpan(span) for span in recorded.calls]
    assert {call.parent_id for call in calls} == tasks
    assert len(tasks) == len(calls) == 4
    output = {record.request_id: record.output_tokens for record in claude_api.settle()}
    assert {call[a.REQUEST_ID]: call.usage[1] for call in calls} == output
    assert {call[a.CODE_FILE] for call in calls} == {async_ways.__file__}
    assert all((call.get(a.TIME_TO_FIRST_CHUNK) is not None) == way.streams for call in calls)
