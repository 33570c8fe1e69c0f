"""Ways from one page to another that keep the window, and carry what the next page is to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from firsttoken_dashboard.app.filters import Chosen

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

_PAGES: Final = "_pages"


def remember(pages: list[Page]) -> None:
    """Keep this drawing's pages, by title: links need the objects."""
    st.session_state[_PAGES] = {page.title: page for page in pages}


def link(title: str, label: str, chosen: Chosen, *, icon: str | None = None, **more: str | float | None) -> None:
    """Draw a link to the page of that title; `more` goes into its query string."""
    st.page_link(st.session_state[_PAGES][title], label=label, icon=icon, query_params=chosen.parameters(**more))


def go(title: str, chosen: Chosen, **more: str | float | None) -> None:
    """Go to the page of that title, as a link would."""
    st.switch_page(st.session_state[_PAGES][title], query_params=chosen.parameters(**more))


def plain(text: str) -> str:
    """Text for a place that Streamlit reads as Markdown, with nothing in it left to read: labels, captions, links."""
    return "".join(f"\\{letter}" if letter in _MARKED else letter for letter in text.replace("\n", " "))


_MARKED: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:^=&\"'")
