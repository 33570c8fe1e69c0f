"""A model that is gone, or soon will be: its calls fail from that day on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.advisor import source
from firsttoken_dashboard.advisor.findings import MINIMUM_CALLS, Finding, Fix, Saving
from firsttoken_dashboard.advisor.rules import Context, Rule, ask, evidence

if TYPE_CHECKING:
    import duckdb

    from firsttoken_dashboard.pricing import Model

RULE: Final = Rule(
    id="replace-retired-model",
    title="Move off models that are retired",
    docs="https://platform.claude.com/docs/en/about-claude/model-deprecations",
)

#: Time to test another model before the day.
NOTICE: Final = timedelta(days=30)


def find(con: duckdb.DuckDBPyConnection, context: Context) -> list[Finding]:
    """Sites that ask for a model that is retired, or will be within 30 days of the last call."""
    found: list[Finding] = []
    for site_id, name, n, refused, last, max_tokens, traces in ask(con, "replace_retired_model", context):
        model = context.prices.model(name)
        if model is None or not (gone := _gone(model, last)):
            continue
        replacement = model.replacement or "..."
        found.append(
            Finding(
                rule=RULE.id,
                title=f"{model.name} {gone}",
                site=context.sites[site_id],
                model=name,
                evidence=evidence(
                    context,
                    n=n,
                    traces=traces,
                    calls_failed=refused or None,
                    retires=None if model.retires is None else model.retires.isoformat(),
                    replacement=model.replacement,
                ),
                saving=Saving("measured"),
                confidence="high",
                caveats="Another model answers differently, and may count tokens, price and think differently: try it "
                "on saved questions first.",
                fix=Fix(
                    before=source.create(name, max_tokens),
                    after=source.create(replacement, max_tokens),
                    why="Calls to a retired model fail with not_found_error; nothing falls back to another one.",
                    docs=RULE.docs,
                ),
                verify="No call of the site ends with not_found_error.",
                effort="medium",
                risk="medium",
                kind="finding" if n >= MINIMUM_CALLS or refused else "hint",
            )
        )
    return found


def _gone(model: Model, last: datetime) -> str | None:
    """What happens to the model, in words; None while it stays longer than the notice."""
    today: date = last.date()
    if model.retired(today):
        return "is retired: its calls fail" if model.retires is None else f"was retired on {model.retires:%d %b %Y}"
    if model.retires is not None and model.retires - today <= NOTICE:
        return f"will be retired on {model.retires:%d %b %Y}"
    return None
