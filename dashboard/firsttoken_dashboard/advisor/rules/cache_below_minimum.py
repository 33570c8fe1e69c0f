"""A marker on a prompt too short for the cache does nothing, without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix
from firsttoken_dashboard.advisor.marked_sites import MarkedSite, marked_sites
from firsttoken_dashboard.advisor.rules import Context, Rule, evidence

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.advisor.recorded import Recording

RULE: Final = Rule(
    id="cache-below-minimum",
    title="Markers on prompts too short to cache",
    docs="https://platform.claude.com/docs/en/build-with-claude/prompt-caching#cache-limitations",
    needs={"input_tokens": "gen_ai.usage.input_tokens"},
)

_WHY: Final = (
    "This model caches no prefix shorter than its minimum, and says nothing about a marker on one: both counters stay "
    "0. Drop the marker, or move it behind more text that stays the same (examples, a document)."
)


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites that mark every prompt, of which nothing was ever written or read."""
    found = (_judge(site, recorded, context) for site, recorded in marked_sites(con, context, cached=False))
    return [one for one in found if one is not None]


def _judge(site: MarkedSite, recorded: Recording, context: Context) -> Finding | None:
    minimum = recorded.model.min_cache_tokens or 0
    marked = [request.ends[request.marks[-1].place] for request in recorded.requests if request.marks]
    if not marked or max(marked) >= minimum:
        return None
    call = source.stream if site.streams else source.create
    system = '[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]'
    return Finding(
        rule=RULE.id,
        title=f"A marker does nothing: {max(marked):,} tokens, and {recorded.model.name} caches from {minimum:,} on",
        site=context.sites[site.site_id],
        model=site.model,
        evidence=evidence(
            context, n=site.marked, traces=site.traces, longest_marked_tokens=max(marked), model_minimum_tokens=minimum
        ),
        saving=saving(context.rates, method="modelled", calls=site.weight),
        confidence="high",
        caveats="No saving is promised: the marker costs nothing, it only misleads who reads the code.",
        fix=Fix(
            call(site.model, site.max_tokens, {"system": system}),
            call(site.model, site.max_tokens, {"system": "SYSTEM"}),
            _WHY,
            RULE.docs,
        ),
        verify="Either no marker is sent, or gen_ai.usage.cache_read.input_tokens is above 0.",
        kind="finding" if site.marked >= MINIMUM_CALLS else "hint",
    )
