"""An audit: every rule asked about the calls of a window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import first_token, fit, rules
from firsttoken_dashboard.advisor.estimate import Rates, joint
from firsttoken_dashboard.advisor.findings import Audit, Checked, Finding, Quiet, Site
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, RuleModule
from firsttoken_dashboard.advisor.sites import declared, locate
from firsttoken_dashboard.advisor.sites import source_root as default_source_root

if TYPE_CHECKING:
    import duckdb

    from firsttoken.store import Store

_PACKAGE = __package__ or ""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the window holds."""

    n_calls: int
    first: datetime | None
    last: datetime | None
    weight: float
    sampled: bool
    simulated: bool


def audit(
    store: Store,
    window: analysis.Window,
    *,
    source_root: Path | None = None,
    prices: pricing.Prices | None = None,
    only: Collection[str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Audit:
    """Ask every rule about the window's calls.

    Paths in the answer stay as they were recorded; `source_root` (default: the repository of the working directory)
    is where `firsttoken.toml` lies and what reports show paths relative to. `prices` stand in for the packaged list,
    `only` names the rules to ask (all), `progress` hears each rule's title.
    Raises StoreError, and SettingsError where `firsttoken.toml` is wrong.
    """
    root = default_source_root() if source_root is None else source_root.resolve()
    said = declared(root)
    known = pricing.load() if prices is None else prices
    with store.read() as con:
        sites = locate(con, window, root=root, said=said)
        analysis.rows(con, "audited", window, package=_PACKAGE)
        analysis.rows(con, "failed_attempts", window, package=_PACKAGE)
        scope = _Scope(*analysis.rows(con, "scope", window, package=_PACKAGE)[0])
        context = Context(
            window=window,
            rates=Rates(scope.first, scope.last),
            sites=sites,
            prices=known,
            fit=fit.fit_latency(con, known),
            source_root=root,
            sampled=scope.sampled,
        )
        found: list[Finding] = []
        checked: list[Checked] = []
        for module in rules.load(only) if scope.n_calls else []:
            if progress is not None:
                progress(module.RULE.title)
            answers, outcome = _ask(con, module, context)
            found.extend(answers)
            checked.append(outcome)
        quiet = _quiet(con, sites, found)
        slow = first_token.slow_sites(con, context, found, checked) if scope.n_calls else []
    told_apart = _apart(found)
    findings = sorted((one for one in told_apart if one.kind == "finding"), key=_weight, reverse=True)
    return Audit(
        findings=findings,
        hints=[one for one in told_apart if one.kind == "hint"],
        slow_first_token=slow,
        checked=checked,
        n_calls=scope.n_calls,
        since=scope.first,
        until=scope.last,
        simulated=scope.simulated,
        sampled=scope.sampled,
        source_root=root,
        quiet=quiet,
        total=joint(findings, context.rates, scope.weight),
        weight=scope.weight,
    )


def prepare(
    con: duckdb.DuckDBPyConnection, window: analysis.Window, *, root: Path
) -> tuple[dict[int, Site], float | None]:
    """Fill the table `audited` alone, for questions beside the rules: the sites by id, and the seconds watched.

    Raises SettingsError where `firsttoken.toml` is wrong.
    """
    sites = locate(con, window, root=root, said=declared(root))
    analysis.rows(con, "audited", window, package=_PACKAGE)
    scope = _Scope(*analysis.rows(con, "scope", window, package=_PACKAGE)[0])
    return sites, Rates(scope.first, scope.last).span_s


def _ask(con: duckdb.DuckDBPyConnection, module: RuleModule, context: Context) -> tuple[list[Finding], Checked]:
    rule = module.RULE
    if rule.whole and context.sampled:
        reason = "the traces are sampled, and this rule needs the time between calls"
        return [], Checked(rule.id, rule.title, "not judged", reason)
    seen = _seen(con, rule)
    absent = [attribute for attribute, (_, calls) in seen.items() if calls == 0]
    if absent:
        return [], Checked(rule.id, rule.title, "not judged", f"no call carries {' or '.join(absent)}")
    try:
        findings = module.find(con, context)
    except CannotJudge as reason:
        return [], Checked(rule.id, rule.title, "not judged", str(reason))
    partly = [
        f"only {calls:,} of {asked:,} calls carry {attribute}"
        for attribute, (asked, calls) in seen.items()
        if calls < asked
    ]
    return findings, Checked(rule.id, rule.title, "found" if findings else "good", "; ".join(partly))


def _seen(con: duckdb.DuckDBPyConnection, rule: Rule) -> dict[str, tuple[int, int]]:
    """For each attribute that the rule needs, how many calls there are to carry it, and how many do.

    Calls that failed have no usage to carry: they are left out, unless every call failed. A model they have.
    """
    columns = {column: attribute for column, attribute in rule.needs.items() if column != "model"}
    counts = ", ".join(["COUNT(*)", *(f'COUNT("{column}")' for column in columns)])
    row = con.execute(
        f"SELECT {counts} FROM audited "  # noqa: S608 - our own columns
        "WHERE error_type IS NULL OR NOT EXISTS (SELECT 1 FROM audited WHERE error_type IS NULL)"
    ).fetchone()
    asked, *told = row or (0, *(0 for _ in columns))
    seen = {attribute: (asked, calls) for attribute, calls in zip(columns.values(), told, strict=True)}
    if rule.by_model or "model" in rule.needs:
        seen["gen_ai.request.model"] = con.execute("SELECT COUNT(*), COUNT(model) FROM audited").fetchall()[0]
    return seen


def _quiet(con: duckdb.DuckDBPyConnection, sites: Mapping[int, Site], found: Sequence[Finding]) -> list[Quiet]:
    """Services in which no rule found anything, with how many calls they made."""
    noisy = {one.site.service for one in found}
    calls: dict[str | None, int] = {}
    for site_id, number in con.execute("SELECT site_id, COUNT(*) FROM audited GROUP BY site_id").fetchall():
        service = sites[site_id].service
        calls[service] = calls.get(service, 0) + number
    return [Quiet(service, number) for service, number in sorted(calls.items(), key=str) if service not in noisy]


def _apart(findings: list[Finding]) -> list[Finding]:
    """Number what would share an id (two calls in one function), in the order of the lines."""
    ordered = sorted(findings, key=lambda one: (one.id, one.site.line or 0))
    taken: dict[str, count[int]] = {}
    result: dict[int, Finding] = {}
    for one in ordered:
        number = next(taken.setdefault(one.id, count(1)))
        result[id(one)] = one if number == 1 else replace(one, key=f"{one.key}#{number}")
    return [result[id(one)] for one in findings]


def _weight(finding: Finding) -> tuple[float, float]:
    """Dollars first, then seconds over all calls: the biggest saving leads."""
    money = finding.saving.usd_per_month
    seconds = finding.saving.latency_s
    n = finding.evidence.get("n")
    calls = float(n) if isinstance(n, int | float) else 0.0
    return (0.0 if money is None else money.expected, 0.0 if seconds is None else seconds.expected * calls)
