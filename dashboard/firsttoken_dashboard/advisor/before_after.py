"""Before against after: the difference of two sets of calls with a bootstrap interval, and what to measure for a rule.

What is resampled are traces (or calls without one): calls of one trace share their luck and are one observation.
Pure Python, seeded: the same calls give the same figures.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final, TypeAlias

from firsttoken_dashboard.advisor.findings import Range
from firsttoken_dashboard.advisor.followed import Measured, Unit

#: How often an interval holds the truth. Not 95 %: a finding is looked at again and again, and each look is a chance
#: to be wrong; so a change without effect is called a saving in about 1 of 100 looks.
COVERAGE: Final = 0.98
ROUNDS: Final = 1000
#: More observations a side would only cost time.
MOST: Final = 400
#: Fewer on either side say nothing yet.
FEWEST_CALLS: Final = 20
FEWEST_OBSERVATIONS: Final = 8

Statistic: TypeAlias = Callable[[Sequence[float]], float]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a site, as far as changes and measures look at it. Times are seconds since the epoch.

    ``configuration`` are the values that only a change of code or settings moves, by name.
    """

    start_s: float
    end_s: float
    trace_id: str
    parent_span_id: str | None
    model: str | None
    function: str | None
    stream: bool | None
    cache_used: bool | None
    client_calls: int | None
    connection_new: bool | None
    setup_s: float | None
    timeout_s: float | None
    failed: bool
    refused: bool
    limited: bool
    timed_out: bool
    wait_s: float | None
    ttft_s: float | None
    duration_s: float | None
    output_tokens: int | None
    lost_s: float
    cost_usd: float | None
    configuration: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure per observation: ``of`` one request's calls, in time order; None where they do not tell."""

    name: str
    unit: Unit
    of: Callable[[Sequence[Call]], float | None]
    statistic: Statistic = fmean
    per: str = "call"


def difference(before: Sequence[float], after: Sequence[float], statistic: Statistic = fmean) -> Range:
    """How much smaller ``after`` is, with its interval (`COVERAGE`). Raises ValueError where either is empty."""
    if not before or not after:
        message = "before and after need an observation each"
        raise ValueError(message)
    old, new = _thinned(before), _thinned(after)
    expected = statistic(old) - statistic(new)
    generator = random.Random(0)  # noqa: S311 - resampling, not secrets
    rounds = sorted(
        statistic(generator.choices(old, k=len(old))) - statistic(generator.choices(new, k=len(new)))
        for _ in range(ROUNDS)
    )
    tail = math.floor((1 - COVERAGE) / 2 * ROUNDS)
    # Resampling n values understates their spread by this factor.
    few = max(min(len(old), len(new)), 2)
    wider = math.sqrt(few / (few - 1))
    low = expected - max(expected - rounds[tail], 0.0) * wider
    high = expected + max(rounds[-1 - tail] - expected, 0.0) * wider
    return Range(low, expected, high)


def measured(before: Iterable[Call], after: Iterable[Call], measure: Measure) -> Measured | None:
    """What the calls say; None while there are too few of them, or where they do not carry the figure."""
    old, new = (_observations(calls, measure) for calls in (before, after))
    if old is None or new is None:
        return None
    saving = difference(old, new, measure.statistic)
    return Measured(
        measure.name,
        measure.unit,
        measure.per,
        before=measure.statistic(old),
        after=measure.statistic(new),
        saving=saving,
        n_before=len(old),
        n_after=len(new),
    )


def _observations(calls: Iterable[Call], measure: Measure) -> list[float] | None:
    requests: dict[object, list[Call]] = defaultdict(list)
    number = 0
    for call in sorted(calls, key=lambda one: one.start_s):
        number += 1
        requests[call.trace_id, call.parent_span_id if measure.per == "request" else None].append(call)
    values = [value for request in requests.values() if (value := measure.of(request)) is not None]
    return values if number >= FEWEST_CALLS and len(values) >= FEWEST_OBSERVATIONS else None


def _thinned(values: Sequence[float]) -> list[float]:
    """At most `MOST` of them, evenly spread over time."""
    if len(values) <= MOST:
        return list(values)
    step = len(values) / MOST
    return [values[math.floor(number * step)] for number in range(MOST)]


def _each(figure: Callable[[Call], float | None]) -> Callable[[Sequence[Call]], float | None]:
    """The mean of a figure over a trace's calls; those that failed or do not carry it left out."""

    def of(calls: Sequence[Call]) -> float | None:
        values = [value for one in calls if not one.failed and (value := figure(one)) is not None]
        return fmean(values) if values else None

    return of


def _wall(calls: Sequence[Call]) -> float | None:
    """Seconds from the first call's start to the last one's end; None for a single call."""
    return max(one.end_s for one in calls) - calls[0].start_s if len(calls) > 1 else None


WAIT: Final = Measure("wait until the first words", "s", _each(lambda call: call.wait_s), median)
DURATION: Final = Measure("duration", "s", _each(lambda call: call.duration_s), median)
TOGETHER: Final = Measure("time of the calls together", "s", _wall, median, "request")
COST: Final = Measure("cost", "usd", _each(lambda call: call.cost_usd))
SETUP: Final = Measure("time to make client and connection", "s", _each(lambda call: call.setup_s))
TIMED_OUT: Final = Measure(
    "calls that ran into their timeout", "share", lambda calls: float(any(one.timed_out for one in calls))
)
#: A fallback that answers makes good the call before it.
REFUSED: Final = Measure(
    "requests lost to overload", "share", lambda calls: float(calls[-1].failed and calls[-1].refused), per="request"
)
LIMITED: Final = Measure(
    "requests lost to the rate limit",
    "share",
    lambda calls: float(calls[-1].failed and calls[-1].limited),
    per="request",
)


LOST: Final = Measure(
    "time lost to refused attempts", "s", lambda calls: sum(one.lost_s for one in calls), per="request"
)
#: Either of this rule's figures is what its fix is for: fewer lost requests, or less time lost to them.
EITHER: Final = frozenset({"handle-overload"})


def measures(rule: str, key: str) -> tuple[Measure, ...]:
    """What a rule's saving is measured by: the first that the calls carry."""
    if rule == "handle-overload":
        return (REFUSED if key == "overload" else LIMITED, LOST)
    return _MEASURES.get(rule, (COST, DURATION))


_MEASURES: Final[dict[str, tuple[Measure, ...]]] = {
    "stream-responses": (WAIT,),
    "enable-prompt-caching": (COST, WAIT),
    "repair-prompt-cache": (COST, WAIT),
    "extend-cache-ttl": (COST, WAIT),
    "use-smaller-model": (COST, DURATION),
    "reuse-client": (SETUP,),
    "run-in-parallel": (TOGETHER,),
    "trim-output": (COST, DURATION),
    "raise-timeout": (TIMED_OUT,),
    "lower-effort": (DURATION, COST),
    "use-fast-mode": (DURATION,),
    "speed-up-tool-loop": (TOGETHER,),
    "slow-consumer": (DURATION,),
}
