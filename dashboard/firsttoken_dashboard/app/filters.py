"""Which calls a page is about: the window, the service and whether it is live, held in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

import streamlit as st

from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.app.choosing import choice

#: The service filter that lets all pass, and the span without bounds.
EVERY: Final = "all services"
ALL: Final = "all"
_WIDEN: Final = "_widen"
_FIRST: Final = "_first_span"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time to look at. `grain` is what its charts are cut into, `step` what its start is rounded to."""

    length: timedelta | None
    grain: str
    step: timedelta


#: By what the address and the control both call them.
SPANS: Final = {
    "1h": Span(timedelta(hours=1), "minute", timedelta(minutes=1)),
    "24h": Span(timedelta(hours=24), "hour", timedelta(hours=1)),
    "7d": Span(timedelta(days=7), "hour", timedelta(hours=1)),
    "30d": Span(timedelta(days=30), "day", timedelta(days=1)),
    ALL: Span(None, "day", timedelta(days=1)),
}
_STEPS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the reader chose. `since` starts on a whole minute, hour or day, so that charts stand still while live.

    `start` and `end` are what a chart shows of the window (UTC): no more than there are calls in the store. They are
    None where there are none.
    """

    span: str
    window: Window
    before: Window | None
    grain: str
    live: bool
    start: datetime | None = None
    end: datetime | None = None

    @property
    def refresh_s(self) -> float | None:
        """How often live parts are drawn again without a cause; None when paused."""
        return 10.0 if self.live else None

    def parameters(self, **more: str | float | None) -> dict[str, str]:
        """The query string that shows a colleague the same, with a page's own choices added."""
        told: dict[str, str | float | None] = {"span": self.span, "service": self.window.service, **more}
        return {name: str(value) for name, value in told.items() if value is not None}


def bar(services: Sequence[str], last: datetime | None) -> None:
    """Draw the filters that every page has into the open row; their values live in the address.

    `last` is when the store's newest call began: where that was longer ago than a day, the page begins with all calls.
    """
    if st.session_state.pop(_WIDEN, False):
        st.session_state["span"] = ALL
        if "service" in st.session_state:
            st.session_state["service"] = EVERY
    # Settled once: another default would be another control.
    recent = last is not None and datetime.now(timezone.utc).replace(tzinfo=None) - last < timedelta(days=1)
    first = str(st.session_state.setdefault(_FIRST, "24h" if recent else ALL))
    st.segmented_control(
        "Window",
        list(SPANS),
        default=first,
        required=True,
        key="span",
        bind="query-params",
        label_visibility="collapsed",
    )
    if services:
        choice("Service", [EVERY, *services], key="service", width=220)
    st.toggle(
        "Live",
        value=True,
        key="live",
        bind="query-params",
        help="New calls appear by themselves, within two seconds of their end. Switch off to hold still.",
    )


def widen() -> None:
    """Let all calls through, and draw the whole page anew."""
    # Not set here: in a part that draws itself again, Streamlit would leave the address as it was.
    st.session_state[_WIDEN] = True
    st.rerun(scope="app")


def chosen(now: datetime | None = None, *, first: datetime | None = None, last: datetime | None = None) -> Chosen:
    """What the filters say at the moment `now` (UTC); `first` and `last` are when the store's own calls began."""
    key = str(st.session_state.get("span") or st.session_state.get(_FIRST) or "24h")
    span = SPANS.get(key, SPANS["24h"])
    named = st.session_state.get("service")
    service = None if named in {None, EVERY} else str(named)
    live = bool(st.session_state.get("live", True))
    at = (now or datetime.now(timezone.utc)).replace(tzinfo=None)
    since = None if span.length is None else floor(at, span.grain) - span.length + span.step
    start, end = _shown(since, at, first, last)
    whole = start is not None and start == since
    return Chosen(
        key,
        Window(since=since, service=service),
        _before(since, at, span, live, service),
        span.grain if whole or start is None or end is None else _fitting(end - start),
        live,
        start,
        end,
    )


def floor(at: datetime, grain: str) -> datetime:
    """The start of the second, minute, hour or day that holds `at`."""
    whole = at.replace(microsecond=0)
    if grain == "second":
        return whole
    short = whole.replace(second=0)
    if grain == "hour":
        return short.replace(minute=0)
    return short.replace(hour=0, minute=0) if grain == "day" else short


def moments(since: datetime, until: datetime, grain: str) -> list[datetime]:
    """Every start of a second, minute, hour or day from the one that holds `since` to the one that holds `until`."""
    step = _STEPS[grain]
    start = floor(since, grain)
    return [start + step * index for index in range(int((until - start) / step) + 1)]


def _before(since: datetime | None, at: datetime, span: Span, live: bool, service: str | None) -> Window | None:  # noqa: FBT001
    """The window of the same length before this one."""
    if since is None or span.length is None:
        return None
    # To the minute: a window that is another one each time is asked about each time.
    length = span.length if live else floor(at, "minute") - since
    return Window(since=since - length, until=since, service=service)


def _shown(
    since: datetime | None, at: datetime, first: datetime | None, last: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """From when to when charts go: not from before the first call, nor long past the last."""
    if first is None or last is None:
        return since, None if since is None else at
    if since is not None and (first <= since or last < since):
        return since, at
    # An application that has been still for longer than it ran is over: its calls fill the chart.
    return first, last if since is None or at - last > last - first else at


def _fitting(length: timedelta) -> str:
    """How to cut a stretch into a dozen to a few hundred parts."""
    if length <= timedelta(minutes=2):
        return "second"
    if length <= timedelta(hours=3):
        return "minute"
    return "hour" if length <= timedelta(days=8) else "day"
