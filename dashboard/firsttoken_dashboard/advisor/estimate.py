"""The arithmetic of a saving: rates, and distributions with their uncertainty.

Pure Python over what SQL has already aggregated: a plain install has no numpy.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Final

from firsttoken_dashboard.advisor.findings import Method, Range, Saving

MONTH_S: Final = 30 * 86_400.0
DAY_S: Final = 86_400.0
#: The steps at which SQL gives a column's quantiles (its parameter `$grid`).
GRID: Final = tuple(step / 100 for step in range(101))
#: Share of repetitions in which an interval should hold the truth.
COVERAGE: Final = 0.9
#: Above this many values the mean is normal enough, and resampling would only cost time.
BOOTSTRAP_VALUES: Final = 400
BOOTSTRAP_ROUNDS: Final = 400


@dataclass(frozen=True, slots=True)
class Rates:
    """Between which moments calls were watched (UTC, naive): the starts of the first and the last one."""

    first: datetime | None
    last: datetime | None

    @property
    def span_s(self) -> float | None:
        """Seconds that were watched; None with fewer than two calls, or for clocks that went backwards."""
        if self.first is None or self.last is None or self.last <= self.first:
            return None
        return (self.last - self.first).total_seconds()

    @property
    def under_a_day(self) -> bool:
        span = self.span_s
        return span is None or span < DAY_S

    def per_month(self, calls: float) -> float | None:
        """Calls in 30 days, if they keep coming as they did."""
        span = self.span_s
        return None if span is None else calls * MONTH_S / span


@dataclass(frozen=True, slots=True)
class Distribution:
    """A column of one group: ``n`` values and their quantiles at even steps from 0 to 1.

    SQL gives them (``QUANTILE_CONT(x, $grid)`` with `GRID`): a million calls arrive as 101 numbers.
    """

    n: int
    grid: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Distribution:
        ordered = sorted(values)
        return cls(len(ordered), tuple(ordered))

    def quantile(self, share: float) -> float:
        """The value below which that share of the calls lies."""
        place = min(max(share, 0.0), 1.0) * (len(self.grid) - 1)
        below = math.floor(place)
        above = min(below + 1, len(self.grid) - 1)
        return self.grid[below] + (self.grid[above] - self.grid[below]) * (place - below)

    def quantile_range(self, share: float, *, coverage: float = COVERAGE) -> Range:
        """A quantile and where that of another run of as many calls would lie.

        Order statistics need no assumption about the shape. The factor √2: both runs vary, this one and the next.
        """
        spread = _z(coverage) * math.sqrt(2 * share * (1 - share) / max(self.n, 1))
        return Range(self.quantile(share - spread), self.quantile(share), self.quantile(share + spread))


def _z(coverage: float) -> float:
    return NormalDist().inv_cdf(0.5 + coverage / 2)


def mean_range(values: Sequence[float], weights: Sequence[float] | None = None, *, coverage: float = COVERAGE) -> Range:
    """The weighted mean with its interval; resampled where few values make a normal interval too tight.

    Raises ValueError for no values. Seeded: the same calls give the same figures.
    """
    if not values:
        message = "the mean of no calls is not defined"
        raise ValueError(message)
    counts = [1.0] * len(values) if weights is None else list(weights)
    total = sum(counts)
    mean = sum(value * count for value, count in zip(values, counts, strict=True)) / total
    if len(values) > BOOTSTRAP_VALUES:
        variance = sum(count * (value - mean) ** 2 for value, count in zip(values, counts, strict=True)) / total
        effective = total**2 / sum(count**2 for count in counts)
        spread = _z(coverage) * math.sqrt(variance / effective)
        return Range(mean - spread, mean, mean + spread)
    generator = random.Random(0)  # noqa: S311 - resampling, not secrets
    means = sorted(sum(generator.choices(values, counts, k=len(values))) / len(values) for _ in range(BOOTSTRAP_ROUNDS))
    tail = round((1 - coverage) / 2 * (BOOTSTRAP_ROUNDS - 1))
    return Range(min(means[tail], mean), mean, max(means[-1 - tail], mean))


def lost_range(values: Sequence[float], *, hit: int, n: int, coverage: float = COVERAGE) -> Range:
    """What each of ``n`` calls loses on average, and where the mean over many more would lie.

    ``hit`` of them lose something: ``values``, or as many of those as were kept. After a change that leaves nothing of
    the loss there is no second run's chance to reckon with.
    """
    if not values or n == 0:
        return Range.exactly(0.0)
    share = hit / n
    mean = share * sum(values) / len(values)
    variance = max(share * sum(value**2 for value in values) / len(values) - mean**2, 0.0)
    spread = _z(coverage) * math.sqrt(variance / n)
    return Range(max(mean - spread, 0.0), mean, mean + spread)


def next_run(spared: float, deviation: float, n: int, *, coverage: float = COVERAGE) -> Range:
    """What a change spares a call on average, as a second run of ``n`` calls would measure it.

    ``deviation`` is that of one call after the change. The first run is there to be looked at; what the change leaves
    is told from its ``n`` calls, and then measured on as many others: the factor √2.
    """
    spread = _z(coverage) * deviation * math.sqrt(2 / max(n, 1))
    return Range(spared - spread, spared, spared + spread)


def product(value: Range, factor: Range) -> Range:
    """``value * factor``, both positive, neither knowing of the other: their relative errors as at right angles."""
    expected = value.expected * factor.expected
    if expected <= 0:
        return Range.exactly(0.0)
    low = math.hypot(1 - value.low / value.expected, 1 - factor.low / factor.expected)
    high = math.hypot(value.high / value.expected - 1, factor.high / factor.expected - 1)
    return Range(expected * max(1 - low, 0.0), expected, expected * (1 + high))


def inverse(value: Range) -> Range:
    """``1 / value``, which is positive: seconds a token from tokens a second."""
    return Range(1 / value.high, 1 / value.expected, 1 / value.low)


def difference(before: Range, after: Range) -> Range:
    """``before - after``, each as uncertain as it says, neither knowing of the other."""
    expected = before.expected - after.expected
    low = math.hypot(before.expected - before.low, after.high - after.expected)
    high = math.hypot(before.high - before.expected, after.expected - after.low)
    return Range(expected - low, expected, expected + high)


def at_least_zero(value: Range) -> Range:
    """Cut what a change cannot cost: waiting that is left out is never negative."""
    return Range(max(value.low, 0.0), max(value.expected, 0.0), max(value.high, 0.0))


def saving(
    rates: Rates,
    *,
    method: Method,
    calls: float,
    latency_s: Range | None = None,
    latency_p95_s: Range | None = None,
    usd_per_call: Range | None = None,
) -> Saving:
    """A saving per call, scaled to 1,000 calls and to a month of ``calls`` (the site's in the window, weighted)."""
    monthly = rates.per_month(calls)
    return Saving(
        method=method,
        latency_s=latency_s,
        latency_p95_s=latency_p95_s,
        usd_per_month=None if usd_per_call is None or monthly is None else usd_per_call.times(monthly),
        usd_per_1000_calls=None if usd_per_call is None else usd_per_call.times(1000),
        at_this_rate=rates.under_a_day,
    )
