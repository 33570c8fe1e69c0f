"""How a comparison's figures are shown: both sides, and under them whether the difference is more than luck."""

from __future__ import annotations

from typing import Final

from firsttoken_dashboard.advisor.findings import Site
from firsttoken_dashboard.app import figures
from firsttoken_dashboard.app.components import Cell
from firsttoken_dashboard.app.views import words
from firsttoken_dashboard.compare import Change, Unit

#: The verdicts that tell of a difference, and their colours.
TONES: Final = {"better": "good", "worse": "bad"}


def change(one: Change | None) -> Cell:
    """One figure of a site."""
    if one is None or (one.a is None and one.b is None):
        return figures.UNKNOWN
    told = f"{_written(one.a, one.unit)} → {_written(one.b, one.unit)}"
    if one.change is None:
        return {"text": told, "sub": one.verdict, "tone": "soft"}
    low, high = _written(one.change.low, one.unit, sign=True), _written(one.change.high, one.unit, sign=True)
    return {
        "text": told,
        "sub": one.verdict if one.verdict == "no difference seen" else f"{one.verdict}: {low} to {high}",
        "tone": TONES.get(one.verdict, "soft"),
        "title": f"The change lies between {low} and {high}.",
    }


def _written(value: float | None, unit: Unit, *, sign: bool = False) -> str:
    plus = "+" if sign and value is not None and value > 0 else ""
    if unit == "s":
        return plus + figures.seconds(value)
    if unit == "usd":
        return plus + figures.usd(None if value is None else 1000 * value)
    return plus + (figures.percent(value) if unit == "share" else figures.rate(value))


def site(one: Site) -> Cell:
    """A site, in few words: what changed needs the room."""
    return words.site_cell(one.file, one.line, one.function, one.service)
