"""What the Caching page asks: how the input was served, over time and by site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How one site and model use the prompt cache. Tokens and USD are sums."""

    service: str | None
    file: str | None
    line: int | None
    function: str | None
    model: str | None
    n_calls: int
    n_reading: int
    n_writing: int
    read_tokens: float | None
    written_tokens: float | None
    uncached_tokens: float | None
    read_usd: float | None
    written_usd: float | None
    uncached_usd: float | None

    @property
    def hit_rate(self) -> float | None:
        """Cache reads over all input, weighted by tokens."""
        whole = (self.read_tokens or 0) + (self.written_tokens or 0) + (self.uncached_tokens or 0)
        return None if self.read_tokens is None or not whole else self.read_tokens / whole


@dataclass(frozen=True, slots=True)
class CacheMoment:
    """Input tokens of one minute, hour or day by how they were served."""

    moment: datetime
    read_tokens: float | None
    written_tokens: float | None
    uncached_tokens: float | None


def use(con: duckdb.DuckDBPyConnection, window: Window) -> list[CacheUse]:
    """The 200 sites and models with most input that report caching; reads `priced_calls`."""
    return [CacheUse(*row) for row in rows(con, "caching", window)]


def course_of_cache(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[CacheMoment]:
    """Input tokens per `grain`."""
    return [CacheMoment(*row) for row in rows(con, "course_of_cache", window, grain=grain)]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One call as the prompt cache saw it; `blocks` as `section:hash:chars:mark`, times in seconds."""

    span_id: str
    start_s: float
    headers_s: float | None
    duration_s: float | None
    workspace: str
    speed: str | None
    settings: str | None
    batch: bool
    geo: str | None
    blocks: list[str]
    uncached_tokens: int
    read_tokens: int
    write_5m_tokens: int
    write_1h_tokens: int


def prompts_of_site(con: duckdb.DuckDBPyConnection, window: Window, one: CacheUse, most: int) -> list[Prompt]:
    """The latest `most` calls of one site and model that succeeded, in the order of their start."""
    found = rows(
        con,
        "prompts_of_site",
        window,
        site_service=one.service,
        file=one.file,
        line=one.line,
        function=one.function,
        model=one.model,
        most=most,
    )
    return [Prompt(*row) for row in found]
