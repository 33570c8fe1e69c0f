"""How fast the models answer here: fitted on recorded calls, whose own speed the traffic knows."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median

import pytest

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import robust
from firsttoken_dashboard.advisor.findings import Range
from firsttoken_dashboard.advisor.fit import LatencyFit, fit_latency
from firsttoken_dashboard.advisor.sites import declared, locate
from tests.advisor.traffic import Traffic

MODEL = "claude-opus-5"
#: What Traffic.call adds for each input token, and takes before the first one.
PER_TOKEN_S, FIRST_S, TPS = 0.00012, 0.8, 80.0


def fitted(traffic: Traffic, folder: Path) -> LatencyFit:
    with traffic.store(folder).read() as con:
        locate(con, analysis.Window(), root=folder, said=declared(folder))
        analysis.rows(con, "audited", analysis.Window(), package="firsttoken_dashboard.advisor", most=1000)
        return fit_latency(con)


def holds(value: Range | None, truth: float, width: float) -> bool:
    """Whether the interval holds the truth, and is no wider than that share of it."""
    assert value is not None
    return value.low <= truth <= value.high and value.high - value.low <= width * truth


def test_prompts_of_many_sizes_tell_what_a_token_costs(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(80):
        traffic.call(stream=True, input_tokens=1_000 + 500 * number)
    fit = fitted(traffic, tmp_path)
    assert fit.speed(MODEL).basis == "fitted"
    assert holds(fit.per_token(MODEL), PER_TOKEN_S, 0.2)
    assert holds(fit.ttft(MODEL, 30_000), FIRST_S + 30_000 * PER_TOKEN_S, 0.2)
    assert holds(fit.tps(MODEL), TPS, 0.1)


def test_one_call_in_four_that_hangs_moves_nothing(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(80):
        traffic.first_token_s = 30.0 if number % 4 == 0 else FIRST_S
        traffic.call(stream=True, input_tokens=1_000 + 500 * number)
    assert holds(fitted(traffic, tmp_path).per_token(MODEL), PER_TOKEN_S, 0.5)


def test_prompts_of_one_size_tell_the_level_and_the_published_range_stands_for_the_slope(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(40):
        traffic.call(stream=True, input_tokens=10_000)
    fit = fitted(traffic, tmp_path)
    assert fit.speed(MODEL).basis == "own level"
    assert holds(fit.ttft(MODEL, 10_000), FIRST_S + 10_000 * PER_TOKEN_S, 0.1)
    slope = fit.per_token(MODEL)
    assert (slope.low, slope.expected) == (0.00005, pytest.approx(PER_TOKEN_S, rel=0.1))
    # No opus answers a prompt without tokens sooner than half the guide's 0.8 s.
    assert slope.high == pytest.approx((FIRST_S + 10_000 * PER_TOKEN_S - 0.4) / 10_000, rel=0.05)


def test_answers_that_come_whole_tell_by_their_lengths(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(60):
        traffic.call(stream=False, input_tokens=2_000, output_tokens=50 + 20 * number)
    fit = fitted(traffic, tmp_path)
    assert holds(fit.tps(MODEL), TPS, 0.3)
    ttft = fit.ttft(MODEL, 2_000)
    assert ttft is not None
    assert ttft.low <= FIRST_S + 2_000 * PER_TOKEN_S <= ttft.high


def test_short_prompts_that_come_whole_and_long_ones_that_stream_tell_the_slope_together(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(40):
        traffic.call(stream=True, input_tokens=30_000)
        traffic.call(stream=False, input_tokens=500, output_tokens=100)
    fit = fitted(traffic, tmp_path)
    assert fit.speed(MODEL).basis == "fitted"
    assert holds(fit.per_token(MODEL), PER_TOKEN_S, 0.5)


def test_silent_thinking_is_no_part_of_the_models_first_token(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(60):
        tokens = 5_000 + 500 * number
        first = FIRST_S + tokens * PER_TOKEN_S + 400 / TPS
        traffic.call(
            stream=True,
            input_tokens=tokens,
            output_tokens=700,
            thinking_tokens=400,
            gen_ai__response__time_to_first_chunk=first,
            firsttoken__time_to_first_text=first + 0.05,
        )
    ttft = fitted(traffic, tmp_path).ttft(MODEL, 20_000)
    assert ttft is not None
    assert ttft.expected == pytest.approx(FIRST_S + 20_000 * PER_TOKEN_S, rel=0.1)


def test_cached_tokens_take_no_time(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(60):
        traffic.call(
            stream=True,
            input_tokens=20_000 + 500 * number,
            gen_ai__usage__cache_read__input_tokens=20_000 + 500 * number - 100,
            gen_ai__response__time_to_first_chunk=FIRST_S,
        )
    ttft = fitted(traffic, tmp_path).ttft(MODEL, 100)
    assert ttft is not None
    assert ttft.expected == pytest.approx(FIRST_S, rel=0.02)


def test_a_model_that_was_never_called_has_what_was_published_of_its_family(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call()
    fit = fitted(traffic, tmp_path)
    assert fit.speed("claude-haiku-4-5").basis == "published"
    assert fit.tps("claude-haiku-4-5") == Range(97, 123.5, 150)
    first = fit.ttft("claude-haiku-4-5", 0)
    assert first is not None
    assert (first.low, first.expected, first.high) == pytest.approx((0.2, 0.768, 1.336))


def test_a_model_of_which_nothing_was_published_is_not_known(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.call()
    fit = fitted(traffic, tmp_path)
    for model in ("claude-fable-5-2", "claude-opus-99"):
        assert fit.ttft(model, 1_000) is None
        assert fit.tps(model) is None
        assert fit.per_token(model) == Range(*pricing.load().ttft_per_uncached_token_s)


def test_every_name_of_a_model_has_the_same_speed(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(20):
        traffic.call(model="claude-haiku-4-5-20251001", stream=True, input_tokens=1_000 * number)
    fit = fitted(traffic, tmp_path)
    assert fit.tps("claude-haiku-4-5") == fit.tps("us.anthropic.claude-haiku-4-5-20251001-v1:0")
    assert fit.speed("claude-haiku-4-5").tps is not None


def test_failed_retried_and_fast_calls_tell_nothing(tmp_path: Path) -> None:
    traffic = Traffic(first_token_s=50)
    for number in range(30):
        traffic.call(stream=True, input_tokens=100 * number, firsttoken__speed="fast")
        traffic.call(stream=True, error="overloaded_error")
    assert fitted(traffic, tmp_path).speed(MODEL).basis == "published"


def test_long_prompts_alone_do_not_say_that_a_short_one_is_answered_at_once(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(stream=True, input_tokens=24_000 + number)
    fit = fitted(traffic, tmp_path)
    short = fit.ttft(MODEL, 20)
    assert short is not None
    assert short.low <= FIRST_S <= short.high
    assert short.expected == pytest.approx(FIRST_S, rel=0.5)


def test_what_long_prompts_of_one_size_cost_is_told_to_a_third(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(stream=True, input_tokens=24_000 + number)
    slope = fitted(traffic, tmp_path).per_token(MODEL)
    assert slope.low <= PER_TOKEN_S <= slope.high
    assert slope.high - slope.low < 2 / 3 * slope.expected
    assert slope.high * 24_000 < FIRST_S + 24_000 * PER_TOKEN_S


def test_a_fit_of_long_prompts_is_not_carried_below_what_the_family_can_do(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(60):
        tokens = 20_000 + 1_000 * number
        traffic.call(stream=True, input_tokens=tokens, gen_ai__response__time_to_first_chunk=tokens * 0.00012)
    fit = fitted(traffic, tmp_path)
    assert fit.speed(MODEL).basis == "fitted"
    short = fit.ttft(MODEL, 20)
    assert short is not None
    assert short.expected >= 0.4


def test_the_slope_between_two_heaps_of_prompts_is_held_nine_times_in_ten() -> None:
    """Prompts that came from the cache and prompts that did not: within a heap, pairs tell of luck only."""
    generator = random.Random(6)

    def slope() -> Range:
        tokens = [heap + generator.randint(-5, 5) for heap, many in ((6_000, 65), (20, 25)) for _ in range(many)]
        line = robust.theil_sen(tokens, [generator.gauss(0.5, 0.025) + 0.0001 * count for count in tokens])
        assert line is not None
        return line.slope

    slopes = [slope() for _ in range(120)]
    assert sum(one.low <= 0.0001 <= one.high for one in slopes) / 120 > 0.82
    assert median(one.high - one.low for one in slopes) < 0.05 * 0.0001
