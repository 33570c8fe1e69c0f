"""Answers are written that nobody needs in that length: ask for shorter ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="trim-output",
    title="Ask for shorter answers",
    docs="https://platform.claude.com/docs/en/test-and-evaluate/strengthen-guardrails/reduce-latency",
    needs={"output_tokens": "gen_ai.usage.output_tokens"},
)

#: Visible tokens at the median from which on an answer is long.
LONG_ANSWER_TOKENS: Final = 400
#: A later call that uses less of an answer would have done with a shorter one.
LITTLE: Final = 0.25
#: Prompts that begin alike are answered in this share of the length elsewhere.
HALF: Final = 0.5
#: Times the used part that a shorter answer still has: at most, as the fix says, at least.
ROOM_HIGH, ROOM, ROOM_LOW = 2.5, 1.5, 0.5
#: Share of a site's answers that a later call has to use, before that call's needs say anything about the site.
MOSTLY: Final = 0.5
#: `max_tokens` this many times the longest answer says that nobody thought about the length.
FAR_ABOVE: Final = 8

_WHY: Final = (
    "Every output token takes its time and costs several times an input token. Say in the prompt how long the answer "
    "may be; max_tokens only cuts it off and is set here as a safety net, above what the answer needs."
)
_HINT_WHY: Final = (
    "A limit costs nothing and shortens nothing, but one near the real length stops an answer that runs away. Keep it "
    "well above the longest that is wanted: a cut answer is paid and useless."
)


@dataclass(frozen=True, slots=True)
class _Row:
    """trim_output.sql, column by column."""

    site_id: int
    model: str
    n: int
    weight: float
    max_tokens: int | None
    streams: bool
    longest: int
    finished: float
    visible_tokens: list[float]
    followed: int
    used_share: float | None
    traces: list[str]

    @property
    def visible_p50(self) -> float:
        return self.visible_tokens[len(self.visible_tokens) // 2]


@dataclass(frozen=True, slots=True)
class _Surplus:
    """Why answers are longer than needed: tokens that could go, the sentence that says so, calls that show it."""

    tokens: Range
    because: str
    calls: int
    share_used: float | None = None
    elsewhere_p50: float | None = None


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Long answers of which little is used, or that are given in half the length elsewhere; limits far off."""
    rows = [_Row(*row) for row in ask(con, "trim_output", context)]
    long = [row for row in rows if row.visible_p50 > LONG_ANSWER_TOKENS]
    elsewhere = _shorter_elsewhere(con, context) if long else {}
    found: list[Finding] = []
    for row in rows:
        surplus = _barely_used(row) or elsewhere.get((row.site_id, row.model)) if row in long else None
        if surplus is not None:
            found.append(_finding(row, surplus, context))
        elif row.n >= MINIMUM_CALLS and row.max_tokens is not None and row.max_tokens >= FAR_ABOVE * row.longest > 0:
            found.append(_hint(row, row.max_tokens, context))
    return found


def _barely_used(row: _Row) -> _Surplus | None:
    share = row.used_share
    if share is None or row.followed < MOSTLY * row.n or share >= LITTLE:
        return None
    # What is used, and half as much around it, has to be written still.
    spare = [row.visible_p50 * (1 - times * share) for times in (ROOM_HIGH, ROOM, ROOM_LOW)]
    tokens = Range(*spare)
    return _Surplus(tokens, f"the calls after it use {100 * share:.0f} % of it", row.followed, share_used=share)


def _shorter_elsewhere(con: duckdb.DuckDBPyConnection, context: Context) -> dict[tuple[int, str], _Surplus]:
    """Per site and model whose prompts begin like those of another site that answers in half the length."""
    heads: dict[tuple[str, str], list[tuple[int, int, float]]] = {}
    for head, site_id, model, n, visible_p50 in ask(con, "trim_output_prefix", context):
        heads.setdefault((head, model), []).append((site_id, n, visible_p50))
    surplus: dict[tuple[int, str], _Surplus] = {}
    for (_, model), groups in heads.items():
        for site_id, n, visible_p50 in groups:
            others = [group for group in groups if group[0] != site_id and 0 < group[2] <= HALF * visible_p50]
            if not others or visible_p50 <= LONG_ANSWER_TOKENS:
                continue
            other_site, other_n, other_p50 = max(others, key=lambda group: group[1])
            where = context.sites[other_site].label(context.source_root)
            surplus[site_id, model] = _Surplus(
                Range.within(visible_p50 - other_p50, 0.2),
                f"prompts that begin alike are answered in {other_p50:.0f} at {where}",
                min(n, other_n),
                elsewhere_p50=other_p50,
            )
    return surplus


def _finding(row: _Row, surplus: _Surplus, context: Context) -> Finding:
    tps = context.fit.tps(row.model)
    tokens = surplus.tokens
    latency = late = None
    if tps is not None and tps.low > 0:
        latency = Range(tokens.low / tps.high, tokens.expected / tps.expected, tokens.high / tps.low)
        late = latency.times(Distribution(row.n, tuple(row.visible_tokens)).quantile(0.95) / row.visible_p50)
    dollars = _output_usd(row.model, context)
    keep = round(row.visible_p50 - tokens.expected)
    return Finding(
        rule=RULE.id,
        title=f"Answers are {row.visible_p50:.0f} tokens long, and {surplus.because}",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            visible_output_tokens_p50=row.visible_p50,
            max_tokens=row.max_tokens,
            calls_whose_answer_is_used_later=row.followed,
            share_used_p50=surplus.share_used,
            answered_elsewhere_in_tokens_p50=surplus.elsewhere_p50,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=latency,
            latency_p95_s=late,
            usd_per_call=None if dollars is None else tokens.times(dollars),
        ),
        confidence="medium",
        caveats="What a person reads, or code uses without quoting it, is not seen: look at an answer first. How much "
        "shorter answers get depends on how the prompt says it.",
        fix=_fix(row, keep),
        verify="The visible output tokens of this site fall, its duration with them, and what comes after still works.",
        effort="low",
        risk="medium",
        kind="finding" if surplus.calls >= MINIMUM_CALLS else "hint",
        change=Change(row.site_id, row.model, output_spared=tokens.expected),
    )


def _hint(row: _Row, max_tokens: int, context: Context) -> Finding:
    limit = _above(row.longest)
    call = source.stream if row.streams else source.create
    return Finding(
        rule=RULE.id,
        title=f"max_tokens is {max_tokens:,}, the longest answer {row.longest:,}",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context, n=row.n, traces=row.traces, max_tokens=max_tokens, longest_output_tokens=row.longest
        ),
        saving=saving(context.rates, method="modelled", calls=row.weight),
        confidence="low",
        caveats="Nothing is saved as long as answers stay as they are.",
        fix=Fix(call(row.model, max_tokens), call(row.model, limit), _HINT_WHY, RULE.docs),
        verify="No answer at this site stops at max_tokens.",
        kind="hint",
        key="limit",
    )


def _fix(row: _Row, keep: int) -> Fix:
    call = source.stream if row.streams else source.create
    words = max(round(keep * 0.75, -1), 10)
    shorter = {"system": f'SYSTEM + "\\nAnswer in at most {words:.0f} words, and only with what was asked for."'}
    before = call(row.model, row.max_tokens, {"system": "SYSTEM"})
    return Fix(before, call(row.model, _above(2 * keep), shorter), _WHY, RULE.docs)


def _above(tokens: int) -> int:
    """A limit that is no limit for answers of that many tokens: the next power of two above double of it."""
    return 1 << max(2 * tokens, 64).bit_length()


def _output_usd(model: str, context: Context) -> float | None:
    """Dollars of one output token, at the list price of the window's last day."""
    known = context.prices.model(model)
    day = (context.rates.last or dt.datetime.now(dt.timezone.utc)).date()
    price = None if known is None else known.price(day, 0)
    return None if price is None else price.output / 1e6
