"""Two windows, versions or stores against each other, call site by call site: what changed by more than luck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor.before_after import FEWEST_CALLS, FEWEST_OBSERVATIONS, MOST, difference
from firsttoken_dashboard.advisor.findings import Range, Site
from firsttoken_dashboard.advisor.sites import Declared, locate
from firsttoken_dashboard.advisor.sites import source_root as default_source_root

if TYPE_CHECKING:
    from firsttoken.store import Store

Verdict: TypeAlias = Literal["better", "worse", "no difference seen", "too few calls"]
Unit: TypeAlias = Literal["s", "tokens/s", "usd", "share"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: calls of a store in a window, of one version (`service.version`) or (None) of all."""

    name: str
    store: Store
    window: analysis.Window
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of a site on both sides. ``change`` is b - a with an interval of 98 %; None: too few calls.

    Times and speeds are medians, the others means, each over traces.
    """

    measure: str
    unit: Unit
    a: float | None
    b: float | None
    change: Range | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class SiteChange:
    """A site that both sides know; `n_a` and `n_b` are its calls."""

    site: Site
    n_a: int
    n_b: int
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, the sites with most calls first, and the sites that only one side knows, with their calls."""

    a: str
    b: str
    n_a: int
    n_b: int
    sites: list[SiteChange]
    only_a: list[tuple[Site, int]]
    only_b: list[tuple[Site, int]]


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    unit: Unit
    statistic: Callable[[Sequence[float]], float]
    more_is_better: bool = False


#: In the order of the columns of compare.sql.
_MEASURES: Final = (
    _Measure("time to first token", "s", median),
    _Measure("duration", "s", median),
    _Measure("output speed", "tokens/s", median, more_is_better=True),
    _Measure("cost per call", "usd", fmean),
    _Measure("failed calls", "share", fmean),
    _Measure("cache hit rate", "share", fmean, more_is_better=True),
)


@dataclass(frozen=True, slots=True)
class _Row:
    site: Site
    n: int
    observations: int
    values: Sequence[list[float]]


def compare(a: Side, b: Side, *, root: Path | None = None, prices: pricing.Prices | None = None) -> Comparison:
    """Hold `b` against `a`. Sites are the same where service, path below `root` and function are. Raises StoreError."""
    known = pricing.load() if prices is None else prices
    here = default_source_root() if root is None else root.resolve()
    old, new = _sites(a, here, known), _sites(b, here, known)
    both = [key for key in old if key in new]
    return Comparison(
        a=a.name,
        b=b.name,
        n_a=sum(row.n for row in old.values()),
        n_b=sum(row.n for row in new.values()),
        sites=[SiteChange(new[key].site, old[key].n, new[key].n, _changes(old[key], new[key])) for key in both],
        only_a=[(row.site, row.n) for key, row in old.items() if key not in new],
        only_b=[(row.site, row.n) for key, row in new.items() if key not in old],
    )


def _sites(side: Side, root: Path, prices: pricing.Prices) -> dict[tuple[Any, ...], _Row]:
    with side.store.read() as con:
        locate(con, side.window, root=root, said=Declared())
        pricing.attach(con, prices)
        rows = analysis.rows(con, "compare", side.window, package=__package__ or "", version=side.version, most=MOST)
    found: dict[tuple[Any, ...], _Row] = {}
    for *place, n, observations, ttft, duration, speed, cost, failed, hits in rows:
        site = Site(*place)
        key = (site.service, site.path(root), site.function, site.parent, site.prompt)
        found[key] = _Row(site, n, observations, (ttft, duration, speed, cost, failed, hits))
    return found


def _changes(a: _Row, b: _Row) -> list[Change]:
    enough = min(a.n, b.n) >= FEWEST_CALLS
    return [
        _change(measure, old, new, enough=enough)
        for measure, old, new in zip(_MEASURES, a.values, b.values, strict=True)
        if old or new
    ]


def _change(measure: _Measure, old: list[float], new: list[float], *, enough: bool) -> Change:
    a = measure.statistic(old) if old else None
    b = measure.statistic(new) if new else None
    if not enough or min(len(old), len(new)) < FEWEST_OBSERVATIONS:
        return Change(measure.name, measure.unit, a, b, None, "too few calls")
    less = difference(old, new, measure.statistic)
    change = Range(0.0 - less.high, 0.0 - less.expected, 0.0 - less.low)  # and no -0.0
    return Change(measure.name, measure.unit, a, b, change, _verdict(change, more_is_better=measure.more_is_better))


def _verdict(change: Range, *, more_is_better: bool) -> Verdict:
    if change.low <= 0 <= change.high:
        return "no difference seen"
    return "better" if (change.low > 0) == more_is_better else "worse"
