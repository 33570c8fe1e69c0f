"""What the Sites page asks: one row per line of the application that makes calls, and its course.

All of it reads `priced_calls`, the view that `firsttoken_dashboard.pricing.attach` makes on a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb

#: service, file, line, function; each may be unknown.
Place: TypeAlias = tuple[str | None, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site. Seconds, tokens, USD; None is not known."""

    service: str | None
    file: str | None
    line: int | None
    function: str | None
    n_calls: int
    n_errors: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    duration_p50_s: float | None
    duration_p95_s: float | None
    tokens_per_second_p50: float | None
    input_tokens: float | None
    output_tokens: float | None
    cache_read_tokens: float | None
    cacheable_tokens: float | None
    cost_usd: float | None

    @property
    def place(self) -> Place:
        return (self.service, self.file, self.line, self.function)

    @property
    def hit_rate(self) -> float | None:
        """Cache reads over all input, weighted by tokens."""
        if self.cache_read_tokens is None or not self.cacheable_tokens:
            return None
        return self.cache_read_tokens / self.cacheable_tokens


@dataclass(frozen=True, slots=True)
class SiteMoment:
    """One site's figures of one minute, hour or day."""

    moment: datetime
    service: str | None
    file: str | None
    line: int | None
    function: str | None
    n_calls: int
    duration_p50_s: float | None

    @property
    def place(self) -> Place:
        return (self.service, self.file, self.line, self.function)


def by_site(con: duckdb.DuckDBPyConnection, window: Window) -> list[SiteRow]:
    """The 200 dearest sites."""
    clocks = {
        tuple(place): rest
        for *place, ttft_s, duration_s, rate in rows(con, "site_quantiles", window)
        for rest in [(*(ttft_s or (None, None)), *(duration_s or (None, None)), rate)]
    }
    return [
        SiteRow(service, file, line, function, n, errors, *clocks[service, file, line, function], *others)
        for service, file, line, function, n, errors, *others in rows(con, "site_sums", window)
    ]


def dearest(con: duckdb.DuckDBPyConnection, window: Window) -> list[tuple[str, int | None]]:
    """File and line of the 200 dearest sites, where the line is known."""
    return [(file, line) for _, file, line, *_ in rows(con, "site_sums", window) if file is not None]


def course_by_site(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[SiteMoment]:
    """Every site's figures per `grain`, in order."""
    return [SiteMoment(*row) for row in rows(con, "course_by_site", window, grain=grain)]
