"""A prompt is marked for the cache, and yet written again and again: say what keeps it from being read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
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
from firsttoken_dashboard.advisor.misses import Cause, Miss, misses
from firsttoken_dashboard.advisor.prompts import Block
from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Recorded, Request, Ttl, as_sent
from firsttoken_dashboard.advisor.rules import Context, Rule, evidence
from firsttoken_dashboard.advisor.together import Change

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.advisor.recorded import Recording

RULE: Final = Rule(
    id="repair-prompt-cache",
    title="Let the prompt cache be read",
    docs="https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
    needs={"cache_write_tokens": "gen_ai.usage.cache_write.input_tokens"},
    whole=True,
)

#: Fewer writes in vain, or a smaller share of the calls, are chance.
MINIMUM_MISSES: Final = 5
MISSED_SHARE: Final = 0.05
#: Calls at once when a service starts are no fault; again and again they are.
MINIMUM_BURSTS: Final = 3
#: Expiry is what extend-cache-ttl is about, and nobody can mend what has no explanation.
_NOT_HERE: Final[frozenset[Cause]] = frozenset({"expired", "unexplained"})

_SAYS: Final[dict[Cause, str]] = {
    "model or speed switched": "the model or the speed changes between calls",
    "settings changed": "tool choice, thinking, effort or format change between calls",
    "sent at once": "calls start before the first answer has begun",
    "more than 20 blocks added": "more than 20 blocks lie between two markers",
    "tools reordered": "the same tools come in another order",
    "tools changed": "tool {block} of {of} differs",
    "system changed": "block {block} of {of} of the system prompt differs",
    "history edited": "block {block} of the messages, sent before, differs",
    "marked block varies": "the marked block itself differs each time",
}
_WHY: Final[dict[Cause, str]] = {
    "model or speed switched": "Every model, and either speed, has a cache of its own. Stay with one per conversation.",
    "settings changed": "Tool choice, thinking, effort and output format are part of what a cached conversation stands "
    "for. Keep them the same from turn to turn.",
    "sent at once": "An entry can be read once the first response has begun. Await the first call's beginning, then "
    "send the others.",
    "more than 20 blocks added": "From each marker the API looks back over 20 blocks only. A second marker in between, "
    "at most 20 blocks after the last write, is found.",
    "tools reordered": "The cache compares bytes: sort the tools, and build them in one place.",
    "tools changed": "Tools come first in the prompt: a change there makes everything after it new. Keep the list "
    "fixed, and name in tool_choice or in the messages what may be used now.",
    "system changed": "Whatever stands before the marker has to be the same to the byte. Put what changes (the time, "
    "the user's name) behind it, into the messages.",
    "history edited": "A conversation can be cached as long as it only grows. Append, and keep thinking blocks as they "
    "came; shorten it with context editing or compaction rather than by hand.",
    "marked block varies": "A marker writes everything up to its block. On a block that changes with every call it is "
    "written each time, for a quarter more than the price, and never read. Mark the last block that stays the same.",
}


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites whose marked prefixes are written more often than they would be without the cause found."""
    found: list[Finding] = []
    for site, recorded in marked_sites(con, context):
        found.extend(_judge(site, recorded, context))
    return found


def _judge(site: MarkedSite, recorded: Recording, context: Context) -> list[Finding]:
    seen = [miss for miss in misses(recorded, context.prices.cache) if miss.cause not in _NOT_HERE]
    if len(seen) < MINIMUM_MISSES:
        return []
    weight: Counter[Cause] = Counter()
    for miss in seen:
        weight[miss.cause] += miss.tokens
    cause = weight.most_common(1)[0][0]
    of_cause = [miss for miss in seen if miss.cause == cause]
    if len(of_cause) < max(MINIMUM_MISSES, MISSED_SHARE * len(recorded.requests)):
        return []
    if cause == "sent at once" and _bursts(of_cause) < MINIMUM_BURSTS:
        return []
    before = as_replayed(recorded, context)
    if before is None:
        return []
    after = _repaired(recorded, _change(site, cause, of_cause), context)
    spared = recorded.input_usd(before) - recorded.input_usd(after)
    if spared < WORTH_IT * recorded.input_usd(before):
        return []
    blocks = Counter((miss.block, miss.of) for miss in of_cause)
    (block, of), _ = blocks.most_common(1)[0]
    told = _SAYS[cause].format(block=(block or 0) + 1, of=of)
    section = of_cause[0].section
    n = len(before)
    return [
        Finding(
            rule=RULE.id,
            title=f"The cache is written in vain by {len(of_cause):,} of {n:,} calls: {told}",
            site=context.sites[site.site_id],
            model=site.model,
            evidence=evidence(
                context,
                n=n,
                traces=site.traces,
                cause=cause,
                calls_that_missed=len(of_cause),
                differing_block=None if block is None or section is None else f"{section} {block + 1} of {of}",
                tokens_written_in_vain=sum(miss.tokens for miss in of_cause),
                cache_read_tokens=site.read_tokens,
                cache_write_tokens=site.written_tokens,
                input_usd_per_1000_calls=1000 * recorded.input_usd(before) / n,
                input_usd_per_1000_calls_after=1000 * recorded.input_usd(after) / n,
            ),
            saving=saving(
                context.rates,
                method="replayed",
                calls=site.weight,
                latency_s=seconds_spared(before, after, 0.5, context, site.model),
                latency_p95_s=seconds_spared(before, after, 0.95, context, site.model),
                usd_per_call=usd_spared(recorded, before, after),
            ),
            confidence="medium",
            caveats="Which text differs is known by its place only, not by its content. "
            + ("A new first turn is no fault; " if cause == "history edited" else "")
            + "`diagnostics` of the API names the section that changed, if in doubt.",
            fix=_fix(cause, site),
            verify="gen_ai.usage.cache_read.input_tokens grows from call to call, and cache writes become rare.",
            effort="low"
            if cause in {"marked block varies", "more than 20 blocks added", "tools reordered"}
            else "medium",
            risk="low",
            kind="finding" if n >= MINIMUM_CALLS else "hint",
            key=cause,
            change=_change(site, cause, of_cause),
        )
    ]


def _bursts(of_cause: Sequence[Miss]) -> int:
    """How many times calls began at once: each begins after one that did not miss."""
    missed = {miss.place for miss in of_cause}
    return len({miss.before for miss in of_cause} - missed)


def _repaired(recorded: Recording, change: Change, context: Context) -> list[CacheUse]:
    """The calls again, without the cause."""
    if change.reshape is not None:
        uses, _ = change.reshape(recorded, recorded.as_it_was())
        return uses
    calls = recorded.recorded if change.calls is None else change.calls(recorded.recorded)
    return recorded.changed(calls, change.marks or as_sent, context)


def _change(site: MarkedSite, cause: Cause, of_cause: Sequence[Miss]) -> Change:
    """The calls without the cause."""
    fixed: set[tuple[str | None, int | None]] = {(miss.section, miss.block) for miss in of_cause}
    if cause == "marked block varies":
        fixed = {("system", 0)}
    mended: dict[Cause, Callable[[Recorded, Recorded], Recorded]] = {
        "model or speed switched": lambda call, first: call._replace(scope=first.scope, speed=None),
        "settings changed": lambda call, _: call._replace(settings=None),
        "sent at once": lambda call, _: call._replace(begins_in_s=0.0),
        "tools reordered": lambda call, _: call._replace(blocks=_sorted_tools(call.blocks)),
        "tools changed": lambda call, _: call._replace(blocks=_fixed(call.blocks, fixed)),
        "system changed": lambda call, _: call._replace(blocks=_fixed(call.blocks, fixed)),
    }
    in_system = cause == "marked block varies" and of_cause[0].section == "system"
    one = mended.get("system changed" if in_system else cause, lambda call, _: call)

    def calls(recorded: Sequence[Recorded]) -> list[Recorded]:
        return [one(call, recorded[0]) for call in recorded]

    if cause == "history edited":
        return Change(site.site_id, site.model, reshape=partial(_as_if_read, of_cause))
    marks = as_sent
    if cause == "more than 20 blocks added":
        marks = _with_one_more
    elif cause == "marked block varies" and not in_system:
        marks = _before_the_last
    return Change(site.site_id, site.model, calls=calls, marks=marks)


def _as_if_read(
    of_cause: Sequence[Miss], _recorded: Recording, uses: Sequence[CacheUse]
) -> tuple[list[CacheUse], float]:
    """What was written again is read; nothing else can be told of a history that would have been another."""
    mended = list(uses)
    for miss in of_cause:
        use = mended[miss.place]
        again = min(miss.tokens, use.write_5m)
        mended[miss.place] = use._replace(write_5m=use.write_5m - again, read=use.read + again)
    return mended, 0.0


def _with_one_more(request: Request) -> list[Mark]:
    """A second marker, 19 blocks before each."""
    places: dict[int, Ttl] = {mark.place: mark.ttl for mark in request.marks}
    for mark in request.marks:
        if mark.place >= 19:
            places.setdefault(mark.place - 19, mark.ttl)
    return [Mark(place, ttl) for place, ttl in sorted(places.items())]


def _before_the_last(request: Request) -> list[Mark]:
    """The last marker, moved to the block before the one it stands on (none before the first)."""
    return [Mark(mark.place - 1, mark.ttl) for mark in request.marks if mark.place > 0]


def _sorted_tools(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Tools by their hash; the markers stay where they were."""
    tools = sorted((block for block in blocks if block.section == "tools"), key=lambda block: block.hash)
    marks = [block.mark for block in blocks if block.section == "tools"]
    kept = [tool._replace(mark=mark) for tool, mark in zip(tools, marks, strict=True)]
    return (*kept, *(block for block in blocks if block.section != "tools"))


def _fixed(blocks: Sequence[Block], varying: set[tuple[str | None, int | None]]) -> tuple[Block, ...]:
    """The blocks of these places as if their text were always the same."""
    places: Counter[str] = Counter()
    fixed: list[Block] = []
    for block in blocks:
        place = places[block.section]
        places[block.section] += 1
        fixed.append(block._replace(hash=f"fixed {place}") if (block.section, place) in varying else block)
    return tuple(fixed)


def _fix(cause: Cause, site: MarkedSite) -> Fix:
    before, after = _changes(cause, site)
    return Fix(before, after, _WHY[cause], RULE.docs)


def _changes(cause: Cause, site: MarkedSite) -> tuple[str, str]:
    """The call before and after, as Python."""

    def call(messages: str = "...", **arguments: str) -> str:
        written = (source.stream if site.streams else source.create)(site.model, site.max_tokens, arguments)
        return written.replace("messages=...", f"messages={messages}")

    control = '"cache_control": {"type": "ephemeral"}'
    marked = f'[{{"type": "text", "text": SYSTEM, {control}}}]'
    varying = f'[{{"type": "text", "text": f"Now {{now()}}\\n{{SYSTEM}}", {control}}}]'
    asked = f'[{{"role": "user", "content": [{{"type": "text", "text": question, {control}}}]}}]'
    gather = "await asyncio.gather(*(ask(text) for text in texts{}))"
    mark = f'["content"][-1].update({{{control}}})'
    changes: dict[Cause, tuple[str, str]] = {
        "system changed": (
            call(system=varying),
            call('[{"role": "user", "content": f"Now {now()}. {question}"}]', system=marked),
        ),
        "marked block varies": (
            call(asked, system="SYSTEM"),
            call('[{"role": "user", "content": question}]', system=marked),
        ),
        "tools reordered": (call(tools="list(tools)"), call(tools='sorted(tools, key=lambda tool: tool["name"])')),
        "tools changed": (call(tools="tools_for(user)"), call(tools="ALL_TOOLS")),
        "settings changed": (call(tool_choice="choice_for(turn)"), call(tool_choice="TOOL_CHOICE")),
        "sent at once": (
            f"answers = {gather.format('')}",
            f"first = await ask(texts[0])  # writes the cache\nanswers = [first, *{gather.format('[1:]')}]",
        ),
        "more than 20 blocks added": (
            f"history[-1]{mark}",
            f"for message in (history[-10], history[-1]):  # one more, less than 20 blocks before\n    message{mark}",
        ),
        "history edited": ("history = history[-20:]", "history.append(turn)  # shorten it with context_management"),
    }
    return changes.get(cause) or (call().replace(f'"{site.model}"', "model_for(turn)"), call())
