"""What the Calls pages ask: a page of calls under a filter, one call, and the trace around it.

All of it reads `priced_calls`, the view that `firsttoken_dashboard.pricing.attach` makes on a connection.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.analysis import Window, rows, sql

if TYPE_CHECKING:
    import duckdb

#: What a page of calls can be sorted by.
ORDERS: Final = ("started", "duration", "ttft", "rate", "input", "output", "cost")
#: What a call's outcome can be asked for: it failed, it did not, it took more than one attempt, its answer was cut.
OUTCOMES: Final = ("failed", "good", "retried", "cut")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of the window's calls; None does not narrow. `text` is looked for in ids, names and errors."""

    model: str | None = None
    file: str | None = None
    line: int | None = None
    trace: str | None = None
    outcome: str | None = None
    slower_s: float | None = None
    faster_s: float | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A call as a table shows it. Seconds, tokens, USD; None is not known."""

    span_id: str
    trace_id: str
    started: datetime
    service: str | None
    model: str | None
    file: str | None
    line: int | None
    function: str | None
    stream: bool | None
    error_type: str | None
    http_status: int | None
    stop_reason: str | None
    attempts: int | None
    ttft_s: float | None
    duration_s: float | None
    tokens_per_second: float | None
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Count:
    """How much a filter leaves."""

    n_calls: int
    n_errors: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """A span of a trace; times are seconds from the trace's first start. `model` is None where it is no call."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    service: str | None
    start_s: float
    end_s: float
    failed: bool
    model: str | None


@dataclass(frozen=True, slots=True)
class Before:
    """The call before another one at the same site: its span, start, and prompt blocks (`section:hash:chars:mark`)."""

    span_id: str
    started: datetime
    prompt_blocks: list[str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to filter by."""

    models: list[str]
    sites: list[tuple[str, int | None]]


def page(
    con: duckdb.DuckDBPyConnection,
    window: Window,
    chosen: Filter,
    *,
    order: str = "started",
    descending: bool = True,
    size: int = 50,
    skip: int = 0,
) -> list[Listed]:
    """At most `size` calls from the `skip`-th on, in that order (one of ORDERS).

    First which ones they are, then what they were: the columns that are only shown are read for one page of rows.
    """
    asked: dict[str, Any] = {**asdict(chosen), "size": size, "skip": skip}
    if order == "started" and descending:
        placed = rows(con, "calls_newest", window, **asked)
    elif order == "cost":
        placed = rows(con, "calls_dearest", window, **asked, descending=descending)
    else:
        placed = rows(con, "calls_ordered", window, **asked, order=order, descending=descending)
    found = rows(con, "calls_page", Window(), row_ids=[row_id for (row_id,) in placed])
    shown = {row_id: Listed(*told) for row_id, *told in found}
    return [shown[row_id] for (row_id,) in placed]


def count(con: duckdb.DuckDBPyConnection, window: Window, chosen: Filter) -> Count:
    """How many calls the filter leaves."""
    return Count(*rows(con, "calls_count", window, **asdict(chosen))[0])


def call(con: duckdb.DuckDBPyConnection, span_id: str) -> dict[str, Any] | None:
    """Every column of one call and of its price, by name; None: there is no such call."""
    answer = con.execute(sql("call"), {"span": span_id})
    names = [column[0] for column in answer.description or ()]
    row = answer.fetchone()
    return None if row is None else dict(zip(names, row, strict=True))


def trace(con: duckdb.DuckDBPyConnection, trace_id: str, around: datetime) -> list[TraceSpan]:
    """The spans of a trace within a day of `around`, a call's start, by start; at most 300."""
    return [TraceSpan(*row) for row in rows(con, "trace", Window(), trace=trace_id, around=around)]


def before(
    con: duckdb.DuckDBPyConnection,
    started: datetime,
    service: str | None,
    file: str | None,
    line: int | None,
    model: str | None,
) -> Before | None:
    """The call before the one that `started` then at this service, site and model; None: no such call has blocks."""
    found = rows(con, "call_before", Window(), started=started, site_service=service, file=file, line=line, model=model)
    return Before(*found[0]) if found else None


def choices(con: duckdb.DuckDBPyConnection, window: Window) -> Choices:
    """The models and sites that the window's calls can be filtered by."""
    found = rows(con, "filters", window)
    return Choices(
        models=[value for kind, value, _ in found if kind == "model"],
        sites=[(value, line) for kind, value, line in found if kind == "site"],
    )
