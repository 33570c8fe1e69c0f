"""What all fixes save together: the recorded calls priced again with every change at once; nothing counts twice.

A finding carries its `Change`. Findings about the same calls (one site, one model) are a group: what two of them would
both save is saved once, what one makes dearer for the other is paid. Alone, a finding counts with its own figure.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeAlias

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor.findings import Range, Saving
from firsttoken_dashboard.advisor.recorded import Recording, recording
from firsttoken_dashboard.advisor.replay import CacheUse, Mark, Policy, Recorded, Request, as_sent

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.advisor.estimate import Rates
    from firsttoken_dashboard.advisor.findings import Finding
    from firsttoken_dashboard.advisor.rules import Context

#: Of larger groups not every part is run again: then each finding counts for itself, the largest for certain.
MOST_FINDINGS: Final = 5

#: The calls' input after a change that no marker tells of, and the dollars that it costs beside them.
Reshape: TypeAlias = Callable[[Recording, list[CacheUse]], tuple[list[CacheUse], float]]


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix does to the calls of one site and model; what is not said stays as it is.

    In the order in which they take effect: `calls` sends others in their place, `marks` moves the cache's markers,
    `reshape` shortens prompts, `output_spared` is output tokens a call that are not written, `model` answers in place
    of the recorded one, `fast` and `batch` change the price (a batch keeps that share of the cache's reads), and
    `usd_not_spent` is what calls cost that are no longer made, per call.
    """

    site_id: int
    model: str
    calls: Callable[[Sequence[Recorded]], Sequence[Recorded]] | None = None
    marks: Policy | None = None
    reshape: Reshape | None = None
    output_spared: float = 0.0
    other_model: str | None = None
    fast: bool = False
    batch: float | None = None
    usd_not_spent: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Findings about the same calls: dollars a month of every part of them, by the findings' ids."""

    usd_per_month: Mapping[frozenset[str], Range]

    @property
    def findings(self) -> frozenset[str]:
        """The ids of all."""
        return max(self.usd_per_month, key=len)


def groups(con: duckdb.DuckDBPyConnection, findings: Iterable[Finding], context: Context) -> list[Group]:
    """Run the calls again for every part of each group, so that findings may be set aside later."""
    together: dict[object, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.saving.usd_per_month is not None:
            change = finding.change
            # Of a finding without a change nobody knows what it shares with others: it is alone.
            key = finding.id if change is None else (change.site_id, change.model)
            together[key].append(finding)
    return [_group(con, members, context) for members in together.values()]


def total(of: Sequence[Group], ids: Collection[str], rates: Rates, calls: float) -> Saving | None:
    """What the findings with these ids save together; None where none of them has dollars. `calls` are all, weighted.

    Seconds of different sites are different people's: they are not added.
    """
    chosen = [group.usd_per_month[part] for group in of if (part := group.findings & frozenset(ids))]
    monthly_calls = rates.per_month(calls)
    if not chosen or not monthly_calls:
        return None
    month = _sum(chosen)
    return Saving(
        method="replayed",
        usd_per_month=month,
        usd_per_1000_calls=month.times(1000 / monthly_calls),
        at_this_rate=rates.under_a_day,
    )


def _sum(ranges: Sequence[Range]) -> Range:
    """The sum of figures that know nothing of each other: their errors partly cancel."""
    expected = sum(one.expected for one in ranges)
    below = math.hypot(*(one.expected - one.low for one in ranges))
    above = math.hypot(*(one.high - one.expected for one in ranges))
    return Range(expected - below, expected, expected + above)


def _group(con: duckdb.DuckDBPyConnection, members: Sequence[Finding], context: Context) -> Group:
    own = {finding.id: finding.saving.usd_per_month for finding in members}
    alone = {frozenset({name}): money for name, money in own.items() if money is not None}
    if len(members) == 1:
        return Group(alone)
    changes = {finding.id: finding.change for finding in members if finding.change is not None}
    first = next(iter(changes.values()))
    ledger = _ledger(con, context, first)
    per_call = _calls_a_month(members)
    names = sorted(changes)
    parts = [frozenset(part) for size in range(2, len(names) + 1) for part in combinations(names, size)]
    if ledger is None or per_call is None or len(members) > MOST_FINDINGS:
        for part in parts:
            alone[part] = _at_least_the_largest([alone[frozenset({name})] for name in part])
        return Group(alone)
    cached = any(change.calls or change.marks for change in changes.values())

    def usd(part: Collection[str]) -> float:
        return usd_per_call(ledger, [changes[name] for name in sorted(part)], context, replayed=cached)

    before = usd(())
    spared = {name: before - usd({name}) for name in names}
    result = dict(alone)
    for part in parts:
        shared = before - usd(part) - sum(spared[name] for name in part)
        apart = _sum([alone[frozenset({name})] for name in part])
        result[part] = Range(*(end + shared * per_call for end in (apart.low, apart.expected, apart.high)))
    return Group(result)


def _at_least_the_largest(ranges: Sequence[Range]) -> Range:
    """What can be said without running the calls again."""
    largest = max(ranges, key=lambda one: one.expected)
    return Range(largest.low, largest.expected, max(largest.high, sum(one.high for one in ranges)))


def _calls_a_month(members: Sequence[Finding]) -> float | None:
    """As the findings themselves reckon."""
    for finding in members:
        month, thousand = finding.saving.usd_per_month, finding.saving.usd_per_1000_calls
        if month is not None and thousand is not None and thousand.expected:
            return 1000 * month.expected / thousand.expected
    return None


def _ledger(con: duckdb.DuckDBPyConnection, context: Context, change: Change) -> Recording | None:
    """The calls themselves; where their prompts are not known, one that is as they are on average."""
    recorded = recording(con, context, change.site_id, change.model)
    if recorded is not None and recorded.requests:
        return recorded
    known = context.prices.model(change.model)
    rows = analysis.rows(
        con, "mean_call", context.window, package=__package__ or __name__, site=change.site_id, model=change.model
    )
    if known is None or not rows or rows[0][0] is None:
        return None
    start_s, output, *counts = rows[0]
    used = CacheUse(*(round(count) for count in counts))
    price = known.price(dt.datetime.fromtimestamp(start_s, dt.timezone.utc).date(), sum(used))
    if price is None:
        return None
    call = Recorded(start_s, 0.0, known.min_cache_tokens or 0, (), (known.id,), None, None, used)
    request = Request(start_s, 0.0, call.minimum, (), (), (), (), used)
    return Recording(known, [call], [request], [price], [1.0], [round(output)])


def usd_per_call(ledger: Recording, changes: Sequence[Change], context: Context, *, replayed: bool) -> float:
    """Dollars of the mean call with these changes made.

    `replayed`: by the cache's rules, also what the API has counted; else the cache is as it was counted.
    """
    other = next((change.other_model for change in changes if change.other_model is not None), None)
    model = context.prices.model(other) or ledger.model
    ratio = context.prices.tokens_ratio(ledger.model, model) or 1.0
    uses, beside_usd = _input(ledger, changes, context, (model.min_cache_tokens or 0) / ratio, replayed=replayed)
    fast = any(change.fast for change in changes) and model.fast is not None
    kept = next((change.batch for change in changes if change.batch is not None), None)
    factor = model.fast.factor if fast and model.fast is not None else 1.0
    spared = sum(change.output_spared for change in changes)
    usd = beside_usd
    for place, use in enumerate(uses):
        output = max(ledger.output_tokens[place] - spared, 0.0)
        if kept is not None:
            lost = round(use.read * (1 - kept))
            use = use._replace(read=use.read - lost, uncached=use.uncached + lost)  # noqa: PLW2901 - the same call
        if model is ledger.model:
            usd += ledger.call_usd(place, use, output)
        else:
            day = dt.datetime.fromtimestamp(ledger.recorded[place].start_s, dt.timezone.utc).date()
            counts = (round(count * ratio) for count in (*use, output))
            usd += ledger.factors[place] * (context.prices.cost(model.id, day, *counts) or 0.0)
    batch = 1.0 if kept is None else context.prices.multipliers["batch"]
    made = 1.0
    for change in changes:
        if change.usd_not_spent:
            made *= max(1 - change.usd_not_spent * len(uses) / max(_now_usd(ledger), 1e-12), 0.0)
    return usd / len(uses) * factor * batch * made


def _now_usd(ledger: Recording) -> float:
    return sum(ledger.call_usd(place, use, ledger.output_tokens[place]) for place, use in enumerate(ledger.as_it_was()))


def _input(
    ledger: Recording, changes: Sequence[Change], context: Context, minimum: float, *, replayed: bool
) -> tuple[list[CacheUse], float]:
    """What the calls would have read, written and paid in full, and dollars beside that."""
    if replayed:
        calls: Sequence[Recorded] = [call._replace(minimum=round(minimum)) for call in ledger.recorded]
        for change in changes:
            calls = calls if change.calls is None else change.calls(calls)
        uses = ledger.changed(calls, _one_after_another([change.marks or as_sent for change in changes]), context)
    else:
        uses = ledger.as_it_was()
    beside_usd = 0.0
    for change in changes:
        if change.reshape is not None:
            uses, usd = change.reshape(ledger, uses)
            beside_usd += usd
    return uses, beside_usd


def _one_after_another(policies: Sequence[Policy]) -> Policy:
    """Each policy sees the markers that the one before it has left."""

    def marks(request: Request) -> Sequence[Mark]:
        for policy in policies:
            request = replace(request, marks=tuple(policy(request)))
        return request.marks

    return marks
