"""Overview: how the calls score, how that went, what to change first, and how fast each model is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, Literal

import streamlit as st

from firsttoken_dashboard import pricing
from firsttoken_dashboard.advisor.findings import Audit, Finding
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.analysis.overview import Benchmark, Measured, ModelMoment, Moment, Scores
from firsttoken_dashboard.app import components, courses, figures, links, live
from firsttoken_dashboard.app.auditing import audit
from firsttoken_dashboard.app.components import Cell, Column, Row, Score, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import model_color
from firsttoken_dashboard.app.views import deploy, evidence, words

Tone = Literal["", "good", "bad", "soft"]


@dataclass(frozen=True, slots=True)
class _Measure:
    """One card: what `Scores` and `Moment` call its figure, and which way is better (1 up, -1 down, 0 neither)."""

    label: str
    name: str
    help: str
    write: Callable[[float | None], str]
    better: int
    change: Callable[[float | None, float | None], str | None] = figures.change


_MEASURES: Final = (
    _Measure("Calls", "n_calls", words.CALLS, figures.count, 0),
    _Measure("TTFT p50", "ttft_p50_s", words.TTFT, figures.seconds, -1),
    _Measure(
        "TTFT p95", "ttft_p95_s", f"{words.TTFT} One call in twenty waited longer than this.", figures.seconds, -1
    ),
    _Measure("Speed p50", "tokens_per_second_p50", words.RATE, figures.rate, 1),
    _Measure("Cache hit rate", "hit_rate", words.HIT_RATE, figures.percent, 1, figures.points),
    _Measure("Cost", "cost_usd", words.COST, figures.usd, 0),
    _Measure("Failed calls", "error_rate", words.ERRORS, figures.percent, -1, figures.points),
    _Measure("Lost to waiting", "waited_s", words.WAITED, figures.seconds, -1),
)


def draw() -> None:
    """Draw the page; light parts first."""
    live.part(_scores)
    live.part(_charts)
    first = st.container()
    live.part(_benchmark)
    live.part(deploy.since)
    # Last, because an audit takes longest; above the models, because it is what to act on.
    with first:
        live.part(_first_findings)


def _scores(reader: Reader, chosen: Chosen) -> None:
    found = _measured(reader, chosen)
    if found is None:
        words.no_calls(reader, chosen)
        return
    before = reader.ask(questions.scores, chosen.before) if chosen.before is not None else None
    if before is not None and before.n_calls == 0:
        before = None
    times = words.times(chosen, [one.moment for one in found.course])
    components.scores(_cards(found.scores, before, found.course, times, chosen), key="scores")


def _measured(reader: Reader, chosen: Chosen) -> Measured | None:
    """The window's figures; None where it has no calls."""
    found = reader.ask(questions.measured, chosen.window, chosen.grain)
    return found if found.scores.n_calls else None


def _cards(
    now: Scores, before: Scores | None, course: Sequence[Moment], times: Sequence[datetime], chosen: Chosen
) -> list[Score]:
    return [_card(measure, now, before, course, times, chosen) for measure in _MEASURES]


def _card(
    measure: _Measure,
    now: Scores,
    before: Scores | None,
    course: Sequence[Moment],
    times: Sequence[datetime],
    chosen: Chosen,
) -> Score:
    of = attrgetter(measure.name)
    note, tone = _against(measure.change(of(now), before and of(before)), measure.better, chosen.span)
    if measure.name == "cost_usd" and now.n_unpriced:
        note, tone = f"{figures.count(now.n_unpriced)} calls without a price", "bad"
    return Score(
        measure.label,
        measure.write(of(now)),
        f"{measure.help} {figures.count(now.n_errors)} in this window."
        if measure.name == "error_rate"
        else measure.help,
        note,
        tone,
        courses.spark(times, {one.moment: of(one) for one in course}, measure.write, chosen.grain),
        f"{measure.label} over time",
    )


def _against(change: str | None, better: int, span: str) -> tuple[str, Tone]:
    """A card's note on its change; `better` says which way is good (1 up, -1 down, 0 neither)."""
    if change is None:
        return "", "soft"
    way = 1 if change.startswith(("+", "×")) else -1 if change.startswith("\N{MINUS SIGN}") else 0
    tone: Tone = "soft" if better == 0 or way == 0 else "good" if way == better else "bad"
    return f"{change} vs the {span} before", tone


def _charts(reader: Reader, chosen: Chosen) -> None:
    found = _measured(reader, chosen)
    if found is None:
        return
    times = words.times(chosen, [one.moment for one in found.course])
    left, right = st.columns(2, gap="medium")
    with left:
        components.chart(
            courses.lines(
                "Time to first token",
                "p50 per model, streamed calls",
                times,
                _per_model(found.by_model, lambda one: one.ttft_p50_s),
                figures.seconds,
                chosen.grain,
                empty="No streamed call in this window: TTFT is only known where an answer is streamed.",
            ),
            key="ttft",
        )
    with right:
        components.chart(
            courses.bars(
                "Cost",
                f"$ per {chosen.grain}, by model",
                times,
                _per_model(found.by_model, lambda one: one.cost_usd),
                figures.usd,
                chosen.grain,
                empty="No call in this window has a price.",
            ),
            key="cost",
        )


def _per_model(
    found: Sequence[ModelMoment], value: Callable[[ModelMoment], float | None]
) -> list[tuple[str, str, Mapping[datetime, float | None]]]:
    series: dict[str | None, dict[datetime, float | None]] = {}
    for one in found:
        if value(one) is not None:
            series.setdefault(one.model, {})[one.moment] = value(one)
    return [(words.model_name(model), model_color(model), values) for model, values in series.items()]


def _first_findings(reader: Reader, chosen: Chosen) -> None:
    standing = audit(reader, chosen)
    found = standing.audit
    if found is not None and found.n_calls == 0:
        return
    st.subheader("What to change first", anchor=False)
    if found is None:
        words.auditing(standing)
        return
    if not found.findings:
        st.text("Nothing: every rule that could judge these calls found them good.")
    else:
        components.table(
            Table(
                caption="What to change first",
                columns=[
                    Column("title", "Finding"),
                    Column("site", "Site"),
                    Column("money", "Saves", end=True),
                    Column("time", "Per call, p50", end=True),
                ],
                rows=[
                    Row(links.address("recommendations", chosen, finding=one.id), _saving(one, found))
                    for one in found.findings[:5]
                ],
                opens="Open recommendation",
            ),
            key="findings",
        )
    links.link("Recommendations", _further(found), chosen, icon=":material/lightbulb:")


def _further(found: Audit) -> str:
    """What there is to see behind the first findings."""
    n = len(found.findings)
    if n > 5:
        return f"All {n} recommendations"
    if n:
        return "Recommendations, with the change to make"
    return "What was changed, and what that saved" if found.followed else "What was checked"


def _saving(one: Finding, found: Audit) -> list[Cell]:
    money, latency = evidence.money(one.saving), one.saving.latency_s
    return [
        {"text": one.title, "sub": one.rule},
        {"text": one.site.label(found.source_root), "sub": one.model or "", "mono": True},
        "" if money is None else {"text": figures.usd(money[0].expected), "sub": money[1], "tone": "accent"},
        "" if latency is None else {"text": figures.seconds(latency.expected), "tone": "accent"},
    ]


def _benchmark(reader: Reader, chosen: Chosen) -> None:
    found = _measured(reader, chosen)
    if found is None:
        return
    st.subheader("Models, measured here", anchor=False)
    components.table(
        Table(
            caption="Benchmark per model",
            groups=[("", 2), ("Measured here", 4), ("Field guide, by family", 2), ("Published", 2), ("", 1)],
            columns=[
                Column("model", "Model"),
                Column("n", "Calls", end=True),
                Column("p50", "TTFT p50", words.TTFT, end=True),
                Column("p95", "TTFT p95", words.TTFT, end=True),
                Column("tps", "Speed p50", words.RATE, end=True),
                Column("n_ttft", "n", "Streamed calls that the times and the speed rest on", end=True),
                Column("guide_ttft", "TTFT", end=True),
                Column("guide_tps", "Speed", end=True),
                Column("published_ttft", "TTFT", end=True),
                Column("published_tps", "Speed", end=True),
                Column("cost", "$ per 1,000 calls", words.COST, end=True),
            ],
            rows=[Row(None, _benchmark_cells(one)) for one in found.benchmark],
        ),
        key="benchmark",
    )
    st.caption(
        "The field guide gives one figure per family, for Haiku 4.5, Sonnet 4 and Opus 4; published figures come from "
        "other people's traffic and prompts. Neither is a limit: your own figures are the ones to compare with."
    )


def _benchmark_cells(one: Benchmark) -> list[Cell]:
    prices = pricing.load()
    known = prices.model(one.model)
    guide = prices.guide.get(known.family) if known is not None else None
    published = next(iter(known.published), None) if known is not None else None
    note = ""
    if published is not None:
        source = prices.sources.get(published.source)
        note = ", ".join(part for part in (source.title if source else published.source, published.note) if part)
    return [
        {"text": words.model(one.model), "color": model_color(one.model), "title": one.model or ""},
        figures.count(one.n_calls),
        figures.seconds(one.ttft_p50_s),
        figures.seconds(one.ttft_p95_s),
        figures.rate(one.tokens_per_second_p50),
        figures.count(one.n_ttft),
        {"text": figures.seconds(guide.ttft_s if guide else None), "tone": "soft"},
        {"text": figures.rate(guide.tokens_per_second if guide else None), "tone": "soft"},
        {"text": figures.seconds(published.ttft_s if published else None), "tone": "soft", "title": note},
        {"text": figures.rate(published.tokens_per_second if published else None), "tone": "soft", "title": note},
        figures.usd(one.usd_per_1000_calls),
    ]
