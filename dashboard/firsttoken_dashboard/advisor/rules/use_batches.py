"""Many independent calls that nobody waits for: as a batch they cost half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import difference, next_run, saving
from firsttoken_dashboard.advisor.findings import Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="use-batches",
    title="Send what nobody waits for as a batch",
    docs="https://platform.claude.com/docs/en/build-with-claude/batch-processing",
    needs={
        "model": "gen_ai.request.model",
        "stream": "gen_ai.request.stream",
        "output_tokens": "gen_ai.usage.output_tokens",
    },
)

#: Calls in one hour from which on a batch is worth its code.
MINIMUM_PEAK: Final = 100
#: Share of today's cache reads that a batch still has: it promises none.
READS_KEPT: Final = (0.3, 0.65, 1.0)


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    n: int
    weight: float
    job: bool | None
    peak: int
    uncached_tokens: float
    cache_read_tokens: float
    cache_write_5m_tokens: float
    cache_write_1h_tokens: float
    output_tokens: float
    deviations: list[float]
    max_tokens: int | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Jobs with at least 100 independent calls in an hour; hints where it is not known that nobody waits."""
    rows = (_Row(*values) for values in ask(con, "use_batches", context))
    return [_finding(row, context) for row in rows if row.peak >= MINIMUM_PEAK]


def _finding(row: _Row, context: Context) -> Finding:
    money = _saved(row, context)
    job = bool(row.job)
    return Finding(
        rule=RULE.id,
        title=f"{row.peak:,} calls an hour"
        + (" that nobody waits for" if job else ", if nobody waits for them,")
        + " would cost half as a batch",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            most_calls_in_an_hour=row.peak,
            output_tokens_mean=row.output_tokens,
            unknown=None if job else "whether somebody waits for these answers",
        ),
        saving=saving(context.rates, method="modelled", calls=row.weight, usd_per_call=money),
        confidence="high" if job else "low",
        caveats="Answers come later: mostly within the hour, at the latest after a day. A batch promises no cache "
        "hits, has no tool loops, and each result has to be matched by its custom_id.",
        fix=Fix(
            before=f"for document in documents:\n    message = {source.create(row.model, row.max_tokens, indent=4)}",
            after="batch = client.messages.batches.create(requests=[\n"
            '    {"custom_id": document.id, "params": {'
            + ", ".join(
                (
                    f'"model": {source.text(row.model)}',
                    f'"max_tokens": {row.max_tokens if row.max_tokens is not None else "..."}',
                    '"messages": ...',
                )
            )
            + "}}\n    for document in documents\n])\n"
            '# later, when client.messages.batches.retrieve(batch.id).processing_status is "ended":\n'
            "for result in client.messages.batches.results(batch.id):\n"
            "    keep(result.custom_id, result.result)",
            why="A batch costs half of every token price, and has rate limits of its own.",
            docs=RULE.docs,
        ),
        verify="The site's calls are gone; messages.batches.create takes their place.",
        effort="medium",
        risk="low",
        kind="finding" if job else "hint",
        change=Change(row.site_id, row.model, batch=READS_KEPT[1]),
    )


def _saved(row: _Row, context: Context) -> Range | None:
    """Dollars a call; None where the model has no price."""
    at = context.rates.last
    if at is None:
        return None
    left = _deviation(row, context)
    writes = (round(row.cache_write_5m_tokens), round(row.cache_write_1h_tokens), round(row.output_tokens))
    reads, uncached = row.cache_read_tokens, row.uncached_tokens
    now = context.prices.cost(row.model, at, round(uncached), round(reads), *writes)
    saved: list[float] = []
    for kept in READS_KEPT:
        missed = round(uncached + reads * (1 - kept))
        then = context.prices.cost(row.model, at, missed, round(reads * kept), *writes, batch=True)
        if now is None or then is None:
            return None
        saved.append(now - then)
    if left is None:
        return None
    low, expected, high = sorted(saved)
    again = next_run(expected, left, row.n)
    return difference(Range(low, expected, high), Range(again.low - expected, 0.0, again.high - expected))


def _deviation(row: _Row, context: Context) -> float | None:
    """How far one call's dollars in a batch are from their mean: as if all its counts went up and down together."""
    at = context.rates.last
    counts = [round(count) for count in row.deviations]
    return None if at is None else context.prices.cost(row.model, at, *counts, batch=True)
