"""An audit: every rule asked about the calls of a window."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard import analysis, pricing
from firsttoken_dashboard.advisor import first_token, fit, rules, states, together
from firsttoken_dashboard.advisor.estimate import Rates
from firsttoken_dashboard.advisor.findings import Audit, Checked, Finding, Quiet, Site
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, RuleModule
from firsttoken_dashboard.advisor.sites import declared, locate
from firsttoken_dashboard.advisor.sites import source_root as default_source_root

if TYPE_CHECKING:
    import duckdb

    from firsttoken.store import Store

_PACKAGE: Final = __package__ or ""
#: Calls of one site and model that are looked at closely; of more, so many in whole traces, drawn by their ids.
MOST_CALLS: Final = 20_000
#: In a finding's evidence: how many calls there are, where fewer were looked at closely.
CALLS_IN_ALL: Final = "calls_in_all"


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
    say: Callable[[str], None] = (lambda _: None) if progress is None else progress
    with store.read() as con:
        say("Which line made which call")
        sites = locate(con, window, root=root, said=said, changed=_changed(con, window))
        analysis.rows(con, "audited", window, package=_PACKAGE, most=MOST_CALLS)
        for question in ("failed_attempts", "used_answers"):
            analysis.rows(con, question, window, package=_PACKAGE)
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
        seen = _seen(con, window) if scope.n_calls else {}
        found: list[Finding] = []
        checked: list[Checked] = []
        for module in rules.load(only) if scope.n_calls else []:
            say(module.RULE.title)
            answers, outcome = _ask(con, module, context, seen)
            found.extend(answers)
            checked.append(outcome)
        found = _with_calls_in_all(con, sites, found)
        quiet = _quiet(con, sites, found)
        slow = first_token.slow_sites(con, context, found, checked) if scope.n_calls else []
        told_apart = _apart(found)
        shared = together.groups(con, [one for one in told_apart if one.kind == "finding"], context)
    told_apart = [replace(one, change=None) for one in told_apart]
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
        total=together.total(shared, [one.id for one in findings], context.rates, scope.weight),
        together=shared,
        weight=scope.weight,
    )


def _changed(con: duckdb.DuckDBPyConnection, window: analysis.Window) -> dict[Site, datetime]:
    """When sites were last changed because of a finding, or the fault came back there, if that was in the window."""
    latest: dict[Site, datetime] = {}
    until = window.parameters()["until"]
    for one in states.read(con).values():
        moment = one.applied_at or one.watched_from
        if moment is None or (isinstance(until, datetime) and moment >= until):
            continue
        site = replace(one.site, line=None)
        latest[site] = max(moment, latest.get(site, moment))
    return latest


def prepare(
    con: duckdb.DuckDBPyConnection, window: analysis.Window, *, root: Path
) -> tuple[dict[int, Site], float | None]:
    """Make the view `every_call` alone, for questions beside the rules: the sites by id, and the seconds watched.

    Raises SettingsError where `firsttoken.toml` is wrong.
    """
    sites = locate(con, window, root=root, said=declared(root))
    [(first, last)] = con.execute(
        "SELECT MIN(start_time)::TIMESTAMP, MAX(start_time)::TIMESTAMP FROM located"
    ).fetchall()
    return sites, Rates(first, last).span_s


def _ask(
    con: duckdb.DuckDBPyConnection, module: RuleModule, context: Context, carried: Mapping[str, tuple[int, int]]
) -> tuple[list[Finding], Checked]:
    rule = module.RULE
    if rule.whole and context.sampled:
        reason = "the traces are sampled, and this rule needs the time between calls"
        return [], Checked(rule.id, rule.title, "not judged", reason)
    needs = dict(rule.needs)
    if rule.by_model:
        needs["model"] = "gen_ai.request.model"
    seen = {attribute: carried[column] for column, attribute in needs.items()}
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


def _seen(con: duckdb.DuckDBPyConnection, window: analysis.Window) -> dict[str, tuple[int, int]]:
    """For each column that a rule needs, how many calls there are to carry it, and how many do.

    Calls that failed have no usage to carry: they are left out, unless every call failed. A model they have.
    """
    table = analysis.columns(con, "carried", window, package=_PACKAGE)
    seen = {
        column: (table["calls"][0], counts[0]) for column, counts in table.items() if column not in {"failed", "calls"}
    }
    return seen | {"model": (sum(table["calls"]), sum(table["model"]))}


def _with_calls_in_all(
    con: duckdb.DuckDBPyConnection, sites: Mapping[int, Site], found: Sequence[Finding]
) -> list[Finding]:
    """The findings; where only a part of a site's calls was looked at closely, the evidence says how many there are."""
    drawn = con.execute(
        "SELECT DISTINCT site_id, model, calls_in_all FROM audited WHERE calls_in_all > $1", [MOST_CALLS]
    )
    in_all: dict[tuple[Site, str | None], int] = {}
    for site_id, model, calls in drawn.fetchall():
        in_all[sites[site_id], model] = calls
    return [
        one
        if (calls := in_all.get((one.site, one.model))) is None
        else replace(one, evidence={**one.evidence, CALLS_IN_ALL: calls})
        for one in found
    ]


def _quiet(con: duckdb.DuckDBPyConnection, sites: Mapping[int, Site], found: Sequence[Finding]) -> list[Quiet]:
    """Services in which no rule found anything, with how many calls they made."""
    noisy = {one.site.service for one in found}
    calls: dict[str | None, int] = {}
    for site_id, number in con.execute("SELECT site_id, COUNT(*) FROM every_call GROUP BY site_id").fetchall():
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
    n = finding.evidence.get(CALLS_IN_ALL) or finding.evidence.get("n")
    calls = float(n) if isinstance(n, int | float) else 0.0
    return (0.0 if money is None else money.expected, 0.0 if seconds is None else seconds.expected * calls)
