"""What every page has around it: the navigation, the filters, and words for a store that cannot be read or is empty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

import firsttoken.store
from firsttoken.store import StoreError, StoreMissing
from firsttoken_dashboard.analysis import overview as questions
from firsttoken_dashboard.app import figures, filters, links, oidc, reading, views
from firsttoken_dashboard.app.reading import Reader

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

#: Streamlit leaves six lines free above a page, and a gap around what shows nothing. Classes are made of our own keys.
_CLOSER: Final = (
    "<style>.st-key-bar { margin-top: -3.5rem; } [class*=st-key-watch-] { display: none; }"
    "@media (max-width: 640px) { .st-key-bar { margin-top: -1.5rem; } }</style>"
)
_ICON: Final = str(Path(__file__).with_name("favicon.svg"))


def draw() -> None:
    """Draw the page that the address names."""
    # A file of ours: Streamlit would fetch the picture of a named icon from a content network.
    st.set_page_config(page_title="firsttoken", page_icon=_ICON, layout="wide")
    if not oidc.passes():
        return
    known = views.all_pages()
    page = st.navigation(known, position="top")
    links.remember(known)
    store = reading.opened()
    try:
        with reading.page() as reader:
            extent = reader.ask(questions.extent)
            if extent.n_calls:
                _page(page, extent, reader.ask(questions.services), store)
                return
    except StoreMissing:
        pass
    except StoreError as error:
        st.error(links.plain(str(error)), icon=":material/database_off:")
        return
    _nothing_yet(store)


def _page(page: Page, extent: questions.Extent, services: list[str], store: firsttoken.store.Store) -> None:
    """The filters, and the page under them."""
    st.html(_CLOSER)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="bar"):
        st.title(page.title, anchor=False, width="content")
        filters.bar(services, extent.last_start)
    if extent.n_simulated:
        part = "" if extent.n_simulated == extent.n_calls else f"{figures.count(extent.n_simulated)} of "
        st.badge(
            f"Simulated: {part or 'none of '}these calls {'never ' if part else ''}reached the Claude API",
            icon=":material/science:",
            color="orange",
        )
    if extent.sampled:
        st.caption("Traces are sampled: counts and sums are of the sampled calls.")
    page.run()
    if extent.last_start is not None:
        st.caption(f"Times are UTC. {figures.count(extent.n_calls)} calls in {links.plain(store.path.name)}.")


@st.fragment(run_every=2.0)
def _nothing_yet(store: firsttoken.store.Store) -> None:
    """Say what to do for a first call, and look for it."""
    try:
        with Reader(store) as reader:
            if reader.ask(questions.extent).n_calls:
                st.rerun(scope="app")
    except StoreMissing:
        pass
    except StoreError as error:
        st.error(links.plain(str(error)), icon=":material/database_off:")
        return
    st.title("No calls yet", anchor=False)
    st.write("Run your application under OpenTelemetry's launcher, and its calls appear here by themselves:")
    st.code("opentelemetry-instrument python app.py", language="bash")
    st.write("Or look around first, with simulated calls:")
    st.code("firsttoken demo", language="bash")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Waiting for the first call in")
        st.code(str(store.path), language=None, wrap_lines=True, width="content")
    st.caption("Nothing arrives? `firsttoken doctor -- python app.py` says what is instrumented, and why not.")
