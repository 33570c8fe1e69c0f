"""Calls that need nothing of each other wait for each other: run them at the same time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import Distribution, at_least_zero, difference, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="run-in-parallel",
    title="Run independent calls at the same time",
    docs="https://github.com/anthropics/anthropic-sdk-python#async-usage",
    needs={"depends_on": "firsttoken.depends_on", "parent_span_id": "a parent span"},
)

#: The application does nothing of weight between two calls this close: seconds, or share of the call before.
NO_WORK_S: Final = 0.05
NO_WORK_SHARE: Final = 0.1
#: A shorter answer (a label, a yes) may decide what is called next without being quoted there.
MAY_BRANCH_TOKENS: Final = 20
#: Requests in which the same calls follow each other; once is chance.
MINIMUM_REQUESTS: Final = 3
#: Where a line is followed by other lines in more than one of five cases, its answer may have chosen.
SAME_COURSE: Final = 0.8
#: More at once runs into rate limits.
AT_ONCE: Final = 8
#: Seconds of one request, and share of its time.
WORTH_IT_S: Final = 0.2
WORTH_IT_SHARE: Final = 0.15
MOST_CALLS: Final = 20_000
#: Among so many of the latest calls those of one span are looked for.
RECENT_CALLS: Final = 200_000
#: What calls at the same time may lose to each other: the low end keeps this share of the saving.
AT_LEAST: Final = 0.7
LIKELY: Final = 0.9
#: What a service takes for the same work differs by this share from one hour to the next.
RUN_TO_RUN: Final = 0.05

_WHY: Final = (
    "No output of these calls stands in the request of a later one, and the application does next to nothing between "
    "them. Made at the same time, they take as long as the longest of them."
)
_DOUBTS: Final = (
    "A call may depend on another without quoting it, or their order may matter for what the code does with the "
    "answers: check both. More calls at once reach rate limits sooner."
)


class Call(NamedTuple):
    """run_in_parallel.sql, column by column."""

    trace_id: str
    parent_span_id: str
    span_id: str
    site_id: int
    model: str
    start_s: float
    end_s: float
    visible_tokens: int | None
    depends_on: list[str] | None
    messages: list[str]
    request_hash: str | None
    cached: bool
    max_tokens: int | None

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Run:
    """Calls one right after the other, and the seconds they would take if each only waited for what it needs.

    `free` are those that would then have company.
    """

    calls: Sequence[Call]
    free: Sequence[Call]
    together_s: float

    @property
    def seconds(self) -> float:
        return self.calls[-1].end_s - self.calls[0].start_s

    @property
    def spared_s(self) -> float:
        return max(self.seconds - self.together_s, 0.0)

    @property
    def course(self) -> tuple[int, ...]:
        """The sites in order, a loop's site once."""
        return tuple(site for site, _ in groupby(call.site_id for call in self.free))


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Runs of calls, repeated in several requests, that would be shorter with what can overlap overlapping."""
    calls = [Call(*row) for row in ask(con, "run_in_parallel", context, most=MOST_CALLS, recent=RECENT_CALLS)]
    if not calls:
        raise CannotJudge("no two calls were made under the same span, such as that of an HTTP request")
    courses: dict[tuple[int, ...], list[Run]] = defaultdict(list)
    followers: dict[int, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for run in _runs(calls):
        courses[run.course].append(run)
        followers[run.course[0]][run.course] += 1
    found: list[Finding] = []
    for course, runs in courses.items():
        worth = [run for run in runs if run.spared_s >= max(WORTH_IT_S, WORTH_IT_SHARE * run.seconds)]
        if len(worth) >= max(0.5 * len(runs), MINIMUM_REQUESTS - 1):
            steady = len(runs) >= SAME_COURSE * followers[course[0]].total()
            found.append(_finding(worth, context, steady=steady))
    return found


def _runs(calls: Sequence[Call]) -> Iterator[Run]:
    """Stretches without pauses of the children of one span, those whose dependencies were looked for."""
    for _, siblings in groupby(calls, key=lambda call: (call.trace_id, call.parent_span_id)):
        run: list[Call] = []
        for call in siblings:
            if run and not _follows(run[-1], call):
                yield from _judged(run)
                run = []
            run.append(call)
        yield from _judged(run)


def _follows(before: Call, call: Call) -> bool:
    pause = call.start_s - before.end_s
    # Clocks have a resolution: calls that meet may seem to overlap by less than a millisecond.
    return -0.001 <= pause < max(NO_WORK_S, NO_WORK_SHARE * before.seconds)


def _judged(run: Sequence[Call]) -> Iterator[Run]:
    if len(run) < 2 or any(call.depends_on is None for call in run[1:]):
        return
    ready: list[float] = []
    stage: list[int] = []
    for place, call in enumerate(run):
        needed = [earlier for earlier in range(place) if _needs(call, run[earlier])]
        ready.append(max((ready[earlier] for earlier in needed), default=0.0) + call.seconds)
        stage.append(max((stage[earlier] for earlier in needed), default=-1) + 1)
    company = Counter(stage)
    free = [call for call, reached in zip(run, stage, strict=True) if company[reached] > 1]
    if free:
        yield Run(run, free, max(*ready, sum(call.seconds for call in run) / AT_ONCE))


def _needs(call: Call, earlier: Call) -> bool:
    """Whether the call uses the earlier one's output, continues its conversation, or asks the very same again."""
    quoted = any(used.partition(":")[0] == earlier.span_id for used in call.depends_on or ())
    size = len(earlier.messages)
    continued = 0 < size < len(call.messages) and call.messages[:size] == earlier.messages
    again = call.request_hash is not None and call.request_hash == earlier.request_hash
    return quoted or continued or again


def _finding(runs: Sequence[Run], context: Context, *, steady: bool) -> Finding:
    first = runs[0].free[0]
    course = runs[0].course
    sites = [context.sites[site] for site in dict.fromkeys(course)]
    n = sum(len(run.calls) for run in runs)
    usual = sum(len(run.free) for run in runs) / len(runs)
    branches = len(course) > 1 and any(
        (call.visible_tokens or 0) < MAY_BRANCH_TOKENS for run in runs for call in run.free[:-1]
    )
    certain = n >= MINIMUM_CALLS and len(runs) >= MINIMUM_REQUESTS and steady and not branches
    cached = any(call.cached for run in runs for call in run.free)
    doubts = [_DOUBTS]
    if branches or not steady:
        doubts.append("A short answer here may decide what is called next.")
    if cached:
        doubts.append("These calls share a cached prefix: await the first alone, or each of them writes it anew.")
    return Finding(
        rule=RULE.id,
        title=f"{usual:.0f} calls wait for each other that need nothing of each other",
        site=sites[0],
        model=first.model,
        evidence=evidence(
            context,
            n=n,
            traces=[run.calls[0].trace_id for run in sorted(runs, key=lambda run: -run.spared_s)[:3]],
            requests=len(runs),
            independent_calls_per_request=usual,
            seconds_in_a_row_p50=Distribution.of(run.seconds for run in runs).quantile(0.5),
            seconds_together_p50=Distribution.of(run.together_s for run in runs).quantile(0.5),
            lines=[site.label(context.source_root) for site in sites],
        ),
        saving=saving(
            context.rates,
            method="replayed",
            calls=len(runs),
            latency_s=_spared(runs, 0.5),
            latency_p95_s=_spared(runs, 0.95),
        ),
        confidence="medium" if certain else "low",
        caveats="The saving is per request, not per call. " + " ".join(doubts),
        fix=_fix(runs[0].free, len(sites), cached=cached),
        verify="The calls' spans overlap under their parent, which takes as long as the longest of them.",
        effort="medium",
        risk="medium",
        kind="finding" if certain else "hint",
        key=" ".join(site.function or "" for site in sites[1:]),
    )


def _spared(runs: Sequence[Run], share: float) -> Range:
    """What a request takes, less what it would take: what it took is known, another run would differ in the rest."""
    took = Distribution.of(run.seconds for run in runs).quantile(share)
    spared = at_least_zero(
        difference(Range.exactly(took), Distribution.of(run.together_s for run in runs).quantile_range(share))
    )
    spared = spared.at_least(RUN_TO_RUN)
    return Range(AT_LEAST * spared.low, LIKELY * spared.expected, max(spared.high, LIKELY * spared.expected))


def _fix(calls: Sequence[Call], sites: int, *, cached: bool) -> Fix:
    by_site = list({call.site_id: call for call in calls}.values())
    requests = [source.create(call.model, call.max_tokens) for call in by_site]
    if sites == 1:
        before = f"answers = []\nfor messages in questions:\n    answers.append({_with_messages(requests[0])})"
        call = _with_messages(requests[0])
        warm = f"first = await {call.replace('=messages)', '=questions[0])')}\n" if cached else ""
        rest = "await asyncio.gather(*(ask(messages) for messages in questions{}))"
        gathered = f"[first, *{rest.format('[1:]')}]" if cached else rest.format("")
        after = (
            "client = anthropic.AsyncAnthropic()\n"
            f"at_once = asyncio.Semaphore({AT_ONCE})\n\n"
            "async def ask(messages):\n"
            "    async with at_once:\n"
            f"        return await {call}\n\n"
            f"{warm}answers = {gathered}"
        )
        return Fix(before, after, _WHY, RULE.docs)
    names = [f"answer_{place + 1}" for place in range(len(requests))]
    before = "\n".join(f"{name} = {request}" for name, request in zip(names, requests, strict=True))
    inner = "\n".join(f"    {request}," for request in requests)
    after = f"client = anthropic.AsyncAnthropic()\n{', '.join(names)} = await asyncio.gather(\n{inner}\n)"
    return Fix(before, after, _WHY, RULE.docs)


def _with_messages(request: str) -> str:
    return request.replace("messages=...", "messages=messages")
