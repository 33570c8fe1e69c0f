"""What the Overview asks: how the calls score, how that went over time, and how fast each model is here.

All of it reads `priced_calls`, the view that `firsttoken_dashboard.pricing.attach` makes on a connection.
"""

from __future__ import annotations

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
    simulated: bool

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
    duration_p50_s: float | None
    n_errors: int
    cost_usd: float | None
    usd_per_1000_calls: float | None


@dataclass(frozen=True, slots=True)
class Deploy:
    """The version of a service that came last: its first call's start (UTC), and the version `before` it."""

    service: str | None
    version: str
    before: str
    since: datetime
    n_calls: int


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
    return Scores(*rows(con, "scores", window)[0])


def course(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[Moment]:
    """The figures per `grain` ("minute", "hour" or "day") in order; a grain without calls has no entry."""
    return [Moment(*row) for row in rows(con, "course", window, grain=grain)]


def course_by_model(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[ModelMoment]:
    """As `course`, model by model."""
    return [ModelMoment(*row) for row in rows(con, "course_by_model", window, grain=grain)]


def benchmark(con: duckdb.DuckDBPyConnection, window: Window) -> list[Benchmark]:
    """One entry per model, most calls first."""
    return [Benchmark(*row) for row in rows(con, "benchmark", window)]


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
