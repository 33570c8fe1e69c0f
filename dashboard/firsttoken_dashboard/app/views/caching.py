"""Caching: how much of the input came from the prompt cache, when, where, and what it cost."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from firsttoken_dashboard.analysis import caching as questions
from firsttoken_dashboard.analysis.caching import CacheMoment, CacheUse
from firsttoken_dashboard.app import components, courses, figures, links, live
from firsttoken_dashboard.app.components import Cell, Column, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import CACHE
from firsttoken_dashboard.app.views import words


def draw() -> None:
    """Draw the page."""
    live.part(_course)
    live.part(_sites)


def _course(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(questions.course_of_cache, chosen.window, chosen.grain)
    if not found:
        words.no_calls(reader, chosen)
        return
    times = words.times(chosen, [one.moment for one in found])
    left, right = st.columns(2, gap="medium")
    with left:
        components.chart(
            courses.bars(
                "Input tokens",
                f"tokens per {chosen.grain}, by how they were served",
                times,
                [
                    ("read from cache", CACHE["read"], {one.moment: one.read_tokens for one in found}),
                    ("written to cache", CACHE["written"], {one.moment: one.written_tokens for one in found}),
                    ("not cached", CACHE["uncached"], {one.moment: one.uncached_tokens for one in found}),
                ],
                figures.tokens,
                chosen.grain,
            ),
            key="input",
        )
    with right:
        components.chart(
            courses.lines(
                "Cache hit rate",
                "share of input tokens read from the cache",
                times,
                [("hit rate", CACHE["read"], _rates(found))],
                figures.percent,
                chosen.grain,
            ),
            key="hit-rate",
        )


def _rates(found: list[CacheMoment]) -> dict[datetime, float | None]:
    rates: dict[datetime, float | None] = {}
    for one in found:
        whole = (one.read_tokens or 0) + (one.written_tokens or 0) + (one.uncached_tokens or 0)
        rates[one.moment] = (one.read_tokens or 0) / whole if whole else None
    return rates


def _sites(reader: Reader, chosen: Chosen) -> None:
    found = reader.ask(questions.use, chosen.window)
    if not found:
        return
    st.subheader("By site and model", anchor=False)
    components.table(
        Table(
            caption="Use of the prompt cache, most input first",
            groups=[("", 4), ("Tokens", 3), ("Cost", 3), ("", 1)],
            columns=[
                Column("site", "Site"),
                Column("model", "Model"),
                Column("n", "Calls", end=True),
                Column("hits", "Hit rate", words.HIT_RATE, end=True),
                Column("read", "Read", end=True),
                Column("written", "Written", end=True),
                Column("uncached", "Not cached", end=True),
                Column("read_usd", "Read", end=True),
                Column("written_usd", "Written", end=True),
                Column("uncached_usd", "Not cached", end=True),
                Column("state", "In short"),
            ],
            rows=[Row(_calls(one, chosen), _cells(one)) for one in found],
            opens="Open the calls of",
        ),
        key="cache",
    )
    links.link("Recommendations", "What to change about it", chosen, icon=":material/lightbulb:")


def _calls(one: CacheUse, chosen: Chosen) -> str:
    """The address of the calls behind a row."""
    return links.address("calls", chosen, site=words.place(one.file, one.line) if one.file else None, model=one.model)


def _cells(one: CacheUse) -> list[Cell]:
    return [
        words.site_cell(one.file, one.line, one.function, one.service),
        words.model_cell(one.model),
        figures.count(one.n_calls),
        {"text": figures.percent(one.hit_rate), "share": one.hit_rate},
        figures.tokens(one.read_tokens),
        figures.tokens(one.written_tokens),
        figures.tokens(one.uncached_tokens),
        figures.usd(one.read_usd),
        figures.usd(one.written_usd),
        figures.usd(one.uncached_usd),
        {"text": _state(one), "tone": "soft"},
    ]


def _state(one: CacheUse) -> str:
    if not one.n_reading and not one.n_writing:
        return "does not use the cache"
    if not one.n_reading:
        return "writes, and never reads"
    return f"{figures.percent(one.n_reading / one.n_calls)} of calls read"
