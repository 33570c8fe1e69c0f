"""The page's own elements: score cards, charts, tables, timelines, facts.

Small scripts on Streamlit's component interface, each in its own shadow root: a Vega chart costs a page about a fifth
of a second, these a few milliseconds; rows open by what they are and not by where they stood when they were clicked;
and values reach the page as text nodes only. Figures come written (`figures`), positions as shares from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, TypeAlias, cast

from streamlit.components.v2 import component

#: (share of the window, share of the highest value or None where unknown, reading)
Point: TypeAlias = tuple[float, float | None, str]
#: Text, or a mapping with `text` and any of sub, tone, mono, color, title, share, badge, points, href.
Cell: TypeAlias = str | Mapping[str, Any] | None

_ROOT: Final = '<div class="root"></div>'


@dataclass(frozen=True, slots=True)
class Score:
    """One card. `course` says in words what its line shows, `tone` is "", "good" or "bad" for the note's colour."""

    label: str
    value: str
    help: str
    note: str = ""
    tone: Literal["", "good", "bad", "soft"] = "soft"
    points: Sequence[Point] = ()
    course: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `key` is what a click on its head sends where it is `sortable`."""

    key: str
    label: str
    help: str | None = None
    end: bool = False
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `href` is the page of ours that it opens."""

    href: str | None
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of a timeline: spans of (start, end, colour) and moments, as shares of the whole."""

    name: str
    value: str
    spans: Sequence[tuple[float, float, str]] = ()
    moments: Sequence[float] = ()
    title: str | None = None
    depth: int = 0
    here: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a chart says at one time: (series, colour, figure) each."""

    at: float
    when: str
    values: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Series:
    """One line (`points`), or one layer of bars: (middle, bottom, top) each."""

    name: str
    color: str
    points: Sequence[tuple[float, float | None]] = ()
    bars: Sequence[tuple[float, float, float]] = ()
    dash: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart over time. `width` is a bar's share of the plot, `summary` what a screen reader says."""

    title: str
    unit: str
    series: Sequence[Series]
    readings: Sequence[Reading]
    grid: Sequence[Tick]
    ticks: Sequence[Tick]
    summary: str
    kind: Literal["lines", "bars"] = "lines"
    width: float = 0.0
    empty: str = "Nothing to draw in this window."


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `opens` is the verb for its rows that open something ("Open call")."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    groups: Sequence[tuple[str, int]] = ()
    sort: Mapping[str, Any] | None = None
    opens: str = "Open"
    empty: str = "Nothing here."


@dataclass(frozen=True, slots=True)
class File:
    """A file to take along from `href`."""

    label: str
    href: str
    help: str


Action: TypeAlias = Literal["apply", "snooze", "dismiss", "open"]


@dataclass(frozen=True, slots=True)
class Card:
    """A recommendation.

    Figures are (value, label, interval, whether it is no saving), badges (text, hint, tone), evidence and details
    (label, value), links (label, address).
    """

    title: str
    where: str
    context: str
    figures: Sequence[tuple[str, str, str, bool]]
    badges: Sequence[tuple[str, str, str]]
    evidence: Sequence[tuple[str, str]]
    before: str = ""
    after: str = ""
    why: str = ""
    how: str = ""
    details: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[str, str]] = ()
    actions: Sequence[Action] = ()


def scores(cards: Sequence[Score], *, key: str) -> None:
    """Draw score cards in a grid."""
    _component("scores")(key=key, data={"cards": [_told(card) for card in cards]})


def chart(what: Chart, *, key: str) -> None:
    """Draw a chart over time."""
    _component("chart")(key=key, data=_told(what))


def finding(what: Card, *, key: str) -> Mapping[str, str]:
    """Draw a recommendation, and say what the reader did with it since the last run.

    `do` is one of its actions; "snooze" comes with `until` (an ISO date), "dismiss" with `because`. Empty: nothing.
    What it holds was sent by a browser: judge it.
    """
    happened = _component("finding")(key=key, data=_told(what), on_act_change=_noted).act
    return cast("Mapping[str, str]", happened) if isinstance(happened, Mapping) else {}


def facts(what: Sequence[tuple[str, str]], *, key: str) -> None:
    """Draw labels with their values."""
    _component("facts")(key=key, data={"facts": list(what)})


def ways(caption: str, what: Sequence[tuple[str, str]], *, key: str) -> None:
    """Draw links to pages of ours: (label, address) each."""
    _component("ways")(key=key, data={"caption": caption, "ways": list(what)})


def files(caption: str, what: Sequence[File], *, key: str) -> None:
    """Draw links to files."""
    _component("files")(key=key, data={"caption": caption, "files": [_told(one) for one in what]})


def timeline(caption: str, lanes: Sequence[Lane], ticks: Sequence[Tick], *, key: str) -> None:
    """Draw lanes on one clock."""
    data = {"caption": caption, "lanes": [_told(lane) for lane in lanes], "ticks": [_told(tick) for tick in ticks]}
    _component("timeline")(key=key, data=data)


def table(what: Table, *, key: str) -> str | None:
    """Draw a table; the key of the column whose head the reader clicked since the last run, if any."""
    asked = _component("table")(key=key, data=_told(what), on_sort_change=_noted).sort
    return asked if isinstance(asked, str) else None


def watch(path: str, state: str | None, *, unsettled: bool, key: str) -> None:
    """Run the fragment that this stands in again once the WebSocket at `path` tells of another state than this one.

    While `unsettled` each second too. Without a `state` there is nothing to compare.
    """
    component("firsttoken_watch", js=_text("watch.js"))(
        key=key, data={"path": path, "state": state, "unsettled": unsettled}, on_again_change=_noted
    )


def _noted() -> None:
    """A trigger arrives as the mount's result; Streamlit wants a callback to know that the trigger exists."""


def _told(what: Any) -> dict[str, Any]:
    """One of the classes above as a mapping. Its lists of points stay what they are: `asdict` copies each point."""
    return {name: _told_inside(getattr(what, name)) for name in _names(what.__class__)}


def _told_inside(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        many = cast("Sequence[Any]", value)
        return [_told(one) for one in many] if many and is_dataclass(many[0]) else many
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def _source(name: str) -> tuple[str, str]:
    return f"{_text('base.css')}\n{_text(f'{name}.css')}", f"{_text('dom.js')}\n{_text(f'{name}.js')}"


def _component(name: str) -> Any:
    # Registered at every run: the registry belongs to the running server, and asking for it is a dictionary look-up.
    css, js = _source(name)
    return component(f"firsttoken_{name}", html=_ROOT, css=css, js=js)
