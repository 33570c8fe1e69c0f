"""The API is overloaded (529) or this organisation is over its limit (429): two causes, two cures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import lost_range, mean_range, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="handle-overload",
    title="Meet overload and rate limits without losing the answer",
    docs="https://platform.claude.com/docs/en/api/errors",
)
LIMITS_DOCS: Final = "https://platform.claude.com/docs/en/api/rate-limits"

#: One stray refusal, answered by a retry, is ordinary.
MINIMUM_HIT: Final = 3
FAILED_SHARE: Final = 0.005
RETRIED_SHARE: Final = 0.02
LOST_SHARE: Final = 0.1
#: Failures within ten minutes that are an outage, if they are this share of all calls: in a fortnight of many calls
#: one bad minute is ordinary.
BURST: Final = 3
BURST_SHARE: Final = 0.002
#: Whom to ask when a line of models is overloaded: the next one, whose capacity is its own.
FALLBACK_FAMILY: Final = {"fable": "opus", "mythos": "opus", "opus": "sonnet", "sonnet": "haiku", "haiku": "sonnet"}
#: Share of the failed calls that another model answers, from which on the application has a fallback.
RESCUED: Final = 0.8


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    reason: Literal["overload", "limit"]
    n: int
    weight: float
    hit: int
    failed: int
    attempts: int
    midstream: int
    without_advice: int
    retry_after_max_s: float | None
    long_sleeps: int
    lost_s: list[float]
    later_s: list[float]
    total_s: float | None
    worst_10_minutes: int
    rescued: int
    max_retries: int | None
    max_tokens: int | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites that meet 529 or 429 often enough to matter, each reason apart."""
    rows = (_Row(*values) for values in ask(con, "handle_overload", context))
    return [_finding(row, context) for row in rows if _matters(row)]


def _matters(row: _Row) -> bool:
    if row.hit < MINIMUM_HIT or _has_fallback(row):
        return False
    lost = sum(row.lost_s) * row.hit / max(len(row.lost_s), 1)
    return (
        row.failed >= max(MINIMUM_HIT, FAILED_SHARE * row.n)
        or row.worst_10_minutes >= max(BURST, BURST_SHARE * row.n)
        or row.hit >= RETRIED_SHARE * row.n
        or (row.total_s is not None and lost >= LOST_SHARE * row.total_s)
    )


def _has_fallback(row: _Row) -> bool:
    """Another model answers what overload leaves unanswered: what there is to do is done."""
    return row.reason == "overload" and row.rescued > 0 and row.rescued >= RESCUED * row.failed


def _finding(row: _Row, context: Context) -> Finding:
    spend = row.reason == "limit" and row.without_advice == row.attempts and row.failed == row.hit
    lost = mean_range(row.lost_s) if row.lost_s else None
    return Finding(
        rule=RULE.id,
        title=_title(row, spend=spend),
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            status=529 if row.reason == "overload" else 429,
            calls_refused=row.hit,
            calls_failed=row.failed,
            attempts_refused=row.attempts,
            refused_in_mid_stream=row.midstream or None,
            lost_mean_s=None if lost is None else lost.expected,
            retry_after_max_s=row.retry_after_max_s,
            sleeps_over_5_s=row.long_sleeps or None,
            most_failures_in_10_minutes=row.worst_10_minutes or None,
            max_retries=row.max_retries,
        ),
        saving=saving(context.rates, method="modelled", calls=row.weight, latency_s=_saved(row, lost, spend=spend)),
        confidence="low" if spend else "high" if row.n >= MINIMUM_CALLS else "medium",
        caveats=_caveats(row, spend=spend),
        fix=_spend_fix(row) if spend else _limit_fix(row) if row.reason == "limit" else _overload_fix(row, context),
        verify="The site's share of failed calls falls, and firsttoken.retry.wait with it."
        if not spend
        else "No call of the site ends with rate_limit_error.",
        effort="medium",
        risk="medium" if row.reason == "overload" else "low",
        kind="finding" if row.n >= MINIMUM_CALLS else "hint",
        key="spend" if spend else row.reason,
    )


def _title(row: _Row, *, spend: bool) -> str:
    if spend:
        return f"{row.failed:,} of {row.n:,} calls are refused with 429 and no time to come back: a spend limit?"
    what = "meet an overloaded API (529)" if row.reason == "overload" else "run into the rate limit (429)"
    end = f", {row.failed:,} fail" if row.failed else ", all are answered in the end"
    return f"{row.hit:,} of {row.n:,} calls {what}{end}"


def _saved(row: _Row, lost: Range | None, *, spend: bool) -> Range | None:
    """Seconds per call that need not be waited.

    A fallback spares what comes after the first refusal: sleeping, and attempts in vain. Under a rate limit, work that
    is spread has to wait for its turn all the same: certain is only the time of the attempts in vain. At a spend limit
    every retry is in vain.
    """
    if lost is None:
        return None
    share = row.hit / row.n
    if spend:
        return lost.times(share)
    if row.reason == "overload":
        return lost_range(row.later_s, hit=row.hit, n=row.n)
    return Range(0.0, lost.expected / 2, max(lost.high, lost.expected / 2)).times(share)


def _caveats(row: _Row, *, spend: bool) -> str:
    if spend:
        return (
            "Told from the missing retry-after header; a proxy in between may have dropped it. Retries cannot help "
            "at a spend limit."
        )
    if row.reason == "overload":
        midstream = (
            " Some errors came after the stream had begun: no SDK retries those, the application has to ask again."
            if row.midstream
            else ""
        )
        return (
            "The saving counts time only; an answer instead of an error is worth more. Another model answers "
            "differently, may refuse some parameters (disabled thinking, a forced tool), and starts with a cold "
            f"prompt cache.{midstream} Retries around the SDK's own (tenacity) multiply with them."
        )
    return (
        "The limit belongs to the organisation: other processes use it up too. Waiting for one's turn takes time as "
        "well, so only part of the lost time comes back."
    )


def _overload_fix(row: _Row, context: Context) -> Fix:
    fallback = _fallback(row.model, context)
    once = "client.with_options(max_retries=0)."
    impatient = source.create(row.model, row.max_tokens, indent=4).replace("client.", once, 1)
    return Fix(
        before=f"message = {source.create(row.model, row.max_tokens)}",
        after="try:\n"
        f"    message = {impatient}\n"
        "except anthropic.APIStatusError as error:\n"
        '    if error.status_code != 529 and error.type != "overloaded_error":\n'
        "        raise\n"
        "    # busy for everybody: ask a model whose capacity is another\n"
        f"    message = {source.create(fallback, row.max_tokens, indent=4)}",
        why="529 means that the service is busy for everybody, not that you ask too much: slowing down would not help. "
        "The SDK sleeps and asks the same model again; a model whose capacity is another answers at once, and is "
        "itself asked again as often as the client says.",
        docs=RULE.docs,
    )


def _limit_fix(row: _Row) -> Fix:
    call = source.create(row.model, row.max_tokens, indent=4)
    return Fix(
        before=f"message = {source.create(row.model, row.max_tokens)}",
        after="turns = threading.Semaphore(8)  # for asyncio: asyncio.Semaphore, awaited\n\n"
        f"with turns:\n    message = {call}",
        why="429 means that this organisation is over its own limit: a limit on the calls at once keeps bursts under "
        "it. Cached input does not count against most models' input limit, work that nobody waits for can go as a "
        "batch, and limits can be raised."
        + (
            f" The SDK slept up to {row.retry_after_max_s:.0f} s here because the API said so; "
            "nobody sees such a sleep in a log."
            if row.retry_after_max_s is not None and row.long_sleeps
            else ""
        ),
        docs=LIMITS_DOCS,
    )


def _spend_fix(row: _Row) -> Fix:
    call = source.create(row.model, row.max_tokens, indent=4)
    return Fix(
        before=f"message = {source.create(row.model, row.max_tokens)}",
        after="try:\n"
        f"    message = {call}\n"
        "except anthropic.RateLimitError as error:\n"
        '    if "retry-after" not in error.response.headers:  # a spend limit: asking again is in vain\n'
        "        stop_and_tell_someone(error)\n"
        "    raise",
        why="A 429 that names no time to come back is usually the organisation's spend limit: it ends when somebody "
        "raises it in the Console, or with the month.",
        docs=LIMITS_DOCS,
    )


def _fallback(name: str, context: Context) -> str | None:
    """The newest model that is in service, of the line next to this one; None where the model is not known."""
    model = context.prices.model(name)
    family = FALLBACK_FAMILY.get(model.family) if model is not None else None
    if context.rates.last is None:
        return None
    today = context.rates.last.date()
    candidates = [one for one in context.prices if one.family == family and one.status(today) == "active"]
    candidates = [one for one in candidates if one.released is not None and one.released <= today] or candidates
    newest = max(candidates, key=lambda one: (one.released is not None, one.released or today), default=None)
    return None if newest is None else newest.id
