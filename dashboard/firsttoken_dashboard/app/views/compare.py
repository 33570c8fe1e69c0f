"""Compare: two stretches of time, versions or stores, site by site, and whether the difference is more than luck."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

import firsttoken.store
from firsttoken_dashboard.analysis import Window, models
from firsttoken_dashboard.app import components, figures, later, links, live, reading
from firsttoken_dashboard.app.choosing import choice
from firsttoken_dashboard.app.components import Cell, Column, Row, Table
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.views import changes, words
from firsttoken_dashboard.compare import Comparison, Side, SiteChange, compare

_VERSION: Final = "version "
#: A comparison of a busy store is kept so long while calls arrive.
_KEPT_S: Final = 30.0
#: Stores beside this one that can be compared with it.
_STORES: Final = 20
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
    store = reader.store
    standing = later.answer(
        reader,
        ("compare", a.name, b.name, chosen.span, chosen.window.service),
        lambda: compare(a.side(store), b.side(store)),
        kept_s=_KEPT_S,
    )
    found = standing.answer
    if found is None:
        words.waiting(standing, "Comparing")
        return
    if found.n_a == 0 or found.n_b == 0:
        st.text(f"No calls: {a.name if found.n_a == 0 else b.name}. Choose another, or a wider window.")
        return
    _changes(found, chosen)
    _only(found)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A side to compare: a window of this store or (`path`) of one beside it, and of one version or of all."""

    name: str
    window: Window
    version: str | None = None
    path: Path | None = None

    def side(self, store: firsttoken.store.Store) -> Side:
        place = store if self.path is None else reading.opened(self.path)
        return Side(self.name, place, self.window, self.version)


def _sides(reader: Reader, chosen: Chosen) -> dict[str, _Choice]:
    """What can be compared: windows, halves, versions, stores in the same folder; the likeliest pair first."""
    service = chosen.window.service
    found: list[_Choice] = []
    if chosen.start is not None and chosen.end is not None:
        middle = chosen.start + (chosen.end - chosen.start) / 2
        since = chosen.window.since
        found = [
            _Choice("the first half of this window", Window(since, middle, service)),
            _Choice("the second half of this window", Window(middle, None, service)),
        ]
        # A store that begins within the window has nothing before it.
        if chosen.before is not None and chosen.start == since:
            found = [_Choice("the window before", chosen.before), _Choice("this window", chosen.window), *found]
    found += [
        _Choice(f"{_VERSION}{version}", Window(service=service), version)
        for version in reversed(reader.ask(models.versions, service))
    ]
    path = reader.store.path
    beside = [one for one in sorted(path.parent.glob("*.duckdb")) if one.name != path.name][:_STORES]
    if beside:
        found.append(_Choice(f"all of {path.name}", Window(service=service)))
        found += [_Choice(f"all of {one.name}", Window(service=service), path=one) for one in beside]
    return {one.name: one for one in found}


def _changes(found: Comparison, chosen: Chosen) -> None:
    st.caption(
        f"{figures.count(found.n_a)} calls against {figures.count(found.n_b)}. A change is called better or worse only "
        "where its interval of 98 % excludes zero; times and speeds are medians, the others means."
    )
    components.table(
        Table(
            caption="What changed, site by site",
            columns=[
                Column("site", "Site"),
                Column("n", "Calls", end=True),
                *(Column(name, label, end=True) for name, label in _MEASURES),
            ],
            rows=[Row(_calls(one, chosen), _cells(one)) for one in found.sites],
            opens="Open the calls of",
            empty="No site has calls on both sides.",
        ),
        key="changes",
    )


def _calls(one: SiteChange, chosen: Chosen) -> str | None:
    """The address of the calls of a site whose line is known."""
    file, line = one.site.file, one.site.line
    return None if file is None else links.address("calls", chosen, site=words.place(file, line))


def _cells(one: SiteChange) -> list[Cell]:
    by_name = {change.measure: change for change in one.changes}
    return [
        changes.site(one.site),
        {"text": f"{figures.count(one.n_a)} → {figures.count(one.n_b)}"},
        *(changes.change(by_name.get(name)) for name, _ in _MEASURES),
    ]


def _only(found: Comparison) -> None:
    """The sites that one side lacks: new code, or code that is gone."""
    for name, sites in ((found.a, found.only_a), (found.b, found.only_b)):
        if sites:
            st.subheader("Only on one side", anchor=False)
            components.table(
                Table(
                    caption=f"Only in {name}",
                    columns=[Column("site", f"Only in {name}"), Column("n", "Calls", end=True)],
                    rows=[Row(None, [changes.site(site), figures.count(n)]) for site, n in sites],
                ),
                key=f"only-{name}",
            )
