"""What a call's retries did is on its one span: how many, why, and how long it slept between them."""

from __future__ import annotations

from itertools import pairwise

from opentelemetry.trace import StatusCode

from firsttoken import attributes as a
from firsttoken_dashboard.demo.api import LookAlike
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import OVER_AIOHTTP, Way, named, parametrize

BOTH = parametrize(
    (named("create"), named("stream_text"), named("create", "async"), named("create_stream_for", "async"))
)


@BOTH
def test_overloaded_twice_then_answered(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    asked = request(status=529, attempts=2, retry_after_s=0.05)
    way.run(way.client(claude_api.url, max_retries=2), asked)

    records = claude_api.settle()
    assert [record.status for record in records] == [529, 529, 200]
    call = recorded.call()
    assert call.status is StatusCode.OK
    assert call.usage[1] == records[-1].output_tokens
    assert call[a.HTTP_RESEND_COUNT] == 2
    assert call[a.REQUEST_MAX_RETRIES] == 2
    assert [attempt[a.ERROR_TYPE] for attempt in call.attempts] == ["overloaded_error"] * 2
    assert [attempt[a.HTTP_STATUS_CODE] for attempt in call.attempts] == [529] * 2
    assert [attempt[a.ATTEMPT_RETRY_AFTER] for attempt in call.attempts] == [0.05] * 2
    slept = sum(after.received_at - (before.ended_at or 0.0) for before, after in pairwise(records))
    assert 0.1 <= call[a.RETRY_WAIT] <= slept


@BOTH
def test_first_token_counts_from_the_first_attempt(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    way.run(way.client(claude_api.url, max_retries=1), request(status=529, attempts=1, retry_after_s=0.1))

    first, last = claude_api.settle()
    call = recorded.call()
    assert last.headers_sent_at is not None
    if OVER_AIOHTTP and not way.streams:
        assert call.get(a.TIME_TO_HEADERS) is None  # it tells nothing before the whole answer is there
        return
    assert call[a.TIME_TO_HEADERS] > last.headers_sent_at - first.received_at > 0.1
    if way.streams:
        assert last.first_delta_at is not None
        assert call[a.TIME_TO_FIRST_CHUNK] > last.first_delta_at - first.received_at


@BOTH
def test_rate_limited_until_retries_are_exhausted(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    (error,) = way.run(way.client(claude_api.url, max_retries=2), request(status=429, retry_after_s=0.01))

    assert error["status"] == 429
    call = recorded.call()
    assert call.status is StatusCode.ERROR
    assert call[a.ERROR_TYPE] == "rate_limit_error"
    assert call[a.HTTP_STATUS_CODE] == 429
    assert call[a.HTTP_RESEND_COUNT] == 2
    assert [attempt[a.HTTP_STATUS_CODE] for attempt in call.attempts] == [429] * 3


@BOTH
def test_a_timeout_is_retried_and_told(way: Way, claude_api: LookAlike, recorded: Recording) -> None:
    (error,) = way.run(way.client(claude_api.url, max_retries=1, timeout=0.1), request(ttft_s="inf", headers_s="inf"))

    assert error["type"].endswith("APITimeoutError")
    call = recorded.call()
    assert call[a.HTTP_RESEND_COUNT] == 1
    assert [attempt[a.ERROR_TYPE] for attempt in call.attempts] == ["client_timeout_error"] * 2
    assert all(0.1 <= attempt[a.ATTEMPT_DURATION] < 1 for attempt in call.attempts)
    assert call[a.RETRY_WAIT] > 0.3  # the SDK's own backoff: 0.5 s less its jitter
