"""A site's calls, read from the store for a replay, and what their input costs under another use of the cache."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor import prompts
from firsttoken_dashboard.advisor.replay import CacheUse, Policy, Recorded, Request, replay, requests

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.advisor.rules import Context
    from firsttoken_dashboard.pricing import Model, Price

#: A replay runs over this many of a site's calls, the latest: a stretch of real time, since gaps decide about hits.
MOST_CALLS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Recording:
    """The calls of one site with one model, ready to run again. `prices` are per call, times `factors`."""

    model: Model
    recorded: Sequence[Recorded]
    requests: Sequence[Request]
    prices: Sequence[Price]
    factors: Sequence[float]
    output_tokens: Sequence[int]

    def call_usd(self, place: int, use: CacheUse, output_tokens: float) -> float:
        """One call, had its input been that: a shorter one may be in another tier of the price list."""
        price = self.prices[place]
        if sum(use) != sum(self.recorded[place].used):
            day = dt.datetime.fromtimestamp(self.recorded[place].start_s, dt.timezone.utc).date()
            price = self.model.price(day, sum(use)) or price
        return self.factors[place] * (_input_usd(use, price) + output_tokens * price.output / 1e6)

    def as_it_was(self) -> list[CacheUse]:
        """What the API counted."""
        return [request.used for request in self.requests if request.used is not None]

    def under(self, policy: Policy, context: Context) -> list[CacheUse]:
        """What it would have counted with other markers."""
        return replay(self.requests, policy, context.prices.cache)

    def changed(self, recorded: Sequence[Recorded], policy: Policy, context: Context) -> list[CacheUse]:
        """What the API would have counted, had the application sent these calls in their place."""
        return replay(requests(recorded, context.prices.cache), policy, context.prices.cache)

    def input_usd(self, uses: Sequence[CacheUse]) -> float:
        """What the input of all calls costs, with the cache used like that."""
        return sum(
            factor * _input_usd(use, price) for use, price, factor in zip(uses, self.prices, self.factors, strict=True)
        )


def _input_usd(use: CacheUse, price: Price) -> float:
    """Dollars of one call's input, without factors."""
    return (
        use.uncached * price.input
        + use.read * price.cache_read
        + use.write_5m * price.cache_write_5m
        + use.write_1h * price.cache_write_1h
    ) / 1e6


def recording(con: duckdb.DuckDBPyConnection, context: Context, site_id: int, model: str) -> Recording | None:
    """The latest calls of a site that succeeded; None where the model, its price or its minimum is not known."""
    known = context.recordings
    if (site_id, model) not in known:
        known[site_id, model] = _read(con, context, site_id, model)
    return known[site_id, model]


def _read(con: duckdb.DuckDBPyConnection, context: Context, site_id: int, model: str) -> Recording | None:
    known = context.prices.model(model)
    if known is None or known.min_cache_tokens is None:
        return None
    rows = analysis.rows(
        con, "recorded", context.window, package=__package__ or __name__, site=site_id, model=model, most=MOST_CALLS
    )
    recorded: list[Recorded] = []
    prices: list[Price] = []
    factors: list[float] = []
    output: list[int] = []
    for row in rows:
        start_s, headers_s, duration_s, streamed, answered, workspace, speed, settings, batch, geo, texts, *counts = row
        uncached, read, write_5m, write_1h, output_tokens, _weight = counts
        used = CacheUse(uncached, read, write_5m, write_1h)
        blocks = prompts.blocks(texts)
        price = known.price(dt.datetime.fromtimestamp(start_s, dt.timezone.utc).date(), sum(used))
        factor = context.prices.factor(known, speed=speed, batch=batch, geo=geo)
        if blocks is None or price is None or factor is None or min(used) < 0:
            continue
        begins_in_s = _begins_in_s(context, model, used, headers_s, duration_s, streamed=streamed)
        scope = (answered, workspace)
        recorded.append(Recorded(start_s, begins_in_s, known.min_cache_tokens, blocks, scope, speed, settings, used))
        prices.append(price)
        factors.append(factor)
        output.append(output_tokens or 0)
    return Recording(known, recorded, requests(recorded, context.prices.cache), prices, factors, output)


def _begins_in_s(
    context: Context, model: str, used: CacheUse, headers_s: float | None, duration_s: float | None, *, streamed: bool
) -> float:
    """Seconds until the response began. One that is not streamed comes whole, but the server begins it earlier."""
    arrived = duration_s if headers_s is None else headers_s
    if streamed and headers_s is not None:
        return headers_s
    first = context.fit.ttft(model, used.processed)
    times = [time for time in (arrived, None if first is None else first.expected) if time is not None]
    return min(times, default=0.0)
