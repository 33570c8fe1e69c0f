from __future__ import annotations

import random
from datetime import datetime, timedelta
from statistics import fmean, pstdev

import pytest

from firsttoken_dashboard.advisor.estimate import (
    Distribution,
    Rates,
    at_least_zero,
    difference,
    inverse,
    lost_range,
    mean_range,
    next_run,
    product,
    saving,
)
from firsttoken_dashboard.advisor.findings import Range

NINE = datetime.fromisoformat("2026-11-20T09:00:00")


def test_a_month_is_thirty_days_at_the_rate_seen():
    rates = Rates(NINE, NINE + timedelta(days=3))

    money = saving(rates, method="modelled", calls=300, usd_per_call=Range.exactly(0.01)).usd_per_month

    assert money is not None
    assert money.expected == pytest.approx(30.0)


def test_under_a_day_of_calls_a_month_is_marked_as_an_extrapolation():
    rates = Rates(NINE, NINE + timedelta(hours=1))

    saved = saving(rates, method="modelled", calls=100, usd_per_call=Range.exactly(0.01))

    assert saved.at_this_rate
    assert saved.usd_per_1000_calls == Range.exactly(10.0)


@pytest.mark.parametrize("last", [NINE, NINE - timedelta(hours=1)], ids=["one call", "a clock that went backwards"])
def test_without_a_span_of_time_there_is_no_rate(last: datetime):
    saved = saving(Rates(NINE, last), method="modelled", calls=1, usd_per_call=Range.exactly(0.01))

    assert saved.usd_per_month is None
    assert saved.at_this_rate


def test_the_interval_of_a_median_holds_that_of_another_run_nine_times_in_ten():
    generator = random.Random(3)

    def run() -> Distribution:
        return Distribution.of(generator.lognormvariate(0, 0.5) for _ in range(60))

    held = sum(
        interval.low <= run().quantile(0.5) <= interval.high
        for interval in (run().quantile_range(0.5) for _ in range(300))
    )

    assert held / 300 > 0.85


def test_the_interval_of_a_mean_holds_the_truth_nine_times_in_ten():
    generator = random.Random(5)
    held = 0
    for _ in range(200):
        interval = mean_range([generator.expovariate(1) for _ in range(50)])
        held += interval.low <= 1 <= interval.high

    assert held / 200 > 0.82


def test_the_mean_of_weighted_calls_counts_each_as_often_as_it_stands_for():
    assert mean_range([1.0, 5.0], [3.0, 1.0]).expected == 2.0


def test_the_mean_of_no_calls_is_refused():
    with pytest.raises(ValueError, match="no calls"):
        mean_range([])


def test_a_difference_is_as_uncertain_as_both_sides():
    assert difference(Range(9, 10, 11), Range(2, 2, 2)) == Range(7, 8, 9)
    wide = difference(Range(7, 10, 13), Range(-2, 2, 6))
    assert (wide.low, wide.expected, wide.high) == (3, 8, 13)


def test_time_that_is_left_out_is_never_negative():
    assert at_least_zero(Range(-2, -1, 3)) == Range(0, 0, 3)


def test_an_interval_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="not an interval"):
        Range(2, 1, 3)


def test_the_promise_for_the_next_run_holds_nine_times_in_ten():
    """What the first run cost is known; what the change leaves is told from it, and measured on as many other calls."""
    generator = random.Random(5)

    def costs() -> list[float]:
        return [generator.lognormvariate(0, 0.4) for _ in range(60)]

    def promised(left: list[float]) -> Range:
        return next_run(10 - fmean(left), pstdev(left), len(left))

    held = sum(one.low <= 10 - fmean(costs()) <= one.high for one in (promised(costs()) for _ in range(1_000)))

    assert 0.87 < held / 1_000 < 0.93


def test_a_loss_of_some_calls_is_known_as_well_as_its_mean():
    generator = random.Random(5)

    def promised() -> Range:
        lost = [generator.uniform(1, 3) for _ in range(80) if generator.random() < 0.3]
        return lost_range(lost, hit=len(lost), n=80)

    held = sum(one.low <= 0.6 <= one.high for one in (promised() for _ in range(300)))

    assert 0.85 < held / 300 < 0.95
    assert lost_range([], hit=0, n=80) == Range.exactly(0.0)


def test_the_relative_errors_of_a_product_add_up_as_at_right_angles():
    both = product(Range.within(10, 0.3), Range.within(2, 0.4))

    assert (both.low, both.expected, both.high) == pytest.approx((10, 20, 30))
    assert product(Range.exactly(0.0), Range.within(2, 0.4)) == Range.exactly(0.0)
    assert inverse(Range(1, 2, 4)) == Range(0.25, 0.5, 1)
