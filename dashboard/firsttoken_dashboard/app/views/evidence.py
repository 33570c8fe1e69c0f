"""A finding's numbers and savings in words, with their units; what a name does not tell is shown as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from firsttoken_dashboard.advisor.findings import Finding, Json, Range, Saving
from firsttoken_dashboard.advisor.followed import Measured, Unit
from firsttoken_dashboard.app import figures

#: Shown elsewhere on the card.
_APART: Final = frozenset({"window", "traces"})
_WORDS: Final = {
    "n": "calls",
    "p50": "p50",
    "p95": "p95",
    "ttft": "TTFT",
    "tps": "tokens/s",
    "usd": "$",
    "ttl": "TTL",
    "s": "",
}


def evidence(finding: Finding) -> Iterator[tuple[str, str]]:
    """Label and value of each number."""
    for name, value in finding.evidence.items():
        if name not in _APART and value is not None:
            yield label(name), written(name, value)


def label(name: str) -> str:
    """`output_tokens_p50` as `Output tokens p50`; the unit is with the value."""
    parts = [_WORDS.get(part, part) for part in name.split("_")]
    text = " ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] if not text.startswith("TTFT") else text


def written(name: str, value: Json) -> str:
    """A value in the unit that its name ends in."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(set(name.split("_")), value)
    if isinstance(value, dict):
        return ", ".join(f"{label(key)} {written(key, one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(written(name, one) for one in value) or figures.UNKNOWN
    return str(value)


def _number(parts: set[str], value: float) -> str:
    if "usd" in parts:
        return figures.usd(value)
    if parts & {"share", "ratio", "rate"} and 0 <= value <= 1:
        return figures.percent(value)
    if "per" not in parts and "s" in parts:
        return figures.seconds(value)
    if "per" not in parts and "tokens" in parts:
        return figures.tokens(value)
    return figures.count(value) if float(value).is_integer() else f"{value:,.3g}"


def money(saving: Saving) -> tuple[Range, str] | None:
    """What a fix saves in USD, and per what: under a day of calls per 1,000 of them, else a month."""
    month, each = saving.usd_per_month, saving.usd_per_1000_calls
    if each is not None and (saving.at_this_rate or month is None):
        return each, "per 1,000 calls"
    return None if month is None else (month, "a month at this rate" if saving.at_this_rate else "a month")


def savings(saving: Saving) -> Iterator[tuple[str, str, str, bool]]:
    """What a fix saves: value, label, interval; the last says that it is no saving but a word."""
    if (dollars := money(saving)) is not None:
        yield _figure(*dollars, figures.usd)
    if saving.latency_s is not None:
        yield _figure(saving.latency_s, "per call, p50", figures.seconds)
    if saving.latency_p95_s is not None:
        yield _figure(saving.latency_p95_s, "per call, p95", figures.seconds)


def interval(value: Range, write: Callable[[float | None], str]) -> str:
    """From the low to the high end, as written."""
    return figures.between(write(value.low), write(value.high))


def at_this_rate(saving: Saving) -> str | None:
    """The monthly figure that under a day of calls would come to; None where the headline is by the month."""
    if not saving.at_this_rate or saving.usd_per_month is None or saving.usd_per_1000_calls is None:
        return None
    month = saving.usd_per_month
    return f"{figures.usd(month.expected)} ({interval(month, figures.usd)}) a month at this rate: under a day was seen"


def _figure(value: Range, label_: str, write: Callable[[float | None], str]) -> tuple[str, str, str, bool]:
    return write(value.expected), label_, interval(value, write), False


def method(saving: Saving) -> str:
    """How a saving was come by."""
    return {
        "measured": "Measured: the calls before the change against those after it.",
        "replayed": "Replayed: the recorded calls were run again, at their own times, with the fix in place.",
        "modelled": "Modelled: computed from how the recorded calls are spread and how fast the models are here.",
    }[saving.method]


def saved(one: Measured) -> tuple[str, str, str, bool]:
    """What a change was measured to save: value, label, interval; no saving where it made things worse."""
    each = f"per 1,000 {one.per}s" if one.unit == "usd" else f"of all {one.per}s" if one.unit == "share" else one.per
    label_ = f"saved a {each}" if one.unit == "s" else f"saved {each}"
    low, high = _measured(one.saving.low, one.unit), _measured(one.saving.high, one.unit)
    return _measured(one.saving.expected, one.unit), label_, figures.between(low, high), one.saving.low <= 0


def before_after(one: Measured) -> Iterator[tuple[str, str]]:
    """The figure that was measured, before and after, and what that rests on."""
    yield "Measured", one.measure
    yield "Before", f"{_measured(one.before, one.unit)}, n = {figures.count(one.n_before)}"
    yield "After", f"{_measured(one.after, one.unit)}, n = {figures.count(one.n_after)}"
    yield "Interval", "98 %, by bootstrap"


def _measured(value: float, unit: Unit) -> str:
    if unit == "s":
        return figures.seconds(value)
    return figures.usd(1000 * value) if unit == "usd" else figures.percent(value)
