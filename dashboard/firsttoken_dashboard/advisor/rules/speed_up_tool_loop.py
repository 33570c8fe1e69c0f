"""The model asks for several tools at once, the application runs them one after another."""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor.estimate import difference, next_run, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="speed-up-tool-loop",
    title="Run the tools of one answer together",
    docs="https://platform.claude.com/docs/en/agents-and-tools/tool-use/parallel-tool-use",
    needs={"depends_on": "firsttoken.depends_on", "response_blocks": "firsttoken.response.blocks"},
    whole=True,
)

MINIMUM_TRACES: Final = 3
#: Share of a loop's time that is spent in tools, from which on their order matters.
TOOL_SHARE: Final = 0.3
#: Tools that run together take about as long as one; here they take this many times as long, for each beyond the first.
IN_A_ROW: Final = 0.6
WORTH_IT_S: Final = 0.2
#: Times that the tools of one answer are drawn, and how far off that may be: those asked for together may be others
#: than those asked for alone.
DRAWS: Final = 50
UNLIKE: Final = 0.15


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    n: int
    weight: float
    several: int
    traces_seen: int
    one_s: float | None
    several_s: float
    tools: float
    tool_s: float
    all_s: float
    one_gaps_s: list[float] | None
    several_gaps: list[dict[str, float]]
    max_tokens: int | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Agents whose tools take longer the more of them one answer asks for; hints where one alone was never seen."""
    rows = (_Row(*values) for values in ask(con, "speed_up_tool_loop", context))
    return [_finding(row, context) for row in rows if _matters(row)]


def _matters(row: _Row) -> bool:
    if row.traces_seen < MINIMUM_TRACES or row.tool_s < TOOL_SHARE * row.all_s:
        return False
    if row.several_s * (1 - 1 / row.tools) < WORTH_IT_S:
        return False
    return row.one_s is None or row.several_s >= row.one_s * (1 + IN_A_ROW * (row.tools - 1))


def _spared(row: _Row) -> Range:
    """Seconds that an answer with tools comes earlier, on average, if the tools of one answer run together.

    They then take as long as the longest. How long each took is not recorded: they are told from the pauses with one
    tool, drawn and stretched so that together they make the pause that was seen.
    """
    share = row.several / row.n
    if not row.one_gaps_s:
        most = row.several_s * (1 - 1 / row.tools)
        return Range(0.4 * most, 0.8 * most, most).times(share)
    luck = random.Random(0)  # noqa: S311 - resampling, not secrets
    spared: list[float] = []
    left: list[float] = []
    for gap in row.several_gaps:
        drawn = [luck.choices(row.one_gaps_s, k=round(gap["tools"])) for _ in range(DRAWS)]
        longest = gap["gap_s"] * fmean(max(times) / sum(times) if sum(times) > 0 else 1.0 for times in drawn)
        spared.append(gap["gap_s"] - longest)
        left.append(longest)
    deviation = pstdev([*left, *row.one_gaps_s])
    mean = share * fmean(spared)
    again = next_run(mean, deviation, row.n)
    return difference(Range.within(mean, UNLIKE), Range(again.low - mean, 0.0, again.high - mean))


def _finding(row: _Row, context: Context) -> Finding:
    return Finding(
        rule=RULE.id,
        title=f"{row.several:,} answers ask for {row.tools:.1f} tools at once; in a row, {row.several_s:.1f} s",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=evidence(
            context,
            n=row.n,
            traces=row.traces,
            answers_with_several_tools=row.several,
            tools_mean=row.tools,
            one_tool_p50_s=row.one_s,
            several_tools_p50_s=row.several_s,
            tool_share=row.tool_s / row.all_s,
        ),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=_spared(row),
        ),
        confidence="medium" if row.one_s is not None else "low",
        caveats="Told from the time between two calls, not from the tools themselves. Tools with side effects may "
        "need their order; a person who is asked for leave is no slow tool. The saving is per answer with tools.",
        fix=Fix(
            before='results = [run_tool(block) for block in message.content if block.type == "tool_use"]',
            after='wanted = [block for block in message.content if block.type == "tool_use"]\n'
            "results = await asyncio.gather(*(run_tool(block) for block in wanted))\n"
            "# without asyncio: list(ThreadPoolExecutor().map(run_tool, wanted))",
            why="Tools that one answer asks for do not need each other's results: the model would have asked later. "
            "The SDK's tool runner, too, runs them one after another.",
            docs=RULE.docs,
        ),
        verify="The time between an answer that asks for several tools and the next call falls to that of one tool.",
        effort="medium",
        risk="medium",
        kind="finding" if row.n >= MINIMUM_CALLS and row.one_s is not None else "hint",
    )
