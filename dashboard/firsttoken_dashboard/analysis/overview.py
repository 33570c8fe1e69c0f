"""What the Overview asks: how the calls score, how that went over time, and how fast each model is here.

All of it reads `priced_calls`, the view that `firsttoken_dashboard.pricing.attach` makes on a connection.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Extent:
    """What the store holds at all, whatever the window. Times are UTC, None without calls."""

    n_calls: int
    first_start: datetime | None
    last_start: datetime | None
    n_simulated: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """A window's figures. Seconds, USD; None where no call reports it.

    `cacheable_tokens` is the whole input of the calls that report cache reads: the base of the hit rate.
    """

    n_calls: int
    n_errors: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    tokens_per_second_p50: float | None
    cache_read_tokens: float | None
    cacheable_tokens: float | None
    cost_usd: float | None
    n_unpriced: int
    waited_s: float | None

    @property
    def hit_rate(self) -> float | None:
        """Cache reads over all input, weighted by tokens."""
        return _share(self.cache_read_tokens, self.cacheable_tokens)

    @property
    def error_rate(self) -> float | None:
        return _share(self.n_errors, self.n_calls)


@dataclass(frozen=True, slots=True)
class Moment:
    """The figures of one minute, hour or day that has calls; `moment` is its start."""

    moment: datetime
    n_calls: int
    n_errors: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    tokens_per_second_p50: float | None
    cache_read_tokens: float | None
    cacheable_tokens: float | None
    cost_usd: float | None
    waited_s: float | None

    @property
    def hit_rate(self) -> float | None:
        """Cache reads over all input, weighted by tokens."""
        return _share(self.cache_read_tokens, self.cacheable_tokens)

    @property
    def error_rate(self) -> float | None:
        return _share(self.n_errors, self.n_calls)


@dataclass(frozen=True, slots=True)
class ModelMoment:
    """One model's figures of one minute, hour or day."""

    moment: datetime
    model: str | None
    n_calls: int
    ttft_p50_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One model's figures. `n_ttft` and `n_rate` are how many calls the times and the rate rest on."""

    model: str | None
    n_calls: int
    n_ttft: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    n_rate: int
    tokens_per_second_p50: float | None
    usd_per_1000_calls: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A window's figures: of all its calls, over time, over time model by model, and model by model.

    `course` is in order and has no entry for a time without calls; `benchmark` has the models with most calls first.
    """

    scores: Scores
    course: list[Moment]
    by_model: list[ModelMoment]
    benchmark: list[Benchmark]


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the calls of one `grain` to one model add up to; the columns of sums.sql."""

    moment: datetime
    model: str | None
    n_calls: int
    n_errors: int
    n_ttft: int
    n_rate: int
    cache_read_tokens: float | None
    cacheable_tokens: float | None
    cost_usd: float | None
    n_priced: int
    n_unpriced: int
    waited_s: float | None


@dataclass(frozen=True, slots=True)
class Deploy:
    """The version of a service that came last: its first call's start (UTC), and the version `before` it."""

    service: str | None
    version: str
    before: str
    since: datetime
    n_calls: int


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Quantiles of some calls; None where none of them was streamed."""

    ttft_p50_s: float | None = None
    ttft_p95_s: float | None = None
    tokens_per_second_p50: float | None = None


def last_deploy(con: duckdb.DuckDBPyConnection, window: Window) -> Deploy | None:
    """The last change of a service's version within the window; None: there was none."""
    found = rows(con, "last_deploy", window)
    return Deploy(*found[0]) if found else None


def extent(con: duckdb.DuckDBPyConnection) -> Extent:
    """What the store holds at all."""
    return Extent(*rows(con, "extent", Window())[0])


def services(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Every service that ever called, by name."""
    return [row[0] for row in rows(con, "services", Window())]


def scores(con: duckdb.DuckDBPyConnection, window: Window) -> Scores:
    """The window's figures."""
    return _scores(_sums(con, window, "month"), _clocks(con, window, "month").get((None, None), _Clocks()))


def measured(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> Measured:
    """The window's figures, whole and cut by time ("second", "minute", "hour" or "day") and model.

    All of it together, because it rests on one pass over the calls' tokens and prices.
    """
    sums = _sums(con, window, grain)
    whole = _clocks(con, window, grain).get((None, None), _Clocks())
    by_time = _clocks(con, window, grain, by_time=True)
    by_model = _clocks(con, window, grain, by_model=True)
    by_both = _clocks(con, window, grain, by_time=True, by_model=True)
    moments: dict[datetime, list[_Sums]] = {}
    models: dict[str | None, list[_Sums]] = {}
    for one in sums:
        moments.setdefault(one.moment, []).append(one)
        models.setdefault(one.model, []).append(one)
    return Measured(
        _scores(sums, whole),
        [_moment(at, moments[at], by_time[at, None]) for at in sorted(moments)],
        [
            ModelMoment(one.moment, one.model, one.n_calls, by_both[one.moment, one.model].ttft_p50_s, one.cost_usd)
            for one in sorted(sums, key=lambda one: (one.model is None, one.model or "", one.moment))
        ],
        sorted(
            (_benchmark(model, parts, by_model[None, model]) for model, parts in models.items()),
            key=lambda one: (-one.n_calls, one.model or ""),
        ),
    )


def _sums(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[_Sums]:
    return [_Sums(*row) for row in rows(con, "sums", window, grain=grain)]


def _clocks(
    con: duckdb.DuckDBPyConnection, window: Window, grain: str, *, by_time: bool = False, by_model: bool = False
) -> dict[tuple[datetime | None, str | None], _Clocks]:
    """The quantiles of each moment and model; None stands for all of them where they are not told apart."""
    found = rows(con, "quantiles", window, grain=grain, by_time=by_time, by_model=by_model)
    return {(at, model): _Clocks(*_pair(ttft_s), rate) for at, model, ttft_s, rate in found}


def _scores(sums: Sequence[_Sums], clocks: _Clocks) -> Scores:
    return Scores(
        sum(one.n_calls for one in sums),
        sum(one.n_errors for one in sums),
        clocks.ttft_p50_s,
        clocks.ttft_p95_s,
        clocks.tokens_per_second_p50,
        _sum(one.cache_read_tokens for one in sums),
        _sum(one.cacheable_tokens for one in sums),
        _sum(one.cost_usd for one in sums),
        sum(one.n_unpriced for one in sums),
        _sum(one.waited_s for one in sums),
    )


def _moment(at: datetime, sums: Sequence[_Sums], clocks: _Clocks) -> Moment:
    return Moment(
        at,
        sum(one.n_calls for one in sums),
        sum(one.n_errors for one in sums),
        clocks.ttft_p50_s,
        clocks.ttft_p95_s,
        clocks.tokens_per_second_p50,
        _sum(one.cache_read_tokens for one in sums),
        _sum(one.cacheable_tokens for one in sums),
        _sum(one.cost_usd for one in sums),
        _sum(one.waited_s for one in sums),
    )


def _benchmark(model: str | None, sums: Sequence[_Sums], clocks: _Clocks) -> Benchmark:
    n_priced, cost_usd = sum(one.n_priced for one in sums), _sum(one.cost_usd for one in sums)
    return Benchmark(
        model,
        sum(one.n_calls for one in sums),
        sum(one.n_ttft for one in sums),
        clocks.ttft_p50_s,
        clocks.ttft_p95_s,
        sum(one.n_rate for one in sums),
        clocks.tokens_per_second_p50,
        None if cost_usd is None else 1000 * cost_usd / n_priced,
    )


def _pair(quantiles: list[float] | None) -> tuple[float | None, float | None]:
    """Two quantiles as DuckDB gives them: NULL where there is no value at all."""
    return (None, None) if quantiles is None else (quantiles[0], quantiles[1])


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
