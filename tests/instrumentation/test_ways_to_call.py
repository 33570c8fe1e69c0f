"""Every way to call leaves one span with the call's usage, and an application that saw all of its answer."""

from __future__ import annotations

import json
from typing import Any

import anthropic
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import MODEL, request
from tests.instrumentation.ways import ALL, STREAMS, Way, parametrize


@parametrize(ALL)
def test_is_one_span_with_the_servers_own_token_counts(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    way.run(way.client(claude_api.url), request())

    (record,) = claude_api.settle()
    call = recorded.call()
    assert call.usage == (record.usage["input_tokens"], record.output_tokens)
    assert call[a.OPERATION_NAME] == "chat"
    assert call[a.PROVIDER_NAME] == "anthropic"
    assert call[a.REQUEST_MODEL] == MODEL
    assert call[a.RESPONSE_MODEL].startswith(MODEL)
    assert call[a.RESPONSE_ID].startswith("msg_")
    assert call[a.RESPONSE_FINISH_REASONS] == ("end_turn",)
    assert call[a.REQUEST_ID] == record.request_id
    assert call[a.RESPONSE_BLOCKS] == ("text:1",)
    assert call[a.HTTP_STATUS_CODE] == 200
    assert call.get(a.REQUEST_STREAM) is (True if way.streams else None)
    assert call.get(a.ERROR_TYPE) is None
    assert call.status is StatusCode.OK
    assert call.get(a.PROMPT_BLOCKS)


@parametrize(ALL)
def test_is_a_child_of_the_callers_span(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    with trace.get_tracer("application").start_as_current_span("handle") as handle:
        way.run(way.client(claude_api.url), request())
        assert trace.get_current_span() is handle

    found = recorded.call().span.context
    assert found is not None
    assert found.trace_id == handle.get_span_context().trace_id
    if "tool_runner" not in way.name:  # the SDK puts a span of its own around its runs
        assert recorded.call().parent_id == handle.get_span_context().span_id


@parametrize(STREAMS)
def test_streamed_tells_its_first_token_and_its_chunks(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    # At its first stream the SDK may build its types after the headers came, when it should read.
    way.run(way.client(claude_api.url), request())
    claude_api.clear()
    recorded.clear()
    way.run(way.client(claude_api.url), request(headers_s=0.01, ttft_s=0.08))

    (record,) = claude_api.settle()
    call = recorded.call()
    assert call[a.CHUNK_COUNT] == len(record.deltas)
    assert call[a.TIME_TO_HEADERS] <= call[a.TIME_TO_FIRST_CHUNK] <= call.duration_s
    assert call[a.TIME_TO_FIRST_TEXT] == call[a.TIME_TO_FIRST_CHUNK]
    assert call.get(a.TIME_TO_FIRST_CHUNK_UPPER_BOUND) is None


def test_what_the_application_explicitly_leaves_out_is_not_recorded(claude_api: LookAlike, recorded: Recording) -> None:
    nothing: Any = getattr(anthropic, "omit", anthropic.NOT_GIVEN)
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test") as made:
        client: Any = made
        client.messages.create(**request(), system=nothing, stop_sequences=nothing, tools=nothing)

    (record,) = claude_api.settle()
    assert set(json.loads(record.body)) == {"model", "max_tokens", "messages"}
    call = recorded.call()
    assert call.usage[1] == record.output_tokens
    assert call.get(a.REQUEST_TOOL_COUNT) is None
