"""Calls are the same whatever instrumentation wrote the spans; the recordings are what the real libraries wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any

import pytest

from firsttoken import store as stores
from firsttoken.store import SpanBatch, Store
from tests.store.dialects import table
from tests.store.dialects.recorded import DIALECTS, PAIRS, Recorded, recorded

SDKS_OWN = ("firsttoken", "anthropic-sdk", "anthropic-sdk-typescript")
#: Dialects that say how long the cache writes live: always, or only of calls that do not stream.
LIFETIMES = {
    **{dialect: [True] * 3 for dialect in (*SDKS_OWN, "openinference", "logfire")},
    "openinference-js": [True, False, False],
}
STREAMS = {
    "opentelemetry": [None, True, True],  # two say it only of streams, and Traceloop not of stream()
    "traceloop": [None, True, None],
    "traceloop-js": [None, None, None],
    "vercel-6": [False, True, True],
    "vercel-7": [None, True, True],
}
#: Traceloop counts one output token too many for streams.
STREAM_OUTPUT = {"traceloop": 8}
#: Dialects that count the attempts of a call.
ATTEMPTS = {*SDKS_OWN, "vercel-6"}
FIRST_TOKEN: dict[str, list[str | None]] = {
    **{dialect: ["first_delta", "first_delta"] for dialect in SDKS_OWN},
    "opentelemetry": ["first_event", None],
    "vercel-6": ["first_event", "first_event"],
    "vercel-7": ["first_delta", "first_delta"],
}


def batch_of(spans: Iterable[Recorded], *, keep_content: bool = False) -> SpanBatch:
    batch = SpanBatch(keep_content=keep_content)
    for span in spans:
        batch.add(**span)
    return batch


def told_apart(name: str) -> list[Recorded]:
    """A recording as a service of its own name: all have the same response ids, and the same response is one call."""
    spans: list[Recorded] = json.loads(json.dumps(recorded(name)).replace("msg_00", f"msg_{name}"))
    return [{**span, "resource": span["resource"] | {"service.name": name}} for span in spans]


def asked(store: Store, columns: str, name: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return connection.execute(
            f"SELECT {columns} FROM calls WHERE service_name = ? ORDER BY end_time, span_id", [name]
        ).fetchall()


Calls = Callable[[str, str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """The calls of a recording, out of a store with all of them."""
    store = stores.open(tmp_path_factory.mktemp("dialects") / "store.duckdb")
    store.append_batch(batch_of(span for name in [*DIALECTS, *PAIRS] for span in told_apart(name)))
    return lambda name, columns: asked(store, columns, name)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_call_is_one_row_with_its_dialect(calls: Calls, dialect: str) -> None:
    """One create, two streams, one call that the API refused, one that succeeded the second time."""
    rows = calls(dialect, "dialect, operation, provider")
    # OpenLIT's span of a failed call has a name and nothing else.
    providers = ["anthropic"] * 3 + [None if dialect == "openlit" else "anthropic", "anthropic"]
    assert rows == [(dialect, "chat", provider) for provider in providers]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_input_means_all_input_and_the_cache_is_told_apart(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "input_tokens, uncached_input_tokens, cache_read_tokens, cache_write_tokens, output_tokens")
    streamed = STREAM_OUTPUT.get(dialect, 7)
    assert rows == [
        (1112, 12, 1000, 100, 7),
        (1112, 12, 1000, 100, streamed),
        (1112, 12, 1000, 100, streamed),
        (None, None, None, None, None),  # a call that failed has no counts, not zeros
        (1112, 12, 1000, 100, 7),
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_how_long_cache_writes_live_is_known_where_the_dialect_says_so(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "cache_write_5m_tokens, cache_write_1h_tokens")
    told = LIFETIMES.get(dialect, [False] * 3)
    assert rows[:3] == [(60, 40) if says else (None, None) for says in told]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_stop_reasons_and_models_are_the_apis_words(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "request_model, response_model, stop_reason, max_tokens")
    # Of a stream Logfire's log does not say why it ended, nor does OpenLLMetry-JS.
    streamed = None if dialect in {"logfire", "traceloop-js"} else "end_turn"
    assert rows[0] == ("claude-haiku-4-5", "claude-haiku-4-5", "end_turn", 100)
    assert rows[1] == ("claude-haiku-4-5", "claude-haiku-4-5", streamed, 100)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_overloaded_api_is_the_same_error_in_every_dialect_that_says_so(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "request_model, error_type, http_status")
    # The Vercel AI SDK 6 says no more than that the call failed, and quotes the API's message.
    expected = ("AI_APICallError", None) if dialect == "vercel-6" else ("overloaded_error", 529)
    assert rows[3] == ("overloaded", *expected)
    assert calls(dialect, "response_model")[3] == (None,), "nobody answered"
    assert [error for place, (_, error, _) in enumerate(rows) if place != 3] == [None] * 4


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_that_was_tried_again_is_one_call(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "request_model, attempts, stop_reason")
    assert rows[4] == ("flaky", 2 if dialect in ATTEMPTS else None, "end_turn")
    assert {attempts for _, attempts, _ in rows[:4]} == {1 if dialect in ATTEMPTS else None}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_streams_is_known_where_the_dialect_says_so(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "stream")
    assert [stream for (stream,) in rows[:3]] == STREAMS.get(dialect, [False, True, True])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_time_to_first_token_says_what_it_measured(calls: Calls, dialect: str) -> None:
    rows = calls(dialect, "ttft_definition, ttft_s BETWEEN 0 AND duration_s + 0.001")
    told = [None, *FIRST_TOKEN.get(dialect, [None, None])]
    # Vercel 6 counts from before its span of the attempt begins.
    assert [definition for definition, _ in rows[:3]] == told
    assert [plausible for _, plausible in rows[:3]] == [None if definition is None else True for definition in told]


#: Rows of a pair: the dialect, whose words they are, and how many spans told of it.
EXPECTED_PAIRS = {
    "anthropic-sdk+firsttoken": [("firsttoken", 1)] * 5,
    # Logfire silences what is below its span, the SDK's own tracing too, except while a stream is read.
    "anthropic-sdk+logfire": [("logfire", 1), *[("anthropic-sdk", 2)] * 2, *[("logfire", 1)] * 2],
    "firsttoken+logfire": [("logfire", 1)] * 5,
}


@pytest.mark.parametrize("pair", PAIRS)
def test_two_instrumentations_of_the_same_calls_are_five_calls_with_the_best_of_both(calls: Calls, pair: str) -> None:
    rows = calls(pair, "dialect, coalesce(len(span_ids), 1)")
    first, _, _ = pair.partition("+")
    assert rows == EXPECTED_PAIRS.get(pair, [(first, 2)] * 5)
    counts = calls(pair, "input_tokens, output_tokens, error_type, http_status")
    assert [row[:3] for row in counts] == [(1112, 7, None)] * 3 + [(None, None, "overloaded_error")] + [(1112, 7, None)]


@pytest.mark.parametrize("ours_first", [True, False])
def test_the_two_sides_of_a_call_may_come_in_different_batches_in_either_order(
    store: Store,
    calls: Calls,
    ours_first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    spans = [(pair, span) for pair in PAIRS for span in told_apart(pair)]
    for theirs in (not ours_first, ours_first):
        side = [span for pair, span in spans if is_theirs(pair, span) == theirs]
        assert len(side) > 50
        store.append_batch(batch_of(side))
    for pair in PAIRS:
        assert asked(store, "*", pair) == calls(pair, "*")


def test_spans_may_come_one_by_one_and_the_last_one_first(store: Store, calls: Calls) -> None:
    names = ["anthropic-sdk+logfire", "anthropic-sdk-typescript+openinference-js", "vercel-6"]
    spans = [told_apart(name)[::-1] for name in names]
    for few in zip_longest(*spans):
        store.append_batch(batch_of(span for span in few if span is not None))
    for name in names:
        assert asked(store, "*", name) == calls(name, "*")


def is_theirs(pair: str, span: Recorded) -> bool:
    """Whether the span is not of the pair's first dialect."""
    ours = {"firsttoken": "firsttoken", "anthropic-sdk": "com.anthropic.", "anthropic-sdk-typescript": "com.anthropic."}
    return not span["scope_name"].startswith(ours[pair.partition("+")[0]])


def test_the_apis_own_span_and_the_clients_are_one_call(store: Store) -> None:
    """Of what Anthropic exports, the request's span is the call; model runs below it are its parts."""
    (client,) = [span for span in recorded("anthropic-sdk") if span["attributes"]["gen_ai.request.model"] == "flaky"]
    usage = {"gen_ai.usage.input_tokens": 1112, "gen_ai.usage.output_tokens": 7}
    api = {
        **client,
        "scope_name": "com.anthropic.claude-platform",
        "resource": {"service.name": "claude-platform"},
        "attributes": {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.operation.name": "chat",
            "gen_ai.response.id": client["attributes"]["gen_ai.response.id"],
            "anthropic.workspace.id": "wrkspc_1",
            **usage,
        },
    }
    request = {**api, "span_id": "a" * 16, "parent_span_id": client["span_id"], "kind": "SERVER"}
    parts = [
        {**api, "span_id": digit * 16, "parent_span_id": "a" * 16, "kind": "INTERNAL", "attributes": usage | part}
        for digit, part in [("b", {"gen_ai.operation.name": "chat"}), ("c", {"gen_ai.operation.name": "chat"})]
    ]
    for spans in ([request, *parts], [client]):
        store.append_batch(batch_of(spans))
    columns = "dialect, input_tokens, workspace_id, attempts, len(span_ids)"
    assert asked(store, columns, "recorded") == [("anthropic-sdk", 1112, "wrkspc_1", 2, 2)]


def test_content_stays_where_the_user_asks_for_it(store: Store) -> None:
    store.append_batch(batch_of(recorded("traceloop"), keep_content=True))
    with store.read() as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (contains(attributes, 'SECRET prompt')) FROM spans"
        ).fetchone()
    assert row == (5, 5)


def test_the_recordings_hold_content_except_the_sdks_own_and_ours() -> None:
    """What has nothing to hide shows nothing about the filter."""
    silent = {name for name in DIALECTS if "SECRET" not in str(recorded(name))}
    assert silent == {"anthropic-sdk", "anthropic-sdk-typescript", "firsttoken"}


def test_the_page_of_dialects_says_what_the_recordings_say(calls: Calls) -> None:
    """`python tests/store/dialects/table.py` writes it anew."""
    text = table.PAGE.read_text(encoding="utf-8")
    assert table.page(text, lambda name: [row for (row,) in calls(name, "calls")]) == text
    assert {*table.PYTHON, *table.TYPESCRIPT} == set(DIALECTS)
