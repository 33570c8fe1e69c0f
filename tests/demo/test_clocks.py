"""The look-alike is a clock to measure by: it does what it was told, when it was told, and records what it did."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import anthropic
import pytest

from firsttoken_dashboard.demo.api import Behaviour, LookAlike

if TYPE_CHECKING:
    from anthropic.types import MessageParam

MODEL = "claude-sonnet-5"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say something."}]


@pytest.fixture
def client(claude_api: LookAlike) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=claude_api.url, api_key="key") as client:
        yield client


def _stream(client: anthropic.Anthropic, **knobs: str) -> float:
    """Seconds until the client has the first text."""
    headers = {f"x-lookalike-{name.replace('_', '-')}": value for name, value in knobs.items()}
    start = time.monotonic()
    with client.messages.stream(model=MODEL, max_tokens=500, messages=HELLO, extra_headers=headers) as stream:
        next(iter(stream.text_stream))
        first = time.monotonic() - start
        stream.until_done()
    return first


def test_first_tokens_leave_when_told(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    for _ in range(20):
        _stream(client, ttft_s="0.05", output_tokens="3")
    times = [record.ttft_s for record in claude_api.records if record.ttft_s is not None]
    assert len(times) == 20
    assert min(times) >= 0.05
    assert statistics.median(times) < 0.055


def test_what_the_client_sees_first_is_what_the_record_says_plus_a_little(
    claude_api: LookAlike, client: anthropic.Anthropic
) -> None:
    _stream(client)
    seen = [_stream(client, ttft_s="0.05", output_tokens="3") for _ in range(9)]
    sent = [record.ttft_s or 0.0 for record in claude_api.records[1:]]
    assert 0 < statistics.median(there - here for there, here in zip(seen, sent, strict=True)) < 0.02


def test_the_head_leaves_before_the_first_token(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    _stream(client, ttft_s="0.06", headers_s="0.02", output_tokens="3")
    assert 0.02 <= (claude_api.records[0].time_to_headers_s or 0) < 0.05


def test_the_decode_rate_is_exact_over_a_second(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    _stream(client, tokens_per_second="200", output_tokens="200")
    (record,) = claude_api.settle()
    assert record.tokens_per_second == pytest.approx(200, rel=0.03)
    assert sum(tokens for _, tokens in record.deltas) == record.output_tokens == 200


def test_a_stall_is_a_gap_in_the_deltas(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    _stream(client, stall_after="10", stall_s="0.2", output_tokens="20")
    times = [at for at, _ in claude_api.settle()[0].deltas]
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert max(gaps) == pytest.approx(0.2, abs=0.04)


def test_a_whole_answer_comes_when_its_last_token_would(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    client.messages.create(
        model=MODEL,
        max_tokens=500,
        messages=HELLO,
        extra_headers={"x-lookalike-output-tokens": "101"},
    )
    assert 0.12 <= (claude_api.records[0].time_to_headers_s or 0) < 0.16


def test_uncached_input_makes_the_first_token_later(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    claude_api.default = Behaviour(output_tokens=1)
    for words in (1, 8_000):
        client.messages.create(model="claude-haiku-5-5", max_tokens=5, messages=HELLO, system="word " * words)
    short, long = (record.time_to_headers_s or 0.0 for record in claude_api.records)
    assert long - short == pytest.approx(8_000 * 5 / 3.1 * 0.000_03, abs=0.1)


def test_connections_and_their_requests_are_counted(claude_api: LookAlike, client: anthropic.Anthropic) -> None:
    for _ in range(2):
        client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    with anthropic.Anthropic(base_url=claude_api.url, api_key="other") as another:
        another.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    first, second, third = claude_api.records
    assert first.connection == second.connection != third.connection
    assert [first.place, second.place, third.place] == [1, 2, 1]
    assert third.api_key == "other"
