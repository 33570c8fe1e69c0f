"""The very same request again, after it was answered: keep the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import difference, next_run, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="deduplicate-requests",
    title="Ask the same thing once",
    docs="https://docs.python.org/3/library/functools.html#functools.lru_cache",
    needs={"request_hash": "firsttoken.request.hash"},
    whole=True,
)

#: Answers of one site and model that are looked at: all to the same request, or none.
MOST_ANSWERS: Final = 20_000
REPEATED_SHARE: Final = 0.05
MINIMUM_REPEATS: Final = 5
#: Several answers to one request at the same time are usually wanted: to compare them, or to vote.
SAMPLED_SHARE: Final = 0.5
#: How many answers that are older than an hour may still be used; within the hour all of them.
OLD_ANSWER_SHARE: Final = 0.5
#: Where nobody waits and nearly all requests come again, hours later, it is a set that is run again: an evaluation.
WHOLE_SET: Final = 0.8
RUN_AGAIN_SOON: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    n: int
    weight: float
    repeats: int
    soon: int
    at_once: int
    requests: int
    distinct_requests: int
    waited_for: bool
    duration_s: float
    duration_deviation_s: float
    uncached_tokens: float
    cache_read_tokens: float
    cache_write_tokens: float
    output_tokens: float
    max_tokens: int | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites of whose answers at least 5 % were given before; hints where the repetition looks meant."""
    rows = (_Row(*values) for values in ask(con, "deduplicate_requests", context, most=MOST_ANSWERS))
    return [_finding(row, context) for row in rows if row.repeats >= max(MINIMUM_REPEATS, REPEATED_SHARE * row.n)]


def _kept(row: _Row) -> Range:
    """The share of the calls that a kept answer spares: all that were repeated soon, some of those repeated later.

    How many of another run's calls are repeats, and how long they are, is chance as well.
    """
    used = Range(
        row.soon / row.n, (row.soon + OLD_ANSWER_SHARE * (row.repeats - row.soon)) / row.n, row.repeats / row.n
    )
    share = used.expected
    varied = row.duration_deviation_s / row.duration_s if row.duration_s else 0.0
    chance = next_run(share, math.sqrt(share * (1 - share) + share * varied**2), row.n)
    either = difference(used, Range(chance.low - share, 0.0, chance.high - share))
    return Range(max(either.low, 0.0), share, min(either.high, 1.0))


def _finding(row: _Row, context: Context) -> Finding:
    kept = _kept(row)
    cost = None
    if context.rates.last is not None:
        counts = (row.uncached_tokens, row.cache_read_tokens, row.cache_write_tokens, 0, row.output_tokens)
        cost = context.prices.cost(row.model, context.rates.last, *(round(count) for count in counts))
    meant = row.at_once >= SAMPLED_SHARE * (row.repeats + row.at_once)
    # A handful of requests over and over is what a health check or an evaluation does.
    few = row.requests == 1
    return Finding(
        rule=RULE.id,
        title=f"{row.repeats:,} of {row.n:,} answers had been given before, to {row.requests:,} "
        f"{'request' if row.requests == 1 else 'requests'}",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            answers_repeated=row.repeats,
            within_an_hour=row.soon,
            asked_again_while_on_its_way=row.at_once or None,
            repeated_requests=row.requests,
            repeat_mean_s=row.duration_s,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=kept.times(row.duration_s),
            usd_per_call=None if cost is None else kept.times(cost),
        ),
        confidence="medium",
        caveats="All parameters were the same, byte for byte. Asking again is right where a fresh or a different "
        "answer is wanted (evaluations, several samples), or where it depends on the time. Do not share one user's "
        "answers with another.",
        fix=Fix(
            before=f"def ask(text):\n    return {source.create(row.model, row.max_tokens, indent=4)}",
            after="@functools.lru_cache(maxsize=4096)  # or a cache with a time to live, shared by your processes\n"
            f"def ask(text):\n    return {source.create(row.model, row.max_tokens, indent=4)}",
            why="An answer that is kept costs nothing and is there at once.",
            docs=RULE.docs,
        ),
        verify="firsttoken.request.hash no longer repeats at this site.",
        change=Change(row.site_id, row.model, usd_not_spent=0.0 if cost is None else kept.expected * cost),
        effort="medium",
        risk="medium",
        kind="finding" if row.n >= MINIMUM_CALLS and not meant and not few and not _run_again(row) else "hint",
    )


def _run_again(row: _Row) -> bool:
    whole = row.requests >= WHOLE_SET * row.distinct_requests
    return whole and not row.waited_for and row.soon < RUN_AGAIN_SOON * row.repeats
