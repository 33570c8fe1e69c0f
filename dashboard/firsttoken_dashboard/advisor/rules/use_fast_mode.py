"""Somebody waits for a long answer to be written: fast mode writes it sooner, for double the price."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.pricing import Fast, Model

RULE: Final = Rule(
    id="use-fast-mode",
    title="Have long answers written faster",
    docs="https://platform.claude.com/docs/en/build-with-claude/fast-mode",
    needs={"output_tokens": "gen_ai.usage.output_tokens"},
)

#: Writing that takes this long, and this share of the call, at the median.
LONG_S: Final = 5.0
MOSTLY_WRITING: Final = 0.6
#: Where more of the output is thinking, a lower effort comes first: it costs nothing.
MOST_THINKING: Final = 0.6
#: How many times faster; "up to 2.5" is what is published.
FASTER: Final = Range(1.5, 2.0, 2.5)
#: From this share of answers on that nobody can read as they come, they are waited for to the end. A text that streams
#: is written faster than anybody reads, and one that does not costs nothing to stream: there it is a hint.
UNREADABLE: Final = 0.5
MONEY_ERROR: Final = 0.05

_WHY: Final = (
    "Fast mode writes up to 2.5 times as many tokens a second, at {factor:g} times the price of every token; the first "
    "token comes no sooner. It has rate limits of its own: fall back to the usual speed on 429 and 529."
)


class _Row(NamedTuple):
    """use_fast_mode.sql, column by column."""

    site_id: int
    model: str
    n: int
    weight: float
    max_tokens: int | None
    streams: bool
    writing_p50_s: float | None
    writing_p95_s: float | None
    duration_p50_s: float
    duration_p95_s: float
    output_p50: float
    output_p95: float
    thinking_share: float
    unreadable: float
    uncached: float | None
    read: float
    write_5m: float
    write_1h: float
    output: float
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites at which somebody waits for the last token, of a model that can be asked to write faster."""
    found = (_judge(_Row(*row), context) for row in ask(con, "use_fast_mode", context))
    return [one for one in found if one is not None]


def _judge(row: _Row, context: Context) -> Finding | None:
    day = (context.rates.last or dt.datetime.now(dt.timezone.utc)).date()
    known = context.prices.model(row.model)
    fast = _sold(known, day)
    writing = _writing_s(row, context)
    if known is None or fast is None or writing is None or row.thinking_share > MOST_THINKING:
        return None
    at_p50, at_p95 = writing
    if at_p50 < LONG_S or at_p50 < MOSTLY_WRITING * row.duration_p50_s:
        return None
    usage = (row.uncached or 0.0, row.read, row.write_5m, row.write_1h, row.output)
    usd = context.prices.cost(known.id, day, *(round(count) for count in usage))
    latency = Range(*(at_p50 * (1 - 1 / times) for times in (FASTER.low, FASTER.expected, FASTER.high)))
    extra = {"speed": '"fast"'} | ({} if fast.beta is None else {"betas": f'["{fast.beta}"]'})
    call = source.stream if row.streams else source.create
    after = call(row.model, row.max_tokens, extra)
    dearer = None if usd is None else usd * (fast.factor - 1)
    return Finding(
        rule=RULE.id,
        title=f"Somebody waits {at_p50:.0f} s while an answer of {row.output_p50:.0f} tokens is written",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            writing_p50_s=at_p50,
            duration_p50_s=row.duration_p50_s,
            output_tokens_p50=row.output_p50,
            extra_usd_per_1000_calls=None if dearer is None else 1000 * dearer,
            extra_usd_per_second_saved=None if dearer is None else dearer / latency.expected,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=latency,
            latency_p95_s=latency.times(at_p95 / at_p50),
            usd_per_call=None if dearer is None else Range.within(-dearer, MONEY_ERROR),
        ),
        confidence="medium",
        caveats="It costs money instead of saving it. A text that is shown as it comes is read slower than it is "
        "written already. The cache is written anew when the speed changes. Not for batches."
        + ("" if fast.until is None else f" For this model it ends on {fast.until}."),
        fix=Fix(
            call(row.model, row.max_tokens),
            after if fast.beta is None else after.replace("client.messages", "client.beta.messages"),
            _WHY.format(factor=fast.factor),
            RULE.docs,
        ),
        verify="The usage says speed fast, and firsttoken.output_tokens_per_second rises at this site.",
        kind="finding" if row.n >= MINIMUM_CALLS and row.unreadable >= UNREADABLE else "hint",
        change=Change(row.site_id, row.model, fast=True),
    )


def _sold(model: Model | None, day: dt.date) -> Fast | None:
    """The model's fast mode, where it has one that day."""
    fast = None if model is None else model.fast
    return None if fast is None or fast.ignored or (fast.until is not None and day >= fast.until) else fast


def _writing_s(row: _Row, context: Context) -> tuple[float, float] | None:
    """Seconds of writing at p50 and p95; of answers that come whole, by the model's rate here."""
    if row.writing_p50_s is not None and row.writing_p95_s is not None:
        return row.writing_p50_s, row.writing_p95_s
    tps = context.fit.tps(row.model)
    if tps is None or tps.expected <= 0:
        return None
    return (
        min(row.output_p50 / tps.expected, row.duration_p50_s),
        min(row.output_p95 / tps.expected, row.duration_p95_s),
    )
