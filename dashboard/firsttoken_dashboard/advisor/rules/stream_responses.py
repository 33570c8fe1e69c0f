"""Somebody waits for a long answer that arrives in one piece: stream it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, at_least_zero, difference, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="stream-responses",
    title="Stream the answer",
    docs="https://platform.claude.com/docs/en/build-with-claude/streaming",
    needs={
        "model": "gen_ai.request.model",
        "stream": "gen_ai.request.stream",
        "output_tokens": "gen_ai.usage.output_tokens",
    },
)

#: Shorter answers are there before a reader has started.
LONG_ANSWER_TOKENS: Final = 150
#: Seconds of silence that a stream would fill, at the median; below it nobody is helped.
WORTH_IT_S: Final = 2.0

_WHY: Final = (
    "The model writes for seconds while the reader sees nothing. A stream shows the first words after the time to "
    "first token; the whole answer takes as long and costs the same."
)


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites whose long, readable answers arrive in one piece."""
    found = (_judge(row, context) for row in ask(con, "stream_responses", context))
    return [one for one in found if one is not None]


def _judge(row: tuple[Any, ...], context: Context) -> Finding | None:
    site_id, model, n, whole, weight, interactive, max_tokens, *grids, traces = row
    duration, output, thinking, uncached = (Distribution(whole, tuple(grid)) for grid in grids)
    visible = output.quantile(0.5) - thinking.quantile(0.5)
    if visible < LONG_ANSWER_TOKENS:
        return None
    shown = _shown_after(model, uncached.quantile(0.5), thinking.quantile(0.5), duration, output, context)
    if shown is None:
        return None
    first_word, modelled = shown
    latency = at_least_zero(difference(duration.quantile_range(0.5), first_word))
    if latency.expected < WORTH_IT_S:
        return None
    late = at_least_zero(difference(duration.quantile_range(0.95), first_word))
    certain = bool(interactive) and whole >= MINIMUM_CALLS
    site = context.sites[site_id]
    extra = {} if interactive else {"unknown": "whether somebody waits for this answer"}
    return Finding(
        rule=RULE.id,
        title=f"A reader waits {duration.quantile(0.5):.1f} s for an answer that could start after "
        f"{first_word.expected:.1f} s"
        if interactive
        else f"Answers take {duration.quantile(0.5):.1f} s in one piece; if somebody waits, stream them",
        site=site,
        model=model,
        evidence=evidence(
            context,
            n=whole,
            traces=traces,
            calls_at_site=n,
            duration_p50_s=duration.quantile(0.5),
            duration_p95_s=duration.quantile(0.95),
            output_tokens_p50=output.quantile(0.5),
            thinking_tokens_p50=thinking.quantile(0.5),
            first_words_after_s=first_word.expected,
            **extra,
        ),
        saving=saving(context.rates, method="modelled", calls=weight, latency_s=latency, latency_p95_s=late),
        confidence="medium" if modelled else "low",
        caveats="The saving is the wait until the first words, not the time of the whole answer. It is none if "
        "the answer is parsed as a whole, or if a proxy in between buffers it."
        + (
            ""
            if interactive
            else " Nothing recorded says that somebody waits here: declare the site in firsttoken.toml."
        ),
        fix=Fix(
            before=f"message = {source.create(model, max_tokens)}\nshow(message.content[0].text)",
            after=f"with {source.stream(model, max_tokens)} as stream:\n"
            "    for text in stream.text_stream:\n"
            "        show(text)\n"
            "    message = stream.get_final_message()  # as before, for whatever comes after",
            why=_WHY,
            docs=RULE.docs,
        ),
        verify="gen_ai.request.stream is true at this site, and firsttoken.time_to_first_text takes the place of the "
        "duration as what the reader waits.",
        effort="low" if site.function else "medium",
        risk="low",
        kind="finding" if certain else "hint",
    )


def _shown_after(
    model: str,
    uncached_tokens: float,
    thinking_tokens: float,
    duration: Distribution,
    output: Distribution,
    context: Context,
) -> tuple[Range, bool] | None:
    """Seconds until the first words if the call streamed, and whether the model's own speed is known here.

    Thinking is over before the first words: its time stays. Without any figure for the model, the calls themselves
    tell: answers of different length differ by decoding time only, so the shortest bound the rest.
    """
    first = context.fit.ttft(model, uncached_tokens)
    speed = context.fit.tps(model)
    if first is not None and speed is not None and speed.low > 0:
        thinking = Range(*(thinking_tokens / tps for tps in (speed.high, speed.expected, speed.low)))
        total = Range(first.low + thinking.low, first.expected + thinking.expected, first.high + thinking.high)
        return total, True
    longer = output.quantile(0.75) - output.quantile(0.25)
    if longer < 0.1 * output.quantile(0.5):
        return None
    per_token = (duration.quantile(0.75) - duration.quantile(0.25)) / longer
    first_words = duration.quantile(0.5) - per_token * (output.quantile(0.5) - thinking_tokens)
    bounded = min(max(first_words, 0.0), duration.quantile(0.5))
    return Range(0.5 * bounded, bounded, min(2 * bounded, duration.quantile(0.5)) if bounded else 0.0), False
