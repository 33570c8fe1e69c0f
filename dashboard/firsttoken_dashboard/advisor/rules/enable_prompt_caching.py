"""The same long beginning is sent and paid again and again: mark it for the prompt cache."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.advisor import placements, source
from firsttoken_dashboard.advisor.estimate import saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Confidence, Finding, Fix, Range
from firsttoken_dashboard.advisor.marked_sites import seconds_spared
from firsttoken_dashboard.advisor.placements import Outcome, Placement
from firsttoken_dashboard.advisor.recorded import Recording, recording
from firsttoken_dashboard.advisor.replay import replay
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, ask, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="enable-prompt-caching",
    title="Cache what every prompt begins with",
    docs="https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
    needs={"input_tokens": "gen_ai.usage.input_tokens"},
    whole=True,
)

#: Share of the input's cost that has to go: less is noise, and not worth a marker.
WORTH_IT: Final = 0.05
#: Lengths come from characters: this close to the model's minimum nobody knows on which side the prefix is.
LENGTH_ERROR: Final = 0.15
#: An entry may be evicted before its time; seen rarely.
EVICTION: Final = 0.1
#: Over a longer window than this the first calls, before anything is cached, no longer count.
WARM_S: Final = 3_600.0

_WHY: Final = (
    "A marked prefix is stored when it is first sent. Later calls that begin with the very same bytes, within its "
    "time to live, pay a fraction of the input price for it, and the model does not read it again."
)
_HOUR: Final = (
    " These calls often come further apart than 5 minutes, so the hour, though its write costs more, is cheaper."
)


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites that send no marker, and would have paid less with one."""
    if not con.execute("SELECT count(*) FROM audited WHERE block_count > 0").fetchall()[0][0]:
        raise CannotJudge("no call carries firsttoken.prompt.blocks")
    found: list[Finding] = []
    for row in ask(con, "enable_prompt_caching", context):
        recorded = recording(con, context, row[0], row[1])
        if recorded is not None and recorded.requests:
            found.extend(_judge(row, recorded, context))
    return found


def _judge(row: tuple[Any, ...], recorded: Recording, context: Context) -> list[Finding]:
    site_id, model, _n, weight, max_tokens, streams, traces = row
    outcome = placements.best(recorded, context)
    before = recorded.as_it_was()
    paid = recorded.input_usd(before)
    if outcome is None or paid - outcome.usd <= WORTH_IT * paid:
        return []
    n = len(before)
    hits = [use.read for use in outcome.uses if use.read]
    prefix = median(hits)
    minimum = recorded.model.min_cache_tokens or 0
    near_minimum = prefix < minimum * (1 + LENGTH_ERROR)
    error = LENGTH_ERROR * (1 - prefix / max(median(sum(use) for use in before), prefix, 1.0))
    per_call = _spread((paid - outcome.usd) / n, (paid - _warm_usd(recorded, outcome, context)) / n, error)
    seconds = [seconds_spared(before, outcome.uses, share, context, model, length_error=error) for share in (0.5, 0.95)]
    confidence: Confidence = "high"
    if prefix < 2 * minimum or not recorded.model.min_cache_certain:
        confidence = "medium"
    return [
        Finding(
            rule=RULE.id,
            title=f"{round(prefix):,} tokens that {len(hits):,} of {n:,} calls share are paid in full each time",
            site=context.sites[site_id],
            model=model,
            evidence=evidence(
                context,
                n=n,
                traces=traces,
                shared_prefix_tokens=round(prefix),
                model_minimum_tokens=minimum,
                calls_that_would_read=len(hits),
                input_tokens_p50=float(median(sum(use) for use in before)),
                input_usd_per_1000_calls=1000 * paid / n,
                input_usd_per_1000_calls_cached=1000 * outcome.usd / n,
                ttl=outcome.placement.ttl,
                marker=outcome.placement.place,
            ),
            saving=saving(
                context.rates,
                method="replayed",
                calls=weight,
                latency_s=seconds[0],
                latency_p95_s=seconds[1],
                usd_per_call=per_call,
            ),
            confidence="low" if near_minimum else confidence,
            caveats="Lengths are told from characters (give or take 15 %). Only byte for byte the same beginning "
            "counts, for the same model and workspace."
            + (f" It is close to the shortest prefix this model caches ({minimum} tokens)." if near_minimum else ""),
            fix=_fix(outcome.placement, model, max_tokens, streams=streams),
            verify="gen_ai.usage.cache_read.input_tokens is above 0 from the second call on, and the time to first "
            "token falls.",
            effort="low",
            risk="low",
            kind="finding" if n >= MINIMUM_CALLS and not near_minimum else "hint",
            change=Change(site_id, model, marks=outcome.placement.marks),
        )
    ]


def _warm_usd(recorded: Recording, outcome: Outcome, context: Context) -> float:
    """What the input would cost if the cache held already, as the calls began, what it holds when they have ended.

    The window's first calls find an empty cache only because the window begins there, or miss together because nobody
    filled it before; calls that go on like this do so once.
    """
    span_s = recorded.requests[-1].start_s - recorded.requests[0].start_s + 1.0
    if span_s > WARM_S:
        return outcome.usd
    earlier = [
        replace(request, start_s=request.start_s - span_s - request.begins_in_s) for request in recorded.requests
    ]
    uses = replay(
        [*sorted(earlier, key=lambda one: one.start_s), *recorded.requests],
        outcome.placement.marks,
        context.prices.cache,
    )
    return recorded.input_usd(uses[len(earlier) :])


def _spread(cold_usd: float, warm_usd: float, error: float) -> Range:
    """Between a cache that begins empty and one that is warm; lengths are wrong by that share, entries go early."""
    return Range(
        cold_usd * (1 - error - EVICTION),
        (cold_usd + max(cold_usd, warm_usd)) / 2,
        max(cold_usd, warm_usd) * (1 + error),
    )


def _fix(placement: Placement, model: str, max_tokens: int | None, *, streams: bool) -> Fix:
    call = source.stream if streams else source.create
    control = '{"type": "ephemeral"}' if placement.ttl == "5m" else '{"type": "ephemeral", "ttl": "1h"}'
    system = f'[{{"type": "text", "text": SYSTEM, "cache_control": {control}}}]'
    why = _WHY + (_HOUR if placement.ttl == "1h" else "")
    if placement.place == "tools":
        before, after = {"tools": "TOOLS"}, {"tools": f'[*TOOLS[:-1], {{**TOOLS[-1], "cache_control": {control}}}]'}
    elif placement.place == "system":
        before, after = {"system": "SYSTEM"}, {"system": system}
    elif placement.place == "end":
        before, after = {}, {"cache_control": control}
        why += " A marker on the request itself moves to the end of the conversation with every turn."
    elif placement.place == "system and end":
        before, after = {"system": "SYSTEM"}, {"system": system, "cache_control": control}
        why += " The marker on the system prompt serves new conversations, that on the request the turns of each."
    else:
        number = (placement.block or 0) + 1
        why += f" Here the {_ordinal(number)} block of the messages is the last that stays the same."
        marked = f'{{"type": "text", "text": SHARED, "cache_control": {control}}}'
        content = f'[{{"role": "user", "content": [{marked}, {{"type": "text", "text": QUESTION}}]}}]'
        bare = '[{"role": "user", "content": [{"type": "text", "text": SHARED}, {"type": "text", "text": QUESTION}]}]'
        plain = call(model, max_tokens)
        before_text, after_text = (plain.replace("messages=...", f"messages={text}") for text in (bare, content))
        return Fix(before_text, after_text, why, RULE.docs)
    return Fix(call(model, max_tokens, before), call(model, max_tokens, after), why, RULE.docs)


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
