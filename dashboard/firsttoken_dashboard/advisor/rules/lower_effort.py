"""Long thinking before short answers: ask for less effort."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import inverse, product, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="lower-effort",
    title="Think less before short answers",
    docs="https://platform.claude.com/docs/en/build-with-claude/effort",
    needs={"thinking_tokens": "gen_ai.usage.reasoning.output_tokens"},
)

#: From this share of the output on, thinking is most of what is waited and paid for.
MOSTLY_THINKING: Final = 0.6
#: Longer visible answers may need the thought.
SHORT_ANSWER_TOKENS: Final = 300
#: Fewer thinking tokens than this are not worth a change.
WORTH_IT_TOKENS: Final = 100
#: One level down thinks about half as much.
LESS: Final = Range(0.3, 0.5, 0.7)
LEVELS: Final = ("low", "medium", "high", "xhigh", "max")

_WHY: Final = (
    "Thinking is written before the answer, token by token, at the price of output, and the reader waits for it. A "
    "level lower, the model thinks about half as much. Compare answers on saved questions first."
)


class _Row(NamedTuple):
    """lower_effort.sql, column by column."""

    site_id: int
    model: str
    n: int
    weight: float
    max_tokens: int | None
    streams: bool
    effort: str | None
    with_tools: float
    thinking_share: float
    thinking_p50: float
    thinking_p95: float
    visible_p50: float
    wait_p50_s: float | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites without tools whose answers are short and mostly thought, above the lowest effort."""
    found = (_judge(_Row(*row), context) for row in ask(con, "lower_effort", context))
    return [one for one in found if one is not None]


def _judge(row: _Row, context: Context) -> Finding | None:
    known = context.prices.model(row.model)
    effort = row.effort or (None if known is None else known.default_effort)
    short = row.visible_p50 <= SHORT_ANSWER_TOKENS and row.with_tools == 0
    if not short or row.thinking_share < MOSTLY_THINKING or row.thinking_p50 < WORTH_IT_TOKENS:
        return None
    if effort not in LEVELS or effort == LEVELS[0]:
        return None
    lower = LEVELS[LEVELS.index(effort) - 1]
    tps = context.fit.tps(row.model)
    spared = LESS.times(row.thinking_p50)
    latency = late = None
    if tps is not None and tps.low > 0:
        latency = product(spared, inverse(tps))
        late = latency.times(row.thinking_p95 / row.thinking_p50)
    day = (context.rates.last or dt.datetime.now(dt.timezone.utc)).date()
    price = None if known is None else known.price(day, 0)
    call = source.stream if row.streams else source.create
    before = {} if row.effort is None else {"output_config": f'{{"effort": "{row.effort}"}}'}
    return Finding(
        rule=RULE.id,
        title=f"{row.thinking_p50:.0f} tokens of thinking come before {row.visible_p50:.0f} tokens of answer",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            effort=effort,
            thinking_share=row.thinking_share,
            thinking_tokens_p50=row.thinking_p50,
            visible_tokens_p50=row.visible_p50,
            wait_for_the_first_words_p50_s=row.wait_p50_s,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=latency,
            latency_p95_s=late,
            usd_per_call=None if price is None else spared.times(price.output / 1e6),
        ),
        confidence="medium",
        caveats="Nothing recorded tells what the thinking is good for. How much less the next level thinks is an "
        "average. A change of effort makes a cached conversation be written once more.",
        fix=Fix(
            call(row.model, row.max_tokens, before),
            call(row.model, row.max_tokens, {"output_config": f'{{"effort": "{lower}"}}'}),
            _WHY,
            RULE.docs,
        ),
        verify="gen_ai.usage.reasoning.output_tokens falls at this site, and the answers stay as good.",
        risk="medium",
        kind="finding" if row.n >= MINIMUM_CALLS else "hint",
        change=Change(row.site_id, row.model, output_spared=spared.expected),
    )
