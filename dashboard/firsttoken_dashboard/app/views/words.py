"""What several pages say in the same words: the terms, and windows without calls."""

from __future__ import annotations

from typing import Final

import streamlit as st

from firsttoken_dashboard import pricing
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.app import figures
from firsttoken_dashboard.app.filters import SPANS, Chosen
from firsttoken_dashboard.app.reading import Reader

CALLS: Final = "Messages that the application asked for; the SDK's own retries belong to the call."
TTFT: Final = (
    "Time to first token: from the request being issued to the first piece of content of any kind, retries included. "
    "Only streamed calls have one."
)
RATE: Final = (
    "Output tokens per second between the first and the last piece, without hidden thinking and without the time "
    "that the application held the stream."
)
HIT_RATE: Final = "Input tokens read from the prompt cache, over all input tokens. Calls that report no cache are left out."
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


def no_calls(reader: Reader, chosen: Chosen) -> None:
    """Say that the window is empty, and where there are calls."""
    extent = reader.ask(questions.extent)
    where = "in this window" if chosen.window.service is None else f"of {chosen.window.service} in this window"
    with st.container(border=True):
        st.markdown("**No calls here**")
        st.text(f"There is no call {where}; the newest one in the store is from {figures.moment(extent.last_start)} UTC.")
        if chosen.span != "all":
            st.button("Show all calls", on_click=_show_all, type="primary")


def _show_all() -> None:
    st.session_state["span"] = next(reversed(SPANS))
    if "service" in st.session_state:
        del st.session_state["service"]
