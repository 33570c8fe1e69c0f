"""The dashboard: what Streamlit runs for every drawing of a page."""

from __future__ import annotations

from firsttoken_dashboard.app import frame

frame.draw()
