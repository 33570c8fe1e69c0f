"""How reports say a figure, a saving, a time; and how they show text that came from outside.

Everything that a span carried (paths, names, models) may be hostile: `clean` makes it harmless and short.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from firsttoken_dashboard.advisor.findings import Audit, Finding, Json, Method, Range, Saving

#: Longer text from outside says nothing more to a reader.
LONGEST: Final = 200
LONGEST_CODE: Final = 4_000
#: Unicode categories that move the cursor, change direction or show nothing.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_DEARER: Final = "for "
SIMULATED: Final = "Simulated: these calls went to a look-alike of the API, so the figures are examples."
SAMPLED: Final = "Sampled: traces were sampled, so sums are scaled up and rules that need every call are silent."
NO_CALLS: Final = (
    "No calls yet: run your application with `opentelemetry-instrument python app.py`, or see `firsttoken demo` first."
)
NO_CALLS_IN_WINDOW: Final = "No calls in this window: widen --since and --until, or check the name given to --service."


def clean(text: str, longest: int = LONGEST) -> str:
    """Text from outside on one line: control characters shown as escapes, cut where it is too long."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return "".join(_shown(one) for one in cut)


def clean_code(source: str) -> str:
    """Source with its line breaks, otherwise as `clean`."""
    return "\n".join(clean(line, LONGEST_CODE) for line in source[:LONGEST_CODE].split("\n"))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def seconds(value: float) -> str:
    """``340 ms``, ``3.4 s``, ``2 min 5 s``."""
    size = abs(value)
    if size >= 120:
        minutes, rest = divmod(round(size), 60)
        return f"{'-' if value < 0 else ''}{minutes:,} min" + (f" {rest} s" if rest else "")
    if size >= 0.9995:
        return f"{value:.1f}".removesuffix(".0") + " s" if size < 99.95 else f"{value:.0f} s"
    if size >= 0.00995:
        return f"{1000 * value:.0f} ms"
    return "0 s" if value == 0 else f"{1000 * value:.1f} ms"


def dollars(value: float) -> str:
    """``$0.0042``, ``$1.20``, ``$1,240``."""
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 100:
        return f"{sign}${size:,.0f}"
    if size >= 0.995 or size == 0:
        return f"{sign}${size:,.2f}"
    return f"{sign}${size:.2g}" if size >= 0.0001 else f"{sign}under $0.0001"


def span(value: Range, say: str) -> str:
    """An interval's two ends: ``1.2 s to 3.4 s``; one figure where they read the same."""
    form = seconds if say == "seconds" else dollars
    low, high = form(value.low), form(value.high)
    return low if low == high else f"{low} to {high}"


def headline(finding: Finding) -> str:
    """A saving in a few words, dollars and seconds; says so where there is no figure.

    A month is named once a day of calls was seen; before that it would be an extrapolation from an hour.
    """
    saving = finding.saving
    parts: list[str] = []
    money = _money(saving)
    if money is not None and not money.startswith(_DEARER):
        parts.append(money)
    if (latency := saving.latency_s) is not None and latency.expected > 0:
        parts.append(f"{seconds(latency.expected)} a call")
    if money is not None and money.startswith(_DEARER):
        parts.append(money)
    failed, n = finding.evidence.get("calls_failed"), finding.evidence.get("n")
    if isinstance(failed, int) and isinstance(n, int) and failed:
        parts.append(f"{failed:,} of {n:,} calls lost")
    return ", ".join(parts) if parts else "risk, no figure"


def _money(saving: Saving) -> str | None:
    month, each = saving.usd_per_month, saving.usd_per_1000_calls
    if month is not None and month.expected != 0 and (each is None or not saving.at_this_rate):
        return _saved(month.expected, f"a month{' at this rate' if saving.at_this_rate else ''}")
    if each is not None and each.expected != 0:
        return _saved(each.expected, "per 1,000 calls")
    return None


def _saved(usd: float, per: str) -> str:
    """What is spared; of a change that buys time for money, what it costs."""
    return f"{dollars(usd)} {per}" if usd > 0 else f"{_DEARER}{dollars(-usd)} {per} more"


#: Where a saving's figure comes from, for who reads of it for the first time.
METHODS: Final[Mapping[Method, str]] = {
    "measured": "Measured on the recorded calls",
    "replayed": "Told by running the recorded calls again with the change",
    "modelled": "Estimated from the recorded calls",
}


def saving_lines(saving: Saving) -> list[str]:
    """Each figure of a saving with its interval and where it comes from."""
    lines: list[str] = []
    for name, value in (("a call", saving.latency_s), ("for the slowest 5 %", saving.latency_p95_s)):
        if value is not None:
            lines.append(f"{seconds(value.expected)} {name}{_interval(value, 'seconds')}")
    if (each := saving.usd_per_1000_calls) is not None:
        lines.append(f"{dollars(each.expected)} per 1,000 calls{_interval(each, 'dollars')}")
    if (money := saving.usd_per_month) is not None:
        rate = ", at this rate: under 24 hours of calls were seen" if saving.at_this_rate else ""
        lines.append(f"{dollars(money.expected)} a month ({span(money, 'dollars')}{rate})")
    return lines


def _interval(value: Range, say: str) -> str:
    """The ends in brackets; nothing where they are the figure itself."""
    ends = span(value, say)
    return f" ({ends})" if " to " in ends else ""


def total(audit: Audit) -> str | None:
    """What all findings save together, in words; None where nothing is known."""
    if audit.total is None:
        return None
    month, each = audit.total.usd_per_month, audit.total.usd_per_1000_calls
    if month is None or month.expected == 0:
        return None
    if each is None or not audit.total.at_this_rate:
        return f"{dollars(month.expected)} a month{_interval(month, 'dollars')}"
    return (
        f"{dollars(each.expected)} per 1,000 calls of this mix{_interval(each, 'dollars')}; at the rate of the "
        f"{seconds(_watched(audit))} seen {dollars(month.expected)} a month"
    )


def _watched(audit: Audit) -> float:
    return 0.0 if audit.since is None or audit.until is None else (audit.until - audit.since).total_seconds()


def quiet(audit: Audit) -> str | None:
    """The services that nothing was found in; None where there are none."""
    named = [f"{clean(one.service or 'unknown service')} ({one.n_calls:,} calls)" for one in audit.quiet]
    return f"No rule found anything in {', '.join(named)}." if named else None


def period(audit: Audit) -> str:
    """From when to when calls were seen, UTC."""
    if audit.since is None or audit.until is None:
        return ""
    if audit.since.date() == audit.until.date():
        return f"{audit.since:%d %b %Y %H:%M} to {audit.until:%H:%M} UTC"
    return f"{audit.since:%d %b %Y %H:%M} to {audit.until:%d %b %Y %H:%M} UTC"


def where(finding: Finding, audit: Audit) -> str:
    """The finding's site, safe to show."""
    return clean(finding.site.label(audit.source_root))


def evidence_lines(evidence: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The numbers of a finding as label and value; times and dollars with their unit."""
    lines: list[tuple[str, str]] = []
    for name, value in evidence.items():
        if name in {"n", "window", "traces"} or isinstance(value, dict):
            continue
        lines.append(_evidence(name, value))
    return lines


def _evidence(name: str, value: Json) -> tuple[str, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _measured(name, value)
    label = name.replace("_", " ")
    if isinstance(value, list):
        return label, clean(", ".join(str(one) for one in value))
    return label, clean(str(value))


def _measured(name: str, value: float) -> tuple[str, str]:
    """A number with the unit that its name says: `_s`, `_usd` (or `usd_`), `_share`."""
    words = name.split("_")
    if words[-1] == "s":
        return _label(words[:-1]), seconds(value)
    if "usd" in words:
        told = words[:-1] if words[-1] == "usd" else ["cost" if word == "usd" else word for word in words]
        return _label(told), dollars(value)
    if words[-1] == "share":
        return f"{_label(words[:-1])} (share)", f"{100 * value:.0f} %"
    whole = float(value).is_integer() or abs(value) >= 100
    return _label(words), f"{value:,.0f}" if whole else f"{value:.3g}"


def _label(words: Sequence[str]) -> str:
    """Words for a reader: `input_tokens_p50` is ``input tokens (median)``."""
    spelled = {"p50": "(median)", "p95": "(95th percentile)", "1000": "1,000"}
    return " ".join(spelled.get(word, word) for word in words)


def moment(value: datetime | None) -> str | None:
    """ISO 8601, UTC."""
    return None if value is None else f"{value:%Y-%m-%dT%H:%M:%SZ}"
