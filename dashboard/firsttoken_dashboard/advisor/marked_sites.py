"""Sites that mark their prompts for the cache: what the rules about existing markers look at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard.advisor.estimate import Distribution, difference
from firsttoken_dashboard.advisor.findings import Range
from firsttoken_dashboard.advisor.recorded import Recording, recording
from firsttoken_dashboard.advisor.replay import CacheUse, as_sent
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

#: Share of the input's cost that has to go for a change to be worth its words.
WORTH_IT: Final = 0.05
#: A replay of the calls as they were sent has to come this close to what they cost, or it explains nothing.
EXPLAINED: Final = 0.15
#: Lengths and usage are exact here; when entries are evicted early, and what the next calls ask, is not.
MONEY_ERROR: Final = 0.15
#: What a service takes for the same work differs by this share from one hour to the next.
RUN_TO_RUN: Final = 0.05


class MarkedSite(NamedTuple):
    """marked_sites.sql, column by column."""

    site_id: int
    model: str
    n: int
    marked: int
    weight: float
    max_tokens: int | None
    streams: bool
    read_tokens: int
    written_tokens: int
    traces: list[str]


def marked_sites(
    con: duckdb.DuckDBPyConnection, context: Context, *, cached: bool = True
) -> Iterator[tuple[MarkedSite, Recording]]:
    """Each with its latest calls; `cached`: those of which something was read or written, or else the others.

    Raises CannotJudge where no call tells the shape of its prompt.
    """
    if not con.execute("SELECT count(*) FROM audited WHERE block_count > 0").fetchall()[0][0]:
        raise CannotJudge("no call carries firsttoken.prompt.blocks")
    for row in ask(con, "marked_sites", context):
        site = MarkedSite(*row)
        if cached != bool(site.read_tokens + site.written_tokens):
            continue
        recorded = recording(con, context, site.site_id, site.model)
        if recorded is not None and recorded.requests:
            yield site, recorded


def as_replayed(recorded: Recording, context: Context) -> list[CacheUse] | None:
    """The calls as they were sent, run again; None where that is not what the API counted.

    Then no change of it could be told either: entries were evicted early, or calls were not recorded.
    """
    replayed, was = recorded.under(as_sent, context), recorded.as_it_was()
    pairs = (
        (recorded.input_usd(replayed), recorded.input_usd(was)),
        # Most of a bill may be something else: what was written tells whether misses are where they were.
        (_written(replayed), _written(was)),
    )
    return replayed if all(abs(run - counted) <= EXPLAINED * counted for run, counted in pairs) else None


def _written(uses: Sequence[CacheUse]) -> float:
    return sum(use.write_5m + use.write_1h for use in uses)


def usd_spared(
    recorded: Recording, before: Sequence[CacheUse], after: Sequence[CacheUse], *, most: float = math.inf
) -> Range:
    """Dollars per call, over all recorded calls; `most` is what all of them together can spare."""
    usd = min(recorded.input_usd(before) - recorded.input_usd(after), most) / len(before)
    return Range.within(usd, MONEY_ERROR)


def seconds_spared(
    before: Sequence[CacheUse],
    after: Sequence[CacheUse],
    share: float,
    context: Context,
    model: str,
    *,
    length_error: float = 0.0,
) -> Range | None:
    """What fewer tokens to read take off the first token at that quantile; None: too little to say.

    Never more than the first token takes. `length_error` is the share by which the spared tokens may be wrong.
    """
    then = Distribution.of(use.processed for use in before).quantile(share)
    now = Distribution.of(use.processed for use in after).quantile(share)
    spared = then - now
    if spared < WORTH_IT * then:
        return None
    per_token = context.fit.per_token(model)
    first = context.fit.ttft(model, then)
    read = Range(
        per_token.low * spared * (1 - length_error),
        per_token.expected * spared,
        per_token.high * spared * (1 + length_error),
    )
    if first is None:
        return read
    # The typical first token is not the same in two runs, however well is known what a token costs.
    luck = Range(first.low - first.expected, 0.0, first.high - first.expected)
    saved = difference(read.at_least(RUN_TO_RUN), luck)
    return Range(*(min(max(seconds, 0.0), first.expected) for seconds in (saved.low, saved.expected, saved.high)))
