"""Models: side by side on the calls of this window, and what another model would cost at one site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from typing import Final

import streamlit as st

from firsttoken_dashboard import pricing
from firsttoken_dashboard.analysis import models
from firsttoken_dashboard.analysis.models import ModelUse, SiteTokens, Spread
from firsttoken_dashboard.analysis.sites import dearest
from firsttoken_dashboard.app import components, courses, figures, links, live
from firsttoken_dashboard.app.choosing import choice
from firsttoken_dashboard.app.components import Cell, Column, Lane, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import model_color
from firsttoken_dashboard.app.views import words

#: How much fainter the outer part of a spread is drawn, as the last two digits of a colour.
_FAINT: Final = "55"


def draw() -> None:
    """Draw the page."""
    live.part(_spreads)
    live.part(_table)
    live.part(_what_if)


def _spreads(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(models.by_model, chosen.window)
    if not found:
        words.no_calls(reader, chosen)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _spread(found, "Time to first token", lambda one: one.ttft, "ttft")
    with right:
        _spread(found, "Duration", lambda one: one.duration, "duration")
    st.caption(
        "Each bar goes from the 5th to the 95th percentile, its dark part from the 25th to the 75th; the mark is the "
        "median. The models answered different questions: only a site that calls both compares them fairly."
    )


def _spread(found: Sequence[ModelUse], title: str, of: Callable[[ModelUse], Spread | None], key: str) -> None:
    known = [(one, spread) for one in found[:12] if (spread := of(one)) is not None]
    st.subheader(title, anchor=False)
    if not known:
        st.text("No streamed call in this window: TTFT is only known where an answer is streamed.")
        return
    top = max(spread.p95 for _, spread in known) or 1.0
    components.timeline(
        title,
        [
            Lane(
                words.model_name(one.model),
                figures.seconds(spread.p50),
                [
                    (spread.p5 / top, spread.p95 / top, f"{model_color(one.model)}{_FAINT}"),
                    (spread.p25 / top, spread.p75 / top, model_color(one.model)),
                ],
                [spread.p50 / top],
                title=f"p50 {figures.seconds(spread.p50)}, p95 {figures.seconds(spread.p95)}",
            )
            for one, spread in known
        ],
        courses.ticks_of_seconds(top),
        key=f"spread-{key}",
    )


def _table(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(models.by_model, chosen.window)
    if not found:
        return
    st.subheader("Side by side", anchor=False)
    components.table(
        Table(
            caption="Models side by side",
            groups=[
                ("", 2),
                ("Measured here", 5),
                ("A call, on average", 2),
                ("", 1),
                ("$ per million tokens", 2),
                ("", 1),
            ],
            columns=[
                Column("model", "Model"),
                Column("n", "Calls", end=True),
                Column("ttft", "TTFT p50", words.TTFT, end=True),
                Column("ttft95", "TTFT p95", words.TTFT, end=True),
                Column("duration", "Duration p50", end=True),
                Column("rate", "Speed p50", words.RATE, end=True),
                Column("failed", "Failed", words.ERRORS, end=True),
                Column("input", "Input", "Tokens, cached ones too", end=True),
                Column("output", "Output", "Tokens, thinking included", end=True),
                Column("hits", "Cache hits", words.HIT_RATE, end=True),
                Column("input_usd", "Input", end=True),
                Column("output_usd", "Output", end=True),
                Column("cost", "$ per 1,000 calls", words.COST, end=True),
            ],
            rows=[Row(None, _cells(one)) for one in found],
        ),
        key="models",
    )


def _cells(one: ModelUse) -> list[Cell]:
    known = pricing.load().model(one.model)
    price = None if known is None else known.price(_today(), 0)
    return [
        words.model_cell(one.model),
        figures.count(one.n_calls),
        figures.seconds(one.ttft and one.ttft.p50),
        figures.seconds(one.ttft and one.ttft.p95),
        figures.seconds(one.duration and one.duration.p50),
        figures.rate(one.tokens_per_second_p50),
        {"text": figures.percent(one.n_errors / one.n_calls), "tone": "bad" if one.n_errors else "soft"},
        figures.tokens(one.input_tokens),
        figures.tokens(one.output_tokens),
        figures.percent(one.hit_rate),
        {"text": figures.usd(price and price.input), "tone": "soft"},
        {"text": figures.usd(price and price.output), "tone": "soft"},
        figures.usd(one.usd_per_1000_calls),
    ]


def _what_if(reader: Reader, chosen: Chosen) -> None:
    # The dearest first: what another model would change most.
    sites = {words.place(file, line): (file, line) for file, line in reader.ask(dearest, chosen.window)}
    if not sites:
        return
    st.subheader("What if a site called another model?", anchor=False)
    choice("Site", list(sites), key="what_if_site", width=420)
    file, line = sites.get(str(st.session_state.get("what_if_site")), next(iter(sites.values())))
    used = reader.ask(models.site_tokens, chosen.window, file, line)
    if not used:
        st.text("No successful call of this site in this window reports its tokens.")
        return
    here = {one.model: one for one in reader.ask(models.by_model, chosen.window)}
    rows = _alternatives(used[0], here)
    if not rows:
        st.text("The price list does not know this site's model, so there is nothing to set others against.")
        return
    components.table(
        Table(
            caption="What the same calls would cost at another model",
            columns=[
                Column("model", "Model"),
                Column("cost", "$ per 1,000 calls", "The same texts, in this model's tokens", end=True),
                Column("change", "Change", end=True),
                Column("ttft", "TTFT p50", "Of this model's own calls in this window", end=True),
                Column("rate", "Speed p50", "Of this model's own calls in this window", end=True),
                Column(
                    "answer",
                    "An answer of this length",
                    "Its TTFT and speed, for this site's mean output",
                    end=True,
                ),
            ],
            rows=rows,
        ),
        key="what-if",
    )
    st.caption(
        f"The site's mean call to {links.plain(words.model(used[0].model))}: {figures.tokens(_input(used[0]))} input "
        f"tokens, {figures.tokens(used[0].output)} output tokens, {figures.count(used[0].n_calls)} calls. Modelled: "
        "cache hits stay as they are, answers stay as long. "
        "Whether another model answers as well, only your own comparison tells."
    )


def _alternatives(used: SiteTokens, here: dict[str | None, ModelUse]) -> list[Row]:
    """One row per model that can be called today, the site's own first, then the cheapest first."""
    prices = pricing.load()
    own = prices.model(used.model)
    if own is None:
        return []
    now = _price(prices, own, own, used)
    found: list[tuple[bool, float, Row]] = []
    measured = {known.id: one for name, one in here.items() if (known := prices.model(name)) is not None}
    for model in prices:
        cost = None if model.status(_today()) != "active" and model is not own else _price(prices, own, model, used)
        if cost is None:
            continue
        one = measured.get(model.id)
        ttft, rate = one and one.ttft and one.ttft.p50, one and one.tokens_per_second_p50
        whole = ttft + used.output / rate if ttft is not None and rate else None
        cells: list[Cell] = [
            {"text": model.name, "color": model_color(model.id), "sub": "now" if model is own else ""},
            figures.usd(cost),
            "" if model is own else figures.change(cost, now) or figures.UNKNOWN,
            figures.seconds(ttft),
            figures.rate(rate),
            figures.seconds(whole),
        ]
        found.append((model is not own, cost, Row(None, cells)))
    return [row for *_, row in sorted(found, key=lambda one: one[:2])]


def _price(prices: pricing.Prices, old: pricing.Model, new: pricing.Model, used: SiteTokens) -> float | None:
    """USD of 1,000 such calls at `new`, whose tokenizer may make more or fewer tokens of the same text."""
    ratio = 1.0 if new is old else prices.tokens_ratio(old, new)
    if ratio is None:
        return None
    counts = (used.uncached, used.read, used.written_5m, used.written_1h, used.output)
    one_call = prices.cost(new.id, _today(), *(round(ratio * count) for count in counts))
    return None if one_call is None else 1000 * one_call


def _input(used: SiteTokens) -> float:
    return used.uncached + used.read + used.written_5m + used.written_1h


def _today() -> date:
    return datetime.now(timezone.utc).date()
