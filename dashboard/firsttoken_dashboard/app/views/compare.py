"""Compare: two stretches of time or two versions of the application, site by site, and whether it is more than luck."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

import firsttoken.store
from firsttoken_dashboard.advisor.findings import Site
from firsttoken_dashboard.advisor.sites import source_root
from firsttoken_dashboard.analysis import Window, models
from firsttoken_dashboard.app import components, figures, live
from firsttoken_dashboard.app.choosing import choice
from firsttoken_dashboard.app.components import Cell, Column, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import words
from firsttoken_dashboard.compare import Change, Comparison, Side, SiteChange, Unit, compare

_VERSION: Final = "version "
#: A comparison of a busy store is kept so long while calls arrive.
_KEPT_S: Final = 30.0
_TONES: Final = {"better": "good", "worse": "bad"}
_MEASURES: Final = (
    ("time to first token", "TTFT p50"),
    ("duration", "Duration p50"),
    ("output speed", "Speed p50"),
    ("cost per call", "$ per 1,000 calls"),
    ("failed calls", "Failed"),
    ("cache hit rate", "Cache hits"),
)


def draw() -> None:
    """Draw the page."""
    live.part(_compare)


def _compare(reader: Reader, chosen: Chosen) -> None:
    sides = _sides(reader, chosen)
    if len(sides) < 2:
        words.no_calls(reader, chosen)
        return
    names = list(sides)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        choice("Compare", names, key="a", width=280)
        st.text("with", width="content")
        choice("With", [*names[1:], names[0]], key="b", width=280)
    a = sides.get(str(st.session_state.get("a")), sides[names[0]])
    b = sides.get(str(st.session_state.get("b")), sides[names[1]])
    found = reader.remembered(("compare", a[1:], b[1:]), lambda: _asked(reader.store, a, b), at_least_s=_KEPT_S)
    if found.n_a == 0 or found.n_b == 0:
        st.text(f"No calls: {a[0] if found.n_a == 0 else b[0]}. Choose another, or a wider window.")
        return
    _changes(found)
    _only(found)


_Choice = tuple[str, Window, str | None]


def _sides(reader: Reader, chosen: Chosen) -> dict[str, _Choice]:
    """What can be compared: the window with the one before, its halves, and versions; the likeliest pair first."""
    service = chosen.window.service
    found: list[_Choice] = []
    if chosen.start is not None and chosen.end is not None:
        middle = chosen.start + (chosen.end - chosen.start) / 2
        since = chosen.window.since
        found = [
            ("the first half of this window", Window(since, middle, service), None),
            ("the second half of this window", Window(middle, None, service), None),
        ]
        # A store that begins within the window has nothing before it.
        if chosen.before is not None and chosen.start == since:
            found = [("the window before", chosen.before, None), ("this window", chosen.window, None), *found]
    found += [
        (f"{_VERSION}{version}", Window(service=service), version)
        for version in reversed(reader.ask(models.versions, service))
    ]
    return {one[0]: one for one in found}


def _asked(store: firsttoken.store.Store, a: _Choice, b: _Choice) -> Comparison:
    return compare(*(Side(name, store, window, version) for name, window, version in (a, b)))


def _changes(found: Comparison) -> None:
    st.caption(
        f"{figures.count(found.n_a)} calls against {figures.count(found.n_b)}. A change is called better or worse only "
        "where its interval of 98 % excludes zero; times and speeds are medians, the others means."
    )
    root = source_root()
    components.table(
        Table(
            caption="What changed, site by site",
            columns=[
                Column("site", "Site"),
                Column("n", "Calls", end=True),
                *(Column(name, label, end=True) for name, label in _MEASURES),
            ],
            rows=[Row(None, _cells(one, root)) for one in found.sites],
            empty="No site has calls on both sides.",
        ),
        key="changes",
    )


def _cells(one: SiteChange, root: Path) -> list[Cell]:
    by_name = {change.measure: change for change in one.changes}
    return [
        _site(one.site, root),
        {"text": f"{figures.count(one.n_a)} → {figures.count(one.n_b)}"},
        *(_change(by_name.get(name)) for name, _ in _MEASURES),
    ]


def _change(one: Change | None) -> Cell:
    if one is None or (one.a is None and one.b is None):
        return figures.UNKNOWN
    told = f"{_written(one.a, one.unit)} → {_written(one.b, one.unit)}"
    if one.change is None:
        return {"text": told, "sub": one.verdict, "tone": "soft"}
    low, high = _written(one.change.low, one.unit, sign=True), _written(one.change.high, one.unit, sign=True)
    return {
        "text": told,
        "sub": one.verdict if one.verdict == "no difference seen" else f"{one.verdict}: {low} to {high}",
        "tone": _TONES.get(one.verdict, "soft"),
        "title": f"The change lies between {low} and {high}.",
    }


def _written(value: float | None, unit: Unit, *, sign: bool = False) -> str:
    plus = "+" if sign and value is not None and value > 0 else ""
    if unit == "s":
        return plus + figures.seconds(value)
    if unit == "usd":
        return plus + figures.usd(None if value is None else 1000 * value)
    return plus + (figures.percent(value) if unit == "share" else figures.rate(value))


def _only(found: Comparison) -> None:
    """The sites that one side lacks: new code, or code that is gone."""
    root = source_root()
    for name, sites in ((found.a, found.only_a), (found.b, found.only_b)):
        if sites:
            st.subheader("Only on one side", anchor=False)
            components.table(
                Table(
                    caption=f"Only in {name}",
                    columns=[Column("site", f"Only in {name}"), Column("n", "Calls", end=True)],
                    rows=[Row(None, [_site(site, root), figures.count(n)]) for site, n in sites],
                ),
                key=f"only-{name}",
            )


def _site(site: Site, root: Path) -> Cell:
    return {"text": site.label(root), "sub": site.service or "", "mono": True, "title": site.file or ""}
