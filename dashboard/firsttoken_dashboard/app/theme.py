"""The looks: Streamlit's theme for light and dark, and one colour for each model, the same on every page.

Text on its background meets WCAG AA in both themes. Series colours are Okabe and Ito's, made darker where white paper
wanted it: told apart with any colour vision, at 3:1 or more on both backgrounds.
"""

from __future__ import annotations

import re
from typing import Final

#: Streamlit's options; the accent is the one colour that asks to be clicked.
OPTIONS: Final[dict[str, str | bool | int]] = {
    "theme.baseRadius": "0.5rem",
    "theme.showWidgetBorder": True,
    "theme.linkUnderline": False,
    "theme.headingFontSizes": ["1.6rem", "1.25rem", "1.05rem", "1rem", "0.95rem", "0.9rem"],  # type: ignore[dict-item]
    "theme.light.primaryColor": "#0f766e",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f4f6f8",
    "theme.light.textColor": "#10151a",
    "theme.light.borderColor": "#dfe3e8",
    "theme.light.linkColor": "#0f766e",
    "theme.light.redTextColor": "#b42318",
    "theme.light.greenTextColor": "#1b7a43",
    "theme.light.sidebar.backgroundColor": "#f4f6f8",
    "theme.light.sidebar.secondaryBackgroundColor": "#ffffff",
    "theme.dark.primaryColor": "#2fb8a8",
    "theme.dark.backgroundColor": "#0f1316",
    "theme.dark.secondaryBackgroundColor": "#181e23",
    "theme.dark.textColor": "#e4e9ed",
    "theme.dark.borderColor": "#2b343c",
    "theme.dark.linkColor": "#4fd0c1",
    "theme.dark.redTextColor": "#ff8a7a",
    "theme.dark.greenTextColor": "#5fcf8d",
    "theme.dark.sidebar.backgroundColor": "#14191d",
    "theme.dark.sidebar.secondaryBackgroundColor": "#1d242a",
}

#: By line of models; the newest of a line has its first colour.
_LINES: Final = {
    "opus": ("#d55e00", "#c98500", "#a0522d"),
    "sonnet": ("#2a7ab9", "#4f9bd6", "#6a7fdb"),
    "haiku": ("#00916a", "#5a9e2f", "#3d9c9c"),
    "fable": ("#b5578f", "#cc79a7", "#8e5aa8"),
    "mythos": ("#7a6a3a", "#94803f", "#a8914f"),
}
_OTHER: Final = "#808a93"
_VERSION: Final = re.compile(r"(?:-(\d{1,2}))(?:-(\d{1,2}))?(?!\d)")

#: Parts of a call's life and of its price.
PARTS: Final = {
    "retries": "#b5578f",
    "connection": "#808a93",
    "headers": "#4f9bd6",
    "first": "#2a7ab9",
    "thinking": "#c98500",
    "stream": "#00916a",
    "consumer": "#7a6a3a",
    "failed": "#d55e00",
}

#: Series that are no models.
SERIES: Final = ("#d55e00", "#2a7ab9", "#00916a", "#b5578f", "#c98500", "#808a93")
#: How input tokens were served.
CACHE: Final = {"read": "#00916a", "written": "#c98500", "uncached": "#2a7ab9"}


def model_color(model: str | None) -> str:
    """The colour of a model: its line's hue, lighter or darker by how new it is; grey where the line is not known."""
    name = (model or "").lower()
    shades = next((shades for line, shades in _LINES.items() if line in name), None)
    if shades is None:
        return _OTHER
    match = _VERSION.search(name)
    major, minor = (int(match[1]), int(match[2] or 0)) if match else (0, 0)
    return shades[0 if (major, minor) >= (5, 5) or (major == 5 and minor == 2) else 1 if major == 5 else 2]
