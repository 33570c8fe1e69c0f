"""A straight line through calls of which some are far off: Theil-Sen, with its interval. Pure Python.

The slope is the median of the slopes of all pairs, so up to 29 % of wild points do not move it; its interval comes
from the distribution of Kendall's tau (P. K. Sen, JASA 63, 1968).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import Final

from firsttoken_dashboard.advisor.findings import Range

#: Share of repetitions in which an interval should hold the truth.
COVERAGE: Final = 0.9
#: Points closer to each other in x than this share of all its spread tell of luck, not of the slope: where most lie in
#: two heaps (prompts read from the cache, and not) such pairs would outvote the others.
CLOSE: Final = 0.1
_Z: Final = NormalDist().inv_cdf(0.5 + COVERAGE / 2)
#: Median absolute deviation to standard deviation, for normal errors; a median's error against a mean's.
_MAD_TO_SIGMA: Final = 1.4826
_MEDIAN_TO_MEAN: Final = 1.2533


@dataclass(frozen=True, slots=True)
class Line:
    """y = `level` + `slope` (x - `centre`), each with its interval; `n` points, the first at x = `lowest`."""

    slope: Range
    level: Range
    centre: float
    n: int
    lowest: float = 0.0

    def at(self, x: float) -> Range:
        """The typical y at `x`: level and slope are wrong independently of each other."""
        step = x - self.centre
        expected = self.level.expected + self.slope.expected * step
        ends = (self.slope.low - self.slope.expected) * step, (self.slope.high - self.slope.expected) * step
        below = math.hypot(self.level.expected - self.level.low, min(ends))
        above = math.hypot(self.level.high - self.level.expected, max(ends))
        return Range(expected - below, expected, expected + above)


def theil_sen(xs: Sequence[float], ys: Sequence[float]) -> Line | None:
    """The line through the points; None where fewer than five pairs differ in x. O(n²): give it hundreds."""
    apart = CLOSE * (max(xs, default=0.0) - min(xs, default=0.0))
    slopes = sorted(
        (ys[j] - ys[i]) / (xs[j] - xs[i])
        for i in range(len(xs))
        for j in range(i + 1, len(xs))
        if xs[j] != xs[i] and abs(xs[j] - xs[i]) >= apart
    )
    if len(slopes) < 5:
        return None
    # The interval's ends in the order of slopes. Kendall's variance, of the pairs that are compared: a third of their
    # number, and of each point's surplus of lower over higher ones, squared.
    surplus = (
        sum(x - other >= apart and x != other for other in xs) - sum(other - x >= apart and x != other for other in xs)
        for x in xs
    )
    spread = _Z * math.sqrt((len(slopes) + sum(more**2 for more in surplus)) / 3)
    low = slopes[max(math.floor((len(slopes) - spread) / 2), 0)]
    high = slopes[min(math.ceil((len(slopes) + spread) / 2), len(slopes) - 1)]
    slope = median(slopes)
    return through(xs, ys, Range(min(low, slope), slope, max(high, slope)))


def through(xs: Sequence[float], ys: Sequence[float], slope: Range) -> Line:
    """The line with a slope that is known, and the level of these points."""
    centre = median(xs)
    level = typical([y - slope.expected * (x - centre) for x, y in zip(xs, ys, strict=True)])
    return Line(slope, level, centre, len(xs), min(xs))


def typical(values: Sequence[float]) -> Range:
    """The median, and where that of another run of as many calls would lie (both runs vary: the factor √2)."""
    middle = median(values)
    deviation = _MAD_TO_SIGMA * median([abs(value - middle) for value in values])
    spread = math.sqrt(2) * _Z * _MEDIAN_TO_MEAN * deviation / math.sqrt(len(values))
    return Range(middle - spread, middle, middle + spread)
