"""Slow first token: which sites are slow, and what the wait is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from firsttoken_dashboard.advisor.findings import SlowFirstToken
from tests.advisor.asking import asked, prompt
from tests.advisor.traffic import CHAT, JOB, Attempt, Traffic


def slow(traffic: Traffic, folder: Path, *rules: str) -> SlowFirstToken:
    (one,) = asked(traffic, folder, *rules).slow_first_token
    assert sum(part.seconds for part in one.parts) == pytest.approx(one.ttft_p50_s, rel=0.2)
    return one


def largest(one: SlowFirstToken) -> str:
    return max(one.parts, key=lambda part: part.seconds).name


def streamed(traffic: Traffic, n: int = 30, **how: Any) -> None:
    for _ in range(n):
        traffic.call(stream=True, **how)
        traffic.idle(10)


def test_a_site_under_three_seconds_is_not_listed(tmp_path: Path) -> None:
    traffic = Traffic()
    streamed(traffic)
    assert asked(traffic, tmp_path, "handle-overload").slow_first_token == []


def test_a_call_that_is_not_streamed_has_no_first_token_to_be_slow(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=9)
    for _ in range(30):
        traffic.call(stream=False, firsttoken__time_to_headers=9.0)
    assert asked(traffic, tmp_path, "handle-overload").slow_first_token == []


def test_what_nothing_recorded_explains_is_said_to_be_unexplained(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=5)
    streamed(traffic, input_tokens=500)
    one = slow(traffic, tmp_path, "handle-overload")
    assert (one.site.file, one.site.line) == CHAT[:2]
    assert largest(one) == "unexplained"
    assert one.advice.startswith("Nothing to change")


def test_time_until_the_headers_is_the_services(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=5)
    streamed(traffic, input_tokens=500, firsttoken__time_to_headers=4.5)
    one = slow(traffic, tmp_path, "handle-overload")
    assert largest(one) == "headers"
    assert one.advice.startswith("Nothing to change")


def test_retries_name_the_rule_that_found_them(tmp_path: Path) -> None:
    traffic = Traffic()
    overloaded = [Attempt("overloaded_error", 529, 1.5)] * 2
    streamed(traffic, failed=overloaded, slept=1.5)
    one = slow(traffic, tmp_path, "handle-overload")
    assert largest(one) == "retries"
    assert one.advice.endswith("see handle-overload")
    assert {part.rule for part in one.parts} == {"handle-overload", None}


def test_retries_without_a_finding_leave_nothing_to_change(tmp_path: Path) -> None:
    traffic = Traffic()
    streamed(traffic, failed=[Attempt("overloaded_error", 529, 3.0)], slept=1.5)
    assert slow(traffic, tmp_path, "trim-output").advice.startswith("Nothing to change")


def test_long_prompts_name_the_cache_rule(tmp_path: Path) -> None:
    """Sizes from 20,000 to 80,000 tokens let the fit tell what a token costs."""
    traffic = Traffic()
    for number in range(40):
        chars = 80_000 + 6_000 * number
        blocks = prompt(("system", "guide", 80_000), ("messages", number, chars - 80_000 + 4))
        traffic.call(stream=True, input_tokens=chars // 4, prompt=blocks)
        traffic.idle(5)
    one = slow(traffic, tmp_path, "enable-prompt-caching")
    assert largest(one) == "uncached input"
    assert one.advice.endswith("see enable-prompt-caching")


def test_thinking_that_nobody_sees_is_told_apart(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=6.0)
    for _ in range(30):
        traffic.call(
            stream=True, input_tokens=500, output_tokens=600, thinking_tokens=400, firsttoken__time_to_first_text=6.1
        )
    assert largest(slow(traffic, tmp_path, "handle-overload")) == "hidden thinking"


def test_thinking_that_is_shown_is_no_part_of_the_wait(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=6.0)
    for _ in range(30):
        traffic.call(
            stream=True, input_tokens=500, output_tokens=600, thinking_tokens=400, firsttoken__time_to_first_text=11.0
        )
    parts = {part.name: part.seconds for part in slow(traffic, tmp_path, "handle-overload").parts}
    assert parts["hidden thinking"] == 0


def test_new_connections_name_the_client(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(30):
        traffic.first_token_s = 4.0
        traffic.call(stream=True, input_tokens=100, client=(f"client-{number}", 1), construction=0.03, connection=3.5)
    one = slow(traffic, tmp_path, "reuse-client")
    assert largest(one) == "connection"
    assert one.advice.endswith("see reuse-client")


def test_a_rule_that_could_not_judge_is_not_told_as_nothing_to_change(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(stream=True, input_tokens=20_000 + 1_500 * number, without=["firsttoken.prompt.blocks"])
        traffic.idle(5)
    one = slow(traffic, tmp_path, "enable-prompt-caching")
    assert largest(one) == "uncached input"
    assert "Nothing to change" not in one.advice
    assert "enable-prompt-caching could not judge (no call carries firsttoken.prompt.blocks)" in one.advice


def test_nor_is_a_site_whose_prompts_have_no_recorded_shape_beside_others_that_have(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(stream=True, input_tokens=20_000 + 1_500 * number, without=["firsttoken.prompt.blocks"])
        traffic.call(JOB, stream=True, input_tokens=50)
    assert "could not judge" in slow(traffic, tmp_path, "enable-prompt-caching").advice
