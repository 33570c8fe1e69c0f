"""What the Errors page asks: what failed or had to be tried again, when, and how near the rate limits were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from firsttoken_dashboard.analysis import Window, rows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Failure:
    """Calls of one site and model with one outcome. `failed` is False where a retry succeeded; seconds are sums."""

    error_type: str
    http_status: int | None
    service: str | None
    file: str | None
    line: int | None
    model: str | None
    n_calls: int
    failed: bool
    waited_s: float | None
    failed_s: float | None
    last_start: datetime


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many calls there were, and how many of them ended in an error."""

    n_calls: int
    n_errors: int


@dataclass(frozen=True, slots=True)
class ErrorMoment:
    """How many calls ended in one error in one minute, hour or day."""

    moment: datetime
    error_type: str
    n_calls: int


@dataclass(frozen=True, slots=True)
class Headroom:
    """The least that was left of each rate limit, as a share; None where the API sent no such header."""

    moment: datetime
    requests: float | None
    tokens: float | None
    input_tokens: float | None
    output_tokens: float | None


def outcomes(con: duckdb.DuckDBPyConnection, window: Window) -> Outcomes:
    """How many calls, and how many that failed."""
    return Outcomes(*rows(con, "outcomes", window)[0])


def failures(con: duckdb.DuckDBPyConnection, window: Window) -> list[Failure]:
    """What failed, most calls first, then what succeeded after retries."""
    return [Failure(*row) for row in rows(con, "failures", window)]


def course_of_errors(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[ErrorMoment]:
    """Errors per `grain` and type."""
    return [ErrorMoment(*row) for row in rows(con, "course_of_errors", window, grain=grain)]


def headroom(con: duckdb.DuckDBPyConnection, window: Window, grain: str) -> list[Headroom]:
    """What was left of the rate limits per `grain`."""
    return [Headroom(*row) for row in rows(con, "headroom", window, grain=grain)]
