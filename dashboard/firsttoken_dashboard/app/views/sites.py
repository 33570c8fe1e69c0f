"""Sites: one row for each line of the application that makes calls, with its course; a row opens its calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.analysis import sites as questions
from firsttoken_dashboard.analysis.sites import Place, SiteRow
from firsttoken_dashboard.app import components, courses, figures, links, live
from firsttoken_dashboard.app.auditing import audit
from firsttoken_dashboard.app.components import Cell, Column, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import words

_COLUMNS: Final = (
    Column("site", "Site"),
    Column("findings", "Findings", end=True),
    Column("n", "Calls", end=True),
    Column("course", "Over time", "Calls over the window"),
    Column("ttft", "TTFT p50 / p95", words.TTFT, end=True),
    Column("duration", "Duration p50 / p95", end=True),
    Column("trend", "Over time", "Median duration over the window"),
    Column("rate", "Speed p50", words.RATE, end=True),
    Column("hits", "Cache hits", words.HIT_RATE, end=True),
    Column("failed", "Failed", words.ERRORS, end=True),
    Column("cost", "Cost", words.COST, end=True),
)


def draw() -> None:
    """Draw the page."""
    live.part(_sites)


def _sites(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(questions.by_site, chosen.window)
    if not found:
        words.no_calls(reader, chosen)
        return
    course = reader.ask(questions.course_by_site, chosen.window, chosen.grain)
    calls: dict[Place, dict[datetime, float | None]] = {}
    took: dict[Place, dict[datetime, float | None]] = {}
    for one in course:
        calls.setdefault(one.place, {})[one.moment] = one.n_calls
        took.setdefault(one.place, {})[one.moment] = one.duration_p50_s
    times = words.times(chosen, [one.moment for one in course])
    counts = _findings(audit(reader, chosen).audit)
    dearest = max((one.cost_usd or 0 for one in found), default=0) or 1
    components.table(
        Table(
            caption="Sites, the dearest first",
            columns=_COLUMNS,
            rows=[
                Row(
                    links.address("calls", chosen, site=words.place(one.file, one.line) if one.file else None),
                    _cells(
                        one,
                        counts[one.place],
                        chosen,
                        dearest,
                        times,
                        calls.get(one.place, {}),
                        took.get(one.place, {}),
                    ),
                )
                for one in found
            ],
            opens="Open the calls of",
        ),
        key="sites",
    )


def _findings(found: Audit | None) -> Counter[Place]:
    """How many each site has; none before the audit's first answer."""
    if found is None:
        return Counter()
    return Counter((one.site.service, one.site.file, one.site.line, one.site.function) for one in found.findings)


def _findings_cell(one: SiteRow, n: int, chosen: Chosen) -> Cell:
    if not n:
        return ""
    cell: dict[str, str | bool] = {"text": str(n), "badge": True, "tone": "accent"}
    if one.file is not None:
        cell["href"] = links.address("recommendations", chosen, site=words.place(one.file, one.line))
        cell["title"] = "What to change here"
    return cell


def _cells(
    one: SiteRow,
    n_findings: int,
    chosen: Chosen,
    dearest: float,
    times: Sequence[datetime],
    calls: dict[datetime, float | None],
    took: dict[datetime, float | None],
) -> list[Cell]:
    return [
        words.site_cell(one.file, one.line, one.function, one.service),
        _findings_cell(one, n_findings, chosen),
        figures.count(one.n_calls),
        {"points": courses.shape(times, calls), "title": "Calls over the window"},
        f"{figures.seconds(one.ttft_p50_s)} / {figures.seconds(one.ttft_p95_s)}" if one.ttft_p50_s is not None else "–",
        f"{figures.seconds(one.duration_p50_s)} / {figures.seconds(one.duration_p95_s)}",
        {"points": courses.shape(times, took), "title": "Median duration over the window"},
        figures.rate(one.tokens_per_second_p50),
        figures.percent(one.hit_rate),
        {"text": figures.percent(one.n_errors / one.n_calls), "tone": "bad" if one.n_errors else "soft"},
        {"text": figures.usd(one.cost_usd), "share": (one.cost_usd or 0) / dearest},
    ]
