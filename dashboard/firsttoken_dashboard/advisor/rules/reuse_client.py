"""A client is made for every call, or its connection is dropped between calls: keep both."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.estimate import mean_range, saving
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Range
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="reuse-client",
    title="Make the client once",
    docs="https://github.com/anthropics/anthropic-sdk-python#configuring-the-http-client",
    needs={"client_id": "firsttoken.client.id", "client_calls": "firsttoken.client.calls"},
    by_model=False,
)

#: Share of calls that are the first of their client: from here on a client hardly serves a second call.
FINDING_SHARE: Final = 0.5
#: From here on clients are short-lived, which may have a reason (one per event loop, one per customer's key).
HINT_SHARE: Final = 0.2
MINIMUM_FIRSTS: Final = 10
#: Seconds a call at least; under that nobody would notice.
WORTH_IT_S: Final = 0.002
#: How far the same work differs from run to run on one machine, whatever the calls of this run agree on.
HOST_SHARE: Final = 0.1
#: A dropped connection costs round trips; on a fast network it is not worth a line of code.
WORTH_A_CONNECTION_S: Final = 0.02
#: httpx's default keep-alive, and what the API's edge keeps idle connections for at least.
KEEPALIVE_DEFAULT_S: Final = 5
KEEPALIVE_LONGEST_S: Final = 300
#: How long clients were idle is looked at between so many of the latest calls.
LATEST_CALLS: Final = 200_000


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites that call through new clients, and sites whose connection is dropped between calls."""
    fresh = [one for row in ask(con, "reuse_client", context) if (one := _fresh_clients(row, context)) is not None]
    if context.sampled:  # the call before may be one that was not sampled
        return fresh
    taken = {one.site for one in fresh}
    idle = (_idle_connections(row, context) for row in ask(con, "idle_connections", context, most=LATEST_CALLS))
    return fresh + [one for one in idle if one is not None and one.site not in taken]


def _fresh_clients(row: tuple[Any, ...], context: Context) -> Finding | None:
    site_id, model, n, weight, firsts, clients, processes, setup, construction, connection, max_tokens, traces = row
    share = firsts / n
    if share < HINT_SHARE or firsts < MINIMUM_FIRSTS:
        return None
    per_first = mean_range(setup).at_least(HOST_SHARE) if setup else None
    if per_first is not None and per_first.expected * share < WORTH_IT_S:
        return None
    site = context.sites[site_id]
    certain = share >= FINDING_SHARE and n >= MINIMUM_CALLS and per_first is not None
    cost = "" if per_first is None else f", {1000 * per_first.expected:.0f} ms each"
    return Finding(
        rule=RULE.id,
        title=f"{clients:,} clients for {n:,} calls in {_counted(processes, 'process', 'processes')}{cost}",
        site=site,
        model=model,
        evidence=evidence(
            context,
            n=n,
            traces=traces,
            clients=clients,
            processes=processes,
            first_calls_of_a_client=firsts,
            client_construction_p50_s=construction,
            connection_p50_s=connection,
        ),
        saving=saving(
            context.rates,
            method="measured",
            calls=weight,
            latency_s=None if per_first is None else per_first.times(share),
            latency_p95_s=None if not setup else _slowest(setup),
        ),
        confidence="high" if certain else "medium" if per_first is not None else "low",
        caveats="Measured here: making the client (it loads the certificate store) and opening its connection. "
        "One client for each event loop or customer's key is right; keep those in a dict instead of making them anew.",
        fix=Fix(
            before=f"def {_name(site.function)}(...):\n    client = Anthropic()\n"
            f"    return {source.create(model, max_tokens, indent=4)}",
            after="client = Anthropic()  # at the top of the module: one for the process, safe to share by threads\n\n"
            f"def {_name(site.function)}(...):\n    return {source.create(model, max_tokens, indent=4)}",
            why="Every new client loads the certificates and opens a new TCP and TLS connection before it can ask. "
            "A shared one does both once; `client.with_options(timeout=…)` changes a setting for one call and shares "
            "the connection.",
            docs=RULE.docs,
        ),
        verify="firsttoken.client.id repeats and firsttoken.client.calls grows from call to call.",
        effort="low",
        risk="low",
        kind="finding" if certain else "hint",
        key="client",
    )


def _idle_connections(row: tuple[Any, ...], context: Context) -> Finding | None:
    site_id, model, n, weight, reopened, connections, idle_p50, idle_p95, max_tokens, traces = row
    if n == 0 or reopened / n < FINDING_SHARE or not connections:
        return None
    each = mean_range(connections).at_least(HOST_SHARE)
    if each.expected < WORTH_A_CONNECTION_S:
        return None
    expiry = min(KEEPALIVE_LONGEST_S, 30 * math.ceil(idle_p95 / 30))
    return Finding(
        rule=RULE.id,
        title=f"{reopened:,} of {n:,} calls open their connection anew, {1000 * each.expected:.0f} ms each",
        site=context.sites[site_id],
        model=model,
        evidence=evidence(
            context,
            n=n,
            traces=traces,
            connections_reopened=reopened,
            connection_mean_s=each.expected,
            idle_p50_s=idle_p50,
            idle_p95_s=idle_p95,
        ),
        saving=saving(
            context.rates,
            method="measured",
            calls=weight,
            latency_s=each.times(reopened / n),
            latency_p95_s=_slowest(connections),
        ),
        confidence="medium",
        caveats="A proxy or load balancer on the way may drop idle connections earlier than that.",
        fix=Fix(
            before=f"client = Anthropic()\n{source.create(model, max_tokens)}",
            after="client = Anthropic(http_client=DefaultHttpxClient(\n"
            "    limits=httpx.Limits(max_connections=1000, max_keepalive_connections=100, "
            f"keepalive_expiry={expiry}),\n"
            "))  # anthropic 1.0 and later: httpx2.Limits\n"
            f"{source.create(model, max_tokens)}",
            why=f"The client drops a connection that was idle for {KEEPALIVE_DEFAULT_S} s. Calls here are "
            f"{idle_p50:.0f} s apart, so nearly every one pays for TCP and TLS again.",
            docs=RULE.docs,
        ),
        verify="firsttoken.connection.new becomes false for most calls of the site.",
        effort="low",
        risk="low",
        kind="finding" if n >= MINIMUM_CALLS else "hint",
        key="keep-alive",
    )


def _slowest(seconds: list[float]) -> Range:
    """What the slow ones lose: the 95th percentile of the measured set-up times, give or take a fifth."""
    ordered = sorted(seconds)
    return Range.within(ordered[math.ceil(0.95 * len(ordered)) - 1], 0.2)


def _name(function: str | None) -> str:
    """A function's own name, for source: what a qualified name or a lambda gives is cut to an identifier."""
    last = (function or "").rpartition(".")[2]
    return last if last.isidentifier() else "ask"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
