"""Caching: how much of the input came from the prompt cache, when, where, what it cost, and what it could have cost."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import streamlit as st

import firsttoken.store
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.analysis import caching as questions
from firsttoken_dashboard.analysis.caching import CacheMoment, CacheUse
from firsttoken_dashboard.app import cache_study, components, courses, figures, later, links, live
from firsttoken_dashboard.app.cache_study import Branch, Study
from firsttoken_dashboard.app.choosing import choice
from firsttoken_dashboard.app.components import Cell, Column, Lane, Row, Table, Tick
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import CACHE, PARTS
from firsttoken_dashboard.app.views import words

#: A study of a busy store is kept so long while calls arrive.
_KEPT_S: Final = 10.0
_FAINT: Final = "77"
_SECTIONS: Final = {
    "tools": PARTS["thinking"],
    "system": PARTS["stream"],
    "messages": PARTS["first"],
    "prior": PARTS["headers"],
}


def draw() -> None:
    """Draw the page."""
    live.part(_course)
    live.part(_sites)
    live.part(_site)


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


def _site(reader: Reader, chosen: Chosen) -> None:
    """One site's prompts: where they part, why the cache missed, what else it would have cost."""
    known = {_name(one): one for one in reader.ask(questions.use, chosen.window)}
    if not known:
        return
    st.subheader("Prompts of one site", anchor=False)
    choice("Site and model", list(known), key="cache_site", width=520)
    one = known.get(str(st.session_state.get("cache_site")), next(iter(known.values())))
    store = reader.store
    standing = later.answer(
        reader,
        ("study", chosen.span, one.service, one.file, one.line, one.function, one.model),
        lambda: _study(store, chosen.window, one),
        kept_s=_KEPT_S,
    )
    if standing.answer is None:
        words.waiting(standing, "Reading prompts")
        return
    (found,) = standing.answer
    if found is None:
        st.text("No call of this site carries its prompt's blocks, or its model is not in the price list.")
        return
    st.caption(
        f"The latest {figures.count(found.n_calls)} calls that succeeded. Each bar is a stretch of prompt that calls "
        "share, from the front; further in, they part. A line at its end is a cache mark."
    )
    components.timeline(
        "Prefix tree", [_lane(branch, found) for branch in found.tree], _tokens(found.longest), key="prefixes"
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Why the cache missed", anchor=False)
        _causes(found, chosen)
    with right:
        st.subheader("What else the input would have cost", anchor=False)
        _options(found)


def _study(store: firsttoken.store.Store, window: Window, one: CacheUse) -> tuple[Study | None]:
    with Reader(store) as reader:
        return (cache_study.study(reader.connection(), window, one),)


def _name(one: CacheUse) -> str:
    """A site and model as the choice and the address call it."""
    place = words.short_place(words.place(one.file, one.line)) if one.file else one.service or "not named"
    return f"{place} in {one.function} · {words.model(one.model)}" if one.function else f"{place} · {one.model}"


def _lane(branch: Branch, found: Study) -> Lane:
    blocks = ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in branch.sections.items())
    if branch.others:
        name = f"{branch.others} others" if branch.depth else f"{branch.others} ways from the start"
        color = f"{PARTS['connection']}{_FAINT}"
    else:
        name, color = blocks, _SECTIONS.get(next(iter(branch.sections)), PARTS["connection"])
    marks = ", ".join(f"{n} marked for {ttl}" for ttl, n in branch.marks.items())
    title = f"{figures.tokens(branch.end - branch.begin)} tokens" + (f", {marks}" if marks else "")
    top = max(found.longest, 1)
    return Lane(
        name,
        f"{figures.count(branch.n_calls)} call{'' if branch.n_calls == 1 else 's'}",
        [(branch.begin / top, max(branch.begin, branch.end) / top, color)],
        [branch.end / top] if branch.marks else [],
        title=title if branch.ways < 2 else f"{title}; after it, {branch.ways} ways",
        depth=branch.depth,
    )


def _tokens(longest: int) -> list[Tick]:
    return [Tick(0, "0"), Tick(0.5, figures.tokens(longest / 2)), Tick(1, f"{figures.tokens(longest)} tokens")]


def _causes(found: Study, chosen: Chosen) -> None:
    components.table(
        Table(
            caption="Why the cache missed",
            columns=[
                Column("cause", "Cause"),
                Column("n", "Calls", end=True),
                Column("tokens", "Tokens written again", end=True),
            ],
            rows=[
                Row(
                    links.address("calls", chosen, call=one.span_id),
                    [
                        {"text": one.cause, "sub": f"in {one.section}" if one.section else ""},
                        figures.count(one.n_calls),
                        figures.tokens(one.tokens),
                    ],
                )
                for one in found.misses
            ],
            opens="Open the latest call missed because",
            empty="No marked prefix was written twice.",
        ),
        key="misses",
    )


def _options(found: Study) -> None:
    now = found.options[0].usd
    components.table(
        Table(
            caption="What else the input would have cost",
            columns=[
                Column("name", "Marks"),
                Column("hits", "Hit rate", words.HIT_RATE, end=True),
                Column("usd", "$ / 1,000", "Dollars of input per 1,000 calls", end=True),
                Column("change", "Change", end=True),
            ],
            rows=[
                Row(
                    None,
                    [
                        {"text": one.name, "sub": "replayed" if one.replayed else "measured"},
                        figures.percent(one.hit_rate),
                        figures.usd(1000 * one.usd / found.n_calls),
                        figures.change(one.usd, now) or figures.UNKNOWN if one.replayed else "",
                    ],
                )
                for one in found.options
            ],
        ),
        key="options",
    )


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
