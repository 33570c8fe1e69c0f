"""What several pages say in the same words: the terms, and windows without calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from threading import Event
from typing import Any, Final

import streamlit as st

from firsttoken_dashboard import pricing
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.app import auditing as auditing_
from firsttoken_dashboard.app import figures, filters, later, links, live
from firsttoken_dashboard.app.components import Cell
from firsttoken_dashboard.app.filters import Chosen, moments
from firsttoken_dashboard.app.reading import Reader
from firsttoken_dashboard.app.theme import model_color

CALLS: Final = "Messages that the application asked for; the SDK's own retries belong to the call."
TTFT: Final = (
    "Time to first token: from the request being issued to the first piece of content of any kind, retries included. "
    "Only streamed calls have one."
)
RATE: Final = (
    "Output tokens per second between the first and the last piece, without hidden thinking and without the time "
    "that the application held the stream."
)
HIT_RATE: Final = (
    "Input tokens read from the prompt cache, over all input tokens. Calls that report no cache are left out."
)
COST: Final = "What the calls' tokens cost at the dated list prices, cache reads and writes at theirs."
ERRORS: Final = "Calls that ended in an error, after the SDK's retries."
WAITED: Final = "Seconds that calls slept between attempts, because the one before had failed."


def model(name: str | None) -> str:
    """A model's id, or what to say without one."""
    return name or "model not known"


def model_name(name: str | None) -> str:
    """A model as a chart's legend calls it: `Opus 5.5`; its id where the price list does not know it."""
    known = pricing.load().model(name)
    return model(name) if known is None else known.name.removeprefix("Claude ")


def model_cell(name: str | None) -> Cell:
    """A model in a table, with its colour."""
    return {"text": model(name), "color": model_color(name)}


def place(file: str | None, line: int | None) -> str:
    """A site as the address names it."""
    return f"{file or ''}:{'' if line is None else line}"


def short_place(place_: str) -> str:
    """The last two parts of a site's path."""
    return "/".join(place_.rsplit("/", 2)[-2:]).rstrip(":")


def site_cell(file: str | None, line: int | None, function: str | None, service: str | None) -> Cell:
    """A site in a table: the end of its path, the whole of it under the pointer."""
    if file is None:
        return {"text": service or "not named", "sub": "no source line known"}
    place = "/".join(file.rsplit("/", 2)[-2:])
    return {
        "text": place if line is None else f"{place}:{line}",
        "sub": " · ".join(part for part in (function, service) if part),
        "title": file,
    }


def times(chosen: Chosen, found: Sequence[datetime]) -> list[datetime]:
    """Every second, minute, hour or day that a chart shows; at least those found (in order)."""
    if chosen.start is None or chosen.end is None:
        return moments(min(found), max(found), chosen.grain) if found else []
    return moments(min(chosen.start, *found[:1]), max(chosen.end, *found[-1:]), chosen.grain)


def auditing(standing: auditing_.Standing) -> None:
    """Hold the place of an audit that is being made, and say how far it has come; or why there is none."""
    done, what = standing.progress or (0.0, "")
    _waiting(standing.wrong, standing.done, done, f"Asking the rules. {what}")


def waiting(standing: later.Standing[Any], what: str) -> None:
    """Hold the place of an answer that is being made, or say why there is none."""
    _waiting(standing.wrong, standing.done, 0.0, f"{what} …")


def _waiting(wrong: str | None, done: Event | None, share: float, told: str) -> None:
    if wrong is not None:
        st.error(links.plain(wrong), icon=":material/error:")
        return
    st.progress(share, text=links.plain(told))
    if done is not None:
        live.once(done)


def no_calls(reader: Reader, chosen: Chosen) -> None:
    """Say that the window is empty, and where there are calls."""
    extent = reader.ask(questions.extent)
    where = "in this window" if chosen.window.service is None else f"of {chosen.window.service} in this window"
    with st.container(border=True):
        st.markdown("**No calls here**")
        st.text(
            f"There is no call {where}; the newest one in the store is from {figures.moment(extent.last_start)} UTC."
        )
        if chosen.window != Window() and st.button("Show all calls", type="primary"):
            filters.widen()
