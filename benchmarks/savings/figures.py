"""What a finding promises and what came of it: calls and bills of two runs, and the figures that compare them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from firsttoken import store as stores
from firsttoken_dashboard import pricing
from firsttoken_dashboard.pricing import relation

if TYPE_CHECKING:
    from firsttoken_dashboard.advisor.findings import Finding, Range

#: So many of the seeds inside, and no interval wider than that share to either side.
WANTED_INSIDE: Final = 0.9
WANTED_WIDTH: Final = 0.5


class Call(NamedTuple):
    """measured.sql, column by column."""

    service: str
    function: str | None
    trace_id: str
    start_s: float
    end_s: float
    shown_s: float | None
    ttft_s: float | None
    setup_s: float
    lost_s: float
    input_usd: float | None
    output_usd: float | None

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def usd(self) -> float | None:
        return None if self.input_usd is None or self.output_usd is None else self.input_usd + self.output_usd


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an application: the calls that were recorded, and the API's bill (None: it was not asked)."""

    calls: Sequence[Call]
    bill_usd: float | None = None


Measure = Callable[[Sequence[Call]], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that a finding promises: which, in what unit, and how it is measured on two runs."""

    rule: str
    what: str
    promised: Callable[[Finding], Range | None]
    saved: Callable[[Run, Run], float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One figure with one seed: what was promised, and what came of it."""

    figure: Figure
    seed: int
    promised: Range | None
    measured: float

    @property
    def inside(self) -> bool:
        return self.promised is not None and self.promised.low <= self.measured <= self.promised.high

    @property
    def width(self) -> float:
        """The wider half of the interval, as a share of what is expected."""
        if self.promised is None or self.promised.expected == 0:
            return float("inf")
        promised = self.promised
        return max(promised.expected - promised.low, promised.high - promised.expected) / abs(promised.expected)


def seconds(finding: Finding) -> Range | None:
    return finding.saving.latency_s


def dollars(finding: Finding) -> Range | None:
    return finding.saving.usd_per_1000_calls


def less(measure: Measure) -> Callable[[Run, Run], float]:
    """The measure of the first run less that of the second."""
    return lambda before, after: measure(before.calls) - measure(after.calls)


def bill(before: Run, after: Run) -> float:
    """Dollars off the API's bill for the same work, per 1,000 calls as they were made before."""
    if before.bill_usd is None or after.bill_usd is None:
        message = "the API was not asked for its bill"
        raise ValueError(message)
    return 1000 * (before.bill_usd - after.bill_usd) / len(before.calls)


def together(column: Callable[[Call], float]) -> Callable[[Run, Run], float]:
    """What all calls take less for the same work, per call as they were made before."""
    return lambda before, after: (sum(map(column, before.calls)) - sum(map(column, after.calls))) / len(before.calls)


def middle(column: Callable[[Call], float | None]) -> Measure:
    """The median over the calls that have it."""
    return lambda calls: median(value for call in calls if (value := column(call)) is not None)


def average(column: Callable[[Call], float | None], times: float = 1.0) -> Measure:
    """The mean over the calls that have it."""
    return lambda calls: times * mean(value for call in calls if (value := column(call)) is not None)


def per_request(column: Callable[[Call], float]) -> Measure:
    """The mean over requests of what all their calls lose together."""
    return lambda calls: sum(map(column, calls)) / len({call.trace_id for call in calls})


def whole_request(calls: Sequence[Call]) -> float:
    """The median over requests, from the start of the first call to the end of the last."""
    return median(max(call.end_s for call in one) - min(call.start_s for call in one) for one in _requests(calls))


def between_calls(calls: Sequence[Call]) -> float:
    """The mean of the pauses between a request's calls."""
    return mean(
        later.start_s - call.end_s
        for one in _requests(calls)
        for call, later in itertools.pairwise(sorted(one, key=lambda call: call.start_s))
    )


def _requests(calls: Sequence[Call]) -> list[list[Call]]:
    by_trace = itertools.groupby(sorted(calls, key=lambda call: call.trace_id), lambda call: call.trace_id)
    return [list(group) for _, group in by_trace]


def calls_of(path: Path) -> list[Call]:
    """Every model call of a store, in the order of their start."""
    with stores.open(path).read() as con:
        relation.attach(con, pricing.load())
        rows: list[tuple[Any, ...]] = con.execute(
            Path(__file__).with_name("measured.sql").read_text("utf-8")
        ).fetchall()
        return [Call(*row) for row in rows]


def table(figures: Sequence[Figure], outcomes: Sequence[Outcome], seeds: int) -> str:
    """Markdown. Per figure: means over the seeds, and how many were inside."""
    lines = [
        "| rule | saving in | promised: low – expected – high | measured | inside | widest interval | as wanted |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        own = [outcome for outcome in outcomes if outcome.figure is figure]
        told = [outcome.promised for outcome in own if outcome.promised is not None]
        promised = " – ".join(
            f"{mean(ends):.3g}" for ends in zip(*((one.low, one.expected, one.high) for one in told), strict=True)
        )
        inside = sum(outcome.inside for outcome in own)
        width = max(outcome.width for outcome in own)
        good = inside >= WANTED_INSIDE * seeds and width < WANTED_WIDTH
        measured = mean(outcome.measured for outcome in own)
        lines.append(
            f"| {figure.rule} | {figure.what} | {promised or 'nothing'} | {measured:.3g} | {inside} of {seeds} "
            f"| ±{100 * width:.0f} % | {'yes' if good else '**no**'} |"
        )
    return "\n".join(lines)


def said(outcome: Outcome) -> str:
    """An outcome in a line."""
    start = f"seed {outcome.seed}  {outcome.figure.rule:<22} {outcome.figure.what:<30}"
    if outcome.promised is None:
        return f"{start} nothing promised, measured {outcome.measured:.3g}"
    low, expected, high = outcome.promised.low, outcome.promised.expected, outcome.promised.high
    verdict = "inside" if outcome.inside else "OUTSIDE"
    return (
        f"{start} {low:.3g} – {expected:.3g} – {high:.3g}, measured {outcome.measured:.3g}, {verdict}, "
        f"±{outcome.width:.0%}"
    )
