"""Calls are the same whatever instrumentation wrote the spans; the fixtures are recordings of the real libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firsttoken.store import SpanBatch, Store

HERE = Path(__file__).parent / "dialects"
RECORDED = ["anthropic-sdk", "opentelemetry", "traceloop", "openinference", "logfire", "openlit"]
#: Dialects that say how long the cache writes live.
LIFETIMES = {"anthropic-sdk", "openinference", "logfire"}
#: Traceloop counts one output token too many for streams.
STREAM_OUTPUT = {"traceloop": 8}


def recorded(dialect: str) -> list[dict[str, Any]]:
    return json.loads((HERE / f"{dialect}.json").read_text())["spans"]


def batch_of(spans: list[dict[str, Any]], *, keep_content: bool = False) -> SpanBatch:
    batch = SpanBatch(keep_content=keep_content)
    for span in spans:
        batch.add(**span)
    return batch


@pytest.fixture
def calls(store: Store) -> Callable[[list[dict[str, Any]], str], list[tuple[Any, ...]]]:
    def derive(spans: list[dict[str, Any]], columns: str) -> list[tuple[Any, ...]]:
        store.append_batch(batch_of(spans))
        with store.read() as connection:
            return connection.execute(f"SELECT {columns} FROM calls ORDER BY end_time").fetchall()

    return derive


Derive = Callable[[list[dict[str, Any]], str], list[tuple[Any, ...]]]


@pytest.mark.parametrize("dialect", RECORDED)
def test_every_call_is_one_row_with_its_dialect(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "dialect, operation, provider, service_name IS NOT NULL, attempts")
    attempts = 1 if dialect == "anthropic-sdk" else None
    provider = "anthropic"
    assert rows[:3] == [(dialect, "chat", provider, True, attempts)] * 3
    assert len(rows) == 4


@pytest.mark.parametrize("dialect", RECORDED)
def test_input_means_all_input_and_the_cache_is_told_apart(calls: Derive, dialect: str) -> None:
    rows = calls(
        recorded(dialect),
        "input_tokens, uncached_input_tokens, cache_read_tokens, cache_write_tokens, output_tokens",
    )
    streamed = STREAM_OUTPUT.get(dialect, 7)
    assert rows[:3] == [
        (1112, 12, 1000, 100, 7),
        (1112, 12, 1000, 100, streamed),
        (1112, 12, 1000, 100, streamed),
    ]
    assert rows[3] == (None, None, None, None, None), "a call that failed has no counts, not zeros"


@pytest.mark.parametrize("dialect", RECORDED)
def test_how_long_cache_writes_live_is_known_where_the_dialect_says_so(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "cache_write_5m_tokens, cache_write_1h_tokens")
    expected = (60, 40) if dialect in LIFETIMES else (None, None)
    assert rows[0] == expected


@pytest.mark.parametrize("dialect", RECORDED)
def test_stop_reasons_and_models_are_the_apis_words(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "request_model, response_model, stop_reason, max_tokens")
    stop = None if dialect == "logfire" else "end_turn"  # its log of a stream does not say
    assert rows[0] == ("claude-haiku-4-5", "claude-haiku-4-5", "end_turn", 100)
    assert rows[1] == ("claude-haiku-4-5", "claude-haiku-4-5", stop, 100)


@pytest.mark.parametrize("dialect", RECORDED)
def test_an_overloaded_api_is_the_same_error_in_every_dialect(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "request_model, error_type, http_status")
    assert rows[3] == ("overloaded", "overloaded_error", 529)
    assert [error for _, error, _ in rows[:3]] == [None, None, None]


@pytest.mark.parametrize("dialect", RECORDED)
def test_what_streams_is_known_where_the_dialect_says_so(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "stream")
    # Two say it only of streams, and one of them not of stream().
    expected = {"opentelemetry": [None, True, True], "traceloop": [None, True, None]}.get(dialect, [False, True, True])
    assert [stream for (stream,) in rows[:3]] == expected


@pytest.mark.parametrize("dialect", RECORDED)
def test_time_to_first_token_says_what_it_measured(calls: Derive, dialect: str) -> None:
    rows = calls(recorded(dialect), "ttft_s IS NOT NULL, ttft_definition")
    first = {"anthropic-sdk": [(True, "first_delta")] * 2, "opentelemetry": [(True, "first_event"), (False, None)]}
    assert rows[0] == (False, None)
    assert rows[1:3] == first.get(dialect, [(False, None)] * 2)


@pytest.mark.parametrize("dialect", [*RECORDED])
def test_no_planted_secret_reaches_any_file(store: Store, dialect: str) -> None:
    """SECRET stands in every prompt, answer, tool, key and error message that the libraries recorded."""
    spans = recorded(dialect)
    assert ("SECRET" in json.dumps(spans)) == (dialect != "anthropic-sdk"), "the recording itself holds content"
    for span in spans:
        span["attributes"] |= {
            "gen_ai.input.messages": "SECRET",
            "http.request.header.authorization": "SECRET",
            "url.full": "https://host/?q=SECRET",
            "anything.new": ["SECRET"],
        }
        span["events"] += [{"name": "gen_ai.user.message", "time": 1, "attributes": {"content": "SECRET"}}]
    store.append_batch(batch_of(spans))
    with store.read() as connection:
        tables = [
            connection.execute(f"SELECT {table}::VARCHAR FROM {table}").fetchall() for table in ("spans", "calls")
        ]
    assert tables[0]
    assert "SECRET" not in json.dumps(tables)
    assert all(b"SECRET" not in file.read_bytes() for file in store.path.parent.rglob("*") if file.is_file())


def test_content_stays_where_the_user_asks_for_it(store: Store) -> None:
    store.append_batch(batch_of(recorded("traceloop"), keep_content=True))
    with store.read() as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (contains(attributes, 'SECRET prompt')) FROM spans"
        ).fetchone()
    assert row == (4, 4)
