"""The pages, in the order of the navigation; each has its own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from firsttoken_dashboard.app.views import (
    caching,
    calls,
    compare,
    data,
    errors,
    models,
    overview,
    recommendations,
    sites,
)

if TYPE_CHECKING:
    from streamlit.navigation.page import Page


def all_pages() -> list[Page]:
    """Every page; Streamlit wants them anew in each drawing."""
    return [
        st.Page(overview.draw, title="Overview", url_path="overview", icon=":material/monitoring:", default=True),
        st.Page(recommendations.draw, title="Recommendations", url_path="recommendations", icon=":material/lightbulb:"),
        st.Page(calls.draw, title="Calls", url_path="calls", icon=":material/list:"),
        st.Page(sites.draw, title="Sites", url_path="sites", icon=":material/code:"),
        st.Page(caching.draw, title="Caching", url_path="caching", icon=":material/cached:"),
        st.Page(models.draw, title="Models", url_path="models", icon=":material/stacked_bar_chart:"),
        st.Page(compare.draw, title="Compare", url_path="compare", icon=":material/compare_arrows:"),
        st.Page(errors.draw, title="Errors and limits", url_path="errors", icon=":material/warning:"),
        st.Page(data.draw, title="Data", url_path="data", icon=":material/database:"),
    ]
