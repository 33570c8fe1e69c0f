"""Ways from one page to another that keep the window, and carry what the next page is to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

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


def address(page: str, chosen: Chosen, **more: str | float | None) -> str:
    """The same as an address, from any page; `page` is its path."""
    return f"{page}?{urlencode(chosen.parameters(**more))}"


def here(**more: str) -> str:
    """The address of the page that is open, with these parts of it changed."""
    kept = [(name, value) for name in st.query_params if name not in more for value in st.query_params.get_all(name)]
    return f"?{urlencode([*kept, *more.items()])}"


def plain(text: str) -> str:
    """Text for a place that Streamlit reads as Markdown, with nothing in it left to read: labels, captions, links."""
    return "".join(f"\\{letter}" if letter in _MARKED else letter for letter in text.replace("\n", " "))


_MARKED: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:^=&\"'")
