"""A large model answers small questions: ask a small one, after comparing answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, at_least_zero, difference, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.pricing import Model, Prices

RULE: Final = Rule(
    id="use-smaller-model",
    title="Ask a smaller model",
    docs="https://platform.claude.com/docs/en/about-claude/models/choosing-a-model",
    needs={"input_tokens": "gen_ai.usage.input_tokens", "output_tokens": "gen_ai.usage.output_tokens"},
)

#: Larger models than these families' smallest do the asking.
LARGE: Final = frozenset({"sonnet", "opus", "fable", "mythos"})
SMALL: Final = "haiku"
#: A small thing: at the 95th percentile no longer than this, asked and answered, in tokens; at the median much shorter.
LONGEST_ANSWER: Final = 300
USUAL_ANSWER: Final = 150
LONGEST_PROMPT: Final = 8_000
#: Above this share of the answer, thinking is what the model is there for.
MOST_THINKING: Final = 0.3
#: A few truncated or odd endings do not make a site a hard one.
MOSTLY: Final = 0.95
#: Where a smaller model already has a part of a site's calls, the large one gets what that could not answer.
ALONE: Final = 0.98
#: What a service takes for the same work differs by this share from one hour to the next.
RUN_TO_RUN: Final = 0.1
#: Share of the money, or of the wait, that has to go.
WORTH_IT: Final = 0.2

_WHY: Final = (
    "Short questions with short answers, one at a time, without tools or thinking: what the small model is made for. "
    "Compare both models' answers on recorded questions first, and change the model where they are as good."
)


@dataclass(frozen=True, slots=True)
class _Row:
    """use_smaller_model.sql, column by column."""

    site_id: int
    model: str
    n: int
    weight: float
    interactive: bool | None
    max_tokens: int | None
    streams: bool
    finished: float
    with_tools: float
    asked_for_effort: float
    thinking_share: float
    output_p95: float
    input_p95: float
    most_in_trace: int
    share_of_site: float
    duration_s: list[float]
    ttft_s: list[float]
    output_tokens: list[float]
    processed_tokens: list[float]
    uncached: float
    read: float
    write_5m: float
    write_1h: float
    output: float
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites whose every call is small and simple, though they ask a large model."""
    found = (_judge(_Row(*row), context) for row in ask(con, "use_smaller_model", context))
    return [one for one in found if one is not None]


def _simple(row: _Row) -> bool:
    return (
        row.output_p95 <= LONGEST_ANSWER
        and row.output_tokens[len(row.output_tokens) // 2] <= USUAL_ANSWER
        and row.input_p95 <= LONGEST_PROMPT
        and row.with_tools == 0
        and row.finished >= MOSTLY
        and row.thinking_share < MOST_THINKING
        and row.asked_for_effort < 1 - MOSTLY
        and row.most_in_trace == 1
        and row.share_of_site >= ALONE
    )


def _judge(row: _Row, context: Context) -> Finding | None:
    large = context.prices.model(row.model)
    if large is None or large.family not in LARGE or not _simple(row):
        return None
    day = (context.rates.last or dt.datetime.now(dt.timezone.utc)).date()
    small = _newest(context.prices, day)
    if small is None or (ratio := context.prices.tokens_ratio(large, small)) is None:
        return None
    usd = _usd(row, large, small, ratio, context, day)
    if usd is None:
        return None
    paid, would_pay = usd
    latency, late = (_seconds(row, small.id, ratio, share, context) for share in (0.5, 0.95))
    if paid - would_pay < WORTH_IT * paid:
        return None
    certain = row.n >= MINIMUM_CALLS and row.interactive is not False
    return Finding(
        rule=RULE.id,
        title=f"{large.name} gives answers of {row.output_tokens[50]:.0f} tokens, at {_times(paid, would_pay)} "
        f"the price of {small.name}",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            output_tokens_p95=row.output_p95,
            input_tokens_p95=row.input_p95,
            thinking_share=row.thinking_share,
            duration_p50_s=row.duration_s[50],
            usd_per_1000_calls=1000 * paid,
            usd_per_1000_calls_after=1000 * would_pay,
            smaller_model=small.id,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=latency,
            latency_p95_s=late,
            usd_per_call=Range.within(paid - would_pay, 0.1),
        ),
        confidence="low" if latency is None else "medium",
        caveats=f"Nothing recorded tells whether {small.name}'s answers are good enough: compare them on saved "
        "questions. A lower effort on the same model is the smaller step."
        + (f" Its tokenizer makes about {ratio:g} times the tokens; that is reckoned with." if ratio != 1 else "")
        + (" This site is declared a job: nobody waits for it." if row.interactive is False else ""),
        fix=_fix(row, small),
        verify=f"gen_ai.request.model is {small.id} at this site, the answers stay as good, and the duration falls.",
        effort="low",
        risk="medium",
        kind="finding" if certain else "hint",
        change=Change(row.site_id, row.model, other_model=small.id),
    )


def _newest(prices: Prices, day: dt.date) -> Model | None:
    """The newest small model that is sold that day, with a price."""
    sold = [model for model in prices if model.family == SMALL and model.status(day) == "active" and model.prices]
    return max(sold, key=lambda model: model.released or dt.date.min, default=None)


def _usd(
    row: _Row, large: Model, small: Model, ratio: float, context: Context, day: dt.date
) -> tuple[float, float] | None:
    """Dollars of the mean call with each model. Caches fill the same way: they are per model, prompts are not."""
    usage = (row.uncached, row.read, row.write_5m, row.write_1h, row.output)
    now = context.prices.cost(large.id, day, *(round(count) for count in usage))
    then = context.prices.cost(small.id, day, *(round(count * ratio) for count in usage))
    return None if now is None or then is None else (now, then)


def _seconds(row: _Row, small: str, ratio: float, share: float, context: Context) -> Range | None:
    """Seconds that the whole answer comes earlier, at that quantile of the calls."""
    first = context.fit.ttft(small, ratio * Distribution(row.n, tuple(row.processed_tokens)).quantile(share))
    tps = context.fit.tps(small)
    if first is None or tps is None or tps.low <= 0:
        return None
    tokens = ratio * Distribution(row.n, tuple(row.output_tokens)).quantile(share)
    after = Range(first.low + tokens / tps.high, first.expected + tokens / tps.expected, first.high + tokens / tps.low)
    spared = difference(Distribution(row.n, tuple(row.duration_s)).quantile_range(share), after)
    return at_least_zero(spared.at_least(RUN_TO_RUN))


def _times(paid: float, would_pay: float) -> str:
    times = paid / would_pay if would_pay else 0.0
    return f"{times:.0f} times" if times >= 2 else f"{times:.1f} times"


def _fix(row: _Row, small: Model) -> Fix:
    call = source.stream if row.streams else source.create
    return Fix(before=call(row.model, row.max_tokens), after=call(small.id, row.max_tokens), why=_WHY, docs=RULE.docs)
