"""Cached prompts expire between calls: keep what stays the same for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix
from firsttoken_dashboard.advisor.marked_sites import (
    WORTH_IT,
    MarkedSite,
    as_replayed,
    marked_sites,
    seconds_spared,
    usd_spared,
)
from firsttoken_dashboard.advisor.misses import Miss, misses
from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Request
from firsttoken_dashboard.advisor.rules import Context, Rule, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from firsttoken_dashboard.advisor.recorded import Recording

RULE: Final = Rule(
    id="extend-cache-ttl",
    title="Keep cached prompts for an hour",
    docs="https://platform.claude.com/docs/en/build-with-claude/prompt-caching#1-hour-cache-duration",
    needs={"cache_write_tokens": "gen_ai.usage.cache_write.input_tokens"},
    whole=True,
)

#: Fewer expired entries are chance.
MINIMUM_EXPIRED: Final = 3

_WHY: Final = (
    "An entry lives 5 minutes from its last use. Here calls often come later than that and write it again, at 1.25 "
    "times the price. For an hour a write costs twice the price, and each one that it saves pays for that."
)
_EVERYWHERE: Final = (
    " The marker in the messages needs the hour too: one for an hour may not come after one for five minutes."
)


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites whose calls, run again with an hour on the prompt's head, would have cost less."""
    found = (_judge(site, recorded, context) for site, recorded in marked_sites(con, context))
    return [one for one in found if one is not None]


def _judge(site: MarkedSite, recorded: Recording, context: Context) -> Finding | None:
    expired = [miss for miss in misses(recorded, context.prices.cache) if miss.cause == "expired"]
    if len(expired) < MINIMUM_EXPIRED:
        return None
    before = as_replayed(recorded, context)
    if before is None:
        return None
    head, everywhere = recorded.under(_hour_at_the_head, context), recorded.under(_hour_everywhere, context)
    after = min((head, everywhere), key=recorded.input_usd)
    paid, would_pay = recorded.input_usd(before), recorded.input_usd(after)
    saved = usd_spared(recorded, before, after, most=_written_again_usd(recorded, expired))
    n = len(before)
    if n * saved.expected < WORTH_IT * paid:
        return None
    return Finding(
        rule=RULE.id,
        title=f"The cache expires before {len(expired):,} of {n:,} calls, which write it again",
        site=context.sites[site.site_id],
        model=site.model,
        evidence=evidence(
            context,
            n=n,
            traces=site.traces,
            calls_after_expiry=len(expired),
            tokens_written_again=sum(miss.tokens for miss in expired),
            input_usd_per_1000_calls=1000 * paid / n,
            input_usd_per_1000_calls_after=1000 * would_pay / n,
        ),
        saving=saving(
            context.rates,
            method="replayed",
            calls=site.weight,
            latency_s=seconds_spared(before, after, 0.5, context, site.model),
            latency_p95_s=seconds_spared(before, after, 0.95, context, site.model),
            usd_per_call=saved,
        ),
        confidence="high",
        caveats="It pays as long as calls keep coming like this: an hour of silence loses an entry all the same.",
        fix=_fix(site, head=after is head),
        verify="anthropic.usage.cache_creation.ephemeral_1h_input_tokens appears, and calls after a pause read.",
        kind="finding" if n >= MINIMUM_CALLS else "hint",
        change=Change(site.site_id, site.model, marks=_hour_at_the_head if after is head else _hour_everywhere),
    )


def _written_again_usd(recorded: Recording, expired: Sequence[Miss]) -> float:
    """What the expired entries cost beyond reading them: no lifetime saves more than that."""
    tokens = [0] * len(recorded.requests)
    for miss in expired:
        tokens[miss.place] += miss.tokens
    written = [CacheUse(0, 0, count, 0) for count in tokens]
    read = [CacheUse(0, count, 0, 0) for count in tokens]
    return recorded.input_usd(written) - recorded.input_usd(read)


def _hour_at_the_head(request: Request) -> list[Mark]:
    """An hour for tools and system prompt; the conversation moves on, and stays at five minutes."""
    return [
        Mark(mark.place, "1h" if request.blocks[mark.place].section in {"tools", "system"} else mark.ttl)
        for mark in request.marks
    ]


def _hour_everywhere(request: Request) -> list[Mark]:
    return [Mark(mark.place, "1h") for mark in request.marks]


def _fix(site: MarkedSite, *, head: bool) -> Fix:
    call = source.stream if site.streams else source.create

    def marked(control: str) -> str:
        system = f'[{{"type": "text", "text": SYSTEM, "cache_control": {control}}}]'
        return call(site.model, site.max_tokens, {"system": system})

    why = _WHY if head else _WHY + _EVERYWHERE
    return Fix(marked('{"type": "ephemeral"}'), marked('{"type": "ephemeral", "ttl": "1h"}'), why, RULE.docs)
