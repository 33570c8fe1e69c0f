"""Answers that `max_tokens` cut off: paid for, and of no use where they are read by code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, lost_range, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="fix-truncation",
    title="Let answers come to their end",
    docs="https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons",
    needs={"stop_reason": "gen_ai.response.finish_reasons"},
)

CUT_SHARE: Final = 0.02
MINIMUM_CUT: Final = 3
#: A cut this short is meant: classifiers that read one token, calls that only warm the cache.
MEANT_TOKENS: Final = 16
#: Above this the SDK wants a stream (it expects more than ten minutes).
UNSTREAMED_TOKENS: Final = 21_333


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    n: int
    weight: float
    cut: int
    cut_tools: int
    max_tokens: int | None
    cut_output_tokens: float
    whole_tokens: list[float] | None
    whole: int
    streams: bool
    again: int
    asked_again: list[dict[str, float]]
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites of whose answers at least 2 % are cut off, unless the cut is meant."""
    rows = (_Row(*values) for values in ask(con, "fix_truncation", context))
    return [_finding(row, context) for row in rows if _matters(row)]


def _matters(row: _Row) -> bool:
    meant = row.max_tokens is not None and row.max_tokens <= MEANT_TOKENS
    return row.cut >= MINIMUM_CUT and row.cut >= CUT_SHARE * row.n and not meant


def _finding(row: _Row, context: Context) -> Finding:
    share = row.cut / row.n
    enough = _enough(row, context)
    lost_s, lost_usd = _lost(row, context)
    streamed = row.streams or enough > UNSTREAMED_TOKENS
    return Finding(
        rule=RULE.id,
        title=f"{row.cut:,} of {row.n:,} answers are cut off by max_tokens={row.max_tokens}",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            answers_cut_off=row.cut,
            asked_again=row.again or None,
            cut_share=share,
            tool_calls_cut_off=row.cut_tools or None,
            max_tokens=row.max_tokens,
            whole_answers_output_tokens_p95=None if not row.whole_tokens else row.whole_tokens[95],
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=lost_s,
            usd_per_call=lost_usd,
        ),
        confidence="high" if row.cut_tools else "medium",
        caveats="The saving counts cut answers that were asked for again in the same trace"
        + ("" if row.again >= MINIMUM_CUT else ", and none was seen")
        + ". Longer answers cost what they are long. With thinking, max_tokens counts the thinking too.",
        fix=Fix(
            before=source.create(row.model, row.max_tokens),
            after=(source.stream if streamed else source.create)(
                row.model, enough, {"system": 'SYSTEM + "\\nAnswer briefly, and come to an end."'}
            ),
            why="max_tokens does not make an answer shorter, it ends it in the middle"
            + ("; a tool call that is cut off has incomplete JSON" if row.cut_tools else "")
            + ". A higher limit costs nothing where it is not used: length is governed by what the prompt asks for.",
            docs=RULE.docs,
        ),
        verify="gen_ai.response.finish_reasons at this site holds no max_tokens.",
        kind="finding" if row.n >= MINIMUM_CALLS else "hint",
        change=Change(row.site_id, row.model, usd_not_spent=0.0 if lost_usd is None else lost_usd.expected),
    )


def _enough(row: _Row, context: Context) -> int:
    """A limit above what the answers need: their 95th percentile doubled, at least four times what was cut."""
    needed = 4 * row.cut_output_tokens
    if row.whole_tokens and row.whole >= MINIMUM_CALLS:
        needed = max(2 * Distribution(row.whole, tuple(row.whole_tokens)).quantile(0.95), 2 * row.cut_output_tokens)
    model = context.prices.model(row.model)
    limit = 1024 * math.ceil(needed / 1024)
    most = None if model is None else model.max_output_tokens
    return limit if most is None else min(limit, most)


def _lost(row: _Row, context: Context) -> tuple[Range | None, Range | None]:
    """Seconds and dollars a call that went into cut answers which were asked for again in full; None: none was.

    One that is read as it came, or asked for again out of our sight, is worth something to nobody we know of.
    """
    if not row.asked_again or row.again < MINIMUM_CUT:
        return None, None
    seconds = lost_range([one["duration_s"] for one in row.asked_again], hit=row.again, n=row.n)
    counts = ("uncached", "read", "write_5m", "write_1h", "output")
    at = context.rates.last
    costs = [
        None if at is None else context.prices.cost(row.model, at, *(round(one[count]) for count in counts))
        for one in row.asked_again
    ]
    known = [cost for cost in costs if cost is not None]
    return seconds, lost_range(known, hit=row.again, n=row.n) if known else None
