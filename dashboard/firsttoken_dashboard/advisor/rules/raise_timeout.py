"""A timeout ends answers that were on their way, and each is tried again from the start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, difference, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="raise-timeout",
    title="Give long answers the time they need",
    docs="https://github.com/anthropics/anthropic-sdk-python#timeouts",
    needs={"timeout_s": "firsttoken.request.timeout"},
)

#: Calls that must have timed out before it is more than an accident, and their share of all.
MINIMUM_HIT: Final = 2
HIT_SHARE: Final = 0.02
#: The timeout is too short, rather than the service stuck, where ordinary answers come at least this near to it.
NEAR: Final = 0.5
#: With fewer answers than this nothing is known about how long they take here.
ENOUGH_ANSWERS: Final = 5
#: Times the mean overrun by which an answer that was cut off is longer than the timeout. More than once: what is cut
#: off at every attempt is the longest there is.
BEYOND: Final = (0.2, 1.3, 2.4)
#: What the SDK waits where nobody says otherwise, in seconds; it limits the gap between bytes, not the whole answer.
DEFAULT_TIMEOUT_S: Final = 600
#: A stream's longest honest silence: the time to its first token, thinking included, with room.
STREAM_READ_TIMEOUT_S: Final = 90


@dataclass(frozen=True, slots=True)
class _Row:
    site_id: int
    model: str
    n: int
    weight: float
    hit: int
    failed: int
    timeouts: int
    streamed: int
    timeout_s: float
    max_retries: int | None
    max_tokens: int | None
    spent_s: list[float]
    sleeping_s: float | None
    answered: int
    answer_s: list[float] | None
    traces: list[str]


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites whose timeout cuts answers off; as hints, deadlines that may be meant and services that hang."""
    found = (_judge(row, context) for row in ask(con, "raise_timeout", context) if row[8] is not None)
    return [one for one in found if one is not None]


def _judge(values: tuple[Any, ...], context: Context) -> Finding | None:
    row = _Row(*values)
    if row.hit < MINIMUM_HIT or row.hit / row.n < HIT_SHARE or not row.spent_s:
        return None
    answers = Distribution(row.answered, tuple(row.answer_s)) if row.answer_s and row.answered else None
    needed = _needed(row, context)
    if row.streamed * 2 > row.hit or not _too_short(row, answers, needed):
        return _stuck(row, answers, context)
    deliberate = row.max_retries == 0
    natural = _natural(row, answers, needed)
    # What the first run waited is known; what another would take, cut off nowhere, is not.
    spent = Range.exactly(sum(row.spent_s) / len(row.spent_s))
    latency = difference(spent, natural).times(row.hit / row.n)
    attempts = row.timeouts / row.hit
    certain = not deliberate and row.n >= MINIMUM_CALLS
    return Finding(
        rule=RULE.id,
        title=f"{row.hit:,} of {row.n:,} calls run into their timeout of {row.timeout_s:g} s"
        + (f", {attempts:.1f} times each" if attempts > 1 else ""),
        site=context.sites[row.site_id],
        model=row.model,
        evidence=_evidence(row, answers, context),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=latency,
            latency_p95_s=difference(Distribution.of(row.spent_s).quantile_range(0.95), natural),
        ),
        confidence="medium" if answers is not None and answers.n >= ENOUGH_ANSWERS else "low",
        caveats="How long an abandoned answer would have taken is not known: it is estimated from those that came. "
        "The API may bill attempts that were given up; that money is not counted here."
        + (
            " Nothing is tried again here (max_retries=0), so the deadline may be meant: then leave it."
            if deliberate
            else ""
        ),
        fix=Fix(
            before=source.create(row.model, row.max_tokens, {"timeout": source.literal(row.timeout_s)}),
            after=f"with client.with_options(timeout=httpx.Timeout({_new_timeout(natural)}, connect=5, "
            f"read={STREAM_READ_TIMEOUT_S})).messages.stream(\n"
            f"    {source.arguments(row.model, row.max_tokens)}\n"
            ") as stream:  # anthropic 1.0 and later: httpx2.Timeout\n"
            "    message = stream.get_final_message()",
            why="The SDK tries again after a timeout, from the start: an answer that takes longer than the timeout "
            f"is never had, and costs {row.timeout_s:g} s for each attempt. Timeouts are in seconds; the SDK's own "
            f"is {DEFAULT_TIMEOUT_S} s. A stream's timeout limits the silence between two pieces, so a long answer "
            "cannot run into it. If the deadline is meant, say max_retries=0 instead.",
            docs=RULE.docs,
        ),
        verify="error.type at this site holds no timeout, and http.request.resend_count is 0.",
        effort="low",
        risk="low",
        kind="finding" if certain else "hint",
        key="raise",
    )


def _stuck(row: _Row, answers: Distribution | None, context: Context) -> Finding | None:
    """Ordinary answers come long before the timeout: waiting longer would not bring the others."""
    if answers is None:
        return None
    typical = answers.quantile(0.95)
    shorter = math.ceil(max(3 * typical, 1.0))
    if row.streamed or shorter >= row.timeout_s:
        return None
    return Finding(
        rule=RULE.id,
        title=f"{row.hit:,} of {row.n:,} calls hang until their timeout of {row.timeout_s:g} s; "
        f"others answer in {answers.quantile(0.5):.1f} s",
        site=context.sites[row.site_id],
        model=row.model,
        evidence=_evidence(row, answers, context),
        saving=saving(
            context.rates,
            method="modelled",
            calls=row.weight,
            latency_s=Range.within((row.timeout_s - shorter) * row.timeouts / row.n, 0.5),
        ),
        confidence="low",
        caveats="Raising the timeout does not help here. A few much longer answers would look the same.",
        fix=Fix(
            before=source.create(row.model, row.max_tokens, {"timeout": source.literal(row.timeout_s)}),
            after=source.create(row.model, row.max_tokens, {"timeout": str(shorter)}),
            why=f"19 of 20 answers are here within {typical:.1f} s. A hanging attempt is then given up, and tried "
            "again, sooner.",
            docs=RULE.docs,
        ),
        verify="The duration's 95th percentile at this site falls, and timeouts do not become more.",
        risk="medium",
        kind="hint",
        key="stuck",
    )


def _evidence(row: _Row, answers: Distribution | None, context: Context) -> dict[str, Any]:
    return evidence(
        context,
        n=row.n,
        traces=row.traces,
        calls_timed_out=row.hit,
        calls_failed=row.failed,
        attempts_timed_out=row.timeouts,
        timeout_s=row.timeout_s,
        max_retries=row.max_retries,
        max_tokens=row.max_tokens,
        waited_mean_s=sum(row.spent_s) / len(row.spent_s),
        slept_between_attempts_s=row.sleeping_s,
        answered_p50_s=None if answers is None else answers.quantile(0.5),
        answered_p95_s=None if answers is None else answers.quantile(0.95),
    )


def _needed(row: _Row, context: Context) -> float | None:
    """Seconds for an answer as long as the call allows; None where the model's speed or the limit is not known."""
    first, speed = context.fit.ttft(row.model, 0), context.fit.tps(row.model)
    if first is None or speed is None or row.max_tokens is None or speed.expected <= 0:
        return None
    return first.expected + row.max_tokens / speed.expected


def _too_short(row: _Row, answers: Distribution | None, needed: float | None) -> bool:
    if answers is not None and answers.n >= ENOUGH_ANSWERS:
        return answers.quantile(0.95) >= NEAR * row.timeout_s
    return needed is not None and needed >= row.timeout_s


def _natural(row: _Row, answers: Distribution | None, needed: float | None) -> Range:
    """How long an answer takes that is not cut off: at least the timeout, at most what `max_tokens` allows.

    In between, the tail of the answers that came goes on as it began: beyond the median the rest of the waiting is
    taken as exponential, with the calls that were cut off counted as longer than the timeout.
    """
    longest = max(needed or 0.0, 1.1 * row.timeout_s)
    if answers is None or answers.n < ENOUGH_ANSWERS:
        low, expected, high = row.timeout_s, (row.timeout_s + longest) / 2, longest
    else:
        middle = answers.quantile(0.5)
        beyond = [answers.quantile(share) - middle for share in (0.55, 0.65, 0.75, 0.85, 0.95)]
        waited = sum(beyond) / len(beyond) * answers.n / 2 + max(row.timeout_s - middle, 0.0) * row.hit
        beyond_timeout = waited / max(answers.n / 2, 1.0)
        low, expected, high = (row.timeout_s + times * beyond_timeout for times in BEYOND)
    bound = longest if needed is not None else 2 * row.timeout_s
    return Range(min(low, bound), min(expected, bound), min(high, bound))


def _new_timeout(natural: Range) -> int:
    return max(DEFAULT_TIMEOUT_S, math.ceil(natural.high))
