"""How figures are written."""

from __future__ import annotations

import pytest

from firsttoken_dashboard.app import figures


@pytest.mark.parametrize(
    ("span_s", "written"),
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.0042, "4.2 ms"),
        (0.412, "412 ms"),
        (0.9999, "1 s"),
        (1.24, "1.24 s"),
        (125, "2 min 5 s"),
        (4000, "1.1 h"),
        (-0.05, "−50 ms"),
    ],
)
def test_a_time_has_a_unit_that_fits_it(span_s: float | None, written: str):
    assert figures.seconds(span_s) == written


@pytest.mark.parametrize(
    ("dollars", "written"),
    [(None, "–"), (0, "$0"), (0.0042, "$0.0042"), (12.3, "$12.30"), (1234.5, "$1,234"), (-3, "−$3.00")],
)
def test_money_keeps_the_digits_that_matter(dollars: float | None, written: str):
    assert figures.usd(dollars) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(None, "–"), (0, "0 %"), (0.0042, "0.42 %"), (0.42, "42 %"), (0.9964, "99.6 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float | None, written: str):
    assert figures.percent(share) == written


def test_what_is_not_known_is_a_dash_and_never_a_zero():
    assert {figures.count(None), figures.tokens(None), figures.rate(None), figures.usd(None)} == {"–"}


def test_a_change_needs_something_to_compare_with():
    assert figures.change(12, 10) == "+20 %"
    assert figures.change(9, 10) == "−10 %"
    assert figures.change(3, 0) is None
    assert figures.change(None, 3) is None
    assert figures.points(0.45, 0.42) == "+3.0 pp"
