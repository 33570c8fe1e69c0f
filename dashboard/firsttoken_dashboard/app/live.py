"""Parts of a page that draw themselves again while an application writes."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import streamlit as st

from firsttoken.store import StoreBusy, StoreError
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.app import changes, components, links, reading
from firsttoken_dashboard.app.filters import Chosen, chosen
from firsttoken_dashboard.app.reading import Reader


def part(draw: Callable[[Reader, Chosen], None]) -> None:
    """Draw this part now, and while the page is live again: once the store has changed, and each second until settled.

    Now and then without a cause too, because windows move. Not more often: a part that comes out the same is not sent,
    but five of them each second took a third of a core from the browser, and a tenth from the server.
    """
    name = f"{draw.__module__}.{draw.__qualname__}"

    def watch(state: str | None, *, unsettled: bool) -> None:
        if chosen().live:
            components.watch(changes.PATH, state, unsettled=unsettled, key=f"watch-{name}")

    def again() -> None:
        try:
            with reading.part() as reader:
                extent = reader.ask(questions.extent)
                draw(reader, chosen(first=extent.first_start, last=extent.last_start))
                watch(changes.name(reader.state), unsettled=reader.unsettled)
        except StoreBusy as error:
            st.caption(f"{links.plain(str(error))} The page tries again by itself.")
            watch(None, unsettled=True)
        except StoreError as error:
            st.error(links.plain(str(error)), icon=":material/database_off:")

    # The name tells Streamlit which part this is, from one drawing to the next.
    again.__qualname__ = name
    st.fragment(again, run_every=chosen().refresh_s)()


def once(done: Event) -> None:
    """Draw the page again when something that it waits for is there, also while it is paused."""

    def look() -> None:
        if done.is_set():
            st.rerun(scope="app")

    if not chosen().live:
        st.fragment(look, run_every=0.5)()
