"""Traffic that comes near its rate limit: the next peak is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Saving
from firsttoken_dashboard.advisor.rules import CannotJudge, Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

RULE: Final = Rule(
    id="rate-limit-headroom",
    title="Stay clear of the rate limit",
    docs="https://platform.claude.com/docs/en/api/rate-limits",
)

#: One call near the limit is a moment; these many are a habit.
MINIMUM_NEAR: Final = 3


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """For each model and kind of limit, the site that most often leaves under 20 % of it."""
    (told,), *_ = con.execute("SELECT COUNT(ratelimit_requests_limit) FROM audited").fetchall()
    if not told:
        reason = "no call carries firsttoken.ratelimit.requests.limit"
        raise CannotJudge(reason)
    found: dict[tuple[str | None, str, str], Finding] = {}
    for site_id, model, bucket, n, near, least, most, traces in ask(con, "rate_limit_headroom", context):
        site = context.sites[site_id]
        if near < MINIMUM_NEAR or (site.service, model, bucket) in found:
            continue
        found[site.service, model, bucket] = Finding(
            rule=RULE.id,
            title=f"{near:,} of {n:,} calls leave under 20 % of the limit of {most:,} {bucket} a minute",
            site=site,
            model=model,
            evidence=evidence(
                context,
                n=n,
                traces=traces,
                calls_near_the_limit=near,
                least_left_share=least,
                limit=most,
                bucket=bucket,
            ),
            saving=Saving("measured"),
            confidence="medium",
            caveats="The limit belongs to the organisation and to a group of models: other processes use it up too, "
            "so it may be theirs. The API rounds tokens to thousands.",
            fix=Fix(
                before="await asyncio.gather(*(ask(question) for question in questions))",
                after="turns = asyncio.Semaphore(8)\n\nasync def ask(question):\n    async with turns:\n"
                f"        return await {source.create(model, None, indent=8)}",
                why="What is over the limit is refused with 429 and has to wait. Fewer calls at once flatten the peak; "
                "cached input does not count against most models' input limit; work that nobody waits for can go as "
                "a batch.",
                docs=RULE.docs,
            ),
            verify="firsttoken.ratelimit.*.remaining stays above a fifth of the limit.",
            effort="medium",
            kind="finding" if n >= MINIMUM_CALLS else "hint",
            key=bucket,
        )
    return list(found.values())
