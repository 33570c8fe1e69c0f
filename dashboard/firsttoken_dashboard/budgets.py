"""`firsttoken check`: fail a build when calls are slower, dearer or more faulty than a budget allows.

A budgets file is TOML with one table for each budget::

    [[budget]]
    name = "the chat answers quickly"
    service = "shop"                  # optional: one service
    site = "app/chat.py:answer"       # optional: paths below the source root, with wildcards, with or without function
    ttft_p95_s = 3.0                  # at most; likewise ttft_p50_s, duration_p95_s, error_rate, usd_per_call,
                                      # usd_per_day, findings (open ones), findings_high (of high confidence)
    tokens_per_second_p50 = 40        # at least; likewise cache_hit_rate
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from firsttoken_dashboard import analysis, options, pricing
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.audit import audit, prepare
from firsttoken_dashboard.advisor.findings import Finding, Site
from firsttoken_dashboard.advisor.sites import Declared, SettingsError, source_root
from firsttoken_dashboard.options import EXIT_OVER_BUDGET, CommandError

if TYPE_CHECKING:
    from firsttoken.store import Store

#: tomllib, or before Python 3.11 the package it came from.
_toml: Final[Any] = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

AT_MOST: Final = (
    "ttft_p50_s",
    "ttft_p95_s",
    "duration_p95_s",
    "error_rate",
    "usd_per_call",
    "usd_per_day",
    "findings",
    "findings_high",
)
AT_LEAST: Final = ("tokens_per_second_p50", "cache_hit_rate")
_MEASURED: Final = (
    "n", "ttft_p50_s", "ttft_p95_s", "duration_p95_s", "tokens_per_second_p50", "cache_hit_rate", "error_rate",
    "usd_per_call", "usd_in_all", "unpriced",
)  # fmt: skip
_NAMES: Final = frozenset({"name", "service", "site"})
_DAY_S: Final = 86_400.0


class BudgetsError(Exception):
    """A budgets file that cannot be used; str() is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for the calls of some sites. `limits` by the names of AT_MOST and AT_LEAST."""

    name: str
    service: str | None
    site: str | None
    limits: Mapping[str, float]

    def covers(self, site: Site, root: Path) -> bool:
        """Whether a site's calls count."""
        if self.service is not None and site.service != self.service:
            return False
        return self.site is None or bool(Declared(interactive=[self.site]).of(site, root))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit of one budget: `value` is None where nothing was measured."""

    budget: str
    measure: str
    limit: float
    value: float | None
    outcome: Literal["good", "over", "not measured"]

    @property
    def sentence(self) -> str:
        """What the limit is, what was measured, by how much it is exceeded."""
        rule = "at least" if self.measure in AT_LEAST else "at most"
        wanted = f"{self.measure} {rule} {self.limit:g}"
        if self.value is None:
            return f"{wanted}: not measured, no call carries it"
        by = f", {_share_over(self)}" if self.outcome == "over" else ""
        return f"{wanted}: {self.value:.4g}{by}"


def _share_over(verdict: Verdict) -> str:
    assert verdict.value is not None  # noqa: S101 - only what was measured is over
    difference = abs(verdict.value - verdict.limit)
    if verdict.limit == 0:
        return f"{difference:.4g} over"
    side = "under" if verdict.measure in AT_LEAST else "over"
    return f"{100 * difference / abs(verdict.limit):.0f} % {side}"


def read(path: Path) -> list[Budget]:
    """The budgets of a file. Raises BudgetsError."""
    try:
        document: dict[str, object] = _toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # not UTF-8 and not TOML are both ValueErrors
        message = f"The budgets file {path} cannot be read: {error}."
        raise BudgetsError(message) from error
    tables = document.get("budget")
    if not isinstance(tables, list) or not tables:
        message = f"The budgets file {path} has no [[budget]] table."
        raise BudgetsError(message)
    return [_budget(number, table, path) for number, table in enumerate(cast("list[object]", tables), 1)]


def _budget(number: int, table: object, path: Path) -> Budget:
    if not isinstance(table, dict):
        message = f"{path}: budget {number} is no table."
        raise BudgetsError(message)
    entries = cast("dict[str, object]", table)
    name = entries.get("name", f"budget {number}")
    limits: dict[str, float] = {}
    for key, value in entries.items():
        if key in _NAMES:
            if not isinstance(value, str):
                message = f"{path}: {key} of budget {number} must be a text."
                raise BudgetsError(message)
        elif key not in (*AT_MOST, *AT_LEAST):
            message = f"{path}: there is no measure {key!r}; there are {', '.join((*AT_MOST, *AT_LEAST))}."
            raise BudgetsError(message)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            message = f"{path}: {key} of {name} must be a number."
            raise BudgetsError(message)
        else:
            limits[key] = float(value)
    service, site = (cast("str | None", entries.get(key)) for key in ("service", "site"))
    return Budget(str(name), service, site, limits)


def check(
    store: Store,
    window: analysis.Window,
    budgets: Sequence[Budget],
    *,
    root: Path | None = None,
    prices: pricing.Prices | None = None,
) -> list[Verdict]:
    """Hold the window's calls against each limit. Raises StoreError and SettingsError."""
    here = source_root() if root is None else root.resolve()
    known = pricing.load() if prices is None else prices
    findings: list[Finding] = []
    if any(limit.startswith("findings") for budget in budgets for limit in budget.limits):
        # What the user dismissed or snoozed, and what was changed since, is not held against the build.
        findings = states.merge(audit(store, window, source_root=here, prices=known), states.load(store)).findings
    verdicts: list[Verdict] = []
    with store.read() as con:
        sites, span_s = prepare(con, window, root=here)
        pricing.attach(con, known)
        for budget in budgets:
            covered = [key for key, site in sites.items() if budget.covers(site, here)]
            [row] = analysis.rows(con, "budgets", window, package=__package__ or "", sites=covered)
            measured: dict[str, float | None] = dict(zip(_MEASURED, row, strict=True))
            in_all = measured["usd_in_all"]
            measured["usd_per_day"] = in_all * _DAY_S / span_s if in_all is not None and span_s else None
            mine = [one for one in findings if budget.covers(one.site, here)]
            measured["findings"] = len(mine)
            measured["findings_high"] = sum(one.confidence == "high" for one in mine)
            verdicts += [_verdict(budget, name, limit, measured[name]) for name, limit in budget.limits.items()]
    return verdicts


def _verdict(budget: Budget, measure: str, limit: float, value: float | None) -> Verdict:
    if value is None:
        return Verdict(budget.name, measure, limit, None, "not measured")
    over = value < limit if measure in AT_LEAST else value > limit
    return Verdict(budget.name, measure, limit, float(value), "over" if over else "good")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    options.add_store(parser)
    options.add_window(parser)
    parser.add_argument("--budget", metavar="FILE", type=Path, required=True, help="a TOML file of [[budget]] tables")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal", help="(default: %(default)s)")
    parser.add_argument("--source-root", metavar="DIR", type=Path, help="what site patterns are relative to")
    parser.add_argument("--models", metavar="FILE", help="a TOML file laid over the packaged price list")


def run(args: argparse.Namespace) -> int:
    """Print each limit; returns 0, or 1 where one is exceeded or measures nothing. Raises CommandError, StoreError."""
    try:
        verdicts = check(
            options.open_store(args),
            options.window(args),
            read(args.budget),
            root=args.source_root,
            prices=pricing.load(args.models),
        )
    except (BudgetsError, SettingsError, pricing.PricesError) as error:
        raise CommandError(str(error)) from error
    if args.format == "json":
        print(json.dumps({"verdicts": [asdict(one) for one in verdicts]}, indent=2))
    else:
        for one in verdicts:
            print(f"{one.outcome:<12}  {one.budget}: {one.sentence}")
    # A limit that measures nothing guards nothing: that must not pass unseen.
    return EXIT_OVER_BUDGET if any(one.outcome != "good" for one in verdicts) else 0
