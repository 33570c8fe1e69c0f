"""Which spans are a call, and when two spans are the same one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from firsttoken.store import SpanRecord, Store
from firsttoken.store.maintenance import rebuild
from tests.store.spans import SECOND, START, call, span


def rows(store: Store, columns: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return connection.execute(f"SELECT {columns} FROM calls ORDER BY start_time, span_id").fetchall()


def test_our_own_span_fills_every_column_that_it_has_an_attribute_for(store: Store) -> None:
    attributes = {
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.time_to_first_chunk": 0.25,
        "firsttoken.time_to_headers": 0.2,
        "firsttoken.time_to_first_text": 0.5,
        "firsttoken.output_tokens_per_second": 80.5,
        "firsttoken.chunk.count": 9,
        "firsttoken.client.id": "c1",
        "firsttoken.client.calls": 3,
        "firsttoken.connection.new": False,
        "firsttoken.prompt.blocks": ["system:0123456789abcdef:100:5m"],
        "firsttoken.depends_on": [],
        "firsttoken.ratelimit.input_tokens.remaining": 0,
        "firsttoken.ratelimit.input_tokens.reset": 1.5,
        "http.request.resend_count": 2,
        "code.file.path": "/srv/app.py",
        "code.line.number": 12,
        "process.pid": 7,
    }
    event = {
        "name": "firsttoken.attempt",
        "time": START,
        "attributes": {"error.type": "overloaded_error", "http.response.status_code": 529, "duration": 0.1},
    }
    store.append([call(1, attributes, events=[event], resource={"firsttoken.simulated": "true"}, seconds=2)])
    assert rows(
        store,
        """dialect, stream, response_id, duration_s, ttft_s, ttft_definition, time_to_headers_s, time_to_first_text_s,
        tokens_per_second, chunk_count, client_id, client_calls, connection_new, prompt_blocks, depends_on,
        ratelimit_input_tokens_remaining, ratelimit_input_tokens_reset_s, attempts, code_file, code_line, process_id,
        simulated, (attempt_events ->> '$[0].attributes."error.type"'), input_tokens, cache_read_tokens""",
    ) == [
        (
            *("firsttoken", True, "msg_1", 2.0, 0.25, "first_delta", 0.2, 0.5),
            *(80.5, 9, "c1", 3, False, ["system:0123456789abcdef:100:5m"], []),
            *(0, 1.5, 3, "/srv/app.py", 12, 7, True, "overloaded_error", None, None),
        )
    ]


def test_spans_that_are_no_model_call_make_no_row(store: Store) -> None:
    store.append(
        [
            span(1, {"http.route": "/ask"}, kind="SERVER", scope="web"),
            span(2, {"gen_ai.operation.name": "execute_tool"}, trace=1, parent=1),
            span(3, {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 99}, trace=1, parent=1),
            span(4, {"openinference.span.kind": "CHAIN"}, scope="openinference.instrumentation.x"),
        ]
    )
    assert rows(store, "span_id") == []


def test_counting_tokens_is_its_own_operation(store: Store) -> None:
    attributes = {"gen_ai.request.model": "claude", "anthropic.message.count_tokens.input_tokens": 12}
    store.append(
        [span(1, attributes, name="anthropic.messages.count_tokens", scope="com.anthropic.sdk.python"), call(2)]
    )
    assert rows(store, "operation, input_tokens") == [("count_tokens", 12), ("chat", None)]


def test_the_sdks_span_that_we_enriched_is_ours(store: Store) -> None:
    plain = call(1, {}, scope="com.anthropic.sdk.python")
    enriched = call(2, {"firsttoken.time_to_headers": 0.1}, scope="com.anthropic.sdk.python")
    store.append([plain, enriched])
    assert rows(store, "dialect") == [("anthropic-sdk",), ("firsttoken",)]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.system": "anthropic", "gen_ai.usage.prompt_tokens": 1112, "gen_ai.usage.completion_tokens": 7}
        | {"gen_ai.usage.cache_read_input_tokens": 1000, "gen_ai.usage.cache_creation_input_tokens": 100},
        {"gen_ai.usage.input_tokens": 1112, "gen_ai.usage.output_tokens": 7}
        | {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_creation.input_tokens": 100},
        {"gen_ai.usage.input_tokens": 1112, "gen_ai.usage.output_tokens": 7}
        | {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_write.input_tokens": 100},
        # It says less than the cache alone held, so it left the cache out.
        {"gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 7}
        | {"gen_ai.usage.cache_read.input_tokens": 1000, "gen_ai.usage.cache_write.input_tokens": 100},
    ],
    ids=["old", "between", "new", "uncached"],
)
def test_old_and_new_conventions_count_alike(store: Store, attributes: dict[str, Any]) -> None:
    store.append([call(1, attributes, scope="some.library")])
    assert rows(store, "input_tokens, uncached_input_tokens, cache_read_tokens, cache_write_tokens, output_tokens") == [
        (1112, 12, 1000, 100, 7)
    ]


def test_uncached_is_unknown_where_a_dialect_is_silent_on_the_cache(store: Store) -> None:
    store.append([call(1, {"gen_ai.usage.input_tokens": 50}, scope="some.library")])
    assert rows(store, "input_tokens, uncached_input_tokens, cache_read_tokens") == [(50, None, None)]


WRAPPER = call(
    1, {"gen_ai.response.id": "msg_1", "gen_ai.usage.input_tokens": 12}, trace=9, scope="openlit.instrumentation"
)
OURS = call(
    2,
    {"gen_ai.response.id": "msg_1", "gen_ai.usage.input_tokens": 1112, "firsttoken.time_to_headers": 0.1},
    trace=9,
    parent=1,
    start=START + 1,
)
SERVER = call(
    3,
    {"gen_ai.response.id": "msg_1", "gen_ai.usage.reasoning.output_tokens": 5},
    trace=9,
    parent=2,
    kind="SERVER",
    scope="com.anthropic.api",
    start=START + 2,
)


@pytest.mark.parametrize("order", list(itertools.permutations([WRAPPER, OURS, SERVER])))
@pytest.mark.parametrize("batches", [1, 3])
def test_spans_of_one_response_are_one_call_with_the_best_of_all(
    store: Store, order: tuple[SpanRecord, ...], batches: int
) -> None:
    """In whatever order and batches they come: the most trusted one's words, gaps filled by the others."""
    if batches == 1:
        store.append(order)
    else:
        for one in order:
            store.append([one])
    assert rows(store, "span_id, parent_span_id, dialect, input_tokens, thinking_tokens, time_to_headers_s") == [
        (OURS.span_id, None, "firsttoken", 1112, 5, 0.1)
    ]


@pytest.mark.parametrize("order", [(OURS, SERVER), (SERVER, OURS)])
def test_the_apis_own_span_is_of_the_same_call_although_its_clock_is_minutes_off(
    store: Store, order: tuple[SpanRecord, ...]
) -> None:
    for one in order:
        off = 300 * SECOND if one is SERVER else 0
        store.append([one._replace(start_time=one.start_time + off, end_time=one.end_time + off)])
    assert rows(store, "span_id, thinking_tokens") == [(OURS.span_id, 5)]


def test_the_second_attempt_of_a_call_is_found_although_it_comes_minutes_later(store: Store) -> None:
    """The Vercel AI SDK 6 makes a span of each attempt; between them it waits for as long as the API says."""
    six = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude"}
    store.append([span(2, six, trace=1, parent=1, scope="ai", status="ERROR", message="Overloaded")])
    store.append([span(3, six, trace=1, parent=1, scope="ai", start=START + 120 * SECOND)])
    assert rows(store, "span_id, attempts, error_type") == [(f"{3:016x}", 2, None)]


@pytest.mark.parametrize("late", [False, True])
def test_a_failed_call_seen_by_two_instrumentations_is_one(store: Store, late: bool) -> None:  # noqa: FBT001
    """Without a response there is no id: the parent and its only child are the same call, also when it comes late."""
    inner = call(2, {"error.type": "overloaded_error"}, trace=1, parent=1, scope="com.anthropic.sdk.python")
    outer = call(1, {}, trace=1, scope="openinference.x", status="ERROR", message="OverloadedError")
    for spans in [[inner], [outer]] if late else [[inner, outer]]:
        store.append(spans)
    assert rows(store, "span_id, parent_span_id, error_type") == [(inner.span_id, None, "overloaded_error")]


def test_a_loop_around_several_calls_is_no_call(store: Store) -> None:
    outer = call(1, {"gen_ai.usage.input_tokens": 30}, trace=1, scope="some.framework")
    inner = [call(n, {"gen_ai.response.id": f"msg_{n}"}, trace=1, parent=1, start=START + n) for n in (2, 3)]
    store.append([*inner, outer])
    assert rows(store, "response_id") == [("msg_2",), ("msg_3",)]


@pytest.mark.parametrize("late", [False, True])
def test_javascripts_second_root_span_of_a_stream_is_the_same_call(store: Store, late: bool) -> None:  # noqa: FBT001
    theirs = call(1, {"gen_ai.usage.output_tokens": 7}, scope="@traceloop/instrumentation-anthropic")
    sdk = call(
        2,
        {"gen_ai.response.id": "msg_1", "gen_ai.usage.output_tokens": 7, "gen_ai.usage.input_tokens": 1112},
        scope="com.anthropic.sdk.typescript",
        start=START + 10**6,
    )
    other = call(3, {"gen_ai.usage.output_tokens": 7}, scope=theirs.scope_name, start=START + 60 * SECOND)
    for spans in [[theirs, other], [sdk]] if late else [[theirs, sdk, other]]:
        store.append(spans)
    assert rows(store, "span_id, input_tokens") == [(sdk.span_id, 1112), (other.span_id, None)]


def seen_twice(number: int, *, end: float, theirs: float | None = 0.002, trace: int | None = None) -> list[SpanRecord]:
    """A call that ends at `end` seconds, with another instrumentation's span of it that ends `theirs` later."""
    answer = {"gen_ai.usage.output_tokens": 5}
    sdk = call(
        number,
        answer | {"gen_ai.response.id": f"msg_{number}"},
        scope="com.anthropic.sdk.typescript",
        start=START + int((end - 1) * SECOND),
        trace=trace,
        parent=trace,
    )
    if theirs is None:
        return [sdk]
    start = START + int((end + theirs - 1) * SECOND)
    return [sdk, call(number + 100, answer, scope="@traceloop/instrumentation-anthropic", start=start)]


def called(store: Store) -> list[tuple[Any, ...]]:
    return rows(store, "span_id, len(span_ids)")


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_calls_at_the_same_time_with_equal_answers_stay_as_many_as_they_are(store: Store, batches: int) -> None:
    """As when short labels are asked for, a few at once: each keeps the second span that is its own."""
    spans = [*seen_twice(1, end=1), *seen_twice(2, end=1.05)]
    for place in range(batches):
        store.append(spans[place::batches])
    assert called(store) == [(f"{1:016x}", 2), (f"{2:016x}", 2)]


@pytest.mark.parametrize("batches", [1, 3])
def test_a_call_that_only_the_other_instrumentation_saw_is_not_the_nearest_one(store: Store, batches: int) -> None:
    spans = [*seen_twice(1, end=1), seen_twice(2, end=1.05)[1]]
    for place in range(batches):
        store.append(spans[place::batches])
    assert called(store) == [(f"{1:016x}", 2), (f"{102:016x}", None)]


def test_calls_that_fail_all_at_once_stay_as_many_as_they_are(store: Store) -> None:
    """Nothing tells which span belongs to which; it is not one call more or less for that."""
    spans = [span for number in range(1, 11) for span in seen_twice(number, end=1 + number * 1e-5, theirs=4e-5)]
    store.append(spans)
    assert len(called(store)) == 10


def test_equal_answers_that_end_at_other_times_are_other_calls(store: Store) -> None:
    store.append([*seen_twice(1, end=1, theirs=None), seen_twice(2, end=1.5)[1]])
    assert called(store) == [(f"{1:016x}", None), (f"{102:016x}", None)]


def test_equal_answers_within_two_requests_of_the_application_are_two_calls(store: Store) -> None:
    """Each span has a parent of its own trace: none of them lost it."""
    theirs = seen_twice(2, end=1)[1]._replace(trace_id=f"{8:032x}", parent_span_id=f"{8:016x}")
    store.append([*seen_twice(1, end=1, theirs=None, trace=7), theirs])
    assert called(store) == [(f"{1:016x}", None), (f"{102:016x}", None)]


def test_of_vercels_nested_spans_only_the_inner_one_is_a_call(store: Store) -> None:
    six = {"ai.model.id": "claude", "ai.model.provider": "anthropic.messages", "ai.usage.inputTokens": 1112}
    inner = {
        "ai.usage.inputTokenDetails.cacheReadTokens": 1000,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 100,
        "ai.usage.outputTokens": 7,
        "ai.response.msToFirstChunk": 250.0,
        "ai.response.finishReason": "tool-calls",
    }
    store.append(
        [
            span(1, {"ai.operationId": "ai.streamText", **six}, trace=1, scope="ai"),
            span(2, {"ai.operationId": "ai.streamText.doStream", **six, **inner}, trace=1, parent=1, scope="ai"),
            span(3, {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5}, trace=3, scope="gen_ai"),
            call(
                4,
                {"gen_ai.client.operation.time_to_first_chunk": 0.5, "gen_ai.request.stream": True},
                trace=3,
                parent=3,
                scope="gen_ai",
                start=START + 1,
            ),
        ]
    )
    assert rows(store, "dialect, provider, uncached_input_tokens, ttft_s, ttft_definition, stop_reason, stream") == [
        ("vercel-6", "anthropic", 12, 0.25, "first_event", "tool_use", True),
        ("vercel-7", "anthropic", None, 0.5, "first_delta", None, True),
    ]


def test_rebuild_makes_the_same_calls_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append([call(n, {"gen_ai.response.id": f"msg_{n}"}, start=START + n * SECOND) for n in range(10, 40)])
    store.append([WRAPPER, OURS, SERVER])
    before = rows(store, "*")
    with store.write() as connection:
        connection.execute("DELETE FROM calls WHERE response_id < 'msg_2'")
    monkeypatch.setattr("firsttoken.store.maintenance._REBUILD_SLICE", 7)
    assert rebuild(store) == 31
    assert rows(store, "*") == before
