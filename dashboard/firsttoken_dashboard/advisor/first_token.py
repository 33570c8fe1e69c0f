"""Slow first token: which sites keep their reader waiting, and what the wait is made of.

Only streams tell: of an answer that comes whole, no first token was seen (and its headers may come with its last).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor.findings import Checked, Finding, Part, SlowFirstToken

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.advisor.rules import Context

#: Seconds at the 95th percentile from which on a site is listed.
LIMIT_S: Final = 3.0

RETRIES: Final = "retries"
CONNECTION: Final = "connection"
HEADERS: Final = "headers"
UNCACHED: Final = "uncached input"
THINKING: Final = "hidden thinking"
UNEXPLAINED: Final = "unexplained"

#: Which rules can shorten a part; the first that found something at the site is named.
RULES: Final[dict[str, tuple[str, ...]]] = {
    RETRIES: ("raise-timeout", "handle-overload"),
    CONNECTION: ("reuse-client",),
    HEADERS: (),
    UNCACHED: ("enable-prompt-caching", "repair-prompt-cache", "extend-cache-ttl", "compact-context"),
    THINKING: ("lower-effort", "use-smaller-model"),
    UNEXPLAINED: (),
}
_NOTHING: Final[dict[str, str]] = {
    RETRIES: "Nothing to change: the attempts before failed, too rarely for a rule to speak",
    CONNECTION: "Nothing to change: connections are opened anew, but no client is thrown away here",
    HEADERS: "Nothing to change: the service took that long before it began to answer",
    UNCACHED: "Nothing to change: the prompt is long, and no part of it comes again in time to be cached",
    THINKING: "Nothing to change: the model thinks before it answers; a lower effort would shorten that",
    UNEXPLAINED: "Nothing to change: nothing recorded explains it",
}


class _Slow(NamedTuple):
    """One slow call of first_token.sql; -1 where a figure was not recorded."""

    ttft_s: float
    retry_s: float
    connection_s: float
    headers_s: float
    processed_tokens: float
    silent_tokens: float
    tokens_per_second: float


def slow_sites(
    con: duckdb.DuckDBPyConnection,
    context: Context,
    findings: Collection[Finding] = (),
    checked: Collection[Checked] = (),
) -> list[SlowFirstToken]:
    """Sites whose time to first token is over 3 s at the 95th percentile, slowest first.

    `findings` and `checked` are those of the same audit: advice names a rule that found something at the site, or one
    that could not judge, or says that there is nothing to change.
    """
    unjudged = {one.rule: one.note for one in checked if one.outcome == "not judged"}
    rows = analysis.rows(con, "first_token", context.window, package=__package__ or __name__, limit_s=LIMIT_S)
    slow: list[SlowFirstToken] = []
    for site_id, model, n, p50, p95, calls, timed_out, shaped in rows:
        parts = _parts([_Slow(*call) for call in calls], model, context)
        largest = max(parts, key=lambda part: part.seconds).name
        site = context.sites[site_id]
        at_site = {one.rule for one in findings if one.site == site}
        order = RULES[largest] if timed_out or largest != RETRIES else tuple(reversed(RULES[largest]))
        rule = next((name for name in order if name in at_site), None)
        parts = [Part(part.name, part.seconds, rule if part.name == largest else None) for part in parts]
        doubts = [f"{name} could not judge ({unjudged[name]})" for name in order if name in unjudged]
        if largest == UNCACHED and not doubts:
            doubts = _no_replay(model, context, shaped=bool(shaped))
        slow.append(SlowFirstToken(site, model, n, p50, p95, parts, _advice(largest, rule, parts, doubts)))
    return slow


def _no_replay(model: str, context: Context, *, shaped: bool) -> list[str]:
    """Why the cache rules had nothing to run again at this site; empty: they had."""
    known = context.prices.model(model)
    if not shaped:
        return ["enable-prompt-caching could not judge (no call here carries firsttoken.prompt.blocks)"]
    if known is None or known.min_cache_tokens is None:
        return [f"enable-prompt-caching could not judge (nothing is known of {model}'s prompt cache)"]
    return []


def _advice(largest: str, rule: str | None, parts: Sequence[Part], doubts: Sequence[str]) -> str:
    whole = sum(part.seconds for part in parts)
    seconds = next(part.seconds for part in parts if part.name == largest)
    share = f"{seconds:.1f} of {whole:.1f} s are {largest}"
    if rule is not None:
        return f"{share}: see {rule}"
    return f"Not known: {'; '.join(doubts)} ({share})" if doubts else f"{_NOTHING[largest]} ({share})"


def _parts(calls: Sequence[_Slow], model: str, context: Context) -> list[Part]:
    """The mean of each part over the slow calls; together they are the mean time to first token."""
    sums = dict.fromkeys(RULES, 0.0)
    for call in calls:
        for name, seconds in _split(call, model, context).items():
            sums[name] += seconds
    return [Part(name, seconds / len(calls), None) for name, seconds in sums.items()]


def _split(call: _Slow, model: str, context: Context) -> dict[str, float]:
    """One call's wait, piece by piece from what was left by the pieces before; no piece is more than what is left.

    What was measured comes first. The headers come at some point of the model's reading and thinking, so only what
    these do not explain of the time until then is the headers' own.
    """
    left = call.ttft_s
    split: dict[str, float] = {}

    def take(name: str, seconds: float) -> None:
        nonlocal left
        split[name] = min(max(seconds, 0.0), left)
        left -= split[name]

    take(RETRIES, call.retry_s)
    take(CONNECTION, call.connection_s)
    before = call.ttft_s - left
    take(UNCACHED, context.fit.per_token(model).expected * call.processed_tokens)
    take(THINKING, _thinking_s(call, model, context))
    take(HEADERS, call.headers_s - before - split[UNCACHED] if call.headers_s >= 0 else 0.0)
    split[UNEXPLAINED] = left
    return split


def _thinking_s(call: _Slow, model: str, context: Context) -> float:
    """Thinking that was not shown: its tokens at the rate at which this call, or this model, writes."""
    tps = context.fit.tps(model)
    rate = call.tokens_per_second if call.tokens_per_second > 0 else 0.0 if tps is None else tps.expected
    return call.silent_tokens / rate if rate > 0 else 0.0
