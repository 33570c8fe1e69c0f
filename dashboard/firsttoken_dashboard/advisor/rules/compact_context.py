"""A conversation carries everything that was ever said: let the API sum up its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.marked_sites import seconds_spared
from firsttoken_dashboard.advisor.prompts import Prefixes
from firsttoken_dashboard.advisor.recorded import Recording, recording
from firsttoken_dashboard.advisor.replay import CacheUse, Request
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="compact-context",
    title="Sum up long conversations",
    docs="https://platform.claude.com/docs/en/build-with-claude/context-editing",
    needs={"input_tokens": "gen_ai.usage.input_tokens"},
    whole=True,
)

#: A conversation of so many turns that ends so long is a long one (tokens of input).
MINIMUM_TURNS: Final = 10
LONG_TOKENS: Final = 50_000
#: Where the API is told to sum up, in tokens of input, and what a summary is then (low, expected, high).
TRIGGER_TOKENS: Final = 80_000
SUMMARY_TOKENS: Final = Range(2_000, 4_000, 8_000)
#: Share of the cost that has to go: summaries cost quality too.
WORTH_IT: Final = 0.1

_WHY: Final = (
    "Each turn pays for all turns before it. Compaction lets the API replace the beginning by a summary once the "
    "prompt is longer than the trigger; it costs the summary and one new cache write, and every later turn is shorter."
)


class _Row(NamedTuple):
    """compact_context.sql, column by column."""

    site_id: int
    model: str
    n: int
    weight: float
    max_tokens: int | None
    streams: bool
    traces: list[str]


@dataclass(slots=True)
class _Outcome:
    """The calls with shorter prompts, and the dollars that the summaries cost."""

    uses: list[CacheUse]
    summaries_usd: float
    summaries: int


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites with conversations that grow so long that summing them up pays."""
    if not con.execute("SELECT count(*) FROM audited WHERE block_count > 0").fetchall()[0][0]:
        raise CannotJudge("no call carries firsttoken.prompt.blocks")
    found: list[Finding] = []
    for values in ask(con, "compact_context", context, longest=LONG_TOKENS):
        row = _Row(*values)
        recorded = recording(con, context, row.site_id, row.model)
        if recorded is not None and recorded.requests:
            found.extend(_judge(row, recorded, context))
    return found


def _judge(row: _Row, recorded: Recording, context: Context) -> list[Finding]:
    before = recorded.as_it_was()
    long = [
        conversation
        for conversation in _conversations(recorded)
        if len(conversation) >= MINIMUM_TURNS and sum(before[conversation[-1]]) > LONG_TOKENS
    ]
    paid = sum(recorded.call_usd(place, use, recorded.output_tokens[place]) for place, use in enumerate(before))
    lengths = (SUMMARY_TOKENS.expected, SUMMARY_TOKENS.high, SUMMARY_TOKENS.low)
    outcomes = [_summed_up(recorded, long, tokens, before) for tokens in lengths]
    spared = [paid - sum(_usd(recorded, outcome)) - outcome.summaries_usd for outcome in outcomes]
    likely = outcomes[0]
    if not likely.summaries or spared[0] < WORTH_IT * paid:
        return []
    n = len(before)
    expected, low, high = (usd / n for usd in spared)
    turns = [len(conversation) for conversation in long]
    return [
        Finding(
            rule=RULE.id,
            title=f"{len(long):,} conversations grow to {max(sum(before[one[-1]]) for one in long):,} tokens a turn",
            site=context.sites[row.site_id],
            model=row.model,
            evidence=evidence(
                context,
                n=n,
                traces=row.traces,
                conversations=len(long),
                most_turns=max(turns),
                cache_read_share=sum(use.read for use in before) / sum(sum(use) for use in before),
                summaries=likely.summaries,
                usd_per_1000_calls=1000 * paid / n,
                usd_per_1000_calls_after=1000 * (paid - spared[0]) / n,
            ),
            saving=saving(
                context.rates,
                method="replayed",
                calls=row.weight,
                latency_s=seconds_spared(before, likely.uses, 0.5, context, row.model),
                latency_p95_s=seconds_spared(before, likely.uses, 0.95, context, row.model),
                usd_per_call=Range(min(low, 0.85 * expected), expected, max(high, 1.1 * expected)),
            ),
            confidence="medium",
            caveats="A summary forgets: try it on conversations whose beginning matters at the end. How long summaries "
            "get here is assumed (2,000 to 8,000 tokens).",
            fix=_fix(row),
            verify="The longest prompts of this site end a little above the trigger.",
            effort="medium",
            risk="medium",
            kind="finding" if n >= MINIMUM_CALLS else "hint",
            change=Change(row.site_id, row.model, reshape=partial(_shortened, long)),
        )
    ]


def _conversations(recorded: Recording) -> list[list[int]]:
    """Calls of which each prompt begins with the whole prompt of the one before, as places in the recording."""
    texts = Prefixes()
    open_at: dict[int, list[int]] = {}
    conversations: list[list[int]] = []
    for place, call in enumerate(recorded.recorded):
        numbers = texts.number(call.blocks)
        before = next((number for number in reversed(numbers[:-1]) if number in open_at), None)
        turns: list[int] = [] if before is None else open_at.pop(before)
        if before is None:
            conversations.append(turns)
        turns.append(place)
        if numbers:
            open_at[numbers[-1]] = turns
    return conversations


def _shortened(
    conversations: list[list[int]], recorded: Recording, uses: list[CacheUse]
) -> tuple[list[CacheUse], float]:
    """The likely outcome, beginning from other uses of the cache."""
    outcome = _summed_up(recorded, conversations, SUMMARY_TOKENS.expected, uses)
    return outcome.uses, outcome.summaries_usd


def _summed_up(
    recorded: Recording, conversations: list[list[int]], summary_tokens: float, uses: list[CacheUse]
) -> _Outcome:
    """Where a prompt passes the trigger, all but tools and system become a summary, for the turns that follow.

    The turn that passes it is billed twice: once for reading all of it and writing the summary, once for the answer.
    """
    outcome = _Outcome(list(uses), 0.0, 0)
    for turns in conversations:
        removed = 0.0
        for place in turns:
            use, request = outcome.uses[place], recorded.requests[place]
            shorter = sum(use) - removed - _head_tokens(request) - summary_tokens
            if sum(use) - removed > TRIGGER_TOKENS and shorter > 0:
                outcome.summaries_usd += recorded.call_usd(place, _without(use, removed), summary_tokens)
                outcome.summaries += 1
                removed += shorter
                left = round(sum(use) - removed)
                outcome.uses[place] = CacheUse(0, 0, left, 0) if request.marks else CacheUse(left, 0, 0, 0)
            else:
                outcome.uses[place] = _without(use, removed)
    return outcome


def _usd(recorded: Recording, outcome: _Outcome) -> list[float]:
    """Dollars of each call, without those of the summaries."""
    return [recorded.call_usd(place, use, recorded.output_tokens[place]) for place, use in enumerate(outcome.uses)]


def _head_tokens(request: Request) -> int:
    """Tokens of tools and system prompt, which stay."""
    ends = [request.ends[place] for place, block in enumerate(request.blocks) if block.section in {"tools", "system"}]
    return max(ends, default=0)


def _without(use: CacheUse, removed: float) -> CacheUse:
    """The oldest tokens go first: those read from the cache, then the others."""
    read = min(use.read, removed)
    written = min(use.write_5m, removed - read)
    uncached = min(use.uncached, removed - read - written)
    return use._replace(
        read=use.read - round(read), write_5m=use.write_5m - round(written), uncached=use.uncached - round(uncached)
    )


def _fix(row: _Row) -> Fix:
    call = source.stream if row.streams else source.create
    trigger = f'{{"type": "input_tokens", "value": {TRIGGER_TOKENS}}}'
    edits = f'{{"edits": [{{"type": "compact_20260112", "trigger": {trigger}}}]}}'
    extra = {"betas": '["compact-2026-01-12"]', "context_management": edits}
    after = call(row.model, row.max_tokens, extra).replace("client.messages", "client.beta.messages")
    return Fix(call(row.model, row.max_tokens), after, _WHY, RULE.docs)
