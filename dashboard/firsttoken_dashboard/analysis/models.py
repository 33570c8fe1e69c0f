"""What the Models and Compare pages ask: models side by side, what a site's calls use, and which versions there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds at the 5th, 25th, 50th, 75th and 95th percentile."""

    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One model on these calls; tokens are means of a call. `ttft` is None where no call was streamed."""

    model: str | None
    n_calls: int
    n_errors: int
    duration: Spread | None
    ttft: Spread | None
    tokens_per_second_p50: float | None
    input_tokens: float | None
    output_tokens: float | None
    hit_rate: float | None
    usd_per_1000_calls: float | None


@dataclass(frozen=True, slots=True)
class SiteTokens:
    """The mean successful call of a site to one model, in tokens."""

    model: str | None
    n_calls: int
    uncached: float
    read: float
    written_5m: float
    written_1h: float
    output: float


def by_model(con: duckdb.DuckDBPyConnection, window: Window) -> list[ModelUse]:
    """The 50 models with most calls; reads `priced_calls`."""
    return [
        ModelUse(model, n, errors, _spread(duration), _spread(ttft), *others)
        for model, n, errors, duration, ttft, *others in rows(con, "models", window)
    ]


def site_tokens(con: duckdb.DuckDBPyConnection, window: Window, file: str, line: int | None) -> list[SiteTokens]:
    """One entry per model that the site calls, most calls first."""
    return [SiteTokens(*row) for row in rows(con, "site_tokens", window, file=file, line=line)]


def versions(con: duckdb.DuckDBPyConnection, service: str | None) -> list[str]:
    """Every `service.version`, the newest first; at most 100."""
    return [row[0] for row in rows(con, "versions", Window(service=service))]


def _spread(found: list[float] | None) -> Spread | None:
    return None if found is None else Spread(*found)
