"""From rows over time to charts."""

from __future__ import annotations

from datetime import datetime, timedelta

from firsttoken_dashboard.app import courses, figures
from firsttoken_dashboard.app.filters import moments

START = datetime(2026, 11, 22, 8)
HOURS = [START + timedelta(hours=index) for index in range(4)]


def test_an_hour_without_calls_is_a_gap_and_not_a_nought():
    chart = courses.lines(
        "TTFT", "p50", HOURS, [("x", "#000", {HOURS[0]: 1.0, HOURS[2]: 2.0})], figures.seconds, "hour"
    )
    assert [value for _, value in chart.series[0].points] == [0.5, None, 1.0, None]
    assert [reading.when for reading in chart.readings] == ["22 Nov 08:00 UTC", "22 Nov 10:00 UTC"]


def test_stacked_bars_stand_on_each_other_and_end_at_a_round_mark():
    first, second = ("a", "#000", {HOURS[0]: 1.0}), ("b", "#111", {HOURS[0]: 2.0})
    chart = courses.bars("Cost", "$", HOURS, [first, second], figures.usd, "hour")
    (_, low_a, high_a), (_, low_b, high_b) = chart.series[0].bars[0], chart.series[1].bars[0]
    assert low_a == 0
    assert high_a == low_b
    assert high_b == 1.0
    assert chart.grid[-1].text == "$3.00"


def test_the_marks_of_a_time_axis_are_round():
    assert [tick.text for tick in courses.ticks_of_seconds(12.2)] == ["0 ms", "5 s", "10 s"]


def test_a_window_has_every_one_of_its_hours():
    assert moments(START + timedelta(minutes=20), START + timedelta(hours=3, minutes=1), "hour") == HOURS
