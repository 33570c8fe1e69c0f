"""The SDK's tool runner: each request that it makes is a call of the application's line, and none is counted twice."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import anthropic
import pytest
from opentelemetry import trace

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.demo.api.records import Record
from tests.instrumentation.recording import CallSpan, Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import named

pytestmark = pytest.mark.skipif(
    named("tool_runner").missing, reason=f"anthropic {anthropic.__version__} has no tool runner"
)


def asked() -> dict[str, Any]:
    """A request that the look-alike answers with a tool call first, and after its result with a text."""
    return {**request(text=None), "max_tokens": 60}


def tool(kind: str) -> Any:
    """A tool, for a sync or an async runner."""

    def look(place: str) -> str:
        """Look at a place."""
        return f"{place}: sunny"

    async def look_async(place: str) -> str:
        """Look at a place."""
        return f"{place}: sunny"

    made: Any = anthropic
    return made.beta_tool(look) if kind == "sync" else made.beta_async_tool(name="look")(look_async)


def run(api: LookAlike, *, stream: bool) -> int:
    """Run to the end; returns the line at which the runner was driven."""
    with anthropic.Anthropic(base_url=api.url, api_key="test") as made:
        client: Any = made
        options: dict[str, Any] = {"stream": True} if stream else {}
        runner = client.beta.messages.tool_runner(**asked(), tools=[tool("sync")], **options)
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        for answer in runner:
            if stream:
                answer.until_done()
    return line


async def run_async(api: LookAlike, *, stream: bool) -> int:
    async with anthropic.AsyncAnthropic(base_url=api.url, api_key="test") as made:
        client: Any = made
        options: dict[str, Any] = {"stream": True} if stream else {}
        runner = client.beta.messages.tool_runner(**asked(), tools=[tool("async")], **options)
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        async for answer in runner:
            if stream:
                await answer.until_done()
    return line


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_each_request_of_a_run_is_one_call_with_its_own_usage(
    mode: str,
    stream: bool,  # noqa: FBT001 - pytest names it
    claude_api: LookAlike,
    recorded: Recording,
) -> None:
    with trace.get_tracer("application").start_as_current_span("handle") as handle:
        line = run(claude_api, stream=stream) if mode == "sync" else asyncio.run(run_async(claude_api, stream=stream))
        assert trace.get_current_span() is handle

    records = claude_api.settle()
    calls = [CallSpan(span) for span in recorded.calls]
    assert len(calls) == len(records) == 2
    assert [call.usage for call in calls] == [_usage(record) for record in records]
    assert [call[a.RESPONSE_FINISH_REASONS][0] for call in calls] == [record.stop_reason for record in records]
    assert [call[a.RESPONSE_BLOCKS] for call in calls] == [("tool_use:1",), ("text:1",)]
    assert {(call[a.CODE_FILE], call[a.CODE_LINE]) for call in calls} == {(__file__, line)}
    # The SDK's own span of the run, where it has one, lies between the application's and the calls'.
    spans = {span.context.span_id: span for span in recorded.spans if span.context is not None}
    for call in calls:
        parent = spans.get(call.parent_id or 0)
        above = parent.parent.span_id if parent is not None and parent.parent is not None else call.parent_id
        assert above == handle.get_span_context().span_id


def _usage(record: Record) -> tuple[int, int | None]:
    usage = record.usage
    caches = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    return usage["input_tokens"] + caches, record.output_tokens
